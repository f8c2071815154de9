"""How spikes arrive over a connection: its weights, its delays, and the sum of a step."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator, WithJsonSchema

from ..datapath import ANY, NONZERO, WORDING, Model, Name, ParameterWord, RegisterWord, WriteItem


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
    """One sum a projection and a delay: all that arrives in a step, added exactly, fitted once; what is done to it."""

    word: RegisterWord
    then: Annotated[tuple[WriteItem, ...], Field(description="stages on the register 'sum', in order")]


class Delay(Model):
    """Spikes that act later: one of step t acts at t + lag + delay."""

    per: Literal["projection", "source", "synapse"]
    word: Annotated[ParameterWord, Field(description="the delays that there are slots for")]


def _read_cap(value: Any) -> int | str:
    if value in (ANY, NONZERO) or (isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 255):
        return value  # type: ignore[no-any-return]
    raise ValueError(_CAP)


_CAP = f"an integer from 1 to 255, {ANY} (graded spikes) or {NONZERO} (any spike acts as one)"
_cap_schema = {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 255}, {"enum": [ANY, NONZERO]}], WORDING: _CAP}
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
