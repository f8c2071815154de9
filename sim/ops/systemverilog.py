"""Records stages as SystemVerilog: a wire for each value, signed and as wide as its interval; a loop for rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from ..word import Word
from .base import Flag
from .interval import Interval
from .lines import Let, Line, Loop, Note
from .source import SourceOps, Term, Truth


class SystemVerilogOps(SourceOps):
    """Values are signed vectors. A write that is refused leaves anything."""

    def __init__(self, held: Mapping[str, Interval]) -> None:
        super().__init__(held)
        self.dropped: list[tuple[str, str]] = []  # variables, and the bits of them that a cut leaves out

    def bits(self, span: Interval) -> int:
        """Bits of the narrowest vector that holds an interval."""
        return span.bits

    def literal(self, value: int, bits: int) -> str:
        """A sized decimal; the least value has no positive counterpart, so it is written in hex."""
        if value == -(1 << (bits - 1)):
            return f"{bits}'sh{value & ((1 << bits) - 1):x}"
        return f"{bits}'sd{value}" if value >= 0 else f"(-{bits}'sd{-value})"

    def resized(self, term: Term, bits: int) -> str:
        """A size cast, which extends the sign."""
        if bits < term.bits:
            top, name = term.bits - 1, str(term.name)
            self.dropped.append((name, f"{name}[{top}:{bits}]" if top > bits else f"{name}[{top}]"))
        return f"{bits}'({term.name})"

    def left(self, a: Term, by: Term, span: Interval) -> tuple[str, int]:
        """a * 2**by"""
        return f"{self.at(a, span.bits)} <<< {_amount(by)}", span.bits

    def floor(self, a: str, by: Term, negative: bool) -> str:
        """The floor of a / 2**by"""
        return f"{a} >>> {_amount(by)}"

    def cut(self, a: Term, word: Word, span: Interval) -> str:
        """The low bits; those of an unsigned word get a 0 as their sign."""
        return self.at(a, word.bits) if word.signed else f"{{1'b0, {self.at(a, word.bits)}}}"

    def refuses(self, a: Term, word: Word, span: Interval) -> str:
        """The low bits"""
        return self.at(a, span.bits)

    def entered(self, flag: Truth) -> Flag:
        """The flag itself: rounds are computed whether they are entered or not."""
        return flag

    def truth(self, value: bool) -> str:
        """One bit"""
        return f"1'b{int(value)}"


def _amount(by: Term) -> str:
    return str(by.span.lo) if by.name is None else by.name


def statements(lines: Sequence[Line]) -> Iterator[str]:
    """Recorded lines as items of a module."""
    for line in lines:
        if isinstance(line, Note):
            yield from (f"// {text}" for text in line.text.splitlines())
        elif isinstance(line, Let):
            yield f"wire {_type(line.bits)}{line.name} = {line.expression};"
        else:
            yield from _loop(line)


def _type(bits: int | None) -> str:
    return "" if bits is None else f"signed [{bits - 1}:0] "


def _loop(loop: Loop) -> Iterator[str]:
    """A combinational block; all its variables are assigned before they are read."""
    rounds = [line for line in (*loop.guard, *loop.body) if isinstance(line, Let)]
    number = f"round_{loop.carried[0].name}"
    yield f"integer {number};"
    variables = [(each.name, each.bits) for each in loop.carried] + [(line.name, line.bits) for line in rounds]
    yield from (f"logic {_type(bits)}{name};" for name, bits in variables)
    yield "always_comb begin"
    yield from (f"    {each.name} = {each.start};" for each in loop.carried)
    yield f"    for ({number} = 0; {number} < {loop.most}; {number} = {number} + 1) begin"
    yield from (f"        {line.name} = {line.expression};" for line in rounds)
    yield from (f"        {each.name} = {each.after};" for each in loop.carried if each.after != each.name)
    yield "    end"
    yield "end"
