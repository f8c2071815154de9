"""Kernels called on the memory of tensors and arrays, their rows split over torch's threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..engine.cache import Kernel
from ..engine.threads import in_threads
from .openmp import openmp

_WORTH_A_THREAD = 100_000  # nanoseconds

Array = Tensor | NDArray[np.generic]
Argument = int | Array


def call(kernel: Kernel, names: Sequence[str], arguments: Mapping[str, Argument], ends: Sequence[int]) -> None:
    """Call a kernel with its arguments `names` in order: numbers, and the addresses of contiguous tensors and arrays.

    ends: each call runs the rows `first` to `last` between two of them, in a thread of its own.
    """
    run(kernel, calls(names, arguments, {}, ends)[0])


def calls(
    names: Sequence[str], steady: Mapping[str, Argument], stepped: Mapping[str, Array], ends: Sequence[int]
) -> NDArray[np.int64]:
    """A kernel's arguments in each step, [step, call, name], for `run`.

    steady: those that are the same in every step. stepped: contiguous arrays, of which step t gets the address of [t].
    """
    steps = min((len(array) for array in stepped.values()), default=1)
    found = np.empty((steps, len(ends) - 1, len(names)), np.int64)
    for place, name in enumerate(names):
        if name in ("first", "last"):
            found[:, :, place] = ends[:-1] if name == "first" else ends[1:]
        elif name in stepped:
            first, second = (_number(stepped[name][step]) for step in (0, min(1, steps - 1)))
            found[:, :, place] = (first + (second - first) * np.arange(steps))[:, None]
        else:
            found[:, :, place] = _number(steady[name])
    return found


def run(kernel: Kernel, arguments: NDArray[np.int64]) -> None:
    """Call a kernel for each row of arguments [call, name], in a thread of its own."""
    together = openmp() if len(arguments) > 1 else None
    if together is not None:
        together(kernel, arguments)
    else:
        in_threads(kernel, [each.ctypes.data for each in arguments])


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
