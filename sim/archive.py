"""One `.npz` file of integer arrays and a JSON header, written whole or not at all, read without trust.

Nothing is ever unpickled. A damaged, truncated, oversized or foreign file raises FileError.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import os
import shutil
import struct
import tempfile
import warnings
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from .errors import FileError

MAX_BYTES = 1 << 32  # of all arrays of a file together that are unpacked into memory
_MAPPED = 1 << 24  # bytes of an array that is left in its file, where that may be
_BLOCK = 1 << 24  # bytes that are written at a time
_HEADER = "header"
_LOCAL = struct.Struct("<4s5H3L2H")  # what precedes a member of a zip file; its last two: lengths of name and extra
_DAMAGED = (zipfile.BadZipFile, zlib.error, struct.error, EOFError, ValueError, RuntimeError)  # whatever zipfile raises

Arrays = Mapping[str, NDArray[Any]]


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """A binary file that becomes `path` when the block ends well, and leaves no trace otherwise.

    Raises FileError where the folder cannot be written or the disk is full.
    """
    target = Path(path)
    partial = target.parent / f".{target.name}.{os.getpid()}.partial"
    try:
        with open(partial, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(partial, target)
    except OSError as error:
        raise FileError(f"{os.fspath(path)}: cannot be written: {error.strerror or error}") from None
    finally:
        with suppress(OSError):
            partial.unlink()


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a whole text file or nothing. Raises FileError."""
    with replacing(path) as file:
        file.write(text.encode())


def write_folder(folder: str | os.PathLike[str], texts: Mapping[str, str]) -> None:
    """Write text files into a folder, by name, 'a/b' in a folder of it. The last says that all are there.

    Every text is on the disk's file system before any file is replaced: where there is no room, nothing has changed.
    Files of other names stay. Raises FileError.
    """
    root, *_, last = Path(folder), *texts
    partial = root / f".{os.getpid()}.partial"
    made = not root.exists()
    try:
        for name, text in texts.items():
            (partial / name).parent.mkdir(parents=True, exist_ok=True)
            (partial / name).write_bytes(text.encode())
        (root / last).unlink(missing_ok=True)
        for name in texts:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(partial / name, root / name)
    except OSError as error:
        raise FileError(f"{os.fspath(folder)}: cannot be written: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        if made:
            with suppress(OSError):
                root.rmdir()  # empty where nothing came of it


def checksum(header: Mapping[str, Any], arrays: Arrays) -> str:
    """SHA-256 over the header (less its own checksum) and every array's name, type, shape and bytes."""
    digest = hashlib.sha256(json.dumps({**header, "checksum": None}, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def write_archive(
    path: str | os.PathLike[str], kind: str, header: Mapping[str, Any], arrays: Arrays, compressed: bool = True
) -> None:
    """Write integer arrays under a header that says `kind` ('network', 'trace') and carries a checksum."""
    full = {"format": f"bitspike-{kind}", **header}
    full["checksum"] = checksum(full, arrays)
    text = np.frombuffer(json.dumps(full).encode(), np.uint8)
    write_arrays(path, {_HEADER: text, **arrays}, compressed)


def write_arrays(path: str | os.PathLike[str], arrays: Arrays, compressed: bool = True) -> None:
    """Write an `.npz` file of arrays of numbers or text. Raises FileError."""
    with replacing(path) as file:
        save = np.savez_compressed if compressed else np.savez
        save(file, **arrays)  # type: ignore[arg-type]


@contextmanager
def arrays_on_disk(
    path: str | os.PathLike[str], shapes: Mapping[str, tuple[tuple[int, ...], str]]
) -> Iterator[dict[str, NDArray[Any]]]:
    """Zeros of these shapes and types in files next to `path`, which are removed after the block. Raises FileError."""
    target = Path(path)
    with ExitStack() as stack:
        try:
            partial = tempfile.TemporaryDirectory(prefix=f".{target.name}.", suffix=".partial", dir=target.parent)
            folder = Path(stack.enter_context(partial))
            arrays = {name: _on_disk(folder / f"{k}", *shapes[name]) for k, name in enumerate(shapes)}
        except OSError as error:
            raise FileError(f"{os.fspath(path)}: cannot be written: {error.strerror or error}") from None
        yield arrays


def _on_disk(path: Path, shape: tuple[int, ...], dtype: str) -> NDArray[Any]:
    """An array in a file whose space is reserved: a full disk is an error now, and no crash when it is written."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    with open(path, "wb") as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, size)
        else:
            for first in range(0, size, _BLOCK):
                file.write(bytes(min(_BLOCK, size - first)))
    return np.asarray(np.memmap(path, dtype, "r+", shape=shape))


def read_arrays(path: str | os.PathLike[str], kinds: str = "iub", mapped: bool = False) -> dict[str, NDArray[Any]]:
    """The arrays of any `.npz` file, in its order. kinds: NumPy's letters of the types that are read.

    mapped: large ones that are not compressed stay in the file, and cannot be written. Raises FileError.
    """
    place = os.fspath(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return dict(_members(archive, place, kinds, mapped))
    except FileNotFoundError:
        raise FileError(f"{place}: no such file") from None
    except OSError as error:
        raise FileError(f"{place}: cannot be read: {error.strerror or error}") from None
    except _DAMAGED:
        raise FileError(f"{place}: damaged, or not an .npz file") from None


def read_archive(
    path: str | os.PathLike[str], kind: str, schema: int, mapped: bool = False, verify: bool = True
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Header and arrays of a file that `write_archive` wrote, both verified; mapped: see `read_arrays`.

    Raises FileError.
    """
    place = os.fspath(path)
    arrays = read_arrays(path, mapped=mapped)
    header = _header(arrays.pop(_HEADER, None), place, kind, schema)
    if verify and header.get("checksum") != checksum(header, arrays):
        raise FileError(f"{place}: damaged: its content does not have the checksum it was written with")
    return header, arrays


def _members(archive: zipfile.ZipFile, place: str, kinds: str, mapped: bool) -> Iterator[tuple[str, NDArray[Any]]]:
    total = sum(m.file_size for m in archive.infolist() if not (mapped and _stays(m)))
    if total > MAX_BYTES:
        raise FileError(f"{place}: would unpack to {total:,} bytes; at most {MAX_BYTES:,} are read")
    for member in archive.infolist():
        if not member.filename.endswith(".npy"):
            raise FileError(f"{place}: holds '{member.filename}', which is no array")
        if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FileError(f"{place}: {member.filename}: compressed in a way that is not read")
        if mapped and _stays(member):
            yield member.filename.removesuffix(".npy"), _map(member, place, kinds)
            continue
        with archive.open(member) as file:
            content = file.read(member.file_size)  # never more than it declared
        yield member.filename.removesuffix(".npy"), _array(content, f"{place}: {member.filename}", kinds)


def _stays(member: zipfile.ZipInfo) -> bool:
    return member.compress_type == zipfile.ZIP_STORED and member.file_size >= _MAPPED


def _map(member: zipfile.ZipInfo, path: str, kinds: str) -> NDArray[Any]:
    """The array of a member, left in the file."""
    place = f"{path}: {member.filename}"
    with open(path, "rb") as file:
        file.seek(member.header_offset)
        local = file.read(_LOCAL.size)
        *_, name, extra = _LOCAL.unpack(local)
        first = member.header_offset + _LOCAL.size + name + extra
        file.seek(first)
        shape, fortran, dtype = _array_header(file, place, kinds)
        begin = file.tell()
        size = math.prod(shape) * dtype.itemsize
        if size != first + member.file_size - begin or begin + size > os.fstat(file.fileno()).st_size:
            raise FileError(f"{place}: shape {shape} of {dtype} does not match its {member.file_size} bytes")
    order: Literal["F", "C"] = "F" if fortran else "C"
    return np.asarray(np.memmap(path, dtype, "r", offset=begin, shape=shape, order=order))


def _array(content: bytes, place: str, kinds: str) -> NDArray[Any]:
    """An .npy file's array; its header must match its length, so nothing is allocated on its word alone."""
    stream = io.BytesIO(content)
    shape, fortran, dtype = _array_header(stream, place, kinds)
    body = content[stream.tell() :]
    if math.prod(shape) * dtype.itemsize != len(body):
        raise FileError(f"{place}: shape {shape} of {dtype} does not match its {len(body)} bytes")
    try:
        return np.frombuffer(body, dtype).reshape(shape, order="F" if fortran else "C").copy()
    except (ValueError, TypeError, OverflowError):
        raise FileError(f"{place}: shape {shape} is beyond what an array can have") from None


def _array_header(stream: BinaryIO, place: str, kinds: str) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether the first axis runs fastest, and type, as an .npy file states them."""
    try:
        version = npy.read_magic(stream)
        read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        with warnings.catch_warnings(action="error"):
            shape, fortran, dtype = read(stream)
    except Exception:  # whatever a hostile header leads NumPy's parser to raise, its warnings included
        raise FileError(f"{place}: damaged array header") from None
    if dtype.kind not in kinds:
        also = " and text" if "U" in kinds else ""
        raise FileError(f"{place}: found {dtype} values; only integers{also} are read")
    if min(shape, default=0) < 0:
        raise FileError(f"{place}: shape {shape} of {dtype} does not match its bytes")
    return shape, fortran, dtype


def _header(text: NDArray[Any] | None, place: str, kind: str, schema: int) -> dict[str, Any]:
    try:
        header = json.loads(b"" if text is None else text.tobytes())
    except (ValueError, RecursionError):
        header = None
    found = header.get("format") if isinstance(header, dict) else None
    if not isinstance(header, dict) or found != f"bitspike-{kind}":
        raise FileError(f"{place}: not a bitspike {kind} file" + (f": it says '{found}'" if found else ""))
    if header.get("schema") != schema:
        raise FileError(f"{place}: schema version {header.get('schema')!r}; this bitspike reads version {schema}")
    return header


def can_write(path: str | os.PathLike[str]) -> None:
    """Raise FileError now if `path` could not be written later."""
    target = Path(path)
    if target.is_dir():
        raise FileError(f"{os.fspath(path)}: found a folder; allowed: a file")
    if target.exists() and not target.is_file():  # replacing a device would remove it
        raise FileError(f"{os.fspath(path)}: found no regular file; allowed: a file")
    if not target.parent.is_dir():
        raise FileError(f"{os.fspath(path)}: cannot be written: no such folder")
    if not os.access(target.parent, os.W_OK):
        raise FileError(f"{os.fspath(path)}: cannot be written: the folder is read-only")


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a whole file or nothing. Raises FileError."""
    with replacing(path) as file:
        file.write(content)
