"""What a profile allows of a population: its class, its size, its parameters and its aliases."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..ops.operators import RefusedWriteError
from ..profile.schema import Profile
from .faults import Faults
from .parts import Population
from .weights import neuron_values


def check_population(profile: Profile, population: Population, faults: Faults) -> Population:
    """The population in its canonical form; as far as it was checked after a fault."""
    place = f"layer '{population.name}'"
    classes = list(profile.neurons)
    neuron = classes[0] if population.neuron is None and len(classes) == 1 else population.neuron
    if not faults.one_of(f"{place}: neuron class", neuron, classes):
        return population
    assert neuron is not None
    if not isinstance(population.size, int | np.integer) or population.size < 1:
        faults.add(place, f"found size {population.size!r}; allowed: 1 or more")
        return population
    size, kind = int(population.size), profile.neurons[neuron]
    shapes = dict.fromkeys(kind.parameters, (size,))
    parameters = faults.parameters(place, population.parameters, kind.parameters, shapes)
    aliases = population.aliases
    if aliases is not None and kind.relay is None:
        faults.add(place, f"has aliases, which neurons of class '{neuron}' do not relay")
    elif aliases is not None:
        aliases = _aliases(f"{place}: aliases", aliases, size, faults)
    checked = replace(population, size=size, neuron=neuron, parameters=parameters, aliases=aliases)
    if parameters.keys() == kind.parameters.keys():
        try:
            neuron_values(profile, checked)
        except RefusedWriteError as error:
            faults.add(place, f"derived {error}")
    return checked


def _aliases(place: str, aliases: ArrayLike, size: int, faults: Faults) -> NDArray[Any] | None:
    """Neurons that receive copies, [size, slots]."""
    array = faults.array(place, aliases)
    if array is None:
        return None
    if array.ndim != 2:
        faults.add(place, f"found shape {array.shape}; allowed: ({size}, slots)")
        return None
    return faults.integers(place, array, (size, array.shape[1]), -1, size - 1, "int32", "-1: none")
