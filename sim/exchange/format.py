"""What an export format is: its name, what it writes, its writer and, where it reads back, its reader."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from ..errors import InputError, suggest
from ..network import Network

Path = str | os.PathLike[str]
Writer = Callable[..., list[str]]  # (network, path, **options) -> the names of the files written
Reader = Callable[[Path], Network]
Reporter = Callable[[Network, Any], "Report"]  # (network, input or None)


class Report(Protocol):
    """What is known of what was written, besides what the network itself needs."""

    def json(self) -> dict[str, Any]:
        """Plain data."""

    def rows(self) -> list[tuple[str, str]]:
        """A table's rows: what, and how much."""


@dataclass(frozen=True)
class Option:
    """An argument of a writer: on the command line `--name VALUE`, with '-' for '_'. kind None: only in Python."""

    name: str
    help: str
    kind: Callable[[str], object] | None = str
    choices: Sequence[str] | None = None

    @property
    def flag(self) -> str:
        """How the command line spells it."""
        return "--" + self.name.replace("_", "-")


@dataclass(frozen=True)
class Format:
    """One format. `writes`: a few words for the help; `read`: None where what is written does not read back.

    report: what is measured of it, if anything is.
    """

    name: str
    writes: str
    write: Writer
    read: Reader | None = None
    options: tuple[Option, ...] = ()
    report: Reporter | None = None

    def check(self, given: Iterable[str]) -> None:
        """Raise InputError for an option by a name that the format does not have."""
        known = [option.name for option in self.options]
        for name in given:
            if name not in known:
                allowed = ", ".join(known) or f"none, as {self.name} has no options"
                raise InputError(f"option: found {name!r}; allowed: {allowed}{suggest(name, known)}")
