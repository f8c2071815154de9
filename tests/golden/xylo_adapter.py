"""Vectors of SynSense's simulator, as networks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import bitspike as bs
import numpy as np

Vectors = Mapping[str, np.ndarray]


def profiles(vectors: Vectors) -> list[str]:
    """The shipped profiles that can run these vectors: of their core, with as many synapses as they use."""
    if str(vectors["core"]) == "v1":
        return ["xylo-core-1"]
    second = vectors["w_in"][..., 1].any() or vectors["w_rec"][..., 1].any()
    return ["xylo-audio-2", "xylo-audio-3", *([] if second else ["xylo-imu"])]


def network(vectors: Vectors, name: str) -> bs.Network:
    """The network that a vector file describes, whatever its size, under a profile that can run it."""
    profile = bs.load_profile(name)
    synapses = len(profile.connections["input"].into)
    layers = [
        _layer("hidden", profile, vectors, "", vectors["dash_syn"].T[:synapses]),
        _layer("output", profile, vectors, "_out", vectors["dash_syn_out"][None]),
    ]
    links = [
        _link("input", "hidden", "input", vectors["w_in"][..., :synapses], vectors["weight_shift_in"]),
        _link("hidden", "hidden", "recurrent", vectors["w_rec"][..., :synapses], vectors["weight_shift_rec"]),
        _link("hidden", "output", "readout", vectors["w_out"], vectors["weight_shift_out"]),
    ]
    return bs.Network(profile, vectors["w_in"].shape[0], layers, links, limits=False)


def _layer(name: str, profile: bs.Profile, vectors: Vectors, suffix: str, dash_syn: np.ndarray) -> bs.Population:
    parameters = {f"dash_syn{synapse}": dash for synapse, dash in enumerate(dash_syn)}
    parameters |= {key: vectors[key + suffix] for key in ("dash_mem", "threshold")}
    if "bias" in profile.neurons[name].parameters:
        parameters["bias"] = vectors["bias" + suffix] if vectors["has_bias"] else 0
    aliases = vectors["aliases"] if name == "hidden" and (vectors["aliases"] >= 0).any() else None
    return bs.Population(name, len(vectors["threshold" + suffix]), parameters, name, aliases)


def _link(source: str, target: str, via: str, weights: np.ndarray, shift: np.ndarray) -> bs.Projection:
    return bs.Projection(source, target, weights, via, {"weight_shift": int(shift)})


def expected(vectors: Vectors) -> dict[str, np.ndarray]:
    """What the simulator recorded, [step, neuron], by layer and register."""
    return {
        "hidden.isyn0": vectors["isyn"][..., 0],
        "hidden.isyn1": vectors["isyn"][..., 1],
        "hidden.membrane": vectors["vmem"],
        "hidden.spikes": vectors["hid_spikes"],
        "output.isyn0": vectors["isyn_out"],
        "output.membrane": vectors["vmem_out"],
        "output.spikes": vectors["out_spikes"],
    }


def computed(vectors: Vectors, engine: str, profile: str | None = None) -> dict[str, np.ndarray]:
    """The same, from `engine`: segment after segment, the state carried over unless the simulator reset it."""
    whole = list(_segments(vectors, engine, profile or profiles(vectors)[0]))
    return {name: np.concatenate([part[name] for part in whole]) for name in whole[0]}


def _segments(vectors: Vectors, engine: str, profile: str) -> Iterator[dict[str, Any]]:
    net, state, first = network(vectors, profile), None, 0
    for steps, reset in zip(vectors["segments"], vectors["reset_before"], strict=True):
        state = None if reset else state
        if not steps:
            continue
        trace = bs.run(net, vectors["input"][first : first + steps], record="all", engine=engine, state=state)
        state, first = trace.state, first + steps
        layers = trace.layers.items()
        yield {f"{name}.{r}": v[0] for name, layer in layers for r, v in layer.registers.items()} | {
            f"{name}.spikes": layer.spikes[0] for name, layer in layers
        }
