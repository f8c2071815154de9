"""Memory of a run: samples are run in chunks, and a trace that does not fit is refused before the run.

Large arrays of spikes lie in blocks that a later run uses again once nothing refers to them any more: fresh memory is
cleared page by page by the system, which takes a third of the time of a large run.
"""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..ops.code import CACHE_LINE
from .cache import address

CHUNK = 1 << 26  # bytes of the arrays that a part of a run's samples needs for itself
MOST_KEPT = 1 << 28  # bytes of all blocks that wait to be used again
SLACK = 64
_LARGE = 1 << 20  # bytes of an array that is worth a block
_FREE: dict[int, NDArray[np.uint8]] = {}


class _Lease:
    """A block that is in use as long as an array, or a view of one, lies in it."""

    def __init__(self, block: NDArray[np.uint8]) -> None:
        self.block, self.__array_interface__ = block, block.__array_interface__

    def __del__(self, free: dict[int, NDArray[np.uint8]] = _FREE) -> None:
        if len(self.block) + sum(map(len, list(free.values()))) <= MOST_KEPT:
            free[id(self.block)] = self.block


def empty(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """An array of any content, like numpy.empty, perhaps in a block that was used before.

    It begins with a cache line, and SLACK bytes behind it may be read.
    """
    whole = prod(shape) * dtype.itemsize + CACHE_LINE + SLACK
    room = np.asarray(_Lease(_block(whole))) if whole >= _LARGE else np.empty(whole, np.uint8)
    return np.ndarray(shape, dtype, room, -address(room) % CACHE_LINE)


def _block(size: int) -> NDArray[np.uint8]:
    """A free block of this size or up to twice as large, or a new one, for which the free ones make room."""
    fitting = {name: len(block) for name, block in list(_FREE.items()) if size <= len(block) <= 2 * size}
    block = _FREE.pop(min(fitting, key=fitting.__getitem__), None) if fitting else None
    if block is None:
        _FREE.clear()
        block = np.empty(size, np.uint8)
    return block


def chunks(samples: int, each: int) -> list[slice]:
    """All samples, of `each` bytes, in equal parts of CHUNK at most; a part has one sample at least."""
    count = -(-samples // max(1, CHUNK // max(1, each)))
    bounds = [samples * part // count for part in range(count + 1)]
    return [slice(first, end) for first, end in pairwise(bounds)]


def available_memory() -> int | None:
    """Bytes that this process may still take, as far as the system says: of the machine, or of its control group."""
    found = [left for left in (_of_machine(), _of_group()) if left is not None]
    return min(found, default=None)


def _of_machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    with suppress(OSError, ValueError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_group() -> int | None:
    group = Path("/sys/fs/cgroup")
    with suppress(OSError, ValueError):
        return int((group / "memory.max").read_text()) - int((group / "memory.current").read_text())
    return None


def check_fits(needed: int) -> None:
    """Raise InputError where a trace of so many bytes does not fit into memory, if it is longer than a chunk."""
    kept = sum(map(len, list(_FREE.values())))
    left = available_memory() if needed > max(CHUNK, kept) else None
    if left is not None and needed > left + kept:
        found = f"found a trace of {needed:,} bytes; allowed: {left + kept:,} that are free"
        raise InputError(f"record: {found}. Run fewer samples, record fewer registers, or stream it: record_to='PATH'")
