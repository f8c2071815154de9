"""A RANC core, tick by tick, in plain integers from the text of its arithmetic. Imports nothing from bitspike."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any


def wrapped(value: int, bits: int) -> int:
    """The low bits as two's complement, by walking round the circle of values."""
    circle = 2**bits
    while value >= circle // 2:
        value -= circle
    while value < -circle // 2:
        value += circle
    return value


class Ranc:
    """One core. `p`: `synapses` [neuron][axon], `axon_type` [axon], `weights` [neuron][type], a list for every
    parameter of a neuron, and `potential_width` in bits.
    """

    def __init__(self, p: Mapping[str, Any]) -> None:
        self.p = p
        self.membrane = list(p["v0"])
        self.arrivals: dict[int, set[int]] = {}

    def fit(self, value: int) -> int:
        """What the membrane keeps of a value."""
        return wrapped(value, self.p["potential_width"])

    def run(self, packets: Collection[tuple[int, int]], ticks: int) -> dict[str, list[list[int]]]:
        """Membranes and spikes [tick][neuron]; `packets`: (tick, axon) of those from outside, when they act."""
        for tick, axon in packets:
            self.arrivals.setdefault(tick, set()).add(axon)
        spikes, membranes = [], []
        for tick in range(ticks):
            active = self.arrivals.pop(tick, set())
            spikes.append([self.step(neuron, active) for neuron in range(len(self.membrane))])
            membranes.append(list(self.membrane))
            self.send(tick, spikes[-1])
        return {"membrane": membranes, "spikes": spikes}

    def step(self, neuron: int, active: Collection[int]) -> int:
        """Integrate, leak, then fire or reset; 1 where the neuron spikes."""
        p, value = self.p, self.membrane[neuron]
        for axon in sorted(active):
            if p["synapses"][neuron][axon]:
                value = self.fit(value + p["weights"][neuron][p["axon_type"][axon]])
        value = self.fit(value + p["leak"][neuron])
        high, low, reset = (p[key][neuron] for key in ("pos_thr", "neg_thr", "reset_pot"))
        linear = p["reset_mode"][neuron] == 1
        if value >= high:
            self.membrane[neuron] = self.fit(value - high) if linear else reset
            return 1
        if value < low:
            value = self.fit(value - low if linear else -reset)
        self.membrane[neuron] = value
        return 0

    def send(self, tick: int, spikes: list[int]) -> None:
        """The spikes of local neurons, on their way to axons of this core; one axon keeps one of a tick."""
        p = self.p
        for neuron, spike in enumerate(spikes):
            if spike and p["local"][neuron]:
                self.arrivals.setdefault(tick + 1 + p["delay"][neuron], set()).add(p["dest_axon"][neuron])
