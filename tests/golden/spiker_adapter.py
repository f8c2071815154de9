"""Vectors of the simulated Spiker+ neuron, as plain data and as networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bitspike as bs
import numpy as np
from slow_spiker import Spiker

Vectors = Mapping[str, np.ndarray]


def neuron(vectors: Vectors) -> dict[str, Any]:
    """The neuron's parameters: what the slow model takes."""
    return {
        "bits": int(vectors["bitwidth"]),
        "shift": int(vectors["shift"]),
        "reset": str(vectors["reset"]),
        "threshold": int(vectors["v_th"]),
        "reset_value": int(vectors["v_reset"]),
    }


def expected(vectors: Vectors) -> dict[str, np.ndarray]:
    """Membrane and spikes after every slot, [slot]."""
    return {"membrane": vectors["v"], "spikes": vectors["spk"]}


def slowly(vectors: Vectors) -> dict[str, np.ndarray]:
    """What the slow model does."""
    found = Spiker(**neuron(vectors)).run(vectors["ops"].tolist())
    return {name: np.array(values) for name, values in found.items()}


EXCITATORY, INHIBITORY, END, RESTART = range(4)


def network(vectors: Vectors) -> bs.Network:
    """One neuron, and an input channel for every slot of the stream."""
    kinds, weights = vectors["ops"].T
    profile = bs.load_profile("spiker").with_values(
        membrane_width=int(vectors["bitwidth"]),
        excitatory_width=int(vectors["w_exc_bw"]),
        inhibitory_width=int(vectors["w_inh_bw"]),
        shift=int(vectors["shift"]),
        reset_kind=("fixed", "subtractive", "none").index(str(vectors["reset"])),
    )
    neuron = bs.Population("neuron", 1, {"threshold": int(vectors["v_th"]), "reset": int(vectors["v_reset"])})
    links = [
        bs.Projection("input", "neuron", np.where(kinds == kind, weights, 0)[:, None], via)
        for kind, via in ((EXCITATORY, "excitatory"), (INHIBITORY, "inhibitory"))
    ]
    return bs.Network(profile, len(kinds), [neuron], links)


def computed(vectors: Vectors, engine: str) -> dict[str, np.ndarray]:
    """What `engine` does: every slot a sample of one step, from the membrane that was recorded before it.

    A slot shows in the membrane before fire or leak, the end of a step in the one after; a restart is a new run.
    """
    kinds = vectors["ops"][:, 0]
    net = network(vectors)
    start = bs.initial_state(net, len(kinds))
    start["neuron"]["membrane"][1:, 0] = vectors["v"][:-1]
    start["neuron"]["membrane"][kinds == RESTART] = 0
    spikes = np.diag((kinds < END).astype(np.uint8))[:, None, :]
    layer = bs.run(net, spikes, record="all", engine=engine, state=start)["neuron"]
    after, before = (layer.registers[name][:, 0, 0] for name in ("membrane", "integrated"))
    ends = kinds == END
    return {"membrane": np.where(ends, after, before), "spikes": np.where(ends, layer.spikes[:, 0, 0], 0)}


def computed_steps(vectors: Vectors, engine: str, apart: bool = False) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Where steps end up to the first restart, and what one whole run does there: slots in order, in one step each.

    apart: over the connection of each kind, of a stream whose excitatory slots come first in every step. Otherwise all
    slots go over one, as their order in the stream is not that of two.
    """
    kinds = vectors["ops"][:, 0]
    stop = int(np.argmax(kinds == RESTART)) if (kinds == RESTART).any() else len(kinds)
    kinds, weights = vectors["ops"][:stop].T
    ends = np.flatnonzero(kinds == END)
    spikes = np.zeros((len(ends), stop), np.uint8)
    slots = np.flatnonzero((kinds < END) & (np.arange(stop) < ends[-1]))
    spikes[np.searchsorted(ends, slots), slots] = 1
    net = network({**vectors, "ops": vectors["ops"][:stop]})
    if not apart:
        profile = net.profile.with_values(excitatory_width=int(max(vectors["w_exc_bw"], vectors["w_inh_bw"])))
        link = bs.Projection("input", "neuron", np.where(kinds < END, weights, 0)[:, None], "excitatory")
        net = bs.Network(profile, stop, net.populations, [link])
    layer = bs.run(net, spikes, record="all", engine=engine)["neuron"]
    return ends, {"membrane": layer.registers["membrane"][0, :, 0], "spikes": layer.spikes[0, :, 0]}
