"""Dense weights in a compiled kernel: what the sources of a step add to every neuron, block by block.

Weights of 8 bits lie in pairs, of which one add of 16 bits adds both: see `paired`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datapath import deliver
from ..ops.base import Registers
from ..ops.code import I64, Code, Row, joined, lanes_of, resized, same, zeros
from ..ops.interval import Interval
from ..ops.lane_arithmetic import Lanes, lane_bits
from ..ops.lanes import LaneOps
from ..word import Word
from .host import vector_registers
from .listing import Events, strongest
from .vector import ANYTHING, LANES, Neurons, bounded, widened, within

PAIRED = "int8"  # the type of weights that lie in pairs
MOST_VECTORS = 8  # of a block
TOGETHER = 4  # events that are added at a time: the loop costs as much as adding one
FEWEST = 8  # events that are worth a part
_BIAS, _BYTE = 128, 8
_PAIR_EVENTS = 1 << _BYTE  # so many events leave the sums of pairs within 16 bits


def _every(vector: Any, value: int) -> Any:
    """A vector of this type, of one value."""
    return same(vector.type.element.width, vector.type.count, value)


def paired(weights: NDArray[Any]) -> NDArray[np.uint16]:
    """Weights of 8 bits [pre, neuron], whole vectors, as a kernel reads them: [pre, neuron / 2].

    The two of a pair are LANES / 2 neurons apart, each with 128 added: w + 128 + 256 (v + 128). Of such pairs the sum
    S and the sum H of their upper bytes give both sums of weights: that of v is H - 128 n, that of w
    S - 256 H - 128 n, in 16 bits, whatever was carried, if they fit there.
    """
    halves = (weights.astype(np.int16) + _BIAS).astype(np.uint16).reshape(len(weights), -1, 2, LANES // 2)
    return np.ascontiguousarray(halves[:, :, 0] | halves[:, :, 1] << _BYTE).reshape(len(weights), -1)


@dataclass(frozen=True)
class Matrix:
    """Weights that reach every neuron, each within `span`: a row of `columns` neurons for each source.

    weights: of the type `dtype`, or pairs of it (see `paired`). least, most: of all of them, 0 at most and at least.
    """

    code: Code
    weights: Row
    pairs: bool
    columns: Any
    least: Any
    most: Any
    span: Interval

    def behind(self, neuron: Any) -> Matrix:
        """The same without the neurons before this one, a multiple of LANES."""
        entry = self.code.builder.lshr(neuron, I64(1)) if self.pairs else neuron
        return replace(self, weights=self.weights.part(entry))

    def pairs_of(self, source: Any, vector: int, vectors: int = 1) -> Any:
        """A source's pairs for some of the vectors of neurons, from one on."""
        stride = self.code.builder.lshr(self.columns, I64(1))
        row = self.weights.part(self.code.builder.mul(source, stride))
        return row.load(I64(vector * LANES // 2), vectors * LANES // 2)

    def vector(self, source: Any, vector: int, bits: int) -> Any:
        """A source's weights for one of the vectors of neurons, in lanes of so many bits."""
        builder = self.code.builder
        if not self.pairs:
            row = self.weights.part(builder.mul(source, self.columns))
            return widened(self.code, row, I64(vector * LANES), bits)
        pairs = self.pairs_of(source, vector)
        upper = builder.lshr(pairs, _every(pairs, _BYTE))
        lower = builder.and_(pairs, _every(pairs, (1 << _BYTE) - 1))
        whole = joined(builder, lower, upper)
        return resized(builder, builder.sub(whole, same(2 * _BYTE, LANES, _BIAS)), bits, signed=True)


def part_of(code: Code, word: Word, matrix: Matrix) -> Any:
    """How many events of one spike a register takes at a time: they add at most half of what its word holds."""
    builder, spread = code.builder, code.builder.sub(matrix.most, matrix.least)
    spread = builder.select(builder.icmp_signed(">", spread, I64(1)), spread, I64(1))
    return builder.sdiv(I64((word.max - word.min) // 2), spread)


def accumulated(neurons: Neurons, register: str, matrix: Matrix, part: Any, events: Events, count: Interval) -> None:
    """Deliver events to a register of all neurons, each with its fit. count: as what one acts. part: see `part_of`.

    A part of the events that cannot carry a block of neurons past the register's word is added plainly.
    """
    code, builder = neurons.code, neurons.code.builder
    if not bounded(matrix.span, count):
        with code.loop(I64(0), neurons.padded, LANES) as place:
            _each(neurons, register, place, matrix, events, count)
        return
    word, weakest, strong = neurons.neuron.registers[register], *strongest(code, events)
    several = code.slot(part)
    with builder.if_then(events.graded):
        several.set(builder.sdiv(part, builder.sub(strong, weakest)))
    enough = builder.icmp_signed(">=", several.get(), I64(FEWEST))
    part = builder.select(enough, several.get(), I64(1 << 31))  # all of them, as few are not worth a part
    low = builder.add(builder.mul(strong, matrix.least), builder.mul(weakest, matrix.most))
    high = builder.add(builder.mul(strong, matrix.most), builder.mul(weakest, matrix.least))
    with code.loop(I64(0), events.found, part) as first:
        left = builder.sub(events.found, first)
        several = builder.select(builder.icmp_signed("<", left, part), left, part)
        least = builder.sub(I64(word.min), builder.mul(several, low))
        most = builder.sub(I64(word.max), builder.mul(several, high))
        _part(neurons, register, matrix, events.part(code, first, several), count, (least, most))


def _part(
    neurons: Neurons, register: str, matrix: Matrix, events: Events, count: Interval, ends: tuple[Any, Any]
) -> None:
    """Deliver some events, plainly where all of a block's neurons hold a value within `ends`."""
    code, builder, row = neurons.code, neurons.code.builder, neurons.rows[register]
    bits, possible = lane_bits(neurons.held[register]), builder.icmp_signed("<=", *ends)

    def block(start: Any, vectors: int) -> None:
        sure = code.slot(possible)
        with builder.if_then(possible):
            sure.set(within(code, row, start, vectors, bits, *ends))
        with builder.if_else(sure.get(), likely=True) as (plain, careful):
            with plain:
                _summed(code, row, bits, start, vectors, matrix, events)
            with careful, code.loop(start, builder.add(start, I64(LANES * vectors)), LANES) as place:
                _each(neurons, register, place, matrix, events, count)

    blocks(code, neurons.padded, bits, block)


def collected(neurons: Neurons, sums: Row, matrix: Matrix, events: Events) -> None:
    """The sums of events for all neurons, in a type that holds whatever can arrive."""
    code = neurons.code

    def block(start: Any, vectors: int) -> None:
        for vector in range(vectors):
            sums.store(code.builder.add(start, I64(LANES * vector)), zeros(sums.bits, LANES), LANES)
        _summed(code, sums, sums.bits, start, vectors, matrix, events)

    blocks(code, neurons.padded, sums.bits, block)


def blocks(code: Code, padded: Any, bits: int, run: Callable[[Any, int], None]) -> None:
    """`run(first neuron, vectors)` for every block of a row, whose sums take so many bits a neuron.

    The sums of a block fill half of the machine's vector registers.
    """
    builder, done = code.builder, code.slot(I64(0))
    most = min(MOST_VECTORS, max(1, vector_registers() * 8 // 2 // (bits * LANES)))
    for vectors in (1 << size for size in reversed(range(most.bit_length()))):
        width = vectors * LANES
        last = builder.sub(padded, builder.urem(builder.sub(padded, done.get()), I64(width)))
        with code.loop(done.get(), last, width) as start:
            run(start, vectors)
        done.set(last)


def _summed(code: Code, row: Row, bits: int, start: Any, vectors: int, matrix: Matrix, events: Events) -> None:
    """Add the plain sum to a block, one spike a source or several, in lanes of so many bits, which hold it."""
    builder = code.builder
    places, matrix = [builder.add(start, I64(LANES * vector)) for vector in range(vectors)], matrix.behind(start)
    with builder.if_else(events.graded) as (several, single):
        with several:
            _multiplied(code, row, bits, places, matrix, events)
        with single:
            if not matrix.pairs:
                _added(code, row, bits, places, matrix, events)
            elif bits == 2 * _BYTE:
                _pairs(code, row, bits, places, matrix, events)
            else:
                with code.loop(I64(0), events.found, _PAIR_EVENTS) as first:
                    left = builder.sub(events.found, first)
                    few = builder.icmp_signed("<", left, I64(_PAIR_EVENTS))
                    part = events.part(code, first, builder.select(few, left, I64(_PAIR_EVENTS)))
                    _pairs(code, row, bits, places, matrix, part)


def _multiplied(code: Code, row: Row, bits: int, places: Sequence[Any], matrix: Matrix, events: Events) -> None:
    """Events that act as several spikes, or as fewer than none."""
    builder = code.builder
    sums = [code.slot(widened(code, row, place, bits)) for place in places]
    with code.loop(I64(0), events.found) as number:
        source, ops = events.index.get(number), LaneOps(code, LANES, {}, {})
        factor = ops.at(ops.splat(events.acting.get(number), ANYTHING), bits)
        for vector, total in enumerate(sums):
            total.add(builder.mul(matrix.vector(source, vector, bits), factor))
    for total, place in zip(sums, places, strict=True):
        row.store(place, total.get(), LANES)


def _added(code: Code, row: Row, bits: int, places: Sequence[Any], matrix: Matrix, events: Events) -> None:
    """Events of one spike each, weights of any type."""
    sums = [code.slot(widened(code, row, place, bits)) for place in places]

    def add(sources: Sequence[Any]) -> None:
        for vector, total in enumerate(sums):
            total.add(reduce(code.builder.add, [matrix.vector(source, vector, bits) for source in sources]))

    _together(code, events, add)
    for total, place in zip(sums, places, strict=True):
        row.store(place, total.get(), LANES)


def _pairs(code: Code, row: Row, bits: int, places: Sequence[Any], matrix: Matrix, events: Events) -> None:
    """Events of one spike each, weights in pairs: those of two vectors of neurons in one of pairs, if there are two."""
    builder, wide = code.builder, min(2, len(places))
    zero = zeros(2 * _BYTE, wide * LANES // 2)
    sums = [(code.slot(zero), code.slot(zero)) for _ in places[::wide]]

    def add(sources: Sequence[Any]) -> None:
        for number, (whole, upper) in enumerate(sums):
            pairs = [matrix.pairs_of(source, number * wide, wide) for source in sources]
            whole.add(reduce(builder.add, pairs))
            upper.add(reduce(builder.add, [builder.lshr(each, _every(each, _BYTE)) for each in pairs]))

    _together(code, events, add)
    ops = LaneOps(code, zero.type.count, {}, {})
    bias = ops.at(ops.splat(builder.mul(events.found, I64(_BIAS)), ANYTHING), 2 * _BYTE)
    for number, (whole, upper) in enumerate(sums):
        high = upper.get()
        low = builder.sub(whole.get(), builder.shl(high, _every(high, _BYTE)))
        both = builder.sub(low, bias), builder.sub(high, bias)
        for vector, place in enumerate(places[number * wide : (number + 1) * wide]):
            total = joined(builder, *(lanes_of(builder, each, vector * LANES // 2, LANES // 2) for each in both))
            before = widened(code, row, place, bits)
            row.store(place, builder.add(before, resized(builder, total, bits, signed=True)), LANES)


def _together(code: Code, events: Events, add: Callable[[Sequence[Any]], None]) -> None:
    """`add(sources)` for all events, TOGETHER at a time as long as there are so many."""
    builder = code.builder
    whole = builder.and_(events.found, I64(-TOGETHER))
    with code.loop(I64(0), whole, TOGETHER) as number:
        add([events.index.get(builder.add(number, I64(later))) for later in range(TOGETHER)])
    with code.loop(whole, events.found) as number:
        add([events.index.get(number)])


def _each(neurons: Neurons, register: str, place: Any, matrix: Matrix, events: Events, count: Interval) -> None:
    """Event by event to one vector of neurons, each with its fit."""
    code, matrix = neurons.code, matrix.behind(place)
    row, span, ops = neurons.rows[register], neurons.held[register], neurons.ops(place)
    value = code.slot(ops.load(row.load(place, LANES), span, row.signed).vector)
    with code.loop(I64(0), events.found) as number:
        weights = matrix.vector(events.index.get(number), 0, lane_bits(matrix.span))
        weight = ops.load(weights, matrix.span)
        regs = Registers(ops, neurons.neuron.registers, {register: Lanes(value.get(), span)})
        deliver(regs, register, ops.splat(events.count(code, number), count), weight)
        value.set(ops.at(regs[register], lane_bits(span)))
        ops.count()
    row.store(place, value.get(), LANES)
