"""One array as a text file of memory words for `$readmemh`, and what a manifest says of it."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import FileError
from ..network.network import Integers
from ..word import Word

MANIFEST = "manifest.json"
_MAX_FILE = 1 << 30  # bytes of one file that are read


@dataclass(frozen=True)
class Image:
    """One memory: `values` of `word`, laid out row by row (the last axis of `shape` counts fastest)."""

    array: str
    holds: str
    word: Word
    axes: tuple[str, ...]
    values: Integers
    suffix: str = "mem"

    @property
    def file(self) -> str:
        """Its name in the folder."""
        return f"{self.array}.{self.suffix}"

    @cached_property
    def text(self) -> str:
        """A two's-complement word a line, as many hex digits as its bits need."""
        digits = -(-self.word.bits // 4)
        return "".join(f"{value & self.word.mask:0{digits}x}\n" for value in self.values.ravel().tolist())

    @property
    def address(self) -> str:
        """Where the word of an index stands: `pre * 2 + post`."""
        shape = self.values.shape
        terms = [" * ".join([axis, *map(str, shape[place + 1 :])]) for place, axis in enumerate(self.axes)]
        return " + ".join(terms) or "0"

    @property
    def entry(self) -> dict[str, Any]:
        """What a manifest says of the file."""
        return {
            "file": self.file,
            "array": self.array,
            "holds": self.holds,
            "word": str(self.word),
            "encoding": "two's complement, hex, one word a line",
            "axes": list(self.axes),
            "shape": list(self.values.shape),
            "address": self.address,
            "words": self.values.size,
            "sha256": sha256(self.text),
        }


def sha256(text: str) -> str:
    """The checksum of a file's text, in hex."""
    return hashlib.sha256(text.encode()).hexdigest()


def start_folder(folder: str | os.PathLike[str]) -> Path:
    """A folder to write files and then their manifest to; until that is there, the folder is not whole.

    Raises FileError.
    """
    root = Path(folder)
    try:
        root.mkdir(parents=True, exist_ok=True)
        (root / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise FileError(f"{os.fspath(folder)}: cannot be written: {error.strerror}") from None
    return root


def read_text(path: Path) -> str:
    """An ASCII file. Raises FileError."""
    try:
        if path.stat().st_size > _MAX_FILE:
            raise FileError(f"{path}: larger than {_MAX_FILE:,} bytes")
        return path.read_text("ascii")
    except FileNotFoundError:
        raise FileError(f"{path}: no such file") from None
    except UnicodeDecodeError:
        raise FileError(f"{path}: damaged: not ASCII text") from None
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror}") from None


def read_image(folder: Path, manifest: Path, entry: Mapping[str, Any]) -> Integers:
    """The integers of one image that a manifest lists, its checksum, length and words verified. Raises FileError."""
    name = entry["file"]
    if not re.fullmatch(r"[A-Za-z0-9_.-]+", name) or name.startswith("."):
        raise FileError(f"{manifest}: found file name {name!r}; allowed: letters, digits, '_', '-' and '.'")
    path = folder / name
    text, word = read_text(path), Word.parse(entry["word"])
    lines = text.split()
    for number, line in enumerate(lines, 1):
        if not re.fullmatch(r"[0-9a-fA-F]+", line) or int(line, 16) > word.mask:
            raise FileError(f"{path}:{number}: found {line!r}; allowed: a word of {word.bits} bits in hex")
    if len(lines) != entry["words"]:
        raise FileError(f"{path}: found {len(lines)} words; {entry['words']} are declared")
    if sha256(text) != entry["sha256"]:
        raise FileError(f"{path}: damaged: it does not have the checksum it was written with")
    return from_patterns(np.array([int(line, 16) for line in lines], np.int64), word).reshape(entry["shape"])


def from_patterns(patterns: Integers, word: Word) -> Integers:
    """The values of bit patterns: two's complement where the word is signed."""
    sign = 1 << (word.bits - 1)
    return (patterns ^ sign) - sign if word.signed else patterns
