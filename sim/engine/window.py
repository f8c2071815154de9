"""Convolutions of a compiled kernel, place by place of the target: for steps in which most source places spike.

The channels of a place of the source that have spiked are the bits of a few words. Row by row of the target, the words
of the kernel's rows are gone through column by column, and what a bit brings to the places that its column reaches is
added to sums in registers, which are written once they have passed (`picture` writes what each event adds).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..network.geometry import Convolution, Pair
from ..ops.code import I1, I64, Code, Row, Slot, resized
from ..ops.lanes import LaneOps
from .listing import Events
from .vector import ANYTHING

BITS = 64  # of a word of channels
_LANES = (32, 16, 8)  # channels that are gone through together
_MOST_BITS = 12 * 256  # of the sums of a column, which are to stay in registers


@dataclass(frozen=True)
class Window:
    """What the code depends on: the kernel's (height, width), the padding alike, and the source's channels."""

    size: Pair
    padding: Pair
    planes: int

    @property
    def words(self) -> int:
        """Of the channels of a source's place."""
        return -(-self.planes // BITS)

    @property
    def together(self) -> bool:
        """Whether the channels of all rows of the kernel fit one word."""
        return self.size[0] * self.planes <= BITS


@dataclass(frozen=True, eq=False)
class Windowed:
    """A convolution of step 1 as it is computed.

    high, wide: of the source's picture. lie: int32 [pre], of each source its entry in [high + 2 padding, wide, plane].
    taps: int32 [height, channel], where the weights of a row of the kernel begin (see `Picture`).
    """

    window: Window
    high: int
    wide: int
    lie: NDArray[np.int32]
    taps: NDArray[np.int32]

    @property
    def places(self) -> int:
        """Of the source, with the padding above and below."""
        return (self.high + 2 * self.window.padding[0]) * self.wide


def windowed_of(
    shape: Convolution, kernels: tuple[int, ...], first: NDArray[np.int64], runs: NDArray[np.int32]
) -> Windowed | None:
    """How a picture with these runs is computed place by place, if it can be."""
    high, wide = shape.axes(kernels)
    if {high.stride, wide.stride, high.dilation, wide.dilation} != {1} or kernels[0] % _LANES[-1]:
        return None
    planes, rows, columns = shape.input_shape
    window = Window((high.kernel, wide.kernel), (high.padding, wide.padding), planes)
    source = np.arange(planes * rows * columns)
    plane, row, column = source // (rows * columns), source // columns % rows, source % columns
    lie = ((row + high.padding) * columns + column) * planes + plane
    of_run, whole = np.repeat(source, np.diff(first)), runs[:, 2] == wide.kernel
    down = row[of_run] + high.padding - runs[:, 0] // (kernels[0] * wide.outputs)
    taps = np.full((high.kernel, planes), -1, np.int64)
    taps[down[whole], plane[of_run][whole]] = runs[whole, 1]
    if taps.min() < 0 or lie.max() >= 1 << 31:  # no place lies under all of the kernel's columns
        return None
    return Windowed(window, rows, columns, lie.astype(np.int32), taps.astype(np.int32))


@dataclass(frozen=True)
class Panes:
    """What the code works on: see `Windowed`. channels: of the target. words, acting: room for the words of all places,
    and for what the events act as, entry by entry.
    """

    window: Window
    channels: int
    high: Any
    wide: Any
    lie: Row
    taps: Row
    words: Row
    acting: Row
    kernel: Row


def windowed(code: Code, panes: Panes, events: Events, into: Row) -> None:
    """Add what the events bring to every neuron of `into` [place, channel], whose type holds it."""
    with code.builder.if_else(events.graded) as (several, single):
        for graded, branch in ((True, several), (False, single)):
            with branch:
                _windowed(code, panes, events, into, graded)


def _windowed(code: Code, panes: Panes, events: Events, into: Row, graded: bool) -> None:
    builder, window = code.builder, panes.window
    tall = builder.add(panes.high, I64(2 * window.padding[0]))
    panes.words.clear(builder.mul(builder.mul(tall, panes.wide), I64(window.words)))
    with code.loop(I64(0), events.found) as number:
        entry = panes.lie.get(events.index.get(number))
        place, plane = builder.udiv(entry, I64(window.planes)), builder.urem(entry, I64(window.planes))
        word = builder.add(builder.mul(place, I64(window.words)), builder.udiv(plane, I64(BITS)))
        mask = builder.shl(I64(1), builder.urem(plane, I64(BITS)))
        panes.words.set(word, builder.or_(panes.words.get(word), mask))
        if graded:
            panes.acting.set(entry, events.acting.get(number))
    with code.loop(I64(0), builder.sub(tall, I64(window.size[0] - 1))) as row:
        for first, lanes in _blocks(panes.channels, window.size[1], into.bits):
            _Line(code, panes, into, row, first, lanes, graded).run()


def _blocks(channels: int, columns: int, bits: int) -> Iterator[tuple[int, int]]:
    """Channels that are gone through together: the first, and how many."""
    first = 0
    for lanes in _LANES:
        while channels - first >= lanes and (lanes == _LANES[-1] or columns * lanes * bits <= _MOST_BITS):
            yield first, lanes
            first += lanes


class _Line:
    """A row of the target, some channels of it. graded: whether some event acts as other than one spike."""

    def __init__(self, code: Code, panes: Panes, into: Row, row: Any, first: int, lanes: int, graded: bool) -> None:
        self.code, self.builder, self.panes, self.row, self.lanes = code, code.builder, panes, row, lanes
        self.graded = graded
        builder, (_, aside), (_, columns) = code.builder, panes.window.padding, panes.window.size
        self.kernel = panes.kernel.part(I64(first))
        outputs = builder.add(panes.wide, I64(2 * aside - columns + 1))
        self.into = into.part(builder.add(builder.mul(builder.mul(row, outputs), I64(panes.channels)), I64(first)))
        self.zero = ir.Constant(ir.VectorType(ir.IntType(into.bits), lanes), [0] * lanes)
        self.sums = [code.slot(self.zero) for _ in range(columns)]

    def run(self) -> None:
        """Column by column of the source; the first sum is of the target's place that it reaches last.

        Some column lies under the whole kernel (see `windowed_of`), so no place after the last one is below 0.
        """
        builder, aside = self.builder, self.panes.window.padding[1]
        done = aside - len(self.sums) + 1
        with self.code.loop(I64(0), self.panes.wide) as column:
            self.column(column)
            place = builder.add(column, I64(done))
            with builder.if_then(builder.icmp_signed(">=", place, I64(0)), likely=True):
                self.write(place, self.sums[0])
            for total, after in zip(self.sums, self.sums[1:], strict=False):
                total.set(after.get())
            self.sums[-1].set(self.zero)
        for number in range(min(aside, len(self.sums) - 1)):
            self.write(builder.add(self.panes.wide, I64(done + number)), self.sums[number])

    def write(self, place: Any, total: Slot) -> None:
        """Add what a place of the target has got."""
        at = self.builder.mul(place, I64(self.panes.channels))
        self.into.store(at, self.builder.add(self.into.load(at, self.lanes), total.get()), self.lanes)

    def column(self, column: Any) -> None:
        """Add what the events of a column bring."""
        builder, window = self.builder, self.panes.window
        high, planes, words = window.size[0], I64(window.planes), I64(window.words)

        def place(down: Any) -> Any:
            return builder.add(builder.mul(builder.add(self.row, down), self.panes.wide), column)

        if window.together:
            masks = [
                builder.shl(self.panes.words.get(place(I64(down))), I64(down * window.planes)) for down in range(high)
            ]
            step = builder.mul(builder.sub(self.panes.wide, I64(1)), planes)  # from a row's last channel to the next's

            def entry(tap: Any) -> Any:
                return builder.add(tap, builder.mul(builder.udiv(tap, planes), step))

            self.events(reduce(builder.or_, masks), I64(0), builder.mul(place(I64(0)), planes), entry)
            return
        with self.code.loop(I64(0), I64(high)) as down, self.code.loop(I64(0), words) as part:
            first, at = builder.mul(part, I64(BITS)), place(down)
            mask = self.panes.words.get(builder.add(builder.mul(at, words), part))
            tap = builder.add(builder.mul(down, planes), first)
            self.events(mask, tap, builder.add(builder.mul(at, planes), first), lambda bit: bit)

    def events(self, mask: Any, tap: Any, first: Any, entry: Callable[[Any], Any]) -> None:
        """Add the weights of every bit of a mask. tap: of its lowest one; first: where what that acts as is, and
        `entry` how far behind it that of another.
        """
        builder, left, bits = self.builder, self.code.slot(mask), self.zero.type.element.width
        ops, acts = LaneOps(self.code, self.lanes, {}, {}), None
        with self.code.while_(lambda: builder.icmp_unsigned("!=", left.get(), I64(0))):
            mask = left.get()
            left.set(builder.and_(mask, builder.sub(mask, I64(1))))
            bit = builder.cttz(mask, I1(1))
            weights = self.kernel.part(self.panes.taps.get(builder.add(tap, bit)))
            if self.graded:
                found = self.panes.acting.get(builder.add(first, entry(bit)))
                acts = ops.at(ops.splat(found, ANYTHING), bits)
            for number, total in enumerate(self.sums):
                weight = weights.load(I64(number * self.panes.channels), self.lanes)
                weight = resized(builder, weight, bits, weights.signed)
                total.add(weight if acts is None else builder.mul(weight, acts))
