"""Convolutions of a compiled kernel, place by place of the target: for steps in which most source places spike.

The source's spikes are listed column by column: where the weights of each are, multiplied by how many spikes it
counts. What reaches a row of the target from one column then follows one another in that list, whichever of the
kernel's rows it is under; its weights are added to sums in registers, which are written once they have passed
(`picture` writes what each event adds).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..network.geometry import Pair
from ..network.picture import Axis
from ..ops.code import I32, I64, Code, Row, Slot, greater, greatest, resized, same, vectors, zeros
from .host import packs
from .listing import AHEAD, GROUP, packed, places

MULTIPLES = 8  # of its weights that are kept, at most: more spikes of one source go event by event
ROWS = 2  # of the target that are gone through together
_LANES = (32, 16, 8)  # channels that are gone through together
_READ = (AHEAD, GROUP, 4, 2, 1)  # channels that are listed together, the first where an instruction packs them
_FARTHEST = (1 << 31) - 1  # entry of a kernel that a list names
_MOST_BITS = 12 * 256  # of the sums of a column, which are to stay in registers


@dataclass(frozen=True)
class Sweep:
    """What the code depends on: the kernel's (height, width), the padding alike, the source's channels; as how many
    spikes one of them counts at most, and the type of its weights times so many.
    """

    size: Pair
    padding: Pair
    planes: int
    multiples: int = 1
    weight: str = "int16"


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
    def places(self) -> int:
        """Of the source."""
        return self.high * self.wide

    def multiplied(self, sweep: Sweep) -> NDArray[Any]:
        """The kernel once, twice, and so on: [multiple * (height + ROWS - 1), ...], each behind rows of zeros."""
        often = np.arange(1, sweep.multiples + 1, dtype=sweep.weight)
        multiplied = np.multiply.outer(often, self.kernel.astype(sweep.weight))
        beside = [(0, 0), (ROWS - 1, 0), *[(0, 0)] * (self.kernel.ndim - 1)]
        apart: NDArray[Any] = np.pad(multiplied, beside).reshape(-1, *self.kernel.shape[1:])
        return np.pad(apart, [(0, ROWS - 1), *beside[:1] * (apart.ndim - 1)])


def swept_of(high: Axis, wide: Axis, window: NDArray[np.int64]) -> Swept | None:
    """How a picture with such a window (see `picture`) is computed place by place, if it can be."""
    rows, planes, columns, channels = window.shape
    lines = high.size + ROWS - 1 + (MULTIPLES - 1) * (rows + ROWS - 1)  # to the end of the last entry's
    if channels % _LANES[-1] or lines * planes * columns * channels > _FARTHEST:
        return None
    return Swept(Sweep((rows, columns), (high.padding, wide.padding), planes), high.size, wide.size, window)


@dataclass(frozen=True)
class Panes:
    """What the code works on: see `Swept`. channels: of the target. sent: the source's spikes, channels last.

    order, begins: room for a list of all spikes, column by column, and for where in it each place begins. kernel: as
    `Swept.multiplied`.
    """

    sweep: Sweep
    channels: int
    high: Any
    wide: Any
    order: Row
    begins: Row
    sent: Row
    kernel: Row

    @property
    def tap(self) -> int:
        """Weights that a spike brings to the places of a row."""
        return self.sweep.size[1] * self.channels

    @property
    def line(self) -> int:
        """Weights of all channels of a row."""
        return self.sweep.planes * self.tap


@dataclass(frozen=True)
class Ordered:
    """The sources that spiked, as listed in `Panes`: how many, and as how many spikes one counts at most."""

    found: Any
    most: Any


def ordered(code: Code, panes: Panes, counts: bool) -> Ordered:
    """List the sources that spiked, each as where its weights are, behind those of the source's row 0.

    counts: whether each brings its weights as often as it counts, else once.
    """
    builder, planes = code.builder, panes.sweep.planes
    found, groups = code.slot(I64(0)), list(vectors(planes, _READ if packs() else _READ[1:]))
    lines = {lanes: code.slot(zeros(I32.width, lanes)) for _, lanes in groups}
    seen = [code.slot(zeros(panes.sent.bits, lanes)) for _, lanes in groups]
    with code.loop(I64(0), panes.wide) as column:
        for lanes, line in lines.items():
            line.set(zeros(I32.width, lanes))
        with code.loop(I64(0), panes.high) as row:
            panes.begins.set(builder.add(builder.mul(column, panes.high), row), found.get())
            place = builder.mul(builder.add(builder.mul(row, panes.wide), column), I64(planes))
            for (first, lanes), most in zip(groups, seen, strict=True):
                sent = panes.sent.load(builder.add(place, I64(first)), lanes)
                most.set(greater(builder, most.get(), sent))
                _list(code, panes, sent, first, lines[lanes].get(), found, counts)
            for lanes, line in lines.items():
                line.add(same(I32.width, lanes, panes.line))
    panes.begins.set(builder.mul(panes.wide, panes.high), found.get())
    most = I64(1)
    for each in seen:
        most = greater(builder, most, greatest(builder, each.get()))
    return Ordered(found.get(), most)


def _list(code: Code, panes: Panes, sent: Any, first: int, begin: Any, found: Slot, counts: bool) -> None:
    """List those of some channels, from `first` on, that have spiked; without a branch, as `listing` does it."""
    builder, lanes = code.builder, sent.type.count
    flags = builder.icmp_unsigned("!=", sent, zeros(panes.sent.bits, lanes))
    mask = builder.zext(builder.bitcast(flags, ir.IntType(lanes)), I64)
    whole = (panes.sweep.size[0] + ROWS - 1) * panes.line if counts else 0  # from a multiple to the next
    behind = (ROWS - 1) * panes.line - whole
    taps = ir.Constant(ir.VectorType(I32, lanes), [(first + lane) * panes.tap + behind for lane in range(lanes)])
    often = resized(builder, sent, I32.width, signed=False)
    entries = builder.add(builder.mul(often, same(I32.width, lanes, whole)), taps)
    entries = builder.add(entries, begin)
    listed = packed(code, entries, mask) if packs() and lanes >= GROUP else _picked(code, entries, places(code, mask))
    panes.order.store(found.get(), listed, listed.type.count)
    found.add(builder.ctpop(mask))


def _picked(code: Code, entries: Any, order: Any) -> Any:
    """Those entries that `order` names."""
    builder, order = code.builder, resized(code.builder, order, I32.width, signed=False)
    picked = ir.Constant(order.type, ir.Undefined)
    for lane in map(I32, range(order.type.count)):
        entry = builder.extract_element(entries, builder.extract_element(order, lane))
        picked = builder.insert_element(picked, entry, lane)
    return picked


def swept(code: Code, panes: Panes, into: Row) -> None:
    """Add what the listed sources bring to every neuron of `into` [place, channel], whose type holds it."""
    builder, done = code.builder, code.slot(I64(0))
    outputs = builder.add(panes.high, I64(2 * panes.sweep.padding[0] - panes.sweep.size[0] + 1))
    for count in (ROWS, 1):
        last = builder.sub(outputs, builder.urem(builder.sub(outputs, done.get()), I64(count)))
        with code.loop(done.get(), last, count) as row:
            for first, lanes in vectors(panes.channels, _widths(panes, into, count)):
                _Rows(code, panes, into, row, count, first, lanes).run()
        done.set(last)


def _widths(panes: Panes, into: Row, rows: int) -> list[int]:
    """How many channels the sums of a column are for, at most, in so many rows."""
    least, sums = _LANES[-1], rows * panes.sweep.size[1] * into.bits
    return [lanes for lanes in _LANES if lanes == least or sums * lanes <= _MOST_BITS]


class _Rows:
    """Some rows of the target, some channels of them."""

    def __init__(self, code: Code, panes: Panes, into: Row, row: Any, count: int, first: int, lanes: int) -> None:
        self.code, self.builder, self.panes, self.lanes = code, code.builder, panes, lanes
        builder, (above, aside), (rows, columns) = code.builder, panes.sweep.padding, panes.sweep.size
        top = builder.sub(row, I64(above))  # of the source's rows the first under the kernel
        self.top, self.bottom = self._inside(top), self._inside(builder.add(top, I64(rows + count - 1)))
        self.kernel = panes.kernel.part(builder.sub(I64(first), builder.mul(top, I64(panes.line))))
        self.outputs = builder.add(panes.wide, I64(2 * aside - columns + 1))
        self.into = into.part(builder.add(builder.mul(builder.mul(row, self.outputs), I64(panes.channels)), I64(first)))
        self.zero = zeros(into.bits, lanes)
        self.sums = [[code.slot(self.zero) for _ in range(columns)] for _ in range(count)]

    def _inside(self, row: Any) -> Any:
        """The nearest of the source's rows, or the one behind them: a kernel may lie in the padding alone."""
        row = self.builder.select(self.builder.icmp_signed(">", row, I64(0)), row, I64(0))
        return self.builder.select(self.builder.icmp_signed("<", row, self.panes.high), row, self.panes.high)

    def run(self) -> None:
        """Column by column of the source; the first sum of a row is of the target's place that it reaches last.

        Some column lies under the whole kernel (see `swept_of`), so no place after the last one is below 0.
        """
        builder, columns, aside = self.builder, self.panes.sweep.size[1], self.panes.sweep.padding[1]
        done = aside - columns + 1
        with self.code.loop(I64(0), self.panes.wide) as column:
            self.column(column)
            place = builder.add(column, I64(done))
            with builder.if_then(builder.icmp_signed(">=", place, I64(0)), likely=True):
                self.write(place, 0)
            for sums in self.sums:
                for total, after in pairwise(sums):
                    total.set(after.get())
                sums[-1].set(self.zero)
        for number in range(min(aside, columns - 1)):
            self.write(builder.add(self.panes.wide, I64(done + number)), number)

    def write(self, place: Any, number: int) -> None:
        """Add what a place of each of the rows has got."""
        builder = self.builder
        for row, sums in enumerate(self.sums):
            at = builder.add(builder.mul(self.outputs, I64(row)), place)
            at = builder.mul(at, I64(self.panes.channels))
            self.into.store(at, builder.add(self.into.load(at, self.lanes), sums[number].get()), self.lanes)

    def column(self, column: Any) -> None:
        """Add what the spikes of a column bring; to rows that they are not under, zeros."""
        builder, bits = self.builder, self.zero.type.element.width
        begin = builder.mul(column, self.panes.high)
        ends = (self.panes.begins.get(builder.add(begin, row)) for row in (self.top, self.bottom))
        with self.code.loop(*ends) as number:
            weights = self.kernel.part(self.panes.order.get(number))
            for row, sums in enumerate(self.sums):
                for place, total in enumerate(sums):
                    weight = weights.load(I64(place * self.panes.channels - row * self.panes.line), self.lanes)
                    total.add(resized(builder, weight, bits, weights.signed))
