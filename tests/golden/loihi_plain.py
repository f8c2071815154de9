"""Vectors of the three Loihi simulators, as layers of the slow models: plain integers and lists."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from slow_loihi import BrianLayer, Conv, Dense, LavaLayer, NengoLayer, run_brian2, run_lava, run_nengo

Vectors = Mapping[str, np.ndarray]


def numbered(vectors: Vectors) -> Iterator[dict[str, Any]]:
    """The arrays and scalars of every layer, without the layer's number, as integers and lists."""
    for k in range(sum(name.endswith("_s") for name in vectors)):
        start = f"L{k}_"
        found = {name.removeprefix(start): vectors[name].tolist() for name in vectors if name.startswith(start)}
        rest = np.zeros_like(vectors[f"{start}v"][0])  # where a state is left out
        yield {"u0": rest.tolist(), "v0": rest.tolist()} | found


def lava_layers(vectors: Vectors) -> list[LavaLayer]:
    """Layers as Lava computes them. Pictures are [X, Y, channel], flattened."""
    kinds = json.loads(str(vectors["meta_json"]))["layers"]
    return [_lava_layer(one, kind["neuron"], kind["conn"]) for one, kind in zip(numbered(vectors), kinds, strict=True)]


def _lava_layer(one: dict[str, Any], neuron: str, connection: str) -> LavaLayer:
    mantissa, exponent, u, v = (np.ravel(one[key]).tolist() for key in ("bias_mant", "bias_exp", "u0", "v0"))
    return LavaLayer(
        synapses=_convolution(one) if connection == "conv" else _dense(one),
        du=one["du"],
        dv=one["dv"],
        threshold=one["vth_hi"] if neuron == "ternary" else one["vth"],
        lower=one["vth_lo"] if neuron == "ternary" else None,
        bias=list(zip(mantissa, exponent, strict=True)),
        u=u,
        v=v,
        interval=one["reset_interval"] if neuron == "lifreset" else 0,
        offset=one["reset_offset"],
        recurrent=_recurrent(one) if "weights_rec" in one else None,
    )


def _dense(one: dict[str, Any]) -> Dense:
    kind = (one["weight_exp"], one["num_weight_bits"], one["sign_mode"], one["num_message_bits"] > 0)
    return Dense(one["weights"], *kind, delays=one.get("delays"))


def _recurrent(one: dict[str, Any]) -> Dense:
    """What no runtime recorded is as it was there: 8 bits, automatic sign mode, no delays."""
    format_ = (one["weight_exp_rec"], one.get("num_weight_bits_rec", 8), one.get("sign_mode_rec", -1))
    return Dense(one["weights_rec"], *format_, delays=one.get("delays_rec"))


def _convolution(one: dict[str, Any]) -> Conv:
    sides = (one["input_shape"], one["stride"], one["padding"], one["dilation"], one["groups"])
    return Conv(one["weights"], *sides, graded=one["num_message_bits"] > 0)


def brian2_layers(vectors: Vectors) -> list[BrianLayer]:
    """Layers as brian2-loihi computes them."""
    names = {"exponent": "weight_exp", "bits": "num_weight_bits", "decay_u": "decay_I", "threshold": "vth"}
    names |= {"u": "u0", "v": "v0"}
    same = ("weights", "sign_mode", "delay", "decay_v", "refractory")
    return [
        BrianLayer(**{name: one[names.get(name, name)] for name in (*names, *same)}, lag=int(k > 0))
        for k, one in enumerate(numbered(vectors))
    ]


def nengo_layers(vectors: Vectors) -> list[NengoLayer]:
    """Layers as nengo-loihi's emulator computes them."""
    bounds = json.loads(str(vectors["meta_json"]))["layers"]
    keys = ("weights_int", "decay_u", "decay_v", "vth", "bias", "refract")
    return [
        NengoLayer(*(one[key] for key in keys), bound["vmin"], bound["vmax"], one["u0"], one["v0"])
        for one, bound in zip(numbered(vectors), bounds, strict=True)
    ]


Run = Callable[[list[Any], list[list[int]]], list[dict[str, list[list[int]]]]]
MODELS: dict[str, tuple[Callable[[Vectors], list[Any]], Run]] = {
    "loihi-lava": (lava_layers, run_lava),
    "loihi-brian2": (brian2_layers, run_brian2),
    "loihi-nengo": (nengo_layers, run_nengo),
}


def slowly(chip: str, vectors: Vectors) -> dict[str, np.ndarray]:
    """What the slow model does, under the keys and in the shapes of what was recorded."""
    layers, run = MODELS[chip]
    inputs = vectors["inputs"].reshape(len(vectors["inputs"]), -1).tolist()
    recorded = enumerate(run(layers(vectors), inputs))
    found = {f"L{k}_{key}": np.array(rows) for k, one in recorded for key, rows in one.items()}
    return {name: values.reshape(vectors[name].shape) for name, values in found.items()}
