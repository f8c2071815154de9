"""What a network's parameters and weights become when it is wired: derived values, and what each weight adds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..datapath import WEIGHT
from ..ops.array import ArrayOps, to_array
from ..ops.base import Ops, Registers
from ..profile.analysis import WEIGHT_MAX, WEIGHT_MIN
from ..profile.connection import Connection
from ..profile.schema import NeuronClass, Profile
from .parts import Population, Projection


def derive(ops: Ops, place: NeuronClass | Connection, values: Mapping[str, Any]) -> dict[str, Any]:
    """The derived values of a class or a connection: its `prepare`, run once on `values`."""
    shapes = [np.shape(value) for value in values.values()]
    zero = np.zeros(np.broadcast_shapes(*shapes), np.int64) if shapes else np.int64(0)
    regs = Registers(ops, place.derived, {**values, **dict.fromkeys(place.derived, zero)})
    for item in place.prepare:
        item.stage.run(regs)
    return {name: regs[name] for name in place.derived}


def neuron_values(profile: Profile, population: Population) -> dict[str, Any]:
    """Parameters and derived values of a population, int64 [size] each. Raises RefusedWriteError."""
    neuron = profile.neurons[str(population.neuron)]
    values = {name: to_array(array) for name, array in population.parameters.items()}
    values |= derive(ArrayOps(), neuron, values | profile.constants)
    return {name: np.ascontiguousarray(np.broadcast_to(v, population.size)) for name, v in values.items()}


def connection_values(profile: Profile, projection: Projection) -> dict[str, int]:
    """Parameters and derived values of a projection, one integer each. Raises RefusedWriteError."""
    connection = profile.connections[str(projection.via)]
    weights = np.asarray(projection.weights)
    values = {name: int(np.asarray(projection.parameters[name])) for name in connection.parameters}
    extremes = {WEIGHT_MIN: int(weights.min(initial=0)) if not weights.size else int(weights.min())}
    extremes[WEIGHT_MAX] = int(weights.max(initial=0)) if not weights.size else int(weights.max())
    start = {name: to_array(value) for name, value in (values | profile.constants | extremes).items()}
    derived = derive(ArrayOps(), connection, start)
    return values | {name: int(value) for name, value in derived.items()}


def format_weights(ops: Ops, connection: Connection, weights: Any, values: Mapping[str, Any]) -> Any:
    """What the weights add to a register: the connection's format, stage by stage, with what it may read."""
    regs = Registers(ops, {WEIGHT: connection.weight.word}, {**values, WEIGHT: weights})
    for item in connection.weight.format:
        item.stage.run(regs)
    return regs[WEIGHT]
