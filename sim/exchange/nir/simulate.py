"""A fused graph in float64, step by step, as its framework computes it: what the integers are compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...profile.schema import INPUT
from .layers import FloatLayer, FloatNetwork

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class FloatTrace:
    """spikes: by layer [sample, step, neuron]; of a layer that never spikes its membrane.

    most_membrane, most_current: by layer, the largest magnitude of any neuron's state, before a reset.
    """

    spikes: Mapping[str, Floats]
    most_membrane: Mapping[str, Floats]
    most_current: Mapping[str, Floats]


class _State:
    def __init__(self, layer: FloatLayer, samples: int, late: bool) -> None:
        self.layer = layer
        self.current = np.zeros((samples, layer.size))
        self.membrane = np.zeros((samples, layer.size))
        self.owed = np.zeros((samples, layer.size)) if late else None
        self.most_membrane = np.zeros(layer.size)
        self.most_current = np.zeros(layer.size)


def simulate(network: FloatNetwork, spikes: NDArray[np.generic]) -> FloatTrace:
    """Run [sample, step, input] through the float network."""
    counts = np.asarray(spikes, np.float64)
    samples, steps = counts.shape[:2]
    rule = network.conventions
    states = {name: _State(layer, samples, rule.late) for name, layer in network.layers.items()}
    history = {name: np.zeros((samples, steps, layer.size)) for name, layer in network.layers.items()}
    history[INPUT] = counts
    for step in range(steps):
        for name, state in states.items():
            drive = np.broadcast_to(state.layer.current_bias, (samples, state.layer.size)).copy()
            for link in network.into(name):
                if step >= link.lag:
                    drive += link.operator.apply(history[link.source][:, step - link.lag])
            history[name][:, step] = _step(state, drive, network)
    return FloatTrace(
        {name: history[name] for name in states},
        {name: state.most_membrane for name, state in states.items()},
        {name: state.most_current for name, state in states.items()},
    )


def _step(state: _State, drive: Floats, network: FloatNetwork) -> Floats:
    """One step of a layer: what it puts out."""
    layer, rule = state.layer, network.conventions
    if layer.keep_current is not None:
        if rule.decays_first:
            state.current = layer.keep_current * (state.current + drive)
        else:
            state.current = layer.keep_current * state.current + drive
        drive = state.current
        state.most_current = np.maximum(state.most_current, np.abs(state.current).max(axis=0))
    state.membrane = layer.keep * state.membrane + drive + layer.bias
    if state.owed is not None and layer.reset is None and layer.threshold is not None:
        state.membrane -= state.owed * layer.threshold
    state.most_membrane = np.maximum(state.most_membrane, np.abs(state.membrane).max(axis=0))
    if layer.threshold is None:
        return state.membrane.copy()
    over = state.membrane >= layer.threshold if rule.reached else state.membrane > layer.threshold
    spikes = over.astype(np.float64)
    if rule.most > 1 and layer.kind != "Threshold":
        many = np.floor(state.membrane / np.where(layer.threshold == 0, 1, layer.threshold))
        spikes = np.where(over, np.clip(many, 1, rule.most), 0)
    if layer.reset is not None:
        state.membrane = np.where(over, layer.reset, state.membrane)
    elif state.owed is not None:
        state.owed = spikes
    else:
        state.membrane = state.membrane - spikes * layer.threshold
    return spikes
