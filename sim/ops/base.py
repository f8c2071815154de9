"""The micro-operations that a datapath is written in; each module beside this one gives them a meaning.

`Value` is whatever an interpreter computes with (an int, an array, an interval, a line of source, a
tensor), `Flag` its truth values. Arithmetic is unbounded; only `fit` makes a value a word again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Container, Mapping, MutableMapping
from enum import StrEnum
from typing import Any, Protocol

from ..word import Word

Value = Any
Flag = Any


class Rounding(StrEnum):
    """Where the fraction of a quotient goes."""

    FLOOR = "floor"
    """towards minus infinity: an arithmetic right shift"""
    ZERO = "zero"
    """towards zero: the fraction is dropped"""


class Relation(StrEnum):
    """How a condition compares its two operands."""

    GE = ">="
    GT = ">"
    LE = "<="
    LT = "<"
    EQ = "=="
    NE = "!="


class Ops(ABC):
    """One meaning of the micro-operations."""

    @abstractmethod
    def constant(self, value: int) -> Value:
        """A literal of the profile."""

    @abstractmethod
    def add(self, a: Value, b: Value) -> Value:
        """a + b"""

    @abstractmethod
    def sub(self, a: Value, b: Value) -> Value:
        """a - b"""

    @abstractmethod
    def mul(self, a: Value, b: Value) -> Value:
        """a * b"""

    @abstractmethod
    def shift_left(self, a: Value, by: Value) -> Value:
        """a * 2**by, by >= 0"""

    @abstractmethod
    def shift_right(self, a: Value, by: Value, rounding: Rounding) -> Value:
        """a / 2**by, rounded; by >= 0"""

    @abstractmethod
    def divide(self, a: Value, b: Value) -> Value:
        """The floor of a / b, b >= 1"""

    @abstractmethod
    def minimum(self, a: Value, b: Value) -> Value:
        """The lesser of a and b"""

    @abstractmethod
    def maximum(self, a: Value, b: Value) -> Value:
        """The greater of a and b"""

    @abstractmethod
    def fit(self, a: Value, word: Word) -> Value:
        """What a register of this word keeps of `a`. `refuse` keeps it as it is: see `observe`."""

    @abstractmethod
    def compare(self, a: Value, relation: Relation, b: Value) -> Flag:
        """a relation b"""

    @abstractmethod
    def both(self, a: Flag, b: Flag) -> Flag:
        """a and b"""

    @abstractmethod
    def invert(self, a: Flag) -> Flag:
        """not a"""

    @abstractmethod
    def select(self, flag: Flag, a: Value, b: Value) -> Value:
        """a where flag, else b"""

    def spread(self, a: Value, like: Value) -> Value:
        """`a` for as many neurons as `like` is for: a literal is written once for each, and overflows in each."""
        return a

    @abstractmethod
    def observe(self, register: str, raw: Value, fitted: Value, word: Word, when: Flag) -> None:
        """Told of every register write: `fitted` is kept of `raw`, where `when` (True: everywhere)."""

    @abstractmethod
    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag], body: Callable[[Flag], None]
    ) -> None:
        """Run `body(flag)` while `flag = again()` holds, `branch.repeat` times at most."""


class Repeated(Protocol):
    """What `repeat` may know of its body."""

    @property
    def repeat(self) -> int:
        """The most times the body runs."""

    @property
    def emit(self) -> int | str:
        """What the body adds to `spikes` each time: a number, or the name of what holds it."""

    @property
    def writes(self) -> frozenset[str]:
        """The registers that the body may write, `spikes` among them."""

    @property
    def crossing(self) -> tuple[str | int, Relation, str | int]:
        """The comparison that decides: register, relation, threshold."""

    def besides(self, regs: Registers) -> Flag:
        """Whether all its other conditions hold."""


Crossing = tuple[str | int, Relation, str | int]
_MIRRORED = {
    Relation.GE: Relation.LE,
    Relation.GT: Relation.LT,
    Relation.LE: Relation.GE,
    Relation.LT: Relation.GT,
}


def crossing(condition: Crossing, registers: Container[str | int]) -> Crossing | None:
    """`condition` with a register on its left; None where no register crosses: of parameters only, `==`, `!=`."""
    left, relation, right = condition
    if relation not in _MIRRORED or (left not in registers and right not in registers):
        return None
    return condition if left in registers else (right, _MIRRORED[relation], left)


def names_in(operand: str | int) -> list[str]:
    """The registers and parameters that an operand reads: two of `-a*b`, none of 3."""
    return [] if isinstance(operand, int) else operand.removeprefix("-").split("*")


class Registers:
    """The registers and parameters of one neuron, or of many at once, under one interpreter."""

    def __init__(self, ops: Ops, words: Mapping[str, Word], values: MutableMapping[str, Value]) -> None:
        """`words`: the word of every register; `values`: registers and parameters by name."""
        self.ops = ops
        self.words = words
        self.values = values

    def __getitem__(self, operand: str | int) -> Value:
        """The value of an operand: a literal, a register or parameter, one with its sign changed, or a product."""
        if isinstance(operand, int):
            return self.ops.constant(operand)
        if operand in self.values:
            return self.values[operand]
        if operand.startswith("-"):
            return self.ops.sub(self.ops.constant(0), self[operand[1:]])
        left, _, right = operand.partition("*")
        return self.ops.mul(self.values[left], self.values[right])

    def write(self, register: str, raw: Value, word: Word | None = None, when: Flag = True) -> None:
        """One register write is one fit: into `word`, or into the register's own."""
        word = word or self.words[register]
        raw = self.ops.spread(raw, self.values[register])
        fitted = self.ops.fit(raw, word)
        self.ops.observe(register, raw, fitted, word, when)
        self.values[register] = fitted if when is True else self.ops.select(when, fitted, self.values[register])
