"""Vectors of sinabs' DynapCNN model, as plain data and as networks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import bitspike as bs
import numpy as np
from slow_speck import Layer, run

Vectors = Mapping[str, np.ndarray]

SCALARS = {"stride": "stride", "pad": "pad", "pool": "pool", "threshold": "threshold", "vmin": "lowest"}


def layers(vectors: Vectors) -> list[dict[str, Any]]:
    """Every layer as integers and lists: what the slow model takes."""
    return [
        {name: int(vectors[f"l{index}_{key}"]) for key, name in SCALARS.items()}
        | {key: vectors[f"l{index}_{key}"].tolist() for key in ("weight", "bias")}
        | {"reset": str(vectors[f"l{index}_reset"]), "reset_value": int(vectors.get(f"l{index}_reset_value", 0))}
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


def network(vectors: Vectors) -> bs.Network:
    """A population for each layer, and one for what is pooled."""
    populations, projections, source, shape = [], [], "input", vectors["x"].shape[1:]
    for index, layer in enumerate(layers(vectors)):
        kernels = np.array(layer["weight"])
        convolution = bs.Convolution(shape, layer["stride"], layer["pad"])
        shape = convolution.output_shape(kernels.shape)
        size, name = int(np.prod(shape)), f"l{index}"
        parameters = {
            "bias": np.repeat(layer["bias"], size // shape[0]),
            "threshold": layer["threshold"],
            "lowest": layer["lowest"],
            "reset_to_zero": int(layer["reset"] != "subtract"),
            "reset_value": layer["reset_value"],
        }
        populations.append(bs.Population(name, size, parameters, "neuron"))
        projections.append(bs.Projection(source, name, kernels, "convolution", shape=convolution))
        source = name
        if layer["pool"] > 1:
            pooling = bs.Pooling(shape, layer["pool"])
            shape, name = pooling.output_shape(), f"p{index}"
            populations.append(bs.Population(name, int(np.prod(shape)), {}, "pool"))
            projections.append(bs.Projection(source, name, 1, "pooling", shape=pooling))
            source = name
    return bs.Network(bs.load_profile("speck-sinabs"), int(np.prod(vectors["x"].shape[1:])), populations, projections)


def computed(vectors: Vectors, engine: str) -> dict[str, np.ndarray]:
    """What `engine` does."""
    steps = len(vectors["x"])
    trace = bs.run(network(vectors), vectors["x"].reshape(steps, -1), record="all", engine=engine)
    found = {}
    for index in range(int(vectors["n_layers"])):
        layer, shape = trace[f"l{index}"], vectors[f"l{index}_spikes"].shape
        found[f"spikes_{index}"] = layer.spikes[0].reshape(shape)
        found[f"membrane_{index}"] = layer.registers["membrane"][0].reshape(shape)
    return found | {"output": trace.spikes[0].reshape(vectors["y"].shape)}
