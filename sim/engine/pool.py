"""Sum pooling in a compiled kernel: window by window, all channels of a place at once.

Source and target lie place by place, channels last, so that the entries of a window are vectors one below the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np

from ..network.geometry import Pair, Pooling, Triple
from ..network.lists import Listed
from ..network.parts import Projection
from ..ops.code import I64, VECTOR, Code, Row, greater, greatest, resized, vectors, zeros


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
    def channels(self) -> int:
        """Of both pictures."""
        return self.source[0]

    @property
    def sides(self) -> tuple[int, ...]:
        """What a kernel is called with: see `SIDES`."""
        return (self.source[2], *self.target[1:])


SIDES = ("source_wide", "target_high", "target_wide")


def pool_of(projection: Projection, added: Listed) -> Pool | None:
    """How a projection is computed as a pool, if it can be: its synapses, with the weight that each adds."""
    shape = projection.shape
    if not isinstance(shape, Pooling) or not np.all(added.weights == 1):
        return None
    return Pool(Windows(*shape.pairs), shape.input_shape, shape.output_shape())


def pooled(
    code: Code, windows: Windows, channels: int, sides: tuple[Any, ...], sent: Row, most: int, into: Row
) -> None:
    """Add the spikes of every window to its neuron of `into`, whose type holds it.

    sent, into: [place, channel]. sides: as `Pool.sides`. most: what a window comes to at most, in magnitude.
    """
    builder, (source_wide, target_high, target_wide) = code.builder, sides
    bits = sent.bits if most < 1 << (sent.bits - 1) else into.bits  # of the sum of a window
    with code.loop(I64(0), target_high) as row, code.loop(I64(0), target_wide) as column:
        above = builder.mul(builder.mul(row, I64(windows.stride[0])), source_wide)
        place = builder.add(above, builder.mul(column, I64(windows.stride[1])))
        to = into.part(builder.mul(builder.add(builder.mul(row, target_wide), column), I64(channels)))
        for first, lanes in vectors(channels):
            entries = []
            for down, across in np.ndindex(windows.size):
                entry = builder.add(place, builder.add(builder.mul(source_wide, I64(down)), I64(across)))
                at = builder.add(builder.mul(entry, I64(channels)), I64(first))
                entries.append(resized(builder, sent.load(at, lanes), bits, sent.signed))
            total = resized(builder, reduce(builder.add, entries), into.bits, sent.signed)
            to.store(I64(first), builder.add(to.load(I64(first), lanes), total), lanes)


def most_sent(code: Code, sent: Row, size: Any) -> Any:
    """The most that one of so many sources sends, none of which sends less than 0."""
    builder, most = code.builder, I64(0)
    widths = (VECTOR * 8 // sent.bits, 1)
    every = {lanes: code.slot(zeros(sent.bits, lanes)) for lanes in widths}
    for first, _, lanes in code.pieces(size, widths):
        every[lanes].set(greater(builder, every[lanes].get(), sent.load(first, lanes)))
    for seen in every.values():
        most = greater(builder, most, greatest(builder, seen.get()))
    return most
