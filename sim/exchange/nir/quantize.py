"""Integers for a planned network: one scale a layer or a channel, and everything of a neuron on the grid of that scale.

Weights, biases and thresholds of a neuron share its scale (see `scales`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, NetworkError
from ...network.network import Network
from ...network.parts import Population, Projection
from ...profile.schema import Profile
from .layers import FloatLayer, FloatNetwork
from .measures import listed_of, signs_of, weights_of
from .ones import with_ones
from .operators import Floats, Kernels, Operator, Pool
from .parameters import LayerReport, NeuronParameters, ProfileValues
from .plan import Placed, Plan, Routed
from .scales import SCALES, Arrival, Scales
from .simulate import FloatTrace
from .target import Grid, Target, grids

Integers = NDArray[np.int64]
BIASES = ("refuse", "channel")


@dataclass(frozen=True)
class Knobs:
    """What calibration may turn, for a layer: factors of its scale and of its threshold."""

    scale: float = 1.0
    threshold: float = 1.0


@dataclass(frozen=True, eq=False)
class Quantized:
    """The integers, and what was lost on the way, by layer."""

    network: Network
    layers: dict[str, LayerReport]
    values: Mapping[str, int]


def quantize(
    network: FloatNetwork,
    planned: Plan,
    profile: Profile,
    *,
    per: str = "channel",
    bias: str = "refuse",
    seen: FloatTrace | None = None,
    knobs: Mapping[str, Knobs] | None = None,
    task: Mapping[str, Any] | None = None,
) -> Quantized:
    """Integers for every layer and link. seen: what the graph needed on sample input.

    Raises NetworkError, by node; InputError.
    """
    for name, value, allowed in (("per", per, SCALES), ("bias", bias, BIASES)):
        if value not in allowed:
            raise InputError(f"{name}: found {value!r}; allowed: {', '.join(allowed)}")
    return _Quantizer(network, planned, profile, per, bias, seen, knobs or {}).run(task)


class _Quantizer:
    def __init__(
        self,
        network: FloatNetwork,
        planned: Plan,
        profile: Profile,
        per: str,
        bias: str,
        seen: FloatTrace | None,
        knobs: Mapping[str, Knobs],
    ) -> None:
        self.network, self.planned, self.profile = network, planned, profile
        self.scales, self.bias, self.knobs = Scales(profile, per, seen), bias, knobs
        self.values = ProfileValues(profile)
        self.channel: dict[str, Floats] = {}  # biases that an input channel of ones carries

    def run(self, task: Mapping[str, Any] | None) -> Quantized:
        reports: dict[str, LayerReport] = {}
        populations, projections = [], []
        for placed in self._in_order():
            if placed.layer is None or placed.target is None:
                populations.append(Population(placed.name, placed.size, {}, placed.neuron))
                projections += [self._pooling(link) for link in self._into(placed.name)]
                continue
            report, population, links = self._layer(placed, placed.layer, placed.target)
            reports[placed.layer.node] = report
            populations.append(population)
            projections += links
        self._end()
        chosen = self.values.chosen
        profile = self.profile.with_values(**chosen) if chosen else self.profile
        inputs = self.network.inputs + bool(self.channel)
        if self.channel:
            layers, faults = self.planned.layers, self.values.faults
            projections = with_ones(projections, self.channel, layers, self.network.inputs, self.profile, faults)
            self._end()
        try:
            built = Network(profile, inputs, populations, projections, task=task)
        except NetworkError as error:
            raise NetworkError([self._by_node(fault) for fault in error.faults]) from None
        return Quantized(built, reports, chosen)

    def _end(self) -> None:
        if self.values.faults:
            raise NetworkError(self.values.faults)

    def _in_order(self) -> Iterator[Placed]:
        """Pools before the layers that read them, the graph's outputs last."""
        layers = [one for one in self.planned.layers.values() if one.layer is not None]
        pools = [one for one in self.planned.layers.values() if one.layer is None]
        yield from pools
        yield from sorted(layers, key=lambda one: one.layer is not None and one.layer.node in self.network.outputs)

    def _into(self, name: str) -> list[Routed]:
        return [link for link in self.planned.links if link.target == name]

    def _by_node(self, fault: str) -> str:
        """A fault of the network, with nodes for layers."""
        for placed in self.planned.layers.values():
            if placed.layer is not None:
                fault = fault.replace(f"layer '{placed.name}'", f"node '{placed.layer.node}'")
                fault = fault.replace(f"'{placed.name}' to ", f"'{placed.layer.node}' to ")
                fault = fault.replace(f" to '{placed.name}'", f" to '{placed.layer.node}'")
        if fault.startswith("limits."):
            neurons = [one for one in self.planned.layers.values() if one.layer is not None]
            named = [one for one in neurons if f"'{one.neuron}'" in fault] or neurons
            nodes = [one.layer.node for one in named if one.layer is not None]
            who = self.network.entry if fault.startswith("limits.inputs") else "', '".join(nodes)
            return f"node '{who}': {fault}, on {self.profile.name}"
        return fault

    def _pooling(self, link: Routed) -> Projection:
        assert isinstance(link.operator, Pool)
        return Projection(link.source, link.target, 1, link.via, {}, link.operator.shape)

    def _layer(
        self, placed: Placed, layer: FloatLayer, target: Target
    ) -> tuple[LayerReport, Population, list[Projection]]:
        neurons = NeuronParameters(self.values, self.network.conventions, placed, layer, target)
        links = [(link, link.operator.scaled(neurons.gain)) for link in self._into(placed.name)]
        bias = layer.bias.copy()
        if layer.current_bias.any():
            assert layer.keep_current is not None
            bias += layer.current_bias / np.maximum(1 - layer.keep_current, 1e-9)
            final = "a bias of the current acts on the membrane from the first step, at its final value"
            neurons.report.notes.append(final)
        arrivals = [Arrival(link.via, op, grids(self.profile, link.via, signs_of(op))) for link, op in links]
        for arrival in arrivals:
            if not arrival.ladder:
                fault = f"node '{layer.node}': connection '{arrival.via}' has weights that cannot be fitted"
                self.values.faults.append(fault)
        knobs = self.knobs.get(layer.node, Knobs())
        scale = self.scales.of(layer, target, arrivals, bias) * knobs.scale
        neurons.at(scale, bias, knobs.threshold)
        if bias.any() and target.quantity("bias") is None:
            self._bias_of_a_channel(placed, layer, bias, bias * scale / neurons.charge)
        projections = [self._projection(link, op.scaled(scale), arrival.finest(scale), neurons.report)
                       for (link, op), arrival in zip(links, arrivals, strict=True)]  # fmt: skip
        return neurons.report, Population(placed.name, layer.size, neurons.found, placed.neuron), projections

    def _bias_of_a_channel(self, placed: Placed, layer: FloatLayer, bias: Floats, weights: Floats) -> None:
        """Note what an input channel has to add, if that is allowed."""
        if self.bias == "channel":
            self.channel[placed.name] = weights
            return
        worst = int(np.argmax(np.abs(bias)))
        self.values.faults.append(
            f"node '{layer.node}': bias[{worst}]: found {bias[worst]:g}; "
            f"allowed on {self.profile.name}: none, as its neurons have no bias ("
            "--bias channel makes it an input channel that spikes in every step)"
        )

    def _projection(self, link: Routed, operator: Operator, grid: Grid | None, report: LayerReport) -> Projection:
        weights, shape = weights_of(operator)
        if shape is not None and isinstance(operator, Kernels) and self.profile.connections[link.via].kernel is None:
            weights, shape = listed_of(operator)
        elif isinstance(operator, Kernels) and self.profile.connections[link.via].kernel == "convolution":
            weights = weights[:, :, ::-1, ::-1]
        if grid is None:
            return Projection(link.source, link.target, 0, link.via)
        stored, made = grid.round(weights)
        peak = max(float(np.abs(weights).max(initial=0)), 1e-30)
        error = np.abs(made - weights)
        beyond = (weights > grid.most(True) * (1 + 1e-9)) | (weights < -grid.most(False) * (1 + 1e-9))
        report.clipped += int(beyond.sum())
        report.weight_error = max(report.weight_error, float(error.max(initial=0)) / peak)
        report.weight_rms = max(report.weight_rms, float(np.sqrt((error**2).mean())) / peak if error.size else 0.0)
        some = weights != 0
        if some.any():
            report.weights_zero = max(report.weights_zero, float((stored[some] == 0).mean()))
        connection = self.profile.connections[link.via]
        parameters = {**dict.fromkeys(connection.parameters, 0), **grid.parameters}
        return Projection(link.source, link.target, stored, link.via, parameters, shape, link.delay)
