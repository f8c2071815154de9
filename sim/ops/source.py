"""Records stages as source text: what the generators of C and of SystemVerilog share.

Every value carries the interval that contains it, so that each variable is as narrow as its language allows, and what
cannot happen is not written. A variable is assigned once, but for those that a loop carries from round to round.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..word import Overflow, Word
from .base import Flag, Ops, Registers, Relation, Repeated, Rounding
from .integer import IntegerOps
from .interval import Interval, IntervalOps, Maybe
from .lines import Carried, Let, Line, Loop, Note

EITHER = Maybe(true=True, false=True)


@dataclass(frozen=True)
class Term:
    """A variable of `bits` bits, or a literal (name None), somewhere within `span`."""

    name: str | None
    span: Interval
    bits: int = 0


@dataclass(frozen=True)
class Truth:
    """A variable that is true or false, and which of both it can be."""

    name: str
    can: Maybe


class SourceOps(Ops):
    """Values are Terms, flags are Truths; `lines` is what was recorded, `refused` the flags of refused writes."""

    def __init__(self, held: Mapping[str, Interval]) -> None:
        """`held`: what each register can hold between two stages."""
        self.held = held
        self.lines: list[Line] = []
        self.refused: list[str] = []
        self.register: str | None = None  # what is being written: it names the variable
        self._intervals = IntervalOps()
        self._count = 0

    @abstractmethod
    def bits(self, span: Interval) -> int:
        """Bits of the narrowest variable that holds an interval."""

    @abstractmethod
    def literal(self, value: int, bits: int) -> str:
        """A literal as an operand among variables of `bits`."""

    @abstractmethod
    def resized(self, term: Term, bits: int) -> str:
        """A variable in another number of bits; the low ones, where there are fewer."""

    @abstractmethod
    def left(self, a: Term, by: Term, span: Interval) -> tuple[str, int]:
        """a * 2**by, somewhere within `span`: an expression and its bits."""

    @abstractmethod
    def floor(self, a: str, by: Term, negative: bool) -> str:
        """The floor of a / 2**by. negative: whether a can be below 0."""

    @abstractmethod
    def cut(self, a: Term, word: Word, span: Interval) -> str:
        """The low bits of `a` that a word keeps, in the bits of `span`."""

    @abstractmethod
    def refuses(self, a: Term, word: Word, span: Interval) -> str:
        """What a word keeps of a value that it may refuse, in the bits of `span`: any, where it does."""

    @abstractmethod
    def entered(self, flag: Truth) -> Flag:
        """The flag that holds throughout a round of a loop that is entered where `flag` holds."""

    def fresh(self, hint: str) -> str:
        """A name that no other variable has."""
        self._count += 1
        return f"{hint}_{self._count}"

    def note(self, text: str) -> None:
        """A comment at this place."""
        self.lines.append(Note(text))

    def given(self, hint: str, expression: str, span: Interval, bits: int | None = None) -> Term:
        """A value from outside, in a variable of its own."""
        return self._let(hint, span, expression, bits)

    def at(self, a: Term, bits: int) -> str:
        """A value as an operand among variables of `bits`."""
        if a.name is None:
            return self.literal(a.span.lo, bits)
        return a.name if a.bits == bits else self.resized(a, bits)

    def constant(self, value: int) -> Term:
        """A literal of the profile."""
        return Term(None, Interval(value, value))

    def _let(self, hint: str, span: Interval, expression: str, bits: int | None = None) -> Term:
        if span.lo == span.hi:
            return self.constant(span.lo)
        term = Term(self.fresh(hint), span, bits or self.bits(span))
        self.lines.append(Let(str(term.name), term.bits, expression))
        return term

    def _flag(self, expression: str) -> Truth:
        truth = Truth(self.fresh("flag"), EITHER)
        self.lines.append(Let(truth.name, None, expression))
        return truth

    def _binary(self, hint: str, sign: str, a: Term, b: Term, span: Interval) -> Term:
        """In the bits of the result: of operands that need more, the low ones suffice."""
        bits = self.bits(span)
        return self._let(hint, span, f"{self.at(a, bits)} {sign} {self.at(b, bits)}")

    def add(self, a: Term, b: Term) -> Term:
        """a + b"""
        if b == self.constant(0):
            return a
        return b if a == self.constant(0) else self._binary("sum", "+", a, b, self._intervals.add(a.span, b.span))

    def sub(self, a: Term, b: Term) -> Term:
        """a - b"""
        span = self._intervals.sub(a.span, b.span)
        return a if b == self.constant(0) else self._binary("difference", "-", a, b, span)

    def mul(self, a: Term, b: Term) -> Term:
        """a * b"""
        if b == self.constant(1):
            return a
        return b if a == self.constant(1) else self._binary("product", "*", a, b, self._intervals.mul(a.span, b.span))

    def shift_left(self, a: Term, by: Term) -> Term:
        """a * 2**by"""
        span = self._intervals.shift_left(a.span, by.span)
        if by == self.constant(0) or span.lo == span.hi:
            return a
        expression, bits = self.left(a, by, span)
        return self._let("shifted", span, expression, bits)

    def shift_right(self, a: Term, by: Term, rounding: Rounding) -> Term:
        """Floor or truncation of a / 2**by; beyond a variable's last bit, only the sign is left"""
        span = self._intervals.shift_right(a.span, by.span, rounding)
        if by == self.constant(0):
            return a
        if rounding is Rounding.ZERO and a.span.lo < 0:
            return self._mirrored("shifted", a, 0, span, lambda size: self.shift_right(size, by, Rounding.FLOOR))
        bits = self.bits(a.span)
        if by.span.hi >= bits:
            by = self.minimum(by, self.constant(bits - 1))
        return self._let("shifted", span, self.floor(self.at(a, bits), by, a.span.lo < 0), bits)

    def divide(self, a: Term, b: Term) -> Term:
        """The floor of a / b"""
        if b == self.constant(1):
            return a
        span = self._intervals.divide(a.span, b.span)
        if a.span.lo < 0:  # a divider rounds towards 0: of a value below 0 the complement is divided
            return self._mirrored("floor", a, -1, span, lambda size: self.divide(size, b))
        bits = self.bits(a.span.join(b.span))
        return self._let("quotient", span, f"{self.at(a, bits)} / {self.at(b, bits)}", bits)

    def _mirrored(self, hint: str, a: Term, base: int, span: Interval, part: Callable[[Term], Term]) -> Term:
        """What `part` makes of `base - a` where a is below 0, mirrored back; else what it makes of a itself."""
        size = Interval(0, max(base - a.span.lo, a.span.hi))
        bits = self.bits(a.span.join(size))
        value, zero, start = self.at(a, bits), self.literal(0, bits), self.literal(base, bits)
        made = part(self._let("magnitude", size, f"({value} < {zero}) ? {start} - {value} : {value}", bits))
        bits = self.bits(a.span.join(made.span).join(span))
        value, zero, start, left = (
            self.at(a, bits),
            self.literal(0, bits),
            self.literal(base, bits),
            self.at(made, bits),
        )
        return self._let(hint, span, f"({value} < {zero}) ? {start} - {left} : {left}", bits)

    def minimum(self, a: Term, b: Term) -> Term:
        """The lesser of a and b"""
        if a.span.hi <= b.span.lo or b.span.hi <= a.span.lo:
            return a if a.span.hi <= b.span.lo else b
        return self._either("least", "<", a, b, self._intervals.minimum(a.span, b.span))

    def maximum(self, a: Term, b: Term) -> Term:
        """The greater of a and b"""
        if a.span.lo >= b.span.hi or b.span.lo >= a.span.hi:
            return a if a.span.lo >= b.span.hi else b
        return self._either("most", ">", a, b, self._intervals.maximum(a.span, b.span))

    def _either(self, hint: str, relation: str, a: Term, b: Term, span: Interval) -> Term:
        wide, bits = self.bits(a.span.join(b.span)), self.bits(span)
        test = f"{self.at(a, wide)} {relation} {self.at(b, wide)}"
        return self._let(hint, span, f"({test}) ? {self.at(a, bits)} : {self.at(b, bits)}")

    def fit(self, a: Term, word: Word) -> Term:
        """Clip or wrap, where it can be needed."""
        if a.span.lo in word and a.span.hi in word:
            return a
        if a.name is None and word.overflow is not Overflow.REFUSE:
            return self.constant(IntegerOps().fit(a.span.lo, word))
        span, hint = self._intervals.fit(a.span, word), self.register or "fitted"
        if word.overflow is Overflow.SATURATE:
            return self._let(hint, span, self.clipped(a, word, self.bits(span)))
        if word.overflow is Overflow.WRAP:
            return self._let(hint, span, self.cut(a, word, span))
        return self._let(hint, span, self.refuses(a, word, span))

    def clipped(self, a: Term, word: Word, bits: int) -> str:
        """The nearest value of a word, in variables of `bits`."""
        wide = self.bits(a.span.join(Interval(word.min, word.max)))
        value, kept = self.at(a, wide), self.at(a, bits)
        if a.span.hi > word.max:
            kept = f"({value} > {self.literal(word.max, wide)}) ? {self.literal(word.max, bits)} : {kept}"
        if a.span.lo < word.min:
            kept = f"({value} < {self.literal(word.min, wide)}) ? {self.literal(word.min, bits)} : {kept}"
        return kept

    def compare(self, a: Term, relation: Relation, b: Term) -> Truth:
        """a relation b"""
        can = self._intervals.compare(a.span, relation, b.span)
        if not (can.true and can.false):
            return Truth("", can)
        bits = self.bits(a.span.join(b.span))
        return self._flag(f"{self.at(a, bits)} {relation.value} {self.at(b, bits)}")

    def both(self, a: Truth, b: Truth) -> Truth:
        """a and b"""
        if not a.can.true or not b.can.false:
            return a
        return b if not b.can.true or not a.can.false else self._flag(f"{a.name} && {b.name}")

    def invert(self, a: Truth) -> Truth:
        """not a"""
        can = Maybe(a.can.false, a.can.true)
        return self._flag(f"!{a.name}") if can.true and can.false else Truth("", can)

    def select(self, flag: Truth, a: Term, b: Term) -> Term:
        """a where flag, else b"""
        if a == b or not flag.can.false:
            return a
        if not flag.can.true:
            return b
        span = a.span.join(b.span)
        bits = self.bits(span)
        return self._let(self.register or "chosen", span, f"{flag.name} ? {self.at(a, bits)} : {self.at(b, bits)}")

    def observe(self, register: str, raw: Term, fitted: Term, word: Word, when: Flag) -> None:
        """Note where a `refuse` word does not hold what is written."""
        if word.overflow is not Overflow.REFUSE or (raw.span.lo in word and raw.span.hi in word):
            return
        inside = [(raw, Relation.LT, word.min), (raw, Relation.GT, word.max)]
        for value, relation, end in inside:
            wrong = self.compare(value, relation, self.constant(end))
            wrong = wrong if when is True else self.both(when, wrong)
            if wrong.can.true:
                self.refused.append(wrong.name or self._flag(self.truth(True)).name)

    @abstractmethod
    def truth(self, value: bool) -> str:
        """A literal of a flag."""

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag], body: Callable[[Flag], None]
    ) -> None:
        """One round where the condition holds, or a loop over what the body writes."""
        if branch.repeat == 1:
            flag = again()
            if flag.can.true:
                body(flag if flag.can.false else True)
            return
        start = dict(regs.values)
        loop = {name: self._carried(name, start[name], branch) for name in sorted(branch.writes)}
        regs.values.update(loop)
        outer, refused, guard, rounds = self.lines, self.refused, list[Line](), list[Line]()
        self.lines, self.refused = guard, []
        flag = again()
        if flag.can.true:
            self.lines = rounds
            body(self.entered(flag) if flag.can.false else True)
        after = {name: self._after(name, regs.values[name], loop) for name in loop}
        raised, self.lines, self.refused = self.refused, outer, refused
        if not flag.can.true:
            regs.values.update({name: start[name] for name in loop})
            return
        carried = [
            Carried(str(var.name), var.bits, self.at(start[name], var.bits), after[name]) for name, var in loop.items()
        ]
        if raised:
            name = self.fresh("refused")
            carried.append(Carried(name, None, self.truth(False), " || ".join([name, *raised])))
            self.refused.append(name)
        condition = flag.name or self.truth(True)
        self.lines.append(Loop(tuple(carried), tuple(guard), condition, tuple(rounds), branch.repeat))
        regs.values.update(loop)

    def _carried(self, name: str, now: Term, branch: Repeated) -> Term:
        """The variable of a register that the body writes: what it may hold from one round to the next."""
        span = now.span.join(self.held.get(name, Interval(0, branch.repeat)))
        return Term(self.fresh(name), span, self.bits(span))

    def _after(self, name: str, value: Term, loop: Mapping[str, Term]) -> str:
        """What a round leaves; another variable of the loop is copied first, as it may change before it is read."""
        bits = loop[name].bits
        if value != loop[name] and value in loop.values():
            value = self._let(name, value.span, self.at(value, value.bits), value.bits)
        return self.at(value, bits)


class SourceRegisters(Registers):
    """Registers whose writes name their variables."""

    def write(self, register: str, raw: Any, word: Word | None = None, when: Flag = True) -> None:
        """As `Registers.write`."""
        self.ops.register = register  # type: ignore[attr-defined]
        super().write(register, raw, word, when)
        self.ops.register = None  # type: ignore[attr-defined]
