"""What a hardware profile says: the models behind its YAML and behind the generated JSON Schema."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from ..datapath import (
    ANY,
    NONZERO,
    SPIKES,
    Fire,
    Model,
    Name,
    Operand,
    ParameterWord,
    RegisterWord,
    StepItem,
    WriteItem,
)
from ..errors import InputError, suggest
from ..word import MAX_BITS, Word
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


class Weight(Model):
    """The weight of a connection: its word, and what makes it the value that is added."""

    word: ParameterWord
    narrow: Annotated[bool, Field(description="whether the most negative value is forbidden")]
    format: Annotated[tuple[WriteItem, ...], Field(description="stages on the register 'weight', in order")]

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest weight that is allowed."""
        return self.word.min + (1 if self.narrow and self.word.signed else 0), self.word.max


class Sum(Model):
    """All that arrives over a connection in a step, summed exactly, fitted once, and what is done to it."""

    word: RegisterWord
    then: Annotated[tuple[WriteItem, ...], Field(description="stages on the register 'sum', in order")]


class Delay(Model):
    """Spikes that act later: one of step t acts at t + lag + delay."""

    per: Literal["projection", "source", "synapse"]
    word: Annotated[ParameterWord, Field(description="the delays that there are slots for")]


def _read_cap(value: Any) -> int | str:
    if value in (ANY, NONZERO) or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 255):
        return value  # type: ignore[no-any-return]
    raise ValueError(f"an integer from 1 to 255, {ANY} (graded spikes) or {NONZERO} (any spike acts as one)")


_cap_schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 255}, {"enum": [ANY, NONZERO]}]}
Cap = Annotated[int | str, PlainValidator(_read_cap), WithJsonSchema(_cap_schema)]


class Connection(Model):
    """How the spikes of one kind of connection arrive; connections deliver in the order of the file."""

    sources: Annotated[tuple[Name, ...], Field(alias="from", min_length=1, description="'input' or neuron classes")]
    target: Annotated[Name, Field(alias="to", description="a neuron class")]
    into: Annotated[tuple[Name, ...], Field(min_length=1, description="registers, one a synapse of a pair of neurons")]
    timing: Annotated[Literal["same_step", "next_step"], Field(description="when a spike of step t acts: t or t + 1")]
    order: Literal["ascending"]
    fit_per: Annotated[Literal["source", "step"], Field(description="whether each source is a write, or their sum")]
    sum: Annotated[Sum | None, Field(description="with fit_per: step")] = None
    cap: Annotated[Cap, Field(description="more spikes of one source in a step act as this many")]
    weight: Weight
    parameters: dict[Name, ParameterWord]
    source_parameters: Annotated[dict[Name, ParameterWord], Field(description="one for each source neuron")] = Field(
        default_factory=dict
    )
    synapse_parameters: Annotated[dict[Name, ParameterWord], Field(description="one for each synapse")] = Field(
        default_factory=dict
    )
    derived: Annotated[dict[Name, RegisterWord], Field(description="computed once, by 'prepare'")] = Field(
        default_factory=dict
    )
    prepare: Annotated[
        tuple[WriteItem, ...], Field(description="stages that write 'derived' from parameters, weight_min, weight_max")
    ] = ()
    delay: Delay | None = None
    kernel: Annotated[
        Literal["correlation", "convolution"] | None, Field(description="2-D kernels, as they are or flipped")
    ] = None

    @property
    def lag(self) -> int:
        """Steps from a spike to its delivery."""
        return 1 if self.timing == "next_step" else 0


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
        return Profile.from_json(json.dumps(data))

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
    if register == SPIKES:
        return holding(*neuron.emission)
    return next(word for name, word in neuron.stored() if name == register)


__all__ = [
    "INPUT",
    "SPIKES",
    "Connection",
    "Delay",
    "Limits",
    "NeuronClass",
    "Profile",
    "Relay",
    "Source",
    "Sum",
    "Value",
    "Weight",
    "holding",
    "storage",
]
