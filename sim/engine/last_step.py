"""The last step of a raster as counts of every channel: what a state keeps of the input.

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

_NAMES = ("samples", "steps", "inputs", "graded", "pointers", "index", "counts", "into")
_NONE = np.zeros(1, np.int64)


def spread_last_step(raster: Raster, into: Integers) -> None:
    """Write what each channel carries in the last step to `into` [sample, input], whose type holds it."""
    counts = _NONE if raster.counts is None else raster.counts
    arrays: list[NDArray[Any]] = [raster.pointers, raster.index, counts, into]
    values = (c_int64 * len(_NAMES))(*raster.shape, counts is not _NONE, *map(address, arrays))
    _kernel(raster.index.dtype, into.dtype)(addressof(values))


@cache
def _kernel(listed: np.dtype[Any], into: np.dtype[Any]) -> Kernel:
    names = listed.name, into.name
    return compiled(f"{generator()}\nlast step\n{' '.join(names)}", lambda: _code(*names))


def _code(listed: str, dtype: str) -> str:
    code = Code(_NAMES)
    builder, (samples, steps, inputs, graded) = code.builder, map(code.argument, _NAMES[:4])
    pointers, index, counts = code.row("pointers", "int64"), code.row("index", listed), code.row("counts", "int64")
    several = builder.icmp_signed("!=", graded, I64(0))
    with code.loop(I64(0), samples) as sample:
        row = code.row("into", dtype).part(builder.mul(sample, inputs))
        row.clear(inputs)
        end = builder.mul(builder.add(sample, I64(1)), steps)
        with code.loop(pointers.get(builder.sub(end, I64(1))), pointers.get(end)) as event:
            known = counts.get(builder.select(several, event, I64(0)))
            row.set(index.get(event), builder.select(several, known, I64(1)))
    return code.finish()
