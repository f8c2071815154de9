"""Whole networks on the slow model, from the text of each chip's arithmetic. Imports nothing from bitspike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slow_model import fit, halved


def saturated(value: int, bits: int = 16) -> int:
    """A signed word that saturates."""
    return _kept(value, f"s{bits}.saturate")


def wrapped(value: int) -> int:
    """A signed 16-bit word that wraps."""
    return _kept(value, "s16.wrap")


def _kept(value: int, word: str) -> int:
    kept = fit(value, word)
    assert kept is not None
    return kept


def dash(value: int, shift: int) -> int:
    """What Xylo's decay takes from a value: at least 1 from a positive one."""
    loss = halved(value, shift, "floor")
    return 1 if value > 0 and loss == 0 else loss


class Xylo:
    """One Xylo core from the text of its vendor's arithmetic; `p` has the keys of the golden vectors, as lists."""

    def __init__(self, p: Mapping[str, Any]) -> None:
        self.p, self.sizes = p, {"": len(p["threshold"]), "_out": len(p["threshold_out"])}
        self.weights = {kind: self._effective(kind) for kind in ("in", "rec", "out")}
        self.clear()

    def _effective(self, kind: str) -> list[list[tuple[int, int, int]]]:
        """Of every source its (neuron, synapse, weight), zeros left out."""
        shift, links = 2 ** int(self.p[f"weight_shift_{kind}"]), []
        for row in self.p[f"w_{kind}"]:
            cells = [(n, s, w) for n, cell in enumerate(row) for s, w in enumerate(cell if kind != "out" else [cell])]
            links.append([(n, s, wrapped(w * shift)) for n, s, w in cells if w != 0])
        return links

    def clear(self) -> None:
        """The state after a reset."""
        self.current = {"": [[0, 0] for _ in range(self.sizes[""])], "_out": [[0] for _ in range(self.sizes["_out"])]}
        self.membrane = {kind: [0] * size for kind, size in self.sizes.items()}
        self.pending = [0] * self.sizes[""]

    def arrive(self, kind: str, links: str, counts: Sequence[int], most: int) -> None:
        """Each source in turn, each spike a saturating add of its own."""
        current = self.current[kind]
        for count, targets in zip(counts, self.weights[links], strict=True):
            if count == 0:
                continue
            for neuron, synapse, weight in targets:
                value = current[neuron][synapse]
                for _ in range(min(count, most)):
                    value = saturated(value + weight)
                current[neuron][synapse] = value

    def integrate(self, kind: str, neuron: int) -> None:
        """Decay the currents, then the membrane with what they bring."""
        p, current = self.p, self.current[kind][neuron]
        dashes = p[f"dash_syn{kind}"][neuron]
        for synapse, shift in enumerate([dashes] if isinstance(dashes, int) else dashes):
            current[synapse] = saturated(current[synapse] - dash(current[synapse], shift))
        v = self.membrane[kind][neuron]
        loss, arriving = dash(v, p[f"dash_mem{kind}"][neuron]), sum(current)
        if p["core"] == "v1":
            self.membrane[kind][neuron] = saturated(v - loss + arriving)
            return
        change = saturated(wrapped(-loss) + arriving)
        if p["has_bias"]:
            change = saturated(change + p[f"bias{kind}"][neuron])
        self.membrane[kind][neuron] = saturated(v + change)

    def fire(self, kind: str, neuron: int, received: int, cap: int) -> int:
        """Spikes of the step, those received among them."""
        threshold, count = self.p[f"threshold{kind}"][neuron], received
        while count < cap and self.membrane[kind][neuron] >= threshold:
            count += 1
            self.membrane[kind][neuron] = wrapped(self.membrane[kind][neuron] - threshold)
        return count

    def step(self, counts: Sequence[int]) -> tuple[list[int], list[int]]:
        """Hidden and output spikes of one step."""
        self.arrive("", "in", counts, 15)
        self.arrive("", "rec", self.pending, 31)
        self.arrive("_out", "out", self.pending, 31)
        hidden, outputs = [0] * self.sizes[""], [0] * self.sizes["_out"]
        for neuron in range(len(hidden)):
            self.integrate("", neuron)
            hidden[neuron] = self.fire("", neuron, hidden[neuron], 31)
            fired = hidden[neuron]
            for alias in self.p["aliases"][neuron]:
                if alias >= 0:
                    hidden[alias] = min(31, hidden[alias] + fired)
        for neuron in range(len(outputs)):
            self.integrate("_out", neuron)
            outputs[neuron] = self.fire("_out", neuron, 0, 1)
        self.pending = hidden
        return hidden, outputs


def run_xylo(p: Mapping[str, Any]) -> dict[str, list[Any]]:
    """Every recorded register of a golden vector, step by step; `p` as lists and numbers (`array.tolist()`)."""
    chip, recorded = Xylo(p), {name: [] for name in XYLO_RECORDED}
    resets = {}
    start = 0
    for length, reset in zip(p["segments"], p["reset_before"], strict=True):
        resets[start] = reset
        start += length
    for step, counts in enumerate(p["input"]):
        if resets.get(step):
            chip.clear()
        hidden, outputs = chip.step(counts)
        row = (hidden, outputs, chip.current[""], [c for (c,) in chip.current["_out"]], *chip.membrane.values())
        for name, values in zip(XYLO_RECORDED, row, strict=True):
            recorded[name].append([list(v) if isinstance(v, list) else v for v in values])
    return recorded


XYLO_RECORDED = ("hid_spikes", "out_spikes", "isyn", "isyn_out", "vmem", "vmem_out")


def run_generic(
    weights: Sequence[Sequence[Sequence[int]]],
    thresholds: Sequence[Sequence[int]],
    leaks: Sequence[Sequence[int]],
    spikes: Sequence[Sequence[int]],
    recurrent: Sequence[Sequence[Sequence[int]] | None] | None = None,
    bits: int = 16,
) -> dict[str, list[Any]]:
    """Layers of a generic profile in a row, its registers of so many bits.

    weights[layer][pre][post], thresholds and leaks [layer][neuron], spikes [step][input], recurrent[layer] [pre][post]
    or None. Spikes and membranes as [layer][step][neuron].
    """
    recurrent = recurrent or [None] * len(weights)
    membrane = [[0] * len(row) for row in thresholds]
    last = [[0] * len(row) for row in thresholds]
    recorded: dict[str, list[Any]] = {"spikes": [[] for _ in weights], "membrane": [[] for _ in weights]}
    for arriving in spikes:
        for layer, links in enumerate(weights):
            emitted = []
            for neuron, threshold in enumerate(thresholds[layer]):
                total = 0
                sources = [(arriving, links), *([(last[layer], recurrent[layer])] if recurrent[layer] else [])]
                for counts, matrix in sources:
                    for count, row in zip(counts, matrix, strict=True):
                        for _ in range(min(count, 255)):
                            total = saturated(total + row[neuron], bits)
                v = membrane[layer][neuron]
                v = saturated(saturated(v - halved(v, leaks[layer][neuron], "floor"), bits) + total, bits)
                emitted.append(1 if v >= threshold else 0)
                membrane[layer][neuron] = saturated(v - threshold, bits) if v >= threshold else v
            last[layer] = arriving = emitted
            recorded["spikes"][layer].append(emitted)
            recorded["membrane"][layer].append(list(membrane[layer]))
    return recorded
