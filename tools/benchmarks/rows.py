"""What is measured, row by row, and how it is printed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .machine import machine
from .timing import Figure, Times


@dataclass(frozen=True)
class Settings:
    """full: the whole grid. only: of rows whose name contains it. steps: of a run. seconds: to time a row for.

    noisy: refused figures are shown beside the reason.
    """

    full: bool = False
    only: str = ""
    steps: int = 100
    seconds: float = 3.0
    noisy: bool = False


@dataclass(frozen=True)
class Target:
    """What a figure should reach: at least, or at most, `bound`."""

    bound: float
    at_least: bool = True

    def met(self, value: float) -> bool:
        """Whether a figure reaches it."""
        return value >= self.bound if self.at_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.at_least else '<='} {self.bound:,g}"


@dataclass(frozen=True)
class Row:
    """One figure. unit: 'x' of a ratio. ours, theirs: median seconds. refused: why there is no figure."""

    name: str
    figure: Figure | None
    unit: str = "x"
    target: Target | None = None
    ours: float | None = None
    theirs: float | None = None
    threads: int = 1
    facts: Mapping[str, Any] = field(default_factory=dict)
    skipped: str | None = None

    @property
    def refused(self) -> str | None:
        """Why the figure is not given."""
        return self.skipped or (self.figure.refusal if self.figure else "not measured")

    @property
    def value(self) -> float | None:
        """The figure, unless it is refused."""
        return None if self.refused or self.figure is None else self.figure.value

    @property
    def verdict(self) -> str | None:
        """'pass' or 'miss' where there is a target and a figure."""
        if self.target is None or self.value is None:
            return None
        return "pass" if self.target.met(self.value) else "miss"

    def as_json(self) -> str:
        """One object, with the machine that it was measured on."""
        data = {
            "name": self.name,
            "ratio": self.value if self.unit == "x" else None,
            "figure": self.value,
            "unit": self.unit,
            "spread": self.figure.spread if self.figure else None,
            "others": self.figure.others if self.figure else None,
            "ours": self.ours,
            "theirs": self.theirs,
            "threads": self.threads,
            "target": str(self.target) if self.target else None,
            "verdict": self.verdict,
            "refused": self.refused,
            **self.facts,
            "machine": machine(),
        }
        return json.dumps(data)

    def as_line(self, noisy: bool = False) -> str:
        """One line of a table. noisy: with a refused figure, in brackets."""
        shown = f"{_short(self.value)} {self.unit}" if self.value is not None else str(self.refused)
        if noisy and self.value is None and self.figure is not None:
            shown += f" ({_short(self.figure.value)} {self.unit})"
        aim = f"{self.target} {self.verdict or ''}".strip() if self.target else ""
        spread = f"{self.figure.spread:.0%}" if self.figure else ""
        times = (_seconds(self.ours), _seconds(self.theirs))
        cells = (f"{self.name:<44}", f"{shown:>14}", f"{aim:<14}", f"{spread:>6}", *(f"{t:>9}" for t in times))
        notes = ", ".join(f"{name} {_note(value)}" for name, value in self.facts.items())
        return f"{'  '.join(cells)}  {self.threads:>3}  {notes}".rstrip()


HEADER = f"{'row':<44}  {'figure':>14}  {'target':<14}  {'spread':>6}  {'ours':>9}  {'theirs':>9}  thr  facts"


@dataclass(frozen=True)
class Bench:
    """A row that is not yet measured."""

    name: str
    measure: Callable[[], Row]


def compared(name: str, times: Times, threads: int, target: Target | None = None, **facts: Any) -> Row:
    """How many times faster ours, the first call, is than theirs, the second."""
    figure = times.figure(times.seconds[1] / times.seconds[0])
    return Row(name, figure, "x", target, times.median(0), times.median(1), threads, facts)


def report(benches: Iterable[Bench], settings: Settings, as_json: bool) -> int:
    """Measure and print; exit status 2 where no row has such a name."""
    chosen = [bench for bench in benches if settings.only in bench.name]
    if not chosen:
        print(f"--only: found {settings.only!r}; allowed: a part of a row's name", file=sys.stderr)
        return 2
    if not as_json:
        print(machine(), HEADER, sep="\n", flush=True)
    for bench in chosen:
        row = bench.measure()
        print(row.as_json() if as_json else row.as_line(settings.noisy), flush=True)
    return 0


def _short(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    factor, unit = next((f, u) for f, u in ((1.0, "s"), (1e3, "ms"), (1e6, "us")) if value * f >= 1 or u == "us")
    return f"{value * factor:.3g} {unit}"


def _note(value: Any) -> str:
    if isinstance(value, Mapping):
        return " ".join(f"{name} {_note(inner)}" for name, inner in value.items())
    return _short(value) if isinstance(value, float) else str(value)
