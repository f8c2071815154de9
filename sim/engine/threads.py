"""Work on several threads, which are kept from run to run."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

Part = TypeVar("Part")


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(run: Callable[[Part], Any], parts: Sequence[Part]) -> None:
    """`run` of every part, the first on this thread: two that are woken at once may begin on one processor.

    All have ended when it returns or raises.
    """
    if not parts:
        return
    others = [_pool().submit(run, part) for part in parts[1:]]
    try:
        run(parts[0])
    finally:
        for other in others:
            other.exception()  # waits for it
    for other in others:
        other.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(available_threads(), "bitspike")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads do not survive a fork
