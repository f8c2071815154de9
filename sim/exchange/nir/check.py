"""What the integers do on sample input beside what the float graph does: rates, saturation, silence and its cause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...engine.run import run
from ...network.network import Network
from ...trace import Trace
from .layers import FloatNetwork
from .plan import Placed, Plan
from .quantize import Quantized
from .simulate import FloatTrace

Floats = NDArray[np.float64]
Counts = NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Ran:
    """One layer on sample input. before, after: spikes of each neuron, summed over samples and steps."""

    before: Floats
    after: Floats
    positions: int
    overflows: dict[str, int]
    highest: int
    silent_because: str | None
    membrane_error: float | None

    @property
    def distance(self) -> float:
        """How many spikes of neurons are too many or missing."""
        return float(np.abs(self.before - self.after).sum())


def extended(network: Network, planned: Plan, inputs: int, spikes: Counts) -> Counts:
    """Sample input as the network takes it: with the channel of ones, and time for what acts late."""
    late = max((one.shift for one in planned.layers.values()), default=0)
    if network.inputs > inputs:
        spikes = np.concatenate([spikes, np.ones((*spikes.shape[:2], 1), spikes.dtype)], axis=2)
    rest = np.zeros((spikes.shape[0], max(late, 0), spikes.shape[2]), spikes.dtype)
    if network.inputs > inputs:
        rest[:, :, -1] = 1
    return np.concatenate([spikes, rest], axis=1)


def compared(
    network: FloatNetwork, planned: Plan, quantized: Quantized, before: FloatTrace, spikes: Counts
) -> dict[str, Ran]:
    """What became of every layer. Raises OverflowRefusedError where the profile has no rule."""
    registers = {one.target.lif.membrane for one in planned.layers.values() if one.target is not None}
    given = extended(quantized.network, planned, network.inputs, spikes)
    trace = run(quantized.network, given, record=sorted(registers))
    found: dict[str, Ran] = {}
    for placed in planned.layers.values():
        if placed.layer is not None and placed.target is not None:
            found[placed.layer.node] = _ran(network, placed, quantized, before, trace, spikes.shape[1], found)
    return found


def _ran(
    network: FloatNetwork,
    placed: Placed,
    quantized: Quantized,
    before: FloatTrace,
    trace: Trace,
    steps: int,
    found: dict[str, Ran],
) -> Ran:
    assert placed.layer is not None
    assert placed.target is not None
    node, layer = placed.layer.node, trace[placed.name]
    first = max(placed.shift, 0)
    after = layer.spikes[:, first : first + steps].astype(np.float64)
    membrane = layer.registers[placed.target.lif.membrane]
    overflows = {name: count for name, count in layer.overflows.items() if count}
    highest = int(membrane.max(initial=0))
    float_spikes = before.spikes[node]
    if placed.layer.threshold is None:
        got = membrane[:, first : first + steps] / quantized.layers[node].scale
        most = max(float(np.abs(float_spikes).max(initial=0)), 1e-30)
        error = float(np.sqrt(((got - float_spikes[:, : got.shape[1]]) ** 2).mean()) / most)
        nothing = np.zeros(placed.size)
        return Ran(nothing, nothing, after.size, overflows, highest, None, error)
    totals = float_spikes.sum((0, 1)), after.sum((0, 1))
    because = None if totals[1].any() else _cause(network, placed, quantized, totals[0], highest, found, overflows)
    return Ran(*totals, after.size, overflows, highest, because, None)


def _cause(
    network: FloatNetwork,
    placed: Placed,
    quantized: Quantized,
    before: Floats,
    highest: int,
    found: dict[str, Ran],
    overflows: dict[str, int],
) -> str:
    """Why a layer never spikes."""
    assert placed.layer is not None
    node = placed.layer.node
    if not before.any():
        return "the graph's own neurons are silent on this input"
    sources = [link.source for link in network.into(node) if link.source in found]
    if sources and all(found[source].silent_because for source in sources):
        return f"'{sources[0]}' before it is silent"
    report = quantized.layers[node]
    if report.weights_zero >= 1:
        return "every weight rounds to 0 at this scale"
    threshold = report.threshold
    least = int(threshold.min()) if threshold is not None else 0
    full = f", and {next(iter(overflows))} is full" if overflows else ""
    return f"the membrane reaches {highest} after a step, the threshold is {least}{full}"
