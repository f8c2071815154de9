"""Synapses as lists by source, and the weights over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True, eq=False)
class _BySource:
    """Synapses by source: those of source s are `pointers[s]` to `pointers[s + 1]`, their targets ascending.

    pointers: int64 [pre + 1]. targets: int32 [synapse], the neuron that each reaches.
    """

    pointers: NDArray[np.int64]
    targets: NDArray[np.int32]

    @property
    def sources(self) -> NDArray[np.int64]:
        """The neuron that each synapse comes from, int64 [synapse]."""
        return np.repeat(np.arange(len(self.pointers) - 1), np.diff(self.pointers))


@dataclass(frozen=True, eq=False)
class Listed(_BySource):
    """Synapses with what each adds: weights [synapse]."""

    weights: NDArray[np.integer[Any]]

    @classmethod
    def of_matrix(cls, weights: NDArray[np.integer[Any]]) -> Listed:
        """A matrix [pre, post], its zeros too."""
        pre, post = weights.shape
        targets = np.tile(np.arange(post, dtype=np.int32), pre)
        return cls(np.arange(pre + 1) * post, targets, weights.ravel())

    def of(self, source: int) -> tuple[NDArray[np.int32], NDArray[np.integer[Any]]]:
        """The targets of a source, and the weights to them."""
        span = slice(self.pointers[source], self.pointers[source + 1])
        return self.targets[span], self.weights[span]

    def row(self, source: int, post: int) -> NDArray[np.int64]:
        """What a source adds to every neuron, int64 [post]."""
        row = np.zeros(post, np.int64)
        targets, weights = self.of(source)
        np.add.at(row, targets, weights)
        return row

    def dense(self, post: int) -> NDArray[np.int64]:
        """The same as a matrix, int64 [pre, post], 0 where there is no synapse; two synapses of a pair add."""
        matrix = np.zeros((len(self.pointers) - 1, post), np.int64)
        np.add.at(matrix, (self.sources, self.targets), self.weights)
        return matrix

    def only(self, chosen: NDArray[np.bool_]) -> Listed:
        """The synapses that are chosen, bool [synapse]."""
        counts = np.bincount(self.sources[chosen], minlength=len(self.pointers) - 1)
        return Listed(pointers(counts), self.targets[chosen], self.weights[chosen])


@dataclass(frozen=True, eq=False)
class Synapses(_BySource):
    """Synapses that share weights. index: int64 [synapse], which entry of the flattened weights each uses."""

    index: NDArray[np.int64]

    def over(self, weights: NDArray[np.integer[Any]]) -> Listed:
        """With a weight for each synapse, [synapse]."""
        return Listed(self.pointers, self.targets, np.ascontiguousarray(weights))

    def dense(self, weights: ArrayLike, post: int) -> NDArray[np.int64]:
        """The matrix of the synapses with these shared weights: see `Listed.dense`."""
        return self.over(np.asarray(weights).ravel()[self.index]).dense(post)


def pointers(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Where the synapses of each source begin, int64 [pre + 1], for sources that have so many each."""
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(counts)))
