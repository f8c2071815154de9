"""Records stages as C99: every value an int32_t, or an int64_t where 32 bits do not hold it.

Nothing is left to the compiler: no value below 0 is shifted, none leaves its type.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..word import Word
from .base import Flag
from .interval import Interval
from .lines import Carried, Let, Line, Note
from .source import SourceOps, Term, Truth


class COps(SourceOps):
    """Values are signed integers of 32 or 64 bits. A write that is refused leaves the nearest value."""

    def bits(self, span: Interval) -> int:
        """32, or 64"""
        return 32 if span.bits <= 32 else 64

    def literal(self, value: int, bits: int) -> str:
        """A decimal; the least of a type has no positive counterpart."""
        if value in (-(1 << 31), -(1 << 63)):
            return f"({self.literal(value + 1, bits)} - 1)"
        text = str(value) if -(1 << 31) < value < 1 << 31 else f"INT64_C({value})"
        return text if value >= 0 else f"({text})"

    def resized(self, term: Term, bits: int) -> str:
        """A cast"""
        return f"(int{bits}_t){term.name}"

    def _binary(self, hint: str, sign: str, a: Term, b: Term, span: Interval) -> Term:
        """In bits that hold the operands, too: what leaves a signed type is undefined, though it would come back."""
        bits = self.bits(span.join(a.span).join(b.span))
        return self._let(hint, span, f"{self.at(a, bits)} {sign} {self.at(b, bits)}", bits)

    def left(self, a: Term, by: Term, span: Interval) -> tuple[str, int]:
        """A product, as no value below 0 may be shifted."""
        if by.name is None:
            bits = self.bits(span.join(Interval(0, 1 << by.span.lo)))
            return f"{self.at(a, bits)} * {self.literal(1 << by.span.lo, bits)}", bits
        most = min(by.span.hi, 62)
        shift = self.minimum(by, self.constant(most))  # beyond, only 0 is shifted
        bits = self.bits(span.join(Interval(0, 1 << most)))
        return f"{self.at(a, bits)} * ((int{bits}_t)1 << {_amount(shift)})", bits

    def floor(self, a: str, by: Term, negative: bool) -> str:
        """The complement of a value below 0 is shifted."""
        shifted = f"{a} >> {_amount(by)}"
        return f"({a} < 0) ? ~(~{a} >> {_amount(by)}) : ({shifted})" if negative else shifted

    def cut(self, a: Term, word: Word, span: Interval) -> str:
        """The low bits, counted from the word's least value."""
        wide = 32 if word.bits < 32 else 64
        value = a.name if a.name is not None else self.literal(a.span.lo, 64)
        low = f" + UINT{wide}_C({-word.min})" if word.min else ""
        kept = f"(int{wide}_t)(((uint{wide}_t){value}{low}) & UINT{wide}_C({word.mask}))"
        kept = f"{kept} - {self.literal(-word.min, wide)}" if word.min else kept
        bits = self.bits(span)
        return kept if bits == wide else f"(int{bits}_t)({kept})"

    def refuses(self, a: Term, word: Word, span: Interval) -> str:
        """The nearest value that the word holds."""
        return self.clipped(a, word, self.bits(span))

    def entered(self, flag: Truth) -> Flag:
        """True: the loop ends where the flag does not hold."""
        return True

    def truth(self, value: bool) -> str:
        """1 or 0"""
        return str(int(value))


def _amount(by: Term) -> str:
    return str(by.span.lo) if by.name is None else by.name


def statements(lines: Sequence[Line]) -> Iterator[str]:
    """Recorded lines as statements."""
    for line in lines:
        if isinstance(line, Note):
            yield from (f"/* {text} */" for text in line.text.splitlines())
        elif isinstance(line, Let):
            yield f"const {_type(line.bits)} {line.name} = {line.expression};"
        else:
            yield from (f"{_type(each.bits)} {each.name} = {each.start};" for each in line.carried)
            yield "for (;;) {"
            yield from (f"    {text}" for text in statements(line.guard))
            yield f"    if (!{line.condition}) break;"
            yield from (f"    {text}" for text in statements(line.body))
            yield from (f"    {text}" for text in _updated(line.carried))
            yield "}"


def _updated(carried: Sequence[Carried]) -> Iterator[str]:
    yield from (f"{each.name} = {each.after};" for each in carried if each.after != each.name)


def _type(bits: int | None) -> str:
    return "int" if bits is None else f"int{bits}_t"
