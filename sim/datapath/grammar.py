"""What the keys of a stage may say: names, operands, words and conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    PlainSerializer,
    PlainValidator,
    Tag,
    WithJsonSchema,
)

from ..ops.base import Flag, Ops, Registers, Relation
from ..word import Overflow, Word

NAME_PATTERN = r"^[a-z][a-z0-9_]*$"
OPERAND_PATTERN = r"^-?[a-z][a-z0-9_]*(\*[a-z][a-z0-9_]*)?$"
_BITS_PATTERN = r"^[su]([1-9][0-9]?(\(-?[0-9]+\.\.-?[0-9]+\))?|<[a-z][a-z0-9_]*(=[0-9]{1,2})?>)"
WORD_PATTERN = _BITS_PATTERN + "$"
REGISTER_PATTERN = _BITS_PATTERN + r"\.(" + "|".join(Overflow) + ")$"

WORDING = "x-allowed"  # in a JSON Schema: what is allowed, in words for an error

_PARAMETER, _REGISTER = "a word such as u4", "a word such as s16.saturate"
_OPERAND = "a register, a parameter or an integer; -name and name*name compute"
_CONDITION = "[left, relation, right]"


def _read_word(value: Any, register: bool) -> Word:
    if isinstance(value, Word):
        return value
    if not isinstance(value, str):
        raise ValueError(_REGISTER if register else _PARAMETER)
    word = Word.parse(value)
    if register and word.overflow is None:
        raise ValueError(", ".join(f"{value}.{mode}" for mode in Overflow))
    if not register and word.overflow is not None:
        raise ValueError(value.rpartition(".")[0])
    return word


def _read_operand(value: Any) -> str | int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and re.fullmatch(OPERAND_PATTERN, value):
        return value
    raise ValueError(_OPERAND)


def _schema_of_word(pattern: str, wording: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "examples": list(examples), "pattern": pattern, WORDING: wording})


Name = Annotated[str, Field(pattern=NAME_PATTERN)]
_source = PlainSerializer(lambda word: word.source)
ParameterWord = Annotated[
    Word,
    PlainValidator(lambda value: _read_word(value, False)),
    _source,
    _schema_of_word(WORD_PATTERN, _PARAMETER, "u4", "s8"),
]
RegisterWord = Annotated[
    Word,
    PlainValidator(lambda value: _read_word(value, True)),
    _source,
    _schema_of_word(REGISTER_PATTERN, _REGISTER, "s16.saturate", "s16.wrap"),
]
_either = [{"type": "integer"}, {"type": "string", "pattern": OPERAND_PATTERN}]
Operand = Annotated[str | int, PlainValidator(_read_operand), WithJsonSchema({"anyOf": _either, WORDING: _OPERAND})]


class Model(BaseModel):
    """Base of everything read from YAML: exact types, no unknown keys, never changed afterwards."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, arbitrary_types_allowed=True, defer_build=True)


def _names_something(condition: tuple[str | int, Relation, str | int]) -> tuple[str | int, Relation, str | int]:
    if isinstance(condition[0], int) and isinstance(condition[2], int):
        raise ValueError("a register or a parameter on one side of the relation")
    return condition


def _how_many(when: Any) -> str:
    several = isinstance(when, list | tuple) and len(when) > 0 and isinstance(when[0], list | tuple)
    return "all" if several else "one"


Condition = Annotated[
    tuple[Operand, Relation, Operand],
    AfterValidator(_names_something),
    Field(json_schema_extra={WORDING: _CONDITION}),
]
Conditions = Annotated[tuple[Condition, ...], Field(min_length=1)]
When = Annotated[
    Annotated[Condition, Tag("one")] | Annotated[Conditions, Tag("all")],
    Discriminator(_how_many),
    Field(json_schema_extra={WORDING: f"{_CONDITION} or a list of such conditions"}),
]
"""`[left, relation, right]`, or a list of them that must all hold."""


def conditions(when: When) -> Iterator[tuple[tuple[int, ...], Condition]]:
    """Each condition, with its place in the list."""
    if _how_many(when) == "one":
        yield (), when  # type: ignore[misc]
    else:
        for place, condition in enumerate(when):
            yield (place,), condition  # type: ignore[misc]


def holds(when: When, regs: Registers) -> Flag:
    """Whether every condition is true of these registers."""
    flag: Flag = True
    for _, (left, relation, right) in conditions(when):
        flag = also(regs.ops, flag, regs.ops.compare(regs[left], relation, regs[right]))
    return flag


def also(ops: Ops, given: Flag, flag: Flag) -> Flag:
    """Both flags; True stands for no condition."""
    return flag if given is True else ops.both(given, flag)
