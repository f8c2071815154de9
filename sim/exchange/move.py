"""Takes a network's layers to another profile by the names of their parameters, before they are placed on its core."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import InputError, NetworkError, suggest
from ..network.network import Network
from ..network.parts import Population, Projection
from ..profile.schema import Profile

Layers = tuple[list[Population], list[Projection]]


def moved(network: Network, profile: Profile, values: Mapping[str, int]) -> Layers:
    """Layers and projections of a network, as `profile` names them: integers stay as they are, so what the layers
    compute is what this profile makes of them.

    values: of the parameters that the network does not have. Raises NetworkError, a line for each parameter that is
    missing or has no place; InputError for a value that nothing takes.
    """
    faults: list[str] = []
    taken: set[str] = set()

    def parameters(place: str, found: Mapping[str, Any], wanted: Iterable[str]) -> dict[str, Any]:
        names = list(wanted)
        allowed = ", ".join(names) or "none"
        faults.extend(f"{place}: found parameter '{name}'; allowed: {allowed}" for name in found if name not in names)
        missing = [name for name in names if name not in found]
        taken.update(missing)
        faults.extend(f"{place}: missing parameter '{name}'" for name in missing if name not in values)
        return {name: found[name] if name in found else values.get(name, 0) for name in names}

    def one_of(place: str, name: str, there: Mapping[str, Any]) -> str:
        if name in there or len(there) == 1:
            return name if name in there else next(iter(there))
        faults.append(f"{place}: found '{name}'; allowed: {', '.join(there)}")
        return next(iter(there))

    populations, projections = [], []
    for layer in network.populations:
        place = f"layer '{layer.name}'"
        kind = one_of(place, str(layer.neuron), profile.neurons)
        own = parameters(place, layer.parameters, profile.neurons[kind].parameters)
        populations.append(Population(layer.name, layer.size, own, kind, layer.aliases))
    for each in network.projections:
        place = f"projection '{each.source}' to '{each.target}'"
        via = one_of(place, str(each.via), profile.connections)
        there = profile.connections[via]
        names = (*there.parameters, *there.source_parameters, *there.synapse_parameters)
        own = parameters(place, each.parameters, names)
        if there.synapse_parameters and each.shape is None:
            size = (network.size(each.source), network.size(each.target))
            own |= {name: np.broadcast_to(own[name], size) for name in there.synapse_parameters}
        projections.append(Projection(each.source, each.target, each.weights, via, own, each.shape, each.delays))
    if faults:
        raise NetworkError(faults)
    for name in values:
        if name not in taken:
            allowed = ", ".join(sorted(taken)) or "none, as nothing is missing"
            raise InputError(f"--set: found '{name}'; allowed: {allowed}{suggest(name, sorted(taken))}")
    return populations, projections
