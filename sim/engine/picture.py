"""Convolutions of a compiled kernel, spike by spike: a patch of the target, all its channels at once.

A spike reaches some places of the target's picture, each in every output channel. Sums are kept place by place, the
channels side by side, so that what it adds to a place is one vector of weights. At the end of the step they are
turned around, in squares of 8 places and 8 channels, and added to the neurons, which are numbered channel by channel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..network.geometry import Convolution
from ..network.lists import Synapses, pointers
from ..network.parts import Projection
from ..ops.code import I64, Code, Row, resized
from ..ops.lanes import LaneOps
from .listing import Events
from .vector import ANYTHING

SQUARE = 8  # places and channels that are turned around together
_LANES = (32, 16, SQUARE)


@dataclass(frozen=True, eq=False)
class Picture:
    """A convolution as it is computed.

    kernel: [tap, channel], the weights that are added; a tap is one entry of an output channel's kernel.
    places: of an output channel. patches: int64 [pre + 1], where the patch of each source begins in `pairs`, int32
    [pair, 2]: a place that it reaches, and the tap.
    """

    kernel: NDArray[np.int64]
    places: int
    patches: NDArray[np.int64]
    pairs: NDArray[np.int32]

    @property
    def channels(self) -> int:
        """Channels of the target."""
        return int(self.kernel.shape[1])

    def weights(self, dtype: str) -> NDArray[Any]:
        """The kernel, its channels filled up to whole squares."""
        behind = stride(self.channels) - self.channels
        return np.ascontiguousarray(np.pad(self.kernel, ((0, 0), (0, behind))), dtype)

    def extremes(self) -> tuple[int, int]:
        """The least and the most that one spike of every source adds to a neuron."""
        least, most = np.minimum(self.kernel, 0).sum(0), np.maximum(self.kernel, 0).sum(0)
        return int(least.min(initial=0)), int(most.max(initial=0))


def stride(channels: int) -> int:
    """Entries from one place's sums to the next one's."""
    return -(-channels // SQUARE) * SQUARE


def picture_of(projection: Projection, weights: NDArray[Any], synapses: Synapses) -> Picture | None:
    """How a projection is computed, if it can be: its synapses, with the weight that each adds."""
    raw, shape = np.asarray(projection.weights), projection.shape
    if not isinstance(shape, Convolution) or shape.groups != 1:
        return None
    flat = np.zeros(raw.size, np.int64)
    flat[synapses.index] = weights
    if not np.array_equal(flat[synapses.index], weights):  # a format that reads the target's parameters
        return None
    _, high, wide = shape.output_shape(raw.shape)
    first = synapses.targets < high * wide  # the other channels have the same taps
    patches = pointers(np.bincount(synapses.sources[first], minlength=len(synapses.pointers) - 1))
    pairs = np.stack([synapses.targets[first], synapses.index[first]], axis=1)
    kernel = flat.reshape(len(raw), -1).T
    return Picture(kernel, high * wide, patches, np.ascontiguousarray(pairs, np.int32))


@dataclass(frozen=True)
class Canvas:
    """What the code of a convolution works on: see `Picture`. sums: [place, stride], of a type that holds them."""

    channels: int
    places: Any
    patches: Row
    pairs: Row
    kernel: Row
    sums: Row


def convolved(code: Code, canvas: Canvas, events: Events, into: Row) -> None:
    """Add what the events bring to every neuron of `into`, whose type holds it."""
    canvas.sums.clear(code.builder.mul(canvas.places, I64(stride(canvas.channels))))
    with code.builder.if_else(events.graded) as (several, single):
        with several, code.loop(I64(0), events.found) as number:
            _patch(code, canvas, events.index.get(number), events.acting.get(number))
        with single, code.loop(I64(0), events.found) as number:
            _patch(code, canvas, events.index.get(number), None)
    _turned(code, canvas, into)


def _patch(code: Code, canvas: Canvas, source: Any, acts: Any) -> None:
    """Add what a source brings to every place that it reaches; acts: as how many spikes, None: one."""
    builder, wide, bits = code.builder, stride(canvas.channels), canvas.sums.bits
    ends = canvas.patches.get(source), canvas.patches.get(builder.add(source, I64(1)))
    with code.loop(*ends) as pair:
        at = builder.shl(pair, I64(1))
        place = builder.mul(canvas.pairs.get(at), I64(wide))
        tap = builder.mul(canvas.pairs.get(builder.or_(at, I64(1))), I64(wide))
        for first, lanes in _vectors(wide):
            to, of = builder.add(place, I64(first)), builder.add(tap, I64(first))
            weight = canvas.kernel.load(of, lanes)
            if acts is not None:
                ops = LaneOps(code, lanes, {}, {})
                weight = builder.mul(weight, ops.at(ops.splat(acts, ANYTHING), bits))
            canvas.sums.store(to, builder.add(canvas.sums.load(to, lanes), weight), lanes)


def _vectors(wide: int) -> list[tuple[int, int]]:
    """A row of channels in vectors: where each begins, and its lanes."""
    found: list[tuple[int, int]] = []
    first = 0
    for lanes in _LANES:
        while wide - first >= lanes:
            found.append((first, lanes))
            first += lanes
    return found


def _turned(code: Code, canvas: Canvas, into: Row) -> None:
    """Add the sums to their neurons."""
    builder, wide = code.builder, stride(canvas.channels)
    whole = builder.and_(canvas.places, I64(-SQUARE))
    with code.loop(I64(0), whole, SQUARE) as place:
        for first in range(0, canvas.channels, SQUARE):
            starts = [builder.mul(builder.add(place, I64(i)), I64(wide)) for i in range(SQUARE)]
            rows = [canvas.sums.load(builder.add(start, I64(first)), SQUARE) for start in starts]
            for i, column in enumerate(_transposed(builder, rows)[: canvas.channels - first]):
                to = builder.add(builder.mul(canvas.places, I64(first + i)), place)
                before = resized(builder, into.load(to, SQUARE), canvas.sums.bits, into.signed)
                into.store(to, builder.add(before, column), SQUARE)
    with code.loop(whole, canvas.places) as place, code.loop(I64(0), I64(canvas.channels)) as channel:
        to = builder.add(builder.mul(canvas.places, channel), place)
        value = canvas.sums.get(builder.add(builder.mul(place, I64(wide)), channel))
        into.set(to, builder.add(into.get(to), value))


def _transposed(builder: ir.IRBuilder, rows: list[Any]) -> list[Any]:
    """The columns of a square of vectors."""
    half = SQUARE // 2
    low = [x for i in range(half) for x in (i, i + SQUARE)]
    order = [ir.Constant(ir.VectorType(ir.IntType(32), SQUARE), mask) for mask in (low, [x + half for x in low])]
    for _ in range(SQUARE.bit_length() - 1):
        pairs = [(rows[i], rows[i + half]) for i in range(half)]
        rows = [builder.shuffle_vector(a, b, mask) for a, b in pairs for mask in order]
    return rows
