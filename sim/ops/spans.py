"""Range analysis of many neurons at once: every value a span [neuron] that contains whatever IntegerOps can produce.

Where `interval` asks what a profile's words could hold, this asks what one network's neurons can. Two things keep it
tight: a value that is a function of another one (a leak of the membrane that it is added to) is followed as such, and
the two ways out of a comparison with a threshold each see their side of it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..word import Overflow, Word
from .array import ArrayOps
from .base import Flag, Ops, Registers, Relation, Repeated, Rounding, Value

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Line:
    """f(base) + rest: f at the least and at the greatest base, the bounds of its difference quotient, and the rest's.

    The quotient (f(y) - f(x)) / (y - x) of any two values of the base lies within `slope`.
    """

    base: object
    ends: tuple[Array, Array]
    slope: tuple[Array, Array]
    rest: tuple[Array, Array]

    def plus(self, other: Line | Span) -> Line:
        """The sum with a line of the same base, or with anything else as a rest."""
        if isinstance(other, Span):
            return replace(self, rest=_added(self.rest, (other.lo, other.hi)))
        sums = (_added(a, b) for a, b in ((self.ends, other.ends), (self.slope, other.slope), (self.rest, other.rest)))
        return Line(self.base, *sums)

    def negative(self) -> Line:
        """-f(base) - rest."""
        (at_lo, at_hi), (least, most), (low, high) = self.ends, self.slope, self.rest
        return Line(self.base, (-at_lo, -at_hi), (-most, -least), (-high, -low))

    def bounds(self) -> tuple[Array, Array]:
        """What f(base) + rest lies within, where f is monotone; else no bound at all."""
        least, most = self.slope
        rising, falling = least >= 0, most <= 0
        low = np.where(rising, self.ends[0], np.where(falling, self.ends[1], -_BEYOND))
        high = np.where(rising, self.ends[1], np.where(falling, self.ends[0], _BEYOND))
        return low + self.rest[0], high + self.rest[1]


_BEYOND = np.int64(1 << 61)  # no bound


def _added(a: tuple[Array, Array], b: tuple[Array, Array]) -> tuple[Array, Array]:
    return a[0] + b[0], a[1] + b[1]


@dataclass(frozen=True, eq=False)
class Span:
    """All integers from lo to hi, int64 [neuron] or one for all; `line`: how it follows from another value."""

    lo: Array
    hi: Array
    line: Line | None = None

    @classmethod
    def of(cls, values: Any) -> Span:
        """Spans of one value each."""
        array = np.asarray(values, np.int64)
        return cls(array, array)

    @classmethod
    def from_line(cls, lo: Array, hi: Array, line: Line | None) -> Span:
        """The tighter of two bounds of the same value."""
        if line is None:
            return cls(lo, hi)
        low, high = line.bounds()
        return cls(np.maximum(lo, low), np.minimum(hi, high), line)

    def join(self, other: Span) -> Span:
        """The least spans that contain both."""
        return Span(np.minimum(self.lo, other.lo), np.maximum(self.hi, other.hi))

    def where(self, chosen: Array, other: Span) -> Span:
        """These spans where chosen, else the other's."""
        return Span(np.where(chosen, self.lo, other.lo), np.where(chosen, self.hi, other.hi))

    def within(self, other: Span) -> Array:
        """Of each neuron, whether its span lies within the other's."""
        return np.asarray((self.lo >= other.lo) & (self.hi <= other.hi))


class Maybe(NamedTuple):
    """Which truth values a flag can take, [neuron]."""

    true: Array
    false: Array


class SpanOps(Ops):
    """Values are Spans, flags Maybes.

    `written`: by register, the span of all raw values that were written to it; `overflows`: by register, the neurons
    of which one may not have fitted. `wide`: registers keep whatever is written, up to `wide` bits, instead.
    """

    def __init__(self, size: int, wide: int | None = None) -> None:
        self.size = size
        self.wide = wide
        self.written: dict[str, Span] = {}
        self.overflows: dict[str, Array] = {}
        self._there: Array = np.ones(size, bool)  # neurons that the branch under way concerns

    def constant(self, value: int) -> Span:
        """A literal of the profile."""
        return Span.of(value)

    def add(self, a: Span, b: Span) -> Span:
        """a + b"""
        line: Line | None = None
        if a.line is not None:
            same = b.line is not None and b.line.base is a.line.base
            line = a.line.plus(b.line if same and b.line is not None else b)
        elif b.line is not None:
            line = b.line.plus(a)
        return Span.from_line(a.lo + b.lo, a.hi + b.hi, line)

    def sub(self, a: Span, b: Span) -> Span:
        """a - b"""
        return self.add(a, Span(-b.hi, -b.lo, None if b.line is None else b.line.negative()))

    def mul(self, a: Span, b: Span) -> Span:
        """a * b"""
        return _corners([x * y for x in (a.lo, a.hi) for y in (b.lo, b.hi)])

    def shift_left(self, a: Span, by: Span) -> Span:
        """a * 2**by"""
        return _corners([np.left_shift(x, y) for x in (a.lo, a.hi) for y in (by.lo, by.hi)])

    def shift_right(self, a: Span, by: Span, rounding: Rounding) -> Span:
        """a / 2**by, rounded"""
        exact = ArrayOps()
        return _corners([exact.shift_right(x, y, rounding) for x in (a.lo, a.hi) for y in (by.lo, by.hi)])

    def divide(self, a: Span, b: Span) -> Span:
        """The floor of a / b"""
        low, high = np.maximum(b.lo, 1), np.maximum(b.hi, 1)
        return _corners([np.floor_divide(x, y) for x in (a.lo, a.hi) for y in (low, high)])

    def minimum(self, a: Span, b: Span) -> Span:
        """The lesser of a and b"""
        return Span(np.minimum(a.lo, b.lo), np.minimum(a.hi, b.hi))

    def maximum(self, a: Span, b: Span) -> Span:
        """The greater of a and b"""
        return Span(np.maximum(a.lo, b.lo), np.maximum(a.hi, b.hi))

    def fit(self, a: Span, word: Word) -> Span:
        """`a` itself where it fits, else what the overflow makes of it."""
        least, most = (word.min, word.max) if self.wide is None else (-(1 << self.wide), 1 << self.wide)
        fits = (a.lo >= least) & (a.hi <= most)
        if fits.all():
            return a
        wraps = self.wide is None and word.overflow is Overflow.WRAP
        low = np.where(fits, a.lo, least if wraps else np.clip(a.lo, least, most))
        high = np.where(fits, a.hi, most if wraps else np.clip(a.hi, least, most))
        if a.line is None:
            return Span(low, high)
        (at_lo, at_hi), slope, rest = a.line.ends, a.line.slope, a.line.rest
        ends = np.where(fits, at_lo, 0), np.where(fits, at_hi, 0)
        slopes = np.where(fits, slope[0], 0), np.where(fits, slope[1], 0)
        line = Line(a.line.base, ends, slopes, (np.where(fits, rest[0], low), np.where(fits, rest[1], high)))
        return Span(low, high, line)

    def compare(self, a: Span, relation: Relation, b: Span) -> Maybe:
        """Whether the relation can be true, and whether it can be false"""
        overlap = (a.lo <= b.hi) & (b.lo <= a.hi)
        single = (a.lo == a.hi) & (b.lo == b.hi) & (a.lo == b.lo)
        true, false = {
            Relation.GE: (a.hi >= b.lo, a.lo < b.hi),
            Relation.GT: (a.hi > b.lo, a.lo <= b.hi),
            Relation.LE: (a.lo <= b.hi, a.hi > b.lo),
            Relation.LT: (a.lo < b.hi, a.hi >= b.lo),
            Relation.EQ: (overlap, ~single),
            Relation.NE: (~single, overlap),
        }[relation]
        return Maybe(np.asarray(true), np.asarray(false))

    def both(self, a: Maybe, b: Maybe) -> Maybe:
        """a and b"""
        return Maybe(a.true & b.true, a.false | b.false)

    def invert(self, a: Maybe) -> Maybe:
        """not a"""
        return Maybe(a.false, a.true)

    def select(self, flag: Flag, a: Span, b: Span) -> Span:
        """a, b, or both joined"""
        if flag.true.all() and not flag.false.any():
            return a
        if flag.false.all() and not flag.true.any():
            return b
        return a.where(~flag.false, b.where(~flag.true, a.join(b)))

    def observe(self, register: str, raw: Span, fitted: Span, word: Word, when: Flag) -> None:
        """Remember what was written, and where it may not have fitted."""
        there = self._there if when is True else self._there & when.true
        beyond = there & ((raw.lo < word.min) | (raw.hi > word.max))
        self.overflows[register] = self.overflows.get(register, np.zeros(self.size, bool)) | beyond
        nothing = Span(np.full(self.size, 0), np.full(self.size, 0))
        before = self.written.get(register, nothing)
        self.written[register] = before.join(raw.where(there, before))

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag], body: Callable[[Flag], None]
    ) -> None:
        """Join what every number of rounds leaves; the neurons that go on and those that stop each see their side."""
        everywhere = self._there
        stopped: State | None = None
        for _ in range(branch.repeat):
            goes, stops, takes, leaves = self._sides(branch, regs, again)
            left = {**regs.values, **stops}, self._there & leaves
            stopped = left if stopped is None else _merged(stopped, left)
            self._there = self._there & takes
            if not self._there.any():
                break
            regs.values.update(goes)
            body(True)
        assert stopped is not None
        regs.values.update(_merged(stopped, (dict(regs.values), self._there))[0])
        self._there = everywhere

    def _sides(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag]
    ) -> tuple[dict[str, Span], dict[str, Span], Array, Array]:
        """The register that decides, where the branch is taken and where it is not; and which neurons can do either."""
        register, relation, operand = branch.crossing
        if not isinstance(register, str) or register not in regs.words or relation in (Relation.EQ, Relation.NE):
            flag = again()
            return {}, {}, flag.true, flag.false
        whole, threshold = regs[register], regs[operand]
        parts = []
        for part in _split(whole, relation, threshold):
            exists = np.asarray(part.lo <= part.hi)
            regs.values[register] = part.where(exists, whole)
            flag = again()
            parts.append((part, Maybe(exists & flag.true, exists & flag.false)))
        regs.values[register] = whole
        (a, can_a), (b, can_b) = parts
        takes = _joined(a, can_a.true, b.where(can_b.true, whole), can_b.true)
        leaves = _joined(a, can_a.false, b.where(can_b.false, whole), can_b.false)
        return {register: takes}, {register: leaves}, can_a.true | can_b.true, can_a.false | can_b.false


State = tuple[dict[str, Value], Array]  # registers, and the neurons that they are of


def _merged(a: State, b: State) -> State:
    """The registers of neurons that are in one state, in the other, or may be in both."""
    return {name: _joined(a[0][name], a[1], b[0][name], b[1]) for name in a[0]}, a[1] | b[1]


def _joined(a: Span, in_a: Array, b: Span, in_b: Array) -> Span:
    return a if a is b else a.join(b).where(in_a & in_b, a.where(in_a, b))


def _corners(found: list[Array]) -> Span:
    return Span(np.minimum.reduce(found), np.maximum.reduce(found))


def _split(value: Span, relation: Relation, threshold: Span) -> tuple[Span, Span]:
    """What may satisfy the relation of a value, and what may not."""
    strict = relation in (Relation.GT, Relation.LE)
    above = Span(np.maximum(value.lo, threshold.lo + strict), value.hi)
    below = Span(value.lo, np.minimum(value.hi, threshold.hi - (not strict)))
    return (above, below) if relation in (Relation.GE, Relation.GT) else (below, above)
