"""What each synapse of a projection adds to its register, as a matrix or as lists by source."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ops.array import ArrayOps, to_array
from ..profile.connection import Connection
from ..profile.walk import stage_operands
from .geometry import expand
from .lists import Listed, Synapses
from .parts import Projection
from .weights import format_weights

Array = NDArray[Any]


Weights = Array | Listed  # [pre, post], or lists


def added_weights(
    connection: Connection,
    projection: Projection,
    values: Mapping[str, int],
    target: Mapping[str, Array],
    sources: int,
    ops: ArrayOps | None = None,
) -> list[Weights]:
    """What each synapse adds to its register, one entry a register. Raises RefusedWriteError.

    values: the projection's parameters and derived values, and the profile's; target: those of the target's
    neurons; sources: how many neurons the projection comes from; ops: they count what the format makes overflow.
    """
    ops = ops or ArrayOps()
    per_source = {name: to_array(projection.parameters[name]) for name in connection.source_parameters}
    per_synapse = {name: to_array(projection.parameters[name]) for name in connection.synapse_parameters}
    weights = to_array(projection.weights)
    if projection.shape is None:
        scope: dict[str, Any] = {**values, **target}
        scope |= {name: array[:, None] for name, array in per_source.items()} | per_synapse
        planes = np.moveaxis(weights, 2, 0)
        shape = planes.shape[1:]
        formatted = (format_weights(ops, connection, plane, scope) for plane in planes)
        return [np.broadcast_to(plane, shape) for plane in formatted]
    synapses = synapses_of(connection, projection, sources)
    read = {name for item in connection.weight.format for _, name in stage_operands((), item.stage)}
    scope = {**values, **{name: target[name][synapses.targets] for name in target.keys() & read}}
    scope |= {name: per_source[name][synapses.sources] for name in per_source.keys() & read}
    scope |= {name: per_synapse[name].ravel()[synapses.index] for name in per_synapse.keys() & read}
    raw = weights.ravel()[synapses.index]
    added = np.broadcast_to(format_weights(ops, connection, raw, scope), raw.shape)
    return [synapses.over(added)]


def synapses_of(connection: Connection, projection: Projection, sources: int) -> Synapses:
    """The synapses of a projection that is not dense."""
    assert projection.shape is not None
    flipped = connection.kernel == "convolution"
    return expand(projection.shape, np.shape(projection.weights), sources, flipped=flipped)


def synapse_delays(connection: Connection, projection: Projection, sources: int) -> Array:
    """The delay of each synapse: as the weights of `added_weights`, or as what spreads to them."""
    delays: Array = np.asarray(projection.delays)
    per = connection.delay.per if connection.delay else "projection"
    if per == "projection" or delays.ndim == 0:
        return delays
    if projection.shape is None:
        return delays[:, None] if per == "source" else delays
    synapses = synapses_of(connection, projection, sources)
    return delays[synapses.sources] if per == "source" else delays.ravel()[synapses.index]


def each_delay(delays: Any) -> Array:
    """The delays that occur, each once, the shortest first; counted, as `numpy.unique` would first import numpy.ma."""
    found: Array = np.flatnonzero(np.bincount(np.ravel(delays)))
    return found


def of_delay(weights: Weights, delays: Array, delay: int) -> Weights:
    """The weights whose spikes arrive after `delay` further steps, by `synapse_delays`; the others are left out."""
    if np.all(delays == delay):
        return weights
    if isinstance(weights, Listed):
        return weights.only(delays == delay)
    return Listed.of_matrix(weights).only(np.broadcast_to(delays == delay, weights.shape).ravel())
