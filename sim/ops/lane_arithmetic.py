"""The arithmetic of vectors of neurons, as LLVM instructions: each value in the narrowest lanes that hold it."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from . import doubles
from .base import Flag, Ops, Relation, Rounding
from .code import Code
from .interval import Interval, IntervalOps

NARROWEST = 16  # bits of a lane


@dataclass(frozen=True)
class Lanes:
    """One integer of each neuron of a block, somewhere within `span`.

    vector: None for a literal. parts: of a sum or difference its operands, and which of both it is.
    wrong: where a fit changed the value, if it is known already. shifted: of what this is a right shift, which lies
    between 0 and it. factors: of a product its operands.
    """

    vector: Any
    span: Interval
    parts: tuple[Lanes, Lanes, str] | None = None
    wrong: Any = None
    shifted: Lanes | None = None
    factors: tuple[Lanes, Lanes] | None = None


def lane_bits(span: Interval) -> int:
    """Bits of the narrowest lane that holds an interval; at most 64, as no value that occurs needs more.

    A span may be wider, where a branch is never taken, or a loop begins with less than a register can hold.
    """
    return next((bits for bits in (NARROWEST, 32) if span.bits <= bits), 64)


class LaneArithmetic(Ops, ABC):
    """Values are Lanes, flags vectors of single bits."""

    def __init__(self, code: Code, lanes: int) -> None:
        """`lanes`: of a vector, one a neuron."""
        self.code, self.builder, self.lanes = code, code.builder, lanes
        self.intervals = IntervalOps()
        self.ordered: list[tuple[Any, Lanes, Lanes]] = []  # where a flag holds, one value is at least another

    def type(self, bits: int) -> ir.VectorType:
        """A vector of lanes of so many bits."""
        return ir.VectorType(ir.IntType(bits), self.lanes)

    def load(self, vector: Any, span: Interval, signed: bool = True) -> Lanes:
        """A vector from memory, known to lie within `span`, in its lanes."""
        return Lanes(self._resized(vector, lane_bits(span), signed), span)

    def splat(self, scalar: Any, span: Interval) -> Lanes:
        """One integer for all neurons."""
        bits = lane_bits(span)
        one = self._resized(scalar, bits)
        first = self.builder.insert_element(ir.Constant(self.type(bits), ir.Undefined), one, ir.IntType(32)(0))
        order = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), [0] * self.lanes)
        return Lanes(self.builder.shuffle_vector(first, first, order), span)

    def at(self, a: Lanes, bits: int) -> Any:
        """The vector in lanes of `bits`; what they do not hold is cut off."""
        if a.vector is None:
            cut = (a.span.lo + (1 << (bits - 1))) % (1 << bits) - (1 << (bits - 1))
            return ir.Constant(self.type(bits), [cut] * self.lanes)
        return self._resized(a.vector, bits)

    def _resized(self, value: Any, bits: int, signed: bool = True) -> Any:
        vector = isinstance(value.type, ir.VectorType)
        own = value.type.element.width if vector else value.type.width
        to = self.type(bits) if vector else ir.IntType(bits)
        if own == bits:
            return value
        if own > bits:
            return self.builder.trunc(value, to)
        return self.builder.sext(value, to) if signed else self.builder.zext(value, to)

    def constant(self, value: int) -> Lanes:
        """A literal of the profile."""
        return Lanes(None, Interval(value, value))

    def _sum(self, a: Lanes, b: Lanes, kind: str) -> Lanes:
        if b.vector is None and b.span.lo == 0:
            return a
        span = self.intervals.add(a.span, b.span) if kind == "add" else self.intervals.sub(a.span, b.span)
        if kind == "sub" and b.shifted is a:
            span = a.span.join(Interval(0, 0))
        if a.vector is None and b.vector is None:
            return self.constant(span.lo)
        bits = lane_bits(span)
        combine = getattr(self.builder, kind)
        return Lanes(combine(self.at(a, bits), self.at(b, bits)), span, (a, b, kind))

    def add(self, a: Lanes, b: Lanes) -> Lanes:
        """a + b"""
        return self._sum(a, b, "add")

    def sub(self, a: Lanes, b: Lanes) -> Lanes:
        """a - b"""
        return self._sum(a, b, "sub")

    def mul(self, a: Lanes, b: Lanes) -> Lanes:
        """a * b"""
        span = self.intervals.mul(a.span, b.span)
        if span.lo == span.hi:
            return self.constant(span.lo)
        bits = lane_bits(span)
        return Lanes(self.builder.mul(self.at(a, bits), self.at(b, bits)), span, factors=(a, b))

    def shift_left(self, a: Lanes, by: Lanes) -> Lanes:
        """a * 2**by"""
        span = self.intervals.shift_left(a.span, by.span)
        bits = lane_bits(span.join(Interval.of_bits(min(by.span.hi, 63) + 1)))
        return Lanes(self.builder.shl(self.at(a, bits), self.at(by, bits)), span)

    def shift_right(self, a: Lanes, by: Lanes, rounding: Rounding) -> Lanes:
        """Floor or truncation of a / 2**by; beyond a lane's last bit, only the sign is left"""
        span = self.intervals.shift_right(a.span, by.span, rounding)
        scaled = self._scaled(a, by, rounding, span)
        if scaled is not None:
            return scaled
        floors = rounding is Rounding.FLOOR or a.span.lo >= 0
        bits = lane_bits(a.span if floors else a.span.join(self.intervals.sub(Interval(0, 0), a.span)))
        if by.span.hi >= bits:
            by = self.minimum(by, self.constant(bits - 1))
        value, shift = self.at(a, bits), self.at(by, bits)
        if not floors:  # below 0, all that is shifted out is added first
            one, zero = (ir.Constant(self.type(bits), [number] * self.lanes) for number in (1, 0))
            out = self.builder.sub(self.builder.shl(one, shift), one)
            negative = self.builder.icmp_signed("<", value, zero)
            value = self.builder.add(value, self.builder.select(negative, out, zero))
        return Lanes(self.builder.ashr(value, shift), span, shifted=a if by.span.lo >= 0 else None)

    def _scaled(self, a: Lanes, by: Lanes, rounding: Rounding, span: Interval) -> Lanes | None:
        """A product that needs lanes of 64, shifted to the right by a literal, by doubles if they hold it."""
        if a.factors is None or by.vector is not None or lane_bits(a.span) <= 32:
            return None
        x, y = a.factors
        if not doubles.can_scale((x.span, y.span), a.span, span):
            return None
        scaled = doubles.scaled(self.builder, self.at(x, 32), self.at(y, 32), by.span.lo, rounding)
        return Lanes(self._resized(scaled, lane_bits(span)), span)

    def divide(self, a: Lanes, b: Lanes) -> Lanes:
        """The floor of a / b; a divisor of 0, which only a neuron has that is not alive, becomes 1"""
        span = self.intervals.divide(a.span, b.span)
        b = self.maximum(b, self.constant(1))
        both = a.span.join(b.span)
        if both.bits <= 32:
            quotient = doubles.divided(self.builder, self.at(a, 32), self.at(b, 32), a.span.lo >= 0)
            return Lanes(self._resized(quotient, lane_bits(span)), span)
        bits = lane_bits(both)
        x, y, zero = self.at(a, bits), self.at(b, bits), ir.Constant(self.type(bits), [0] * self.lanes)
        below = self.builder.icmp_signed("<", self.builder.srem(x, y), zero)
        return Lanes(self.builder.add(self.builder.sdiv(x, y), self.builder.sext(below, self.type(bits))), span)

    def _either(self, a: Lanes, b: Lanes, relation: str, span: Interval) -> Lanes:
        bits = lane_bits(a.span.join(b.span))
        x, y = self.at(a, bits), self.at(b, bits)
        return Lanes(self.builder.select(self.builder.icmp_signed(relation, x, y), x, y), span)

    def minimum(self, a: Lanes, b: Lanes) -> Lanes:
        """The lesser of a and b"""
        return self._either(a, b, "<", self.intervals.minimum(a.span, b.span))

    def maximum(self, a: Lanes, b: Lanes) -> Lanes:
        """The greater of a and b"""
        return self._either(a, b, ">", self.intervals.maximum(a.span, b.span))

    def compare(self, a: Lanes, relation: Relation, b: Lanes) -> Any:
        """a relation b"""
        bits = lane_bits(a.span.join(b.span))
        flag = self.builder.icmp_signed(relation.value, self.at(a, bits), self.at(b, bits))
        if relation in (Relation.GE, Relation.GT):
            self.ordered.append((flag, a, b))
        return flag

    def both(self, a: Flag, b: Flag) -> Any:
        """a and b"""
        flag = self.builder.and_(a, b)
        self.ordered += [(flag, *pair) for known, *pair in self.ordered if known is a or known is b]
        return flag

    def invert(self, a: Flag) -> Any:
        """not a"""
        return self.builder.not_(a)

    def select(self, flag: Flag, a: Lanes, b: Lanes) -> Lanes:
        """a where flag, else b"""
        span = a.span.join(b.span)
        bits = lane_bits(span)
        return Lanes(self.builder.select(flag, self.at(a, bits), self.at(b, bits)), span)
