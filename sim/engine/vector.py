"""The inner loops of a compiled kernel, as vectors, from the datapath's stages.

`scattered` delivers events to lists of neurons, `settled` applies the sums of a step that is fitted once, `updated`
runs the neurons' stages; dense weights are delivered by `matrix`. Rows are padded to whole vectors: what is computed
beyond the last neuron is never counted or read.

Where the sources of a step cannot carry a register past its word, whatever their order (`roomy`), their plain sum is
what the word-by-word adds give, and only that is computed; elsewhere every add has its fit, as the datapath says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from ..datapath import SUM, deliver, deliver_sum
from ..ops.base import Registers
from ..ops.code import I32, I64, Code, Row, Slot, resized
from ..ops.interval import Interval, IntervalOps
from ..ops.lane_arithmetic import lane_bits
from ..ops.lanes import REFUSED, LaneOps
from ..profile.connection import Sum
from ..profile.schema import SPIKES, NeuronClass

LANES = 32  # neurons of a vector
ANYTHING = Interval(-(1 << 62), 1 << 62)
MOST_BITS = 32  # of what one event adds: then the bounds of as many sources as an int32 counts are far from 64 bits


@dataclass(frozen=True)
class Neurons:
    """A class of neurons as a kernel sees it.

    held: what registers, parameters and derived values can hold. constants: the profile's values. size: how many
    neurons, padded: rounded up to vectors. rows: registers, parameters and derived values of one sample.
    counters: overflows by register, and refused writes. uniform: parameters and derived values that are the same for
    all neurons.
    """

    code: Code
    neuron: NeuronClass
    held: Mapping[str, Interval]
    constants: Mapping[str, int]
    size: Any
    padded: Any
    rows: Mapping[str, Row]
    counters: Mapping[str, Slot]
    uniform: Mapping[str, Any]

    def ops(self, place: Any, lanes: int = LANES) -> LaneOps:
        """Operations on the neurons from `place` on."""
        alive = None
        if lanes > 1:
            order = ir.Constant(ir.VectorType(I32, lanes), list(range(lanes)))
            left = LaneOps(self.code, lanes, {}, {}).splat(
                self.code.builder.sub(self.size, place), Interval(-(1 << 30), 1 << 30)
            )
            alive = self.code.builder.icmp_signed("<", order, left.vector)
        return LaneOps(self.code, lanes, self.counters, self.held, alive)

    def registers(self, ops: LaneOps, place: Any) -> Registers:
        """The neurons from `place` on."""
        values: dict[str, Any] = {name: ops.constant(value) for name, value in self.constants.items()}
        for name, row in self.rows.items():
            span = self.held[name]
            single = name in self.neuron.registers and span.lo == span.hi
            values[name] = ops.constant(span.lo) if single else ops.load(row.load(place, ops.lanes), span, row.signed)
        values |= {name: ops.splat(value, self.held[name]) for name, value in self.uniform.items()}
        return Registers(ops, self.neuron.registers, values)


EXTRA = (SUM, REFUSED)


def counted(neuron: NeuronClass) -> list[str]:
    """What a kernel counts for each sample: overflows by register, of sums, and refused writes last."""
    return [*neuron.registers, *EXTRA]


def bounded(weight: Interval, count: Interval) -> bool:
    """Whether 64 bits surely hold what all events of a step add."""
    return IntervalOps().mul(weight, count).bits <= MOST_BITS


def within(code: Code, row: Row, start: Any, vectors: int, bits: int, least: Any, most: Any) -> Any:
    """Whether every neuron of a block holds a value from `least` to `most`."""
    builder, ops, inside = code.builder, LaneOps(code, LANES, {}, {}), None
    lowest, highest = (ops.at(ops.splat(end, ANYTHING), bits) for end in (least, most))
    for vector in range(vectors):
        value = widened(code, row, builder.add(start, I64(LANES * vector)), bits)
        for relation, end in ((">=", lowest), ("<=", highest)):
            flag = builder.icmp_signed(relation, value, end)
            inside = flag if inside is None else builder.and_(inside, flag)
    return builder.icmp_unsigned("==", builder.bitcast(inside, ir.IntType(LANES)), ir.IntType(LANES)(-1))


def roomy(neurons: Neurons, register: str, least: Any, most: Any) -> Any:
    """Whether every neuron's register holds a value from `least` to `most`, which may contradict each other."""
    code, row, bits = neurons.code, neurons.rows[register], lane_bits(neurons.held[register])
    builder = code.builder
    sure = code.slot(builder.icmp_signed("<=", least, most))
    with builder.if_then(sure.get()), code.loop(I64(0), neurons.padded, LANES) as place:
        sure.set(builder.and_(sure.get(), within(code, row, place, 1, bits, least, most)))
    return sure.get()


def widened(code: Code, row: Row, place: Any, bits: int) -> Any:
    """A vector of a row, in lanes of so many bits."""
    return resized(code.builder, row.load(place, LANES), bits, row.signed)


def added(neurons: Neurons, register: str, sums: Row) -> None:
    """Add a sum to every neuron's register, which holds the result."""
    code, row = neurons.code, neurons.rows[register]
    with code.loop(I64(0), neurons.padded, LANES) as place:
        total = code.builder.add(row.load(place, LANES), resized(code.builder, sums.load(place, LANES), row.bits, True))
        row.store(place, total, LANES)


@dataclass(frozen=True)
class Lists:
    """Weights to the neurons `targets`, those of a source together, each within `span`."""

    targets: Row
    weights: Row
    span: Interval


def scattered(
    neurons: Neurons, register: str, sums: Row | None, lists: Lists, ends: tuple[Any, Any], acts: Any, count: Interval
) -> None:
    """Deliver one source, which acts as `acts` spikes, to the synapses between `ends`; into sums if there are any."""
    code, row = neurons.code, neurons.rows[register]
    with code.loop(*ends) as synapse:
        place = lists.targets.get(synapse)
        if sums is not None:
            sums.set(place, code.builder.add(sums.get(place), code.builder.mul(acts, lists.weights.get(synapse))))
        else:
            ops = LaneOps(code, 1, neurons.counters, neurons.held)
            weight = ops.load(lists.weights.load(synapse, 1), lists.span, lists.weights.signed)
            value = ops.load(row.load(place, 1), neurons.held[register], row.signed)
            regs = Registers(ops, neurons.neuron.registers, {register: value})
            deliver(regs, register, ops.splat(acts, count), weight)
            row.store(place, ops.at(regs[register], lane_bits(regs[register].span)), 1)
            ops.count()


def settled(neurons: Neurons, register: str, sums: Row, total: Sum, values: Mapping[str, tuple[Any, Interval]]) -> None:
    """Of every neuron's sum the stages and one write. values: the projection's own, with what they can be."""
    with neurons.code.loop(I64(0), neurons.padded, LANES) as place:
        ops = neurons.ops(place)
        inner = dict(neurons.registers(ops, place).values)
        inner |= {name: ops.splat(value, span) for name, (value, span) in values.items()}
        arrived = ops.load(sums.load(place, LANES), Interval.of_bits(sums.bits))
        regs = Registers(ops, {**neurons.neuron.registers, SUM: total.word}, {**inner, SUM: arrived})
        regs.write(SUM, arrived)
        for item in total.then:
            item.stage.run(regs)
        deliver_sum(regs, register)
        neurons.rows[register].store(place, ops.at(regs[register], lane_bits(regs[register].span)), LANES)
        ops.count()


def updated(neurons: Neurons, spikes: Row, aliases: Row | None, slots: Any) -> None:
    """Every neuron's stages, in ascending order, and what it emits in `spikes`.

    aliases: [size, slots], who gets copies of a neuron's spikes; then `spikes` holds what was copied so far.
    """
    code, relay = neurons.code, neurons.neuron.relay
    lanes = 1 if aliases else LANES
    with code.loop(I64(0), neurons.size if aliases else neurons.padded, lanes) as place:
        ops = neurons.ops(place, lanes)
        regs = neurons.registers(ops, place)
        regs.values[SPIKES] = ops.constant(0)
        if aliases is not None and relay is not None:
            regs.values[SPIKES] = ops.load(spikes.load(place, 1), Interval(0, relay.cap), spikes.signed)
        for stage in neurons.neuron.stages:
            stage.run(regs)
        for name in neurons.neuron.registers:
            value = regs.values[name]
            neurons.rows[name].store(place, ops.at(value, lane_bits(value.span)), lanes)
        emitted = regs.values[SPIKES]
        spikes.store(place, ops.at(emitted, lane_bits(emitted.span)), lanes)
        ops.count()
        if aliases is not None and relay is not None:
            _relay(code, relay.cap, aliases, slots, spikes, place)


def _relay(code: Code, cap: int, aliases: Row, slots: Any, spikes: Row, place: Any) -> None:
    """Copy a neuron's spikes to its aliases."""
    builder, emitted = code.builder, spikes.get(place)
    with code.loop(I64(0), slots) as slot:
        to = aliases.get(builder.add(builder.mul(place, slots), slot))
        with builder.if_then(builder.icmp_signed(">=", to, I64(0))):
            total = builder.add(spikes.get(to), emitted)
            spikes.set(to, builder.select(builder.icmp_signed("<", total, I64(cap)), total, I64(cap)))
