"""What a network is built from: populations of neurons, and projections between them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from numpy.typing import ArrayLike

from .geometry import Shape


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
    """Synapses from neurons of `source` (a population, or 'input') to neurons of `target`.

    weights: integers [pre, post], or [pre, post, synapse] where the connection reaches several registers; what
        `shape` says where it is not dense: kernels of a Convolution, one entry a synapse of Sparse, one of a Pooling.
        One integer: the same everywhere.
    via: the profile's connection; may be left out where only one fits.
    parameters: the connection's parameters: an integer each; of its source_parameters an array [pre], of its
        synapse_parameters one of the shape of the weights ([pre, post] where they are dense).
    shape: None (dense), Convolution, Pooling or Sparse.
    delays: steps that spikes take beyond the connection's timing, where it has delays: one integer, or as it says an
        array [pre] or one of the shape of the weights ([pre, post] where they are dense).
    """

    source: str
    target: str
    weights: ArrayLike = 1
    via: str | None = None
    parameters: Mapping[str, ArrayLike] = field(default_factory=dict)
    shape: Shape | None = None
    delays: ArrayLike = 0
