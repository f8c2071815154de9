"""All that can arrive at a layer in one step, as spans: what its sources can emit, times their weights."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datapath import NONZERO, clip_count
from ..network.lists import Listed
from ..ops.array import ArrayOps
from ..ops.base import Registers
from ..ops.spans import Span
from .vectorised import deliver_at_once
from .wiring import Incoming, Layer

Array = NDArray[Any]
Spans = dict[str, Span]


class Arrivals:
    """All that can arrive at a layer in one step, where `spikes` is what populations can emit."""

    def __init__(self, layer: Layer, spikes: Spans) -> None:
        self.parts = [
            (_spanned(each), register, *_sums(weights, _capped(spikes[each.source], each.cap), layer.size))
            for each in layer.incoming
            for register, weights in each.synapses
        ]

    def __call__(self, regs: Registers) -> None:
        """Deliver it."""
        for incoming, register, total, partial in self.parts:
            if incoming.sum is None:
                arrive(regs, register, total, partial)
            else:
                deliver_at_once(regs, incoming, register, total)


def arrive(regs: Registers, register: str, total: Span, partial: Span) -> None:
    """Source after source. total: of all of them; partial: of as many as have arrived at any time."""
    ops, word, start = regs.ops, regs.words[register], regs[register]
    reached = ops.add(start, partial)
    fitted = ops.fit(reached, word)
    ops.observe(register, reached, fitted, word, True)
    fits = (fitted.lo == reached.lo) & (fitted.hi == reached.hi)
    regs.values[register] = ops.add(start, total).where(fits, fitted)


def _spanned(incoming: Incoming) -> Incoming:
    """A projection whose own values are spans."""
    values: dict[str, Any] = {name: Span.of(value) for name, value in incoming.values.items()}
    return replace(incoming, values=values)


def _sums(weights: Any, counts: Span, size: int) -> tuple[Span, Span]:
    """What all sources add to each neuron, and what any of them, in any number, do."""
    up, down = (_summed(weights, size, side, counts) for side in (1, -1))
    none_yet = Span(np.minimum(counts.lo, 0), np.maximum(counts.hi, 0))
    some_up, some_down = (_summed(weights, size, side, none_yet) for side in (1, -1))
    return Span(up[0] + down[1], up[1] + down[0]), Span(some_up[0] + some_down[1], some_up[1] + some_down[0])


def _summed(weights: Any, size: int, side: int, counts: Span) -> tuple[Array, Array]:
    """The sums [neuron] of the weights on one side of 0, times the least and the most counts of their sources."""
    if not isinstance(weights, Listed):
        part = np.maximum(weights * side, 0) * side
        return counts.lo @ part, counts.hi @ part
    part = np.maximum(weights.weights * side, 0) * side
    sums = []
    for each in (counts.lo, counts.hi):
        total = np.zeros(size, np.int64)
        np.add.at(total, weights.targets, part * each[weights.sources])
        sums.append(total)
    return sums[0], sums[1]


def _capped(counts: Span, cap: int | str) -> Span:
    """What so many spikes of each source act as."""
    ops = ArrayOps()
    if cap == NONZERO:
        never, always = (counts.lo == 0) & (counts.hi == 0), (counts.lo > 0) | (counts.hi < 0)
        return Span(always.astype(np.int64), (~never).astype(np.int64))
    low, high = (np.asarray(clip_count(ops, end, cap)) for end in (counts.lo, counts.hi))
    return Span(low, high)
