"""Convolutions of a compiled kernel: whole pictures of spikes, a tap of the kernel at a time.

A picture is laid out with its margins, channel by channel, so that a tap is the same picture, moved: what it adds to
all places of an output channel is one product of a vector of spikes and one weight. Places between two lines of the
output get sums, too, which are not used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..network.geometry import Convolution
from ..network.lists import Listed
from ..network.parts import Projection
from ..ops.code import I64, Code, Row
from ..ops.lanes import LaneOps
from .listing import Events
from .vector import ANYTHING, LANES, blocks

TOGETHER = 2  # output channels that share what is loaded of the source


@dataclass(frozen=True, eq=False)
class Picture:
    """A convolution without strides, as it is computed.

    kernel: [out channels, channels, height, width], moved as it is, with the weights that are added. inputs, outputs:
    height and width of a channel of the source and the target. margin: silent places above and to the left.
    """

    kernel: NDArray[np.int64]
    inputs: tuple[int, int]
    outputs: tuple[int, int]
    margin: tuple[int, int]

    @property
    def wide(self) -> int:
        """Places from one line of a source's channel to the next; the margin between them serves both."""
        return self.inputs[1] + self.margin[1]

    @property
    def area(self) -> int:
        """Places of a source's channel, margins included, but for the last one on the right."""
        return (self.inputs[0] + 2 * self.margin[0]) * self.wide

    @property
    def reach(self) -> int:
        """Places of an output channel, from its first to its last, those between its lines included."""
        return (self.outputs[0] - 1) * self.wide + self.outputs[1]

    def places(self) -> NDArray[np.int32]:
        """Where each neuron of the source is laid out, int32 [pre]."""
        channel, line, column = np.indices((self.kernel.shape[1], *self.inputs))
        place = channel * self.area + (line + self.margin[0]) * self.wide + column + self.margin[1]
        return np.ascontiguousarray(place.ravel(), np.int32)

    def taps(self) -> NDArray[np.int32]:
        """How far each tap of a kernel moves the source, int32 [channels * height * width]."""
        channel, line, column = np.indices(self.kernel.shape[1:])
        return np.ascontiguousarray((channel * self.area + line * self.wide + column).ravel(), np.int32)

    def room(self) -> tuple[int, int]:
        """Entries of the source's layout and of an output channel, with what the last vectors pass them by."""
        reach = -(-self.reach // LANES) * LANES
        return int(self.taps().max()) + max(reach, self.area) + LANES, reach

    def extremes(self) -> tuple[int, int]:
        """The least and the most that one spike of every source adds to a neuron."""
        flat = self.kernel.reshape(len(self.kernel), -1)
        return int(np.minimum(flat, 0).sum(1).min(initial=0)), int(np.maximum(flat, 0).sum(1).max(initial=0))


def picture_of(projection: Projection, added: Listed, index: NDArray[np.int64], flipped: bool) -> Picture | None:
    """How a projection is computed as a picture, if it can be.

    added: its synapses. index: which entry of its kernels each uses. flipped: whether kernels are turned around.
    """
    shape = projection.shape
    if not isinstance(shape, Convolution) or shape.stride != (1, 1) or shape.dilation != (1, 1) or shape.groups != 1:
        return None
    raw = np.asarray(projection.weights)
    flat = np.zeros(raw.size, np.int64)
    flat[index] = added.weights
    if not np.array_equal(flat[index], added.weights):  # a format that reads the target's parameters
        return None
    kernel = flat.reshape(raw.shape)
    _, high, wide = shape.output_shape(raw.shape)
    margin = shape.padding if isinstance(shape.padding, tuple) else (shape.padding, shape.padding)
    return Picture(kernel[:, :, ::-1, ::-1] if flipped else kernel, shape.input_shape[1:], (high, wide), margin)


@dataclass(frozen=True)
class Canvas:
    """What the code of a convolution works on: see `kernel.arguments`.

    laid, sums: rows of the type that holds all sums. sizes: of the layout, taps, out channels, reach, lines, width of
    a line, and from line to line.
    """

    laid: Row
    sums: Row
    places: Row
    taps: Row
    kernel: Row
    sizes: tuple[Any, ...]


def convolved(code: Code, canvas: Canvas, events: Events, into: Row) -> None:
    """Add what the events bring to every neuron of `into`, whose type holds it."""
    layout, _, channels, *_ = canvas.sizes
    builder = code.builder
    canvas.laid.clear(layout)
    with code.loop(I64(0), events.found) as number:
        canvas.laid.set(canvas.places.get(events.index.get(number)), events.count(code, number))
    first = code.slot(I64(0))
    for together in (TOGETHER, 1):
        last = builder.sub(channels, builder.urem(builder.sub(channels, first.get()), I64(together)))
        with code.loop(first.get(), last, together) as channel:
            _channels(code, canvas, channel, together, into)
        first.set(last)


def _channels(code: Code, canvas: Canvas, first: Any, together: int, into: Row) -> None:
    """Some output channels from `first` on."""
    builder, (_, taps, _, reach, lines, width, wide) = code.builder, canvas.sizes
    channels = [builder.add(first, I64(i)) for i in range(together)]
    kernels = [canvas.kernel.part(builder.mul(channel, taps)) for channel in channels]
    drawn = [canvas.sums.part(builder.mul(reach, I64(i))) for i in range(together)]
    bits = canvas.laid.bits * together
    blocks(code, reach, bits, lambda start, vectors: _taps(code, canvas, kernels, drawn, taps, start, vectors))
    for channel, sums in zip(channels, drawn, strict=True):
        with code.loop(I64(0), lines) as line:
            target = builder.mul(builder.add(builder.mul(channel, lines), line), width)
            _add(code, into.part(target), sums.part(builder.mul(line, wide)), width)


def _taps(
    code: Code, canvas: Canvas, kernels: list[Row], drawn: list[Row], taps: Any, start: Any, vectors: int
) -> None:
    """The sums of a block of places of several output channels."""
    builder, bits = code.builder, canvas.sums.bits
    zero = ir.Constant(ir.VectorType(ir.IntType(bits), LANES), [0] * LANES)
    sums = [[code.slot(zero) for _ in range(vectors)] for _ in kernels]
    with code.loop(I64(0), taps) as tap:
        ops = LaneOps(code, LANES, {}, {})
        weights = [ops.at(ops.splat(kernel.get(tap), ANYTHING), bits) for kernel in kernels]
        source = builder.add(canvas.taps.get(tap), start)
        for number in range(vectors):
            spikes = canvas.laid.load(builder.add(source, I64(LANES * number)), LANES)
            for totals, weight in zip(sums, weights, strict=True):
                totals[number].add(builder.mul(spikes, weight))
    for totals, row in zip(sums, drawn, strict=True):
        for number, total in enumerate(totals):
            row.store(builder.add(start, I64(LANES * number)), total.get(), LANES)


def _add(code: Code, into: Row, values: Row, count: Any) -> None:
    """Add so many entries."""
    builder, done = code.builder, code.slot(I64(0))
    for lanes in (LANES, 8, 1):
        last = builder.sub(count, builder.urem(builder.sub(count, done.get()), I64(lanes)))
        with code.loop(done.get(), last, lanes) as place:
            value = values.load(place, lanes)
            to = ir.VectorType(ir.IntType(values.bits), lanes)
            own = into.load(place, lanes)
            if into.bits < values.bits:
                own = (builder.sext if into.signed else builder.zext)(own, to)
            into.store(place, builder.add(own, value), lanes)
        done.set(last)
