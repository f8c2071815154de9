"""Small networks to train, random ones among them, on chips whose words are made to overflow."""

from __future__ import annotations

import json
from typing import Any

import bitspike as bs
import numpy as np
import torch
from bitspike.profile.check import find_faults
from bitspike.training.model import SpikingNetwork
from bitspike.training.surrogate import Triangle

MEMBRANE = {"add": {"into": "membrane", "terms": ["fast", "slow"]}}
SUBTRACT = {"add": {"into": "membrane", "terms": ["-threshold"]}}
TO_ZERO = {"set": {"into": "membrane", "value": 0}}


def decay(register: str, **keys: Any) -> dict[str, Any]:
    usual = {"kind": "shift", "by": "leak", "rounding": "floor", "least": 0, "result": "remaining"}
    return {"decay": {"into": register, "of": register} | usual | keys}


def branch(when: Any = ("membrane", ">=", "threshold"), emit: int = 1, repeat: int = 1, do: Any = (SUBTRACT,)) -> Any:
    return {"when": when, "emit": emit, "repeat": repeat, "do": do}


def chip(
    fast: str = "s8.saturate",
    slow: str = "s8.saturate",
    membrane: str = "s9.saturate",
    threshold: str = "s8",
    step: tuple[Any, ...] = (MEMBRANE, decay("membrane"), {"set": {"into": "fast", "value": 0}}, decay("slow")),
    branches: tuple[Any, ...] = (branch(),),
    weight: str = "s8",
    narrow: bool = False,
    stages: tuple[Any, ...] = (),
    cap: int = 255,
) -> bs.Profile:
    """A profile of one neuron class; its connections reach `fast` and `slow`, this step or the next."""
    connection = {
        "from": ["input", "neuron"],
        "to": "neuron",
        "into": ["fast", "slow"],
        "order": "ascending",
        "fit_per": "source",
        "cap": cap,
        "weight": {"word": weight, "narrow": narrow, "format": stages},
        "parameters": {"scale": "u4"},
    }
    neuron = {
        "registers": {"fast": fast, "slow": slow, "membrane": membrane},
        "parameters": {"threshold": threshold, "leak": "u3"},
        "step": [*step, {"fire": {"branches": branches}}],
    }
    text = json.dumps(
        {
            "schema": 1,
            "name": "small",
            "title": "",
            "source": {"kind": "synthetic", "name": "bitspike", "version": "1", "note": ""},
            "clock": "step",
            "input": "u8",
            "neurons": {"neuron": neuron},
            "connections": {
                "forward": connection | {"timing": "same_step"},
                "recurrent": connection | {"timing": "next_step"},
            },
            "limits": {},
            "quirks": {},
        }
    )
    profile = bs.Profile.from_json(text)
    assert find_faults(profile) == []
    return profile


def template(
    profile: bs.Profile,
    inputs: int,
    sizes: dict[str, int],
    links: list[tuple[str, str, str]],
    synapses: int = 1,
    threshold: Any = 9,
    leak: Any = 2,
    scale: int = 0,
) -> bs.Network:
    """Populations of these sizes, links (source, target, connection) between them, every weight 0."""
    everything = {"input": inputs, **sizes}
    layers = [bs.Population(name, size, {"threshold": threshold, "leak": leak}) for name, size in sizes.items()]
    projections = [
        bs.Projection(a, b, np.zeros((everything[a], everything[b], synapses), int), via, {"scale": scale})
        for a, b, via in links
    ]
    return bs.Network(profile, inputs, layers, projections)


FEED_FORWARD = [("input", "a", "forward"), ("a", "b", "forward"), ("b", "c", "forward")]
SKIPS = [*FEED_FORWARD, ("input", "c", "forward"), ("a", "c", "forward")]
RECURRENT = [*FEED_FORWARD, ("b", "b", "recurrent"), ("c", "a", "recurrent"), ("input", "b", "recurrent")]
EVERYTHING = [*SKIPS, *RECURRENT[3:]]
TOPOLOGIES = {"feed-forward": FEED_FORWARD, "skips": SKIPS, "recurrent": RECURRENT, "everything": EVERYTHING}

STEPS = [
    (MEMBRANE, decay("membrane"), {"set": {"into": "fast", "value": 0}}, decay("slow")),
    (decay("fast", least=1), decay("slow", rounding="zero"), decay("membrane", rounding="zero", least=1), MEMBRANE),
    (
        MEMBRANE,
        decay("fast", by=1, result="minus_amount", word="s6.wrap"),
        decay("slow", when=["slow", ">", "threshold"]),
        {"shift": {"into": "membrane", "by": 1, "when": ["membrane", "<", 3]}},
    ),
]
BRANCHES = [
    (branch(),),
    (branch(repeat=5),),
    (branch(when=("membrane", ">", "threshold"), repeat=3, do=(TO_ZERO,)),),
    (branch(when=("threshold", "<=", "membrane"), do=({"add": {"into": "membrane", "terms": ["-threshold"],
                                                                "word": "s7.wrap"}},)),),
    (branch(when=("membrane", ">=", 5), do=(TO_ZERO,)), branch(when=("membrane", "<", -5), emit=-1, do=(TO_ZERO,))),
    (branch(when=("membrane", "<", -20), emit=0, do=(TO_ZERO,)), branch(repeat=2),
     branch(("fast", "==", 1), -1, 1, ())),
]  # fmt: skip


def random_model(seed: int, links: list[tuple[str, str, str]], overflow: str) -> SpikingNetwork:
    """A network of random words, stages, thresholds and weights, most of whose writes are near the words' ends."""
    rng = np.random.default_rng(seed)

    def word() -> str:
        return f"s{rng.integers(7, 13)}.{overflow}"

    weight_word = str(rng.choice(["s8", "u8", "s5", "u4"]))
    shifted = {"shift": {"into": "weight", "by": "scale", "word": "s10.wrap"}}
    profile = chip(
        *(word(), word(), word()),
        step=STEPS[rng.integers(len(STEPS))],
        branches=BRANCHES[rng.integers(len(BRANCHES))],
        weight=weight_word,
        narrow=weight_word[0] == "s" and bool(rng.integers(2)),
        stages=(shifted,) if rng.integers(2) else (),
        cap=int(rng.choice([2, 255])),
    )
    sizes = {"a": int(rng.integers(1, 7)), "b": int(rng.integers(1, 7)), "c": int(rng.integers(1, 4))}
    network = template(
        *(profile, int(rng.integers(1, 6)), sizes, links),
        synapses=int(rng.integers(1, 3)),
        threshold=int(rng.integers(-1, 12)),
        leak=int(rng.integers(0, 8)),
        scale=int(rng.integers(0, 6)),
    )
    torch.manual_seed(seed)
    bits = int(rng.integers(2, int(weight_word[1:]) + 1))
    share = float(rng.choice([0.0, 1.0]))
    return SpikingNetwork(network, Triangle(1.0), weight_bits=bits, gain=60.0, reset_share=share)


def random_spikes(model: SpikingNetwork, seed: int, samples: int = 4, steps: int = 8) -> np.ndarray:
    """Mostly none or one, sometimes many: [sample, step, input]."""
    rng = np.random.default_rng(seed)
    return rng.choice([0, 1, 3, 40], (samples, steps, model.template.inputs), p=[0.3, 0.4, 0.2, 0.1])


def passed(model: SpikingNetwork, spikes: Any, compiles: bool) -> tuple[list[Any], tuple[Any, ...], dict[str, str]]:
    """Spikes and registers of every layer, the gradients of a loss of all of them, and who was interpreted."""
    model.scanner.compiles = compiles
    model.scanner.interpreted.clear()
    registers = {register for layer in model.layers for register in layer.neuron.registers}
    emitted, kept = model(torch.as_tensor(spikes), registers)
    values = [*emitted.values(), *(each for layer in kept.values() for each in layer.values())]
    generator = torch.Generator().manual_seed(0)
    loss = sum((each * torch.rand(each.shape, generator=generator)).sum() for each in values)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    return values, gradients, dict(model.scanner.interpreted)


def threshold_gradient(model: SpikingNetwork, name: str, spikes: torch.Tensor, compiles: bool) -> torch.Tensor:
    """The derivative of a loss of a layer's spikes by its neurons' thresholds, trained from 20 on."""
    model.scanner.compiles = compiles
    threshold = torch.full((model.template.size(name),), 20.0, requires_grad=True)
    with_weights = model.with_weights

    def trained(layer: Any, rounded: bool = True) -> Any:
        made = with_weights(layer, rounded)
        if layer.name == name:
            made.parameters["threshold"] = threshold
        return made

    model.with_weights = trained
    emitted = model(spikes)[0][name]
    (emitted * torch.rand(emitted.shape, generator=torch.Generator().manual_seed(0))).sum().backward()
    assert threshold.grad is not None
    return threshold.grad
