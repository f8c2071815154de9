"""Sum pooling in a compiled kernel: whole rows of windows at once, straight from the source's spikes.

A row of spikes is read as vectors; the entries of a window that lie `across` apart, window by window, are brought side
by side and added.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from llvmlite import ir

from ..network.geometry import Pair, Pooling, Triple
from ..network.lists import Listed
from ..network.parts import Projection
from ..ops.code import I32, I64, Code, Row, resized

FARTHEST = 4  # from a window to the next: so many entries less one may be read behind a row's last
_LANES = (16, 4, 1)  # windows at a time


@dataclass(frozen=True)
class Windows:
    """The windows of a pool: their size and the way from one to the next, (height, width)."""

    size: Pair
    stride: Pair

    @property
    def entries(self) -> int:
        """Spikes of a window."""
        return self.size[0] * self.size[1]


@dataclass(frozen=True)
class Pool:
    """A pool as it is computed. source, target: (channels, height, width) of the pictures."""

    windows: Windows
    source: Triple
    target: Triple

    @property
    def sides(self) -> tuple[int, ...]:
        """What a kernel is called with: see `SIDES`."""
        return (self.source[0], *self.source[1:], *self.target[1:])


SIDES = ("planes", "source_high", "source_wide", "target_high", "target_wide")


def pool_of(projection: Projection, added: Listed) -> Pool | None:
    """How a projection is computed as a pool, if it can be: its synapses, with the weight that each adds."""
    shape = projection.shape
    if not isinstance(shape, Pooling) or not np.all(added.weights == 1):
        return None
    windows = Windows(*shape.pairs)
    return Pool(windows, shape.input_shape, shape.output_shape()) if windows.stride[1] <= FARTHEST else None


def pooled(code: Code, windows: Windows, sides: tuple[Any, ...], spikes: Row, into: Row) -> None:
    """Add the spikes of every window to its neuron of `into`, whose type holds it. sides: as `Pool.sides`."""
    builder = code.builder
    planes, source_high, source_wide, target_high, target_wide = sides
    with code.loop(I64(0), planes) as plane, code.loop(I64(0), target_high) as row:
        from_row = builder.add(builder.mul(plane, source_high), builder.mul(row, I64(windows.stride[0])))
        source = spikes.part(builder.mul(from_row, source_wide))
        target = into.part(builder.mul(builder.add(builder.mul(plane, target_high), row), target_wide))
        for begin, repeated, lanes in code.pieces(target_wide, _LANES):
            _row(code, windows, source, source_wide, target, begin, repeated, lanes)


def _row(code: Code, windows: Windows, source: Row, wide: Any, target: Row, begin: Any, known: Any, lanes: int) -> None:
    """Add so many windows of a row from `begin` on, but for the first ones, which are `known`."""
    builder, across = code.builder, windows.stride[1]
    total: Any = None
    for down in range(windows.size[0]):
        place = builder.add(builder.mul(wide, I64(down)), builder.mul(begin, I64(across)))
        for group in range(0, windows.size[1], across):
            chunk = source.load(builder.add(place, I64(group)), lanes * across)
            for column in range(min(across, windows.size[1] - group)):
                part = _every(builder, chunk, across, column, target.bits, source.signed)
                total = part if total is None else builder.add(total, part)
    order = ir.Constant(ir.VectorType(I64, lanes), list(range(lanes)))
    held = builder.insert_element(ir.Constant(order.type, ir.Undefined), known, I32(0))
    held = builder.shuffle_vector(held, held, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))
    new = builder.select(builder.icmp_signed(">=", order, held), total, ir.Constant(total.type, [0] * lanes))
    target.store(begin, builder.add(target.load(begin, lanes), new), lanes)


def _every(builder: ir.IRBuilder, chunk: Any, across: int, column: int, bits: int, signed: bool) -> Any:
    """Of each `across` lanes the one at `column`, in lanes of so many bits."""
    own, lanes = chunk.type.element.width, chunk.type.count // across
    if across & (across - 1) or own * across > 64:
        mask = ir.Constant(ir.VectorType(I32, lanes), [column + across * lane for lane in range(lanes)])
        return resized(builder, builder.shuffle_vector(chunk, chunk, mask), bits, signed)
    wide = ir.VectorType(ir.IntType(own * across), lanes)
    above = ir.Constant(wide, [own * (across - 1 - column)] * lanes)
    whole = builder.shl(builder.bitcast(chunk, wide), above)
    shift = builder.ashr if signed else builder.lshr
    return resized(builder, shift(whole, ir.Constant(wide, [own * (across - 1)] * lanes)), bits, signed)
