"""Unbounded Python integers, one neuron at a time: the oracle that every other interpreter is held to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ..word import Overflow, Word
from .base import Flag, Registers, Repeated, Rounding
from .operators import OperatorOps, RefusedWriteError


class IntegerOps(OperatorOps):
    """Values are ints, flags are bools. `overflows` counts the writes that changed a value, by register."""

    def __init__(self) -> None:
        self.overflows: Counter[str] = Counter()

    def shift_left(self, a: int, by: int) -> int:
        """a * 2**by"""
        return a << by

    def shift_right(self, a: int, by: int, rounding: Rounding) -> int:
        """Floor or truncation of a / 2**by."""
        return -((-a) >> by) if rounding is Rounding.ZERO and a < 0 else a >> by

    def divide(self, a: int, b: int) -> int:
        """The floor of a / b"""
        return a // b

    def minimum(self, a: int, b: int) -> int:
        """The lesser of a and b"""
        return min(a, b)

    def maximum(self, a: int, b: int) -> int:
        """The greater of a and b"""
        return max(a, b)

    def fit(self, a: int, word: Word) -> int:
        """Clip, wrap, or leave (see `observe`)."""
        if word.overflow is Overflow.SATURATE:
            return max(word.min, min(word.max, a))
        if word.overflow is Overflow.WRAP:
            return ((a - word.min) & word.mask) + word.min
        return a

    def both(self, a: bool, b: bool) -> bool:
        """a and b"""
        return a and b

    def invert(self, a: bool) -> bool:
        """not a"""
        return not a

    def select(self, flag: bool, a: int, b: int) -> int:
        """a if flag else b"""
        return a if flag else b

    def observe(self, register: str, raw: int, fitted: int, word: Word, when: bool) -> None:
        """Count an overflow; raise RefusedWriteError where the word refuses it."""
        if not when:
            return
        if word.overflow is Overflow.REFUSE and raw not in word:
            raise RefusedWriteError(register, raw, word)
        if raw != fitted:
            self.overflows[register] += 1

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], bool], body: Callable[[Flag], None]
    ) -> None:
        """A loop that ends with the condition."""
        for _ in range(branch.repeat):
            if not again():
                return
            body(True)
