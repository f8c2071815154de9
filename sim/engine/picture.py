"""Convolutions of a compiled kernel, spike by spike: a run of places of the target, all their channels at once.

The rows of such a layer hold its neurons place by place, the channels of a place side by side; outside they are
numbered channel by channel (see `turned`). What a spike reaches are runs of neighbouring places: where the places of
a run ascend by one, so do its taps in the order in which they are kept, and a run is one stretch of the sums and one
of the weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..network.geometry import Convolution
from ..network.lists import Synapses, pointers
from ..network.parts import Projection
from ..ops.code import I32, I64, Code, Row, resized, vectors
from ..ops.lanes import LaneOps
from .listing import Events
from .sweep import Swept, swept_of
from .vector import ANYTHING

_MOST_LANES = 1024  # of a run whose code has no loop
_SQUARE_BITS, _MOST_SQUARE = 128, 16  # of a row of the squares that are turned, and its entries

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Picture:
    """A convolution as it is computed.

    kernel: [tap, channel], the weights that are added; a tap is one entry of an output channel's kernel.
    first: int64 [pre + 1], where the runs of each source begin in `runs`, int32 [run, 3]: entry of the first place,
    entry of the first tap (of their first channels), how many places. usual: the length that most runs have.
    swept: the same place by place, if it can be.
    """

    kernel: NDArray[np.int64]
    first: NDArray[np.int64]
    runs: NDArray[np.int32]
    usual: int
    swept: Swept | None

    @property
    def channels(self) -> int:
        """Channels of the target."""
        return int(self.kernel.shape[1])

    def extremes(self) -> tuple[int, int]:
        """The least and the most that one spike of every source adds to a neuron."""
        least, most = np.minimum(self.kernel, 0).sum(0), np.maximum(self.kernel, 0).sum(0)
        return int(least.min(initial=0)), int(most.max(initial=0))


def channels_last(channels: int, size: int) -> NDArray[np.int64]:
    """Which neuron each entry of a row belongs to where a layer lies place by place, channels last."""
    return np.arange(size).reshape(channels, -1).T.ravel()


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
    of_channel = synapses.targets < high * wide  # the other channels have the same taps
    sources, places, taps = (of[of_channel] for of in (synapses.sources, synapses.targets, synapses.index))
    kept = _kept(sources, places, taps, raw[0].size)
    kernel = np.empty((len(kept), len(raw)), np.int64)
    kernel[kept] = flat.reshape(len(raw), -1).T
    begins, lengths = _runs(sources, places, kept[taps])
    places, taps = places[begins] * len(raw), kept[taps[begins]] * len(raw)
    runs = np.stack([places, taps, lengths], axis=1).astype(np.int32)
    first = pointers(np.bincount(sources[begins], minlength=len(synapses.pointers) - 1))
    usual = int(np.bincount(lengths).argmax()) if lengths.size else 0
    return Picture(kernel, first, runs, usual, swept_of(shape, raw.shape[2:], kernel, first, runs))


def _kept(sources: Integers, places: Integers, taps: Integers, count: int) -> NDArray[np.int64]:
    """Where each tap is kept: behind the one that acts a place before it, as a rule."""
    neighbours = (np.diff(sources) == 0) & (np.diff(places) == 1)
    steps, often = np.unique(np.diff(taps)[neighbours], return_counts=True)
    step = int(steps[often.argmax()]) if steps.size else 1
    every = np.arange(count)
    kept = np.empty(count, np.int64)
    kept[np.lexsort((every * np.sign(step), every % max(abs(step), 1)))] = every
    return kept


def _runs(sources: Integers, places: Integers, kept: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Of the synapses to one channel those with which a run begins, and how many it has."""
    goes_on = (np.diff(sources) == 0) & (np.diff(places) == 1) & (np.diff(kept) == 1)
    begins = np.flatnonzero(np.concatenate([[True], ~goes_on])[: len(sources)])
    return begins, np.diff(np.append(begins, len(sources)))


@dataclass(frozen=True)
class Canvas:
    """What the code of a convolution works on: see `Picture`."""

    channels: int
    usual: int
    first: Row
    runs: Row
    kernel: Row


def convolved(code: Code, canvas: Canvas, events: Events, into: Row) -> None:
    """Add what the events bring to every neuron of `into` [place, channel], whose type holds it."""
    builder = code.builder
    with code.loop(I64(0), events.found) as number:
        source, acts = events.index.get(number), events.count(code, number)
        ends = canvas.first.get(source), canvas.first.get(builder.add(source, I64(1)))
        with builder.if_else(builder.icmp_signed("==", acts, I64(1)), likely=True) as (once, several):
            with once, code.loop(*ends) as run:
                _run(code, canvas, run, None, into)
            with several, code.loop(*ends) as run:
                _run(code, canvas, run, acts, into)


def _run(code: Code, canvas: Canvas, run: Any, acts: Any, into: Row) -> None:
    """Add what a source brings to one run; acts: as how many spikes, None: one."""
    builder = code.builder
    at = builder.mul(run, I64(3))
    place, tap, length = (canvas.runs.get(builder.add(at, I64(entry))) for entry in range(3))
    lanes = canvas.usual * canvas.channels
    usual = builder.icmp_signed("==", length, I64(canvas.usual if lanes <= _MOST_LANES else 0))
    with builder.if_else(usual, likely=True) as (whole, each):
        with whole:
            _stretch(code, into.part(place), canvas.kernel.part(tap), lanes, acts)
        with each, code.loop(I64(0), builder.mul(length, I64(canvas.channels)), canvas.channels) as entry:
            to, of = into.part(builder.add(place, entry)), canvas.kernel.part(builder.add(tap, entry))
            _stretch(code, to, of, canvas.channels, acts)


def _stretch(code: Code, into: Row, weights: Row, count: int, acts: Any) -> None:
    """Add so many weights to as many sums."""
    builder = code.builder
    for first, lanes in vectors(count):
        weight = resized(builder, weights.load(I64(first), lanes), into.bits, weights.signed)
        if acts is not None:
            ops = LaneOps(code, lanes, {}, {})
            weight = builder.mul(weight, ops.at(ops.splat(acts, ANYTHING), into.bits))
        into.store(I64(first), builder.add(into.load(I64(first), lanes), weight), lanes)


def turned(code: Code, source: Row, target: Row, channels: int, places: Any, back: bool = False) -> None:
    """Copy [place, channel] to [channel, place], or `back`, in squares, the last of which overlap those before them."""
    builder, most = code.builder, min(channels, _MOST_SQUARE, _SQUARE_BITS // source.bits)
    square = 1 << (most.bit_length() - 1)

    def entry(place: Any, channel: Any, by_place: bool) -> Any:
        row, wide, column = (place, I64(channels), channel) if by_place else (channel, places, place)
        return builder.add(builder.mul(row, wide), column)

    def steps(place: Any, channel: Any, by_place: bool, side: int) -> list[Any]:
        moves = [(builder.add(place, I64(i)), channel) for i in range(side)]
        moves = moves if by_place else [(place, builder.add(channel, I64(i))) for i in range(side)]
        return [entry(*move, by_place) for move in moves]

    for place, _, side in code.pieces(places, (square, 1)):
        for channel, _, _ in code.pieces(I64(channels), (side,)):
            rows = [source.load(at, side) for at in steps(place, channel, not back, side)]
            for at, column in zip(steps(place, channel, back, side), _transposed(builder, rows), strict=True):
                target.store(at, column, side)


def _transposed(builder: ir.IRBuilder, rows: Sequence[Any]) -> Sequence[Any]:
    """The columns of a square of vectors."""
    side = len(rows)
    if side == 1:
        return rows
    half = side // 2
    low = [x for i in range(half) for x in (i, i + side)]
    order = [ir.Constant(ir.VectorType(I32, side), mask) for mask in (low, [x + half for x in low])]
    for _ in range(side.bit_length() - 1):
        pairs = [(rows[i], rows[i + half]) for i in range(half)]
        rows = [builder.shuffle_vector(a, b, mask) for a, b in pairs for mask in order]
    return rows
