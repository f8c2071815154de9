"""Vectors of nengo-loihi's emulator, as networks."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import bitspike as bs
import numpy as np
from loihi_runs import recorded, start

Vectors = Mapping[str, np.ndarray]


def layers(vectors: Vectors) -> list[dict[str, Any]]:
    """The bounds of the membrane of each layer, among others."""
    return list(json.loads(str(vectors["meta_json"]))["layers"])


def network(vectors: Vectors) -> bs.Network:
    """The network that a vector file describes."""
    populations, projections, source = [], [], "input"
    for k, layer in enumerate(layers(vectors)):
        names = {"decay_u": "decay_u", "decay_v": "decay_v", "vth": "vth", "bias": "bias", "refractory": "refract"}
        parameters = {name: vectors[f"L{k}_{key}"] for name, key in names.items()}
        parameters |= {"vmin": layer["vmin"], "vmax": layer["vmax"]}
        populations.append(bs.Population(f"l{k}", len(parameters["vth"]), parameters))
        via = "synapses"
        projections.append(bs.Projection(source, f"l{k}", vectors[f"L{k}_weights_int"], via))
        source = f"l{k}"
    return bs.Network(bs.load_profile("loihi-nengo"), vectors["inputs"].shape[1], populations, projections)


def expected(vectors: Vectors) -> dict[str, np.ndarray]:
    """What the emulator recorded, [step, neuron], by layer and register."""
    names = {"current": "u", "membrane": "v", "spikes": "s"}
    count = range(len(layers(vectors)))
    return {f"l{k}.{name}": vectors[f"L{k}_{key}"] for k in count for name, key in names.items()}


def computed(vectors: Vectors, engine: str) -> dict[str, np.ndarray]:
    """The same, from `engine`."""
    net = network(vectors)
    return recorded(bs.run(net, vectors["inputs"], record="all", engine=engine, state=start(vectors, net)))
