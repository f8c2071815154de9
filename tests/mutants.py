"""Profiles with one place changed: a stage dropped or moved, a relation, a rounding, a word, a cap, a sign, a reset."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from bitspike import Profile
from bitspike.profile.check import find_faults
from bitspike.word import Overflow, Word
from pydantic import ValidationError

Path = tuple[str | int, ...]
Change = tuple[str, Any]  # what is done, and the new value

NEIGHBOURS = {">=": ">", ">": ">=", "<=": "<", "<": "<=", "==": "!=", "!=": "=="}
OTHERS = {
    "rounding": ("floor", "zero"),
    "result": ("remaining", "minus_amount"),
    "timing": ("same_step", "next_step"),
    "kernel": ("correlation", "convolution"),
    "head_keeps_slot": (True, False),
    "queued": (True, False),
    "least": (0, 1),
    "emit": (0, 1, -1),
    "reaches": ("all", "one"),
    "cap": ("none", "nonzero"),
}
OPERANDS = ("value", "by", "of", "factor", "low", "high", "terms", "when")
COUNTS = (*OPERANDS, "repeat", "cap", "depth", "shift")  # where an integer may be one more or one less
UNORDERED = ("when", "terms", "from")
SUM = {"word": "s53.refuse", "then": []}
DROPPED = object()
# what computes nothing: descriptions, what a network sets or is refused for, and what other profiles call it
PLAIN = ("schema", "name", "title", "source", "clock", "values", "limits", "quirks", "shared")


@dataclass(frozen=True)
class Mutant:
    """A profile that differs in one place."""

    place: str
    change: str
    profile: Profile

    def __str__(self) -> str:
        return f"{self.place}: {self.change}"


def changes(profile: Profile) -> Iterator[tuple[str, str, Any]]:
    """Every change of a profile, whether a profile or not: its place, what it is, and the whole as JSON data."""
    data = json.loads(profile.to_json())
    for key, value in data.items():
        if key not in PLAIN:
            for path, (change, new) in _everywhere((key,), value):
                yield ".".join(map(str, path)), change, _replaced(data, path, new)


def mutants(profile: Profile) -> Iterator[Mutant]:
    """Every mutant of a profile that is a profile: no two are the same, none is the original."""
    seen = {profile.digest}
    for place, change, data in changes(profile):
        with suppress(ValidationError):
            mutant = Profile.from_json(json.dumps(data))
            if mutant.digest not in seen and not find_faults(mutant):
                seen.add(mutant.digest)
                yield Mutant(place, change, mutant)


def _replaced(data: Any, path: Path, new: Any) -> Any:
    """A copy of nested lists and dicts with the value at `path` replaced, or left out."""
    if not path:
        return new
    step, *rest = path
    children = data.items() if isinstance(data, dict) else enumerate(data)
    kept = {key: _replaced(value, tuple(rest), new) if key == step else value for key, value in children}
    kept = {key: value for key, value in kept.items() if value is not DROPPED}
    return kept if isinstance(data, dict) else list(kept.values())


def _everywhere(path: Path, value: Any) -> Iterator[tuple[Path, Change]]:
    """Every change of a value and of what it holds."""
    for change in _changes(path, value):
        yield path, change
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _everywhere((*path, key), inner)


def _changes(path: Path, value: Any) -> Iterator[Change]:
    name = next(step for step in reversed(path) if isinstance(step, str))
    if len(path) > 1:
        yield "dropped", DROPPED
    if isinstance(value, list):
        yield from () if name in UNORDERED else _swaps(value)
    elif not isinstance(value, dict):
        yield from _of_scalar(name, value)
    elif name == "connections":
        yield from ((what, dict(items)) for what, items in _swaps(list(value.items())))
    elif name == "reaches":
        yield "all", "all"
    elif value.get("fit_per") == "source":
        yield "fit_per: step", value | {"fit_per": "step", "sum": SUM}
    elif value.get("fit_per") == "step":
        yield "fit_per: source", {key: kept for key, kept in value.items() if key != "sum"} | {"fit_per": "source"}


def _swaps(items: list[Any]) -> Iterator[Change]:
    for place, (first, second) in enumerate(pairwise(items)):
        yield f"{place} and {place + 1} swapped", [*items[:place], second, first, *items[place + 2 :]]


def _of_scalar(name: str, value: Any) -> Iterator[Change]:
    others = OTHERS.get(name, ())
    if value in others:
        yield from ((f"{value} -> {other}", other) for other in others if other != value)
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        if name in COUNTS:
            yield from ((f"{value} -> {near}", near) for near in (value - 1, value + 1))
    elif value in NEIGHBOURS:
        yield f"{value} -> {NEIGHBOURS[value]}", NEIGHBOURS[value]
    elif name in OPERANDS:
        yield "sign changed", value.removeprefix("-") if value.startswith("-") else f"-{value}"
    else:
        with suppress(ValueError):
            word = Word.parse(value)
            yield from ((f"{value} -> {other}", other) for other in _words(word))


def _words(word: Word) -> Iterator[str]:
    """Narrower and wider, by one bit or one value, and what overflows otherwise."""
    overflow, range_ = "" if word.overflow is None else f".{word.overflow}", ""
    sign = "s" if word.signed else "u"
    bits = f"<{word.width}={word.bits}>" if word.width else str(word.bits)
    if word.low is not None:
        range_ = f"({word.low}..{word.high})"
        yield f"{sign}{bits}({word.low + 1}..{word.high}){overflow}"
        yield f"{sign}{bits}({word.low}..{word.high - 1}){overflow}"
        if word.overflow is not None:  # a parameter's word is a limit: a wider one computes nothing else
            yield f"{sign}{bits}{overflow}"
    elif word.width is None:
        yield f"{sign}{word.bits - 1}{overflow}"
        if word.overflow in (Overflow.SATURATE, Overflow.WRAP):
            yield f"{sign}{word.bits + 1}{overflow}"
    else:
        yield f"{sign}{word.bits}{overflow}"  # whatever the network sets
    if word.overflow is not None:
        yield from (f"{sign}{bits}{range_}.{other}" for other in Overflow if other is not word.overflow)
