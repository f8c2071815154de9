"""The C++ side: `kernels.cpp`, compiled for this machine when it is needed."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parent / "kernels.cpp"
FLAGS = ("-O3", "-march=native", "-std=c++17", "-shared", "-fPIC")


def compiler() -> str | None:
    """The C++ compiler: $CXX, g++ or clang++; None where there is none."""
    found = (shutil.which(name) for name in (os.environ.get("CXX", ""), "g++", "clang++") if name)
    return next((path for path in found if path), None)


@cache
def compiler_version() -> str | None:
    """The first line of what the compiler says of itself."""
    path = compiler()
    if path is None:
        return None
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    return (said.stdout.splitlines() or [Path(path).name])[0]


@cache
def kernels() -> ctypes.CDLL | str:
    """The compiled functions, or why there are none."""
    path = compiler()
    if path is None:
        return "no C++ compiler"
    with tempfile.TemporaryDirectory(prefix="bitspike-benchmark-") as folder:
        library = Path(folder) / "kernels.so"
        said = subprocess.run(
            [path, *FLAGS, str(SOURCE), "-o", str(library)], capture_output=True, text=True, check=False
        )
        if said.returncode:
            return f"{Path(path).name} failed: {(said.stderr.splitlines() or ['?'])[0]}"
        loaded = ctypes.CDLL(str(library))
    for name in ("register_adds", "loaded_adds", "accumulate"):
        getattr(loaded, name).restype = ctypes.c_int64
    return loaded
