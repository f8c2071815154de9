"""The export formats by name. A new one is a `Format` beside its writer, and its place in this list."""

from __future__ import annotations

import os
from typing import Any

from ..errors import InputError, suggest
from ..network import Network, load_network, save_network
from . import c, readmemh, systemverilog
from .format import Format, Path
from .nir import native as nir


def _write_npz(network: Network, path: Path) -> list[str]:
    save_network(network, path)
    return [os.path.basename(path)]


_NPZ = Format("npz", "one file that bitspike runs", _write_npz, load_network)

FORMATS = {format.name: format for format in (_NPZ, readmemh.FORMAT, c.FORMAT, nir.FORMAT, systemverilog.FORMAT)}


def find_format(name: str) -> Format:
    """The format of that name. Raises InputError."""
    if name not in FORMATS:
        raise InputError(f"format: found {name!r}; allowed: {', '.join(FORMATS)}{suggest(name, FORMATS)}")
    return FORMATS[name]


def export(network: Network, path: Path, format: str = "npz", **options: Any) -> list[str]:
    """Write a network to a file or a folder: `FORMATS` says what each format writes and which options it has.

    Returns the names of the files written. Raises InputError for another format or option, FileError.
    """
    chosen = find_format(format)
    chosen.check(options)
    return chosen.write(network, path, **options)
