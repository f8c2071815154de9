"""The chip: every stage, once, as a small function over an interpreter's micro-operations.

A stage is one register write (a `Fire` is a loop of them), and one write is one `fit`. The fields of a
stage are the keys that a profile gives it; `run` is its arithmetic. To add a stage, add a class here and
name it in `Stage`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from .ops.base import Flag, Ops, Registers, Relation, Rounding, Value
from .word import Overflow, Word

SPIKES = "spikes"  # the register every neuron has: what it emits in this step
WEIGHT = "weight"  # the register a weight's format computes in

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
TERM_PATTERN = r"^-?[a-z][a-z0-9_]*$"
WORD_PATTERN = r"^[su][1-9][0-9]?"
REGISTER_PATTERN = WORD_PATTERN + r"\.(" + "|".join(Overflow) + ")$"


def _read_word(value: Any, register: bool) -> Word:
    if isinstance(value, Word):
        return value
    if not isinstance(value, str):
        raise ValueError("a word such as s16.saturate" if register else "a word such as u4")
    word = Word.parse(value)
    if register and word.overflow is None:
        raise ValueError(", ".join(f"{value}.{mode}" for mode in Overflow))
    if not register and word.overflow is not None:
        raise ValueError(str(Word(word.bits, word.signed)))
    return word


def _read_operand(value: Any) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str):
        return value
    raise ValueError("a register, a parameter or an integer")


_schema_of_word = {"type": "string", "examples": ["u4", "s8"], "pattern": WORD_PATTERN + "$"}
_schema_of_register = {"type": "string", "examples": ["s16.saturate", "s16.wrap"], "pattern": REGISTER_PATTERN}
Name = Annotated[str, Field(pattern=NAME_PATTERN)]
ParameterWord = Annotated[
    Word, PlainValidator(lambda v: _read_word(v, False)), PlainSerializer(str), WithJsonSchema(_schema_of_word)
]
RegisterWord = Annotated[
    Word, PlainValidator(lambda v: _read_word(v, True)), PlainSerializer(str), WithJsonSchema(_schema_of_register)
]
_either = [{"type": "integer"}, {"type": "string", "pattern": TERM_PATTERN}]
Operand = Annotated[str | int, PlainValidator(_read_operand), WithJsonSchema({"anyOf": _either})]


class Model(BaseModel):
    """Base of everything read from YAML: exact types, no unknown keys, never changed afterwards."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True)


def _names_something(condition: tuple[str | int, Relation, str | int]) -> tuple[str | int, Relation, str | int]:
    if isinstance(condition[0], int) and isinstance(condition[2], int):
        raise ValueError("a register or a parameter on one side of the relation")
    return condition


Condition = Annotated[tuple[Operand, Relation, Operand], AfterValidator(_names_something)]


def holds(condition: Condition, regs: Registers) -> Flag:
    """Whether `[left, relation, right]` is true of these registers."""
    left, relation, right = condition
    return regs.ops.compare(regs[left], relation, regs[right])


class _Write(Model, ABC):
    """What every stage that writes a register may also say."""

    into: Annotated[Name, Field(description="the register that is written")]
    word: Annotated[RegisterWord | None, Field(description="the fit of this write; absent: the register's own")] = None
    when: Annotated[Condition | None, Field(description="[left, relation, right]; absent: always")] = None

    @abstractmethod
    def raw(self, regs: Registers) -> Value:
        """The unbounded value that `run` fits and writes."""

    @abstractmethod
    def operands(self) -> list[str | int]:
        """Every operand that the stage reads, without signs."""

    def run(self, regs: Registers, given: Flag = True) -> None:
        """Write the register, where `given` and the stage's own `when` hold."""
        flag = given
        if self.when is not None:
            flag = _also(regs.ops, given, holds(self.when, regs))
        regs.write(self.into, self.raw(regs), self.word, flag)


def _also(ops: Ops, given: Flag, flag: Flag) -> Flag:
    return flag if given is True else ops.both(given, flag)


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
        return [self.into, *(t.removeprefix("-") if isinstance(t, str) else t for t in self.terms)]


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
    """into <- fit(into * 2**by)."""

    key: ClassVar[str] = "shift"
    by: Annotated[Operand, Field(description="bits to the left")]

    def raw(self, regs: Registers) -> Value:
        """The shifted register."""
        return regs.ops.shift_left(regs[self.into], regs[self.by])

    def operands(self) -> list[str | int]:
        """The register itself and the shift."""
        return [self.into, self.by]


class _Item(Model):
    """A list entry of a profile: the name of a stage and its keys."""

    @property
    def stage(self) -> Any:
        """The stage itself."""
        return getattr(self, next(iter(type(self).model_fields)))


class DecayItem(_Item):
    """A `decay` stage."""

    decay: Decay


class AddItem(_Item):
    """An `add` stage."""

    add: Add


class SetItem(_Item):
    """A `set` stage."""

    set: Set


class ShiftItem(_Item):
    """A `shift` stage."""

    shift: Shift


def _tag(value: Any) -> str | None:
    """The one key of a list entry: which stage it is."""
    if isinstance(value, _Item):
        return next(iter(type(value).model_fields))
    return next(iter(value)) if isinstance(value, dict) and len(value) == 1 else None


WriteItem = Annotated[
    Annotated[DecayItem, Tag("decay")] | Annotated[AddItem, Tag("add")] | Annotated[SetItem, Tag("set")]
    | Annotated[ShiftItem, Tag("shift")],
    Discriminator(_tag),
]  # fmt: skip


class Branch(Model):
    """While `when` holds, at most `repeat` times: emit and run `do`.

    Only a branch that emits 1 repeats; relayed spikes, which `spikes` starts from, use up its repeats.
    """

    when: Condition
    emit: Literal[-1, 0, 1]
    repeat: Annotated[int, Field(ge=1, le=255, description="the most times in a step")]
    do: tuple[WriteItem, ...]

    @field_validator("repeat")
    @classmethod
    def _only_spikes_repeat(cls, repeat: int, info: ValidationInfo) -> int:
        if repeat > 1 and info.data.get("emit", 1) != 1:
            raise ValueError("1, as only a branch that emits 1 repeats")
        return repeat

    @property
    def crossing(self) -> Condition:
        """The comparison that decides."""
        return self.when

    @property
    def writes(self) -> frozenset[str]:
        """Every register that the branch may write."""
        return frozenset({SPIKES, *(item.stage.into for item in self.do)})

    def takes(self, regs: Registers, free: Flag) -> Flag:
        """Whether the branch is entered (once more)."""
        flag = _also(regs.ops, free, holds(self.when, regs))
        if self.emit == 1:
            flag = regs.ops.both(flag, regs.ops.compare(regs[SPIKES], Relation.LT, regs.ops.constant(self.repeat)))
        return flag

    def body(self, regs: Registers, taken: Flag) -> None:
        """Emit, then run `do`, where taken."""
        ops = regs.ops
        emitted = ops.add(regs[SPIKES], ops.constant(self.emit))
        regs.values[SPIKES] = emitted if taken is True else ops.select(taken, emitted, regs[SPIKES])
        for item in self.do:
            item.stage.run(regs, taken)


class Fire(Model):
    """The first branch whose condition holds is taken; its spikes are the neuron's output of the step."""

    key: ClassVar[str] = "fire"
    branches: Annotated[tuple[Branch, ...], Field(min_length=1)]

    def run(self, regs: Registers) -> None:
        """Decide, emit and reset."""
        free: Flag = True
        for branch in self.branches:
            last = branch is self.branches[-1]
            after = free if last else _also(regs.ops, free, regs.ops.invert(branch.takes(regs, free)))
            regs.ops.repeat(branch, regs, partial(branch.takes, regs, free), partial(branch.body, regs))
            free = after


class FireItem(_Item):
    """A `fire` stage."""

    fire: Fire


StepItem = Annotated[
    Annotated[DecayItem, Tag("decay")] | Annotated[AddItem, Tag("add")] | Annotated[SetItem, Tag("set")]
    | Annotated[ShiftItem, Tag("shift")] | Annotated[FireItem, Tag("fire")],
    Discriminator(_tag),
]  # fmt: skip


def clip_count(ops: Ops, count: Value, cap: int) -> Value:
    """How many of `count` spikes act: `cap` at most."""
    return ops.select(ops.compare(count, Relation.GT, ops.constant(cap)), ops.constant(cap), count)


def deliver(regs: Registers, register: str, count: Value, weight: Value) -> None:
    """register <- fit(register + count * weight): the spikes of one source arrive.

    `count` repeated adds of one weight, each with its own fit, equal this one add for every overflow.
    """
    regs.write(register, regs.ops.add(regs[register], regs.ops.mul(count, weight)))
