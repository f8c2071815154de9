"""What computes, but is hardly meant: a neuron that never fires, a register or a class that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from ..datapath import Condition
from ..document.nodes import Fault, Path
from ..ops.base import Relation, names_in
from ..ops.interval import Interval, IntervalOps
from .analysis import held
from .schema import Connection, NeuronClass, Profile
from .walk import Operand, branches, condition_operands, crossings, each_condition, listed, stage_operands, writes


def find_doubts(profile: Profile) -> list[Fault]:
    """Everything in a profile without faults that deserves a warning."""
    doubts = []
    for name, neuron in profile.neurons.items():
        path: Path = ("neurons", name)
        doubts += [*_unread(path, profile, name), *_crossing_doubts(path, profile, neuron)]
        if all(connection.target != name for connection in profile.connections.values()):
            doubts.append(Fault(path, "no connection reaches it", key=True))
    for name, connection in profile.connections.items():
        doubts += _unread_of_connection(("connections", name), connection)
    return doubts


def _unread(path: Path, profile: Profile, name: str) -> Iterator[Fault]:
    """Registers, parameters and derived values that no stage reads, but for a register's own writes."""
    neuron, read = profile.neurons[name], set[str]()
    items = [*neuron.prepare, *(item for event in profile.events.values() for item in event.do)]
    for connection in profile.connections.values():
        if connection.target == name:
            items += [*connection.weight.format, *(connection.sum.then if connection.sum else ())]
    for place, stage in [*writes(path, neuron), *listed(path, items)]:
        read.update(operand for _, operand in stage_operands(place, stage) if operand != stage.into)
    for place, condition in crossings(path, neuron):
        read.update(operand for _, operand in condition_operands(place, condition))
    read.update(branch.emit for _, branch in branches(path, neuron) if isinstance(branch.emit, str))
    if neuron.output_unless is not None:
        read.update(names_in(neuron.output_unless))
    for kind in ("registers", "parameters", "derived"):
        for unread in getattr(neuron, kind).keys() - read:
            yield Fault((*path, kind, unread), "nothing reads it", key=True)


def _unread_of_connection(path: Path, connection: Connection) -> Iterator[Fault]:
    items = [*connection.prepare, *connection.weight.format, *(connection.sum.then if connection.sum else ())]
    read = {operand for place, stage in listed(path, items) for _, operand in stage_operands(place, stage)}
    for kind in ("parameters", "source_parameters", "synapse_parameters", "derived"):
        for name in getattr(connection, kind).keys() - read:
            yield Fault((*path, kind, name), "nothing reads it", key=True)


def _crossing_doubts(path: Path, profile: Profile, neuron: NeuronClass) -> Iterator[Fault]:
    """Branches of a fire that are taken always or never, for all or for some values of a parameter."""
    ranges = held(profile, neuron)
    for place, branch in branches(path, neuron):
        several = list(each_condition((*place, "when"), branch.when))
        for at, condition in several:
            sides = {operand for operand in (condition[0], condition[2])}
            moving = sides & neuron.registers.keys()
            if len(moving) == 1 and len(sides) == 2 and len(several) == 1:
                (register,), (fixed,) = moving, sides - moving
                if isinstance(fixed, int) or fixed in ranges:
                    yield from _doubts(at, condition, register, fixed, ranges)


def _doubts(
    path: Path, condition: Condition, register: str | int, fixed: str | int, ranges: dict[str, Interval]
) -> Iterator[Fault]:
    """`fixed`, a parameter or a literal, against the values that the register can hold."""
    low, high = holds = ranges[str(register)]
    values = Interval(fixed, fixed) if isinstance(fixed, int) else ranges[fixed]
    verdict = _verdict(condition, fixed, holds, values)
    if verdict:
        yield Fault(path, f"is {verdict} true: {register} holds {low} to {high}")
        return
    for part, where in (
        (Interval(high + 1, values.hi), f"above {high}"),
        (Interval(values.lo, low - 1), f"below {low}"),
    ):
        verdict = _verdict(condition, fixed, holds, part) if part.lo <= part.hi else None
        if verdict:
            yield Fault(path, f"is {verdict} true for a {fixed} {where}: {register} holds {low} to {high}")


def _verdict(condition: Condition, fixed: Operand, register: Interval, values: Interval) -> str | None:
    """`never`, `always`, or None where it depends."""
    left, relation, _ = condition
    sides = (values, register) if left == fixed else (register, values)
    flag = IntervalOps().compare(sides[0], Relation(relation), sides[1])
    if not flag.true:
        return "never"
    return None if flag.false else "always"
