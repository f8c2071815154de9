"""What a schema cannot say about a profile: every name exists, every value has a place, every step is computable."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from functools import partial
from typing import Any, NamedTuple

from ..datapath import SPIKES, WEIGHT, Set
from ..document.nodes import KEYS, Fault, Path
from ..document.wording import found_but
from ..ops.interval import Interval
from ..word import MAX_BITS, Word
from .analysis import held, spans, widest
from .schema import INPUT, Connection, NeuronClass, Profile
from .walk import Operand, condition_operands, crossings, stage_operands, writes

RESERVED = (SPIKES, INPUT, WEIGHT)
MAX_SHIFT = 63  # the most that every interpreter shifts a 64-bit integer by

Needs = tuple[Path, ...]  # what a fault rests on, besides the place that it names


class ProfileWarning(UserWarning):
    """Something in a profile that computes, but is hardly meant."""


class Scope(NamedTuple):
    """The names that a stage may read, each with what it can hold."""

    ranges: dict[str, Interval]
    declared: Needs  # the keys that are the names
    fixed_by: Callable[[str], Needs]  # what the range of a name rests on


def find_faults(profile: Profile) -> list[Fault]:
    """Everything that keeps a profile of the right shape from being run; empty if nothing does."""
    faults = [*_class_name_faults(profile), *_limit_faults(profile)]
    for name, neuron in profile.neurons.items():
        written, deliveries = delivered(profile, name), _deliveries(profile, name)
        faults += _neuron_faults(("neurons", name), neuron, written, deliveries)
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
    yield from _unknown_limits("neurons", limits.neurons, profile.neurons, ("neurons", KEYS))
    for kind in ("fan_in", "sources", "targets"):
        yield from _unknown_limits(kind, getattr(limits, kind), profile.connections, ("connections", KEYS))


def _unknown_limits(kind: str, limited: Collection[str], names: Collection[str], of: Path) -> Iterator[Fault]:
    for name in limited:
        yield from _unknown(("limits", kind, name), name, names, (of,), key=True)


def _neuron_faults(path: Path, neuron: NeuronClass, written: set[str], deliveries: Needs) -> Iterator[Fault]:
    yield from _reserved((*path, "registers"), neuron.registers)
    yield from _reserved((*path, "parameters"), neuron.parameters)
    for name in neuron.parameters:
        if name in neuron.registers:
            yield Fault((*path, "parameters", name), "is a register already; choose another name", key=True)
    declared = ((*path, "registers", KEYS), (*path, "parameters", KEYS))
    scope, read = Scope(held(neuron), declared, partial(_held_by, path, neuron)), set[Operand]()
    yield from _delivery_faults((*path, "registers"), neuron, scope, written)
    for place, stage in writes(path, neuron):
        yield from _unknown((*place, "into"), stage.into, neuron.registers, declared[:1])
        yield from _stage_faults(place, stage, scope)
        yield from _set_faults(place, stage, neuron.registers.get(stage.into), (*path, "registers", stage.into))
        read.update(operand for _, operand in stage_operands(place, stage))
        written = written | {stage.into}
    for place, condition in crossings(path, neuron):
        yield from _unknown_operands(condition_operands(place, condition), scope)
        read.update((condition[0], condition[2]))
    for name in neuron.registers:
        if name in read and name not in written:
            message, needs = "is read, but no stage and no connection writes it", _targets(path, neuron) + deliveries
            yield Fault((*path, "registers", name), message, key=True, needs=needs)
    yield from _fire_faults(path, neuron)


def _targets(path: Path, neuron: NeuronClass) -> Needs:
    """Where a step says which registers it writes."""
    branches = ((*place[:-1], "do", KEYS) for place, _ in crossings(path, neuron))
    return (*((*place, "into") for place, _ in writes(path, neuron)), *branches)


def _held_by(path: Path, neuron: NeuronClass, name: str) -> Needs:
    """Where the words stand that a register or a parameter can hold."""
    declared = (("registers", neuron.registers), ("parameters", neuron.parameters))
    words = [(*path, kind, name) for kind, names in declared if name in names]
    if name not in neuron.registers:
        return tuple(words)
    places = (place for place, stage in writes(path, neuron) if stage.into == name)
    overrides = ((*place, key) for place in places for key in ("word", KEYS))
    return (*words, *overrides, *_targets(path, neuron))


def _delivery_faults(path: Path, neuron: NeuronClass, scope: Scope, written: set[str]) -> Iterator[Fault]:
    """Registers that could exceed the word of an arriving spike: whether a weight of 0 arrives would then matter."""
    for name, word in neuron.registers.items():
        if name in written and scope.ranges[name] != spans(word):
            low, high = scope.ranges[name]
            message = f"spikes arrive as {word}, but a stage writes {low} to {high}; allowed: {word.min} to {word.max}"
            yield Fault((*path, name), message, key=True, needs=scope.fixed_by(name))


def _fire_faults(path: Path, neuron: NeuronClass) -> Iterator[Fault]:
    stages = [(*path, "step", index, stage.key) for index, stage in enumerate(neuron.stages)]
    fires = [place for place in stages if place[-1] == "fire"]
    if not fires:
        needs = tuple((*place[:-1], KEYS) for place in stages)
        yield Fault((*path, "step"), "found no fire; allowed: one in a step", key=True, needs=needs)
    for place in fires[1:]:
        yield Fault(place, "found another fire; allowed: one in a step", key=True, needs=((*fires[0][:-1], KEYS),))


def _stage_faults(path: Path, stage: Any, scope: Scope) -> Iterator[Fault]:
    """Operands that do not exist, and shifts that cannot be made."""
    yield from _unknown_operands(stage_operands(path, stage), scope)
    by = getattr(stage, "by", 0)
    shift = Interval(by, by) if isinstance(by, int) else scope.ranges.get(by, Interval(0, 0))
    if shift.lo < 0 or shift.hi > MAX_SHIFT:
        found = by if isinstance(by, int) else f"'{by}', which holds {shift.lo} to {shift.hi}"
        needs = () if isinstance(by, int) else scope.fixed_by(by)
        yield Fault((*path, "by"), f"found {found}; allowed: 0 to {MAX_SHIFT}", needs=needs)


def _set_faults(path: Path, stage: Any, own: Word | None, register: Path) -> Iterator[Fault]:
    word = stage.word or own
    if isinstance(stage, Set) and isinstance(stage.value, int) and word and stage.value not in word:
        needs = ((*path, "word"), (*path, KEYS), *(((*path, "into"), register) if stage.word is None else ()))
        yield Fault((*path, "value"), f"found {stage.value}; allowed: {word.min} to {word.max}", needs=needs)


def _connection_faults(path: Path, connection: Connection, profile: Profile) -> Iterator[Fault]:
    yield from _reserved((*path, "parameters"), connection.parameters)
    classes = ("neurons", KEYS)
    sources = [INPUT, *(name for name in profile.neurons if name != INPUT)]
    yield from _unknown_or_twice((*path, "from"), connection.sources, sources, (classes,))
    yield from _unknown((*path, "to"), connection.target, profile.neurons, (classes,))
    if connection.target in profile.neurons:
        registers = profile.neurons[connection.target].registers
        needs = ((*path, "to"), ("neurons", connection.target, "registers", KEYS))
        yield from _unknown_or_twice((*path, "into"), connection.into, registers, needs)
    yield from _weight_faults(path, connection)


def _weight_faults(path: Path, connection: Connection) -> Iterator[Fault]:
    weight, place = connection.weight, (*path, "weight")
    if weight.narrow and not weight.word.signed:
        message = f"found true; allowed: false, as {weight.word} holds nothing below 0"
        yield Fault((*place, "narrow"), message, needs=((*place, "word"),))
    ranges = {WEIGHT: Interval(*weight.range)} | {name: spans(word) for name, word in connection.parameters.items()}
    own = ((*place, "word"), (*place, "narrow"))
    scope = Scope(
        ranges,
        ((*path, "parameters", KEYS),),
        lambda name: ((*path, "parameters", name),) if name in connection.parameters else own,
    )
    for index, item in enumerate(weight.format):
        at = (*place, "format", index, item.stage.key)
        yield from _unknown((*at, "into"), item.stage.into, [WEIGHT])
        yield from _stage_faults(at, item.stage, scope)
        if item.stage.word is None:
            message = "missing key 'word': a weight has no overflow of its own"
            yield Fault(at, message, key=True, needs=((*at, KEYS),))


def _width_faults(profile: Profile, faulty: set[Path]) -> Iterator[Fault]:
    """Classes whose step does not fit the integers it is computed in; what is faulty already is left out."""
    for name in profile.neurons:
        reaching = {n: c for n, c in profile.connections.items() if c.target == name}
        needed = {("neurons", name), *(("connections", n) for n in reaching)}
        needed |= {("neurons", source) for c in reaching.values() for source in c.sources}
        bits = 0 if needed & faulty else widest(profile, name).bits
        if bits > MAX_BITS:
            message = f"a step can need {bits} bits; allowed: at most {MAX_BITS}"
            yield Fault(("neurons", name), message, key=True, needs=(*needed, *_deliveries(profile, name)))


def _deliveries(profile: Profile, class_name: str) -> Needs:
    """Where the connections say which registers of a class they write."""
    targets = (("connections", name, "to") for name in profile.connections)
    reaching = (name for name, c in profile.connections.items() if c.target == class_name)
    into = (("connections", name, "into") for name in reaching)
    return (("neurons", KEYS), ("connections", KEYS), *targets, *into)


def _reserved(path: Path, names: Collection[str]) -> Iterator[Fault]:
    for name in RESERVED:
        if name in names:
            yield Fault((*path, name), "is a reserved name; choose another", key=True)


def _unknown_operands(operands: Iterator[tuple[Path, Operand]], scope: Scope) -> Iterator[Fault]:
    for place, operand in operands:
        if isinstance(operand, str) and operand not in scope.ranges:
            allowed = ", ".join([*scope.ranges, "an integer"])
            yield Fault(place, found_but(operand, allowed), needs=scope.declared)


def _unknown_or_twice(path: Path, found: tuple[str, ...], names: Collection[str], needs: Needs) -> Iterator[Fault]:
    for index, name in enumerate(found):
        yield from _unknown((*path, index), name, names, needs)
        if name in found[:index]:
            yield Fault((*path, index), f"found '{name}' twice; allowed: once")


def _unknown(path: Path, name: str, names: Collection[str], needs: Needs = (), key: bool = False) -> Iterator[Fault]:
    if name not in names:
        yield Fault(path, found_but(name, ", ".join(names) or "none, as there are none"), key, needs=needs)
