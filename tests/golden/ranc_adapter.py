"""Vectors of the RANC Verilog core, as plain data and as networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bitspike as bs
import numpy as np
from slow_ranc import Ranc

Vectors = Mapping[str, np.ndarray]

WIDTHS = ("potential_width", "weight_width", "leak_width", "threshold_width")
NEURON = ("leak", "pos_thr", "neg_thr", "reset_pot", "reset_mode")


def arrivals(vectors: Vectors) -> list[tuple[int, int]]:
    """The outside packets as (tick when it acts, axon), those beyond the last tick left out."""
    ticks = int(vectors["n_ticks"])
    acting = ((int(tick) + int(delay), int(axon)) for tick, axon, delay in vectors["packets"])
    return [(tick, axon) for tick, axon in acting if tick < ticks]


def counts(vectors: Vectors) -> np.ndarray:
    """How many outside packets act, [tick, axon]."""
    found = np.zeros((int(vectors["n_ticks"]), len(vectors["axon_type"])), np.uint8)
    for tick, axon in arrivals(vectors):
        found[tick, axon] += 1
    return found


def core(vectors: Vectors) -> dict[str, Any]:
    """The core as integers and lists: what the slow model takes."""
    keys = ("synapses", "axon_type", "weights", "v0", "dest_axon", "delay", "local", *NEURON, *WIDTHS)
    return {key: vectors[key].tolist() for key in keys}


def routes(vectors: Vectors) -> tuple[np.ndarray, np.ndarray]:
    """Which neuron's spikes reach which axon, 0 or 1 [neuron, axon], and delays; one that is not used may be any."""
    links = np.zeros((len(vectors["local"]), len(vectors["axon_type"])), np.uint8)
    local = np.flatnonzero(vectors["local"])
    links[local, vectors["dest_axon"][local]] = 1
    return links, np.where(vectors["local"], vectors["delay"], np.minimum(vectors["delay"], 14))


def expected(vectors: Vectors) -> dict[str, np.ndarray]:
    """Membranes and spikes [tick, neuron], those for this core as well as those that leave it."""
    spikes = np.zeros(vectors["v"].shape, int)
    np.add.at(spikes, (vectors["spk_tick"], vectors["spk_neuron"]), 1)
    return {"membrane": vectors["v"], "spikes": spikes}


def slowly(vectors: Vectors) -> dict[str, np.ndarray]:
    """What the slow model does."""
    found = Ranc(core(vectors)).run(arrivals(vectors), int(vectors["n_ticks"]))
    return {name: np.array(values) for name, values in found.items()}


def network(vectors: Vectors) -> bs.Network:
    """Axons between neurons and crossbar, so that what arrives twice acts once."""
    profile = bs.load_profile("ranc").with_values(**{name: int(vectors[name]) for name in WIDTHS})
    names = {
        "leak": "leak",
        "pos_thr": "threshold",
        "neg_thr": "negative_threshold",
        "reset_pot": "reset",
        "reset_mode": "linear",
    }
    parameters = {name: vectors[key] for key, name in names.items()}
    parameters |= {f"weight{i}": vectors["weights"][:, i] for i in range(4)}
    neurons, axons = vectors["synapses"].shape
    links, delays = routes(vectors)
    return bs.Network(
        profile,
        axons,
        [bs.Population("axons", axons, {}, "axon"), bs.Population("neurons", neurons, parameters, "neuron")],
        [
            bs.Projection("input", "axons", np.eye(axons, dtype=int), "packets"),
            bs.Projection("neurons", "axons", links, "route", delays=delays),
            bs.Projection("axons", "neurons", vectors["synapses"].T, "crossbar", {"axon_type": vectors["axon_type"]}),
        ],
    )


def computed(vectors: Vectors, engine: str) -> dict[str, np.ndarray]:
    """What `engine` does."""
    net = network(vectors)
    start = bs.initial_state(net)
    start["neurons"]["membrane"][0] = vectors["v0"]
    layer = bs.run(net, counts(vectors), record="all", engine=engine, state=start)["neurons"]
    return {"membrane": layer.registers["membrane"][0], "spikes": layer.spikes[0]}
