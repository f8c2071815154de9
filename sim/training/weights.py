"""What spikes add to a register: weights as a matrix, or as kernels over a picture.

Every kind gives the exact sum of its sources, [..., source] to [..., neuron], and, for neurons that could overflow on
the way, the contributions of the sources one by one, in ascending order.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..network.geometry import Convolution, Pooling
from .sparse import product


class Weights(ABC):
    """The weights of one register of a projection, in LSB."""

    @abstractmethod
    def total(self, counts: Tensor) -> Tensor:
        """The exact sum of all sources: counts [..., source] to [..., neuron]."""

    @abstractmethod
    def clamped(self, low: float | None, high: float | None) -> Self:
        """The same with every weight within these bounds."""

    @property
    @abstractmethod
    def reach(self) -> tuple[float, float]:
        """The least and the most that one spike of each source, or of some of them, adds to any neuron."""

    @abstractmethod
    def taps(self, counts: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """What each source adds to neurons `columns` of samples `rows`, ascending: counts [sample, source] to
        [neuron, source].
        """

    @property
    @abstractmethod
    def fan_in(self) -> int:
        """How many sources `taps` gives."""

    def ends(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """The least and the most that all sources, or some of them, add: counts [..., source] to [..., neuron]."""
        up, down = self.clamped(0, None), self.clamped(None, 0)
        if not (counts < 0).any():
            return down.total(counts), up.total(counts)
        more, less = counts.clamp(min=0), counts.clamp(max=0)
        return down.total(more) + up.total(less), up.total(more) + down.total(less)


class Matrix(Weights):
    """Weights [source, neuron]."""

    def __init__(self, weights: Tensor) -> None:
        self.weights = weights

    def total(self, counts: Tensor) -> Tensor:
        """One matrix product for all samples and steps."""
        return product(counts, self.weights)

    def clamped(self, low: float | None, high: float | None) -> Matrix:
        """The same with every weight within these bounds."""
        return Matrix(self.weights.clamp(low, high))

    @cached_property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest sum of a column's negative and positive weights."""
        return _extremes(self.weights, 0)

    def taps(self, counts: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """Each count times its weight."""
        return counts[rows] * self.weights.t()[columns]

    @property
    def fan_in(self) -> int:
        """All sources."""
        return self.weights.shape[0]


class Kernels(Weights):
    """Kernels [out channel, in channel / groups, height, width] that move over a picture, not flipped."""

    def __init__(self, kernels: Tensor, shape: Convolution) -> None:
        self.kernels, self.shape = kernels, shape

    def total(self, counts: Tensor) -> Tensor:
        """One convolution for all samples and steps, by an algorithm that only multiplies and adds."""
        pictures = counts.reshape(-1, *self.shape.input_shape).to(self.kernels.dtype)
        shape = self.shape
        # NNPACK and cuDNN may transform the picture (Winograd, FFT), which rounds
        with torch.backends.nnpack.flags(enabled=False), torch.backends.cudnn.flags(enabled=False):
            sums = torch.nn.functional.conv2d(
                pictures, self.kernels, None, shape.stride, shape.padding, shape.dilation, shape.groups
            )
        return sums.reshape(*counts.shape[:-1], -1)

    def clamped(self, low: float | None, high: float | None) -> Kernels:
        """The same with every weight within these bounds."""
        return Kernels(self.kernels.clamp(low, high), self.shape)

    @cached_property
    def reach(self) -> tuple[float, float]:
        """The least and the greatest sum of a kernel's negative and positive weights."""
        return _extremes(self.kernels.flatten(1), 1)

    def taps(self, counts: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """The patch under each neuron's kernel, times the kernel: both in the order of the sources."""
        channel, place = columns // len(self._patches), columns % len(self._patches)
        first = (channel // (len(self.kernels) // self.shape.groups)) * self._group
        sources = self._patches[place] + first[:, None]
        inside = self._patches[place] >= 0
        patches = counts[rows[:, None], torch.where(inside, sources, 0)] * inside
        return patches * self.kernels.flatten(1)[channel]

    @property
    def fan_in(self) -> int:
        """A kernel's weights."""
        return self.kernels[0].numel()

    @property
    def _group(self) -> int:
        """Sources of one group of input channels."""
        channels, high, wide = self.shape.input_shape
        return channels // self.shape.groups * high * wide

    @cached_property
    def _patches(self) -> Tensor:
        """The source under each tap, within the first group, for every place of the picture; -1: beyond its edge."""
        return torch.as_tensor(_patches(self.shape, self.kernels.shape), device=self.kernels.device)


def windows(weight: Tensor, shape: Pooling) -> Kernels:
    """Sums over windows, times one weight: kernels that are that weight everywhere, one a channel."""
    return Kernels(weight.reshape(1, 1, 1, 1).expand(shape.kernels()), shape.as_convolution())


def _extremes(weights: Tensor, axis: int) -> tuple[float, float]:
    held = weights.detach()
    return float(held.clamp(max=0).sum(axis).min()), float(held.clamp(min=0).sum(axis).max())


def _patches(shape: Convolution, kernels: Sequence[int]) -> NDArray[np.int64]:
    """int64 [place, tap]: see `Kernels`."""
    sides = []
    for axis in shape.axes(kernels):
        at = np.arange(axis.outputs)[:, None] * axis.stride - axis.padding + np.arange(axis.kernel) * axis.dilation
        sides.append((at, (at >= 0) & (at < axis.size)))
    (rows, rows_inside), (columns, columns_inside) = sides
    high, wide = shape.input_shape[1:]
    plane = rows[:, None, :, None] * wide + columns[None, :, None, :]  # [row, column, tap row, tap column]
    inside = rows_inside[:, None, :, None] & columns_inside[None, :, None, :]
    channels = np.arange(kernels[1])[:, None, None] * (high * wide)
    sources = np.where(inside[:, :, None], plane[:, :, None] + channels, -1)
    return sources.reshape(rows.shape[0] * columns.shape[0], -1)
