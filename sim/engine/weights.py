"""The weights of a projection as kernels read them: how they lie in memory, and what they add at most."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.lists import Listed
from ..ops.code import CACHE_LINE
from .arrival import Arrival
from .cache import address
from .matrix import PAIRED, paired
from .vector import LANES
from .wiring import Incoming


def laid_out(
    k: int, delays: Sequence[Incoming], arrival: Arrival, order: NDArray[np.int64] | None
) -> dict[str, NDArray[Any]]:
    """The weights of projection k as its kernel takes them; order: see `ordered`."""
    by_register = [[i.synapses[place][1] for i in delays] for place in range(arrival.synapses)]
    if not arrival.listed:
        arrays: dict[str, NDArray[Any]] = {}
        for i, (matrix,) in enumerate(by_register):
            rows = padded(np.ascontiguousarray(ordered(matrix, order), arrival.weight))
            rows = np.pad(rows, [(0, 0), (0, columns(rows.shape[1], arrival.weight) - rows.shape[1])])
            arrays[f"w{k}_{i}"] = aligned(paired(rows) if arrival.weight == PAIRED else rows)
        return arrays
    lists: list[Listed] = by_register[0]
    starts = np.cumsum([0, *(len(each.targets) for each in lists[:-1])])
    pointers = np.array([start + each.pointers for start, each in zip(starts, lists, strict=True)], np.int64)
    targets = np.concatenate([each.targets for each in lists])
    targets = targets if order is None else np.argsort(order)[targets]
    arrays = {f"from{k}": pointers, f"to{k}": targets.astype(np.int32)}
    for i, register in enumerate(by_register):
        arrays[f"w{k}_{i}"] = np.concatenate([each.weights for each in register]).astype(arrival.weight)
    return arrays


def ordered(values: NDArray[Any], order: NDArray[np.int64] | None) -> NDArray[Any]:
    """Values [..., neuron] as the kernel's rows have them; order: whose each entry of a row is, if not as numbered."""
    return values if order is None else values[..., order]


def padded(array: NDArray[Any]) -> NDArray[Any]:
    """Zeros behind the last axis, up to whole vectors."""
    behind = -array.shape[-1] % LANES
    return np.pad(array, [(0, 0)] * (array.ndim - 1) + [(0, behind)]) if behind else array


def columns(neurons: int, weight: str) -> int:
    """Of a matrix for so many neurons: two lines more where rows of whole kilobytes would share the cache's sets."""
    size = np.dtype(weight).itemsize
    return neurons if neurons * size % 1024 else neurons + 2 * CACHE_LINE // size


def aligned(array: NDArray[Any]) -> NDArray[Any]:
    """The same from a cache line on: of vectors that begin elsewhere every other one lies in two lines."""
    if address(array) % CACHE_LINE == 0:
        return array
    room = np.empty(array.nbytes + CACHE_LINE, np.uint8)
    copy = np.ndarray(array.shape, array.dtype, room, -address(room) % CACHE_LINE)
    copy[...] = array
    return copy


def narrowest(weights: Sequence[NDArray[Any]]) -> str:
    """The type that holds all of these: few types, few kernels."""
    low, high = (min(int(w.min(initial=0)) for w in weights), max(int(w.max(initial=0)) for w in weights))
    return next(f"int{bits}" for bits in (8, 16, 32, 64) if -(1 << (bits - 1)) <= low and high < 1 << (bits - 1))


def most_and_least(k: int, delays: Sequence[Incoming]) -> dict[str, int]:
    """What one spike of a source brings a neuron at most and at least, for each register; of lists also one of each."""
    ends: dict[str, int] = {}
    for i, each in enumerate(zip(*([weights for _, weights in each.synapses] for each in delays), strict=True)):
        several = 1 + max(_repeats(weights) if isinstance(weights, Listed) else 0 for weights in each)
        values = [weights.weights if isinstance(weights, Listed) else weights for weights in each]
        ends[f"most{k}_{i}"] = several * max(int(value.max(initial=0)) for value in values)
        ends[f"least{k}_{i}"] = several * min(int(value.min(initial=0)) for value in values)
        if isinstance(each[0], Listed):
            ends[f"all_most{k}_{i}"] = max(most_together(weights, lambda w: np.maximum(w, 0)) for weights in each)
            ends[f"all_least{k}_{i}"] = -max(most_together(weights, lambda w: np.maximum(-w, 0)) for weights in each)
    return ends


def _repeats(lists: Listed) -> int:
    """How many synapses join a source to a target that another joins it to; targets ascend within a source."""
    again = lists.targets[1:] == lists.targets[:-1]
    firsts = lists.pointers[1:-1]
    again[firsts[(firsts > 0) & (firsts < len(lists.targets))] - 1] = False  # the next source begins there
    return int(np.count_nonzero(again))


def most_together(weights: Any, part: Callable[[NDArray[np.int64]], NDArray[np.int64]] = np.abs) -> int:
    """The most that a part of all weights to a target, their magnitudes as a rule, comes to together."""
    if isinstance(weights, Listed):
        totals = np.zeros(int(weights.targets.max(initial=0)) + 1, np.int64)
        np.add.at(totals, weights.targets, part(weights.weights.astype(np.int64, copy=False)))
    else:
        totals = part(np.asarray(weights, np.int64)).sum(axis=0)
    return int(totals.max(initial=0))
