"""Vectors of the simulated Spiker+ neuron, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
