"""The networks that are timed: seeded integers, and thresholds at which every layer fires at 5 %."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import bitspike as bs
import numpy as np
from bitspike.network.geometry import expand
from numpy.typing import NDArray

GENERIC, XYLO, LOIHI, SPECK = "generic-w8-v16", "xylo-audio-2", "loihi-lava", "speck-sinabs"
RATE = 0.05  # of neurons a step, of every layer that has a threshold
SIGMA = 32  # of the weights, rounded and clipped to the word
CALIBRATION = 4  # samples on which a threshold is found

Integers = NDArray[np.integer[Any]]


@dataclass(frozen=True)
class Dialect:
    """How a profile says a layer. parameters: of a class of neurons. links: of a connection; vias: which one it is."""

    threshold: str
    parameters: Mapping[str, Mapping[str, int]]
    vias: Mapping[str, str]
    links: Mapping[str, int]


_GENERIC_VIAS = {**dict.fromkeys(("input", "feed", "readout", "picture"), "forward"), "recurrent": "recurrent"}
_XYLO_VIAS = {"input": "input", "feed": "recurrent", "recurrent": "recurrent", "readout": "readout"}
_LOIHI_VIAS = {"input": "dense", "feed": "dense", "recurrent": "recurrent", "readout": "dense"}
_XYLO_NEURON = {"dash_syn0": 2, "dash_mem": 4, "bias": 0}
_LOIHI_RESTING = dict.fromkeys(("bias_mant", "bias_exp", "ternary", "vth_low", "reset_interval", "reset_phase"), 0)
_PICTURED = {GENERIC: "generic-conv-w8-v16"}  # the same neurons behind convolutions and pools

DIALECTS = {
    GENERIC: Dialect("threshold", {"neuron": {"leak": 4}}, _GENERIC_VIAS, {}),
    XYLO: Dialect(
        "threshold",
        {"hidden": {**_XYLO_NEURON, "dash_syn1": 2}, "output": _XYLO_NEURON},
        _XYLO_VIAS,
        {"weight_shift": 0},
    ),
    LOIHI: Dialect(
        "vth",
        {"neuron": {"du": 1024, "dv": 256, **_LOIHI_RESTING}},
        _LOIHI_VIAS,
        {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 1},
    ),
    SPECK: Dialect(
        "threshold", {"neuron": {"bias": 0, "reset_to_zero": 0, "reset_value": 0}}, {"picture": "convolution"}, {}
    ),
}


@cache
def profile_of(name: str, overflow: str = "saturate") -> bs.Profile:
    """A shipped profile; a generic one without limits, and with registers that wrap if asked for."""
    profile = bs.load_profile(name)
    if name not in (GENERIC, *_PICTURED.values()):
        return profile
    data = json.loads(profile.to_json())
    registers = data["neurons"]["neuron"]["registers"]
    registers |= {register: word.replace("saturate", overflow) for register, word in registers.items()}
    return bs.Profile.from_json(json.dumps({**data, "limits": {}, "name": f"{name}-{overflow}"}))


@dataclass(frozen=True)
class Layer:
    """A population and what reaches it. pooled: it has no threshold."""

    population: bs.Population
    incoming: tuple[bs.Projection, ...]
    pooled: bool = False


@dataclass(frozen=True)
class Plan:
    """A network but for its thresholds: `layers` makes the layers, given those of the layers that have one."""

    profile: bs.Profile
    inputs: int
    highest: int
    layers: Callable[[Sequence[int]], list[Layer]]

    def network(self, thresholds: Sequence[int]) -> bs.Network:
        """The layers whose thresholds are given, and the pools between them."""
        layers = self.layers(thresholds)
        links = [link for layer in layers for link in layer.incoming]
        return bs.Network(self.profile, self.inputs, [layer.population for layer in layers], links, limits=False)


def weights(seed: int, *shape: int) -> Integers:
    """Normal, rounded, clipped to 8 bits."""
    drawn = np.random.default_rng(seed).standard_normal(shape) * SIGMA
    return np.clip(np.rint(drawn), -128, 127).astype(np.int8)


def dense(name: str, sizes: Sequence[int], recurrent: bool = False, overflow: str = "saturate") -> Plan:
    """Layers of `sizes` behind inputs sizes[0], the first with itself if recurrent; the last is the output."""
    dialect, profile = DIALECTS[name], profile_of(name, overflow)
    kinds = list(dialect.parameters)
    last = len(sizes) - 2

    def layers(thresholds: Sequence[int]) -> list[Layer]:
        found = []
        for k, threshold in enumerate(thresholds):
            kind = kinds[-1] if k == last else kinds[0]
            parameters = {**dialect.parameters[kind], dialect.threshold: threshold}
            source, via = ("input", "input") if k == 0 else (f"l{k - 1}", "readout" if k == last else "feed")
            links = [_link(dialect, source, f"l{k}", via, weights(k, sizes[k], sizes[k + 1]))]
            if recurrent and k == 0:
                links.append(_link(dialect, "l0", "l0", "recurrent", weights(99, sizes[1], sizes[1])))
            found.append(Layer(bs.Population(f"l{k}", sizes[k + 1], parameters, kind), tuple(links)))
        return found

    return Plan(profile, sizes[0], _highest(profile, kinds[0], dialect), layers)


def _link(dialect: Dialect, source: str, target: str, role: str, matrix: Integers) -> bs.Projection:
    return bs.Projection(source, target, matrix, dialect.vias[role], dialect.links)


def _highest(profile: bs.Profile, kind: str, dialect: Dialect) -> int:
    return profile.neurons[kind].parameters[dialect.threshold].max


PICTURE = (2, 34, 34)


def pictures(name: str, overflow: str = "saturate", picture: tuple[int, int, int] = PICTURE) -> Plan:
    """2x34x34 -> 16c3 -> pool -> 32c3 -> pool -> 10: no padding, pools sum 2x2."""
    dialect, profile = DIALECTS[name], profile_of(_PICTURED.get(name, name), overflow)
    speck = name == SPECK

    def layers(thresholds: Sequence[int]) -> list[Layer]:
        found: list[Layer] = []
        shape, source = picture, "input"
        for k, threshold in enumerate(thresholds):
            parameters = {**dialect.parameters["neuron"], dialect.threshold: threshold}
            parameters |= {"lowest": -threshold} if speck else {}
            if k == 2 and not speck:
                link = bs.Projection(source, "l2", weights(2, int(np.prod(shape)), 10), "forward")
                return [*found, Layer(bs.Population("l2", 10, parameters, "neuron"), (link,))]
            kernels = weights(k, *((16, shape[0], 3, 3), (32, shape[0], 3, 3), (10, *shape))[k])
            convolution = bs.Convolution(shape)
            link = bs.Projection(source, f"l{k}", kernels, dialect.vias["picture"], shape=convolution)
            shape = convolution.output_shape(kernels.shape)
            found.append(Layer(bs.Population(f"l{k}", int(np.prod(shape)), parameters, "neuron"), (link,)))
            if k < min(2, len(thresholds) - 1):
                pooling = bs.Pooling(shape, 2)
                link = bs.Projection(f"l{k}", f"p{k}", 1, "pooling", shape=pooling)
                shape, source = pooling.output_shape(), f"p{k}"
                found.append(Layer(bs.Population(source, int(np.prod(shape)), {}, "pool"), (link,), pooled=True))
        return found

    return Plan(profile, int(np.prod(picture)), _highest(profile, "neuron", dialect), layers)


TOPOLOGIES = {"ff": (700, 256, 128, 10), "rec": (700, 1024, 10)}


@cache
def calibrated(topology: str, name: str, overflow: str, density: float) -> bs.Network:
    """The network 'ff', 'rec' or 'conv' under a profile, its thresholds found by bisection at an input density."""
    if topology == "conv":
        return with_thresholds(pictures(name, overflow), 3, density)
    sizes = TOPOLOGIES[topology]
    return with_thresholds(dense(name, sizes, topology == "rec", overflow), len(sizes) - 1, density)


def with_thresholds(plan: Plan, layers: int, density: float, steps: int = 100) -> bs.Network:
    """A plan's network in which each layer fires at RATE in runs of so many steps, found layer after layer."""
    given, found = raster(plan.inputs, density, CALIBRATION, steps, seed=1), []
    for k in range(layers):
        low, high = 1, plan.highest
        while low < high:
            middle = (low + high) // 2
            network = plan.network([*found, middle])
            rate = float(np.mean(bs.run(network, given)[f"l{k}"].spikes != 0))
            low, high = (middle + 1, high) if rate > RATE else (low, middle)
        found.append(low)
    return plan.network(found)


def spikes(inputs: int, density: float, samples: int, steps: int, seed: int = 0) -> NDArray[np.uint8]:
    """Independent input spikes [sample, step, input]."""
    drawn = np.random.default_rng(seed).random((samples, steps, inputs), np.float32)
    return (drawn < density).astype(np.uint8)


def raster(inputs: int, density: float, samples: int, steps: int, seed: int = 0) -> bs.Raster:
    """The same as lists."""
    return bs.Raster.of(spikes(inputs, density, samples, steps, seed))


def rates(network: bs.Network, trace: bs.Trace) -> dict[str, str]:
    """How many of a layer's neurons fire in a step, of the layers that have a threshold."""
    names = [p.name for p in network.populations if p.neuron != "pool"]
    return {name: f"{np.mean(trace[name].spikes != 0):.1%}" for name in names}


def synaptic_operations(network: bs.Network, given: bs.Raster, trace: bs.Trace) -> int:
    """How many synapses the spikes of a run reach."""
    sent = {"input": np.bincount(given.index, minlength=network.inputs)}
    for population in network.populations:
        sent[population.name] = np.count_nonzero(trace[population.name].spikes, axis=(0, 1))
    return sum(int(sent[link.source] @ _fan_out(network, place)) for place, link in enumerate(network.projections))


def _fan_out(network: bs.Network, place: int) -> NDArray[np.int64]:
    """Synapses of each source of a projection."""
    link = network.projections[place]
    shape, sources = np.shape(link.weights), network.size(link.source)
    if link.shape is None:
        return np.full(sources, shape[1] * shape[2])
    return np.diff(expand(link.shape, shape, sources).pointers)
