"""The invented chips once more: loops over steps or events, sources and targets. Imports nothing from bitspike.

A clocked network is plain data. `layers`: name, size and parameters (lists) of each, in order of computation. `links`:
in order of delivery, each a mapping with source, target, via, its parameters, `synapses` and `delays`: for each source
the list of its (target, weight, delay), targets ascending.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from slow_model import fit, halved

Link = Mapping[str, Any]
Layer = Mapping[str, Any]
Synapses = list[list[tuple[int, int, int]]]  # by source: (target, weight, delay)


def matrix(weights: Sequence[Sequence[int]], delays: Sequence[Sequence[int]]) -> Synapses:
    """Every pair of neurons."""
    return [
        [(target, weight, delay) for target, (weight, delay) in enumerate(zip(row, slots, strict=True))]
        for row, slots in zip(weights, delays, strict=True)
    ]


def listed(sources: int, synapses: Sequence[tuple[int, int, int, int]]) -> Synapses:
    """Synapses one by one, in any order: (source, target, weight, delay)."""
    return [sorted(rest for pre, *rest in synapses if pre == source) for source in range(sources)]


def convolved(
    kernels: Any,
    picture: Sequence[int],
    stride: Sequence[int],
    padding: Sequence[int],
    dilation: Sequence[int],
    groups: int,
) -> Synapses:
    """Kernels [out][in of the group][row][column], laid over a padded picture (channels, height, width)."""
    channels, height, width = picture
    rows, columns = len(kernels[0][0]), len(kernels[0][0][0])
    high = (height + 2 * padding[0] - dilation[0] * (rows - 1) - 1) // stride[0] + 1
    wide = (width + 2 * padding[1] - dilation[1] * (columns - 1) - 1) // stride[1] + 1
    links: dict[int, list[tuple[int, int, int]]] = {source: [] for source in range(channels * height * width)}
    for out, kernel in enumerate(kernels):
        first = out // (len(kernels) // groups) * (channels // groups)
        for y in range(high):
            for x in range(wide):
                for channel, plane in enumerate(kernel, first):
                    for row, weights in enumerate(plane):
                        for column, weight in enumerate(weights):
                            top = y * stride[0] + row * dilation[0] - padding[0]
                            left = x * stride[1] + column * dilation[1] - padding[1]
                            if 0 <= top < height and 0 <= left < width:
                                source = (channel * height + top) * width + left
                                links[source].append(((out * high + y) * wide + x, weight, 0))
    return [sorted(links[source]) for source in sorted(links)]


def pooled(weight: int, picture: Sequence[int], size: Sequence[int]) -> Synapses:
    """Windows side by side in every channel; what is left at the edges reaches nothing."""
    channels, height, width = picture
    high, wide = height // size[0], width // size[1]
    links: Synapses = []
    for source in range(channels * height * width):
        channel, y, x = source // (height * width), source // width % height // size[0], source % width // size[1]
        links.append([((channel * high + y) * wide + x, weight, 0)] if y < high and x < wide else [])
    return links


def run(chip: Any, layers: Sequence[Layer], links: Sequence[Link], spikes: Any) -> dict[str, dict[str, Any]]:
    """What every layer emits and holds, step by step: {layer: {register: [step][neuron]}}."""
    history = {"input": [list(row) for row in spikes], **{layer["name"]: [] for layer in layers}}
    state = {layer["name"]: [dict.fromkeys(chip.registers, 0) for _ in range(layer["size"])] for layer in layers}
    recorded = {layer["name"]: {name: [] for name in ("spikes", *chip.registers)} for layer in layers}
    for step in range(len(spikes)):
        for layer in layers:
            neurons = state[layer["name"]]
            for link in links:
                if link["target"] == layer["name"]:
                    chip.arrive(neurons, link, partial(_row, history[link["source"]], step))
            emitted = [
                chip.fire(regs, {k: v[n] for k, v in layer["parameters"].items()}) for n, regs in enumerate(neurons)
            ]
            history[layer["name"]].append(emitted)
            recorded[layer["name"]]["spikes"].append(emitted)
            for name in chip.registers:
                recorded[layer["name"]][name].append([regs[name] for regs in neurons])
    return recorded


def _row(rows: Sequence[Sequence[int]], step: int, ago: int) -> Sequence[int]:
    """The spikes of so many steps ago, none before the first step."""
    return rows[step - ago] if step >= ago else []


def _arriving(link: Link, delay: int, counts: Sequence[int]) -> Iterator[tuple[int, int, int, int]]:
    """Source, spikes, target and weight of whatever arrives after so many steps, source by source."""
    for source, count in enumerate(counts):
        for target, weight, own in link["synapses"][source]:
            if own == delay and count:
                yield source, count, target, weight


def _delays(link: Link) -> list[int]:
    return sorted({delay for synapses in link["synapses"] for _, _, delay in synapses})


class Ternary:
    """Two thresholds and a refractory countdown, from the text of its profile."""

    registers = ("arrived", "membrane", "waiting")

    def __init__(self, membrane_width: int) -> None:
        self.membrane = f"s{membrane_width}.wrap"

    def arrive(self, neurons: Any, link: Link, row: Any) -> None:
        """Each source a write; over 'feedback' each delay a sum, divided and clipped."""
        for delay in _delays(link):
            if link["via"] == "forward":
                for _, count, target, weight in _arriving(link, delay, row(delay)):
                    neurons[target]["arrived"] = fit(neurons[target]["arrived"] + count * weight, "s7.wrap")
                continue
            totals = [0] * len(neurons)
            for _, count, target, weight in _arriving(link, delay, row(1 + delay)):
                totals[target] += count * weight
            for regs, total in zip(neurons, totals, strict=True):
                kept = fit(halved(fit(total, "s10.wrap"), link["divisor"], "floor"), "s10.wrap")
                kept = -link["bound"] if kept < -link["bound"] else min(kept, link["bound"])
                regs["arrived"] = fit(regs["arrived"] + kept, "s7.wrap")

    def fire(self, regs: dict[str, int], p: Mapping[str, int]) -> int:
        """One step of a neuron after its spikes have arrived."""
        threshold = p["vth"] * 2 ** p["slope"]
        if regs["waiting"]:
            regs["waiting"] -= 1
        product = regs["membrane"] * p["keep"]
        regs["membrane"] = fit(product // 16 if product >= 0 else -(-product // 16), self.membrane)
        if regs["waiting"] == 0:
            regs["membrane"] = fit(regs["membrane"] + regs["arrived"], self.membrane)
        regs["arrived"] = 0
        spike = 0
        if regs["waiting"] == 0 and regs["membrane"] > threshold:
            spike = 1
        elif regs["waiting"] == 0 and regs["membrane"] < -threshold - p["refractory"]:
            spike = -1
        if spike:
            regs["membrane"] = fit(regs["membrane"] - spike * threshold, self.membrane)
            regs["waiting"] = p["refractory"]
        return spike


class Exponents:
    """12 bits that saturate source by source, and graded spikes, from the text of its profile."""

    registers = ("membrane", "payload")

    def arrive(self, neurons: Any, link: Link, row: Any) -> None:
        """Each source a write."""
        later = 1 if link["via"] == "echo" else 0
        for delay in _delays(link):
            for source, count, target, weight in _arriving(link, delay, row(later + delay)):
                acting = min(count, 3) if later else count
                added = self._echo(weight, link, source, target) if later else self._signed(weight, link, source)
                neurons[target]["membrane"] = fit(neurons[target]["membrane"] + acting * added, "s12.saturate")

    def _signed(self, weight: int, link: Link, source: int) -> int:
        moved = weight * 2 ** (link["exponent"] + 3) // 8
        moved = min(moved, 255)
        return -moved if link["inhibitory"][source] else moved

    def _echo(self, weight: int, link: Link, source: int, target: int) -> int:
        if link["cut"][source][target]:
            return 0
        magnitude = abs(weight) * link["gain"] // 4
        return max(-128, -magnitude) if weight < 0 else min(127, magnitude)

    def fire(self, regs: dict[str, int], p: Mapping[str, int]) -> int:
        """One step of a neuron after its spikes have arrived."""
        v = regs["membrane"]
        v = max(0, v - p["leak"]) if v >= 0 else min(0, v + p["leak"])
        regs["membrane"], regs["payload"] = v, 0
        if v >= p["threshold"]:
            regs["payload"] = min(15, v // 100)
            if regs["payload"]:
                regs["membrane"] = 0
        return regs["payload"]


class NeverIdle(Exception):
    """More than 500 queued spikes followed one event, whose number is the argument."""


class EventCore:
    """A threshold after every event, a membrane of 9 bits that wraps, a queue of 2, from the text of its profile.

    facts: by neuron `threshold`, `keep` and `muted`; by source `gain`; `weights` [source][neuron]; `open_loop`;
    by neuron `membrane` and `spent`, to start from.
    """

    def __init__(self, facts: Mapping[str, Any]) -> None:
        self.facts = facts
        self.membrane, self.spent = list(facts["membrane"]), list(facts["spent"])
        self.queue: list[int] = []
        self.dropped = 0

    def run(self, events: Sequence[Mapping[str, Any]]) -> tuple[Any, Any, list[tuple[int, int]], int]:
        """Membranes and counts of spikes after each event, output spikes as (event, neuron), dropped ones."""
        membranes, spent, wire = [], [], []
        for number, event in enumerate(events):
            sent = self._enter(event)
            followed = 0
            while self.queue:
                followed += 1
                if followed > 500:
                    raise NeverIdle(number)
                sent += self._spike(self.queue.pop(0))
            membranes.append(list(self.membrane))
            spent.append(list(self.spent))
            wire += [(number, neuron) for neuron in sent]
        return membranes, spent, wire, self.dropped

    def _enter(self, event: Mapping[str, Any]) -> list[int]:
        if event["kind"] == "spike":
            return self._spike(event["source"])
        if event["kind"] == "kick":
            neuron = event["neuron"]
            return self._update(neuron, self.membrane[neuron] + event["by"])
        sent = []
        for neuron, keep in enumerate(self.facts["keep"]):
            sent += self._update(neuron, self.membrane[neuron] * keep // 16)
        return sent

    def _spike(self, source: int) -> list[int]:
        """Every neuron in turn hears a source; what one sends is queued before the next one hears it."""
        sent = []
        for neuron, weight in enumerate(self.facts["weights"][source]):
            added = fit(weight * self.facts["gain"][source] // 2, "s8.wrap")
            sent += self._update(neuron, self.membrane[neuron] + added)
        return sent

    def _update(self, neuron: int, raw: int) -> list[int]:
        """Write a membrane and compare it. Returns the neuron if a spike leaves it."""
        threshold, membrane = self.facts["threshold"][neuron], fit(raw, "s9.wrap")
        reset = -(threshold // 4)
        self.membrane[neuron] = membrane
        if membrane > threshold:
            self.membrane[neuron] = reset
            self.spent[neuron] = (self.spent[neuron] + 1) % 16
            return self._send(neuron)
        if membrane < reset * self.spent[neuron]:
            self.membrane[neuron] = reset
        return []

    def _send(self, neuron: int) -> list[int]:
        if self.facts["muted"][neuron]:
            return []
        if not self.facts["open_loop"] and len(self.queue) == 2:
            self.dropped += 1
        elif not self.facts["open_loop"]:
            self.queue.append(neuron)
        return [neuron]
