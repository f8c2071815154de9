"""The decision to spike: branches that emit and reset."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, ClassVar

from pydantic import Discriminator, Field, PlainValidator, Tag, ValidationInfo, WithJsonSchema, field_validator

from ..ops.base import Flag, Registers, Relation
from .grammar import NAME_PATTERN, WORDING, Condition, Model, When, also, conditions, holds
from .stages import (
    AddItem,
    ClipItem,
    DecayItem,
    DivideItem,
    Item,
    ScaleItem,
    SetItem,
    ShiftItem,
    ShrinkItem,
    WriteItem,
    tag_of,
)

SPIKES = "spikes"  # the register every neuron has: what it emits in this step

_EMITTED: tuple[int, ...] = (-1, 0, 1)
_EMIT = "-1, 0, 1, or the register or parameter whose value is emitted"


def _read_emit(value: Any) -> int | str:
    if (isinstance(value, int) and not isinstance(value, bool) and value in _EMITTED) or isinstance(value, str):
        return value
    raise ValueError(_EMIT)


_emit_schema = {"anyOf": [{"enum": list(_EMITTED)}, {"type": "string", "pattern": NAME_PATTERN}], WORDING: _EMIT}
Emit = Annotated[int | str, PlainValidator(_read_emit), WithJsonSchema(_emit_schema)]


class Branch(Model):
    """While `when` holds, at most `repeat` times: emit and run `do`.

    Only a branch that emits 1 repeats; relayed spikes, which `spikes` starts from, use up its repeats.
    """

    when: When
    emit: Annotated[Emit, Field(description=_EMIT)]
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
        """The comparison that decides: the first that orders its sides; where none does, the first."""
        found = [condition for _, condition in conditions(self.when)]
        return next((each for each in found if each[1] not in (Relation.EQ, Relation.NE)), found[0])

    def besides(self, regs: Registers) -> Flag:
        """Whether every condition but `crossing` holds; True where there is no other."""
        flag: Flag = True
        for _, condition in conditions(self.when):
            if condition != self.crossing:
                flag = also(regs.ops, flag, holds(condition, regs))
        return flag

    @property
    def writes(self) -> frozenset[str]:
        """Every register that the branch may write."""
        return frozenset({SPIKES, *(item.stage.into for item in self.do)})

    def takes(self, regs: Registers, free: Flag) -> Flag:
        """Whether the branch is entered (once more)."""
        flag = also(regs.ops, free, holds(self.when, regs))
        if self.emit == 1:
            flag = regs.ops.both(flag, regs.ops.compare(regs[SPIKES], Relation.LT, regs.ops.constant(self.repeat)))
        return flag

    def body(self, regs: Registers, taken: Flag) -> None:
        """Emit, then run `do`, where taken."""
        ops = regs.ops
        emitted = ops.add(regs[SPIKES], regs[self.emit])
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
            after = free if last else also(regs.ops, free, regs.ops.invert(branch.takes(regs, free)))
            regs.ops.repeat(branch, regs, partial(branch.takes, regs, free), partial(branch.body, regs))
            free = after


class FireItem(Item):
    """A `fire` stage."""

    fire: Fire


StepItem = Annotated[
    Annotated[DecayItem, Tag("decay")] | Annotated[AddItem, Tag("add")] | Annotated[SetItem, Tag("set")]
    | Annotated[ShiftItem, Tag("shift")] | Annotated[ScaleItem, Tag("scale")] | Annotated[ClipItem, Tag("clip")]
    | Annotated[ShrinkItem, Tag("shrink")] | Annotated[DivideItem, Tag("divide")] | Annotated[FireItem, Tag("fire")],
    Discriminator(tag_of),
]  # fmt: skip
