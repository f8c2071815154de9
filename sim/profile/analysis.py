"""Which values the wires of a profile can carry, found by running its stages on intervals."""

from __future__ import annotations

from ..datapath import SPIKES, WEIGHT, Fire, deliver
from ..ops.base import Registers
from ..ops.interval import Interval, IntervalOps
from ..word import Word
from .schema import INPUT, Connection, NeuronClass, Profile


def held(neuron: NeuronClass) -> dict[str, Interval]:
    """Every register and parameter with what it can hold between two stages, overrides of its word included."""
    ranges = {name: spans(word) for name, word in (neuron.registers | neuron.parameters).items()}
    for stage in neuron.stages:
        writes = [item.stage for b in stage.branches for item in b.do] if isinstance(stage, Fire) else [stage]
        for write in writes:
            if write.word is not None and write.into in ranges:
                ranges[write.into] = ranges[write.into].join(spans(write.word))
    return ranges


def effective_weight(connection: Connection) -> Interval:
    """What a spike of this connection adds, its weight's format applied."""
    return _weight(IntervalOps(), connection)


def widest(profile: Profile, class_name: str) -> Interval:
    """Contains every value, intermediate ones included, of a step of this class and of the spikes it receives."""
    neuron, ops, start = profile.neurons[class_name], IntervalOps(), held(profile.neurons[class_name])
    for connection in profile.connections.values():
        if connection.target == class_name:
            count, weight = _count(profile, connection), _weight(ops, connection)
            for register in connection.into:
                deliver(Registers(ops, neuron.registers, dict(start)), register, count, weight)
    regs = Registers(ops, neuron.registers, dict(start))
    regs.values[SPIKES] = Interval(0, neuron.relay.cap if neuron.relay else 0)
    for stage in neuron.stages:
        stage.run(regs)
    met = ops.widest
    for interval in start.values():
        met = met.join(interval)
    return met


def _weight(ops: IntervalOps, connection: Connection) -> Interval:
    values = {name: spans(word) for name, word in connection.parameters.items()}
    values[WEIGHT] = Interval(*connection.weight.range)
    regs = Registers(ops, {WEIGHT: connection.weight.word}, values)
    for item in connection.weight.format:
        ops.widest = ops.widest.join(regs[WEIGHT])
        item.stage.run(regs)
    effective: Interval = regs[WEIGHT]
    ops.widest = ops.widest.join(effective)
    return effective


def _count(profile: Profile, connection: Connection) -> Interval:
    """How many spikes of one source act in a step."""
    emitted = [profile.neurons[name].emission[0] for name in connection.sources if name != INPUT]
    return Interval(min([0, *emitted]), connection.cap)


def spans(word: Word) -> Interval:
    """Every value of a word."""
    return Interval(word.min, word.max)
