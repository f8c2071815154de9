"""What can be wrong with a kind of connection."""

from __future__ import annotations

from collections.abc import Iterator

from ..datapath import SUM, WEIGHT
from ..document.nodes import KEYS, Fault, Path
from ..ops.interval import IntervalOps
from .analysis import derived, given_connection, sum_scope, weight_scope
from .check_stages import (
    Scope,
    prepare_faults,
    reserved,
    set_faults,
    stage_faults,
    taken,
    unknown,
    unknown_or_twice,
)
from .connection import Connection
from .schema import INPUT, Profile
from .walk import listed

MOST_DELAY = 65535  # steps; each is a slot of memory for every source

_KINDS = ("parameters", "source_parameters", "synapse_parameters", "derived")


def connection_faults(path: Path, connection: Connection, profile: Profile) -> Iterator[Fault]:
    """Every fault of one kind of connection."""
    yield from _name_faults(path, connection, profile)
    classes = ("neurons", KEYS)
    sources = [INPUT, *(name for name in profile.neurons if name != INPUT)]
    yield from unknown_or_twice((*path, "from"), connection.sources, sources, (classes,))
    yield from unknown((*path, "to"), connection.target, profile.neurons, (classes,))
    if connection.target in profile.neurons:
        registers = profile.neurons[connection.target].registers
        needs = ((*path, "to"), ("neurons", connection.target, "registers", KEYS))
        yield from unknown_or_twice((*path, "into"), connection.into, registers, needs)
    start = given_connection(profile, connection)
    yield from prepare_faults(path, connection, start, derived(IntervalOps(), connection, start))
    yield from _weight_faults(path, connection, profile)
    yield from _sum_faults(path, connection, profile)
    delay = connection.delay
    if delay is not None and not 0 <= delay.word.min <= delay.word.max <= MOST_DELAY:
        found = f"found {delay.word}; allowed: a word of values from 0 to {MOST_DELAY}"
        yield Fault((*path, "delay", "word"), found)


def _name_faults(path: Path, connection: Connection, profile: Profile) -> Iterator[Fault]:
    for kind in _KINDS:
        yield from reserved((*path, kind), getattr(connection, kind))
    yield from taken(path, [(kind, getattr(connection, kind)) for kind in _KINDS])
    own = {name: kind for kind in _KINDS for name in getattr(connection, kind)}
    target = profile.neurons.get(connection.target)
    theirs = [*profile.values]
    if target is not None:
        theirs += [*target.registers, *target.parameters, *target.derived]
    for name, kind in own.items():
        if name in theirs:
            message = "names a register or parameter of the target, or a value of the profile; choose another name"
            yield Fault((*path, kind, name), message, key=True, needs=((*path, "to"), ("neurons",), ("values",)))


def _scope(path: Path, ranges: object, connection: Connection) -> Scope:
    """Names of a connection: what they hold rests on the connection's own words, and on the target's."""
    own = ((*path, "weight", "word"), (*path, "weight", "narrow"))

    def fixed_by(name: str) -> tuple[Path, ...]:
        kinds = [kind for kind in _KINDS[:3] if name in getattr(connection, kind)]
        if kinds:
            return ((*path, kinds[0], name),)
        return own if name == WEIGHT else (path, ("neurons",), ("values",))

    declared = tuple((*path, kind, KEYS) for kind in _KINDS)
    theirs = tuple(("neurons", connection.target, kind, KEYS) for kind in ("parameters", "derived"))
    return Scope(ranges, (*declared, (*path, "to"), *theirs), fixed_by)  # type: ignore[arg-type]


def _weight_faults(path: Path, connection: Connection, profile: Profile) -> Iterator[Fault]:
    weight, place = connection.weight, (*path, "weight")
    if weight.narrow and not weight.word.signed:
        message = f"found true; allowed: false, as {weight.word} holds nothing below 0"
        yield Fault((*place, "narrow"), message, needs=((*place, "word"),))
    scope = _scope(path, weight_scope(profile, connection), connection)
    for at, stage in listed((*place, "format"), weight.format):
        yield from unknown((*at, "into"), stage.into, [WEIGHT])
        yield from stage_faults(at, stage, scope)
        yield from set_faults(at, stage, None, at)
        if stage.word is None:
            message = "missing key 'word': a weight has no overflow of its own"
            yield Fault(at, message, key=True, needs=((*at, KEYS),))


def _sum_faults(path: Path, connection: Connection, profile: Profile) -> Iterator[Fault]:
    if connection.sum is None:
        if connection.fit_per == "step":
            yield Fault(
                (*path, "fit_per"),
                "found 'step'; allowed with the key 'sum', the word of a step's sum",
                needs=((*path, KEYS),),
            )
        return
    if connection.fit_per != "step":
        yield Fault((*path, "sum"), "is for fit_per: step", key=True, needs=((*path, "fit_per"),))
    scope = _scope(path, sum_scope(profile, connection), connection)
    for at, stage in listed((*path, "sum", "then"), connection.sum.then):
        yield from unknown((*at, "into"), stage.into, [SUM])
        yield from stage_faults(at, stage, scope)
        yield from set_faults(at, stage, connection.sum.word, (*path, "sum", "word"))
