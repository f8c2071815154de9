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

    counts: what the spikes of each source act as, [sample, step, source]; total: of all sources,
    [sample, step, neuron].
    """

    incoming: Incoming
    register: str
    counts: Tensor
    weights: Weights
    total: Tensor

    def by_step(self) -> Iterator[Arrival]:
        """The arrivals of one step after the other."""
        for counts, total in zip(torch.split(self.counts, 1, 1), torch.split(self.total, 1, 1), strict=True):
            yield replace(self, counts=counts, total=total)


def arrivals(ops: Ops, incoming: Incoming, spikes: Tensor) -> list[Arrival]:
    """What a projection brings to each of its registers; spikes: its source's, [sample, step, source].

    A steady input, one step that `Tensor.expand` repeats, is multiplied once.
    """
    shape = (-1, spikes.shape[1], -1)
    once = spikes[:, :1] if is_steady(spikes) else spikes
    counts = clip_count(ops, once, incoming.cap)
    return [
        Arrival(incoming, register, counts.expand(shape), weights, weights.total(counts).expand(shape))
        for register, weights in incoming.synapses
    ]


def is_steady(spikes: Tensor) -> bool:
    """Whether every step [sample, step, source] is the same memory."""
    return spikes.stride(1) == 0


def late(spikes: Tensor, lag: int) -> Tensor:
    """Spikes [sample, step, source] so many steps later; none in the first ones."""
    if lag == 0:
        return spikes
    kept = spikes[:, : max(0, spikes.shape[1] - lag)]
    silent = spikes.new_zeros(len(spikes), spikes.shape[1] - kept.shape[1], spikes.shape[2])
    return torch.cat([silent, kept], 1)


@torch.no_grad()
def _within(spikes: Tensor, cap: Cap) -> bool:
    """Whether no count is changed by the cap: found faster than all are clipped."""
    if cap == ANY:
        return True
    least, most = torch.aminmax(spikes)
    return bool(most <= (1 if cap == NONZERO else int(cap))) and (cap != NONZERO or bool(least >= 0))
