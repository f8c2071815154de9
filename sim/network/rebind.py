"""One network under another profile: what both share is converted exactly, whatever has no equal is refused by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import NetworkError
from ..ops.operators import RefusedWriteError
from ..profile.schema import INPUT, Connection, Profile
from ..profile.shared import Quantity, SharedClass, SharedConnection
from ..word import Word
from .added import Weights, added_weights
from .geometry import Sparse
from .lists import Listed
from .network import Network
from .parts import Population, Projection
from .weights import connection_values, neuron_values

Array = NDArray[Any]


_BEYOND = (1 << 63) - 1


class _NoEqualError(Exception):
    """A value that the other profile cannot express; the caller knows the place."""


def rebind(network: Network, profile: Profile) -> Network:
    """The same network under `profile`: equal quantities and weights, by what both profiles declare as shared.

    The chip's size is not checked. Raises NetworkError, a line for each layer or projection without an equal.
    """
    if profile.digest == network.profile.digest:
        return network
    for each in (network.profile, profile):
        if each.shared is None:
            raise NetworkError([f"profile '{each.name}': shares no parameters with other profiles (key 'shared')"])
    faults, populations, projections = [], [], []
    for population in network.populations:
        try:
            populations.append(_population(network, population, profile))
        except _NoEqualError as error:
            faults.append(f"layer '{population.name}': {error}")
    for projection in network.projections if not faults else ():
        try:
            projections.append(_projection(network, projection, profile))
        except _NoEqualError as error:
            faults.append(f"projection '{projection.source}' to '{projection.target}': {error}")
    if faults:
        raise NetworkError(faults)
    return Network(profile, network.inputs, populations, projections, limits=False, task=network.task)


def _shared_class(profile: Profile, name: str) -> SharedClass:
    assert profile.shared is not None
    if name not in profile.shared.neurons:
        raise _NoEqualError(f"{profile.name} shares no neurons of class '{name}'")
    return profile.shared.neurons[name]


def class_in(profile: Profile, other: Profile, name: str) -> str:
    """The class of `other` that is shared under the name of class `name`."""
    assert other.shared is not None
    shared = _shared_class(profile, name).shared_as
    for candidate, known in other.shared.neurons.items():
        if known.shared_as == shared:
            return candidate
    raise _NoEqualError(f"{other.name} has no neurons that are shared as '{shared}'")


def _population(network: Network, population: Population, other: Profile) -> Population:
    profile, name = network.profile, str(population.neuron)
    if population.aliases is not None:
        raise _NoEqualError("has aliases, which are not shared")
    target = class_in(profile, other, name)
    mine, theirs = _shared_class(profile, name), _shared_class(other, target)
    values = {key: np.asarray(array) for key, array in population.parameters.items()}
    _refuse_unshared(profile.name, mine.quantities, values)
    _refuse_unshared(other.name, theirs.quantities, other.neurons[target].parameters)
    quantities = {key: _quantity(quantity, values) for key, quantity in mine.quantities.items()}
    parameters = _solved(mine.quantities, theirs.quantities, quantities, other.neurons[target].parameters, other.name)
    return Population(population.name, population.size, parameters, target)


def _refuse_unshared(profile: str, quantities: Mapping[str, Quantity], parameters: Mapping[str, Any]) -> None:
    meant = {name for quantity in quantities.values() for name in (quantity.of, quantity.exponent)}
    for name in parameters:
        if name not in meant:
            raise _NoEqualError(f"parameter '{name}' of {profile} is not shared")


def _quantity(quantity: Quantity, values: Mapping[str, Array]) -> Array:
    """What a parameter stands for, one integer a neuron."""
    base = values[quantity.of].astype(object) + quantity.add
    exponent = values[quantity.exponent].astype(object) if quantity.exponent else 0 * base
    return np.array(
        [_shifted(int(b), quantity.shift + int(e)) for b, e in zip(base.flat, exponent.flat, strict=True)], object
    )


def _shifted(value: int, by: int) -> int:
    return value << by if by >= 0 else value >> -by


def _solved(
    mine: Mapping[str, Quantity],
    theirs: Mapping[str, Quantity],
    quantities: Mapping[str, Array],
    words: Mapping[str, Word],
    other: str,
) -> dict[str, Array]:
    """Parameters of the other profile that stand for the same quantities."""
    for name, values in quantities.items():
        neutral = mine[name].neutral
        if name not in theirs and (neutral is None or any(value != neutral for value in values)):
            allowed = f"; allowed: {neutral}" if neutral is not None else ""
            raise _NoEqualError(f"'{mine[name].of}' has no equal in {other}: found a {name} of {values[0]}{allowed}")
    parameters: dict[str, Array] = {}
    size = max((len(values) for values in quantities.values()), default=1)
    for name, quantity in theirs.items():
        if name in quantities:
            wanted = quantities[name]
        elif quantity.neutral is not None:
            wanted = np.full(size, quantity.neutral, object)
        else:
            raise _NoEqualError(f"'{quantity.of}' of {other} has no equal here: {name}")
        solved = [_solve(name, int(value), quantity, words, other) for value in wanted]
        parameters[quantity.of] = np.array([base for base, _ in solved], np.int64)
        if quantity.exponent:
            parameters[quantity.exponent] = np.array([exponent for _, exponent in solved], np.int64)
    return parameters


def _solve(name: str, wanted: int, quantity: Quantity, words: Mapping[str, Word], other: str) -> tuple[int, int]:
    """Parameter and exponent for a quantity, the smallest exponent first."""
    word = words[quantity.of]
    for exponent in _exponents(words, quantity.exponent):
        base = (wanted >> (quantity.shift + exponent)) - quantity.add
        if (base + quantity.add) << (quantity.shift + exponent) == wanted and base in word:
            return base, exponent
    grid = f", a multiple of {1 << quantity.shift}" if quantity.shift else ""
    low, high = ((end + quantity.add) << quantity.shift for end in (word.min, word.max))
    allowed = f"{low} to {high}{grid}" if not quantity.exponent else f"what {word} times a power of two can be{grid}"
    raise _NoEqualError(f"a {name} of {wanted} has no equal in '{quantity.of}' of {other}; allowed: {allowed}")


def _exponents(words: Mapping[str, Word], name: str | None) -> Iterator[int]:
    yield from range(max(0, words[name].min), words[name].max + 1) if name else [0]


def _projection(network: Network, projection: Projection, other: Profile) -> Projection:
    connection, profile = network.connection(projection), network.profile
    assert profile.shared is not None
    mine = profile.shared.connections.get(str(projection.via))
    if mine is None:
        raise _NoEqualError(f"connection '{projection.via}' of {profile.name} is not shared")
    if connection.source_parameters or connection.synapse_parameters:
        raise _NoEqualError(
            f"connection '{projection.via}' of {profile.name} has parameters of its sources or synapses"
        )
    via, theirs = _connection_in(network, projection, other, mine)
    delays = _delays(network, projection, other, other.connections[via])
    known = {*(q.of for q in mine.quantities.values()), *mine.keeps, mine.weight.exponent, mine.weight.format_exponent}
    for name in connection.parameters:
        if name not in known:
            raise _NoEqualError(f"parameter '{name}' of {profile.name} is not shared")
    values = {name: np.array([projection.parameters[name]]) for name in connection.parameters}
    quantities = {name: _quantity(quantity, values) for name, quantity in mine.quantities.items()}
    words = other.connections[via].parameters
    parameters = _solved(mine.quantities, theirs.quantities, quantities, words, other.name)
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
    raise _NoEqualError(f"{other.name} shares no '{mine.shared_as}' from '{source}' to '{target}'")


def _delays(network: Network, projection: Projection, other: Profile, connection: Connection) -> Array:
    """Delays that make spikes act in the same step as before."""
    delays = np.asarray(projection.delays, np.int64) + network.connection(projection).lag - connection.lag
    if np.any(delays != 0) and connection.delay is None:
        raise _NoEqualError(
            f"spikes act {int(delays.flat[0]):+d} steps later in {network.profile.name}, and {other.name} delays none"
        )
    if np.any(delays < 0):
        raise _NoEqualError(
            f"spikes act {-int(delays.min())} steps sooner in {network.profile.name} than {other.name} can deliver them"
        )
    return delays


def _weighted(
    network: Network,
    projection: Projection,
    other: Profile,
    bound: Projection,
    mine: SharedConnection,
    theirs: SharedConnection,
) -> Projection:
    """`bound` with weights that add the same, with the smallest exponent that can."""
    profile, connection = network.profile, network.connection(projection)
    values = connection_values(profile, projection) | profile.constants
    target = neuron_values(profile, network.population(projection.target))
    sources = network.size(projection.source)
    added = added_weights(connection, projection, values, target, sources)
    if len(added) > 1:
        raise _NoEqualError(f"reaches {len(added)} registers; only one can be shared")
    exponent = values[mine.weight.exponent] if mine.weight.exponent else 0
    if mine.weight.shift + exponent < 0 or (exponent < 0 and connection.sum is not None):
        raise _NoEqualError(
            f"'{mine.weight.exponent}' is {exponent}: the sum of a step is rounded, which no weight can equal"
        )
    entries, shape = _entries(added[0])
    wanted = entries.astype(object) * (1 << (mine.weight.shift + exponent))
    words, weight = other.connections[str(bound.via)].parameters, theirs.weight
    name = weight.exponent or weight.format_exponent
    for candidate in _exponents(words, name):
        parameters = {**bound.parameters, **({name: candidate} if name else {})}
        found = replace(bound, parameters=parameters, shape=shape)
        unit = weight.shift + (candidate if weight.exponent else 0)
        raw_unit = weight.shift + weight.format_shift + candidate
        found = replace(found, weights=_raw(wanted, raw_unit))
        if _adds(other, found, sources, wanted, unit):
            return found
    raise _NoEqualError(f"its weights have no equal in '{bound.via}' of {other.name}")


def _entries(weights: Weights) -> tuple[Array, Sparse | None]:
    if isinstance(weights, Listed):
        return weights.weights, Sparse(weights.sources, weights.targets)
    return weights[:, :, None], None


def _raw(wanted: Array, shift: int) -> Array:
    """Weights that could add what is wanted; where none can, more than any word holds."""
    raw = [min(max(int(value) >> shift, -_BEYOND), _BEYOND) for value in wanted.flat]
    return np.array(raw, np.int64).reshape(wanted.shape)


def _adds(other: Profile, projection: Projection, sources: int, wanted: Array, shift: int) -> bool:
    """Whether the weights are allowed, and add exactly what is wanted."""
    connection = other.connections[str(projection.via)]
    low, high = connection.weight.range
    weights = np.asarray(projection.weights)
    if weights.size and (weights.min() < low or weights.max() > high):
        return False
    try:
        values = connection_values(other, projection) | other.constants
        added = added_weights(connection, projection, values, {}, sources)[0]
    except (RefusedWriteError, KeyError):
        return False
    entries, _ = _entries(added)
    return bool(np.all(entries.astype(object) * (1 << shift) == wanted))
