"""A network as the engines see it: layers in the order they are computed, with the weights that are added."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from graphlib import TopologicalSorter
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..datapath import ANY, NONZERO, Cap
from ..network.added import Weights, added_weights, each_delay, of_delay, synapse_delays, synapses_of
from ..network.geometry import Convolution
from ..network.lists import Listed
from ..network.network import Network
from ..network.parts import Projection
from ..network.weights import connection_values, neuron_values
from ..ops.interval import Interval
from ..profile.analysis import arriving
from ..profile.connection import Sum
from ..profile.schema import INPUT, SPIKES, NeuronClass, storage
from .picture import Picture, picture_of
from .pool import Pool, pool_of

Array = NDArray[Any]


@dataclass(frozen=True)
class Incoming:
    """One projection as its target sees it, or its synapses of one delay.

    projection: its place among the network's. lag: steps from a spike to its delivery. cap: what more spikes of a
    source act as. synapses: (register, weights as they are added), in order. sum: what is done to a step's sum,
    where each source is no write of its own. values: the projection's parameters, for the sum's stages.
    mutual: whether the source waits for the target, too; otherwise all of its steps are known before the target's.
    acting: what one source's spikes of a step act as. spikes: the type that counts them. channels_last: channels of
    the source, if they are delivered in the step in which they are sent by a layer that lies so; else 0. noted: whether
    the source notes who spiked (see `Layer`).
    """

    projection: int
    source: str
    via: str
    lag: int
    cap: Cap
    synapses: tuple[tuple[str, Any], ...]
    sum: Sum | None
    values: Mapping[str, int]
    acting: Interval
    spikes: str
    picture: Picture | None
    pool: Pool | None
    channels_last: int = 0
    mutual: bool = False
    noted: bool = False


@dataclass(frozen=True)
class Relays:
    """In which order neurons fire whose spikes are copied: in groups, each after those that copy to it.

    later: of each group its neurons [n], and what had been copied to them when they fire: by `sources` [most, n],
    each `counted`, or not where a neuron has fewer. earlier: the same of what is copied to neurons that have fired.
    """

    later: tuple[tuple[Any, Any, Any], ...]
    earlier: tuple[Any, Any, Any]


@dataclass(frozen=True, eq=False)
class Layer:
    """One population: its class and the class's name, `kind`; its parameters and derived values, arrays [size]; the
    profile's values; what arrives, in order of delivery; who gets copies of spikes, and when.

    channels_last: channels of a picture whose neurons compiled kernels hold place by place, channels last; else 0, and
    they hold them in the order of their numbers, channel by channel. noted: whether compiled kernels note which of its
    neurons spiked in a step, as more than one delivery would list them.
    """

    name: str
    size: int
    kind: str
    neuron: NeuronClass
    parameters: Mapping[str, Any]
    constants: Mapping[str, int]
    incoming: tuple[Incoming, ...]
    aliases: NDArray[np.int32] | None
    relays: Relays | None
    channels_last: int = 0
    noted: bool = False

    @cached_property
    def dtypes(self) -> dict[str, str]:
        """The narrowest integer type of each register, and of the spikes."""
        return {register: storage(self.neuron, register).dtype for register in (*self.neuron.registers, SPIKES)}

    @cached_property
    def bytes(self) -> dict[str, int]:
        """Of all neurons in these types."""
        return {register: self.size * np.dtype(dtype).itemsize for register, dtype in self.dtypes.items()}


_WIRED: WeakKeyDictionary[Network, list[list[Layer]]] = WeakKeyDictionary()

_BACK: WeakKeyDictionary[Network, dict[str, int]] = WeakKeyDictionary()


def wire(network: Network) -> list[list[Layer]]:
    """Layers in groups: a group needs only the groups before it and itself. Made once for a network."""
    wired = _WIRED.get(network)
    if wired is None:
        wired = _WIRED[network] = _wired(network)
    return wired


def _wired(network: Network) -> list[list[Layer]]:
    layers = {p.name: _layer(network, p.name) for p in network.populations}
    prompt = {
        name: [i.source for i in layer.incoming if i.lag == 0 and i.source != INPUT] for name, layer in layers.items()
    }
    order = list(TopologicalSorter(prompt).static_order())
    for name in order:
        layers[name] = _laid(layers[name], layers)
    noted = _noted(network, layers)
    return [[_heard(layers[name], group, noted) for name in group] for group in _groups(order, layers)]


def _noted(network: Network, layers: Mapping[str, Layer]) -> set[str]:
    """Layers whose spikes, one a step at most, are listed for more than one delivery."""
    heard = Counter(i.source for layer in layers.values() for i in layer.incoming)
    plain = [name for name, layer in layers.items() if not layer.channels_last and _emission(network, name) == (0, 1)]
    return {name for name in plain if heard[name] > 1}


def _heard(layer: Layer, group: Sequence[str], noted: Collection[str]) -> Layer:
    """With which of its sources wait for it, too, those of its group, and whose spikes are noted."""
    incoming = tuple(replace(i, mutual=i.source in group, noted=i.source in noted) for i in layer.incoming)
    return replace(layer, incoming=incoming, noted=layer.name in noted)


def _laid(layer: Layer, before: Mapping[str, Layer]) -> Layer:
    """With how it lies: channels last where a convolution reaches it, or a pool of a layer that lies so.

    before: those that it hears in the same step, laid already.
    """
    incoming = tuple(
        replace(i, channels_last=before[i.source].channels_last) if i.lag == 0 and i.source in before else i
        for i in layer.incoming
    )
    drawn = [i.picture.channels for i in incoming if i.picture is not None]
    drawn += [i.pool.channels for i in incoming if i.pool is not None and i.pool.channels == i.channels_last]
    return replace(layer, incoming=incoming, channels_last=drawn[0] if drawn and layer.aliases is None else 0)


def reach_back(network: Network) -> dict[str, int]:
    """How many earlier steps of each population's spikes are still to be delivered: 1 at the least."""
    if network not in _BACK:
        _BACK[network] = _reach_back(network)
    return _BACK[network]


def _reach_back(network: Network) -> dict[str, int]:
    back = dict.fromkeys((INPUT, *(p.name for p in network.populations)), 1)
    for projection in network.projections:
        longest = network.connection(projection).lag + int(np.max(np.asarray(projection.delays), initial=0))
        back[projection.source] = max(back[projection.source], longest)
    return back


def _layer(network: Network, name: str) -> Layer:
    population, profile = network.population(name), network.profile
    parameters = neuron_values(profile, population)
    incoming = [
        i
        for place, projection in enumerate(network.projections)
        if projection.target == name
        for i in _incoming(network, place, parameters)
    ]
    aliases = None if population.aliases is None else np.asarray(population.aliases, np.int32)
    neuron = network.neuron_class(population)
    constants = profile.constants
    kind, relays = str(population.neuron), None if aliases is None else relays_of(aliases)
    return Layer(name, population.size, kind, neuron, parameters, constants, tuple(incoming), aliases, relays)


def relays_of(aliases: NDArray[np.int32]) -> Relays:
    """aliases: [size, slots], who gets copies of a neuron's spikes; -1: nobody."""
    later: list[list[int]] = [[] for _ in aliases]
    earlier: list[list[int]] = [[] for _ in aliases]
    group = [0] * len(aliases)
    for neuron, targets in enumerate(aliases.tolist()):
        for target in targets:
            if target > neuron:
                later[target].append(neuron)
                group[target] = max(group[target], group[neuron] + 1)
            elif target >= 0:
                earlier[target].append(neuron)
    members = [np.flatnonzero(np.array(group) == number) for number in range(max(group) + 1)]
    fired = np.flatnonzero([bool(sources) for sources in earlier])
    return Relays(tuple(_copied(neurons, later) for neurons in members), _copied(fired, earlier))


def _copied(neurons: Array, sources: Sequence[Sequence[int]]) -> tuple[Array, Array, Array]:
    """Neurons, and by neuron the sources of its copies, padded to the most of them."""
    most = max((len(sources[neuron]) for neuron in neurons), default=0)
    table, counted = np.zeros((most, len(neurons)), np.int64), np.zeros((most, len(neurons)), bool)
    for column, neuron in enumerate(neurons):
        table[: len(sources[neuron]), column] = sources[neuron]
        counted[: len(sources[neuron]), column] = True
    return neurons, table, counted


def _incoming(network: Network, place: int, target: Mapping[str, Array]) -> Iterator[Incoming]:
    """One for each delay that the projection at `place` has, the shortest first."""
    projection = network.projections[place]
    connection, profile = network.connection(projection), network.profile
    values = connection_values(profile, projection)
    scope = values | profile.constants
    synapses = added_weights(connection, projection, scope, target, network.size(projection.source))
    acting, spikes = arriving(profile, connection), _counted_in(network, projection.source)
    delays = synapse_delays(connection, projection, network.size(projection.source))
    picture, pool = _picture(network, projection, synapses[0]), _pool(network, projection, synapses[0])
    cap, total = connection.cap, connection.sum
    for delay in each_delay(delays):
        pairs = zip(connection.into, synapses, strict=False)
        chosen = tuple((register, of_delay(weights, delays, int(delay))) for register, weights in pairs)
        lag, via = connection.lag + int(delay), str(projection.via)
        yield Incoming(place, projection.source, via, lag, cap, chosen, total, scope, acting, spikes, picture, pool)


def _counted_in(network: Network, source: str) -> str:
    """The type that counts the spikes of a source."""
    if source == INPUT:
        return network.input_word.dtype
    return storage(network.neuron_class(network.population(source)), SPIKES).dtype


def _picture(network: Network, projection: Projection, added: Weights) -> Picture | None:
    """A convolution of one delay, if it can be computed as a picture; place by place where no source counts below 0."""
    connection, drawn = network.connection(projection), isinstance(projection.shape, Convolution)
    if not isinstance(added, Listed) or not drawn or each_delay(projection.delays).size != 1:
        return None
    picture = picture_of(
        projection, added.weights, synapses_of(connection, projection, network.size(projection.source))
    )
    counts = _emission(network, projection.source)[0] >= 0 or connection.cap == NONZERO
    return picture if picture is None or counts else replace(picture, swept=None)


def _pool(network: Network, projection: Projection, added: Weights) -> Pool | None:
    """A pool of one delay of what neurons emit, if no cap changes that and each spike is a write."""
    if not isinstance(added, Listed) or projection.source == INPUT or each_delay(projection.delays).size != 1:
        return None
    summed = network.connection(projection).sum is not None
    return None if summed or not _as_sent(network, projection) else pool_of(projection, added)


def _as_sent(network: Network, projection: Projection) -> bool:
    """Whether the cap of a projection never changes what its source sends."""
    low, high = _emission(network, projection.source)
    cap = network.connection(projection).cap
    return cap == ANY or (low >= 0 and high <= 1 if cap == NONZERO else high <= int(cap))


def _emission(network: Network, source: str) -> tuple[int, int]:
    """The least and the most that one neuron or channel of a source sends in a step."""
    if source == INPUT:
        return network.input_word.min, network.input_word.max
    return network.neuron_class(network.population(source)).emission


def _groups(order: Sequence[str], layers: Mapping[str, Layer]) -> list[list[str]]:
    """Layers that reach each other share a group; groups and their members keep the order of computation."""
    reach = {name: {i.source for i in layers[name].incoming} for name in order}
    for via in order:
        for name in order:
            if via in reach[name]:
                reach[name] |= reach[via]
    groups: list[list[str]] = []
    for name in order:
        mutual = [other for other in order if other == name or (other in reach[name] and name in reach[other])]
        if mutual not in groups:
            groups.append(mutual)
    before = {
        i: [j for j, g in enumerate(groups) if j != i and reach[groups[i][0]] & set(g)] for i in range(len(groups))
    }
    return [groups[i] for i in TopologicalSorter(before).static_order()]
