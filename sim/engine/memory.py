"""Memory of a run: samples are run in chunks, and a trace that does not fit is refused before the run."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from ..errors import InputError

CHUNK = 1 << 26  # bytes of a run's arrays that are worked on at a time


def chunks(samples: int, each: int) -> list[slice]:
    """All samples, of `each` bytes, in parts of CHUNK at most; a part has one sample at least."""
    size = max(1, CHUNK // max(1, each))
    return [slice(first, min(first + size, samples)) for first in range(0, samples, size)]


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
    left = available_memory() if needed > CHUNK else None
    if left is not None and needed > left:
        found = f"found a trace of {needed:,} bytes; allowed: {left:,} that are free"
        raise InputError(f"record: {found}. Run fewer samples, record fewer registers, or stream it: record_to='PATH'")
