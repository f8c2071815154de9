"""Integers for a planned network: one scale a layer or a channel, and everything of a neuron on the grid of that scale.

Weights, biases and thresholds of a neuron share its scale (see `scales`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, NetworkError
from ...network.geometry import Sparse
from ...network.network import Network
from ...network.parts import Population, Projection
from ...profile.schema import INPUT, Profile
from .layers import FloatLayer, FloatNetwork
from .measures import listed_of, signs_of, weights_of
from .operators import Floats, Kernels, Operator, Pool
from .plan import Placed, Plan, Routed
from .scales import SCALES, Arrival, Scales
from .simulate import FloatTrace
from .target import Grid, Target, grids, leak_choices, nearest, quantity_range

Integers = NDArray[np.int64]
BIASES = ("refuse", "channel")


@dataclass(frozen=True)
class Knobs:
    """What calibration may turn, for a layer: factors of its scale and of its threshold."""

    scale: float = 1.0
    threshold: float = 1.0


@dataclass(eq=False)
class LayerReport:
    """What became of a layer. scale: units of the membrane for 1. Errors are relative: to the largest weight, the
    threshold, or of keep absolute. clipped: weights, thresholds and biases beyond their words.
    """

    node: str
    name: str
    neuron: str
    size: int
    scale: Floats
    keep: Floats
    kept: Floats
    keep_current: Floats | None = None
    kept_current: Floats | None = None
    threshold: Floats | None = None
    threshold_error: float = 0.0
    weight_error: float = 0.0
    weight_rms: float = 0.0
    weights_zero: float = 0.0
    clipped: int = 0
    bias_error: float = 0.0
    notes: list[str] = field(default_factory=list)


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
        self.faults: list[str] = []
        self.values: dict[str, int] = {}
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
        if self.faults:
            raise NetworkError(self.faults)
        profile = self.profile.with_values(**self.values) if self.values else self.profile
        inputs = self.network.inputs + bool(self.channel)
        if self.channel:
            projections = [self._widened(projection) for projection in projections]
            projections += [self._constant(name, wanted) for name, wanted in self.channel.items()]
        if self.faults:
            raise NetworkError(self.faults)
        try:
            built = Network(profile, inputs, populations, projections, task=task)
        except NetworkError as error:
            raise NetworkError([self._by_node(fault) for fault in error.faults]) from None
        return Quantized(built, reports, self.values)

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

    # --- one layer ---

    def _layer(
        self, placed: Placed, layer: FloatLayer, target: Target
    ) -> tuple[LayerReport, Population, list[Projection]]:
        parameters: dict[str, Any] = {}
        kept = self._leak(target, "membrane", layer.keep, parameters, layer.node)
        report = LayerReport(layer.node, placed.name, placed.neuron, layer.size, np.ones(1), layer.keep, kept)
        gain, charge = np.ones(layer.size), np.ones(layer.size)
        if target.lif.currents:
            wanted = np.zeros(layer.size) if layer.keep_current is None else layer.keep_current
            kept_current, gain, charge = self._currents(target, wanted, layer, parameters)
            report.keep_current, report.kept_current = wanted, kept_current
        links = [(link, link.operator.scaled(gain)) for link in self._into(placed.name)]
        bias = layer.bias.copy()
        if layer.current_bias.any():
            assert layer.keep_current is not None
            bias += layer.current_bias / np.maximum(1 - layer.keep_current, 1e-9)
            report.notes.append("a bias of the current acts on the membrane from the first step, at its final value")
        arrivals = [Arrival(link.via, op, grids(self.profile, link.via, signs_of(op))) for link, op in links]
        for arrival in arrivals:
            if not arrival.ladder:
                fault = f"node '{layer.node}': connection '{arrival.via}' has weights that cannot be fitted"
                self.faults.append(fault)
        scale = self.scales.of(layer, target, arrivals, bias) * self.knobs.get(layer.node, Knobs()).scale
        chosen = [arrival.finest(scale) for arrival in arrivals]
        report.scale = scale
        self._thresholds(placed, layer, target, scale, parameters, report)
        self._biases(layer, target, scale, bias, charge, parameters, report, placed.name)
        self._rest(placed, target, scale, layer, parameters)
        projections = [self._projection(link, op.scaled(scale), grid, report)
                       for (link, op), grid in zip(links, chosen, strict=True)]  # fmt: skip
        return report, Population(placed.name, layer.size, parameters, placed.neuron), projections

    def _leak(self, target: Target, what: str, keep: Floats, parameters: dict[str, Any], node: str) -> Floats:
        """The nearest leak of each neuron, written to the parameters (or a value); what it keeps."""
        leak = target.lif.leak
        name, choices, keeps = leak_choices(target, leak, self.profile)
        return self._choose(target, name, choices, keeps, keep, parameters, node, what)

    def _choose(
        self, target: Target, name: str, choices: Integers, keeps: Floats, keep: Floats, parameters: dict[str, Any],
        node: str, what: str,
    ) -> Floats:  # fmt: skip
        place = np.argmin(np.abs(keeps[None, :] - keep[:, None]), axis=1)
        if name:
            quantity = target.quantity(name)
            if quantity is None:
                self._set_value(name, choices[place], node, what)
            else:
                found, _ = nearest(quantity, target.neuron.parameters, choices[place].astype(np.float64))
                parameters.update(found)
        kept: Floats = keeps[place]
        return kept

    def _set_value(self, name: str, wanted: Integers, node: str, what: str) -> None:
        """A value of the profile is one for all neurons."""
        value = int(wanted[0])
        if (wanted != value).any() or self.values.get(name, value) != value:
            others = sorted({int(each) for each in wanted} | {self.values.get(name, value)})
            self.faults.append(
                f"node '{node}': {what}: needs {name} = {', '.join(map(str, others))}; "
                f"allowed on {self.profile.name}: one for all neurons"
            )
        self.values[name] = value

    def _currents(
        self, target: Target, keep: Floats, layer: FloatLayer, parameters: dict[str, Any]
    ) -> tuple[Floats, Floats, Floats]:
        """The nearest leak of the current, the gain that keeps the charge of a spike, and that charge.

        The charge is what a spike of weight 1 adds to the membrane in all.
        """
        kept: Floats | None = None
        gain, charge = np.ones(layer.size), np.ones(layer.size)
        for current in target.lif.currents.values():
            name, choices, keeps = leak_choices(target, current, self.profile)
            if current.used == "decayed":
                choices, keeps = choices[keeps > 0], keeps[keeps > 0]
            own = self._choose(target, name, choices, keeps, keep, parameters, layer.node, "current")
            if kept is None:
                kept = own
                lasting = np.maximum(1 - own, 1e-12)
                charge = own / lasting if current.used == "decayed" else 1 / lasting
                before = 1 / (1 - keep)
                if self.network.conventions.decays_first and layer.keep_current is not None:
                    before = keep / (1 - keep)
                gain = np.where((keep < 1) & (own < 1), before / np.maximum(charge, 1e-12), 1.0)
        assert kept is not None
        return kept, gain, charge

    # --- parameters ---

    def _thresholds(
        self,
        placed: Placed,
        layer: FloatLayer,
        target: Target,
        scale: Floats,
        parameters: dict[str, Any],
        report: LayerReport,
    ) -> None:
        quantity, words = target.shared.quantities["threshold"], target.neuron.parameters
        if layer.threshold is None:
            most = float(quantity_range(quantity, words)[1])
            parameters.update(nearest(quantity, words, np.full(layer.size, most))[0])
            report.notes.append("never spikes: read its membrane")
            return
        exact = layer.threshold * scale * self.knobs.get(layer.node, Knobs()).threshold
        wanted = np.rint(exact)
        reached = placed.firing is not None and placed.firing.reached
        tie = np.abs(exact - wanted) < 1e-6 * np.maximum(1, exact)
        if reached and not self.network.conventions.reached:
            wanted = wanted + tie
        elif not reached and self.network.conventions.reached:
            wanted = wanted - tie
        low = quantity_range(quantity, words)[0]
        if wanted.min() < min(low, 0) or (low > 0 and layer.threshold.min() < 0):
            self.faults.append(
                f"node '{layer.node}': threshold: found {layer.threshold.min():g}; "
                f"allowed on {self.profile.name}: 0 or more"
            )
        found, made = nearest(quantity, words, np.maximum(wanted, max(low, 1 if reached else 0)))
        parameters.update(found)
        report.threshold = made.astype(np.float64)
        report.clipped += int((np.abs(made - exact) > np.maximum(0.01 * exact, 1 << quantity.shift)).sum())
        report.threshold_error = float((np.abs(made - exact) / np.maximum(exact, 1)).max())

    def _biases(
        self,
        layer: FloatLayer,
        target: Target,
        scale: Floats,
        bias: Floats,
        charge: Floats,
        parameters: dict[str, Any],
        report: LayerReport,
        name: str,
    ) -> None:
        quantity = target.quantity("bias")
        if quantity is not None:
            found, made = nearest(quantity, target.neuron.parameters, bias * scale)
            parameters.update(found)
            error = np.abs(made - bias * scale) / scale
            report.bias_error = float(error.max())
        elif bias.any():
            if self.bias == "channel":
                self.channel[name] = bias * scale / charge
                return
            worst = int(np.argmax(np.abs(bias)))
            self.faults.append(
                f"node '{layer.node}': bias[{worst}]: found {bias[worst]:g}; "
                f"allowed on {self.profile.name}: none, as its neurons have no bias ("
                "--bias channel makes it an input channel that spikes in every step)"
            )

    def _rest(
        self, placed: Placed, target: Target, scale: Floats, layer: FloatLayer, parameters: dict[str, Any]
    ) -> None:
        """What selects the reset, the reset value, and everything else at where it changes nothing."""
        firing = placed.firing
        words = target.neuron.parameters
        for name, value in firing.choose.items() if firing else ():
            if name in words:
                parameters[name] = value
            else:
                self._set_value(name, np.array([value]), layer.node, "reset")
        if firing is not None and firing.value is not None:
            quantity = next(q for q in target.shared.quantities.values() if q.of == firing.value)
            reset = np.zeros(layer.size) if layer.reset is None else layer.reset
            parameters.update(nearest(quantity, words, reset * scale)[0])
        for quantity in target.shared.quantities.values():
            if quantity.of not in parameters and quantity.neutral is not None:
                parameters.update(nearest(quantity, words, np.full(layer.size, float(quantity.neutral)))[0])
            elif quantity.of not in parameters:
                parameters[quantity.of] = max(0, words[quantity.of].min)

    # --- weights ---

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

    def _widened(self, projection: Projection) -> Projection:
        """A projection from the input, with a channel more."""
        if projection.source != INPUT or isinstance(projection.shape, Sparse):
            return projection
        if projection.shape is not None:
            node = next((p.layer.node for p in self._in_order() if p.name == projection.target and p.layer), "")
            self.faults.append(
                f"node '{node or projection.target}': found a picture from the input; "
                "allowed with --bias channel: inputs without a shape"
            )
            return projection
        weights = np.asarray(projection.weights)
        padded = np.concatenate([weights, np.zeros((1, *weights.shape[1:]), np.int64)])
        return replace(projection, weights=padded)

    def _constant(self, name: str, wanted: Floats) -> Projection:
        """What the channel of ones adds to a layer: its bias."""
        placed = self.planned.layers[name]
        via = next(
            (
                via
                for via, one in self.profile.connections.items()
                if INPUT in one.sources and one.target == placed.neuron
            ),
            None,
        )
        places = np.arange(placed.size)
        shape = Sparse(np.full(placed.size, self.network.inputs), places)
        if via is None or placed.layer is None:
            self.faults.append(
                f"node '{name}': found a bias; allowed on {self.profile.name}: none, as no input reaches it"
            )
            return Projection(INPUT, name, 0)
        ladder = grids(self.profile, via, (bool((wanted < 0).any()), bool((wanted > 0).any())))
        above, below = float(max(wanted.max(), 0)), float(max(-wanted.min(), 0))
        grid = next((one for one in ladder if one.most(True) >= above and one.most(False) >= below), ladder[-1])
        connection = self.profile.connections[via]
        return Projection(INPUT, name, grid.round(wanted)[0], via,
                          {**dict.fromkeys(connection.parameters, 0), **grid.parameters}, shape)  # fmt: skip
