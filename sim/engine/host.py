"""What the processor that kernels are compiled for has."""

from __future__ import annotations

import platform
from contextlib import suppress
from functools import cache
from pathlib import Path

import llvmlite.binding as llvm


@cache
def vector_registers() -> int:
    """Bytes of all vector registers together."""
    features = llvm.get_host_cpu_features()
    if not x86():
        return 32 * 16  # NEON, and others like it
    if features.get("avx512bw"):
        return 32 * 64
    return 16 * 32 if features.get("avx2") else 16 * 16


@cache
def packs() -> bool:
    """Whether an instruction brings together the bytes of a vector that a mask tells, and one its words."""
    return x86() and bool(llvm.get_host_cpu_features().get("avx512vbmi2"))


@cache
def core_cache() -> int:
    """Bytes of the cache that a core has for itself, as far as the system says; else what is usual."""
    with suppress(OSError, ValueError):
        found = Path("/sys/devices/system/cpu/cpu0/cache/index2/size").read_text().strip()
        return int(found.removesuffix("K")) << 10
    return 1 << 20


def x86() -> bool:
    """Whether it is one of Intel's or AMD's, of 64 bits."""
    return platform.machine().lower() in ("x86_64", "amd64")
