"""How many threads torch computes small work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

# Multiply-adds of a step below which a second thread gained nothing and, on cores that other work wanted,
# made training twenty times slower: its waiting threads hold the cores.
_SMALL = 4_000_000


@contextmanager
def threads_for(multiply_adds: int) -> Iterator[None]:
    """One thread inside the block if a step has few multiply-adds, as many as before after it."""
    before = torch.get_num_threads()
    try:
        if multiply_adds < _SMALL:
            torch.set_num_threads(1)
        yield
    finally:
        torch.set_num_threads(before)
