"""Vectors of sinabs' DynapCNN model, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from slow_speck import Layer, run

Vectors = Mapping[str, np.ndarray]

SCALARS = {"stride": "stride", "pad": "pad", "pool": "pool", "threshold": "threshold", "vmin": "lowest"}


def layers(vectors: Vectors) -> list[dict[str, Any]]:
    """Every layer as integers and lists: what the slow model takes."""
    return [
        {name: int(vectors[f"l{index}_{key}"]) for key, name in SCALARS.items()}
        | {key: vectors[f"l{index}_{key}"].tolist() for key in ("weight", "bias")}
        | {"reset": str(vectors[f"l{index}_reset"])}
        for index in range(int(vectors["n_layers"]))
    ]


def shapes(vectors: Vectors) -> list[tuple[int, ...]]:
    """(channel, row, column) of the input, of every layer's neurons and its pooled spikes, in turn."""
    found = [vectors["x"].shape[1:]]
    for index, layer in enumerate(layers(vectors)):
        channels, rows, columns = vectors[f"l{index}_spikes"].shape[1:]
        found += [(channels, rows, columns), (channels, rows // layer["pool"], columns // layer["pool"])]
    return found


def expected(vectors: Vectors) -> dict[str, np.ndarray]:
    """Spikes before pooling and membranes of every layer, and the last pooled spikes, [step, channel, row, column]."""
    recorded = {"spikes": "spikes", "membrane": "vmem"}
    every = range(int(vectors["n_layers"]))
    return {f"{name}_{i}": vectors[f"l{i}_{key}"] for i in every for name, key in recorded.items()} | {
        "output": vectors["y"]
    }


def slowly(vectors: Vectors) -> dict[str, np.ndarray]:
    """What the slow model does."""
    found = run([Layer(**layer) for layer in layers(vectors)], vectors["x"].tolist())
    return {name: np.array(values) for name, values in found.items()}
