"""Conditions that hold always or never, given the words of what they compare."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ..datapath import SUM, WEIGHT, Condition, conditions
from ..document.nodes import Fault, Path
from ..ops.base import Registers, names_in
from ..ops.interval import Interval, IntervalOps
from .analysis import Ranges, given, given_connection, held, spans, sum_scope, weight_scope
from .connection import Connection
from .schema import NeuronClass, Profile
from .walk import branches, each_condition, listed, writes

Stages = Iterable[tuple[Path, Any]]


def when_doubts(profile: Profile) -> Iterator[Fault]:
    """Every condition of a profile without faults that decides nothing, and every branch that is never reached."""
    for name, neuron in profile.neurons.items():
        path: Path = ("neurons", name)
        ranges, start = held(profile, neuron), given(profile, neuron)
        yield from _stage_doubts(_prepared(path, neuron), start | _written(neuron))
        yield from _stage_doubts(writes(path, neuron), ranges)
        yield from _branch_doubts(path, neuron, ranges)
        for kind, event in profile.events.items():
            fields = {field: spans(word) for field, word in event.fields.items()}
            yield from _stage_doubts(listed(("events", kind, "do"), event.do), ranges | fields)
    for name, connection in profile.connections.items():
        path = ("connections", name)
        start = given_connection(profile, connection)
        yield from _stage_doubts(_prepared(path, connection), start | _written(connection))
        formats = list(listed((*path, "weight", "format"), connection.weight.format))
        yield from _stage_doubts(formats, _widened(weight_scope(profile, connection), WEIGHT, formats))
        if connection.sum is not None:
            then = list(listed((*path, "sum", "then"), connection.sum.then))
            yield from _stage_doubts(then, _widened(sum_scope(profile, connection), SUM, then))


def _prepared(path: Path, place: NeuronClass | Connection) -> Stages:
    return listed((*path, "prepare"), place.prepare)


def _written(place: NeuronClass | Connection) -> Ranges:
    """Derived values while they are computed."""
    return {name: spans(word) for name, word in place.derived.items()}


def _widened(ranges: Ranges, register: str, stages: Stages) -> Ranges:
    """What `register` holds between stages that write it, too."""
    own = ranges[register]
    for _, stage in stages:
        own = own if stage.word is None else own.join(spans(stage.word))
    return ranges | {register: own}


def _stage_doubts(stages: Stages, ranges: Ranges) -> Iterator[Fault]:
    for place, stage in stages:
        if stage.when is not None:
            for at, condition in each_condition((*place, "when"), stage.when):
                yield from _decided(at, condition, ranges)


def _branch_doubts(path: Path, neuron: NeuronClass, ranges: Ranges) -> Iterator[Fault]:
    """Branches of a fire that are taken always or never, for all or for some values of a parameter."""
    earlier: list[tuple[str, set[Condition]]] = []
    for place, branch in branches(path, neuron):
        needed = {condition for _, condition in conditions(branch.when)}
        first = next((name for name, theirs in earlier if theirs <= needed), None)
        if first is not None and neuron.relay is None:
            yield Fault((*place, "when"), f"is never reached: {first} takes whatever it could")
        earlier.append((f"branches[{place[-1]}]", needed))
        for at, condition in each_condition((*place, "when"), branch.when):
            decided = list(_decided(at, condition, ranges))
            yield from decided
            if not decided and len(needed) == 1:
                yield from _partly_decided(at, condition, neuron, ranges)


def _decided(path: Path, condition: Condition, ranges: Ranges) -> Iterator[Fault]:
    """A condition that is never true, or always."""
    found = _verdict(condition, ranges)
    if found:
        names = dict.fromkeys(name for side in (0, 2) for name in names_in(condition[side]))
        held_by = ", ".join(f"{name} holds {ranges[name].lo} to {ranges[name].hi}" for name in names)
        yield Fault(path, f"is {found} true: {held_by}")


def _partly_decided(path: Path, condition: Condition, neuron: NeuronClass, ranges: Ranges) -> Iterator[Fault]:
    """A register against a parameter, some of whose values the register does not reach."""
    sides = {condition[0], condition[2]}
    moving = sides & neuron.registers.keys()
    fixed = next((str(side) for side in sides - moving if side in ranges), None)
    if len(moving) != 1 or fixed is None:
        return
    (register,) = map(str, moving)
    (low, high), values = ranges[register], ranges[fixed]
    for part, where in (
        (Interval(high + 1, values.hi), f"above {high}"),
        (Interval(values.lo, low - 1), f"below {low}"),
    ):
        found = _verdict(condition, ranges | {fixed: part}) if part.lo <= part.hi else None
        if found:
            yield Fault(path, f"is {found} true for a {fixed} {where}: {register} holds {low} to {high}")


def _verdict(condition: Condition, ranges: Ranges) -> str | None:
    """`never`, `always`, or None where it depends."""
    left, relation, right = condition
    regs = Registers(IntervalOps(), {}, dict(ranges))
    flag = regs.ops.compare(regs[left], relation, regs[right])
    if not flag.true:
        return "never"
    return None if flag.false else "always"
