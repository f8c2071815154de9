"""One network under another profile: what both share is converted exactly, whatever has no equal is refused by name."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError
from ..ops.operators import RefusedWriteError
from ..profile.connection import Connection
from ..profile.schema import INPUT, Profile
from ..profile.shared import SharedClass, SharedConnection
from .added import Weights, added_weights, synapse_delays
from .geometry import Sparse
from .lists import Listed
from .network import Network
from .parts import Population, Projection
from .quantities import NoEqualError, exponents, quantity_of, refuse_unshared, solved_for
from .weights import connection_values, neuron_values

Array = NDArray[Any]

_BEYOND = (1 << 63) - 1  # more than any word of a weight holds


def rebind(network: Network, profile: Profile) -> Network:
    """The same network under `profile`: equal quantities and weights, by what both profiles declare as shared.

    The same profile gives the same network. The chip's size is not checked. Raises NetworkError, a line for each
    layer or projection without an equal.
    """
    if profile.digest == network.profile.digest:
        return network
    for each in (network.profile, profile):
        if each.shared is None:
            raise NetworkError([f"profile '{each.name}': shares no parameters with other profiles (key 'shared')"])
    if profile.clock != network.profile.clock:
        clocks = f"found clock: {profile.clock}; allowed: {network.profile.clock}, as in '{network.profile.name}'"
        raise NetworkError([f"profile '{profile.name}': {clocks}"])
    faults, populations, projections = [], [], []
    for population in network.populations:
        try:
            populations.append(_population(network, population, profile))
        except NoEqualError as error:
            faults.append(f"layer '{population.name}': {error}")
    for projection in network.projections if not faults else ():
        try:
            projections.append(_projection(network, projection, profile))
        except NoEqualError as error:
            faults.append(f"projection '{projection.source}' to '{projection.target}': {error}")
    if faults:
        raise NetworkError(faults)
    try:
        return Network(profile, network.inputs, populations, projections, limits=False, task=network.task)
    except NetworkError as error:
        raise NetworkError([f"under profile '{profile.name}': {fault}" for fault in error.faults]) from None


def _shared_class(profile: Profile, name: str) -> SharedClass:
    assert profile.shared is not None
    if name not in profile.shared.neurons:
        raise NoEqualError(f"{profile.name} shares no neurons of class '{name}'")
    return profile.shared.neurons[name]


def class_in(profile: Profile, other: Profile, name: str) -> str:
    """The class of `other` that is shared under the name of class `name`."""
    assert other.shared is not None
    shared = _shared_class(profile, name).shared_as
    for candidate, known in other.shared.neurons.items():
        if known.shared_as == shared:
            return candidate
    raise NoEqualError(f"{other.name} has no neurons that are shared as '{shared}'")


def _population(network: Network, population: Population, other: Profile) -> Population:
    profile, name = network.profile, str(population.neuron)
    if population.aliases is not None:
        raise NoEqualError("has aliases, which are not shared")
    target = class_in(profile, other, name)
    mine, theirs = _shared_class(profile, name), _shared_class(other, target)
    values = {key: np.asarray(array) for key, array in population.parameters.items()}
    refuse_unshared(profile.name, mine.quantities, values)
    refuse_unshared(other.name, theirs.quantities, other.neurons[target].parameters)
    quantities = {key: quantity_of(quantity, values) for key, quantity in mine.quantities.items()}
    parameters = solved_for(
        mine.quantities, theirs.quantities, quantities, other.neurons[target].parameters, other.name
    )
    return Population(population.name, population.size, parameters, target)


def _projection(network: Network, projection: Projection, other: Profile) -> Projection:
    connection, profile = network.connection(projection), network.profile
    assert profile.shared is not None
    mine = profile.shared.connections.get(str(projection.via))
    if mine is None:
        raise NoEqualError(f"connection '{projection.via}' of {profile.name} is not shared")
    via, theirs = _connection_in(network, projection, other, mine)
    for each, name, owner in ((connection, projection.via, profile), (other.connections[via], via, other)):
        if each.source_parameters or each.synapse_parameters:
            raise NoEqualError(f"connection '{name}' of {owner.name} has parameters of its sources or synapses")
    delays = _delays(network, projection, other, other.connections[via], f"'{via}' of {other.name}")
    known = {*(q.of for q in mine.quantities.values()), *mine.keeps, mine.weight.exponent, mine.weight.format_exponent}
    for name in connection.parameters:
        if name not in known:
            raise NoEqualError(f"parameter '{name}' of {profile.name} is not shared")
    values = {name: np.array([projection.parameters[name]]) for name in connection.parameters}
    quantities = {name: quantity_of(quantity, values) for name, quantity in mine.quantities.items()}
    words = other.connections[via].parameters
    parameters = solved_for(mine.quantities, theirs.quantities, quantities, words, other.name)
    single = {name: int(array[0]) for name, array in parameters.items()} | theirs.keeps
    bound = Projection(projection.source, projection.target, 1, via, single, None, delays)
    return _weighted(network, projection, other, bound, mine, theirs)


def _connection_in(
    network: Network, projection: Projection, other: Profile, mine: SharedConnection
) -> tuple[str, SharedConnection]:
    """The connection of `other` that is shared under the same name and joins these layers."""
    assert other.shared is not None
    classes = {p.name: class_in(network.profile, other, str(p.neuron)) for p in network.populations}
    source, target = classes.get(projection.source, INPUT), classes[projection.target]
    for name, link in other.shared.connections.items():
        candidate = other.connections[name]
        if link.shared_as == mine.shared_as and source in candidate.sources and candidate.target == target:
            return name, link
    raise NoEqualError(f"{other.name} shares no '{mine.shared_as}' from '{source}' to '{target}'")


def _delays(network: Network, projection: Projection, other: Profile, connection: Connection, name: str) -> Array:
    """Delays that make spikes act in the same step as before, one or one a synapse."""
    mine = network.connection(projection)
    own = synapse_delays(mine, projection, network.size(projection.source)).astype(np.int64)
    delays = own + mine.lag - connection.lag
    first, last = int(delays.min(initial=0)), int(delays.max(initial=0))
    if first < 0:
        raise NoEqualError(f"spikes act {_steps(-first)} sooner in {network.profile.name} than in {name}")
    if connection.delay is None:
        if last:
            raise NoEqualError(f"spikes act {_steps(last)} later in {network.profile.name} than in {name}")
        return np.asarray(0)
    word = connection.delay.word
    for delay in (int(delays.min()), last) if delays.size else ():
        if delay not in word:
            raise NoEqualError(f"a delay of {delay} has no equal in {name}; allowed: {word.min} to {word.max}")
    if np.all(delays == last):
        return np.asarray(last)
    if connection.delay.per != "synapse":
        raise NoEqualError(f"its delays differ, and {name} has one a {connection.delay.per}")
    sizes = network.size(projection.source), network.size(projection.target)
    return delays if delays.ndim == 1 else np.broadcast_to(delays, sizes)


def _steps(count: int) -> str:
    return f"{count} step{'' if count == 1 else 's'}"


def _weighted(
    network: Network,
    projection: Projection,
    other: Profile,
    bound: Projection,
    mine: SharedConnection,
    theirs: SharedConnection,
) -> Projection:
    """`bound` with weights that add the same, with the smallest exponent that can."""
    sources, weight = network.size(projection.source), theirs.weight
    added, unit = _added(network, projection, mine, sources)
    entries, shape = _entries(added)
    wanted = entries.astype(object) * (1 << unit)
    name = weight.exponent or weight.format_exponent
    fewest = np.ones(entries.shape, bool)
    for candidate in exponents(other.connections[str(bound.via)].parameters, name):
        parameters = {**bound.parameters, **({name: candidate} if name else {})}
        raw = _raw(wanted, weight.shift + weight.format_shift + candidate)
        found = replace(bound, parameters=parameters, shape=shape, weights=raw)
        unequal = _unequal(other, found, sources, wanted, weight.shift + (candidate if weight.exponent else 0))
        if not unequal.any():
            return found
        fewest = min(fewest, unequal, key=np.count_nonzero)
    at = tuple(np.argwhere(fewest)[0])
    pre, post = (shape.pre[at[0]], shape.post[at[0]]) if shape else at[:2]  # type: ignore[index]
    rest = int(np.count_nonzero(fewest)) - 1
    others = f", nor {'has' if rest == 1 else 'have'} {rest} more of its weights" if rest else ""
    place = f"the weight from {pre} to {post} adds {entries[at]}"
    raise NoEqualError(f"{place}, which has no equal in '{bound.via}' of {other.name}{others}")


def _added(network: Network, projection: Projection, mine: SharedConnection, sources: int) -> tuple[Weights, int]:
    """What the weights add to their register, and how many bits that is to be shifted to the shared unit."""
    profile, connection = network.profile, network.connection(projection)
    values = connection_values(profile, projection) | profile.constants
    target = neuron_values(profile, network.population(projection.target))
    added = added_weights(connection, projection, values, target, sources)
    if len(added) > 1:
        raise NoEqualError(f"reaches {len(added)} registers; only one can be shared")
    exponent = values[mine.weight.exponent] if mine.weight.exponent else 0
    if exponent < 0 and (connection.sum is not None or mine.weight.shift + exponent < 0):
        raise NoEqualError(
            f"'{mine.weight.exponent}' is {exponent}: the sum of a step is rounded, which no weight can equal"
        )
    return added[0], mine.weight.shift + exponent


def _entries(weights: Weights) -> tuple[Array, Sparse | None]:
    if isinstance(weights, Listed):
        return weights.weights, Sparse(weights.sources, weights.targets)
    return weights[:, :, None], None


def _raw(wanted: Array, shift: int) -> Array:
    """Weights that could add what is wanted; where none can, more than any word holds."""
    raw = [min(max(int(value) >> shift, -_BEYOND), _BEYOND) for value in wanted.flat]
    return np.array(raw, np.int64).reshape(wanted.shape)


def _unequal(other: Profile, projection: Projection, sources: int, wanted: Array, shift: int) -> Array:
    """Which weights are not allowed; where all are, which do not add exactly what is wanted."""
    connection = other.connections[str(projection.via)]
    low, high = connection.weight.range
    weights = np.asarray(projection.weights)
    beyond: Array = (weights < low) | (weights > high)
    if beyond.any():
        return beyond
    try:
        values = connection_values(other, projection) | other.constants
        added = added_weights(connection, projection, values, {}, sources)[0]
    except (RefusedWriteError, KeyError):
        return np.ones(wanted.shape, bool)
    entries, _ = _entries(added)
    return np.asarray(entries.astype(object) * (1 << shift) != wanted, bool)
