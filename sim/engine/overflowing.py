"""Which neurons overflow: the engines count writes, this says whose they are."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..network.network import Network
from ..ops.array import ArrayOps
from ..ops.base import Flag, Value
from ..profile.schema import SPIKES
from ..raster import Raster
from ..word import Word
from .given import check_spikes, initial_state
from .vectorised import simulate
from .wiring import wire

Flags = NDArray[np.bool_]


class _NeuronOps(ArrayOps):
    """ArrayOps that remember, by register, the columns in which a write overflowed."""

    def __init__(self) -> None:
        super().__init__()
        self.columns: defaultdict[str, Any] = defaultdict(lambda: np.False_)

    def observe(self, register: str, raw: Value, fitted: Value, word: Word, when: Flag) -> None:
        """Count, and remember where."""
        super().observe(register, raw, fitted, word, when)
        beyond = np.logical_and(np.not_equal(raw, fitted), when)
        self.columns[register] = self.columns[register] | np.any(np.atleast_2d(beyond), axis=0)


def overflowing_neurons(network: Network, spikes: ArrayLike | Raster) -> dict[str, dict[str, Flags]]:
    """By layer and register, whether a neuron overflowed on these samples, bool [neuron]; clock: step.

    Layers whose neurons fire in groups, because of aliases, are left out. Computed by the array engine.
    Raises InputError, OverflowRefusedError.
    """
    counts, groups = check_spikes(spikes, network), wire(network)
    layers = [layer for group in groups for layer in group]
    ops = {layer.name: _NeuronOps() if layer.relays is None else ArrayOps() for layer in layers}
    shapes = {layer.name: (*counts.shape[:2], layer.size) for layer in layers}
    simulate(
        groups,
        counts,
        initial_state(network, len(counts)),
        {layer.name: np.empty(shapes[layer.name], layer.dtypes[SPIKES]) for layer in layers},
        {layer.name: {} for layer in layers},
        {layer.name: np.zeros(len(layer.neuron.registers), np.int64) for layer in layers},
        ops,
    )
    return {
        layer.name: {r: np.broadcast_to(one.columns[r], layer.size) for r in layer.neuron.registers}
        for layer in layers
        if isinstance(one := ops[layer.name], _NeuronOps)
    }
