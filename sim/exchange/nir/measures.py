"""An operator's weights as a projection has them, and what they can add up to."""

from __future__ import annotations

import numpy as np

from ...network.geometry import Shape, Sparse
from .operators import Diagonal, Floats, Kernels, Operator, Pool


def signs_of(operator: Operator) -> tuple[bool, bool]:
    """Whether weights below and above 0 occur."""
    weights, _ = weights_of(operator)
    return bool((weights < 0).any()), bool((weights > 0).any())


def weights_of(operator: Operator) -> tuple[Floats, Shape | None]:
    """An operator's weights as a projection has them, and its shape."""
    if isinstance(operator, Kernels):
        return operator.kernels, operator.shape
    if isinstance(operator, Pool):
        return np.array([operator.factor]), operator.shape
    if isinstance(operator, Diagonal):
        places = np.arange(operator.sources)
        return operator.factors, Sparse(places, places)
    matrix = operator.matrix()
    if 0 < np.count_nonzero(matrix) < 0.25 * matrix.size:
        pre, post = np.nonzero(matrix)
        return matrix[pre, post], Sparse(pre, post)
    return matrix, None


def listed_of(operator: Kernels) -> tuple[Floats, Sparse]:
    """A convolution as a list of synapses."""
    synapses = operator.synapses()
    return operator.kernels.ravel()[synapses.index], Sparse(synapses.sources, synapses.targets)


def peaks_of(operator: Operator, size: int) -> tuple[Floats, Floats]:
    """The largest weight above 0, and below (as a magnitude), of each target neuron."""
    if isinstance(operator, Kernels):
        each = operator.kernels.reshape(len(operator.kernels), -1)
        above, below = (np.maximum(side * each, 0).max(axis=1) for side in (1, -1))
        return tuple(np.repeat(side, size // len(each)) for side in (above, below))  # type: ignore[return-value]
    if isinstance(operator, Diagonal | Pool):
        factors = operator.factors if isinstance(operator, Diagonal) else np.full(size, operator.factor)
        return np.maximum(factors, 0), np.maximum(-factors, 0)
    matrix = operator.matrix()
    return np.maximum(matrix, 0).max(axis=0), np.maximum(-matrix, 0).max(axis=0)


def total_of(operator: Operator, size: int) -> Floats:
    """The sum of magnitudes of each target neuron's weights, of the sign with more of it."""
    if isinstance(operator, Kernels):
        each = operator.kernels.reshape(len(operator.kernels), -1)
        both = [np.maximum(side * each, 0).sum(axis=1) for side in (1, -1)]
        return np.repeat(np.maximum(*both), size // len(each))
    if isinstance(operator, Diagonal):
        return np.abs(operator.factors)
    if isinstance(operator, Pool):
        assert isinstance(operator.shape.size, tuple)
        return np.full(size, abs(operator.factor) * operator.shape.size[0] * operator.shape.size[1])
    matrix = operator.matrix()
    total: Floats = np.maximum(np.maximum(matrix, 0).sum(axis=0), np.maximum(-matrix, 0).sum(axis=0))
    return total
