"""Machine code of kernels: compiled by LLVM for this processor, kept in a folder of the user's.

The folder is $BITSPIKE_CACHE_DIR, else bitspike/ in the user's cache folder; where neither can be written, a temporary
folder that lasts as long as the process; where there is none either, nothing is kept. Kernels that were used longest
ago make room for new ones.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import os
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, cast

import llvmlite
import llvmlite.binding as llvm
from numpy.typing import NDArray

from ..archive import write_bytes
from ..errors import FileError

Kernel = Callable[[int], None]
"""Machine code, called with the address of its arguments."""

LOG = logging.getLogger(__name__)
"""Told at INFO of every kernel that is compiled, not of those that are found."""

MOST_BYTES = 1 << 28  # of all kernels that are kept
_ABANDONED = 3600  # seconds after which what is half-written is nobody's
_CHECK = hashlib.sha256().digest_size  # bytes of a file before the code: its checksum
_LOADED: dict[str, tuple[Kernel, Any]] = {}
_LOCK = Lock()


def _user_cache() -> Path:
    if "BITSPIKE_CACHE_DIR" in os.environ:
        return Path(os.environ["BITSPIKE_CACHE_DIR"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "bitspike"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "bitspike"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bitspike"


@cache
def cache_folder() -> Path | None:
    """A folder of kernels that can be written and that no other user can; None where there is none."""
    with suppress(OSError, RuntimeError):
        folder = _user_cache()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    try:
        return Path(_temporary().name)
    except OSError:
        return None


@cache
def _temporary() -> tempfile.TemporaryDirectory[str]:
    """Removed when the process ends."""
    return tempfile.TemporaryDirectory(prefix="bitspike-")


class _ArrayInterface(ctypes.Structure):
    """What `__array_struct__` points to: NumPy's array interface for C."""

    _fields_ = (
        ("two", ctypes.c_int),
        ("nd", ctypes.c_int),
        ("typekind", ctypes.c_char),
        ("itemsize", ctypes.c_int),
        ("flags", ctypes.c_int),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("data", ctypes.c_void_p),
    )


_interface = ctypes.pythonapi.PyCapsule_GetPointer
_interface.restype, _interface.argtypes = ctypes.POINTER(_ArrayInterface), (ctypes.py_object, ctypes.c_char_p)


def address(array: NDArray[Any]) -> int:
    """Where an array begins in memory, for machine code, which takes it to be contiguous.

    By its buffer, or the interface for C, where it is read-only or empty: `array.ctypes.data` takes six times as long,
    which a run of one sample would feel.
    """
    try:
        return ctypes.addressof(ctypes.c_char.from_buffer(cast("Any", array)))
    except (TypeError, ValueError):
        assert array.flags.c_contiguous
    place: int = _interface(array.__array_struct__, None).contents.data
    return place


def compiled(key: str, source: Callable[[], str]) -> Kernel:
    """The function `kernel` of an LLVM module, compiled, or found in the cache.

    key: names everything that the module depends on; its text is asked for where it is not in the cache.
    """
    with _LOCK:
        if key not in _LOADED:
            _LOADED[key] = linked(_object(key, source))
        return _LOADED[key][0]


def entry(kernel: Kernel) -> int:
    """Where a kernel begins in memory, for machine code that calls it."""
    return ctypes.cast(cast("Any", kernel), ctypes.c_void_p).value or 0


def _object(key: str, source: Callable[[], str]) -> bytes:
    """Object code from the cache, where its checksum is right; else compiled and kept there, if it can be."""
    name = hashlib.sha256(f"{_host()}\n{key}".encode()).hexdigest()[:32]
    folder = cache_folder()
    if folder is None:
        LOG.info("compiling a kernel for this processor; kernels are not kept, as no folder can be written")
        return object_code(source())
    path = folder / f"{name}.o"
    code = _kept(path)
    if not code:
        LOG.info("compiling a kernel for this processor; kernels are kept in %s", folder)
        code = object_code(source())
        with suppress(FileError):  # a full disk, say
            write_bytes(path, hashlib.sha256(code).digest() + code)
        _trim(folder)
    return code


def _kept(path: Path) -> bytes:
    """Object code whose checksum is right, or none. It counts as used now."""
    try:
        content = path.read_bytes()
    except OSError:
        return b""
    with suppress(OSError):  # a folder that can only be read
        os.utime(path)
    code = content[_CHECK:]
    return code if hashlib.sha256(code).digest() == content[:_CHECK] else b""


def _trim(folder: Path) -> None:
    """Remove the kernels that were used longest ago, beyond MOST_BYTES, and what writers that died have left.

    Other processes may do the same, or read what is removed: it has vanished then, or is compiled anew.
    """
    kernels: list[tuple[float, int, str]] = []
    for entry in os.scandir(folder):  # a glob of thousands of kernels takes as long as compiling one
        with suppress(OSError):
            found = entry.stat()
            if entry.name.endswith(".o"):
                kernels.append((found.st_mtime, found.st_size, entry.path))
            elif entry.name.endswith(".partial") and found.st_mtime < time.time() - _ABANDONED:
                os.unlink(entry.path)
    room = MOST_BYTES
    for _, size, path in sorted(kernels, reverse=True):
        room -= size
        if room < 0:
            with suppress(OSError):
                os.unlink(path)


def _host() -> str:
    """What object code is for: this processor, by this compiler."""
    return f"{llvmlite.__version__} {llvm.get_process_triple()} {llvm.get_host_cpu_name()} {_features()}"


def _features() -> str:
    features: str = llvm.get_host_cpu_features().flatten()
    return features


@cache
def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    target = llvm.Target.from_triple(llvm.get_process_triple())
    return target.create_target_machine(
        cpu=llvm.get_host_cpu_name(), features=_features(), opt=2, reloc="pic", jit=True, codemodel="jitdefault"
    )


def object_code(source: str) -> bytes:
    """An LLVM module compiled for this processor."""
    module = llvm.parse_assembly(source)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_unrolling = False
    passes = llvm.create_pass_builder(_machine(), options)
    passes.getModulePassManager().run(module, passes)
    code: bytes = _machine().emit_object(module)
    return code


def linked(code: bytes) -> tuple[Kernel, Any]:
    """The function, and what must live as long as it."""
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine_of_its_own())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(engine.get_function_address("kernel"))
    return function, engine


def _machine_of_its_own() -> Any:
    """An engine takes over the machine that it is made with."""
    _machine()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(opt=2, jit=True)
