"""What computes, but is hardly meant: a neuron that never fires, a register or a class that nothing uses."""

from __future__ import annotations

from collections.abc import Iterator

from ..datapath import Condition
from ..document.nodes import Fault, Path
from ..ops.base import Relation
from ..ops.interval import Interval, IntervalOps
from .analysis import held
from .schema import Connection, NeuronClass, Profile
from .walk import Operand, condition_operands, crossings, stage_operands, writes


def find_doubts(profile: Profile) -> list[Fault]:
    """Everything in a profile without faults that deserves a warning."""
    doubts = []
    for name, neuron in profile.neurons.items():
        path: Path = ("neurons", name)
        doubts += [*_unread(path, neuron), *_crossing_doubts(path, neuron)]
        if all(connection.target != name for connection in profile.connections.values()):
            doubts.append(Fault(path, "no connection reaches it", key=True))
    for name, connection in profile.connections.items():
        doubts += _unread_of_weight(("connections", name), connection)
    return doubts


def _unread(path: Path, neuron: NeuronClass) -> Iterator[Fault]:
    """Registers and parameters that no stage reads, but for a register's own writes."""
    read: set[Operand] = set()
    for place, stage in writes(path, neuron):
        read.update(operand for _, operand in stage_operands(place, stage) if operand != stage.into)
    for place, condition in crossings(path, neuron):
        read.update(operand for _, operand in condition_operands(place, condition))
    for kind, names in (("registers", neuron.registers), ("parameters", neuron.parameters)):
        for name in names:
            if name not in read:
                yield Fault((*path, kind, name), "nothing reads it", key=True)


def _unread_of_weight(path: Path, connection: Connection) -> Iterator[Fault]:
    read = {operand for item in connection.weight.format for _, operand in stage_operands(path, item.stage)}
    for name in connection.parameters:
        if name not in read:
            yield Fault((*path, "parameters", name), "nothing reads it", key=True)


def _crossing_doubts(path: Path, neuron: NeuronClass) -> Iterator[Fault]:
    """Branches of a fire that are taken always or never, for all or for some values of a parameter."""
    ranges = held(neuron)
    for place, condition in crossings(path, neuron):
        sides = {operand for _, operand in condition_operands(place, condition)}
        moving = sides & neuron.registers.keys()
        if len(moving) == 1 and len(sides) == 2:
            (register,), (fixed,) = moving, sides - moving
            yield from _doubts(place, condition, register, fixed, ranges)


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
