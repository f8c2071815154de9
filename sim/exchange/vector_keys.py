"""The arrays of an `.npz` file by key: each is asked for by name and form, and what nobody asks for is refused."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from ..archive import read_arrays
from ..errors import FileError, suggest

ONE = "one integer"
_TEXT = "U"

Integers = NDArray[np.integer[Any]]


class Keys:
    """A file's arrays. A form says what axes an array may have: '[step, neuron]', or `ONE`, which has none."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        """Raises FileError for a file that is missing, damaged, or holds anything but integers and text."""
        self.place = os.fspath(path)
        self._left = read_arrays(path, f"iub{_TEXT}")
        self.names = tuple(self._left)
        self._asked: list[str] = []

    def refuse(self, key: str, message: str) -> NoReturn:
        """Raise FileError for what stands under a key."""
        raise FileError(f"{self.place}: {key}: {message}")

    def missing(self, key: str, needed: str) -> NoReturn:
        """Refuse a file without a key; where one that nobody asked for is near, that one."""
        for other in self._left:
            if self._near(other, [key]):
                self._unknown(other, [key])
        self.refuse(key, f"missing; allowed: {needed}")

    def finish(self) -> None:
        """Refuse the first key that nobody asked for."""
        for key in self._left:
            self._unknown(key, self._asked)

    def _unknown(self, key: str, names: Iterable[str]) -> NoReturn:
        self.refuse(key, f"no key of this profile and network{self._near(key, names)}")

    def _near(self, key: str, names: Iterable[str]) -> str:
        """The suggestion of a name; of those of the same layer or projection, where there are any."""
        head, _, last = key.rpartition(".")
        own = [name.removeprefix(f"{head}.") for name in names if name.rpartition(".")[0] == head]
        return suggest(last, own) if own else suggest(key, names)

    def integers(self, key: str, *forms: str) -> Integers | None:
        """An array of integers, of any form where none is named; None where the file has no such key."""
        array = self._take(key)
        if array is None:
            return None
        if array.dtype.kind == _TEXT:
            self.refuse(key, "found text; allowed: integers")
        if forms and array.ndim not in map(_axes, forms):
            self.refuse(key, f"found shape {array.shape}; allowed: {' or '.join(forms)}")
        if array.dtype.kind == "b":
            return array.astype(np.uint8)
        if array.dtype == np.uint64:
            self.within(key, array, 0, (1 << 63) - 1, "63 bits")
            return array.astype(np.int64)
        return array

    def integer(self, key: str) -> int | None:
        """One integer; None where the file has no such key."""
        array = self.integers(key, ONE)
        return None if array is None else int(array)

    def texts(self, key: str, *forms: str) -> NDArray[np.object_] | None:
        """An array of text; None where the file has no such key."""
        array = self._take(key)
        if array is None:
            return None
        if array.dtype.kind != _TEXT:
            self.refuse(key, f"found {array.dtype} values; allowed: text")
        if array.ndim not in map(_axes, forms):
            self.refuse(key, f"found shape {array.shape}; allowed: {' or '.join(forms)}")
        try:
            return array.astype(object)
        except (SystemError, ValueError):  # characters beyond Unicode
            self.refuse(key, "found no text; allowed: text")

    def text(self, key: str) -> str | None:
        """One value of text; None where the file has no such key."""
        array = self.texts(key, "one value")
        return None if array is None else str(array.item())

    def _take(self, key: str) -> NDArray[Any] | None:
        self._asked.append(key)
        return self._left.pop(key, None)

    def within(self, key: str, array: Integers, low: int, high: int, why: str) -> None:
        """Refuse values beyond low to high, naming the first."""
        beyond = (array < low) | (array > high)
        if beyond.any():
            index = np.argwhere(beyond)[0]
            at = f"[{', '.join(map(str, index))}]" if index.size else ""
            self.refuse(f"{key}{at}", f"found {array[tuple(index)]}; allowed: {low} to {high} ({why})")


def _axes(form: str) -> int:
    return form.count(",") + 1 if form.startswith("[") else 0
