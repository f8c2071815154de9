"""What an event-clocked profile says: kinds of events, whom each reaches, and the queue of the core's own spikes."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Discriminator, Field, Tag

from ..datapath import WORDING, Model, Name, Operand, ParameterWord, WriteItem

SOURCE, NEURON = "source", "neuron"  # what an event may carry besides its fields: two addresses


class Until(Model):
    """Neurons 0 to `last`, in ascending order."""

    last: Annotated[Operand, Field(description="an integer or a value of the profile")]


Reach = Annotated[
    Annotated[Literal["all", "one"], Tag("word")] | Annotated[Until, Tag("until")],
    Discriminator(lambda value: "until" if isinstance(value, dict | Until) else "word"),
    Field(json_schema_extra={WORDING: "all, one, or a mapping with the key 'last'"}),
]


class EventKind(Model):
    """One kind of event: the neurons that it reaches, what it does to each before the class's own step."""

    reaches: Annotated[Reach, Field(description="all, one (the event's 'neuron'), or {last: n}: 0 to n")]
    over: Annotated[Name | None, Field(description="the connection whose weight of (source, neuron) arrives")] = None
    fields: dict[Name, ParameterWord] = Field(default_factory=dict, description="values that the event carries")
    queued: Annotated[bool, Field(description="whether one from outside holds a slot of the queue, as its head")]
    do: tuple[WriteItem, ...]

    @property
    def addresses(self) -> tuple[str, ...]:
        """The addresses that an event of this kind carries."""
        return (*((SOURCE,) if self.over is not None else ()), *((NEURON,) if self.reaches == "one" else ()))


class Queue(Model):
    """Where the core's own spikes wait to be processed as events."""

    event: Annotated[Name, Field(description="the kind of event that a queued spike is")]
    depth: Annotated[int, Field(ge=1, le=65535)]
    head_keeps_slot: Annotated[bool, Field(description="whether an event frees its slot only once it is processed")]
    when_full: Annotated[Literal["drop"], Field(description="a spike leaves the core, but is not queued")]
    unless: Annotated[Operand | None, Field(description="open loop: where it is not 0, nothing is queued")] = None
    limit: Annotated[
        int, Field(ge=1, le=2**31 - 1, description="queued events that may follow one from outside; more are an error")
    ]
