"""Compiled kernels: their source kept in a folder of the user's, where Numba keeps the machine code too.

The folder is $BITSPIKE_CACHE_DIR, else bitspike/ in the user's cache folder; where neither can be
written, a temporary folder that lasts as long as the process.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from ..archive import write_text
from ..errors import FileError


def _user_cache() -> Path:
    if "BITSPIKE_CACHE_DIR" in os.environ:
        return Path(os.environ["BITSPIKE_CACHE_DIR"])
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "bitspike"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "bitspike"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "bitspike"


@cache
def cache_folder() -> Path:
    """A folder of kernels that can be written and that no other user can."""
    try:
        folder = _user_cache()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except (OSError, RuntimeError):
        return Path(tempfile.mkdtemp(prefix="bitspike-"))


@cache
def compiled(source: str) -> Callable[..., Any]:
    """The `kernel` that a module's source defines; compiled at its first call, or found in the cache."""
    name = f"kernel_{hashlib.sha256(source.encode()).hexdigest()[:16]}"
    path = cache_folder() / f"{name}.py"
    if not path.is_file() or path.read_bytes() != source.encode():
        write_text(path, source)
    spec = importlib.util.spec_from_file_location(f"bitspike_{name}", path)
    if spec is None or spec.loader is None:
        raise FileError(f"{path}: cannot be loaded")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    kernel: Callable[..., Any] = module.kernel
    return kernel
