"""What the adapters of the three Loihi simulators share: the start of a run, and what it records."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import bitspike as bs
import numpy as np

Vectors = Mapping[str, np.ndarray]


def start(
    vectors: Vectors, net: bs.Network, as_neurons: Callable[[np.ndarray], np.ndarray] = np.ravel
) -> dict[str, dict[str, np.ndarray]]:
    """Currents and membranes as `u0` and `v0` have them, layer by layer; 0 where a key is left out."""
    state = bs.initial_state(net)
    for k in range(len(net.populations)):
        for register, key in (("current", f"L{k}_u0"), ("membrane", f"L{k}_v0")):
            if key in vectors:
                state[f"l{k}"][register][0] = as_neurons(vectors[key])
    return state


def recorded(trace: bs.Trace) -> dict[str, np.ndarray]:
    """Spikes and registers [step, neuron], by layer and name."""
    return {
        f"{name}.{register}": values[0]
        for name, layer in trace.layers.items()
        for register, values in {"spikes": layer.spikes, **layer.registers}.items()
    }
