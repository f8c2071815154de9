"""The scale of each neuron: how many units of the membrane stand for 1 in the graph.

Weights, biases and thresholds of a neuron share it; weights may have an exponent of their own, a projection. It is as
large as weights, threshold and registers allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...profile.schema import Profile
from .layers import FloatLayer
from .measures import peaks_of, total_of
from .operators import Floats, Kernels, Operator, Pool
from .simulate import FloatTrace
from .target import Grid, Target, quantity_range

Integers = NDArray[np.int64]
SCALES = ("channel", "layer")
ACTIVITY = 0.25  # of all sources at once: what registers must hold where no sample input says more
MARGIN = 0.9  # of a register, for what sample input needs
ENOUGH = 1024  # steps of its own grid that a threshold needs: beyond, room in the registers is worth more
_SLACK = 1 + 1e-9  # a weight that is its grid's end but for rounding
_LEAST = 1e-30


@dataclass(frozen=True)
class Arrival:
    """What reaches a layer by a connection; ladder: the grids its weights may have, the finest first."""

    via: str
    operator: Operator
    ladder: Sequence[Grid]

    def finest(self, scale: Floats) -> Grid | None:
        """The finest grid that holds all weights, or else the coarsest; None where there is none."""
        above, below = (peak * scale for peak in peaks_of(self.operator, len(scale)))
        for grid in self.ladder:
            inside = above.max(initial=0) <= grid.most(True) * _SLACK
            if inside and below.max(initial=0) <= grid.most(False) * _SLACK:
                return grid
        return self.ladder[-1] if self.ladder else None


@dataclass(frozen=True)
class Scales:
    """per: which neurons share a scale, those of a 'channel' or of a 'layer'. seen: what sample input needed."""

    profile: Profile
    per: str
    seen: FloatTrace | None

    def of(self, layer: FloatLayer, target: Target, arrivals: Sequence[Arrival], bias: Floats) -> Floats:
        """By neuron; all 1 where the weights of an arrival cannot be fitted.

        Of weights with an exponent, the smallest exponent that leaves the threshold fine enough.
        """
        if not all(arrival.ladder for arrival in arrivals):
            return np.ones(layer.size)
        groups, bound = self._groups(layer, arrivals), self._bound(layer, target, arrivals, bias)
        scale = bound
        for rung in range(max((len(arrival.ladder) for arrival in arrivals), default=1)):
            caps = bound.copy()
            for arrival in arrivals:
                grid = arrival.ladder[min(rung, len(arrival.ladder) - 1)]
                for positive, peak in zip((True, False), peaks_of(arrival.operator, layer.size), strict=True):
                    most = grid.most(positive) / np.maximum(peak, _LEAST)
                    caps = np.minimum(caps, np.where(peak > 0, most, np.inf))
            scale = _shared(caps, groups)
            step = 1 << target.shared.quantities["threshold"].shift
            if layer.threshold is None or (layer.threshold * scale).min() >= ENOUGH * step:
                break
        return scale

    def _groups(self, layer: FloatLayer, arrivals: Sequence[Arrival]) -> Integers:
        """The neurons that must share a scale, by a number for each."""
        alone = np.arange(layer.size)
        if self.per == "layer" or layer.threshold is None:
            return np.zeros(layer.size, np.int64)
        for arrival in arrivals:
            if isinstance(arrival.operator, Kernels):
                return alone // (layer.size // len(arrival.operator.kernels))
            if isinstance(arrival.operator, Pool):
                return np.zeros(layer.size, np.int64)
        return alone

    def _bound(self, layer: FloatLayer, target: Target, arrivals: Sequence[Arrival], bias: Floats) -> Floats:
        """The scale that threshold, bias and registers allow."""
        caps = self._room(layer, target, arrivals, bias)
        if layer.threshold is not None:
            most = quantity_range(target.shared.quantities["threshold"], target.neuron.parameters)[1]
            caps = np.minimum(caps, most / np.maximum(layer.threshold, _LEAST))
        quantity = target.quantity("bias")
        if quantity is not None and bias.any():
            most = quantity_range(quantity, target.neuron.parameters)[1]
            caps = np.minimum(caps, most / np.maximum(np.abs(bias), _LEAST))
        return caps

    def _room(self, layer: FloatLayer, target: Target, arrivals: Sequence[Arrival], bias: Floats) -> Floats:
        """The scale at which the registers are full: of what sample input needed, or of a guess from the weights."""
        registers = target.neuron.registers
        membrane = registers[target.lif.membrane].max
        least = 2 * layer.threshold if layer.threshold is not None else np.zeros(layer.size)
        into = {name for arrival in arrivals for name in self.profile.connections[arrival.via].into}
        room = float(min(membrane, *(registers[name].max for name in into))) if into else float(membrane)
        if self.seen is None:
            drive = np.sum([total_of(arrival.operator, layer.size) for arrival in arrivals], axis=0)
            lasting = 1.0 if layer.keep_current is None else 1 / np.maximum(1 - layer.keep_current, 0.05)
            need = np.maximum(least + ACTIVITY * drive * lasting, least + np.abs(bias))
            return np.asarray(room / np.maximum(need, _LEAST), np.float64)
        need = np.maximum(self.seen.most_membrane[layer.node], least / 2)
        if layer.keep_current is not None:
            need = np.maximum(need, self.seen.most_current[layer.node])
        return np.asarray(MARGIN * room / np.maximum(need, _LEAST), np.float64)


def _shared(caps: Floats, groups: Integers) -> Floats:
    """The least cap of each group, by neuron; of neurons that nothing bounds that of the others."""
    least = np.full(groups.max() + 1, np.inf)
    np.minimum.at(least, groups, caps)
    finite = least[np.isfinite(least)]
    least[~np.isfinite(least)] = finite.min() if finite.size else 1.0
    scale: Floats = least[groups]
    return scale
