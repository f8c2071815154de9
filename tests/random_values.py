"""Random integers in which the ends of their range are frequent, so that small networks overflow."""

from __future__ import annotations

import numpy as np


def within(r: np.random.Generator, low: int, high: int, shape: int | tuple[int, ...] = ()) -> np.ndarray:
    """Integers from low to high: a third of them ends of the range or values next to an end or to 0."""
    rare = [value for value in (low, low + 1, -1, 0, 1, high - 1, high) if low <= value <= high]
    return np.where(r.random(shape) < 1 / 3, r.choice(rare, shape), r.integers(low, high + 1, shape))


def signed(r: np.random.Generator, bits: int, shape: int | tuple[int, ...] = ()) -> np.ndarray:
    """Integers of a signed word."""
    return within(r, -(2 ** (bits - 1)), 2 ** (bits - 1) - 1, shape)
