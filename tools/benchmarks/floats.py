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
