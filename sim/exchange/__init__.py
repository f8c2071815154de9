"""Other people's formats, in and out."""

from __future__ import annotations

import os

from ..errors import InputError
from ..network import Network, save_network
from .event_file import read_event_file, write_event_file
from .readmemh import read_images, write_images
from .save_vectors import save_vectors
from .vectors import Vectors, load_vectors
from .verify import Verification, verify

FORMATS = ("npz", "readmemh")


def export(network: Network, path: str | os.PathLike[str], format: str = "npz") -> list[str]:
    """Write a network: 'npz', one file that bitspike runs, or 'readmemh', a folder of memory images.

    Returns the names of the files written. Raises InputError for another format, FileError.
    """
    if format == "readmemh":
        return write_images(network, path)
    if format != "npz":
        raise InputError(f"format: found {format!r}; allowed: {', '.join(FORMATS)}")
    save_network(network, path)
    return [os.path.basename(path)]


__all__ = [
    "FORMATS",
    "Vectors",
    "Verification",
    "export",
    "load_vectors",
    "read_event_file",
    "read_images",
    "save_vectors",
    "verify",
    "write_event_file",
    "write_images",
]
