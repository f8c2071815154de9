"""A NIR file or graph as a tree of plain values: groups are dicts, leaves are arrays and text. Read without trust.

Only what lies in the file itself is read, and nothing is allocated before its size is known to be sensible.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from ...errors import FileError, InputError

MAX_BYTES = 1 << 30  # of all arrays together, unpacked
MAX_DEPTH = 16  # groups within groups
MAX_ENTRIES = 100_000
VERSIONS = re.compile(r"[01](\.[0-9]+)+([.+-]?[a-z0-9.+-]*)?", re.ASCII)

Tree = dict[str, Any]


def read_file(path: str | os.PathLike[str]) -> Tree:
    """The tree under `node` of a NIR file. Raises FileError for what is missing, damaged or of another version."""
    import h5py  # here, as importing it takes longer than most of bitspike

    place = os.fspath(path)
    if not os.path.exists(place):
        raise FileError(f"{place}: no such file")
    if not os.path.isfile(place):
        raise FileError(f"{place}: found no regular file; allowed: a NIR file")
    try:
        with h5py.File(place, "r") as file:
            found = _Reader(place).group(file, "", 0)
    except FileError:
        raise
    except PermissionError:
        raise FileError(f"{place}: cannot be read: permission denied") from None
    except Exception:  # whatever a damaged file leads the HDF5 library to raise
        raise FileError(f"{place}: damaged, or not a NIR file (HDF5)") from None
    return _checked(found, place)


def _checked(found: Tree, place: str) -> Tree:
    version, root = found.get("version"), found.get("node")
    if not isinstance(version, str) or not VERSIONS.fullmatch(version):
        what = repr(version) if isinstance(version, str) else "none"
        raise FileError(f"{place}: version: found {what}; allowed: a version 0 or 1 of NIR")
    if not isinstance(root, dict):
        raise FileError(f"{place}: node: found no group; allowed: a graph")
    return root


class _Reader:
    """Reads the groups of one file, counting what it takes."""

    def __init__(self, place: str) -> None:
        self.place = place
        self.bytes = 0
        self.entries = 0

    def group(self, group: Any, path: str, depth: int) -> Tree:
        """Everything in a group."""
        import h5py

        if depth > MAX_DEPTH:
            raise FileError(f"{self.place}: {path}: groups within groups; allowed: {MAX_DEPTH} deep")
        tree: Tree = {}
        for name in group:
            inner = f"{path}/{name}"
            self.entries += 1
            if self.entries > MAX_ENTRIES:
                raise FileError(f"{self.place}: found more than {MAX_ENTRIES:,} entries")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise FileError(f"{self.place}: {inner}: found a link; allowed: what lies in the file itself")
            item = group[name]
            if isinstance(item, h5py.Group):
                tree[name] = self.group(item, inner, depth + 1)
            elif isinstance(item, h5py.Dataset):
                tree[name] = self.dataset(item, inner)
            else:
                raise FileError(f"{self.place}: {inner}: found a named type; allowed: groups and arrays")
        return tree

    def dataset(self, item: Any, path: str) -> Any:
        """An array, or text, or a list of texts."""
        import h5py

        if item.external or item.is_virtual:
            raise FileError(f"{self.place}: {path}: found values outside; allowed: what lies in the file itself")
        if item.shape is None:
            raise FileError(f"{self.place}: {path}: found no value; allowed: an array or text")
        self.bytes += int(item.size) * max(1, item.dtype.itemsize)
        if self.bytes > MAX_BYTES:
            raise FileError(f"{self.place}: {path}: found more than {MAX_BYTES:,} bytes of arrays")
        if h5py.check_string_dtype(item.dtype) is not None:
            return _text(item[()])
        if item.dtype.kind not in "biufc":
            raise FileError(f"{self.place}: {path}: found values of type {item.dtype}; allowed: numbers or text")
        return np.asarray(item[()])


def _text(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_text(entry) for entry in value.tolist()]
    if isinstance(value, list):
        return [_text(entry) for entry in value]
    return value.decode("utf-8") if isinstance(value, bytes) else str(value)


def read_object(graph: Any) -> Tree:
    """The tree of a `nir.NIRGraph` in memory. Raises InputError for anything else."""
    try:
        tree = _plain(graph.to_dict(), 0)
    except (AttributeError, TypeError, ValueError, RecursionError, RuntimeError) as error:
        raise InputError(f"graph: found {type(graph).__name__}; allowed: a file, or a nir.NIRGraph ({error})") from None
    assert isinstance(tree, dict)
    return tree


def _plain(value: Any, depth: int) -> Any:
    """Arrays, text, lists of text and dicts only."""
    if depth > 4 * MAX_DEPTH:
        raise ValueError("groups within groups")
    if isinstance(value, Mapping):
        return {str(key): _plain(entry, depth + 1) for key, entry in value.items() if entry is not None}
    if isinstance(value, bytes | str):
        return _text(value)
    if isinstance(value, list | tuple) and any(isinstance(entry, str | bytes | list | tuple) for entry in value):
        return [_plain(entry, depth + 1) for entry in value]
    return np.asarray(value)
