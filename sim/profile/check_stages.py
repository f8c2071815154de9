"""What can be wrong with a stage, whatever list it stands in: its operands, shifts, literals and words."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from ..datapath import SPIKES, SUM, WEIGHT, Divide, Set, Shift, Shrink
from ..document.nodes import KEYS, Fault, Path
from ..document.wording import found_but
from ..ops.base import names_in
from ..ops.interval import Interval
from ..word import Word
from .analysis import WEIGHT_MAX, WEIGHT_MIN
from .schema import INPUT
from .walk import listed, stage_operands

RESERVED = (SPIKES, INPUT, WEIGHT, SUM, WEIGHT_MIN, WEIGHT_MAX)
MAX_SHIFT = 63  # the most that every interpreter shifts a 64-bit integer by

Needs = tuple[Path, ...]  # what a fault rests on, besides the place that it names


class Scope(NamedTuple):
    """The names that a stage may read, each with what it can hold."""

    ranges: Mapping[str, Interval]
    declared: Needs  # the keys that are the names
    fixed_by: Callable[[str], Needs]  # what the range of a name rests on


def stage_faults(path: Path, stage: Any, scope: Scope) -> Iterator[Fault]:
    """Operands that do not exist, and shifts and quotients that cannot be made."""
    yield from unknown_operands(stage_operands(path, stage), scope)
    by = getattr(stage, "by", 0)
    span = Interval(by, by) if isinstance(by, int) else _span(by, scope)
    low, high = _allowed_by(stage)
    if span.lo < low or (high is not None and span.hi > high):
        found = by if isinstance(by, int) else f"'{by}', which holds {span.lo} to {span.hi}"
        needs = () if isinstance(by, int) else tuple(place for name in names_in(by) for place in scope.fixed_by(name))
        allowed = f"{low} or more" if high is None else f"{low} to {high}"
        also = "; below 0 with the key 'rounding'" if isinstance(stage, Shift) and span.lo < 0 and low == 0 else ""
        yield Fault((*path, "by"), f"found {found}; allowed: {allowed}{also}", needs=(*needs, (*path, KEYS)))


def _span(operand: str, scope: Scope) -> Interval:
    """What an operand can hold; anything allowed where it does not exist, which is a fault of its own."""
    names = names_in(operand)
    if any(name not in scope.ranges for name in names):
        return Interval(1, 1)
    ends = [1]
    for name in names:
        ends = [a * b for a in ends for b in scope.ranges[name]]
    if operand.startswith("-"):
        ends = [-end for end in ends]
    return Interval(min(ends), max(ends))


def _allowed_by(stage: Any) -> tuple[int, int | None]:
    if isinstance(stage, Shrink):
        return 0, None
    if isinstance(stage, Divide):
        return 1, None
    rounds = isinstance(stage, Shift) and stage.rounding is not None
    return -MAX_SHIFT if rounds else 0, MAX_SHIFT


def set_faults(path: Path, stage: Any, own: Word | None, register: Path) -> Iterator[Fault]:
    """A literal that its register does not hold."""
    word = stage.word or own
    if isinstance(stage, Set) and isinstance(stage.value, int) and word and stage.value not in word:
        needs = ((*path, "word"), (*path, KEYS), *(((*path, "into"), register) if stage.word is None else ()))
        yield Fault((*path, "value"), f"found {stage.value}; allowed: {word.min} to {word.max}", needs=needs)


def prepare_faults(
    path: Path, place: Any, start: Mapping[str, Interval], ranges: Mapping[str, Interval]
) -> Iterator[Fault]:
    """`prepare` writes each derived value before it reads it, and writes nothing else.

    `start`: what it may read from the beginning; `ranges`: what each derived value can hold in the end.
    """
    derived, written = place.derived, dict[str, Interval]()
    declared = tuple((*path, kind, KEYS) for kind in ("parameters", "derived"))
    for at, stage in listed((*path, "prepare"), place.prepare):
        yield from unknown((*at, "into"), stage.into, derived, declared[1:])
        scope = Scope({**start, **written}, (*declared, (*path, "prepare")), lambda _: (path,))
        yield from stage_faults(at, stage, scope)
        yield from set_faults(at, stage, derived.get(stage.into), (*path, "derived", stage.into))
        if stage.into in ranges:
            written[stage.into] = ranges[stage.into]
    for name in derived:
        if name not in written:
            yield Fault(
                (*path, "derived", name), "no stage of 'prepare' writes it", key=True, needs=((*path, "prepare"),)
            )


def reserved(path: Path, names: Collection[str]) -> Iterator[Fault]:
    """Names that mean something already."""
    for name in RESERVED:
        if name in names:
            yield Fault((*path, name), "is a reserved name; choose another", key=True)


def taken(path: Path, kinds: Iterable[tuple[str, Collection[str]]]) -> Iterator[Fault]:
    """Names that an earlier one of the kinds has already."""
    seen: dict[str, str] = {}
    for kind, names in kinds:
        for name in names:
            if name in seen:
                message = f"is a {seen[name]} already; choose another name"
                yield Fault((*path, kind, name), message, key=True)
            seen.setdefault(name, _SINGULAR[kind])


_SINGULAR = {
    "registers": "register",
    "parameters": "parameter",
    "source_parameters": "parameter",
    "synapse_parameters": "parameter",
    "derived": "derived value",
    "values": "value of the profile",
}


def unknown_operands(operands: Iterable[tuple[Path, str]], scope: Scope) -> Iterator[Fault]:
    """Operands that name nothing."""
    for place, operand in operands:
        if operand not in scope.ranges:
            allowed = ", ".join([*scope.ranges, "an integer"])
            yield Fault(place, found_but(operand, allowed), needs=scope.declared)


def unknown_or_twice(path: Path, found: tuple[str, ...], names: Collection[str], needs: Needs) -> Iterator[Fault]:
    """Entries of a list of names that exist, each once."""
    for index, name in enumerate(found):
        yield from unknown((*path, index), name, names, needs)
        if name in found[:index]:
            yield Fault((*path, index), f"found '{name}' twice; allowed: once")


def unknown(path: Path, name: str, names: Collection[str], needs: Needs = (), key: bool = False) -> Iterator[Fault]:
    """A name that is not among `names`."""
    if name not in names:
        yield Fault(path, found_but(name, ", ".join(names) or "none, as there are none"), key, needs=needs)
