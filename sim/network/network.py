"""A network: populations of neurons with integer parameters, and projections with integer weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..profile.connection import Connection
from ..profile.schema import INPUT, NeuronClass, Profile
from ..word import Word
from .allowed import check_network
from .geometry import Sparse
from .parts import Population, Projection

Integers = NDArray[np.integer[Any]]


class Network:
    """A profile, populations and projections, checked: whatever the profile cannot hold is refused at once.

    Afterwards every parameter is an array [size] and every dense weight an array [pre, post, synapse], in the
    narrowest integer type of their words, and read-only.
    """

    def __init__(
        self,
        profile: Profile,
        inputs: int,
        populations: Sequence[Population],
        projections: Sequence[Projection],
        *,
        limits: bool = True,
        task: Mapping[str, Any] | None = None,
    ) -> None:
        """`limits` False ignores the chip's size, never its words. `task` is JSON kept with the network:
        what its inputs and outputs mean. Raises NetworkError, a line a fault.
        """
        self.profile = profile
        self.inputs = inputs
        self.limits = limits
        self.task = dict(task or {})
        checked = check_network(profile, inputs, populations, projections, limits)
        self.populations: tuple[Population, ...] = checked[0]
        self.projections: tuple[Projection, ...] = checked[1]

    def population(self, name: str) -> Population:
        """The population of that name. Raises KeyError."""
        return {population.name: population for population in self.populations}[name]

    def size(self, name: str) -> int:
        """How many neurons a population has, or channels the input. Raises KeyError."""
        return self.inputs if name == INPUT else self.population(name).size

    @property
    def input_word(self) -> Word:
        """What an input channel carries in a step."""
        return self.profile.input or Word(1, False)

    def neuron_class(self, population: Population) -> NeuronClass:
        """The profile's class of a population."""
        assert population.neuron is not None
        return self.profile.neurons[population.neuron]

    def connection(self, projection: Projection) -> Connection:
        """The profile's connection of a projection."""
        assert projection.via is not None
        return self.profile.connections[projection.via]

    @property
    def output(self) -> str:
        """The last population: what `Trace.spikes` shows."""
        return self.populations[-1].name

    def describe(self) -> dict[str, Any]:
        """Everything but the arrays, as JSON."""
        return {
            "inputs": self.inputs,
            "limits": self.limits,
            "task": self.task,
            "populations": [{"name": p.name, "size": p.size, "neuron": p.neuron} for p in self.populations],
            "projections": [self._described(p) for p in self.projections],
        }

    def _described(self, projection: Projection) -> dict[str, Any]:
        shape = projection.shape
        fields = {} if shape is None or isinstance(shape, Sparse) else asdict(shape)
        return {
            "source": projection.source,
            "target": projection.target,
            "via": projection.via,
            "parameters": {name: projection.parameters[name] for name in self.connection(projection).parameters},
            "shape": {"kind": type(shape).__name__, **fields} if shape is not None else None,
        }

    def arrays(self) -> dict[str, Integers]:
        """Every array, by a name that says where it belongs: `hidden.threshold`, `weights-0`.

        A layer's name has no hyphen, so that no two of them can be the same.
        """
        arrays: dict[str, Integers] = {}
        for population in self.populations:
            arrays |= {f"{population.name}.{k}": np.asarray(v) for k, v in population.parameters.items()}
            if population.aliases is not None:
                arrays[f"{population.name}-aliases"] = np.asarray(population.aliases)
        for index, projection in enumerate(self.projections):
            connection = self.connection(projection)
            arrays[f"weights-{index}"] = np.asarray(projection.weights)
            if connection.delay is not None:
                arrays[f"delays-{index}"] = np.asarray(projection.delays)
            for name in (*connection.source_parameters, *connection.synapse_parameters):
                arrays[f"parameter-{index}-{name}"] = np.asarray(projection.parameters[name])
            if isinstance(projection.shape, Sparse):
                arrays |= {
                    f"pre-{index}": np.asarray(projection.shape.pre),
                    f"post-{index}": np.asarray(projection.shape.post),
                }
        return arrays

    @cached_property
    def digest(self) -> str:
        """SHA-256 of profile, structure and every integer, in hex: equal networks compute equal bits."""
        structure = {k: v for k, v in self.describe().items() if k != "task"}
        digest = hashlib.sha256(self.profile.to_json().encode() + json.dumps(structure).encode())
        for name, array in self.arrays().items():
            digest.update(name.encode() + str(array.shape).encode() + np.asarray(array, np.int64).tobytes())
        return digest.hexdigest()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Network) and other.digest == self.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def __repr__(self) -> str:
        sizes = "-".join(str(size) for size in (self.inputs, *(p.size for p in self.populations)))
        return f"Network({self.profile.name}, {sizes})"
