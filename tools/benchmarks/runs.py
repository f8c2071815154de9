"""Runs of the engine on so many threads."""

from __future__ import annotations

import inspect
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import bitspike as bs

from .timing import processors

_TAKES_THREADS = "threads" in inspect.signature(bs.run).parameters


def run(network: bs.Network, given: Any, threads: int) -> bs.Trace:
    """`bs.run` on at most so many threads."""
    if _TAKES_THREADS:
        return bs.run(network, given, threads=threads)
    with limited(threads):
        return bs.run(network, given)


@contextmanager
def limited(threads: int) -> Iterator[None]:
    """This thread, and those that it starts, on so many processors."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    whole = processors()
    os.sched_setaffinity(0, set(whole[:threads]))
    try:
        yield
    finally:
        os.sched_setaffinity(0, set(whole))
