"""What the processor that kernels are compiled for has."""

from __future__ import annotations

import platform
from functools import cache

import llvmlite.binding as llvm


@cache
def vector_registers() -> int:
    """Bytes of all vector registers together."""
    features = llvm.get_host_cpu_features()
    if platform.machine().lower() not in ("x86_64", "amd64"):
        return 32 * 16  # NEON, and others like it
    if features.get("avx512bw"):
        return 32 * 64
    return 16 * 32 if features.get("avx2") else 16 * 16
