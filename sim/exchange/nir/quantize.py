"""Integers for a planned network: one scale a layer or a channel, and everything of a neuron on the grid of that scale.

A scale is how many units of the membrane stand for 1 in the graph. Weights, biases and thresholds of a neuron share it;
weights may have an exponent of their own, a projection. It is as large as weights, threshold and registers allow.
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
from .measures import listed_of, peaks_of, signs_of, total_of, weights_of
from .operators import Floats, Kernels, Operator, Pool
from .plan import Placed, Plan, Routed
from .simulate import FloatTrace
from .target import Grid, Target, grids, leak_choices, nearest, quantity_range

Integers = NDArray[np.int64]
SCALES = ("channel", "layer")
BIASES = ("refuse", "channel")
ACTIVITY = 0.25  # of all sources at once: what registers must hold where no sample input says more
MARGIN = 0.9  # of a register, for what sample input needs
ENOUGH = 1024  # steps of its own grid that a threshold needs: beyond, room in the registers is worth more


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
        self.per, self.bias, self.seen, self.knobs = per, bias, seen, knobs
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
        groups = self._groups(layer, links)
        ladders = [grids(self.profile, link.via, signs_of(operator)) for link, operator in links]
        scale = self._scale(layer, target, links, ladders, groups, bias)
        scale *= self.knobs.get(layer.node, Knobs()).scale
        chosen = [
            self._grid(ladder, operator, scale, layer.node)
            for (_, operator), ladder in zip(links, ladders, strict=True)
        ]
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

    # --- scales ---

    def _groups(self, layer: FloatLayer, links: list[tuple[Routed, Operator]]) -> Integers:
        """The neurons that must share a scale, by a number for each."""
        alone = np.arange(layer.size)
        if self.per == "layer" or layer.threshold is None:
            return np.zeros(layer.size, np.int64)
        for _, operator in links:
            if isinstance(operator, Kernels):
                return alone // (layer.size // len(operator.kernels))
            if isinstance(operator, Pool):
                return np.zeros(layer.size, np.int64)
        return alone

    def _scale(
        self,
        layer: FloatLayer,
        target: Target,
        links: list[tuple[Routed, Operator]],
        ladders: list[list[Grid]],
        groups: Integers,
        bias: Floats,
    ) -> Floats:
        """The scale of each group, by neuron: as large as weights, threshold, bias and registers allow.

        Of weights with an exponent, the smallest exponent that leaves the threshold fine enough.
        """
        longest = max((len(ladder) for ladder in ladders), default=1)
        for (link, _), ladder in zip(links, ladders, strict=True):
            if not ladder:
                self.faults.append(f"node '{layer.node}': connection '{link.via}' has weights that cannot be fitted")
                return np.ones(layer.size)
        bound = self._bound(layer, target, links, bias)
        scale = bound
        for rung in range(longest):
            caps = bound.copy()
            for (_, operator), ladder in zip(links, ladders, strict=True):
                grid = ladder[min(rung, len(ladder) - 1)]
                for positive, peak in zip((True, False), peaks_of(operator, layer.size), strict=True):
                    caps = np.minimum(caps, np.where(peak > 0, grid.most(positive) / np.maximum(peak, 1e-30), np.inf))
            scale = _shared(caps, groups)
            step = 1 << target.shared.quantities["threshold"].shift
            if layer.threshold is None or (layer.threshold * scale).min() >= ENOUGH * step:
                break
        return scale

    def _bound(self, layer: FloatLayer, target: Target, links: list[tuple[Routed, Operator]], bias: Floats) -> Floats:
        """The scale that threshold, bias and registers allow."""
        caps = np.full(layer.size, np.inf)
        if layer.threshold is not None:
            quantity = target.shared.quantities["threshold"]
            most = quantity_range(quantity, target.neuron.parameters)[1]
            caps = np.minimum(caps, most / np.maximum(layer.threshold, 1e-30))
        quantity_bias = target.quantity("bias")
        if quantity_bias is not None and bias.any():
            most = quantity_range(quantity_bias, target.neuron.parameters)[1]
            caps = np.minimum(caps, most / np.maximum(np.abs(bias), 1e-30))
        bound: Floats = np.minimum(caps, self._room(layer, target, links, bias))
        return bound

    def _room(self, layer: FloatLayer, target: Target, links: list[tuple[Routed, Operator]], bias: Floats) -> Floats:
        """The scale at which the registers are full: of what sample input needed, or of a guess from the weights."""
        registers = target.neuron.registers
        membrane = registers[target.lif.membrane].max
        least = 2 * layer.threshold if layer.threshold is not None else np.zeros(layer.size)
        into = {name for link, _ in links for name in self.profile.connections[link.via].into}
        room = float(min(membrane, *(registers[name].max for name in into))) if into else float(membrane)
        drive = np.zeros(layer.size)
        for _, operator in links:
            drive += total_of(operator, layer.size)
        lasting = 1.0 if layer.keep_current is None else 1 / np.maximum(1 - layer.keep_current, 0.05)
        if self.seen is None:
            need = np.maximum(least + ACTIVITY * drive * lasting, least + np.abs(bias))
            return np.asarray(room / np.maximum(need, 1e-30), np.float64)
        need = np.maximum(self.seen.most_membrane[layer.node], least / 2)
        if layer.keep_current is not None:
            need = np.maximum(need, self.seen.most_current[layer.node])
        return np.asarray(MARGIN * room / np.maximum(need, 1e-30), np.float64)

    def _grid(self, ladder: list[Grid], operator: Operator, scale: Floats, node: str) -> Grid | None:
        """The finest grid that holds all weights."""
        for grid in ladder:
            above, below = peaks_of(operator, len(scale))
            slack = 1 + 1e-9
            if (above * scale).max(initial=0) <= grid.most(True) * slack and (below * scale).max(initial=0) <= (
                grid.most(False) * slack
            ):
                return grid
        return ladder[-1] if ladder else None

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
        for name, quantity in target.shared.quantities.items():
            if quantity.of not in parameters and quantity.neutral is not None:
                parameters.update(nearest(quantity, words, np.full(layer.size, float(quantity.neutral)))[0])
            elif quantity.of not in parameters:
                parameters[quantity.of] = max(0, words[quantity.of].min)
            assert name

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


def _shared(caps: Floats, groups: Integers) -> Floats:
    """The least cap of each group, by neuron; of neurons that nothing bounds that of the others."""
    least = np.full(groups.max() + 1, np.inf)
    np.minimum.at(least, groups, caps)
    finite = least[np.isfinite(least)]
    least[~np.isfinite(least)] = finite.min() if finite.size else 1.0
    scale: Floats = least[groups]
    return scale
