"""What can be wrong with a class of neurons."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..datapath import Fire
from ..document.nodes import KEYS, Fault, Path
from ..ops.base import names_in
from ..ops.interval import IntervalOps
from .analysis import derived, given, held, spans
from .check_stages import (
    Needs,
    Scope,
    prepare_faults,
    reserved,
    set_faults,
    stage_faults,
    taken,
    unknown,
    unknown_operands,
)
from .schema import NeuronClass, Profile
from .walk import branches, condition_operands, crossings, stage_operands, writes


def neuron_faults(path: Path, profile: Profile, neuron: NeuronClass, deliveries: Needs) -> Iterator[Fault]:
    """Every fault of one class. `deliveries`: where the connections say what they write."""
    yield from _name_faults(path, profile, neuron)
    start = given(profile, neuron)
    yield from prepare_faults(path, neuron, start, derived(IntervalOps(), neuron, start))
    declared = tuple((*path, kind, KEYS) for kind in ("registers", "parameters", "derived"))
    scope = Scope(held(profile, neuron), declared, partial(_held_by, path, neuron))
    yield from _delivery_faults((*path, "registers"), profile, neuron, scope)
    written, read = delivered(profile, neuron), set[str]()
    for place, stage in writes(path, neuron):
        yield from unknown((*place, "into"), stage.into, neuron.registers, declared[:1])
        yield from stage_faults(place, stage, scope)
        yield from set_faults(place, stage, neuron.registers.get(stage.into), (*path, "registers", stage.into))
        read.update(name for _, name in stage_operands(place, stage))
        written = written | {stage.into}
    for place, condition in crossings(path, neuron):
        operands = list(condition_operands(place, condition))
        yield from unknown_operands(operands, scope)
        read.update(name for _, name in operands)
    for place, branch in branches(path, neuron):
        if isinstance(branch.emit, str):
            yield from unknown((*place, "emit"), branch.emit, [*neuron.registers, *neuron.parameters], declared)
    for name in neuron.registers:
        if name in read and name not in written:
            message, needs = "is read, but no stage and no connection writes it", _targets(path, neuron) + deliveries
            yield Fault((*path, "registers", name), message, key=True, needs=needs)
    yield from _output_faults(path, profile, neuron, scope)
    yield from _fire_faults(path, neuron)


def delivered(profile: Profile, neuron: NeuronClass, fit_per: str | None = None) -> set[str]:
    """The registers of a class that a connection writes, or an event; `fit_per`: such connections only."""
    reaching = [c for c in profile.connections.values() if profile.neurons.get(c.target) is neuron]
    if fit_per is None:
        events = {item.stage.into for event in profile.events.values() for item in event.do}
    else:
        reaching, events = [c for c in reaching if c.fit_per == fit_per], set()
    return {name for c in reaching for name in c.into} | events


def _name_faults(path: Path, profile: Profile, neuron: NeuronClass) -> Iterator[Fault]:
    kinds = [("registers", neuron.registers), ("parameters", neuron.parameters), ("derived", neuron.derived)]
    for kind, names in kinds:
        yield from reserved((*path, kind), names)
        for name in names:
            if name in profile.values:
                yield Fault((*path, kind, name), "is a value of the profile already; choose another name", key=True)
    yield from taken(path, kinds)
    for kind, words in (("registers", neuron.registers), ("derived", neuron.derived)):
        for name, word in words.items():
            if 0 not in word:
                yield Fault((*path, kind, name), f"found {word}; allowed: a range that holds 0, which it starts from")


def _targets(path: Path, neuron: NeuronClass) -> Needs:
    """Where a step says which registers it writes."""
    within = ((*place, "do", KEYS) for place, _ in branches(path, neuron))
    return (*((*place, "into") for place, _ in writes(path, neuron)), *within)


def _held_by(path: Path, neuron: NeuronClass, name: str) -> Needs:
    """Where the words stand that a register or a parameter can hold."""
    declared = (("registers", neuron.registers), ("parameters", neuron.parameters))
    words = [(*path, kind, name) for kind, names in declared if name in names]
    if name in neuron.derived:
        words += [(*path, "prepare"), (*path, "parameters"), (*path, "derived")]
    if name not in neuron.registers:
        return tuple(words)
    places = (place for place, stage in writes(path, neuron) if stage.into == name)
    overrides = ((*place, key) for place in places for key in ("word", KEYS))
    return (*words, *overrides, *_targets(path, neuron))


def _delivery_faults(path: Path, profile: Profile, neuron: NeuronClass, scope: Scope) -> Iterator[Fault]:
    """Registers that could exceed the word of an arriving spike: whether a weight of 0 arrives would then matter."""
    by_source = delivered(profile, neuron, "source")
    for name, word in neuron.registers.items():
        if name in by_source and scope.ranges[name] != spans(word):
            low, high = scope.ranges[name]
            message = f"spikes arrive as {word}, but a stage writes {low} to {high}; allowed: {word.min} to {word.max}"
            yield Fault((*path, name), message, key=True, needs=scope.fixed_by(name))


def _output_faults(path: Path, profile: Profile, neuron: NeuronClass, scope: Scope) -> Iterator[Fault]:
    if neuron.output_unless is None:
        return
    place = (*path, "output_unless")
    yield from unknown_operands(((place, name) for name in names_in(neuron.output_unless)), scope)
    if profile.clock != "event":
        yield Fault(place, "is for an event clock; allowed: none with clock: step", key=True, needs=(("clock",),))


def _fire_faults(path: Path, neuron: NeuronClass) -> Iterator[Fault]:
    stages = [(*path, "step", index, stage.key) for index, stage in enumerate(neuron.stages)]
    fires = [place for place, stage in zip(stages, neuron.stages, strict=True) if isinstance(stage, Fire)]
    if not fires:
        needs = tuple((*place[:-1], KEYS) for place in stages)
        yield Fault((*path, "step"), "found no fire; allowed: one in a step", key=True, needs=needs)
    for place in fires[1:]:
        yield Fault(place, "found another fire; allowed: one in a step", key=True, needs=((*fires[0][:-1], KEYS),))
