"""The weights of a projection on a device: what all its sources add at once, and what each adds to chosen neurons."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..network.lists import Listed
from ..ops.interval import Interval
from .weights import narrowest

DOUBLE_BITS, SINGLE_BITS = 53, 24  # every integer of so many bits is exact, and so is every sum of them
TOGETHER = 1 << 22  # synapses or contributions held at a time


def full_singles(device: torch.device) -> bool:
    """Whether float32 matrix products keep all their bits, whatever the process has chosen (TF32, bfloat16)."""
    backend = torch.backends.cuda if device.type == "cuda" else torch.backends.mkldnn
    chosen = getattr(getattr(backend, "matmul", None), "fp32_precision", None)  # torch before 2.9 has one setting
    return chosen in ("none", "ieee") if chosen else torch.get_float32_matmul_precision() == "highest"


class Matrix:
    """Weights [source, neuron]. reach: the most that a spike of every source adds to a neuron, in magnitude."""

    def __init__(self, weights: NDArray[Any], device: torch.device) -> None:
        self.weights = torch.tensor(weights.astype(narrowest([weights])), device=device)
        self.reach = _most(len(weights) * _magnitude(weights), np.abs(weights).sum(axis=0))
        self._factors: dict[tuple[torch.dtype, str], Tensor] = {}

    def holds(self, most: int) -> bool:
        """Whether sums up to `most` are exact."""
        return most < 1 << DOUBLE_BITS

    def ends(self, counts: Tensor, acting: Interval) -> tuple[Tensor, Tensor]:
        """The least and the most that the sources, or some of them, add: whole numbers [sample, neuron]."""
        if acting.lo < 0:
            product = self._product(torch.cat([counts.clamp(min=0), counts.clamp(max=0)], 1), acting, "signed ends")
        else:
            product = self._product(counts, acting, "ends")
        lowest, highest = product.chunk(2, 1)
        return lowest, highest

    def total(self, counts: Tensor, acting: Interval) -> Tensor:
        """What all sources add, [sample, neuron]."""
        return self._product(counts, acting, "total")

    def row(self, source: int) -> Tensor:
        """What a source adds to every neuron."""
        return self.weights[source]

    def _product(self, counts: Tensor, acting: Interval, kind: str) -> Tensor:
        most = self.reach * max(-acting.lo, acting.hi)
        single = most < 1 << SINGLE_BITS and full_singles(self.weights.device)
        factor = self._factor(torch.float32 if single else torch.float64, kind)
        return counts.to(factor.dtype) @ factor

    def _factor(self, dtype: torch.dtype, kind: str) -> Tensor:
        if (dtype, kind) not in self._factors:
            down, up = self.weights.clamp(max=0), self.weights.clamp(min=0)
            if kind == "total":
                factor = self.weights
            else:
                factor = torch.cat([down, up], 1)
                factor = factor if kind == "ends" else torch.cat([factor, torch.cat([up, down], 1)], 0)
            self._factors[dtype, kind] = factor.to(dtype)
        return self._factors[dtype, kind]

    def arrivals(self, counts: Tensor) -> MatrixArrivals:
        """The spikes of a step, for neurons that are computed source by source."""
        return MatrixArrivals(self.weights, counts)


class MatrixArrivals:
    """The sources of each sample that spiked, in order, and as how many spikes they act: [sample, most]."""

    def __init__(self, weights: Tensor, counts: Tensor) -> None:
        self.weights = weights
        row, source = counts.nonzero(as_tuple=True)
        place = ((counts != 0).cumsum(1) - 1)[row, source]
        shape = len(counts), int(place.max()) + 1 if len(place) else 0
        self.sources = source.new_zeros(shape).index_put((row, place), source)
        self.counts = counts.new_zeros(shape).index_put((row, place), counts[row, source])

    def most(self, columns: Tensor) -> int:
        """How many sources `to` gives at the most."""
        return self.counts.shape[1]

    def to(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """As how many spikes each source acts and with which weight, for neurons of samples: [neuron, source]."""
        return self.counts[rows], self.weights[self.sources[rows], columns[:, None]]


class Lists:
    """Weights of lists of synapses, by source and by neuron, sources ascending. reach: as of a Matrix."""

    def __init__(self, listed: Listed, size: int, device: torch.device) -> None:
        def placed(array: NDArray[Any]) -> Tensor:
            return torch.tensor(array, device=device)

        self.size = size
        weights = listed.weights.astype(narrowest([listed.weights]))
        order = np.argsort(listed.targets, kind="stable")
        ends = np.searchsorted(listed.targets[order], np.arange(size + 1))
        self.starts, self.targets, self.weights = placed(listed.pointers), placed(listed.targets), placed(weights)
        self.starts_by_neuron, self.sources = placed(ends), placed(listed.sources[order])
        self.weights_by_neuron = placed(weights[order])
        fan_in = int(np.diff(ends).max(initial=0))
        totals = np.zeros(size, np.int64)
        np.add.at(totals, listed.targets, np.abs(listed.weights.astype(np.int64)))
        self.reach = _most(fan_in * _magnitude(listed.weights), totals)
        self._fan_out = max(1, int(np.diff(listed.pointers).max(initial=0)))

    def holds(self, most: int) -> bool:
        """Whether sums up to `most` are exact: integers are added."""
        return True

    def ends(self, counts: Tensor, acting: Interval) -> tuple[Tensor, Tensor]:
        """As of a Matrix."""
        highest, lowest = self._scattered(counts, apart=True)
        return lowest, highest

    def total(self, counts: Tensor, acting: Interval) -> Tensor:
        """As of a Matrix."""
        return self._scattered(counts, apart=False)[0]

    def row(self, source: int) -> Tensor:
        """What a source adds to every neuron."""
        span = slice(int(self.starts[source]), int(self.starts[source + 1]))
        return self.weights.new_zeros(self.size).index_put((self.targets[span],), self.weights[span])

    def _scattered(self, counts: Tensor, apart: bool) -> Tensor:
        """The sums [1, sample, neuron], or those of what is added and of what is subtracted [2, ...], `apart`."""
        sums = counts.new_zeros((2 if apart else 1) * len(counts) * self.size, dtype=torch.int64)
        rows, sources = counts.nonzero(as_tuple=True)
        together = max(1, TOGETHER // self._fan_out)
        for row, source in zip(torch.split(rows, together), torch.split(sources, together), strict=True):
            first, length = self.starts[source], self.starts[source + 1] - self.starts[source]
            event = torch.arange(len(source), device=source.device).repeat_interleave(length)
            before = length.cumsum(0) - length
            synapse = torch.arange(len(event), device=event.device) + (first - before)[event]
            added = counts[row, source].to(torch.int64)[event] * self.weights[synapse]
            place = row[event] * self.size + self.targets[synapse]
            if apart:
                place = place + (added < 0) * (len(counts) * self.size)
            sums.index_add_(0, place, added)
        return sums.view(-1, len(counts), self.size)

    def arrivals(self, counts: Tensor) -> ListArrivals:
        """The spikes of a step, for neurons that are computed source by source."""
        return ListArrivals(self, counts)


class ListArrivals:
    """The synapses of each neuron, and the spikes of a step."""

    def __init__(self, lists: Lists, counts: Tensor) -> None:
        self.lists, self.counts = lists, counts

    def most(self, columns: Tensor) -> int:
        """How many sources `to` gives at the most."""
        ends = self.lists.starts_by_neuron
        return int((ends[columns + 1] - ends[columns]).max())

    def to(self, rows: Tensor, columns: Tensor) -> tuple[Tensor, Tensor]:
        """As of MatrixArrivals; what a neuron has fewer acts as none."""
        lists = self.lists
        first, end = lists.starts_by_neuron[columns], lists.starts_by_neuron[columns + 1]
        synapse = first[:, None] + torch.arange(self.most(columns), device=rows.device)
        there = synapse < end[:, None]
        synapse = torch.where(there, synapse, 0)
        counts = self.counts[rows[:, None], lists.sources[synapse]] * there
        return counts, lists.weights_by_neuron[synapse]


def _magnitude(weights: NDArray[Any]) -> int:
    return max(int(weights.max(initial=0)), -int(weights.min(initial=0)))


def _most(roughly: int, totals: NDArray[np.int64]) -> int:
    """The greatest of `totals`, but a bound on it where 64 bits may not hold them."""
    return int(totals.max(initial=0)) if roughly < 1 << 62 else roughly
