"""What interpreters share whose values have Python's operators: ints, arrays and tensors."""

from __future__ import annotations

import operator
from collections.abc import Callable

from ..word import Word
from .base import Flag, Ops, Relation, Value

COMPARE: dict[Relation, Callable[[Value, Value], Flag]] = {
    Relation.GE: operator.ge,
    Relation.GT: operator.gt,
    Relation.LE: operator.le,
    Relation.LT: operator.lt,
    Relation.EQ: operator.eq,
    Relation.NE: operator.ne,
}


class RefusedWriteError(Exception):
    """A write beyond a `refuse` word; the engine that catches it knows the place."""

    def __init__(self, register: str, raw: int, word: Word) -> None:
        self.register, self.raw, self.word = register, raw, word
        super().__init__(f"{register}: {raw} does not fit {word}, {word.min} to {word.max}")


class OperatorOps(Ops):
    """Arithmetic and comparison by the values' own operators."""

    def constant(self, value: int) -> Value:
        """The literal itself."""
        return value

    def add(self, a: Value, b: Value) -> Value:
        """a + b"""
        return a + b

    def sub(self, a: Value, b: Value) -> Value:
        """a - b"""
        return a - b

    def mul(self, a: Value, b: Value) -> Value:
        """a * b"""
        return a * b

    def compare(self, a: Value, relation: Relation, b: Value) -> Flag:
        """a relation b"""
        return COMPARE[relation](a, b)
