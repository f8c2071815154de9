"""Networks and profiles for the tests: small ones, random ones, and broken ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bitspike as bs
import numpy as np
from bitspike.archive import checksum as checksum_of

GENERIC, XYLO = "generic-w8-v16", "xylo-audio-2"


def edited(name: str | bs.Profile, *edits: tuple[str, Any]) -> bs.Profile:
    """A profile, or a shipped one by name, with values replaced: ("neurons.neuron.registers.membrane", "s16.wrap")."""
    data = json.loads((bs.load_profile(name) if isinstance(name, str) else name).to_json())
    for path, value in edits:
        *parents, last = (int(step) if step.isdigit() else step for step in path.split("."))
        place = data
        for step in parents:
            place = place[step]
        place[last] = value
    return bs.Profile.from_json(json.dumps(data))


def generic(weights=((5, -3), (2, 7)), threshold=9, leak=2, profile=None, **options) -> bs.Network:
    """One layer 'a' behind the input, weights [input, neuron]."""
    weights = np.asarray(weights)
    layer = bs.Population("a", weights.shape[-1], {"threshold": threshold, "leak": leak})
    profile = profile or bs.load_profile(GENERIC)
    return bs.Network(profile, len(weights), [layer], [bs.Projection("input", "a", weights, "forward")], **options)


def xylo_parameters(rng: np.random.Generator, size: int, hidden: bool) -> dict[str, Any]:
    parameters = {
        "dash_syn0": rng.integers(1, 6, size),
        "dash_mem": rng.integers(1, 6, size),
        "threshold": rng.choice([-1, 1, 100, 400, 32767], size),
        "bias": rng.choice([-30000, -40, 0, 20, 30000], size),
    }
    return parameters | ({"dash_syn1": rng.integers(1, 6, size)} if hidden else {})


def random_xylo(seed: int, slots: int = 2) -> bs.Network:
    """Hidden and output neurons, two synapses, copies of spikes, shifts up to 15."""
    rng = np.random.default_rng(seed)
    inputs, hidden, output = (int(n) for n in rng.integers(1, 5, 3))

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-128, 128, shape) * (rng.random(shape) < 0.7)

    def shift() -> dict[str, int]:
        return {"weight_shift": int(rng.choice([0, 2, 7, 8, 15]))}

    layers = [
        bs.Population(
            "hidden",
            hidden,
            xylo_parameters(rng, hidden, True),
            "hidden",
            rng.integers(-1, hidden, (hidden, slots)),
        ),
        bs.Population("output", output, xylo_parameters(rng, output, False), "output"),
    ]
    return bs.Network(
        bs.load_profile(XYLO),
        inputs,
        layers,
        [
            bs.Projection("input", "hidden", weights(inputs, hidden, 2), "input", shift()),
            bs.Projection("hidden", "hidden", weights(hidden, hidden, 2), "recurrent", shift()),
            bs.Projection("hidden", "output", weights(hidden, output, 1), "readout", shift()),
        ],
    )


def random_generic(seed: int, overflow: str = "saturate") -> bs.Network:
    """Layers a and b, b with itself and back to a over the last step: mutual recurrence.

    Both registers have 9 bits, so that they overflow.
    """
    rng = np.random.default_rng(seed)
    inputs, a, b = (int(n) for n in rng.integers(1, 5, 3))
    registers = "neurons.neuron.registers"
    profile = edited(
        GENERIC, (f"{registers}.accumulator", f"s9.{overflow}"), (f"{registers}.membrane", f"s9.{overflow}")
    )

    def layer(name: str, size: int) -> bs.Population:
        return bs.Population(name, size, {"threshold": rng.integers(0, 300, size), "leak": rng.integers(0, 16, size)})

    def weights(*shape: int) -> np.ndarray:
        return rng.integers(-128, 128, shape)

    return bs.Network(
        profile,
        inputs,
        [layer("a", a), layer("b", b)],
        [
            bs.Projection("input", "a", weights(inputs, a), "forward"),
            bs.Projection("a", "b", weights(a, b), "forward"),
            bs.Projection("b", "b", weights(b, b), "recurrent"),
            bs.Projection("b", "a", weights(b, a), "recurrent"),
        ],
    )


def random_spikes(network: bs.Network, seed: int, samples: int = 2, steps: int = 6) -> np.ndarray:
    """Mostly none or one, sometimes many: [sample, step, input]."""
    rng = np.random.default_rng(seed)
    return rng.choice([0, 1, 2, 40], (samples, steps, network.inputs), p=[0.4, 0.4, 0.1, 0.1])


def rewrite(path: Path, change: Callable[[dict, dict], Any], checksum: bool = True) -> None:
    """Change a file's header and arrays as someone would who knows the format, and its checksum unless told not to."""
    with np.load(path) as file:
        arrays = dict(file)
    header = json.loads(arrays.pop("header").tobytes())
    change(header, arrays)
    if checksum:
        header["checksum"] = checksum_of(header, arrays)
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)
