"""Pictures whose neurons lie place by place, channels last, and the way to the order of their numbers and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from llvmlite import ir
from numpy.typing import NDArray

from ..ops.code import I32, I64, Code, Row, joined, lanes_of

_SQUARE_BITS, _MOST_SQUARE = 128, 16  # of a row of the squares that are turned, and its entries


def channels_last(channels: int, size: int) -> NDArray[np.int64]:
    """Which neuron each entry of a row belongs to where a layer lies place by place, channels last."""
    return np.arange(size).reshape(channels, -1).T.ravel()


def turned(code: Code, source: Row, target: Row, channels: int, places: Any, back: bool = False) -> None:
    """Copy [place, channel] to [channel, place], or `back`, in squares, the last of which overlap those before them.

    Two squares of neighbouring places are turned at a time, one in each half of the vectors.
    """
    builder, most = code.builder, min(channels, _MOST_SQUARE, _SQUARE_BITS // source.bits)
    square = 1 << (most.bit_length() - 1)
    for place, _, wide in code.pieces(places, (2 * square, square, 1)[square == 1 :]):
        side = min(wide, square)
        for channel, _, _ in code.pieces(I64(channels), (side,)):

            def entries(row: Any, count: int, stride: Any, column: Any) -> list[Any]:
                return [builder.add(builder.mul(builder.add(row, I64(k)), stride), column) for k in range(count)]

            by_place = entries(place, wide, I64(channels), channel)
            by_channel = entries(channel, side, places, place)
            if back:
                turn = _transposed(builder, [source.load(at, wide) for at in by_channel])
                for number, at in enumerate(by_place):
                    target.store(at, lanes_of(builder, turn[number % side], number // side * side, side), side)
            else:
                rows = [source.load(at, side) for at in by_place]
                if wide > side:
                    rows = [joined(builder, *pair) for pair in zip(rows[:side], rows[side:], strict=True)]
                for at, row in zip(by_channel, _transposed(builder, rows), strict=True):
                    target.store(at, row, wide)


def _transposed(builder: ir.IRBuilder, rows: Sequence[Any]) -> Sequence[Any]:
    """The columns of a square of vectors, or of several squares side by side."""
    side, count = len(rows), rows[0].type.count
    if side == 1:
        return rows
    half = side // 2
    low = [entry + k for first in range(0, count, side) for k in range(first, first + half) for entry in (0, count)]
    order = [ir.Constant(ir.VectorType(I32, count), mask) for mask in (low, [entry + half for entry in low])]
    for _ in range(side.bit_length() - 1):
        pairs = [(rows[k], rows[k + half]) for k in range(half)]
        rows = [builder.shuffle_vector(a, b, mask) for a, b in pairs for mask in order]
    return rows
