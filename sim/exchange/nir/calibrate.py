"""Turning scales and thresholds until the integers spike as the float graph does on sample input."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from .check import Ran
from .quantize import Knobs, Quantized

LOWEST, HIGHEST = 0.6, 1.7  # factors of a threshold that are tried
TRIALS = 7

Attempt = Callable[[Mapping[str, Knobs]], tuple[Quantized, dict[str, Ran]]]


def turned(nodes: list[str], attempt: Attempt) -> tuple[Quantized, dict[str, Ran]]:
    """The best of what was tried, layer after layer: less overflow first, then the nearest counts of spikes.

    nodes: layers that spike, in order. attempt: quantizes with these knobs, and runs.
    """
    knobs: dict[str, Knobs] = {}
    best = attempt(knobs)
    for node in nodes:
        for _ in range(2):  # a register that is full needs a smaller scale
            if not sum(best[1][node].overflows.values()):
                break
            tried = {**knobs, node: replace(knobs.get(node, Knobs()), scale=knobs.get(node, Knobs()).scale / 2)}
            found = attempt(tried)
            if found[1][node].distance > best[1][node].distance:
                break
            knobs, best = tried, found
        low, high = LOWEST, HIGHEST
        for _ in range(TRIALS):  # more spikes than in the graph ask for a higher threshold
            if best[1][node].distance == 0:
                break
            middle = (low * high) ** 0.5
            tried = {**knobs, node: replace(knobs.get(node, Knobs()), threshold=middle)}
            found = attempt(tried)
            if found[1][node].distance < best[1][node].distance:
                knobs, best = tried, found
            if found[1][node].after.sum() > found[1][node].before.sum():
                low = middle
            else:
                high = middle
    return best
