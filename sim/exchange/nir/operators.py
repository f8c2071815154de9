"""Linear maps between pictures of neurons, in float64: what stands between two neurons of a graph.

Neurons are numbered as a shape flattened with its last axis fastest. A chain of maps is kept as it is written where one
of them carries weights, and multiplied out into one matrix otherwise.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from math import prod

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ...network.geometry import Convolution, Pooling
from ...network.geometry import expand as expand_shape
from ...network.lists import Synapses

Floats = NDArray[np.float64]
MAX_MATRIX = 1 << 27  # entries of a matrix that is multiplied out


class TooLargeError(Exception):
    """A chain whose matrix would not fit the memory."""


class Operator(ABC):
    """A linear map from `sources` to `targets` values."""

    @property
    @abstractmethod
    def sources(self) -> int:
        """How many values it takes."""

    @property
    @abstractmethod
    def targets(self) -> int:
        """How many values it gives."""

    @abstractmethod
    def matrix(self) -> Floats:
        """The map as a matrix [source, target]."""

    def apply(self, values: Floats) -> Floats:
        """The map of values [..., source], giving [..., target]."""
        return values @ self.matrix()

    @abstractmethod
    def scaled(self, by: Floats) -> Operator:
        """The map followed by a factor for each target."""


@dataclass(frozen=True, eq=False)
class Diagonal(Operator):
    """One factor a neuron."""

    factors: Floats

    @property
    def sources(self) -> int:
        """How many values it takes."""
        return len(self.factors)

    @property
    def targets(self) -> int:
        """As many as it takes."""
        return len(self.factors)

    def matrix(self) -> Floats:
        """Zeros beside the factors."""
        _allow(self.sources, self.sources)
        return np.diag(self.factors)

    def apply(self, values: Floats) -> Floats:
        """Each value times its factor."""
        return values * self.factors

    def scaled(self, by: Floats) -> Diagonal:
        """Both factors in one."""
        return Diagonal(self.factors * by)


@dataclass(frozen=True, eq=False)
class Matrix(Operator):
    """Weights [source, target]."""

    weights: Floats

    @property
    def sources(self) -> int:
        """How many values it takes."""
        return int(self.weights.shape[0])

    @property
    def targets(self) -> int:
        """How many values it gives."""
        return int(self.weights.shape[1])

    def matrix(self) -> Floats:
        """The weights."""
        return self.weights

    def scaled(self, by: Floats) -> Matrix:
        """A factor for each column."""
        return Matrix(self.weights * by)


@dataclass(frozen=True, eq=False)
class Kernels(Operator):
    """A convolution as correlation: kernels [out channels, in channels / groups, height, width]."""

    kernels: Floats
    shape: Convolution

    @property
    def sources(self) -> int:
        """How many values it takes."""
        return prod(self.shape.input_shape)

    @property
    def targets(self) -> int:
        """How many values it gives."""
        return prod(self.shape.output_shape(self.kernels.shape))

    def synapses(self) -> Synapses:
        """Which values it joins, by kernel entry."""
        return expand_shape(self.shape, self.kernels.shape, self.sources)

    def matrix(self) -> Floats:
        """Every synapse at its place."""
        return _spread(self.synapses(), self.kernels.ravel(), self.sources, self.targets)

    def apply(self, values: Floats) -> Floats:
        """The correlation of each picture with the kernels."""
        groups, (out, within, high, wide) = self.shape.groups, self.kernels.shape
        windows = _windows(values, self.shape, (high, wide))
        parts = windows.reshape(len(windows), groups, within, *windows.shape[2:])
        kernels = self.kernels.reshape(groups, out // groups, within, high, wide)
        found: Floats = np.einsum("ngchwij,gocij->ngohw", parts, kernels, optimize=True)
        return found.reshape(*values.shape[:-1], self.targets)

    def scaled(self, by: Floats) -> Operator:
        """Kernels, where all neurons of a channel have one factor; else a matrix."""
        per_channel = by.reshape(len(self.kernels), -1)
        if np.ptp(per_channel, axis=1).any():
            return Matrix(self.matrix()).scaled(by)
        return replace(self, kernels=self.kernels * per_channel[:, 0, None, None, None])


@dataclass(frozen=True, eq=False)
class Pool(Operator):
    """The sum over windows of each channel, times one factor."""

    shape: Pooling
    factor: float

    @property
    def sources(self) -> int:
        """How many values it takes."""
        return prod(self.shape.input_shape)

    @property
    def targets(self) -> int:
        """How many values it gives."""
        return prod(self.shape.output_shape())

    def matrix(self) -> Floats:
        """Every synapse at its place."""
        synapses = expand_shape(self.shape, (1,), self.sources)
        return _spread(synapses, np.array([self.factor]), self.sources, self.targets)

    def apply(self, values: Floats) -> Floats:
        """The sum of each window."""
        shape = self.shape
        assert isinstance(shape.size, tuple)
        assert shape.stride is not None
        windows = _windows(values, Convolution(shape.input_shape, shape.stride), shape.size)
        sums: Floats = windows.sum(axis=(-2, -1)).reshape(*values.shape[:-1], self.targets)
        return self.factor * sums

    def scaled(self, by: Floats) -> Operator:
        """Windows, where there is one factor; else a matrix."""
        if np.ptp(by):
            return Matrix(self.matrix()).scaled(by)
        return replace(self, factor=self.factor * float(by.flat[0]))


def _windows(values: Floats, shape: Convolution, size: tuple[int, int]) -> Floats:
    """What each target sees of pictures [..., source]: [picture, channel, row, column, kernel row, kernel column]."""
    (up, left), (down, right), (tall, broad) = (_pair(v) for v in (shape.padding, shape.stride, shape.dilation))
    pictures = values.reshape(-1, *shape.input_shape)
    pictures = np.pad(pictures, ((0, 0), (0, 0), (up, up), (left, left)))
    span = ((size[0] - 1) * tall + 1, (size[1] - 1) * broad + 1)
    return sliding_window_view(pictures, span, axis=(2, 3))[:, :, ::down, ::right, ::tall, ::broad]


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _allow(sources: int, targets: int) -> None:
    if sources * targets > MAX_MATRIX:
        raise TooLargeError(f"a matrix of {sources} x {targets}; allowed: {MAX_MATRIX:,} entries")


def _spread(synapses: Synapses, weights: Floats, sources: int, targets: int) -> Floats:
    _allow(sources, targets)
    matrix = np.zeros((sources, targets))
    np.add.at(matrix, (synapses.sources, synapses.targets), weights[synapses.index])
    return matrix


def joined(first: Operator, second: Operator) -> Operator:
    """Both maps in one: `second` of `first`. Raises TooLargeError."""
    if isinstance(second, Diagonal):
        return first.scaled(second.factors)
    if isinstance(first, Diagonal) and not np.ptp(first.factors):
        return second.scaled(np.full(second.targets, first.factors[0]))
    if isinstance(first, Diagonal):
        return Matrix(first.factors[:, None] * second.matrix())
    _allow(first.sources, second.targets)
    return Matrix(second.apply(first.matrix()))


def added(first: Operator, second: Operator) -> Operator:
    """The sum of two maps between the same neurons."""
    if isinstance(first, Diagonal) and isinstance(second, Diagonal):
        return Diagonal(first.factors + second.factors)
    return Matrix(first.matrix() + second.matrix())
