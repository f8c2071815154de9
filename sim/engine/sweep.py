"""Convolutions of a compiled kernel, place by place of the target: for steps in which most source places spike.

The source's spikes are listed column by column: where the weights of each are, multiplied by how many spikes it
counts. What reaches a row of the target from one column then follows one another in that list, whichever of the
kernel's rows it is under; its weights are added to sums in registers, which are written once they have passed
(`picture` writes what each event adds).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..network.geometry import Convolution, Pair
from ..ops.code import I32, I64, Code, Row, Slot, greater, greatest, resized, same, vectors, zeros
from .listing import GROUP, places

MULTIPLES = 8  # of its weights that are kept, at most: more spikes of one source go event by event
_LANES = (32, 16, 8)  # channels that are gone through together
_READ = (8, 4, 2, 1)  # channels that are listed together
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
        """[multiple, ...]: the kernel once, twice, and so on."""
        often = np.arange(1, sweep.multiples + 1, dtype=sweep.weight)
        multiplied: NDArray[Any] = np.multiply.outer(often, self.kernel.astype(sweep.weight))
        return multiplied


def swept_of(
    shape: Convolution, sides: Pair, kernel: NDArray[np.int64], first: NDArray[np.int64], runs: NDArray[np.int32]
) -> Swept | None:
    """How a picture (see there) is computed place by place, if it can be; sides: of its kernels."""
    channels = kernel.shape[1]
    high, wide = shape.axes((channels, shape.input_shape[0], *sides))
    if {high.stride, wide.stride, high.dilation, wide.dilation} != {1} or channels % _LANES[-1]:
        return None
    planes, rows, columns = shape.input_shape
    if (rows + MULTIPLES * high.kernel) * planes * wide.kernel * channels > _FARTHEST:
        return None
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
    found, groups = code.slot(I64(0)), list(vectors(planes, _READ))
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
    whole = panes.sweep.size[0] * panes.line if counts else 0  # from a multiple to the next
    taps = ir.Constant(ir.VectorType(I32, lanes), [(first + lane) * panes.tap - whole for lane in range(lanes)])
    often = resized(builder, sent, I32.width, signed=False)
    entries = builder.add(builder.mul(often, same(I32.width, lanes, whole)), taps)
    entries, bits = builder.add(entries, begin), resized(builder, places(code, mask), I32.width, signed=False)
    listed = ir.Constant(bits.type, ir.Undefined)
    for lane in map(I32, range(GROUP)):
        entry = builder.extract_element(entries, builder.extract_element(bits, lane))
        listed = builder.insert_element(listed, entry, lane)
    panes.order.store(found.get(), listed, GROUP)
    found.add(builder.ctpop(mask))


def swept(code: Code, panes: Panes, into: Row) -> None:
    """Add what the listed sources bring to every neuron of `into` [place, channel], whose type holds it."""
    sweep, least = panes.sweep, _LANES[-1]
    outputs = code.builder.add(panes.high, I64(2 * sweep.padding[0] - sweep.size[0] + 1))
    widths = [lanes for lanes in _LANES if lanes == least or sweep.size[1] * lanes * into.bits <= _MOST_BITS]
    with code.loop(I64(0), outputs) as row:
        for first, lanes in vectors(panes.channels, widths):
            _Line(code, panes, into, row, first, lanes).run()


class _Line:
    """A row of the target, some channels of it."""

    def __init__(self, code: Code, panes: Panes, into: Row, row: Any, first: int, lanes: int) -> None:
        self.code, self.builder, self.panes, self.lanes = code, code.builder, panes, lanes
        builder, (above, aside), (rows, columns) = code.builder, panes.sweep.padding, panes.sweep.size
        top = builder.sub(row, I64(above))  # of the source's rows the first under the kernel
        self.top, self.bottom = self._inside(top), self._inside(builder.add(top, I64(rows)))
        self.kernel = panes.kernel.part(builder.sub(I64(first), builder.mul(top, I64(panes.line))))
        outputs = builder.add(panes.wide, I64(2 * aside - columns + 1))
        self.into = into.part(builder.add(builder.mul(builder.mul(row, outputs), I64(panes.channels)), I64(first)))
        self.zero = zeros(into.bits, lanes)
        self.sums = [code.slot(self.zero) for _ in range(columns)]

    def _inside(self, row: Any) -> Any:
        """The nearest of the source's rows, or the one behind them: a kernel may lie in the padding alone."""
        row = self.builder.select(self.builder.icmp_signed(">", row, I64(0)), row, I64(0))
        return self.builder.select(self.builder.icmp_signed("<", row, self.panes.high), row, self.panes.high)

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
        """Add what the spikes of a column bring."""
        builder, bits = self.builder, self.zero.type.element.width
        begin = builder.mul(column, self.panes.high)
        ends = (self.panes.begins.get(builder.add(begin, row)) for row in (self.top, self.bottom))
        with self.code.loop(*ends) as number:
            weights = self.kernel.part(self.panes.order.get(number))
            for place, total in enumerate(self.sums):
                weight = weights.load(I64(place * self.panes.channels), self.lanes)
                total.add(resized(builder, weight, bits, weights.signed))
