"""Range analysis: every value an interval that contains whatever IntegerOps can produce.

Chooses the width that the other interpreters compute in, and refuses what passes 63 bits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..word import Overflow, Word
from .base import Flag, Ops, Registers, Relation, Repeated, Rounding


class Interval(NamedTuple):
    """All integers from lo to hi."""

    lo: int
    hi: int

    @classmethod
    def of_bits(cls, bits: int) -> Interval:
        """Whatever so many bits hold, in two's complement."""
        return cls(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)

    def join(self, other: Interval) -> Interval:
        """The least interval that contains both."""
        return Interval(min(self.lo, other.lo), max(self.hi, other.hi))

    @property
    def bits(self) -> int:
        """Bits of the narrowest two's-complement word that holds it."""
        return 1 + max((value if value >= 0 else ~value).bit_length() for value in self)


class Maybe(NamedTuple):
    """Which truth values a flag can take."""

    true: bool
    false: bool


class IntervalOps(Ops):
    """Values are Intervals, flags are Maybes. `widest` contains every value met so far."""

    def __init__(self) -> None:
        self.widest = Interval(0, 0)

    def _met(self, lo: int, hi: int) -> Interval:
        met = Interval(lo, hi)
        self.widest = self.widest.join(met)
        return met

    def _corners(self, products: list[int]) -> Interval:
        return self._met(min(products), max(products))

    def constant(self, value: int) -> Interval:
        """An interval of one value."""
        return self._met(value, value)

    def add(self, a: Interval, b: Interval) -> Interval:
        """a + b"""
        return self._met(a.lo + b.lo, a.hi + b.hi)

    def sub(self, a: Interval, b: Interval) -> Interval:
        """a - b"""
        return self._met(a.lo - b.hi, a.hi - b.lo)

    def mul(self, a: Interval, b: Interval) -> Interval:
        """a * b"""
        return self._corners([x * y for x in a for y in b])

    def shift_left(self, a: Interval, by: Interval) -> Interval:
        """a * 2**by; a shift that no word could hold is cut at 128 bits, far beyond what is refused"""
        return self._corners([x << max(0, min(y, 128)) for x in a for y in by])

    def shift_right(self, a: Interval, by: Interval, rounding: Rounding) -> Interval:
        """a / 2**by, rounded"""

        def shift(x: int, y: int) -> int:
            y = max(0, y)
            return -((-x) >> y) if rounding is Rounding.ZERO and x < 0 else x >> y

        return self._corners([shift(x, y) for x in a for y in by])

    def divide(self, a: Interval, b: Interval) -> Interval:
        """The floor of a / b; a divisor below 1 is refused before it could be met"""
        return self._corners([x // max(1, y) for x in a for y in b])

    def minimum(self, a: Interval, b: Interval) -> Interval:
        """The lesser of a and b"""
        return Interval(min(a.lo, b.lo), min(a.hi, b.hi))

    def maximum(self, a: Interval, b: Interval) -> Interval:
        """The greater of a and b"""
        return Interval(max(a.lo, b.lo), max(a.hi, b.hi))

    def fit(self, a: Interval, word: Word) -> Interval:
        """`a` itself where it fits, else what the overflow makes of it."""
        if a.lo in word and a.hi in word:
            return a
        if word.overflow is Overflow.WRAP:
            return self._met(word.min, word.max)
        return Interval(max(word.min, min(word.max, a.lo)), max(word.min, min(word.max, a.hi)))

    def compare(self, a: Interval, relation: Relation, b: Interval) -> Maybe:
        """Whether the relation can be true, and whether it can be false"""
        overlap, single = a.lo <= b.hi and b.lo <= a.hi, a.lo == a.hi == b.lo == b.hi
        true, false = {
            Relation.GE: (a.hi >= b.lo, a.lo < b.hi),
            Relation.GT: (a.hi > b.lo, a.lo <= b.hi),
            Relation.LE: (a.lo <= b.hi, a.hi > b.lo),
            Relation.LT: (a.lo < b.hi, a.hi >= b.lo),
            Relation.EQ: (overlap, not single),
            Relation.NE: (not single, overlap),
        }[relation]
        return Maybe(true, false)

    def both(self, a: Maybe, b: Maybe) -> Maybe:
        """a and b"""
        return Maybe(a.true and b.true, a.false or b.false)

    def invert(self, a: Maybe) -> Maybe:
        """not a"""
        return Maybe(a.false, a.true)

    def select(self, flag: Flag, a: Interval, b: Interval) -> Interval:
        """a, b, or both joined"""
        if not flag.false:
            return a
        return a.join(b) if flag.true else b

    def observe(self, register: str, raw: Interval, fitted: Interval, word: Word, when: Flag) -> None:
        """Every raw value has been met already."""

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Maybe], body: Callable[[Flag], None]
    ) -> None:
        """Join what every number of rounds leaves."""
        for _ in range(branch.repeat):
            if not again().true:
                return
            before = dict(regs.values)
            body(Maybe(true=True, false=True))
            if regs.values == before:
                return
