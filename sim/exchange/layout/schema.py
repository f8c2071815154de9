"""What a layout says: the models behind its YAML.

A *memory* is a text file of words for `$readmemh` or `$readmemb`; its *entries*, one for each index of its axes, are
made of fields. A *table* is a JSON file of named registers. What a field holds is a *value* of the network.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import Field, PlainValidator, WithJsonSchema

from ...datapath import WORDING, Model, Name
from ...word import Word

ALL = "all"  # an axis as long as the network needs
VALUE = "value"  # the owner of the profile's values

_NAME = "[a-z][a-z0-9_]*"
_SOURCE_PATTERN = rf"^{_NAME}\.{_NAME}(\[{_NAME}(, {_NAME})*\])?$"
_WORD_PATTERN = rf"^[su]([1-9]|[1-5][0-9]|6[0-3]|<{_NAME}>|<log2 {_NAME}>)$"
_SOURCE = "an integer, or a value such as neuron.threshold[neuron] or crossbar.weight[pre, post]"
_WORD = "a word of 1 to 63 bits such as u4 or s12, or with a width such as s<potential_width> or u<log2 axon>"
_SIZE = f"an integer of 1 or more, or '{ALL}': as many as the network has"
MAX_BITS = 1 << 16  # of a memory's word
MAX_ENTRIES = 1 << 24


class Reference(NamedTuple):
    """`owner.name[axes]`: the owner is a class of neurons, a connection, or VALUE."""

    owner: str
    name: str
    axes: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> Reference:
        """Read what matches the pattern of a value."""
        head, _, axes = text.rstrip("]").partition("[")
        owner, _, name = head.partition(".")
        return cls(owner, name, tuple(axes.split(", ")) if axes else ())


def _read_value(value: Any) -> str | int:
    whole = isinstance(value, int) and not isinstance(value, bool)
    if whole or (isinstance(value, str) and re.fullmatch(_SOURCE_PATTERN, value)):
        return value  # type: ignore[no-any-return]
    raise ValueError(_SOURCE)


def _read_size(value: Any) -> int | str:
    if value == ALL or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= MAX_ENTRIES):
        return value  # type: ignore[no-any-return]
    raise ValueError(_SIZE)


_value_schema = {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": _SOURCE_PATTERN}], WORDING: _SOURCE}
_size_schema = {"anyOf": [{"type": "integer", "minimum": 1}, {"enum": [ALL]}], WORDING: _SIZE}
ValueText = Annotated[str | int, PlainValidator(_read_value), WithJsonSchema(_value_schema)]
Size = Annotated[int | str, PlainValidator(_read_size), WithJsonSchema(_size_schema)]
WordText = Annotated[str, Field(pattern=_WORD_PATTERN, json_schema_extra={WORDING: _WORD, "examples": ["u4", "s12"]})]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+)*$", max_length=80)]
Register = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]
First = Annotated[Literal["least", "most"], Field(description="in the least or the most significant bits")]


class Each(Model):
    """One file for every layer of a class, or for every projection over a connection, numbered in the file's name."""

    layer: Name | None = None
    projection: Name | None = None


class Lanes(Model):
    """A field that repeats along an axis of its value, such as a row of a crossbar."""

    axis: Name
    size: Size
    first: First


class Slot(Model):
    """What one value becomes: its word, and what stands where the network has nothing."""

    value: ValueText
    word: WordText
    absent: int = 0

    @property
    def reference(self) -> Reference | None:
        """What the value refers to; None for a constant."""
        return None if isinstance(self.value, int) else Reference.parse(self.value)


class BitField(Slot):
    """Bits of an entry; `at` is the least significant one. Without `at`, fields follow each other, the first on top."""

    at: Annotated[int, Field(ge=0)] | None = None
    lanes: Lanes | None = None


class Pack(Model):
    """Several entries in a word."""

    entries: Annotated[int, Field(ge=2)]
    first: First


class Memory(Model):
    """A text file, a word a line. The entry of an index stands where the axes say, the last one counting fastest."""

    file: FileName
    radix: Literal["hex", "binary"]
    each: Each | None = None
    axes: Annotated[dict[Name, Size], Field(min_length=1)]
    word: (
        Annotated[int, Field(ge=1, le=MAX_BITS, description="bits of a line; left out: those of the fields")] | None
    ) = None
    pack: Pack | None = None
    fields: Annotated[dict[Name, BitField], Field(min_length=1)]

    @property
    def slots(self) -> dict[str, BitField]:
        """The fields."""
        return self.fields


class Table(Model):
    """A JSON file: an object with one number or nested list a register."""

    file: FileName
    each: Each | None = None
    registers: Annotated[dict[Register, Slot], Field(min_length=1)]

    @property
    def slots(self) -> dict[str, Slot]:
        """The registers."""
        return self.registers


class Layout(Model):
    """The files of a chip."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    source: Annotated[str, Field(description="the document or RTL that says where the bits are")]
    profiles: Annotated[tuple[str, ...], Field(min_length=1, description="names of the profiles that it is for")]
    one_to_one: Annotated[
        tuple[Name, ...], Field(description="connections in no file: source i reaches neuron i with weight 1")
    ] = ()
    memories: dict[Name, Memory] = Field(default_factory=dict)
    tables: dict[Name, Table] = Field(default_factory=dict)

    @property
    def files(self) -> dict[str, Memory | Table]:
        """Memories and tables by name."""
        return {**self.memories, **self.tables}


def static_word(text: str) -> Word | None:
    """A word whose width is a number; None where it follows the network."""
    return None if "<" in text else Word.parse(text)
