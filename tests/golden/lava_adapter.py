"""Vectors of Lava's fixed-point runtime, as networks. Convolutions there hold their pictures as [X, Y, channel]."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import bitspike as bs
import numpy as np
from bitspike.engine.wiring import wire
from bitspike.network.lists import Listed
from loihi_runs import recorded, start

Vectors = Mapping[str, np.ndarray]


def layers(vectors: Vectors) -> list[dict[str, Any]]:
    """Scalars and kinds of each layer, and of a convolution its geometry."""
    return list(json.loads(str(vectors["meta_json"]))["layers"])


def pictures(values: np.ndarray, axes: int) -> np.ndarray:
    """The last `axes` axes as our neurons: a picture [X, Y, channel] as [channel, X, Y], flattened."""
    if axes == 3:
        values = np.moveaxis(values, -1, -3)
    return values.reshape(*values.shape[: values.ndim - axes], -1)


def network(vectors: Vectors) -> bs.Network:
    """The network that a vector file describes."""
    populations, projections, source = [], [], "input"
    for k, layer in enumerate(layers(vectors)):
        name, axes = f"l{k}", vectors[f"L{k}_v"].ndim - 1
        populations.append(_population(vectors, k, layer, axes))
        projections.append(_projection(vectors, k, layer, source))
        if f"L{k}_weights_rec" in vectors:
            format_ = {"weight_exp": layer["weight_exp_rec"], "num_weight_bits": layer.get("num_weight_bits_rec", 8)}
            format_ |= {"sign_mode": layer.get("sign_mode_rec", -1)}
            delays = vectors[f"L{k}_delays_rec"].T if f"L{k}_delays_rec" in vectors else 0
            weights = vectors[f"L{k}_weights_rec"].T
            projections.append(bs.Projection(name, name, weights, "recurrent", format_, delays=delays))
        source = name
    inputs = pictures(vectors["inputs"], vectors["inputs"].ndim - 1).shape[1]
    return bs.Network(bs.load_profile("loihi-lava"), inputs, populations, projections)


def formatted(net: bs.Network) -> Iterator[tuple[int, np.ndarray]]:
    """The number of each layer, and its weights [pre, post] as they are added."""
    for group in wire(net):
        for layer in group:
            first = [incoming for incoming in layer.incoming if incoming.via in ("dense", "graded")]
            if first:
                weights = (incoming.synapses[0][1] for incoming in first)
                yield int(layer.name[1:]), sum(w.dense(layer.size) if isinstance(w, Listed) else w for w in weights)


def _population(vectors: Vectors, k: int, layer: dict[str, Any], axes: int) -> bs.Population:
    ternary, interval = layer["neuron"] == "ternary", layer["reset_interval"] if layer["neuron"] == "lifreset" else 0
    parameters = {
        "du": layer["du"],
        "dv": layer["dv"],
        "vth": layer["vth_hi"] if ternary else layer["vth"],
        "ternary": int(ternary),
        "vth_low": layer["vth_lo"],
        "reset_interval": interval,
        "reset_phase": layer["reset_offset"] % interval if interval else layer.get("reset_offset", 0),
        "bias_mant": pictures(vectors[f"L{k}_bias_mant"], axes),
        "bias_exp": pictures(vectors[f"L{k}_bias_exp"], axes),
    }
    return bs.Population(f"l{k}", parameters["bias_mant"].size, parameters)


def _projection(vectors: Vectors, k: int, layer: dict[str, Any], source: str) -> bs.Projection:
    graded = layer["num_message_bits"] > 0
    weights = vectors[f"L{k}_weights"]
    if layer["conn"] == "conv":
        x, y, channels = layer["input_shape"]
        sides = (tuple(layer[key]) for key in ("stride", "padding", "dilation"))
        shape = bs.Convolution((channels, x, y), *sides, groups=layer["groups"])
        kernels = np.moveaxis(weights, -1, 1)
        via = "graded_convolution" if graded else "convolution"
        return bs.Projection(source, f"l{k}", kernels, via, shape=shape)
    parameters = {key: layer[key] for key in ("weight_exp", "num_weight_bits", "sign_mode")}
    delays = synapses(vectors, k, vectors.get(f"L{k}_delays", np.zeros_like(weights)))
    via = "graded" if graded else "dense"
    return bs.Projection(source, f"l{k}", synapses(vectors, k, weights), via, parameters, delays=delays)


def synapses(vectors: Vectors, k: int, matrix: np.ndarray) -> np.ndarray:
    """A matrix [post, pre] of layer k as ours, [pre, post]: its source may be a picture."""
    source = vectors["inputs" if k == 0 else f"L{k - 1}_s"].shape[1:]
    return pictures(matrix.reshape(len(matrix), *source), len(source)).T


def expected(vectors: Vectors) -> dict[str, np.ndarray]:
    """What the runtime recorded, [step, neuron], by layer and register."""
    names = {"activation": "a", "current": "u", "membrane": "v", "spikes": "s"}
    return {
        f"l{k}.{name}": pictures(vectors[f"L{k}_{key}"], vectors[f"L{k}_{key}"].ndim - 1)
        for k in range(len(layers(vectors)))
        for name, key in names.items()
    }


def state(vectors: Vectors, net: bs.Network) -> dict[str, dict[str, np.ndarray]]:
    """The registers before the first step."""
    return start(vectors, net, lambda values: pictures(values, values.ndim))


def computed(vectors: Vectors, engine: str) -> dict[str, np.ndarray]:
    """The same, from `engine`."""
    net = network(vectors)
    spikes = pictures(vectors["inputs"], vectors["inputs"].ndim - 1)
    return recorded(bs.run(net, spikes, record="all", engine=engine, state=state(vectors, net)))
