"""NumPy int64 arrays, any number of neurons at once: a batch axis and a neuron axis, broadcast.

Exact while every intermediate value fits 63 bits, which a profile's check proves by intervals.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..word import Overflow, Word
from .base import Flag, Registers, Repeated, Rounding, Value
from .operators import OperatorOps, RefusedWriteError


class ArrayOps(OperatorOps):
    """Values are int64 arrays or ints, flags bool arrays. `overflows` counts as IntegerOps does."""

    def __init__(self) -> None:
        self.overflows: Counter[str] = Counter()

    def shift_left(self, a: Value, by: Value) -> Value:
        """a * 2**by"""
        return np.left_shift(a, by)

    def shift_right(self, a: Value, by: Value, rounding: Rounding) -> Value:
        """Floor or truncation of a / 2**by."""
        if rounding is Rounding.ZERO:
            return np.sign(a) * np.right_shift(np.abs(a), by)
        return np.right_shift(a, by)

    def divide(self, a: Value, b: Value) -> Value:
        """The floor of a / b"""
        return np.floor_divide(a, b)

    def minimum(self, a: Value, b: Value) -> Value:
        """The lesser of a and b"""
        return np.minimum(a, b)

    def maximum(self, a: Value, b: Value) -> Value:
        """The greater of a and b"""
        return np.maximum(a, b)

    def fit(self, a: Value, word: Word) -> Value:
        """Clip, wrap, or leave (see `observe`)."""
        if word.overflow is Overflow.SATURATE:
            return np.clip(a, word.min, word.max)
        if word.overflow is Overflow.WRAP:
            return np.bitwise_and(a - word.min, word.mask) + word.min
        return a

    def both(self, a: Flag, b: Flag) -> Flag:
        """a and b"""
        return np.logical_and(a, b)

    def invert(self, a: Flag) -> Flag:
        """not a"""
        return np.logical_not(a)

    def select(self, flag: Flag, a: Value, b: Value) -> Value:
        """a where flag, else b"""
        return np.where(flag, a, b)

    def spread(self, a: Value, like: Value) -> Value:
        """Broadcast to the shape of `like`."""
        shape = np.shape(like)
        return a if np.shape(a) == shape else np.broadcast_to(a, np.broadcast_shapes(np.shape(a), shape))

    def observe(self, register: str, raw: Value, fitted: Value, word: Word, when: Flag) -> None:
        """Count overflows; raise RefusedWriteError with the first value that the word refuses."""
        if word.overflow is Overflow.REFUSE:
            beyond = np.logical_and((raw < word.min) | (raw > word.max), when)
            if beyond.any():
                raise RefusedWriteError(register, int(np.asarray(raw)[beyond][0]), word)
            return
        self.overflows[register] += int(np.count_nonzero(np.logical_and(np.not_equal(raw, fitted), when)))

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag], body: Callable[[Flag], None]
    ) -> None:
        """Until no neuron's condition holds."""
        for _ in range(branch.repeat):
            flag = again()
            if not np.any(flag):
                return
            body(flag)


def to_array(values: object) -> NDArray[np.int64]:
    """Values as the int64 array that ArrayOps computes with."""
    return np.asarray(values, dtype=np.int64)
