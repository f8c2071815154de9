"""Lines of source text as they are recorded: assignments, loops and comments, and which of them something rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Let:
    """A variable's one assignment. bits: None of a flag."""

    name: str
    bits: int | None
    expression: str


@dataclass(frozen=True)
class Carried:
    """A variable of a loop: what it starts from, and what each round leaves. bits: None of a flag."""

    name: str
    bits: int | None
    start: str
    after: str


@dataclass(frozen=True)
class Loop:
    """Rounds of `body`, `most` at most, as long as `condition`, which the body computes first, holds.

    guard: how many lines of the body compute the condition.
    """

    carried: tuple[Carried, ...]
    guard: tuple[Any, ...]
    condition: str
    body: tuple[Any, ...]
    most: int


@dataclass(frozen=True)
class Note:
    """A comment."""

    text: str


Line = Let | Loop | Note
_IDENTIFIER = re.compile(r"[A-Za-z_]\w*")


def identifiers(text: str) -> set[str]:
    """Every word of a text that may be a variable."""
    return set(_IDENTIFIER.findall(text))


def needed(lines: Iterable[Line], wanted: set[str]) -> list[Line]:
    """The lines that `wanted` rests on, comments included; what these read is added to `wanted`."""
    kept: list[Line] = []
    for line in reversed(list(lines)):
        if isinstance(line, Note):
            kept.append(line)
        elif isinstance(line, Let):
            if line.name in wanted:
                kept.append(line)
                wanted |= identifiers(line.expression)
        elif any(each.name in wanted for each in line.carried):
            inner = identifiers(" ".join([line.condition, *(each.after for each in line.carried)]))
            body, guard = tuple(needed(line.body, inner)), tuple(needed(line.guard, inner))
            kept.append(Loop(line.carried, guard, line.condition, body, line.most))
            wanted |= inner | identifiers(" ".join(each.start for each in line.carried))
    return kept[::-1]
