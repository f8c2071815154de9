"""Kernels called on the memory of tensors and arrays, their rows split over torch's threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..engine.cache import Kernel
from ..engine.clocked import thread_pool
from .openmp import openmp

_WORTH_A_THREAD = 100_000  # nanoseconds

Argument = int | Tensor | NDArray[np.generic]


def call(kernel: Kernel, names: Sequence[str], arguments: Mapping[str, Argument], ends: Sequence[int]) -> None:
    """Call a kernel with its arguments `names` in order: numbers, and the addresses of contiguous tensors and arrays.

    ends: each call runs the rows `first` to `last` between two of them, in a thread of its own.
    """
    numbers = {name: _number(value) for name, value in arguments.items()}
    rows = [[{**numbers, "first": first, "last": last}[name] for name in names] for first, last in pairwise(ends)]
    calls = np.array(rows, np.int64)
    run = openmp()
    if len(calls) == 1:
        kernel(calls.ctypes.data)
    elif run is not None:
        run(kernel, calls)
    else:
        list(thread_pool().map(kernel, [each.ctypes.data for each in calls]))


def parts(rows: int, work: int) -> list[int]:
    """Where to split rows of equal work; work: about how many nanoseconds all of them take."""
    threads = _threads(rows, work)
    return [rows * part // threads for part in range(threads + 1)]


def parts_of(loads: NDArray[np.int64], work: int) -> list[int]:
    """Where to split rows in proportion to what each has to do."""
    threads = _threads(len(loads), work)
    if threads == 1:
        return [0, len(loads)]
    done = np.cumsum(loads)
    between = np.searchsorted(done, [int(done[-1]) * part // threads for part in range(1, threads)])
    return [0, *between.tolist(), len(loads)]


def _threads(rows: int, work: int) -> int:
    return max(1, min(torch.get_num_threads(), rows, work // _WORTH_A_THREAD))


def _number(value: Argument) -> int:
    if isinstance(value, int):
        return value
    return value.data_ptr() if isinstance(value, Tensor) else value.ctypes.data
