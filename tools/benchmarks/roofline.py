"""The engine against what the machine can do."""

from __future__ import annotations

from collections.abc import Iterator

from .rows import Bench, Settings


def benches(settings: Settings) -> Iterator[Bench]:
    """None yet."""
    yield from ()
