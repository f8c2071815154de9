"""What a figure was measured on."""

from __future__ import annotations

import platform
import sys
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import llvmlite.binding as llvm

from .native import compiler_version
from .timing import processors

EXTENSIONS = ("avx512bw", "avx2", "asimd", "sve")


@cache
def machine() -> str:
    """Processor, how many, vector extensions, compilers and libraries."""
    llvm_version = ".".join(map(str, llvm.llvm_version_info))
    parts = [f"{_processor()}, {len(processors())} cores, {_extensions()}"]
    parts += [f"LLVM {llvm_version}", compiler_version() or "no C++ compiler"]
    parts += [f"Python {platform.python_version()}"]
    parts += [f"{name} {found}" for name in ("numpy", "torch") if (found := installed(name))]
    return "; ".join(parts)


def installed(package: str) -> str | None:
    """The version of a package, None where it is not installed."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _facts() -> dict[str, str]:
    """The first processor's entry of /proc/cpuinfo, where there is one."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return {}
    lines = (line.partition(":") for line in text.split("\n\n")[0].splitlines())
    return {name.strip(): value.strip() for name, _, value in lines}


def _processor() -> str:
    facts = _facts()
    family = f" (family {facts['cpu family']}, model {facts['model']})" if "cpu family" in facts else ""
    return f"{facts.get('model name') or platform.processor() or platform.machine()}{family}"


def _extensions() -> str:
    facts = _facts()
    flags = (facts.get("flags") or facts.get("Features") or "").split()
    return next((name for name in EXTENSIONS if name in flags), f"{sys.platform} {platform.machine()}")
