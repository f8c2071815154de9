"""How spikes arrive on a device: all sources at once, and in order where a register could pass its word.

The sources' plain sums bound every value that a register can have on the way, whatever the order. Where these stay
within its word, the sum is what the word-by-word adds give. The other neurons are computed source by source: first
the value that each source meets, by a scan in parallel, then all their writes at once, by the datapath's `deliver`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..datapath import deliver
from ..ops.base import Ops, Registers
from ..ops.interval import Interval
from ..word import Overflow, Word
from .device_weights import TOGETHER, Lists, Matrix


@dataclass(frozen=True)
class Synapses:
    """The weights of a projection, what the spikes of one of its sources act as in this run, and in which type."""

    weights: Matrix | Lists
    acting: Interval
    dtype: torch.dtype

    @property
    def most(self) -> int:
        """The most that all sources add in a step, in magnitude."""
        return self.weights.reach * max(-self.acting.lo, self.acting.hi)


def accumulate(regs: Registers, register: str, counts: Tensor, synapses: Synapses) -> None:
    """Deliver every source in ascending order, each with its fit: counts [sample, source]."""
    word, start, weights = regs.words[register], regs[register], synapses.weights
    if not weights.holds(synapses.most) or synapses.most >= (1 << 63) - max(-word.min, word.max):
        for source in counts.any(0).nonzero().flatten().tolist():
            deliver(regs, register, counts[:, source, None].to(synapses.dtype), weights.row(source).to(synapses.dtype))
        return
    lowest, highest = (ends.to(synapses.dtype) for ends in weights.ends(counts, synapses.acting))
    careful = (start + highest > word.max) | (start + lowest < word.min)
    total = start + (lowest + highest)
    if careful.any():
        rows, columns = careful.nonzero(as_tuple=True)
        total[rows, columns] = in_order(regs, register, counts, synapses, rows, columns)
    regs.values[register] = total


def total(counts: Tensor, synapses: Synapses, size: int) -> Tensor:
    """The sum of all sources, [sample, neuron]."""
    weights = synapses.weights
    if weights.holds(synapses.most):
        return weights.total(counts, synapses.acting).to(synapses.dtype)
    summed = counts.new_zeros((len(counts), size), dtype=synapses.dtype)
    for source in counts.any(0).nonzero().flatten().tolist():
        summed += counts[:, source, None] * weights.row(source)
    return summed


def in_order(
    regs: Registers, register: str, counts: Tensor, synapses: Synapses, rows: Tensor, columns: Tensor
) -> Tensor:
    """What the sources leave in the registers of some neurons [neuron] of samples `rows`, each with its fit."""
    word, start, parts = regs.words[register], regs[register], []
    arrivals = synapses.weights.arrivals(counts)
    together = max(1, TOGETHER // arrivals.most(columns))
    for row, column in zip(torch.split(rows, together), torch.split(columns, together), strict=True):
        count, weight = (each.to(synapses.dtype) for each in arrivals.to(row, column))
        met = values_met(regs.ops, word, start[row, column], count * weight)
        each = Registers(regs.ops, regs.words, {register: met})
        deliver(each, register, count, weight)
        parts.append(each[register][:, -1])
    return torch.cat(parts)


def values_met(ops: Ops, word: Word, start: Tensor, added: Tensor) -> Tensor:
    """The value that each of `added` [neuron, source] is added to, when all are added in order, each with its fit."""
    earlier = torch.cat([torch.zeros_like(added[:, :1]), added[:, :-1]], 1)
    if word.overflow is Overflow.SATURATE:
        return _clipped_sums(start[:, None], earlier, word)
    met: Tensor = ops.fit(start[:, None] + earlier.cumsum(1, dtype=start.dtype), word)
    return met


def _clipped_sums(start: Tensor, added: Tensor, word: Word) -> Tensor:
    """`start` after each add, clipped each time.

    Adding and clipping turns x into clamp(x + total, least, most). One such function after another is again such a
    function, so those of all prefixes are found by doubling their length.
    """
    total, reach = added, 1
    least, most = torch.full_like(added, word.min), torch.full_like(added, word.max)
    while reach < added.shape[1]:
        shift, low, high = total[:, reach:], least[:, reach:], most[:, reach:]
        least, most = (
            torch.cat([ends[:, :reach], torch.clamp(ends[:, :-reach] + shift, low, high)], 1) for ends in (least, most)
        )
        total = torch.cat([total[:, :reach], total[:, :-reach] + shift], 1)
        reach *= 2
    return torch.clamp(start + total, least, most)
