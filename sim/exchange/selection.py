"""Which layers, neurons and registers of a run are written for someone else to read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ..errors import InputError, suggest
from ..network import Network
from ..profile.schema import SPIKES
from ..trace import Trace

Layers = Mapping[str, Sequence[int] | None] | Iterable[str] | None
"""Names of layers; by name which neurons of each, None: all of them; None: every layer."""
Known = Mapping[str, tuple[int, Sequence[str]]]
"""By layer how many neurons it has, and its registers, 'spikes' among them."""


@dataclass(frozen=True)
class Chosen:
    """What was chosen of a layer: neurons in ascending order, registers in the order of the profile, then 'spikes'."""

    neurons: tuple[int, ...]
    registers: tuple[str, ...]


def registers_of(network: Network) -> Known:
    """What a run of a network can record."""
    layers = network.populations
    return {each.name: (each.size, (*network.neuron_class(each).registers, SPIKES)) for each in layers}


def recorded_in(trace: Trace) -> Known:
    """What a trace has recorded."""
    return {name: (layer.spikes.shape[2], (*layer.registers, SPIKES)) for name, layer in trace.layers.items()}


def choose(known: Known, layers: Layers = None, registers: Iterable[str] | None = None) -> dict[str, Chosen]:
    """By layer, in the order of the network, what was chosen; a layer without any of the registers is left out.

    registers: names, 'spikes' among them; None: all. Raises InputError for what is not there.
    """
    wanted = dict(layers) if isinstance(layers, Mapping) else dict.fromkeys(known if layers is None else layers)
    for name in wanted:
        if name not in known:
            raise InputError(f"layer: found {name!r}; allowed: {', '.join(known)}{suggest(name, known)}")
    names = list(dict.fromkeys(register for layer in wanted for register in known[layer][1]))
    asked = names if registers is None else list(registers)
    for name in asked:
        if name not in names:
            raise InputError(f"register: found {name!r}; allowed: {', '.join(names)}{suggest(name, names)}")
    chosen = {
        layer: Chosen(_neurons(layer, wanted[layer], size), tuple(each for each in own if each in asked))
        for layer, (size, own) in known.items()
        if layer in wanted
    }
    chosen = {layer: each for layer, each in chosen.items() if each.registers}
    if not chosen:
        raise InputError("registers: found none; allowed: one at least")
    return chosen


def _neurons(layer: str, wanted: Sequence[int] | None, size: int) -> tuple[int, ...]:
    if wanted is None:
        return tuple(range(size))
    for neuron in wanted:
        if isinstance(neuron, bool) or not isinstance(neuron, int | np.integer) or not 0 <= neuron < size:
            raise InputError(f"layer '{layer}': neuron: found {neuron!r}; allowed: 0 to {size - 1}")
    if not len(wanted):
        raise InputError(f"layer '{layer}': neurons: found none; allowed: one at least")
    return tuple(sorted({int(neuron) for neuron in wanted}))
