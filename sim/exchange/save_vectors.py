"""Writing a file of vectors from a run: what `load_vectors` reads back."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..archive import write_arrays
from ..engine.event_run import read_events
from ..engine.given import check_spikes, check_state
from ..errors import InputError
from ..events import Events
from ..network import Network
from ..network.parts import Projection
from ..profile.schema import INPUT, SPIKES
from ..trace import State, Trace
from .vector_network import EVENTS, INITIAL, SHAPES, VALUE

Arrays = Iterator[tuple[str, np.ndarray[Any, Any]]]


def save_vectors(
    path: str | os.PathLike[str],
    network: Network,
    spikes: ArrayLike | Events | Sequence[Events],
    trace: Trace,
    *,
    state: State | None = None,
) -> None:
    """Write a network, its input and what `trace` recorded of it as vectors, whole or not at all.

    spikes, state: as they were given to the `run` that made the trace. Raises FileError, and InputError for input and a
    trace that are not of this network or of one run.
    """
    arrays = dict(_input(network, spikes))
    shape = next(iter(arrays.values())).shape[:2]
    if trace.network != network.digest or any(layer.spikes.shape[:2] != shape for layer in trace.layers.values()):
        raise InputError(f"trace: not of this network and of {shape[0]} samples, {shape[1]} steps or events")
    for population in network.populations:
        if population.name in (EVENTS, VALUE):
            raise InputError(f"layer '{population.name}': has a name that means something else in a file of vectors")
    arrays |= {f"{VALUE}.{name}": np.array(value) for name, value in network.profile.constants.items()}
    arrays |= dict(_layers(network, trace))
    if state is not None:
        arrays |= dict(_state(check_state(state, network, shape[0])))
    arrays |= dict(_projections(network))
    write_arrays(path, arrays)


def _input(network: Network, spikes: Any) -> Arrays:
    if network.profile.clock == "step":
        yield INPUT, check_spikes(spikes, network)
        return
    streams = read_events(spikes, network)
    yield f"{EVENTS}.kind", np.array(streams[0].names)[np.array([stream.kind for stream in streams])]
    for name in streams[0].values:
        yield f"{EVENTS}.{name}", np.array([stream.values[name] for stream in streams])


def _layers(network: Network, trace: Trace) -> Arrays:
    for population in network.populations:
        name = population.name
        yield f"{name}.class", np.array(population.neuron)
        for parameter, values in population.parameters.items():
            yield f"{name}.{parameter}", np.asarray(values)
        if population.aliases is not None:
            yield f"{name}.aliases", np.asarray(population.aliases)
        for register, recorded in trace[name].registers.items():
            yield f"{name}.{register}", recorded
        if trace[name].spikes.shape[2]:  # no neuron's: they were not recorded
            yield f"{name}.{SPIKES}", trace[name].spikes


def _state(state: State) -> Arrays:
    for name, registers in state.items():
        for register, values in registers.items():
            if values.any():
                yield f"{name}.{INITIAL}.{register}", values


def _projections(network: Network) -> Arrays:
    pairs: dict[str, int] = {}
    for projection in network.projections:
        pair = f"{projection.source}-{projection.target}"
        pairs[pair] = pairs.get(pair, 0) + 1
        prefix = pair if pairs[pair] == 1 else f"{pair}-{pairs[pair]}"
        yield f"{prefix}.weights", np.asarray(projection.weights)
        yield f"{prefix}.via", np.array(projection.via)
        if network.connection(projection).delay is not None:
            yield f"{prefix}.delays", np.asarray(projection.delays)
        for name, values in projection.parameters.items():
            yield f"{prefix}.{name}", np.asarray(values)
        yield from _shape(prefix, projection)


def _shape(prefix: str, projection: Projection) -> Arrays:
    for kind, model in SHAPES.items():
        if isinstance(projection.shape, model):
            for field in fields(model):
                yield f"{prefix}.{kind}.{field.name}", np.asarray(getattr(projection.shape, field.name))
