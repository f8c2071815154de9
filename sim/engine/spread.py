"""Some steps of a raster as counts of every channel: what a state keeps of the input.

Compiled, as NumPy takes longer for it than the kernels for all steps of a small network.
"""

from __future__ import annotations

from ctypes import addressof, c_int64
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..ops.code import I64, Code
from ..raster import Raster
from ..trace import Integers
from .cache import Kernel, address, compiled
from .kernel import generator

_NAMES = ("samples", "steps", "inputs", "graded", "first", "spread", "pointers", "index", "counts", "into")
_NONE = np.zeros(1, np.int64)


def spread_steps(raster: Raster, first: int, into: Integers) -> None:
    """Write to `into` [sample, step, input], whose type holds it, what each channel carries from step `first` on."""
    counts = _NONE if raster.counts is None else raster.counts
    arrays: list[NDArray[Any]] = [raster.pointers, raster.index, counts, into]
    numbers = (*raster.shape, counts is not _NONE, first, into.shape[1])
    values = (c_int64 * len(_NAMES))(*numbers, *map(address, arrays))
    _kernel(raster.index.dtype, into.dtype)(addressof(values))


@cache
def _kernel(listed: np.dtype[Any], into: np.dtype[Any]) -> Kernel:
    names = listed.name, into.name
    return compiled(f"{generator()}\nspread\n{' '.join(names)}", lambda: _code(*names))


def _code(listed: str, dtype: str) -> str:
    code = Code(_NAMES)
    builder, (samples, steps, inputs, graded, first, spread) = code.builder, map(code.argument, _NAMES[:6])
    pointers, index, counts = code.row("pointers", "int64"), code.row("index", listed), code.row("counts", "int64")
    several = builder.icmp_signed("!=", graded, I64(0))
    with code.loop(I64(0), samples) as sample, code.loop(I64(0), spread) as step:
        place = builder.add(builder.mul(sample, spread), step)
        row = code.row("into", dtype).part(builder.mul(place, inputs))
        row.clear(inputs)
        at = builder.add(builder.mul(sample, steps), builder.add(first, step))
        with code.loop(pointers.get(at), pointers.get(builder.add(at, I64(1)))) as event:
            known = counts.get(builder.select(several, event, I64(0)))
            row.set(index.get(event), builder.select(several, known, I64(1)))
    return code.finish()
