"""Kernels run by torch's own threads, which OpenMP keeps.

For milliseconds after an operation of torch they wait for work without giving up their processors: other threads would
have to share these with them, and a step of training took a third longer.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import torch
from llvmlite import ir
from numpy.typing import NDArray

from ..engine.cache import Kernel, compiled
from ..ops.code import I32, I64, Code

Run = Callable[[Kernel, NDArray[np.int64]], None]


@cache
def openmp() -> Run | None:
    """What calls a kernel once for each row of arguments, on all of torch's threads; None without OpenMP."""
    try:
        library = ctypes.CDLL(None)  # torch has loaded it for everyone
        parallel, *asked = library.GOMP_parallel, library.omp_get_thread_num, library.omp_get_num_threads
    except (AttributeError, OSError, TypeError):
        return None
    parallel.argtypes, parallel.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint), None
    text = _own_rows()
    own_rows, which = _address(compiled(text, lambda: text)), [_address(each) for each in asked]

    def run(kernel: Kernel, arguments: NDArray[np.int64]) -> None:
        own = np.array([*which, _address(kernel), arguments.ctypes.data, *arguments.shape], np.int64)
        # all threads, also those without a row: OpenMP ends what a smaller team does not use
        parallel(own_rows, own.ctypes.data, torch.get_num_threads(), 0)

    return run


def _own_rows() -> str:
    """Code that every thread runs: it calls the kernel for each of its rows."""
    code = Code(["thread", "threads", "kernel", "arguments", "rows", "columns"])
    builder = code.builder
    asked = ir.FunctionType(I32, []).as_pointer()
    thread, threads = (
        builder.zext(builder.call(builder.inttoptr(code.argument(name), asked), []), I64)
        for name in ("thread", "threads")
    )
    kernel = builder.inttoptr(code.argument("kernel"), ir.FunctionType(ir.VoidType(), [I64.as_pointer()]).as_pointer())
    arguments, row = code.row("arguments", "int64"), code.slot(thread)
    with code.while_(lambda: builder.icmp_signed("<", row.get(), code.argument("rows"))):
        builder.call(kernel, [arguments.part(builder.mul(row.get(), code.argument("columns"))).data])
        row.add(threads)
    return code.finish()


def _address(function: Any) -> int:
    address = ctypes.cast(function, ctypes.c_void_p).value
    assert address is not None
    return address
