"""Reads a YAML document into a model, with every fault of it at once, each `file:line:column: path: ...`."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable
from functools import reduce
from typing import Any, TypeVar

from pydantic import ValidationError
from yaml import SafeLoader

from ..datapath import Model
from ..errors import DocumentError
from .mending import mend
from .nodes import Fault, Mark, Node, Path, read_nodes
from .wording import explain

MAX_BYTES = 1 << 20
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

M = TypeVar("M", bound=Model)


class Positions:
    """Where each value of a document stands in its file."""

    def __init__(self, file: str, root: Node) -> None:
        """`file` as the user gave it."""
        self.file = file
        self._root = root

    def at(self, path: Path, key: bool = False) -> Mark:
        """The place of the value at `path`, or of its key; where there is none, of what would contain it."""
        node = self._root
        for step in path:
            if step not in node.children:
                key = True
                break
            node = node.children[step]
        return node.key if key and node.key else node.mark

    def fault(self, path: Path, message: str, key: bool = False) -> str:
        """One line: `mychip.yaml:7:15: neurons.hidden.registers.membrane: message`."""
        return self.lines([Fault(path, message, key)])[0]

    def lines(self, faults: Iterable[Fault]) -> list[str]:
        """A line for each fault, in the order of the file, none twice."""
        placed = sorted({(f.mark or self.at(f.path, f.key), str(f)) for f in faults})
        return [f"{self.file}:{mark.line}:{mark.column}: {text}" for mark, text in placed]


def read_document(
    path: str | os.PathLike[str], model: type[M], check: Callable[[M], Iterable[Fault]] = lambda _: ()
) -> tuple[M, Positions]:
    """The document at `path` as a `model`, and its positions. `check`: the faults that a model can still have.

    Raises DocumentError with every fault.
    """
    file = os.fsdecode(path)
    shown = file if file and file.isprintable() else ascii(file)
    text = _read_text(file, shown)
    root, faults = read_nodes(text)
    positions = Positions(shown, root or Node(Mark(1, 1), None))
    if root is None:
        raise DocumentError(positions.lines(faults))
    result, refused = _validated(root, model)
    if result is not None and not faults and not refused:
        faults += check(result)
    elif mended := mend(root, refused, model):
        faults += [*refused, *mended.certain(check(mended.value))]
    else:
        faults += refused
    if faults or result is None:
        raise DocumentError(positions.lines(faults))
    return result, positions


def top_keys(path: str | os.PathLike[str]) -> tuple[str | int, ...]:
    """The keys that a document begins with, which tell its kind; none where it cannot be read."""
    file = os.fsdecode(path)
    try:
        root, _ = read_nodes(_read_text(file, file))
    except DocumentError:
        return ()
    return tuple(root.children) if root is not None else ()


def _validated(root: Node, model: type[M]) -> tuple[M | None, list[Fault]]:
    """The document as a `model`, and what is wrong with its shape."""
    try:
        result = model.model_validate_json(json.dumps(root.data))
    except ValidationError as error:
        return None, explain(error.errors(include_url=False, include_input=False), root, model)
    return result, [] if _taken_as_written(root, result) else explain([], root, model)


def _taken_as_written(root: Node, result: Model) -> bool:
    """Whether no value is empty and no `true` or `1.0` was taken for 1: then there is nothing to explain, and no need
    of the model's JSON Schema, which takes as long as all the rest.
    """
    kept: Any = result.model_dump(mode="json", by_alias=True)
    for path, node in root.walk():
        if node.data is None:
            return False
        if isinstance(node.data, bool | float):
            try:
                taken = reduce(lambda value, step: value[step], path, kept)
            except (KeyError, IndexError, TypeError):  # kept in another form than written
                return False
            if type(taken) is not type(node.data):
                return False
    return True


def _read_text(file: str, shown: str) -> str:
    """What the file says. Raises DocumentError where it is no text of a sensible size."""
    raw = _read_bytes(file, shown)
    if not raw.strip():
        raise DocumentError([f"{shown}: found nothing; the file is empty"])
    try:
        text = raw.decode().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        found = f"found byte {raw[error.start]:#04x} at offset {error.start}"
        raise DocumentError([f"{shown}: {found}; allowed: UTF-8 text"]) from None
    unprintable = SafeLoader.NON_PRINTABLE.search(text)
    if unprintable:
        before = _LINE_BREAK.split(text[: unprintable.start()])
        place = f"{len(before)}:{len(before[-1]) + 1}"
        raise DocumentError([f"{shown}:{place}: found the control character {unprintable[0]!a}; allowed: text"])
    return text


def _read_bytes(file: str, shown: str) -> bytes:
    try:
        if os.path.isdir(file):
            raise DocumentError([f"{shown}: found a directory; allowed: a YAML file"])
        size = os.path.getsize(file)
        if size <= MAX_BYTES:
            with open(file, "rb") as stream:
                raw = stream.read(MAX_BYTES + 1)
            size = len(raw)
    except FileNotFoundError:
        raise DocumentError([f"{shown}: there is no such file"]) from None
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise DocumentError([f"{shown}: cannot be read: {reason}"]) from None
    if size > MAX_BYTES:
        raise DocumentError([f"{shown}: found {size} bytes; allowed: {MAX_BYTES} at most"])
    return raw
