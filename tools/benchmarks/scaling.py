"""How time grows with threads, steps, samples and events, and from profile to profile."""

from __future__ import annotations

from collections.abc import Iterator

from .rows import Bench, Settings


def benches(settings: Settings) -> Iterator[Bench]:
    """None yet."""
    yield from ()
