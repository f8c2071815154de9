"""What a profile allows of a projection: its ends and connection, its weights, its parameters and its delays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ops.operators import RefusedWriteError
from ..profile.analysis import arriving
from ..profile.connection import Connection
from ..profile.schema import INPUT, Profile
from .added import Weights, added_weights
from .faults import Faults
from .geometry import Convolution, Pooling, Sparse
from .geometry import faults as geometry_faults
from .lists import Listed
from .parts import Population, Projection
from .weights import connection_values, neuron_values

MAX_SUM = 1 << 62  # every partial sum of a step stays below it


@dataclass(frozen=True)
class _Link:
    """A projection under check. place: its name in a message; sizes: neurons of its source and of its target."""

    place: str
    connection: Connection
    sizes: tuple[int, int]
    faults: Faults


def check_projection(
    profile: Profile, projection: Projection, sizes: Mapping[str, int], classes: Mapping[str, str], faults: Faults
) -> Projection:
    """The projection in its canonical form; as far as it was checked after a fault.

    sizes, classes: of every population by name; sizes of the input, too.
    """
    place = _place(projection)
    known = faults.one_of(f"{place}: source", projection.source, list(sizes))
    if not faults.one_of(f"{place}: target", projection.target, list(classes)) or not known:
        return projection
    source_class = classes.get(projection.source, INPUT)
    via = _via(profile, projection, source_class, classes[projection.target], faults)
    if via is None:
        return projection
    named = replace(projection, via=via)
    link = _Link(place, profile.connections[via], (sizes[projection.source], sizes[projection.target]), faults)
    shaped = _shaped(link, named)
    return named if shaped is None else _with_parameters(link, shaped) or named


def check_added(profile: Profile, projection: Projection, source: int, target: Population, faults: Faults) -> None:
    """Whatever the weights become can be held, and a step's sum be computed. source: how many neurons it has."""
    place = _place(projection)
    connection = profile.connections[str(projection.via)]
    try:
        values = connection_values(profile, projection) | profile.constants
        added = added_weights(connection, projection, values, neuron_values(profile, target), source)
    except RefusedWriteError as error:
        faults.add(place, f"formatted {error}")
        return
    most = max(abs(end) for end in arriving(profile, connection))
    if connection.sum is not None and any(most * _total(weights) >= MAX_SUM for weights in added):
        faults.add(place, "a step's sum can need more than 63 bits")


def _place(projection: Projection) -> str:
    return f"projection '{projection.source}' to '{projection.target}'"


def _via(profile: Profile, projection: Projection, source_class: str, target_class: str, faults: Faults) -> str | None:
    """The connection that the projection names, or the only one that fits."""
    fitting = [
        name
        for name, connection in profile.connections.items()
        if source_class in connection.sources and connection.target == target_class
    ]
    place = _place(projection)
    if projection.via is None and len(fitting) == 1:
        return fitting[0]
    if projection.via is None and fitting:
        faults.add(place, f"several connections fit, name one with via=: {', '.join(fitting)}")
        return None
    return projection.via if faults.one_of(f"{place}: connection", projection.via, fitting) else None


def _shaped(link: _Link, projection: Projection) -> Projection | None:
    """The projection with checked weights; None after a fault."""
    shape, place, faults = projection.shape, link.place, link.faults
    if shape is None:
        weights = _matrix(link, projection)
        return None if weights is None else replace(projection, weights=weights)
    if not isinstance(shape, Convolution | Pooling | Sparse):
        faults.add(f"{place}: shape", f"found {shape!r}; allowed: a Convolution, a Pooling, a Sparse or None")
        return None
    if isinstance(shape, Convolution) and link.connection.kernel is None:
        faults.add(place, f"is a convolution, which connection '{projection.via}' has no kernels for")
        return None
    array = faults.array(f"{place}: weights", projection.weights)
    if array is None:
        return None
    if array.ndim == 0 and not isinstance(shape, Convolution):
        array = np.full(1 if isinstance(shape, Pooling) else np.shape(shape.pre), array)
    found = geometry_faults(shape, array.shape, *link.sizes)
    for message in found:
        faults.add(place, message)
    if found:
        return None
    if isinstance(shape, Sparse):
        shape = Sparse(*(_frozen(np.asarray(ends, np.int64)) for ends in (shape.pre, shape.post)))
    weights = _weights(link, array, array.shape)
    return None if weights is None else replace(projection, shape=shape, weights=weights)


def _matrix(link: _Link, projection: Projection) -> NDArray[Any] | None:
    """Weights [pre, post, synapse]; a matrix [pre, post] reaches the first register only. None after a fault."""
    array = link.faults.array(f"{link.place}: weights", projection.weights)
    if array is None:
        return None
    synapses, registers = array.shape[2] if array.ndim == 3 else 1, len(link.connection.into)
    if not 1 <= synapses <= registers:
        link.faults.add(link.place, f"weights have {synapses} synapses; allowed: 1 to {registers}")
        return None
    checked = _weights(link, array, (*link.sizes, synapses) if array.ndim == 3 else link.sizes)
    return checked if checked is None or checked.ndim == 3 else checked[:, :, None]


def _weights(link: _Link, array: NDArray[Any], shape: tuple[int, ...]) -> NDArray[Any] | None:
    """Weights within their word; None after a fault."""
    weight = link.connection.weight
    allowed = f"{weight.word}, narrow" if weight.narrow else str(weight.word)
    return link.faults.integers(f"{link.place}: weights", array, shape, *weight.range, weight.word.dtype, allowed)


def _with_parameters(link: _Link, projection: Projection) -> Projection | None:
    """The projection with checked parameters and delays; None after a fault."""
    connection, faults = link.connection, link.faults
    before = len(faults.found)
    per_synapse = np.shape(projection.weights)[: 2 if projection.shape is None else None]
    shapes: dict[str, tuple[int, ...]] = dict.fromkeys(connection.parameters, ())
    shapes |= dict.fromkeys(connection.source_parameters, link.sizes[:1])
    shapes |= dict.fromkeys(connection.synapse_parameters, per_synapse)
    words = connection.parameters | connection.source_parameters | connection.synapse_parameters
    parameters = faults.parameters(link.place, projection.parameters, words, shapes)
    delays = _delays(link, projection, per_synapse)
    if delays is None or len(faults.found) > before:
        return None
    single = {name: int(value) if name in connection.parameters else value for name, value in parameters.items()}
    return replace(projection, parameters=single, delays=delays)


def _delays(link: _Link, projection: Projection, per_synapse: tuple[int, ...]) -> NDArray[Any] | None:
    """Delays within the connection's slots; None after a fault."""
    place, slots = f"{link.place}: delays", link.connection.delay
    if slots is None:
        given = link.faults.array(place, projection.delays)
        if given is not None and np.any(given != 0):
            link.faults.add(place, f"connection '{projection.via}' has none")
        return np.zeros((), np.int64)
    word = slots.word
    shape = {"projection": (), "source": link.sizes[:1], "synapse": per_synapse}[slots.per]
    return link.faults.integers(place, projection.delays, shape, word.min, word.max, word.dtype, str(word))


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array = array.copy()
    array.setflags(write=False)
    return array


def _total(weights: Weights) -> float:
    """The most that all sources together can add to a target or subtract, in magnitude, a spike each."""
    if isinstance(weights, Listed):
        totals = np.bincount(weights.targets, np.abs(weights.weights.astype(float)))
    else:
        totals = np.abs(weights.astype(float)).sum(axis=0)
    return float(totals.max(initial=0))
