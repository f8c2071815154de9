"""Convolutions of a compiled kernel, place by place of the target: for steps in which most source places spike.

The channels of a place of the source that have spiked are the bits of a few words. Row by row of the target, the words
of the kernel's rows are gone through column by column, and what a bit brings to the places that its column reaches is
added to sums in registers, which are written once they have passed (`picture` writes what each event adds).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..network.geometry import Convolution, Pair
from ..ops.code import I1, I64, Code, Row, Slot, greater, greatest, resized, vectors, zeros

BITS = 64  # of a word of channels
_LANES = (32, 16, 8)  # channels that are gone through together
_READ = (64, 32, 16, 8, 4, 2, 1)  # channels that are read together; none lie in two words
_MOST_BITS = 12 * 256  # of the sums of a column, which are to stay in registers


@dataclass(frozen=True)
class Sweep:
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
class Swept:
    """A convolution of step 1 as it is computed.

    high, wide: of the source's picture. kernel: [height, channel, width, target's channel], the weights that are added
    to the places that a column of the source reaches, from the last one on.
    """

    sweep: Sweep
    high: int
    wide: int
    kernel: NDArray[np.int64]

    @property
    def words(self) -> int:
        """Of all places of the source, with the padding above and below."""
        return (self.high + 2 * self.sweep.padding[0]) * self.wide * self.sweep.words


def swept_of(
    shape: Convolution, sides: Pair, kernel: NDArray[np.int64], first: NDArray[np.int64], runs: NDArray[np.int32]
) -> Swept | None:
    """How a picture (see there) is computed place by place, if it can be; sides: of its kernels."""
    channels = kernel.shape[1]
    high, wide = shape.axes((channels, shape.input_shape[0], *sides))
    if {high.stride, wide.stride, high.dilation, wide.dilation} != {1} or channels % _LANES[-1]:
        return None
    planes, rows, columns = shape.input_shape
    source = np.arange(planes * rows * columns)
    plane, row = source // (rows * columns), source // columns % rows
    of_run, whole = np.repeat(source, np.diff(first)), runs[:, 2] == wide.kernel
    down = row[of_run] + high.padding - runs[:, 0] // (channels * wide.outputs)
    taps = np.full((high.kernel, planes), -1, np.int64)
    taps[down[whole], plane[of_run][whole]] = runs[whole, 1] // channels
    if taps.min() < 0:  # no place lies under all of the kernel's columns
        return None
    sweep = Sweep((high.kernel, wide.kernel), (high.padding, wide.padding), planes)
    return Swept(sweep, rows, columns, kernel[taps[..., None] + np.arange(wide.kernel)])


@dataclass(frozen=True)
class Panes:
    """What the code works on: see `Swept`. channels: of the target. sent: the source's spikes, channels last.

    words: room for the words of all places; it begins with 0, as those of the margin stay. kernel: see `Swept`.
    """

    sweep: Sweep
    channels: int
    high: Any
    wide: Any
    words: Row
    sent: Row
    kernel: Row


@dataclass(frozen=True)
class Marked:
    """The sources that spiked, in the words of `Panes`: how many, and as how many spikes one counts at most."""

    found: Any
    most: Any


def marked(code: Code, panes: Panes) -> Marked:
    """Mark the sources that spiked."""
    builder, sweep = code.builder, panes.sweep
    margin, places = builder.mul(I64(sweep.padding[0]), panes.wide), builder.mul(panes.high, panes.wide)
    found, parts = code.slot(I64(0)), list(vectors(sweep.planes, _READ))
    every = [code.slot(zeros(panes.sent.bits, lanes)) for _, lanes in parts]
    with code.loop(I64(0), places) as place:
        words = [I64(0)] * sweep.words
        for (first, lanes), seen in zip(parts, every, strict=True):
            sent = panes.sent.load(builder.add(builder.mul(place, I64(sweep.planes)), I64(first)), lanes)
            flags = builder.icmp_unsigned("!=", sent, zeros(panes.sent.bits, lanes))
            bits = builder.bitcast(flags, ir.IntType(lanes))
            bits = bits if lanes == BITS else builder.shl(builder.zext(bits, I64), I64(first % BITS))
            words[first // BITS] = builder.or_(words[first // BITS], bits)
            seen.set(greater(builder, seen.get(), sent))
        at = builder.mul(builder.add(place, margin), I64(sweep.words))
        for number, word in enumerate(words):
            panes.words.set(builder.add(at, I64(number)), word)
            found.add(builder.ctpop(word))
    most = I64(1)
    for seen in every:
        most = greater(builder, most, greatest(builder, seen.get()))
    return Marked(found.get(), most)


def swept(code: Code, panes: Panes, graded: Any, into: Row) -> None:
    """Add what the marked sources bring to every neuron of `into` [place, channel], whose type holds it.

    graded: whether each brings its weight as often as it counts, else once.
    """
    with code.builder.if_else(graded) as (several, single):
        for often, branch in ((True, several), (False, single)):
            with branch:
                _swept(code, panes, into, often)


def _swept(code: Code, panes: Panes, into: Row, graded: bool) -> None:
    builder, sweep = code.builder, panes.sweep
    above, least = 2 * sweep.padding[0] - sweep.size[0] + 1, _LANES[-1]
    widths = [lanes for lanes in _LANES if lanes == least or sweep.size[1] * lanes * into.bits <= _MOST_BITS]
    with code.loop(I64(0), builder.add(panes.high, I64(above))) as row:
        for first, lanes in vectors(panes.channels, widths):
            _Line(code, panes, into, row, first, lanes, graded).run()


class _Line:
    """A row of the target, some channels of it. graded: see `swept`."""

    def __init__(self, code: Code, panes: Panes, into: Row, row: Any, first: int, lanes: int, graded: bool) -> None:
        self.code, self.builder, self.panes, self.row, self.lanes = code, code.builder, panes, row, lanes
        self.graded = graded
        builder, (_, aside), (_, columns) = code.builder, panes.sweep.padding, panes.sweep.size
        self.kernel = panes.kernel.part(I64(first))
        margin = builder.mul(panes.wide, I64(-panes.sweep.padding[0] * panes.sweep.planes))
        self.sent = panes.sent.part(margin)  # as if it had the margin above, of which no bit is set
        outputs = builder.add(panes.wide, I64(2 * aside - columns + 1))
        self.into = into.part(builder.add(builder.mul(builder.mul(row, outputs), I64(panes.channels)), I64(first)))
        self.zero = zeros(into.bits, lanes)
        self.sums = [code.slot(self.zero) for _ in range(columns)]

    def run(self) -> None:
        """Column by column of the source; the first sum is of the target's place that it reaches last.

        Some column lies under the whole kernel (see `swept_of`), so no place after the last one is below 0.
        """
        builder, aside = self.builder, self.panes.sweep.padding[1]
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
        builder, sweep = self.builder, self.panes.sweep
        high, planes, words = sweep.size[0], I64(sweep.planes), I64(sweep.words)

        def place(down: Any) -> Any:
            return builder.add(builder.mul(builder.add(self.row, down), self.panes.wide), column)

        if sweep.together:
            masks = [
                builder.shl(self.panes.words.get(place(I64(down))), I64(down * sweep.planes)) for down in range(high)
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
        """Add the weights of every bit of a mask. tap: of its lowest one; first: where what it sends is, and
        `entry` how far behind it that of another.
        """
        builder, left, bits = self.builder, self.code.slot(mask), self.zero.type.element.width
        stride = I64(len(self.sums) * self.panes.channels)
        with self.code.while_(lambda: builder.icmp_unsigned("!=", left.get(), I64(0))):
            mask = left.get()
            left.set(builder.and_(mask, builder.sub(mask, I64(1))))
            bit, often = builder.cttz(mask, I1(1)), None
            weights = self.kernel.part(builder.mul(builder.add(tap, bit), stride))
            if self.graded:
                sent = resized(builder, self.sent.load(builder.add(first, entry(bit)), 1), bits, self.sent.signed)
                often = builder.shuffle_vector(sent, sent, zeros(32, self.lanes))
            for number, total in enumerate(self.sums):
                weight = weights.load(I64(number * self.panes.channels), self.lanes)
                weight = resized(builder, weight, bits, weights.signed)
                total.add(weight if often is None else builder.mul(weight, often))
