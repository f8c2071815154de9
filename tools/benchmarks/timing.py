"""Timing of several calls in turn, and what their times say."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAST_ROUNDS = 9
MOST_ROUNDS = 101
SHORTEST = 0.004  # seconds of one measurement: a shorter call is repeated
WIDEST = 0.25  # spread beyond which a figure says nothing
COLD = "cold: before each call every processor writes a buffer larger than the last cache"

Call = Callable[[], Any]


@dataclass(frozen=True)
class Figure:
    """A median over rounds. spread: the interquartile range over it."""

    value: float
    spread: float

    @classmethod
    def of(cls, values: NDArray[np.float64]) -> Figure:
        """Of a value a round."""
        low, median, high = np.percentile(values, (25, 50, 75))
        return cls(float(median), float((high - low) / abs(median)) if median else float("inf"))

    @property
    def refusal(self) -> str | None:
        """Why the figure says nothing, if it does not."""
        return f"too noisy: spread {self.spread:.0%}" if self.spread > WIDEST else None


def interleaved(calls: Sequence[Call], *, cold: bool = False, seconds: float = 3.0) -> NDArray[np.float64]:
    """Seconds of each call in each round, [call, round]: A B A B, so that what changes with time reaches all alike.

    Every call is made twice before (code is compiled, memory is there). Nine rounds at least, more while `seconds`
    last. cold: the processors' caches are emptied before each call; else a call is repeated until it is long enough.
    """
    repeats = [1 if cold else _repeats(call) for call in calls]
    times: list[list[float]] = []
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    end = perf_counter() + seconds
    try:
        while len(times) < LEAST_ROUNDS or (perf_counter() < end and len(times) < MOST_ROUNDS):
            times.append([_timed(call, count, cold) for call, count in zip(calls, repeats, strict=True)])
    finally:
        if collecting:
            gc.enable()
    return np.array(times).T


def _timed(call: Call, repeats: int, cold: bool = False) -> float:
    if cold:
        empty_caches()
    start = perf_counter()
    for _ in range(repeats):
        call()
    return (perf_counter() - start) / repeats


def _repeats(call: Call) -> int:
    call()
    return max(1, int(np.ceil(SHORTEST / max(_timed(call, 1), 1e-7))))


def empty_caches() -> None:
    """Write, on every processor, a buffer that is much larger than the last cache."""
    list(_pool().map(_write, _buffers().items()))


def _write(part: tuple[int, NDArray[np.uint8]]) -> None:
    processor, buffer = part
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {processor})  # of this thread
    buffer += 1  # read and written, so that no store passes the caches by


@cache
def _buffers() -> dict[int, NDArray[np.uint8]]:
    size = max(1 << 26, 2 * last_cache_bytes())
    return {processor: np.zeros(size, np.uint8) for processor in processors()}


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(len(processors()))


def processors() -> list[int]:
    """Processors that this process may use."""
    return sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else list(range(os.cpu_count() or 1))


def last_cache_bytes() -> int:
    """Size of the last cache, 0 where the system does not say."""
    sizes = Path("/sys/devices/system/cpu/cpu0/cache").glob("index*/size")
    return max((int(path.read_text().strip().removesuffix("K")) << 10 for path in sizes), default=0)
