"""Records a stage as LLVM instructions on vectors: a block of neurons at once, each value in the narrowest lanes.

Every value carries the interval that contains it, so that lanes are as narrow as it allows, an overflow that cannot
happen costs nothing, and one at the end of a lane is the machine's own saturating or wrapping add.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from llvmlite import ir

from ..word import Overflow, Word
from .base import Flag, Registers, Relation, Repeated
from .code import Code, Slot
from .interval import Interval
from .lane_arithmetic import NARROWEST, LaneArithmetic, Lanes, lane_bits

REFUSED = "refused"  # counts the writes that a `refuse` word did not hold


class LaneOps(LaneArithmetic):
    """What a write makes of a value, and how its overflows are counted.

    They are counted where `alive` (None: everywhere) in 64-bit counters, by register and under REFUSED; those that were
    observed, by `count`.
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
        super().__init__(code, lanes)
        self.counters, self.held, self.alive = counters, held, alive
        self._observed: list[tuple[str, Any]] = []

    def fit(self, a: Lanes, word: Word) -> Lanes:
        """Clip or wrap, in a machine instruction where the word is a lane; what `refuse` does not hold, is cut off."""
        span = self.intervals.fit(a.span, word)
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
        return Lanes(low, self.intervals.fit(a.span, word), wrong=wrong)

    def _intrinsic(self, name: str, bits: int) -> ir.Function:
        full, vector = f"{name}.v{self.lanes}i{bits}", self.type(bits)
        found = self.builder.module.globals.get(full)
        return found or ir.Function(self.builder.module, ir.FunctionType(vector, [vector, vector]), full)

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
        return any(flag is when and x is a.parts[0] and y is a.parts[1] for flag, x, y in self.ordered)

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
    return word.bits in (NARROWEST, 32) and Interval(word.min, word.max) == Interval.of_bits(word.bits)
