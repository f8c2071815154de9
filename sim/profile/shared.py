"""How a chip's parameters read as quantities that other profiles have, too: what `compare --profiles` rebinds by.

Profiles that follow one chip in several ways, or chips of one kind, agree on names of classes, connections and
quantities; each says how its own parameters make them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ..datapath import Model, Name


class Quantity(Model):
    """(of + add) * 2**(shift + exponent): the quantity that a parameter stands for."""

    of: Annotated[Name, Field(description="a parameter")]
    add: int = 0
    shift: Annotated[int, Field(ge=0, le=62)] = 0
    exponent: Annotated[Name | None, Field(description="a parameter: further bits of the shift")] = None
    neutral: Annotated[int | None, Field(description="the quantity at which it changes nothing, if there is one")] = (
        None
    )


class Leak(Model):
    """What a register loses in a step: 1 part of 2**shift, or `loss` of `parts`; neither: nothing."""

    shift: Annotated[Name | None, Field(description="a quantity or a value of the profile")] = None
    loss: Annotated[Name | None, Field(description="a quantity: how many of 'parts' are lost")] = None
    parts: Annotated[int | None, Field(ge=1)] = None

    @model_validator(mode="after")
    def _one_way(self) -> Leak:
        if (self.loss is None) != (self.parts is None) or (self.shift is not None and self.loss is not None):
            raise ValueError("shift, or loss with parts, or none of them")
        return self


class Current(Leak):
    """A register that spikes reach and that is added to the membrane in every step."""

    used: Annotated[
        Literal["whole", "decayed"], Field(description="whether a step adds it before or after the step's loss")
    ]


class Lif(Model):
    """How a class reads as leaky integrate-and-fire: membrane = kept membrane + current or what arrives + bias.

    Its quantities 'threshold' and 'bias' are in units of the membrane, and so is what weights add.
    """

    membrane: Name
    leak: Leak
    currents: Annotated[dict[Name, Current], Field(description="by register; {}: spikes reach the membrane directly")]


class SharedClass(Model):
    """A class of neurons under its shared name: its quantities, and the registers that may be compared."""

    shared_as: Annotated[Name, Field(alias="as")]
    quantities: dict[Name, Quantity]
    registers: Annotated[dict[Name, Name], Field(description="shared name: register")]
    lif: Annotated[Lif | None, Field(description="how it reads as leaky integrate-and-fire, for import")] = None


class SharedWeight(Model):
    """added * 2**(shift + exponent): what a weight, its format applied, adds in the shared unit."""

    shift: Annotated[int, Field(ge=0, le=62)] = 0
    exponent: Annotated[Name | None, Field(description="a parameter: further bits of the shift")] = None
    format_shift: Annotated[int, Field(ge=0, le=62, description="bits to the left that the format makes")] = 0
    format_exponent: Annotated[Name | None, Field(description="a parameter: further bits that the format makes")] = None


class SharedConnection(Model):
    """A connection under its shared name: its weights, and the parameters that have no quantity."""

    shared_as: Annotated[Name, Field(alias="as")]
    weight: SharedWeight
    quantities: dict[Name, Quantity]
    keeps: Annotated[
        dict[Name, int], Field(description="parameters that only make the weight: the value a rebound network gets")
    ] = Field(default_factory=dict)


class Shared(Model):
    """Everything that a profile shares."""

    neurons: dict[Name, SharedClass]
    connections: dict[Name, SharedConnection]
