"""The inner loops of a compiled kernel, as vectors, from the datapath's stages.

`accumulated` delivers events to a register of every neuron, block by block; `collected` sums them, where a step is
fitted once, and `settled` applies the sums; `scattered` delivers to lists of neurons; `updated` runs the neurons'
stages. Rows are padded to whole vectors: what is computed beyond the last neuron is never counted or read.

Where the sources of a step cannot carry a register past its word, whatever their order, their plain sum is what the
word-by-word adds give, and only that is computed; elsewhere every add has its fit, as the datapath says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from ..datapath import SUM, deliver, deliver_sum
from ..ops.base import Registers
from ..ops.code import I32, I64, Code, Row, Slot, resized
from ..ops.interval import Interval, IntervalOps
from ..ops.lanes import REFUSED, LaneOps, Lanes, lane_bits
from ..profile.connection import Sum
from ..profile.schema import SPIKES, NeuronClass
from .host import vector_registers
from .listing import Events

LANES = 32  # neurons of a vector
MOST_VECTORS = 8  # of a block
AHEAD = 8  # events whose weights are asked for before they are added
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
            values[name] = ops.load(row.load(place, ops.lanes), self.held[name], row.signed)
        values |= {name: ops.splat(value, self.held[name]) for name, value in self.uniform.items()}
        return Registers(ops, self.neuron.registers, values)


EXTRA = (SUM, REFUSED)


def counted(neuron: NeuronClass) -> list[str]:
    """What a kernel counts for each sample: overflows by register, of sums, and refused writes last."""
    return [*neuron.registers, *EXTRA]


@dataclass(frozen=True)
class Matrix:
    """Weights [pre, columns] that reach every neuron, each within `span`.

    tops, bottoms: the greatest and least of each source, 0 at least and at most; behind them, of all `pre` sources.
    """

    weights: Row
    columns: Any
    tops: Row
    bottoms: Row
    pre: Any
    span: Interval


def accumulated(neurons: Neurons, register: str, matrix: Matrix, events: Events, count: Interval) -> None:
    """Deliver events to a register of all neurons, each with its fit. count: as what one acts."""
    code, builder, row = neurons.code, neurons.code.builder, neurons.rows[register]
    word, span = neurons.neuron.registers[register], neurons.held[register]
    if not bounded(matrix.span, count):
        with code.loop(I64(0), neurons.padded, LANES) as place:
            _each(neurons, register, place, matrix, events, count)
        return
    low, high = _bounds(code, matrix, events, word.max - word.min)
    least, most = builder.sub(I64(word.min), low), builder.sub(I64(word.max), high)
    possible = builder.icmp_signed("<=", least, most)

    def block(start: Any, vectors: int) -> None:
        sure = code.slot(possible)
        with builder.if_then(possible):
            sure.set(_within(code, row, start, vectors, lane_bits(span), least, most))
        with builder.if_else(sure.get(), likely=True) as (plain, careful):
            with plain:
                _summed(code, row, lane_bits(span), start, vectors, matrix, events)
            with careful, code.loop(start, builder.add(start, I64(LANES * vectors)), LANES) as place:
                _each(neurons, register, place, matrix, events, count)

    blocks(code, neurons.padded, lane_bits(span), block)


def bounded(weight: Interval, count: Interval) -> bool:
    """Whether 64 bits surely hold what all events of a step add."""
    return IntervalOps().mul(weight, count).bits <= MOST_BITS


def blocks(code: Code, padded: Any, bits: int, run: Callable[[Any, int], None]) -> None:
    """`run(first neuron, vectors)` for every block of a row, whose sums take so many bits a neuron.

    The sums of a block fill half of the machine's vector registers.
    """
    builder, done = code.builder, code.slot(I64(0))
    most = min(MOST_VECTORS, max(1, vector_registers() * 8 // 2 // (bits * LANES)))
    for vectors in dict.fromkeys((most, min(most, 2), 1)):
        width = vectors * LANES
        last = builder.sub(padded, builder.urem(builder.sub(padded, done.get()), I64(width)))
        with code.loop(done.get(), last, width) as start:
            run(start, vectors)
        done.set(last)


def _bounds(code: Code, matrix: Matrix, events: Events, room: int) -> tuple[Any, Any]:
    """The least and the most that the events, or some of them, can add to a neuron: roughly if that is within room."""
    builder = code.builder
    low, high = (
        code.slot(builder.mul(events.found, extremes.get(matrix.pre))) for extremes in (matrix.bottoms, matrix.tops)
    )
    beyond = builder.icmp_signed(">", builder.sub(high.get(), low.get()), I64(room // 2))
    with builder.if_then(builder.or_(beyond, events.graded)):
        low.set(I64(0))
        high.set(I64(0))
        with code.loop(I64(0), events.found) as number:
            source, count = events.index.get(number), events.count(code, number)
            ends = [builder.mul(count, extremes.get(source)) for extremes in (matrix.bottoms, matrix.tops)]
            ordered = builder.icmp_signed("<", *ends)
            low.add(builder.select(ordered, ends[0], ends[1]))
            high.add(builder.select(ordered, ends[1], ends[0]))
    return low.get(), high.get()


def _within(code: Code, row: Row, start: Any, vectors: int, bits: int, least: Any, most: Any) -> Any:
    """Whether every neuron of a block holds a value from `least` to `most`."""
    builder, ops, inside = code.builder, LaneOps(code, LANES, {}, {}), None
    lowest, highest = (ops.at(ops.splat(end, ANYTHING), bits) for end in (least, most))
    for vector in range(vectors):
        value = _widened(code, row, builder.add(start, I64(LANES * vector)), bits)
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
        sure.set(builder.and_(sure.get(), _within(code, row, place, 1, bits, least, most)))
    return sure.get()


def _summed(code: Code, row: Row, bits: int, start: Any, vectors: int, matrix: Matrix, events: Events) -> None:
    """The plain sum of a block, one spike a source or several, in lanes of so many bits, which hold it."""
    with code.builder.if_else(events.graded) as (several, single):
        with several:
            _sum(code, row, bits, start, vectors, matrix, events, graded=True)
        with single:
            _sum(code, row, bits, start, vectors, matrix, events, graded=False)


def _sum(
    code: Code, row: Row, bits: int, start: Any, vectors: int, matrix: Matrix, events: Events, graded: bool
) -> None:
    builder = code.builder
    places = [builder.add(start, I64(LANES * vector)) for vector in range(vectors)]
    sums = [code.slot(_widened(code, row, place, bits)) for place in places]
    last = builder.sub(events.found, I64(1))
    with code.loop(I64(0), events.found) as number:
        source = builder.mul(events.index.get(number), matrix.columns)
        later = builder.add(number, I64(AHEAD))
        later = builder.select(builder.icmp_signed("<", later, last), later, last)
        matrix.weights.part(builder.mul(events.index.get(later), matrix.columns)).prefetch(start, vectors * LANES)
        ops = LaneOps(code, LANES, {}, {})
        factor = ops.at(ops.splat(events.acting.get(number), ANYTHING), bits) if graded else None
        for total, place in zip(sums, places, strict=True):
            weight = _widened(code, matrix.weights, builder.add(source, place), bits)
            total.add(weight if factor is None else builder.mul(weight, factor))
    for total, place in zip(sums, places, strict=True):
        row.store(place, total.get(), LANES)


def _widened(code: Code, row: Row, place: Any, bits: int) -> Any:
    return resized(code.builder, row.load(place, LANES), bits, row.signed)


def _each(neurons: Neurons, register: str, place: Any, matrix: Matrix, events: Events, count: Interval) -> None:
    """Event by event to one vector of neurons, each with its fit."""
    code, builder = neurons.code, neurons.code.builder
    row, span, ops = neurons.rows[register], neurons.held[register], neurons.ops(place)
    value = code.slot(ops.load(row.load(place, LANES), span, row.signed).vector)
    with code.loop(I64(0), events.found) as number:
        at = builder.add(builder.mul(events.index.get(number), matrix.columns), place)
        weight = ops.load(matrix.weights.load(at, LANES), matrix.span, matrix.weights.signed)
        regs = Registers(ops, neurons.neuron.registers, {register: Lanes(value.get(), span)})
        deliver(regs, register, ops.splat(events.count(code, number), count), weight)
        value.set(ops.at(regs[register], lane_bits(span)))
        ops.count()
    row.store(place, value.get(), LANES)


def collected(code: Code, sums: Row, matrix: Matrix, events: Events) -> None:
    """Add events to sums whose type holds whatever can arrive."""

    def block(start: Any, vectors: int) -> None:
        _summed(code, sums, sums.bits, start, vectors, matrix, events)

    blocks(code, matrix.columns, sums.bits, block)


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
        arrived = ops.load(sums.load(place, LANES), _whole(sums.bits))
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


def _whole(bits: int) -> Interval:
    return Interval(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
