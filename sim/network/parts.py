"""What a network is built from: populations of neurons, and projections between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from numpy.typing import ArrayLike


@dataclass(frozen=True, eq=False)
class Population:
    """`size` neurons of one class of the profile.

    parameters: by name, an integer for all neurons or an array [size]; every parameter of the class.
    neuron: the class; may be left out where the profile has only one.
    aliases: [size, slots] of neuron indices that receive a copy of each spike in the same step, -1: none.
    """

    name: str
    size: int
    parameters: Mapping[str, ArrayLike] = field(default_factory=dict)
    neuron: str | None = None
    aliases: ArrayLike | None = None


@dataclass(frozen=True, eq=False)
class Projection:
    """Every neuron of `source` (a population, or 'input') to every neuron of `target`.

    weights: integers [pre, post], or [pre, post, synapse] where the connection reaches several registers.
    via: the profile's connection; may be left out where only one fits.
    parameters: the connection's parameters, an integer each.
    """

    source: str
    target: str
    weights: ArrayLike
    via: str | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)
