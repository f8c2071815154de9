"""Every stage that writes a register, once, as a small function over an interpreter's micro-operations.

A stage is one register write, and one write is one `fit`. The fields of a stage are the keys that a profile
gives it; `run` is its arithmetic. To add a stage, add a class here and name it in `WriteItem`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Discriminator, Field, Tag, model_validator

from ..ops.base import Flag, Registers, Relation, Rounding, Value
from .grammar import Model, Name, Operand, RegisterWord, When, also, holds


class _Write(Model, ABC):
    """What every stage that writes a register may also say."""

    into: Annotated[Name, Field(description="the register that is written")]
    word: Annotated[RegisterWord | None, Field(description="the fit of this write; absent: the register's own")] = None
    when: Annotated[When | None, Field(description="[left, relation, right] or a list of them; absent: always")] = None

    @abstractmethod
    def raw(self, regs: Registers) -> Value:
        """The unbounded value that `run` fits and writes."""

    @abstractmethod
    def operands(self) -> list[str | int]:
        """Every operand that the stage reads."""

    def run(self, regs: Registers, given: Flag = True) -> None:
        """Write the register, where `given` and the stage's own `when` hold."""
        flag = given
        if self.when is not None:
            flag = also(regs.ops, given, holds(self.when, regs))
        regs.write(self.into, self.raw(regs), self.word, flag)


class Decay(_Write):
    """into <- fit(of - amount) or fit(-amount), amount = of / 2**by, rounded, at least `least`."""

    key: ClassVar[str] = "decay"
    of: Annotated[Name, Field(description="the register that decays")]
    kind: Literal["shift"]
    by: Annotated[Operand, Field(description="the shift, in bits")]
    rounding: Rounding
    least: Annotated[Literal[0, 1], Field(description="what a value other than 0 loses at the least")]
    result: Annotated[Literal["remaining", "minus_amount"], Field(description="what is written")]

    def raw(self, regs: Registers) -> Value:
        """`of - amount`, or `-amount`."""
        ops, value = regs.ops, regs[self.of]
        amount = ops.shift_right(value, regs[self.by], self.rounding)
        if self.least:
            zero, nothing = ops.constant(0), ops.compare(amount, Relation.EQ, ops.constant(0))
            for sign, relation in ((1, Relation.GT), (-1, Relation.LT)):
                too_little = ops.both(nothing, ops.compare(value, relation, zero))
                amount = ops.select(too_little, ops.constant(sign), amount)
        return ops.sub(value if self.result == "remaining" else ops.constant(0), amount)

    def operands(self) -> list[str | int]:
        """The value that decays and the shift."""
        return [self.of, self.by]


class Add(_Write):
    """into <- fit(into + the sum of the terms), one fit for all of them."""

    key: ClassVar[str] = "add"
    terms: Annotated[
        tuple[Operand, ...], Field(min_length=1, description="registers, parameters, integers; -name subtracts")
    ]

    def raw(self, regs: Registers) -> Value:
        """`into` and the terms, summed."""
        total = regs[self.into]
        for term in self.terms:
            if isinstance(term, str) and term.startswith("-"):
                total = regs.ops.sub(total, regs[term[1:]])
            else:
                total = regs.ops.add(total, regs[term])
        return total

    def operands(self) -> list[str | int]:
        """The register itself and the terms."""
        return [self.into, *self.terms]


class Set(_Write):
    """into <- fit(value)."""

    key: ClassVar[str] = "set"
    value: Operand

    def raw(self, regs: Registers) -> Value:
        """The value."""
        return regs[self.value]

    def operands(self) -> list[str | int]:
        """The value."""
        return [self.value]


class Shift(_Write):
    """into <- fit(into * 2**by): to the left, or to the right and rounded where `by` is below 0."""

    key: ClassVar[str] = "shift"
    by: Annotated[Operand, Field(description="bits to the left; below 0: to the right")]
    rounding: Annotated[Rounding | None, Field(description="of a shift to the right; absent: there is none")] = None

    def raw(self, regs: Registers) -> Value:
        """The shifted register."""
        ops, value, by = regs.ops, regs[self.into], regs[self.by]
        if self.rounding is None:
            return ops.shift_left(value, by)
        zero = ops.constant(0)
        left, right = ops.maximum(by, zero), ops.maximum(ops.sub(zero, by), zero)
        return ops.shift_right(ops.shift_left(value, left), right, self.rounding)

    def operands(self) -> list[str | int]:
        """The register itself and the shift."""
        return [self.into, self.by]


class Scale(_Write):
    """into <- fit(of * factor / 2**shift), rounded."""

    key: ClassVar[str] = "scale"
    of: Annotated[Operand, Field(description="what is multiplied")]
    factor: Operand
    shift: Annotated[int, Field(ge=0, le=62, description="the binary point of the factor, in bits")]
    rounding: Rounding

    def raw(self, regs: Registers) -> Value:
        """The product, without its fraction."""
        product = regs.ops.mul(regs[self.of], regs[self.factor])
        return regs.ops.shift_right(product, regs.ops.constant(self.shift), self.rounding) if self.shift else product

    def operands(self) -> list[str | int]:
        """Both factors."""
        return [self.of, self.factor]


class Clip(_Write):
    """into <- fit(into, or the bound that it is beyond): a bound that is an operand. Never counted as an overflow."""

    key: ClassVar[str] = "clip"
    low: Operand | None = None
    high: Operand | None = None

    @model_validator(mode="after")
    def _bounded(self) -> Clip:
        if self.low is None and self.high is None:
            raise ValueError("low, high or both are needed")
        return self

    def raw(self, regs: Registers) -> Value:
        """The nearest value that is not beyond a bound; `high` counts where they contradict."""
        value = regs[self.into]
        if self.low is not None:
            value = regs.ops.maximum(value, regs[self.low])
        return value if self.high is None else regs.ops.minimum(value, regs[self.high])

    def operands(self) -> list[str | int]:
        """The register itself and its bounds."""
        return [self.into, *(bound for bound in (self.low, self.high) if bound is not None)]


class Shrink(_Write):
    """into <- fit(into moved towards 0 by `by`, and not past it): a constant leak."""

    key: ClassVar[str] = "shrink"
    by: Annotated[Operand, Field(description="how far, 0 or more")]

    def raw(self, regs: Registers) -> Value:
        """What is left of the register."""
        ops, value, zero = regs.ops, regs[self.into], regs.ops.constant(0)
        above = ops.maximum(ops.sub(value, regs[self.by]), zero)
        below = ops.minimum(ops.add(value, regs[self.by]), zero)
        return ops.select(ops.compare(value, Relation.LT, zero), below, above)

    def operands(self) -> list[str | int]:
        """The register itself and the step."""
        return [self.into, self.by]


class Divide(_Write):
    """into <- fit(floor(of / by)): how often `by` goes into `of`."""

    key: ClassVar[str] = "divide"
    of: Operand
    by: Annotated[Operand, Field(description="the divisor, 1 or more")]

    def raw(self, regs: Registers) -> Value:
        """The floor of the quotient."""
        return regs.ops.divide(regs[self.of], regs[self.by])

    def operands(self) -> list[str | int]:
        """Dividend and divisor."""
        return [self.of, self.by]


class Item(Model):
    """A list entry of a profile: the name of a stage and its keys."""

    @property
    def stage(self) -> Any:
        """The stage itself."""
        return getattr(self, next(iter(type(self).model_fields)))


class DecayItem(Item):
    """A `decay` stage."""

    decay: Decay


class AddItem(Item):
    """An `add` stage."""

    add: Add


class SetItem(Item):
    """A `set` stage."""

    set: Set


class ShiftItem(Item):
    """A `shift` stage."""

    shift: Shift


class ScaleItem(Item):
    """A `scale` stage."""

    scale: Scale


class ClipItem(Item):
    """A `clip` stage."""

    clip: Clip


class ShrinkItem(Item):
    """A `shrink` stage."""

    shrink: Shrink


class DivideItem(Item):
    """A `divide` stage."""

    divide: Divide


def tag_of(value: Any) -> str | None:
    """The one key of a list entry: which stage it is."""
    if isinstance(value, Item):
        return next(iter(type(value).model_fields))
    return next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None


WriteItem = Annotated[
    Annotated[DecayItem, Tag("decay")] | Annotated[AddItem, Tag("add")] | Annotated[SetItem, Tag("set")]
    | Annotated[ShiftItem, Tag("shift")] | Annotated[ScaleItem, Tag("scale")] | Annotated[ClipItem, Tag("clip")]
    | Annotated[ShrinkItem, Tag("shrink")] | Annotated[DivideItem, Tag("divide")],
    Discriminator(tag_of),
]  # fmt: skip
