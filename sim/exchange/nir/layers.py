"""A graph as floats: layers of neurons that step together, and the linear maps between them.

Parameters of time are what a step keeps, and everything is measured from the resting potential:

    current  = keep_current * current + drive        (decays_first: keep_current * (current + drive))
    membrane = keep * membrane + current + bias      (no current: + drive)
    a spike where the membrane reaches or passes the threshold, then the reset
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .conventions import Conventions
from .operators import Operator

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """Neurons of one node. keep, keep_current, threshold, reset, bias: float64 [neuron].

    keep_current: None where there is no current. threshold: None where the node never spikes. reset: None where the
    threshold is subtracted. current_bias: drives the current instead of the membrane.
    """

    node: str
    kind: str
    keep: Floats
    keep_current: Floats | None
    threshold: Floats | None
    reset: Floats | None
    bias: Floats
    current_bias: Floats

    @property
    def size(self) -> int:
        """How many neurons."""
        return len(self.keep)


@dataclass(frozen=True, eq=False)
class FloatLink:
    """What one layer (or the input) adds to another, `lag` steps later. chain: the operators one by one, of nodes."""

    source: str
    target: str
    lag: int
    operator: Operator
    nodes: tuple[str, ...]
    chain: tuple[Operator, ...]


@dataclass(frozen=True, eq=False)
class FloatNetwork:
    """Layers in the order in which they step, and the links between them; `inputs` channels enter."""

    inputs: int
    layers: Mapping[str, FloatLayer]
    links: tuple[FloatLink, ...]
    conventions: Conventions
    notes: tuple[str, ...]
    outputs: tuple[str, ...]
    entry: str

    def into(self, layer: str) -> list[FloatLink]:
        """The links that reach a layer."""
        return [link for link in self.links if link.target == layer]
