"""What a schema cannot say about a profile: every name exists, every value has a place, every step is computable."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..datapath import SPIKES, WEIGHT, Set
from ..ops.interval import Interval
from ..word import MAX_BITS, Word
from ..wording import found_but
from ..yaml_nodes import Fault, Path
from .analysis import held, spans, widest
from .schema import INPUT, Connection, NeuronClass, Profile
from .walk import Operand, condition_operands, crossings, stage_operands, writes

RESERVED = (SPIKES, INPUT, WEIGHT)
MAX_SHIFT = 63  # the most that every interpreter shifts a 64-bit integer by


class ProfileWarning(UserWarning):
    """Something in a profile that computes, but is hardly meant."""


def find_faults(profile: Profile) -> list[Fault]:
    """Everything that keeps a profile of the right shape from being run; empty if nothing does."""
    faults = [*_class_name_faults(profile), *_limit_faults(profile)]
    for name, neuron in profile.neurons.items():
        faults += _neuron_faults(("neurons", name), neuron, delivered(profile, name))
    for name, connection in profile.connections.items():
        faults += _connection_faults(("connections", name), connection, profile)
    faults += _width_faults(profile, {fault.path[:2] for fault in faults})
    return faults


def delivered(profile: Profile, class_name: str) -> set[str]:
    """The registers of a class that a connection writes."""
    return {name for c in profile.connections.values() if c.target == class_name for name in c.into}


def _class_name_faults(profile: Profile) -> Iterator[Fault]:
    if INPUT in profile.neurons:
        yield Fault(("neurons", INPUT), "names a network's input channels; choose another name", key=True)


def _limit_faults(profile: Profile) -> Iterator[Fault]:
    limits = profile.limits
    yield from _unknown_limits("neurons", limits.neurons, profile.neurons)
    for kind in ("fan_in", "sources", "targets"):
        yield from _unknown_limits(kind, getattr(limits, kind), profile.connections)


def _unknown_limits(kind: str, limited: Collection[str], names: Collection[str]) -> Iterator[Fault]:
    for name in limited:
        yield from _unknown(("limits", kind, name), name, names, key=True)


def _neuron_faults(path: Path, neuron: NeuronClass, written: set[str]) -> Iterator[Fault]:
    yield from _reserved((*path, "registers"), neuron.registers)
    yield from _reserved((*path, "parameters"), neuron.parameters)
    for name in neuron.parameters:
        if name in neuron.registers:
            yield Fault((*path, "parameters", name), "is a register already; choose another name", key=True)
    ranges, read = held(neuron), set[Operand]()
    yield from _delivery_faults((*path, "registers"), neuron, ranges, written)
    for place, stage in writes(path, neuron):
        yield from _unknown((*place, "into"), stage.into, neuron.registers)
        yield from _stage_faults(place, stage, ranges)
        yield from _set_faults(place, stage, neuron.registers.get(stage.into))
        read.update(operand for _, operand in stage_operands(place, stage))
        written = written | {stage.into}
    for place, condition in crossings(path, neuron):
        yield from _unknown_operands(condition_operands(place, condition), ranges)
        read.update((condition[0], condition[2]))
    for name in neuron.registers:
        if name in read and name not in written:
            yield Fault((*path, "registers", name), "is read, but no stage and no connection writes it", key=True)
    yield from _fire_faults(path, neuron)


def _delivery_faults(
    path: Path, neuron: NeuronClass, ranges: dict[str, Interval], written: set[str]
) -> Iterator[Fault]:
    """Registers that could exceed the word of an arriving spike: whether a weight of 0 arrives would then matter."""
    for name, word in neuron.registers.items():
        if name in written and ranges[name] != spans(word):
            low, high = ranges[name]
            message = f"spikes arrive as {word}, but a stage writes {low} to {high}; allowed: {word.min} to {word.max}"
            yield Fault((*path, name), message, key=True)


def _fire_faults(path: Path, neuron: NeuronClass) -> Iterator[Fault]:
    places = [(*path, "step", index, "fire") for index, stage in enumerate(neuron.stages) if stage.key == "fire"]
    if not places:
        yield Fault((*path, "step"), "found no fire; allowed: one in a step", key=True)
    for place in places[1:]:
        yield Fault(place, "found another fire; allowed: one in a step", key=True)


def _stage_faults(path: Path, stage: Any, ranges: dict[str, Interval]) -> Iterator[Fault]:
    """Operands that do not exist, and shifts that cannot be made."""
    yield from _unknown_operands(stage_operands(path, stage), ranges)
    by = getattr(stage, "by", 0)
    shift = Interval(by, by) if isinstance(by, int) else ranges.get(by, Interval(0, 0))
    if shift.lo < 0 or shift.hi > MAX_SHIFT:
        found = by if isinstance(by, int) else f"'{by}', which holds {shift.lo} to {shift.hi}"
        yield Fault((*path, "by"), f"found {found}; allowed: 0 to {MAX_SHIFT}")


def _set_faults(path: Path, stage: Any, own: Word | None) -> Iterator[Fault]:
    word = stage.word or own
    if isinstance(stage, Set) and isinstance(stage.value, int) and word and stage.value not in word:
        yield Fault((*path, "value"), f"found {stage.value}; allowed: {word.min} to {word.max}")


def _connection_faults(path: Path, connection: Connection, profile: Profile) -> Iterator[Fault]:
    yield from _reserved((*path, "parameters"), connection.parameters)
    yield from _unknown_or_twice(
        (*path, "from"), connection.sources, [INPUT, *(name for name in profile.neurons if name != INPUT)]
    )
    yield from _unknown((*path, "to"), connection.target, profile.neurons)
    if connection.target in profile.neurons:
        registers = profile.neurons[connection.target].registers
        yield from _unknown_or_twice((*path, "into"), connection.into, registers)
    weight = connection.weight
    if weight.narrow and not weight.word.signed:
        yield Fault((*path, "weight", "narrow"), f"found true; allowed: false, as {weight.word} holds nothing below 0")
    ranges = {WEIGHT: Interval(*weight.range)} | {name: spans(word) for name, word in connection.parameters.items()}
    for index, item in enumerate(weight.format):
        place = (*path, "weight", "format", index, item.stage.key)
        yield from _unknown((*place, "into"), item.stage.into, [WEIGHT])
        yield from _stage_faults(place, item.stage, ranges)
        if item.stage.word is None:
            yield Fault(place, "missing key 'word': a weight has no overflow of its own", key=True)


def _width_faults(profile: Profile, faulty: set[Path]) -> Iterator[Fault]:
    """Classes whose step does not fit the integers it is computed in; what is faulty already is left out."""
    for name in profile.neurons:
        reaching = {n: c for n, c in profile.connections.items() if c.target == name}
        needed = {("neurons", name), *(("connections", n) for n in reaching)}
        needed |= {("neurons", source) for c in reaching.values() for source in c.sources}
        bits = 0 if needed & faulty else widest(profile, name).bits
        if bits > MAX_BITS:
            yield Fault(("neurons", name), f"a step can need {bits} bits; allowed: at most {MAX_BITS}", key=True)


def _reserved(path: Path, names: Collection[str]) -> Iterator[Fault]:
    for name in RESERVED:
        if name in names:
            yield Fault((*path, name), "is a reserved name; choose another", key=True)


def _unknown_operands(operands: Iterator[tuple[Path, Operand]], names: Collection[str]) -> Iterator[Fault]:
    for place, operand in operands:
        if isinstance(operand, str) and operand not in names:
            yield Fault(place, found_but(operand, ", ".join([*names, "an integer"])))


def _unknown_or_twice(path: Path, found: tuple[str, ...], names: Collection[str]) -> Iterator[Fault]:
    for index, name in enumerate(found):
        yield from _unknown((*path, index), name, names)
        if name in found[:index]:
            yield Fault((*path, index), f"found '{name}' twice; allowed: once")


def _unknown(path: Path, name: str, names: Collection[str], key: bool = False) -> Iterator[Fault]:
    if name not in names:
        yield Fault(path, found_but(name, ", ".join(names) or "none, as there are none"), key)
