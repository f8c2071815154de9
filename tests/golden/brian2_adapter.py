"""Vectors of brian2-loihi, as networks."""

from __future__ import annotations

from collections.abc import Mapping

import bitspike as bs
import numpy as np
from loihi_runs import recorded, start

Vectors = Mapping[str, np.ndarray]


def layers(vectors: Vectors) -> range:
    """The numbers of the layers."""
    return range(sum(1 for name in vectors if name.endswith("_vth")))


def network(vectors: Vectors) -> bs.Network:
    """The network that a vector file describes."""
    populations, projections, source = [], [], "input"
    for k in layers(vectors):
        value = {key: int(vectors[f"L{k}_{key}"]) for key in ("decay_I", "decay_v", "vth", "refractory", "delay")}
        parameters = {
            "decay_current": value["decay_I"],
            "decay_membrane": value["decay_v"],
            "vth": value["vth"],
            "refractory": value["refractory"],
        }
        weights = vectors[f"L{k}_weights"].T
        format_ = {key: int(vectors[f"L{k}_{key}"]) for key in ("weight_exp", "num_weight_bits", "sign_mode")}
        via = "external" if k == 0 else "internal"
        populations.append(bs.Population(f"l{k}", weights.shape[1], parameters))
        projections.append(bs.Projection(source, f"l{k}", weights, via, format_, delays=value["delay"]))
        source = f"l{k}"
    return bs.Network(bs.load_profile("loihi-brian2"), vectors["inputs"].shape[1], populations, projections)


def expected(vectors: Vectors) -> dict[str, np.ndarray]:
    """What the program recorded, [step, neuron], by layer and register."""
    names = {"arrived": "u", "membrane": "v", "spikes": "s"}
    return {f"l{k}.{name}": vectors[f"L{k}_{key}"] for k in layers(vectors) for name, key in names.items()}


def computed(vectors: Vectors, engine: str) -> dict[str, np.ndarray]:
    """The same, from `engine`."""
    net = network(vectors)
    return recorded(bs.run(net, vectors["inputs"], record="all", engine=engine, state=start(vectors, net)))
