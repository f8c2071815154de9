"""A network as the engines see it: layers in the order they are computed, with the weights that are added."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.network import Network
from ..network.weights import format_weights
from ..ops.array import ArrayOps, to_array
from ..profile.schema import INPUT, SPIKES, NeuronClass, storage


@dataclass(frozen=True)
class Incoming:
    """One projection as its target sees it.

    lag: steps from a spike to its delivery. cap: more spikes of a source act as this many.
    synapses: (register, weights [pre, post] as they are added), in order.
    """

    source: str
    via: str
    lag: int
    cap: int
    synapses: tuple[tuple[str, Any], ...]


@dataclass(frozen=True)
class Layer:
    """One population: its class and the class's name, `kind`; its parameters, arrays [size]; what arrives, in order
    of delivery.
    """

    name: str
    size: int
    kind: str
    neuron: NeuronClass
    parameters: Mapping[str, Any]
    incoming: tuple[Incoming, ...]
    aliases: NDArray[np.int32] | None

    @property
    def dtypes(self) -> dict[str, str]:
        """The narrowest integer type of each register, and of the spikes."""
        return {register: storage(self.neuron, register).dtype for register in (*self.neuron.registers, SPIKES)}


def wire(network: Network) -> list[list[Layer]]:
    """Layers in groups: a group needs only the groups before it and itself."""
    layers = {p.name: _layer(network, p.name) for p in network.populations}
    prompt = {
        name: [i.source for i in layer.incoming if i.lag == 0 and i.source != INPUT] for name, layer in layers.items()
    }
    order = list(TopologicalSorter(prompt).static_order())
    return [[layers[name] for name in group] for group in _groups(order, layers)]


def _layer(network: Network, name: str) -> Layer:
    population = network.population(name)
    incoming = []
    for projection in network.projections:
        if projection.target != name:
            continue
        connection = network.connection(projection)
        weights = np.moveaxis(to_array(projection.weights), 2, 0)
        effective = format_weights(ArrayOps(), connection, weights, projection.parameters)
        synapses = tuple(zip(connection.into, effective, strict=False))
        incoming.append(Incoming(projection.source, str(projection.via), connection.lag, connection.cap, synapses))
    aliases = None if population.aliases is None else np.asarray(population.aliases, np.int32)
    neuron = network.neuron_class(population)
    return Layer(name, population.size, str(population.neuron), neuron, population.parameters, tuple(incoming), aliases)


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
