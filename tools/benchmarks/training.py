"""Training against snnTorch with Brevitas: forward, backward and a step of Adam on one batch, the same threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import bitspike as bs
import numpy as np

from . import engine
from .machine import installed
from .networks import GENERIC
from .rows import Bench, Row, Settings, Target, compared
from .timing import interleaved

SIZES = (784, 256, 128, 10)
BATCH = 128
DENSITY = 0.15  # of the inputs, binary in each step: as MNIST's pixels when their level is the rate
TARGET = 5
THEIRS = ("torch", "brevitas", "snntorch")
PRODUCTS = ("aten::mm", "aten::addmm", "aten::bmm", "_Product", "_ProductBackward")


def benches(settings: Settings) -> Iterator[Bench]:
    """Both lengths that have a target; with the whole grid, also against our own interpreter."""
    for steps in (8, 25):
        yield _bench(settings, steps, "snnTorch")
    for steps in (8, 25) if settings.full else ():
        yield _bench(settings, steps, "the torch interpreter")


def _bench(settings: Settings, steps: int, against: str) -> Bench:
    name = f"{'-'.join(map(str, SIZES))} T={steps} B={BATCH}, {against}"

    def measure() -> Row:
        if missing := next((package for package in THEIRS if installed(package) is None), None):
            return Row(name, None, skipped=f"{missing} is not installed")
        import torch

        before = torch.get_num_threads()
        try:
            torch.set_num_threads(engine.threads())
            return _measure(settings, name, steps, against)
        finally:
            torch.set_num_threads(before)

    return Bench(name, measure)


def _measure(settings: Settings, name: str, steps: int, against: str) -> Row:
    spikes, labels = batch(steps)
    ours = our_step(spikes, labels)
    theirs = snntorch_step(spikes, labels) if against == "snnTorch" else our_step(spikes, labels, compiles=False)
    times = interleaved([ours, theirs], seconds=settings.seconds)
    notes: dict[str, Any] = {"samples/s": BATCH / times.median(0), "their samples/s": BATCH / times.median(1)}
    notes |= {"matrix products": f"{100 * share_of_products(ours):.0f}% of the step"}
    notes |= {"theirs is": f"snntorch {installed('snntorch')}"} if against == "snnTorch" else {}
    target = Target(TARGET) if against == "snnTorch" else None
    return compared(name, times, engine.threads(), target, **notes)


def batch(steps: int) -> tuple[Any, Any]:
    """Spikes uint8 [sample, step, input] and labels [sample]."""
    import torch

    generator = torch.Generator().manual_seed(engine.SEED)
    spikes = (torch.rand(BATCH, steps, SIZES[0], generator=generator) < DENSITY).to(torch.uint8)
    return spikes, torch.randint(0, SIZES[-1], (BATCH,), generator=generator)


def our_step(spikes: Any, labels: Any, compiles: bool = True) -> Callable[[], Any]:
    """A step of training of a network on the generic profile."""
    import torch
    from bitspike.training.model import SpikingNetwork
    from bitspike.training.surrogate import Arctan

    torch.manual_seed(engine.SEED)
    names = ("input", "l0", "l1", "l2")
    layers = [
        bs.Population(name, n, {"threshold": 512, "leak": 4}) for name, n in zip(names[1:], SIZES[1:], strict=True)
    ]
    links = [
        bs.Projection(names[k], names[k + 1], np.zeros((SIZES[k], SIZES[k + 1], 1), int), "forward", {})
        for k in range(len(layers))
    ]
    network = bs.Network(bs.load_profile(GENERIC), SIZES[0], layers, links)
    model = SpikingNetwork(network, Arctan(), gain=256.0, max_input=1)
    model.scanner.compiles = compiles
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def step() -> float:
        emitted, _ = model(spikes)
        loss = torch.nn.functional.cross_entropy(emitted[names[-1]].sum(1), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def snntorch_step(spikes: Any, labels: Any) -> Callable[[], Any]:
    """The same as snnTorch's tutorials write it, with Brevitas' layers of 8 bits: a step of the network at a time."""
    import brevitas.nn as qnn
    import snntorch
    import torch

    torch.manual_seed(engine.SEED)
    linear = [qnn.QuantLinear(pre, post, bias=False, weight_bit_width=8) for pre, post in pairwise(SIZES)]
    neurons = [snntorch.Leaky(beta=1 - 1 / 16, spike_grad=snntorch.surrogate.atan()) for _ in linear]
    optimizer = torch.optim.Adam([weight for layer in linear for weight in layer.parameters()], lr=1e-3, fused=True)
    inputs = spikes.transpose(0, 1).float().contiguous()

    def step() -> float:
        membranes, emitted = [neuron.init_leaky() for neuron in neurons], []
        for values in inputs:
            for k, (layer, neuron) in enumerate(zip(linear, neurons, strict=True)):
                values, membranes[k] = neuron(layer(values), membranes[k])
            emitted.append(values)
        loss = torch.nn.functional.cross_entropy(torch.stack(emitted).sum(0), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step


def share_of_products(step: Callable[[], Any], steps: int = 5) -> float:
    """The share of the time of steps that passes in matrix products, by torch's profiler."""
    import torch

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        for _ in range(steps):
            step()
    times = {each.key: each.self_cpu_time_total for each in profile.key_averages()}
    return sum(times.get(name, 0) for name in PRODUCTS) / sum(times.values())
