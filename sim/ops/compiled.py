"""Records a stage as straight-line Python source, which Numba compiles and any Python runs.

Values are names of local variables or literals. Every operation is cast to the one integer type that the
interval analysis chose, so that the compiler keeps vectors narrow.
"""

from __future__ import annotations

from collections.abc import Callable

from ..word import Overflow, Word
from .base import Flag, Ops, Registers, Relation, Repeated, Rounding

CAST = "cast"  # name under which the source finds its integer type
REFUSED = "refused"  # local variable: how many writes a `refuse` word did not hold
OVERFLOW = "overflow_"  # prefix of the local variables that count overflows by register


class SourceOps(Ops):
    """Values and flags are strings of source; `lines` is the program so far."""

    def __init__(self, indent: int = 0) -> None:
        self.lines: list[str] = []
        self.indent = indent
        self._names = 0

    def emit(self, line: str) -> None:
        """Append one statement."""
        self.lines.append("    " * self.indent + line)

    def name(self, expression: str, cast: bool = True) -> str:
        """Bind an expression to a new name."""
        self._names += 1
        name = f"t{self._names}"
        self.emit(f"{name} = {CAST}({expression})" if cast else f"{name} = {expression}")
        return name

    def constant(self, value: int) -> str:
        """The literal."""
        return f"({value})" if value < 0 else str(value)

    def add(self, a: str, b: str) -> str:
        """a + b"""
        return self.name(f"{a} + {b}")

    def sub(self, a: str, b: str) -> str:
        """a - b"""
        return self.name(f"{a} - {b}")

    def mul(self, a: str, b: str) -> str:
        """a * b"""
        return self.name(f"{a} * {b}")

    def shift_left(self, a: str, by: str) -> str:
        """a * 2**by"""
        return self.name(f"{a} << {by}")

    def shift_right(self, a: str, by: str, rounding: Rounding) -> str:
        """Floor or truncation of a / 2**by."""
        if rounding is Rounding.ZERO:
            return self.name(f"-((-{a}) >> {by}) if {a} < 0 else {a} >> {by}")
        return self.name(f"{a} >> {by}")

    def divide(self, a: str, b: str) -> str:
        """The floor of a / b"""
        return self.name(f"{a} // {b}")

    def minimum(self, a: str, b: str) -> str:
        """The lesser of a and b"""
        return self.name(f"{a} if {a} < {b} else {b}")

    def maximum(self, a: str, b: str) -> str:
        """The greater of a and b"""
        return self.name(f"{a} if {a} > {b} else {b}")

    def fit(self, a: str, word: Word) -> str:
        """Clip, wrap, or leave (see `observe`)."""
        if word.overflow is Overflow.SATURATE:
            return self.name(f"{word.min} if {a} < {word.min} else ({word.max} if {a} > {word.max} else {a})")
        if word.overflow is Overflow.WRAP:
            return self.name(f"(({a} - ({word.min})) & {word.mask}) + ({word.min})")
        return a

    def compare(self, a: str, relation: Relation, b: str) -> str:
        """a relation b"""
        return self.name(f"{a} {relation} {b}", cast=False)

    def both(self, a: str, b: str) -> str:
        """a and b, without a jump"""
        return self.name(f"{a} & {b}", cast=False)

    def invert(self, a: str) -> str:
        """not a"""
        return self.name(f"not {a}", cast=False)

    def select(self, flag: str, a: str, b: str) -> str:
        """a if flag else b"""
        return self.name(f"{a} if {flag} else {b}")

    def observe(self, register: str, raw: str, fitted: str, word: Word, when: Flag) -> None:
        """Count overflows and refused writes in local variables."""
        also = "" if when is True else f" & {when}"
        if word.overflow is Overflow.REFUSE:
            self.emit(f"{REFUSED} += (({raw} < {word.min}) | ({raw} > {word.max})){also}")
        else:
            self.emit(f"{OVERFLOW}{register} += ({raw} != {fitted}){also}")

    def repeat(self, branch: Repeated, regs: Registers, again: Callable[[], str], body: Callable[[Flag], None]) -> None:
        """One guarded round, or a loop over variables that carry what the body writes."""
        if branch.repeat == 1:
            body(again())
            return
        carried = {register: self.name(regs.values[register]) for register in sorted(branch.writes)}
        regs.values.update(carried)
        self.emit(f"for _ in range({branch.repeat}):")
        self.indent += 1
        self.emit(f"if not {again()}:")
        self.emit("    break")
        body(True)
        results = (regs.values[register] for register in carried)
        self.emit(f"{', '.join(carried.values())} = {', '.join(results)}")  # at once: one may be another's old value
        regs.values.update(carried)
        self.indent -= 1
