"""The parameters of a layer's neurons on the grid of its scale: the nearest leaks, thresholds, biases and resets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...profile.schema import Profile
from .conventions import Conventions
from .layers import FloatLayer
from .operators import Floats
from .plan import Placed
from .target import Target, leak_choices, nearest, quantity_range

Integers = NDArray[np.int64]


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


@dataclass(frozen=True)
class ProfileValues:
    """The values of a profile that layers choose, one for all neurons, and every fault that is found."""

    profile: Profile
    chosen: dict[str, int] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)

    def choose(self, name: str, wanted: Integers, node: str, what: str) -> None:
        """Set a value for what neurons of a node want; it is a fault if they, or others before them, differ."""
        value = int(wanted[0])
        if (wanted != value).any() or self.chosen.get(name, value) != value:
            others = sorted({int(each) for each in wanted} | {self.chosen.get(name, value)})
            self.faults.append(
                f"node '{node}': {what}: needs {name} = {', '.join(map(str, others))}; "
                f"allowed on {self.profile.name}: one for all neurons"
            )
        self.chosen[name] = value


class NeuronParameters:
    """Of one layer, in `found`; `report` says what was lost.

    gain: what keeps the charge of a spike where the current's leak is another. charge: what a spike of weight 1 adds to
    the membrane in all.
    """

    def __init__(
        self, values: ProfileValues, conventions: Conventions, placed: Placed, layer: FloatLayer, target: Target
    ) -> None:
        self.values, self.conventions = values, conventions
        self.placed, self.layer, self.target = placed, layer, target
        self.found: dict[str, Any] = {}
        name, choices, keeps = leak_choices(target, target.lif.leak, values.profile)
        kept = self._nearest_leak(name, choices, keeps, layer.keep, "membrane")
        self.report = LayerReport(layer.node, placed.name, placed.neuron, layer.size, np.ones(1), layer.keep, kept)
        self.gain, self.charge = np.ones(layer.size), np.ones(layer.size)
        if target.lif.currents:
            wanted = np.zeros(layer.size) if layer.keep_current is None else layer.keep_current
            self.report.keep_current, self.report.kept_current = wanted, self._currents(wanted)

    def at(self, scale: Floats, bias: Floats, threshold_factor: float) -> None:
        """Everything that depends on the scale; a bias only where the neurons have one."""
        self.report.scale = scale
        self._threshold(scale, threshold_factor)
        quantity = self.target.quantity("bias")
        if quantity is not None:
            found, made = nearest(quantity, self.target.neuron.parameters, bias * scale)
            self.found.update(found)
            self.report.bias_error = float((np.abs(made - bias * scale) / scale).max())
        self._rest(scale)

    def _nearest_leak(self, name: str, choices: Integers, keeps: Floats, keep: Floats, what: str) -> Floats:
        """The nearest leak of each neuron, a parameter or a value; what it keeps."""
        place = np.argmin(np.abs(keeps[None, :] - keep[:, None]), axis=1)
        if name:
            quantity = self.target.quantity(name)
            if quantity is None:
                self.values.choose(name, choices[place], self.layer.node, what)
            else:
                wanted = choices[place].astype(np.float64)
                self.found.update(nearest(quantity, self.target.neuron.parameters, wanted)[0])
        kept: Floats = keeps[place]
        return kept

    def _currents(self, keep: Floats) -> Floats:
        """What the nearest leak of the first current keeps; the others get theirs, too."""
        first: Floats | None = None
        for current in self.target.lif.currents.values():
            name, choices, keeps = leak_choices(self.target, current, self.values.profile)
            if current.used == "decayed":
                choices, keeps = choices[keeps > 0], keeps[keeps > 0]
            own = self._nearest_leak(name, choices, keeps, keep, "current")
            if first is None:
                first, lasting = own, np.maximum(1 - own, 1e-12)
                self.charge = own / lasting if current.used == "decayed" else 1 / lasting
                before = 1 / (1 - keep)
                if self.conventions.decays_first and self.layer.keep_current is not None:
                    before = keep / (1 - keep)
                self.gain = np.where((keep < 1) & (own < 1), before / np.maximum(self.charge, 1e-12), 1.0)
        assert first is not None
        return first

    def _threshold(self, scale: Floats, factor: float) -> None:
        layer, words, report = self.layer, self.target.neuron.parameters, self.report
        quantity = self.target.shared.quantities["threshold"]
        low, most = quantity_range(quantity, words)
        if layer.threshold is None:
            self.found.update(nearest(quantity, words, np.full(layer.size, float(most)))[0])
            report.notes.append("never spikes: read its membrane")
            return
        exact = layer.threshold * scale * factor
        reached = self.placed.firing is not None and self.placed.firing.reached
        wanted = self._on_the_side_of_the_graph(exact, reached)
        if wanted.min() < min(low, 0) or (low > 0 and layer.threshold.min() < 0):
            self.values.faults.append(
                f"node '{layer.node}': threshold: found {layer.threshold.min():g}; "
                f"allowed on {self.values.profile.name}: 0 or more"
            )
        found, made = nearest(quantity, words, np.maximum(wanted, max(low, 1 if reached else 0)))
        self.found.update(found)
        report.threshold = made.astype(np.float64)
        report.clipped += int((np.abs(made - exact) > np.maximum(0.01 * exact, 1 << quantity.shift)).sum())
        report.threshold_error = float((np.abs(made - exact) / np.maximum(exact, 1)).max())

    def _on_the_side_of_the_graph(self, exact: Floats, reached: bool) -> Floats:
        """Whole thresholds; reached: whether a membrane that equals one fires, which may be otherwise in the graph."""
        wanted = np.rint(exact)
        tie = np.abs(exact - wanted) < 1e-6 * np.maximum(1, exact)
        if reached and not self.conventions.reached:
            wanted = wanted + tie
        elif not reached and self.conventions.reached:
            wanted = wanted - tie
        return wanted

    def _rest(self, scale: Floats) -> None:
        """What selects the reset, the reset value, and everything else at where it changes nothing."""
        firing, words, layer = self.placed.firing, self.target.neuron.parameters, self.layer
        quantities = self.target.shared.quantities.values()
        for name, value in firing.choose.items() if firing else ():
            if name in words:
                self.found[name] = value
            else:
                self.values.choose(name, np.array([value]), layer.node, "reset")
        if firing is not None and firing.value is not None:
            quantity = next(q for q in quantities if q.of == firing.value)
            reset = np.zeros(layer.size) if layer.reset is None else layer.reset
            self.found.update(nearest(quantity, words, reset * scale)[0])
        for quantity in quantities:
            if quantity.of not in self.found and quantity.neutral is not None:
                self.found.update(nearest(quantity, words, np.full(layer.size, float(quantity.neutral)))[0])
            elif quantity.of not in self.found:
                self.found[quantity.of] = max(0, words[quantity.of].min)
