"""Timing of several calls in turn, and what their times say."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from time import perf_counter, sleep
from typing import Any

import numpy as np
from numpy.typing import NDArray

SETTLE = 0.02  # seconds: threads that wait for work on a processor, as OpenMP's do after a call, have given it up
LEAST_ROUNDS = 9
MOST_ROUNDS = 101
SHORTEST = 0.004  # seconds of one measurement: a shorter call is repeated
WIDEST = 0.25  # spread beyond which a figure says nothing
BUSIEST = 0.1  # of the processors, taken by other programs: beyond it neither
COLD = "cold: before each call every processor writes a buffer larger than the last cache"

Call = Callable[[], Any]


@dataclass(frozen=True)
class Figure:
    """A median over rounds. spread: the interquartile range over it. others: see `Times`."""

    value: float
    spread: float
    others: float = 0.0

    @classmethod
    def of(cls, values: NDArray[np.float64], others: float = 0.0) -> Figure:
        """Of a value a round."""
        low, median, high = np.percentile(values, (25, 50, 75))
        return cls(float(median), float((high - low) / abs(median)) if median else float("inf"), others)

    @property
    def refusal(self) -> str | None:
        """Why the figure says nothing, if it does not."""
        if self.spread > WIDEST:
            return f"too noisy: spread {self.spread:.0%}"
        return f"machine busy: {self.others:.0%} by others" if self.others > BUSIEST else None


@dataclass(frozen=True)
class Times:
    """seconds: of each call in each round, [call, round]. others: the share of the processors that others took."""

    seconds: NDArray[np.float64]
    others: float = 0.0

    def figure(self, values: NDArray[np.float64]) -> Figure:
        """Of a value a round, computed from the seconds."""
        return Figure.of(values, self.others)

    def median(self, call: int) -> float:
        """Seconds of a call."""
        return float(np.median(self.seconds[call]))


def interleaved(calls: Sequence[Call], *, cold: bool = False, seconds: float = 3.0) -> Times:
    """Time each call in each round: A B A B, so that what changes with time reaches all alike.

    Every call is made twice before (code is compiled, memory is there). Nine rounds at least, more while `seconds`
    last. cold: the processors' caches are emptied before each call; else (hot) a call that does not count comes right
    before it, and it is repeated until it is long enough.
    """
    warmed = [_repeats(call) for call in calls]
    repeats = [1] * len(warmed) if cold else warmed
    times: list[list[float]] = []
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    before, end = _used(), perf_counter() + seconds
    try:
        while len(times) < LEAST_ROUNDS or (perf_counter() < end and len(times) < MOST_ROUNDS):
            times.append([_timed(call, count, cold) for call, count in zip(calls, repeats, strict=True)])
    finally:
        if collecting:
            gc.enable()
    whole, own, busy = (after - start for after, start in zip(_used(), before, strict=True))
    return Times(np.array(times).T, max(0.0, busy - own) / whole if busy else 0.0)


def _used() -> tuple[float, float, float]:
    """Seconds: of all processors, of this program on them, and of every program (0 where the system does not say)."""
    spent, count = os.times(), os.cpu_count() or 1
    try:
        ticks = [int(word) for word in Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    except (OSError, ValueError):
        ticks = []
    idle = sum(ticks[3:5])
    return (
        perf_counter() * count,
        spent.user + spent.system,
        (sum(ticks) - idle) / os.sysconf("SC_CLK_TCK") if ticks else 0.0,
    )


def _timed(call: Call, repeats: int, cold: bool = False) -> float:
    sleep(SETTLE)
    if cold:
        empty_caches()
    else:
        call()  # a machine that has rested takes milliseconds to run as it does in a row of calls
    start = perf_counter()
    for _ in range(repeats):
        call()
    return (perf_counter() - start) / repeats


def _repeats(call: Call) -> int:
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
