"""What a hardware profile says: the models behind its YAML and behind the generated JSON Schema."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from ..datapath import SPIKES, Fire, Model, Name, Operand, ParameterWord, RegisterWord, StepItem, WriteItem
from ..errors import InputError, suggest
from ..word import MAX_BITS, Word
from .connection import Connection
from .events import EventKind, Queue
from .shared import Shared

INPUT = "input"  # the population that stands for a network's input channels

Count = Annotated[int, Field(ge=1)]


class Source(Model):
    """Whose arithmetic the profile follows."""

    kind: Literal["synthetic", "simulator", "rtl", "document"]
    name: Annotated[str, Field(description="the program, RTL or document; 'bitspike' for a synthetic profile")]
    version: str
    note: str


class Relay(Model):
    """A neuron's spikes may be copied to others of its population within the step (aliases).

    Neurons fire in ascending order, so copies reach neurons of higher index before these fire.
    """

    order: Literal["ascending"]
    cap: Annotated[int, Field(ge=1, le=255, description="the most spikes of a neuron in a step, copies included")]


class Value(Model):
    """An integer of the profile that a network may set, within its range."""

    value: int
    min: int
    max: int
    note: str


class NeuronClass(Model):
    """A kind of neuron: its registers (in order of state), its parameters, and its step."""

    registers: Annotated[dict[Name, RegisterWord], Field(min_length=1)]
    parameters: dict[Name, ParameterWord]
    derived: Annotated[dict[Name, RegisterWord], Field(description="computed once, by 'prepare'")] = Field(
        default_factory=dict
    )
    prepare: Annotated[tuple[WriteItem, ...], Field(description="stages that write 'derived' from the parameters")] = ()
    step: Annotated[
        tuple[StepItem, ...], Field(min_length=1, description="once a step; event clock: once a neuron and event")
    ]
    relay: Relay | None = None
    output_unless: Annotated[
        Operand | None, Field(description="where it is not 0, the neuron resets but nothing leaves it")
    ] = None

    @cached_property
    def stages(self) -> list[Any]:
        """The stages of a step, in order."""
        return [item.stage for item in self.step]

    @property
    def fire(self) -> Fire:
        """The one stage that emits."""
        return next(stage for stage in self.stages if isinstance(stage, Fire))

    @property
    def emission(self) -> tuple[int, int]:
        """The least and the most that a neuron emits in a step."""
        least, most = 0, self.relay.cap if self.relay else 0
        for branch in self.fire.branches:
            if isinstance(branch.emit, int):
                low = high = branch.emit * branch.repeat
            else:
                word = next((w for name, w in self.stored() if name == branch.emit), Word(1, False))
                low, high = word.min, word.max
            least, most = min(least, low), max(most, high)
        return least, most

    def stored(self) -> Iterator[tuple[str, Word]]:
        """Every register with the narrowest word that holds whatever is written to it, and every parameter."""
        writes = [stage for stage in self.stages if not isinstance(stage, Fire)]
        fires = [stage for stage in self.stages if isinstance(stage, Fire)]
        writes += [item.stage for fire in fires for branch in fire.branches for item in branch.do]
        for name, own in self.registers.items():
            words = [own, *(stage.word for stage in writes if stage.into == name and stage.word is not None)]
            yield name, holding(min(word.min for word in words), max(word.max for word in words))
        yield from self.parameters.items()
        yield from self.derived.items()

    @cached_property
    def storages(self) -> dict[str, Word]:
        """By register, parameter and derived value, and for 'spikes', the narrowest word that holds it."""
        return {**dict(self.stored()), SPIKES: holding(*self.emission)}


class Limits(Model):
    """What fits the chip. An absent limit is none."""

    inputs: Count | None = None
    neurons: dict[Name, Count] = Field(default_factory=dict, description="neurons of a class")
    fan_in: dict[Name, Count] = Field(default_factory=dict, description="sources of one neuron over a connection")
    sources: dict[Name, Count] = Field(default_factory=dict, description="neurons that a connection comes from")
    targets: dict[Name, Count] = Field(default_factory=dict, description="neurons that a connection reaches")


class Profile(Model):
    """A chip's datapath. Two profiles are the same chip if and only if their `digest` is equal."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    source: Source
    clock: Annotated[Literal["step", "event"], Field(description="time steps, or one event at a time")]
    input: Annotated[ParameterWord | None, Field(description="what an input channel carries in a step")] = None
    values: Annotated[dict[Name, Value], Field(description="integers that a network may set; widths of words, too")] = (
        Field(default_factory=dict)
    )
    neurons: Annotated[dict[Name, NeuronClass], Field(min_length=1)]
    connections: Annotated[dict[Name, Connection], Field(min_length=1)]
    events: Annotated[dict[Name, EventKind], Field(description="event clock: the kinds of events")] = Field(
        default_factory=dict
    )
    queue: Queue | None = None
    shared: Annotated[Shared | None, Field(description="how its parameters read as quantities of other profiles")] = (
        None
    )
    limits: Limits
    quirks: Annotated[dict[Name, str], Field(description="where the source is followed into a surprise")]

    @model_validator(mode="after")
    def _sized(self) -> Profile:
        """Words whose width is a value get its bits; where the value is none, 1 bit, which the checks report."""

        def size(match: re.Match[str]) -> str:
            bits = self.values[match[2]].value if match[2] in self.values else 0
            return f'"{match[1]}<{match[2]}={bits}>' if 1 <= bits <= MAX_BITS else match[0]

        text = self.to_json()
        sized = _WIDTH.sub(size, text)
        return self if sized == text else Profile.from_json(sized)

    @property
    def constants(self) -> dict[str, int]:
        """The profile's values by name, as operands."""
        return {name: value.value for name, value in self.values.items()}

    def with_values(self, **values: int) -> Profile:
        """The profile with some of its values set. Raises InputError for what it does not allow."""
        data = json.loads(self.to_json())
        for name, value in values.items():
            if name not in self.values:
                known = ", ".join(self.values) or "none, as the profile has none"
                raise InputError(f"value: found {name!r}; allowed: {known}{suggest(name, self.values)}")
            low, high = self.values[name].min, self.values[name].max
            if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
                raise InputError(f"value '{name}': found {value!r}; allowed: {low} to {high}")
            data["values"][name]["value"] = value
        profile = Profile.from_json(json.dumps(data))
        from .check import find_faults  # here, as the checks are about this module's models

        faults = find_faults(profile)
        if faults:
            settings = ", ".join(f"{name} = {value}" for name, value in values.items())
            raise InputError("\n".join(f"with {settings}: {fault}" for fault in faults))
        return profile

    def to_json(self) -> str:
        """The whole profile as canonical JSON."""
        return self.model_dump_json(by_alias=True, exclude_none=True)

    @classmethod
    def from_json(cls, text: str | bytes) -> Profile:
        """Read what `to_json` wrote. Raises pydantic.ValidationError."""
        return cls.model_validate_json(text)

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hex."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


_WIDTH = re.compile(r'"([su])<([a-z][a-z0-9_]*)(?:=[0-9]+)?>')


def holding(low: int, high: int) -> Word:
    """The narrowest word that holds every value from low to high."""
    magnitude = max(value if value >= 0 else ~value for value in (low, high)).bit_length()
    return Word(max(1, magnitude + (low < 0)), low < 0)


def storage(neuron: NeuronClass, register: str) -> Word:
    """The narrowest word that holds whatever is ever written to a register, or to 'spikes'.

    A stage may fit a write into a word of its own, wider than the register's.
    """
    return neuron.storages[register]


def register_word(neuron: NeuronClass, register: str) -> Word:
    """A register as wires carry it: every bit of its word, and more where a stage fits a write into a wider one."""
    words = (neuron.registers[register], storage(neuron, register))
    signed = any(word.signed for word in words)
    return Word(max(word.bits + (signed and not word.signed) for word in words), signed)


__all__ = [
    "INPUT",
    "SPIKES",
    "Limits",
    "NeuronClass",
    "Profile",
    "Relay",
    "Source",
    "Value",
    "holding",
    "register_word",
    "storage",
]
