"""What a hardware profile says: the models behind its YAML and behind the generated JSON Schema."""

from __future__ import annotations

import hashlib
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import Field

from ..datapath import (
    SPIKES,
    Fire,
    Model,
    Name,
    ParameterWord,
    RegisterWord,
    ShiftItem,
    StepItem,
)
from ..word import Word

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


class NeuronClass(Model):
    """A kind of neuron: its registers (in order of state), its parameters, and its step."""

    registers: Annotated[dict[Name, RegisterWord], Field(min_length=1)]
    parameters: dict[Name, ParameterWord]
    step: Annotated[tuple[StepItem, ...], Field(min_length=1)]
    relay: Relay | None = None

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
        emits = [branch.emit * branch.repeat for branch in self.fire.branches]
        most = max(0, *emits, self.relay.cap if self.relay else 0)
        return min(0, *emits), most


class Weight(Model):
    """The weight of a connection: its word, and what makes it the value that is added."""

    word: ParameterWord
    narrow: Annotated[bool, Field(description="whether the most negative value is forbidden")]
    format: Annotated[tuple[ShiftItem, ...], Field(description="stages on the register 'weight', in order")]

    @property
    def range(self) -> tuple[int, int]:
        """The least and the greatest weight that is allowed."""
        return self.word.min + (1 if self.narrow and self.word.signed else 0), self.word.max


class Connection(Model):
    """How the spikes of one kind of connection arrive; connections deliver in the order of the file."""

    sources: Annotated[tuple[Name, ...], Field(alias="from", min_length=1, description="'input' or neuron classes")]
    target: Annotated[Name, Field(alias="to", description="a neuron class")]
    into: Annotated[tuple[Name, ...], Field(min_length=1, description="registers, one a synapse of a pair of neurons")]
    timing: Annotated[Literal["same_step", "next_step"], Field(description="when a spike of step t acts: t or t + 1")]
    order: Literal["ascending"]
    fit_per: Literal["source"]
    cap: Annotated[int, Field(ge=1, le=255, description="more spikes of one source in a step act as this many")]
    weight: Weight
    parameters: dict[Name, ParameterWord]

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
    clock: Literal["step"]
    neurons: Annotated[dict[Name, NeuronClass], Field(min_length=1)]
    connections: Annotated[dict[Name, Connection], Field(min_length=1)]
    limits: Limits
    quirks: Annotated[dict[Name, str], Field(description="where the source is followed into a surprise")]

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
    words = [neuron.registers[register]]
    writes = [stage for stage in neuron.stages if not isinstance(stage, Fire)]
    writes += [item.stage for branch in neuron.fire.branches for item in branch.do]
    words += [stage.word for stage in writes if stage.into == register and stage.word is not None]
    return holding(min(word.min for word in words), max(word.max for word in words))


__all__ = [
    "INPUT",
    "SPIKES",
    "Connection",
    "Limits",
    "NeuronClass",
    "Profile",
    "Relay",
    "Source",
    "Weight",
    "holding",
    "storage",
]
