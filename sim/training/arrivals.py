"""What arrives at a layer, for several steps at once: the matrix products of training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ..datapath import ANY, NONZERO, Cap, clip_count
from ..engine.wiring import Incoming
from ..ops.base import Ops
from .weights import Weights


@dataclass(frozen=True)
class Arrival:
    """What one projection brings to one register.

    counts: what the spikes of each source act as, [sample, step, source], all from `least` to `most`; total: of all
    sources, [sample, step, neuron].
    """

    incoming: Incoming
    register: str
    counts: Tensor
    least: float
    most: float
    weights: Weights
    total: Tensor

    def ends(self) -> tuple[Tensor, Tensor]:
        """The least and the most that all sources, or some of them, add in each step, [sample, step, neuron]."""
        least, most = self.weights.ends(_once(self.counts))
        return least.expand_as(self.total), most.expand_as(self.total)

    def by_step(self) -> Iterator[Arrival]:
        """The arrivals of one step after the other."""
        for counts, total in zip(torch.split(self.counts, 1, 1), torch.split(self.total, 1, 1), strict=True):
            yield replace(self, counts=counts, total=total)


def arrivals(ops: Ops, incoming: Incoming, spikes: Tensor) -> list[Arrival]:
    """What a projection brings to each of its registers; spikes: its source's, [sample, step, source].

    A steady input, one step that `Tensor.expand` repeats, is multiplied once.
    """
    shape = (-1, spikes.shape[1], -1)
    counts = _once(spikes)
    least, most = extent(counts)
    if not within(least, most, incoming.cap):
        counts = clip_count(ops, counts, incoming.cap)
        least, most = extent(counts)
    return [
        Arrival(incoming, register, counts.expand(shape), least, most, weights, weights.total(counts).expand(shape))
        for register, weights in incoming.synapses
    ]


def extent(values: Tensor) -> tuple[float, float]:
    """The least and the greatest value."""
    least, most = torch.aminmax(values.detach())
    return float(least), float(most)


def is_steady(spikes: Tensor) -> bool:
    """Whether every step [sample, step, source] is the same memory."""
    return spikes.stride(1) == 0


def _once(steps: Tensor) -> Tensor:
    """All steps [sample, step, source], or the one that stands for all."""
    return steps[:, :1] if is_steady(steps) else steps


def late(spikes: Tensor, lag: int) -> Tensor:
    """Spikes [sample, step, source] so many steps later; none in the first ones."""
    if lag == 0:
        return spikes
    kept = spikes[:, : max(0, spikes.shape[1] - lag)]
    silent = spikes.new_zeros(len(spikes), spikes.shape[1] - kept.shape[1], spikes.shape[2])
    return torch.cat([silent, kept], 1)


def within(least: float, most: float, cap: Cap) -> bool:
    """Whether the cap changes no count."""
    if cap == ANY:
        return True
    return most <= (1 if cap == NONZERO else int(cap)) and (cap != NONZERO or least >= 0)
