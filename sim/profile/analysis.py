"""Which values the wires of a profile can carry, found by running its stages on intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..datapath import ANY, NONZERO, SPIKES, SUM, WEIGHT, Fire, deliver, deliver_sum
from ..ops.base import Registers
from ..ops.interval import Interval, IntervalOps
from ..word import Word
from .connection import Connection, Sum
from .schema import INPUT, NeuronClass, Profile
from .walk import listed, stage_operands

WEIGHT_MIN, WEIGHT_MAX = "weight_min", "weight_max"  # the extremes of a projection's raw weights

Ranges = dict[str, Interval]

UNKNOWN = Interval(1, 1)  # the range of what has a fault already: allowed wherever a number is


def spans(word: Word) -> Interval:
    """Every value of a word."""
    return Interval(word.min, word.max)


def constants(profile: Profile) -> Ranges:
    """The profile's values: whatever a network may set them to."""
    ends = {name: (value.min, value.max, value.value) for name, value in profile.values.items()}
    return {name: Interval(min(each), max(each)) for name, each in ends.items()}


def given(profile: Profile, neuron: NeuronClass) -> Ranges:
    """What a class's `prepare` may read besides what it has written: parameters, and the profile's values."""
    return {name: spans(word) for name, word in neuron.parameters.items()} | constants(profile)


def given_connection(profile: Profile, connection: Connection) -> Ranges:
    """What a connection's `prepare` may read besides what it has written."""
    low, high = connection.weight.range
    extremes = {WEIGHT_MIN: Interval(low, high), WEIGHT_MAX: Interval(low, high)}
    return {name: spans(word) for name, word in connection.parameters.items()} | constants(profile) | extremes


def derived(ops: IntervalOps, place: NeuronClass | Connection, start: Mapping[str, Interval]) -> Ranges:
    """What `prepare` can make of the derived values, which are 0 before it; UNKNOWN where it cannot be computed."""
    values = {**start, **{name: Interval(0, 0) for name in place.derived}}
    for at, stage in listed((), place.prepare):
        if stage.into not in place.derived or any(name not in values for _, name in stage_operands(at, stage)):
            return dict.fromkeys(place.derived, UNKNOWN)
    regs = Registers(ops, place.derived, values)
    run(ops, regs, [item.stage for item in place.prepare])
    return {name: regs[name] for name in place.derived}


def held(profile: Profile, neuron: NeuronClass, ops: IntervalOps | None = None) -> Ranges:
    """Whatever a stage may read, with what it can hold between two of them, overrides of its word included."""
    ranges = {name: spans(word) for name, word in neuron.registers.items()}
    stages = [*neuron.stages, *(item.stage for event in profile.events.values() for item in event.do)]
    for stage in stages:
        writes = [item.stage for b in stage.branches for item in b.do] if isinstance(stage, Fire) else [stage]
        for write in writes:
            if write.word is not None and write.into in ranges:
                ranges[write.into] = ranges[write.into].join(spans(write.word))
    start = given(profile, neuron)
    return ranges | start | derived(ops or IntervalOps(), neuron, start)


def weight_scope(profile: Profile, connection: Connection, ops: IntervalOps | None = None) -> Ranges:
    """Whatever a weight's format may read, the weight itself among it."""
    start = given_connection(profile, connection)
    named = {name: range_ for name, range_ in start.items() if name not in (WEIGHT_MIN, WEIGHT_MAX)}
    ranges = named | derived(ops or IntervalOps(), connection, start) | {WEIGHT: Interval(*connection.weight.range)}
    for words in (connection.source_parameters, connection.synapse_parameters):
        ranges |= {name: spans(word) for name, word in words.items()}
    if connection.target in profile.neurons:
        neuron = profile.neurons[connection.target]
        start = given(profile, neuron)
        ranges |= start | derived(IntervalOps(), neuron, start)
    return ranges


def sum_scope(profile: Profile, connection: Connection) -> Ranges:
    """Whatever the stages of a step's sum may read, the sum itself among it."""
    unknown = {*connection.source_parameters, *connection.synapse_parameters, WEIGHT}
    ranges = {name: range_ for name, range_ in weight_scope(profile, connection).items() if name not in unknown}
    return ranges | ({SUM: spans(connection.sum.word)} if connection.sum else {})


def effective_weight(profile: Profile, connection: Connection) -> Interval:
    """What a spike of this connection adds, its weight's format applied."""
    return _weight(IntervalOps(), profile, connection)


def arriving(profile: Profile, connection: Connection) -> Interval:
    """What the spikes of one source in a step act as."""
    emitted = [profile.neurons[name].emission for name in connection.sources if name in profile.neurons]
    if INPUT in connection.sources and profile.input is not None:
        emitted.append((profile.input.min, profile.input.max))
    low, high = min([0, *(e[0] for e in emitted)]), max([0, *(e[1] for e in emitted)])
    if connection.cap == NONZERO:
        return Interval(0, 1)
    return Interval(low, high if connection.cap == ANY else int(connection.cap))


def emitted(profile: Profile, connection: Connection, neurons: bool = False) -> Interval:
    """What the sources of a connection send in a step; of its neurons only, if so."""
    ends = [(0, 0), *(profile.neurons[name].emission for name in connection.sources if name in profile.neurons)]
    if not neurons:
        ends += [(profile.input.min, profile.input.max) if profile.input else (0, 1)]
    return Interval(min(low for low, _ in ends), max(high for _, high in ends))


def widest(profile: Profile, class_name: str) -> Interval:
    """Contains every value, intermediate ones included, of a step of this class and of the spikes it receives."""
    neuron, ops = profile.neurons[class_name], IntervalOps()
    start = held(profile, neuron, ops)
    for connection in profile.connections.values():
        if connection.target == class_name:
            _deliver(ops, profile, neuron, connection, start)
    for event in profile.events.values():
        fields = {name: spans(word) for name, word in event.fields.items()}
        run(ops, Registers(ops, neuron.registers, {**start, **fields}), [item.stage for item in event.do])
    regs = Registers(ops, neuron.registers, dict(start))
    regs.values[SPIKES] = Interval(0, neuron.relay.cap if neuron.relay else 0)
    run(ops, regs, neuron.stages)
    if neuron.output_unless is not None:
        ops.widest = ops.widest.join(regs[neuron.output_unless])
    met = ops.widest
    for interval in start.values():
        met = met.join(interval)
    return met


def _deliver(ops: IntervalOps, profile: Profile, neuron: NeuronClass, connection: Connection, start: Ranges) -> None:
    count, weight = arriving(profile, connection), _weight(ops, profile, connection)
    for register in connection.into:
        if connection.sum is None:
            deliver(Registers(ops, neuron.registers, dict(start)), register, count, weight)
            continue
        ops.mul(count, weight)
        settle_sum(ops, profile, connection, connection.sum, register, start)


def settle_sum(
    ops: IntervalOps, profile: Profile, connection: Connection, total: Sum, register: str, known: Ranges
) -> Interval:
    """What a register holds after the sum of a step has its stages and arrives; known: of whatever is not its word."""
    words = {**profile.neurons[connection.target].registers, SUM: total.word}
    regs = Registers(ops, words, {**sum_scope(profile, connection), **known})
    run(ops, regs, [item.stage for item in total.then])
    deliver_sum(regs, register)
    settled: Interval = regs[register]
    return settled


def _weight(ops: IntervalOps, profile: Profile, connection: Connection) -> Interval:
    regs = Registers(ops, {WEIGHT: connection.weight.word}, weight_scope(profile, connection, ops))
    for item in connection.weight.format:
        ops.widest = ops.widest.join(regs[WEIGHT])
        item.stage.run(regs)
    effective: Interval = regs[WEIGHT]
    ops.widest = ops.widest.join(effective)
    return effective


def run(ops: IntervalOps, regs: Registers, stages: Iterable[Any]) -> None:
    """Run stages in order; whatever their operands hold is met."""
    for stage in stages:
        stage.run(regs)
