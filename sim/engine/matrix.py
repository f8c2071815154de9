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

from ..ops.code import I64, Code, Row, joined, lanes_of, resized, same, zeros
from ..ops.interval import Interval
from ..ops.lanes import LaneOps
from .host import core_cache, vector_registers
from .listing import Events
from .vector import ANYTHING, LANES, Neurons, widened

PAIRED = "int8"  # the type of weights that lie in pairs
MOST_VECTORS = 8  # of a block
TOGETHER = 4  # events that are added at a time: the loop costs as much as adding one
_WIDE = 512  # neurons, so many that most blocks of a row have one before them
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


def asked_for(neurons: int, bytes_: int) -> bool:
    """Whether a block's part of each row is asked for while the block before it is added up: of matrices for so many
    neurons, of so many bytes, that come from beyond a core's own cache.
    """
    return neurons >= _WIDE and bytes_ > core_cache()


@dataclass(frozen=True)
class Matrix:
    """Weights that reach every neuron, each within `span`: a row of `columns` neurons for each source.

    weights: of the type `dtype`, or pairs of it (see `paired`). least, most: of all of them, 0 at most and at least.
    far: see `asked_for`.
    """

    code: Code
    weights: Row
    pairs: bool
    columns: Any
    least: Any
    most: Any
    span: Interval
    far: bool = False

    def behind(self, neuron: Any) -> Matrix:
        """The same without the neurons before this one, a multiple of LANES."""
        entry = self.code.builder.lshr(neuron, I64(1)) if self.pairs else neuron
        return replace(self, weights=self.weights.part(entry))

    def ask(self, source: Any, vectors: int) -> None:
        """Ask for a source's weights for as many vectors of neurons behind the first ones, if they are far."""
        if self.far:
            entries, stride = vectors * LANES, self.columns
            if self.pairs:
                entries, stride = entries // 2, self.code.builder.lshr(stride, I64(1))
            self.weights.part(self.code.builder.mul(source, stride)).prefetch(I64(entries), entries)

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


Extra = tuple[Any, Row]
"""Whether sums are added beside those of events, and these."""


def collected(neurons: Neurons, sums: Row, matrix: Matrix, events: Events) -> None:
    """The sums of events for all neurons, in a type that holds whatever can arrive."""
    code = neurons.code

    def block(start: Any, vectors: int) -> None:
        for vector in range(vectors):
            sums.store(code.builder.add(start, I64(LANES * vector)), zeros(sums.bits, LANES), LANES)
        summed(code, sums, sums.bits, start, vectors, matrix, events)

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


def summed(
    code: Code,
    row: Row,
    bits: int,
    start: Any,
    vectors: int,
    matrix: Matrix,
    events: Events,
    extra: Extra | None = None,
) -> None:
    """Add the plain sum to a block, one spike a source or several, in lanes of so many bits, which hold it."""
    builder = code.builder
    places, matrix = [builder.add(start, I64(LANES * vector)) for vector in range(vectors)], matrix.behind(start)
    with builder.if_else(events.graded) as (several, single):
        with several:
            _multiplied(code, row, bits, places, matrix, events, extra)
        with single:
            if not matrix.pairs:
                _added(code, row, bits, places, matrix, events, extra)
            elif bits == 2 * _BYTE:
                _pairs(code, row, bits, places, matrix, events, extra)
            else:
                with code.loop(I64(0), events.found, _PAIR_EVENTS) as first:
                    left = builder.sub(events.found, first)
                    few = builder.icmp_signed("<", left, I64(_PAIR_EVENTS))
                    part = events.part(code, first, builder.select(few, left, I64(_PAIR_EVENTS)))
                    once = (
                        None
                        if extra is None
                        else (builder.and_(extra[0], builder.icmp_signed("==", first, I64(0))), extra[1])
                    )
                    _pairs(code, row, bits, places, matrix, part, once)


def _before(code: Code, row: Row, bits: int, places: Sequence[Any], extra: Extra | None) -> list[Any]:
    """What a block's neurons hold before its events, in lanes of so many bits, with the sums that are added, too."""
    values = [code.slot(widened(code, row, place, bits)) for place in places]
    if extra is not None:
        added, sums = extra
        with code.builder.if_then(added):
            for value, place in zip(values, places, strict=True):
                value.add(widened(code, sums, place, bits))
    return [value.get() for value in values]


def _multiplied(
    code: Code, row: Row, bits: int, places: Sequence[Any], matrix: Matrix, events: Events, extra: Extra | None
) -> None:
    """Events that act as several spikes, or as fewer than none."""
    builder = code.builder
    sums = [code.slot(value) for value in _before(code, row, bits, places, extra)]
    with code.loop(I64(0), events.found) as number:
        source, ops = events.index.get(number), LaneOps(code, LANES, {}, {})
        factor = ops.at(ops.splat(events.acting.get(number), ANYTHING), bits)
        for vector, total in enumerate(sums):
            total.add(builder.mul(matrix.vector(source, vector, bits), factor))
    for total, place in zip(sums, places, strict=True):
        row.store(place, total.get(), LANES)


def _added(
    code: Code, row: Row, bits: int, places: Sequence[Any], matrix: Matrix, events: Events, extra: Extra | None
) -> None:
    """Events of one spike each, weights of any type."""
    sums = [code.slot(value) for value in _before(code, row, bits, places, extra)]

    def add(sources: Sequence[Any]) -> None:
        for vector, total in enumerate(sums):
            total.add(reduce(code.builder.add, [matrix.vector(source, vector, bits) for source in sources]))

    _together(code, matrix, len(places), events, add)
    for total, place in zip(sums, places, strict=True):
        row.store(place, total.get(), LANES)


def _pairs(
    code: Code, row: Row, bits: int, places: Sequence[Any], matrix: Matrix, events: Events, extra: Extra | None
) -> None:
    """Events of one spike each, weights in pairs: those of two vectors of neurons in one of pairs, if there are two."""
    builder, wide = code.builder, min(2, len(places))
    zero = zeros(2 * _BYTE, wide * LANES // 2)
    sums = [(code.slot(zero), code.slot(zero)) for _ in places[::wide]]

    def add(sources: Sequence[Any]) -> None:
        for number, (whole, upper) in enumerate(sums):
            pairs = [matrix.pairs_of(source, number * wide, wide) for source in sources]
            whole.add(reduce(builder.add, pairs))
            upper.add(reduce(builder.add, [builder.lshr(each, _every(each, _BYTE)) for each in pairs]))

    _together(code, matrix, len(places), events, add)
    ops = LaneOps(code, zero.type.count, {}, {})
    bias = ops.at(ops.splat(builder.mul(events.found, I64(_BIAS)), ANYTHING), 2 * _BYTE)
    before = _before(code, row, bits, places, extra)
    for number, (whole, upper) in enumerate(sums):
        high = upper.get()
        low = builder.sub(whole.get(), builder.shl(high, _every(high, _BYTE)))
        both = builder.sub(low, bias), builder.sub(high, bias)
        for vector in range(wide):
            total = joined(builder, *(lanes_of(builder, each, vector * LANES // 2, LANES // 2) for each in both))
            total, at = resized(builder, total, bits, signed=True), number * wide + vector
            row.store(places[at], builder.add(before[at], total), LANES)


def _together(code: Code, matrix: Matrix, vectors: int, events: Events, add: Callable[[Sequence[Any]], None]) -> None:
    """`add(sources)` for all events, TOGETHER at a time as long as there are so many, to a block of so many vectors."""
    builder = code.builder
    whole = builder.and_(events.found, I64(-TOGETHER))
    for first, last, count in ((I64(0), whole, TOGETHER), (whole, events.found, 1)):
        with code.loop(first, last, count) as number:
            sources = [events.index.get(builder.add(number, I64(later))) for later in range(count)]
            for source in sources:
                matrix.ask(source, vectors)
            add(sources)
