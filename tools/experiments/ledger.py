"""Every finished training as one line of a JSON-lines file, so that an interrupted plan goes on where it was."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from bitspike.archive import write_text

SEARCH, FINAL = "search", "final"
Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Run:
    """One training. Accuracies are shares of samples; `test` is measured in the final phase only.

    task, family, setting: what was trained. recipe: the digest of all that the training depends on but the seed.
    rate: spikes a neuron and step on the test (search: validation) samples. proof: samples by what they were
    compared with, after every register was found equal. decided: after how many steps a test sample has the class that
    it keeps, in the mean; older runs lack it.
    """

    task: str
    family: str
    setting: str
    phase: str
    seed: int
    recipe: str
    validation: float
    test: float | None
    epochs: int
    rate: float
    seconds: float
    proof: dict[str, int] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    decided: float | None = None

    def __str__(self) -> str:
        found = self.validation if self.test is None else self.test
        return f"{self.task}, {self.phase}, {self.family} {self.setting}, seed {self.seed}: {found:.2%}"

    @property
    def key(self) -> Key:
        """What makes a second training of the same needless."""
        return self.task, self.phase, self.recipe, self.seed


class Ledger:
    """The finished runs of a file, which may be absent. Raises ValueError, naming the line, for a damaged file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.runs = list(_read(path)) if path.exists() else []

    def find(self, key: Key) -> Run | None:
        """The last run of this key, if one was finished."""
        return next((run for run in reversed(self.runs) if run.key == key), None)

    def add(self, run: Run) -> None:
        """Append a run: the file holds all of its line or none."""
        lines = [json.dumps(asdict(each), sort_keys=True) + "\n" for each in (*self.runs, run)]
        write_text(self.path, "".join(lines))
        self.runs.append(run)


def _read(path: Path) -> Iterator[Run]:
    known = {each.name for each in fields(Run)}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            values: dict[str, Any] = json.loads(line)
            if set({"decided": None} | values) != known:
                raise ValueError(f"found keys {sorted(values)}; allowed: {sorted(known)}")
            yield Run(**values)
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}:{number}: not a run: {error}") from None
