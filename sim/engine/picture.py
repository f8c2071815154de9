"""Convolutions of a compiled kernel, spike by spike: a patch of places of the target, all their channels at once.

The rows of such a layer hold its neurons place by place, the channels of a place side by side; outside they are
numbered channel by channel (see `turn`). What a spike reaches are runs of neighbouring places: where the places of
a run ascend by one, so do its taps in the order in which they are kept, and a run is one stretch of the sums and one
of the weights. Runs of one length, one below the other, are a patch: as a rule all that a spike reaches.

A kernel that moves by one brings a spike's window of weights to the places around it. Patches can all have the sides of
the window then, so that none needs a branch: one that would lie across the picture's edge is moved inside, and reads
zeros that are kept beside the window.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.geometry import Convolution, Pair
from ..network.lists import Synapses, pointers
from ..network.parts import Projection
from ..network.picture import Axis
from ..ops.code import I64, Code, Row, resized, vectors
from ..ops.lanes import LaneOps
from .listing import Events
from .sweep import Swept, swept_of
from .vector import ANYTHING

_MOST_LANES = 1024  # of what is added without a loop
_MOST_ENTRIES = 1 << 18  # of all windows with the zeros beside them

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Picture:
    """A convolution as it is computed.

    kernel: [tap, channel], the weights that are added; a tap is one entry of an output channel's kernel.
    first: int64 [pre + 1], where the patches of each source begin in `patches`, int32 [patch, 2]: entry of the first
    place, entry of the first tap (of their first channels); and in `sides`, int32 [patch, 2]: how many runs, of how
    many places. down: from a run of a patch to the next the entries of places, and of taps. usual: the sides that most
    patches have. alike: whether all have them, and each source has one. swept: the same place by place, if it can be.
    """

    kernel: NDArray[np.int64]
    first: NDArray[np.int64]
    patches: NDArray[np.int32]
    sides: NDArray[np.int32]
    down: Pair
    usual: Pair
    alike: bool
    swept: Swept | None

    @property
    def channels(self) -> int:
        """Channels of the target."""
        return int(self.kernel.shape[1])

    def extremes(self) -> tuple[int, int]:
        """The least and the most that one spike of every source adds to a neuron."""
        least, most = np.minimum(self.kernel, 0).sum(0), np.maximum(self.kernel, 0).sum(0)
        return int(least.min(initial=0)), int(most.max(initial=0))


def picture_of(projection: Projection, weights: NDArray[Any], synapses: Synapses) -> Picture | None:
    """How a projection is computed, if it can be: its synapses, with the weight that each adds."""
    raw, shape = np.asarray(projection.weights), projection.shape
    if not isinstance(shape, Convolution) or shape.groups != 1:
        return None
    flat = np.zeros(raw.size, np.int64)
    flat[synapses.index] = weights
    if not np.array_equal(flat[synapses.index], weights):  # a format that reads the target's parameters
        return None
    high, wide = shape.axes(raw.shape)
    of_channel = synapses.targets < high.outputs * wide.outputs  # the other channels have the same taps
    sources, places, taps = (of[of_channel] for of in (synapses.sources, synapses.targets, synapses.index))
    kept = _kept(sources, places, taps, raw[0].size)
    kernel = np.empty((len(kept), len(raw)), np.int64)
    kernel[kept] = flat.reshape(len(raw), -1).T
    begins, lengths = _runs(sources, places, kept[taps])
    sources, runs = sources[begins], np.stack([places[begins], kept[taps[begins]], lengths], axis=1, dtype=np.int64)
    window = _window(high, wide, shape.input_shape[0], kernel, sources, runs)
    if window is not None and _may_be_alike(high, wide, window):
        return _of_windows(high, wide, window)
    tops, down, several = _patches(sources, runs)
    sides = np.stack([several, runs[tops, 2]], axis=1)
    each, often = np.unique(sides, axis=0, return_counts=True)
    usual = (int(each[often.argmax()][0]), int(each[often.argmax()][1])) if often.size else (0, 0)
    first, swept = _first(sources[tops], synapses), None if window is None else swept_of(high, wide, window)
    tables = (runs[tops, :2] * len(raw)).astype(np.int32), sides.astype(np.int32)
    return Picture(kernel, first, *tables, (down[0] * len(raw), down[1] * len(raw)), usual, False, swept)


def _window(
    high: Axis, wide: Axis, planes: int, kernel: Integers, sources: Integers, runs: Integers
) -> NDArray[np.int64] | None:
    """What a source brings to the places around it, in their order: [row from the last one, plane, column, channel].

    None where the kernel does not move by one, or no place lies under all of its columns.
    """
    if {high.stride, wide.stride, high.dilation, wide.dilation} != {1}:
        return None
    plane, row = sources // (high.size * wide.size), sources // wide.size % high.size
    down, whole = row + high.padding - runs[:, 0] // wide.outputs, runs[:, 2] == wide.kernel
    taps = np.full((high.kernel, planes), -1, np.int64)
    taps[down[whole], plane[whole]] = runs[whole, 1]
    return None if taps.min() < 0 else kernel[taps[..., None] + np.arange(wide.kernel)]


def _may_be_alike(high: Axis, wide: Axis, window: NDArray[np.int64]) -> bool:
    """Whether a patch with the window's sides fits into the target, and the zeros beside windows into a cache."""
    entries = [3 * axis.kernel - 2 for axis in (high, wide)]  # of one window, with the zeros on both sides
    fits = all(axis.kernel <= axis.outputs for axis in (high, wide))
    return fits and entries[0] * entries[1] * window.shape[1] * window.shape[3] <= _MOST_ENTRIES


def _of_windows(high: Axis, wide: Axis, window: NDArray[np.int64]) -> Picture:
    """Each source's patch has the sides of the window, moved inside the target where it is too far out."""
    rows, _, columns, channels = window.shape
    beside = (rows - 1, rows - 1), (0, 0), (columns - 1, columns - 1), (0, 0)
    kernel = np.pad(window[::-1], beside).transpose(1, 0, 2, 3)
    (tops, skipped), (lefts, aside) = _moved(high), _moved(wide)
    entries = np.arange(kernel[..., 0].size).reshape(kernel.shape[:-1])
    taps = entries[:, skipped[:, None], aside]
    places = np.broadcast_to(tops[:, None] * wide.outputs + lefts, taps.shape)
    patches = np.stack([places.ravel(), taps.ravel()], axis=1) * channels
    usual, down = (rows, columns), (wide.outputs * channels, kernel.shape[2] * channels)
    first, sides = np.arange(len(patches) + 1), np.full((len(patches), 2), usual, np.int32)
    tables, swept = (first, patches.astype(np.int32), sides), swept_of(high, wide, window)
    return Picture(kernel.reshape(-1, channels), *tables, down, usual, True, swept)


def _moved(axis: Axis) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Along one side the first place of each source's patch, and the first of its taps, of the zeros or the window."""
    ideal = np.arange(axis.size) + axis.padding - axis.kernel + 1
    inside = np.clip(ideal, 0, axis.outputs - axis.kernel)
    return inside, axis.kernel - 1 + inside - ideal


def _first(sources: Integers, synapses: Synapses) -> NDArray[np.int64]:
    """Where those of each source begin, of all these in order."""
    return pointers(np.bincount(sources, minlength=len(synapses.pointers) - 1))


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


def _patches(sources: Integers, runs: Integers) -> tuple[NDArray[np.int64], Pair, NDArray[np.int64]]:
    """With which runs a patch begins; how far its runs lie from each other, in places and in taps; how many it has."""
    alike = (np.diff(sources) == 0) & (np.diff(runs[:, 2]) == 0)
    steps = np.diff(runs[:, :2], axis=0)
    ways, often = np.unique(steps[alike], axis=0, return_counts=True)
    down = ways[often.argmax()] if often.size else np.zeros(2, np.int64)
    goes_on = alike & np.all(steps == down, axis=1)
    tops = np.flatnonzero(np.concatenate([[True], ~goes_on])[: len(sources)])
    return tops, (int(down[0]), int(down[1])), np.diff(np.append(tops, len(sources)))


@dataclass(frozen=True)
class Canvas:
    """What the code of a convolution works on: see `Picture`."""

    channels: int
    usual: Pair
    alike: bool
    down: tuple[Any, Any]
    first: Row
    patches: Row
    sides: Row
    kernel: Row


def convolved(code: Code, canvas: Canvas, events: Events, into: Row) -> None:
    """Add what the events bring to every neuron of `into` [place, channel], whose type holds it."""
    builder = code.builder
    with code.loop(I64(0), events.found) as number:
        source, acts = events.index.get(number), events.count(code, number)
        with builder.if_else(builder.icmp_signed("==", acts, I64(1)), likely=True) as (once, several):
            with once:
                _source(code, canvas, source, None, into)
            with several:
                _source(code, canvas, source, acts, into)


def _source(code: Code, canvas: Canvas, source: Any, acts: Any, into: Row) -> None:
    """Add what a source brings; acts: as how many spikes, None: one."""
    if canvas.alike:
        _patch(code, canvas, source, acts, into)
        return
    ends = canvas.first.get(source), canvas.first.get(code.builder.add(source, I64(1)))
    with code.loop(*ends) as patch:
        _patch(code, canvas, patch, acts, into)


def _patch(code: Code, canvas: Canvas, patch: Any, acts: Any, into: Row) -> None:
    """Add what a source brings to one patch."""
    builder, (runs, places) = code.builder, canvas.usual
    at = builder.mul(patch, I64(2)), builder.add(builder.mul(patch, I64(2)), I64(1))
    (to, of), (several, length) = map(canvas.patches.get, at), map(canvas.sides.get, at)
    into, weights, lanes = into.part(to), canvas.kernel.part(of), places * canvas.channels

    def run(number: Any) -> tuple[Row, Row]:
        to, of = (builder.mul(number, way) for way in canvas.down)
        return into.part(to), weights.part(of)

    def usual_sides() -> None:
        if runs * lanes <= _MOST_LANES:
            for number in range(runs):
                _stretch(code, *run(I64(number)), lanes, acts)
        else:
            with code.loop(I64(0), I64(runs)) as number:
                _stretch(code, *run(number), lanes, acts)

    def place_by_place() -> None:
        with code.loop(I64(0), several) as number:
            row, tap = run(number)
            with code.loop(I64(0), builder.mul(length, I64(canvas.channels)), canvas.channels) as entry:
                _stretch(code, row.part(entry), tap.part(entry), canvas.channels, acts)

    if lanes > _MOST_LANES:
        place_by_place()
        return
    if canvas.alike:
        usual_sides()
        return
    usual = builder.and_(*(builder.icmp_signed("==", *pair) for pair in ((several, I64(runs)), (length, I64(places)))))
    with builder.if_else(usual, likely=True) as (whole, each):
        with whole:
            usual_sides()
        with each:
            place_by_place()


def _stretch(code: Code, into: Row, weights: Row, count: int, acts: Any) -> None:
    """Add so many weights to as many sums."""
    builder = code.builder
    for first, lanes in vectors(count):
        weight = resized(builder, weights.load(I64(first), lanes), into.bits, weights.signed)
        if acts is not None:
            ops = LaneOps(code, lanes, {}, {})
            weight = builder.mul(weight, ops.at(ops.splat(acts, ANYTHING), into.bits))
        into.store(I64(first), builder.add(into.load(I64(first), lanes), weight), lanes)
