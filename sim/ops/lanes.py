"""Records a stage as LLVM instructions on vectors: a block of neurons at once, each value in the narrowest lanes.

Every value carries the interval that contains it, so that lanes are as narrow as it allows, an overflow that cannot
happen costs nothing, and one at the end of a lane is the machine's own saturating or wrapping add.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import reduce
from typing import Any

from llvmlite import ir

from ..word import Overflow, Word
from . import doubles
from .base import Flag, Ops, Registers, Relation, Repeated, Rounding
from .code import Code, Slot
from .interval import Interval, IntervalOps

REFUSED = "refused"  # counts the writes that a `refuse` word did not hold
_NARROWEST = 16


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
    return next((bits for bits in (_NARROWEST, 32) if span.bits <= bits), 64)


class LaneOps(Ops):
    """Values are Lanes, flags vectors of single bits.

    Overflows are counted where `alive` (None: everywhere) in 64-bit counters, by register and under REFUSED; those
    that were observed, by `count`.
    """

    def __init__(
        self,
        code: Code,
        lanes: int,
        counters: Mapping[str, Slot],
        held: Mapping[str, Interval],
        alive: Any = None,
    ) -> None:
        """`held`: what each register can hold between two stages."""
        self.code, self.builder, self.lanes = code, code.builder, lanes
        self.counters, self.held, self.alive = counters, held, alive
        self._intervals = IntervalOps()
        self._observed: list[tuple[str, Any]] = []
        self._ordered: list[tuple[Any, Lanes, Lanes]] = []  # where a flag holds, one value is at least another

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
        span = self._intervals.add(a.span, b.span) if kind == "add" else self._intervals.sub(a.span, b.span)
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
        span = self._intervals.mul(a.span, b.span)
        if span.lo == span.hi:
            return self.constant(span.lo)
        bits = lane_bits(span)
        return Lanes(self.builder.mul(self.at(a, bits), self.at(b, bits)), span, factors=(a, b))

    def shift_left(self, a: Lanes, by: Lanes) -> Lanes:
        """a * 2**by"""
        span = self._intervals.shift_left(a.span, by.span)
        bits = lane_bits(span.join(Interval.of_bits(min(by.span.hi, 63) + 1)))
        return Lanes(self.builder.shl(self.at(a, bits), self.at(by, bits)), span)

    def shift_right(self, a: Lanes, by: Lanes, rounding: Rounding) -> Lanes:
        """Floor or truncation of a / 2**by; beyond a lane's last bit, only the sign is left"""
        span = self._intervals.shift_right(a.span, by.span, rounding)
        scaled = self._scaled(a, by, rounding, span)
        if scaled is not None:
            return scaled
        floors = rounding is Rounding.FLOOR or a.span.lo >= 0
        bits = lane_bits(a.span if floors else a.span.join(self._intervals.sub(Interval(0, 0), a.span)))
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
        span = self._intervals.divide(a.span, b.span)
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
        return self._either(a, b, "<", self._intervals.minimum(a.span, b.span))

    def maximum(self, a: Lanes, b: Lanes) -> Lanes:
        """The greater of a and b"""
        return self._either(a, b, ">", self._intervals.maximum(a.span, b.span))

    def fit(self, a: Lanes, word: Word) -> Lanes:
        """Clip or wrap, in a machine instruction where the word is a lane; what `refuse` does not hold, is cut off."""
        span = self._intervals.fit(a.span, word)
        if a.span.lo in word and a.span.hi in word:
            return Lanes(a.vector, a.span)
        quick = self._native(a, word) or self._halved(a, word)
        if quick is not None:
            return quick
        if word.overflow is Overflow.SATURATE:
            return self._clipped(a, word, span)
        bits = lane_bits(span)
        if word.overflow is Overflow.WRAP and (word.bits < bits or not word.signed):
            lane, low = self.at(a, bits), self.at(self.constant(word.min), bits)
            kept = self.builder.and_(self.builder.sub(lane, low), self.at(self.constant(word.mask), bits))
            return Lanes(self.builder.add(kept, low), span)
        return Lanes(self.at(a, bits), span)

    def _clipped(self, a: Lanes, word: Word, span: Interval) -> Lanes:
        inside = self.minimum(self.maximum(a, self.constant(word.min)), self.constant(word.max))
        return Lanes(self.at(inside, lane_bits(span)), span)

    def _native(self, a: Lanes, word: Word) -> Lanes | None:
        """A sum or difference of two lanes whose ends are the word's; it is wrong where a saturating one differs."""
        bits = word.bits
        if a.parts is None or not _fills_a_lane(word):
            return None
        x, y, kind = a.parts
        if lane_bits(x.span) > bits or lane_bits(y.span) > bits:
            return None
        first, second = self.at(x, bits), self.at(y, bits)
        clipped = self.builder.call(self._intrinsic(f"llvm.s{kind}.sat", bits), [first, second])
        plain = getattr(self.builder, kind)(first, second)
        kept = clipped if word.overflow is Overflow.SATURATE else plain
        wrong = self.builder.icmp_signed("!=", clipped, plain)
        return Lanes(kept, Interval(word.min, word.max), wrong=wrong)

    def _halved(self, a: Lanes, word: Word) -> Lanes | None:
        """The lower half of lanes twice as wide as a word that fills one; wrong where the upper is not its sign."""
        bits = word.bits
        if not _fills_a_lane(word) or lane_bits(a.span) != 2 * bits:
            return None
        wide, last = self.at(a, 2 * bits), ir.Constant(self.type(bits), [bits - 1] * self.lanes)
        above = ir.Constant(self.type(2 * bits), [bits] * self.lanes)
        low, high = (self._resized(half, bits) for half in (wide, self.builder.lshr(wide, above)))
        wrong = self.builder.icmp_signed("!=", high, self.builder.ashr(low, last))
        if word.overflow is Overflow.SATURATE:
            most = ir.Constant(self.type(bits), [word.max] * self.lanes)
            low = self.builder.select(wrong, self.builder.xor(self.builder.ashr(high, last), most), low)
        return Lanes(low, self._intervals.fit(a.span, word), wrong=wrong)

    def _intrinsic(self, name: str, bits: int) -> ir.Function:
        full, vector = f"{name}.v{self.lanes}i{bits}", self.type(bits)
        found = self.builder.module.globals.get(full)
        return found or ir.Function(self.builder.module, ir.FunctionType(vector, [vector, vector]), full)

    def compare(self, a: Lanes, relation: Relation, b: Lanes) -> Any:
        """a relation b"""
        bits = lane_bits(a.span.join(b.span))
        flag = self.builder.icmp_signed(relation.value, self.at(a, bits), self.at(b, bits))
        if relation in (Relation.GE, Relation.GT):
            self._ordered.append((flag, a, b))
        return flag

    def both(self, a: Flag, b: Flag) -> Any:
        """a and b"""
        flag = self.builder.and_(a, b)
        self._ordered += [(flag, *pair) for known, *pair in self._ordered if known is a or known is b]
        return flag

    def invert(self, a: Flag) -> Any:
        """not a"""
        return self.builder.not_(a)

    def select(self, flag: Flag, a: Lanes, b: Lanes) -> Lanes:
        """a where flag, else b"""
        span = a.span.join(b.span)
        bits = lane_bits(span)
        return Lanes(self.builder.select(flag, self.at(a, bits), self.at(b, bits)), span)

    def observe(self, register: str, raw: Lanes, fitted: Lanes, word: Word, when: Flag) -> None:
        """Keep where overflows and refused writes happen, if they can, for `count`."""
        low = max(0, raw.span.lo) if self._not_below_zero(raw, when) else raw.span.lo
        if low in word and raw.span.hi in word:
            return
        name = REFUSED if word.overflow is Overflow.REFUSE else register
        wrong = fitted.wrong
        if wrong is None:
            wrong = self.compare(raw, Relation.NE, self._inside(raw, fitted, word))
        self._observed.append((name, wrong if when is True else self.builder.and_(wrong, when)))

    def _not_below_zero(self, a: Lanes, when: Flag) -> bool:
        """Whether a is a difference that is 0 or more where the flag holds."""
        if a.parts is None or a.parts[2] != "sub":
            return False
        return any(flag is when and x is a.parts[0] and y is a.parts[1] for flag, x, y in self._ordered)

    def _inside(self, raw: Lanes, fitted: Lanes, word: Word) -> Lanes:
        """What `raw` would have to be to fit."""
        if word.overflow is not Overflow.REFUSE:
            return fitted
        return self.minimum(self.maximum(raw, self.constant(word.min)), self.constant(word.max))

    def count(self) -> None:
        """Count what was observed since the last call; all of it behind one jump, as it is seldom."""
        observed, self._observed = self._observed, []
        if observed:
            some = reduce(self.builder.or_, (flags for _, flags in observed))
            with self.builder.if_then(self.any(some), likely=False):
                for name, flags in observed:
                    self._count(name, flags if self.alive is None else self.builder.and_(flags, self.alive))

    def _count(self, name: str, flags: Any) -> None:
        bits = ir.IntType(max(8, self.lanes))
        packed = self.builder.bitcast(flags, ir.IntType(self.lanes))
        wide = packed if self.lanes >= 8 else self.builder.zext(packed, bits)
        found = self._resized(self.builder.ctpop(wide), 64, signed=False)
        self.counters[name].add(found)

    def any(self, flags: Any) -> Any:
        """Whether a flag is set for any neuron."""
        packed = self.builder.bitcast(flags, ir.IntType(self.lanes))
        return self.builder.icmp_unsigned("!=", packed, ir.Constant(packed.type, 0))

    def repeat(self, branch: Repeated, regs: Registers, again: Callable[[], Any], body: Callable[[Flag], None]) -> None:
        """One masked round; or a loop until no neuron goes on, over what the body writes."""
        if branch.repeat == 1:
            body(again())
            return
        spans = {name: self._carried(name, regs, branch) for name in sorted(branch.writes)}
        slots = {name: self.code.slot(self._stored(regs.values[name], span)) for name, span in spans.items()}
        self.count()

        def goes_on() -> Any:
            regs.values.update({name: Lanes(slots[name].get(), span) for name, span in spans.items()})
            flags.append(again())
            return self.any(flags[-1])

        flags: list[Any] = []
        with self.code.while_(goes_on):
            body(flags[-1])
            for name, span in spans.items():
                slots[name].set(self._stored(regs.values[name], span))
            self.count()
        regs.values.update({name: Lanes(slots[name].get(), span) for name, span in spans.items()})

    def _carried(self, name: str, regs: Registers, branch: Repeated) -> Interval:
        """What a register that the body writes may hold from one round to the next."""
        now: Interval = regs.values[name].span
        return now.join(self.held.get(name, Interval(0, branch.repeat)))

    def _stored(self, value: Lanes, span: Interval) -> Any:
        return self.at(value, lane_bits(span))


def _fills_a_lane(word: Word) -> bool:
    """Whether a word holds all that a lane does, of those that have a wider one."""
    return word.bits in (_NARROWEST, 32) and Interval(word.min, word.max) == Interval.of_bits(word.bits)
