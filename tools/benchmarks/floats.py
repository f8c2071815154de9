"""The same network as a user of PyTorch writes it: a loop over time on float32 tensors of all samples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import bitspike as bs
import numpy as np
import torch
from torch import Tensor, nn

LEAK = 1 - 1 / 16


@dataclass(frozen=True)
class Stage:
    """A layer: what its input is multiplied with, and its own spikes of the step before. threshold None: a pool."""

    forward: nn.Module
    size: int
    threshold: float | None
    recurrent: nn.Module | None = None


def stages(network: bs.Network) -> list[Stage]:
    """A chain of layers, each behind the one before it and perhaps itself."""
    return [_stage(network, population) for population in network.populations]


def _stage(network: bs.Network, population: bs.Population) -> Stage:
    links = [link for link in network.projections if link.target == population.name]
    own = [_module(link) for link in links if link.source == population.name]
    forward = [_module(link) for link in links if link.source != population.name]
    threshold = population.parameters.get("threshold")
    return Stage(
        forward[0],
        population.size,
        None if threshold is None else float(np.asarray(threshold).flat[0]),
        own[0] if own else None,
    )


def _module(link: bs.Projection) -> nn.Module:
    if isinstance(link.shape, bs.Pooling):
        kernel = nn.AvgPool2d(link.shape.size, link.shape.stride, divisor_override=1)  # sums
        return nn.Sequential(nn.Unflatten(1, link.shape.input_shape), kernel, nn.Flatten())
    values = torch.from_numpy(np.asarray(link.weights).astype(np.float32))
    if isinstance(link.shape, bs.Convolution):
        convolution = nn.Conv2d(values.shape[1], values.shape[0], tuple(values.shape[2:]), bias=False)
        convolution.weight = nn.Parameter(values)
        return nn.Sequential(nn.Unflatten(1, link.shape.input_shape), convolution, nn.Flatten())
    linear = nn.Linear(values.shape[0], values.shape[1], bias=False)
    linear.weight = nn.Parameter(values[:, :, 0].T.contiguous())
    return linear


def as_floats(dense: Any) -> Tensor:
    """Input spikes [sample, step, input] as float32 [step, sample, input]."""
    return torch.from_numpy(np.ascontiguousarray(np.swapaxes(dense, 0, 1))).float()


def loop(network: bs.Network, inputs: Tensor) -> Callable[[], Tensor]:
    """A call that runs all steps and returns the last layer's spikes [step, sample, neuron]."""
    chain, samples = stages(network), inputs.shape[1]

    def call() -> Tensor:
        with torch.no_grad():
            membranes = [torch.zeros(samples, stage.size) for stage in chain]
            before = [torch.zeros(samples, stage.size) for stage in chain]
            outputs = []
            for spikes in inputs:
                for k, stage in enumerate(chain):
                    current = stage.forward(spikes)
                    if stage.threshold is None:
                        spikes = current
                        continue
                    if stage.recurrent is not None:
                        current = current + stage.recurrent(before[k])
                    membrane = membranes[k] * LEAK + current
                    spikes = (membrane >= stage.threshold).float()
                    membranes[k], before[k] = membrane - spikes * stage.threshold, spikes
                outputs.append(spikes)
            return torch.stack(outputs)

    return call


def snntorch_loop(network: bs.Network, inputs: Tensor) -> Callable[[], Any]:
    """The network as snnTorch's tutorials write it: Linear or Conv2d, then Leaky, a step at a time."""
    import snntorch

    chain = stages(network)
    neurons = [None if stage.threshold is None else _leaky(snntorch, stage) for stage in chain]

    def call() -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            states = [None if neuron is None else _resting(neuron) for neuron in neurons]
            spikes_out, membranes_out = [], []
            for spikes in inputs:
                for k, (stage, neuron) in enumerate(zip(chain, neurons, strict=True)):
                    spikes = stage.forward(spikes)
                    if neuron is None:
                        continue
                    *state, membrane = neuron(spikes, *states[k])
                    spikes = state[0]
                    states[k] = (*state, membrane) if stage.recurrent is not None else (membrane,)
                spikes_out.append(spikes)
                membranes_out.append(membrane)
            return torch.stack(spikes_out), torch.stack(membranes_out)

    return call


def _leaky(snntorch: Any, stage: Stage) -> nn.Module:
    options = {"beta": LEAK, "threshold": stage.threshold, "reset_mechanism": "subtract"}
    if stage.recurrent is None:
        return snntorch.Leaky(**options)
    neuron = snntorch.RLeaky(linear_features=stage.size, **options)
    neuron.recurrent = stage.recurrent
    return neuron


def _resting(neuron: Any) -> tuple[Any, ...]:
    state = neuron.init_rleaky() if hasattr(neuron, "init_rleaky") else neuron.init_leaky()
    return tuple(state) if isinstance(state, tuple) else (state,)


def spikingjelly_run(network: bs.Network, inputs: Tensor) -> Callable[[], Any]:
    """The network in SpikingJelly's multi-step mode, all steps of a layer at once, its torch backend."""
    from spikingjelly.activation_based import functional, layer, neuron

    def leaky(stage: Stage, mode: str) -> nn.Module:
        tau, threshold = 1 / (1 - LEAK), float(stage.threshold or 0)
        return neuron.LIFNode(tau, False, threshold, None, step_mode=mode)  # its backend is torch

    parts: list[nn.Module] = []
    for stage in stages(network):
        parts.append(layer.SeqToANNContainer(stage.forward))
        if stage.threshold is None:
            continue
        if stage.recurrent is None:
            parts.append(leaky(stage, "m"))
            continue
        inner = layer.LinearRecurrentContainer(leaky(stage, "s"), stage.size, stage.size, False, step_mode="m")
        inner.rc.weight = nn.Parameter(torch.cat((torch.eye(stage.size), stage.recurrent.weight), 1))
        parts.append(inner)
    whole = nn.Sequential(*parts)

    def call() -> Tensor:
        with torch.no_grad():
            functional.reset_net(whole)
            return whole(inputs)

    return call
