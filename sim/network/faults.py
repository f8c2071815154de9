"""Collecting the faults of a network, each named by place, value and range, while its arrays become canonical."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import suggest
from ..word import Word

_SHOWN = 3  # offending values listed for one array


class Faults:
    """Every fault met so far, a line each, in `found`."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, place: str, message: str) -> None:
        """One more fault."""
        self.found.append(f"{place}: {message}")

    def one_of(self, place: str, name: Any, allowed: Sequence[str]) -> bool:
        """Whether a name is one of those allowed; a fault if not."""
        if isinstance(name, str) and name in allowed:
            return True
        self.add(place, f"found {name!r}; allowed: {', '.join(allowed) or 'none'}{suggest(name, allowed)}")
        return False

    def array(self, place: str, values: ArrayLike) -> NDArray[Any] | None:
        """`values` as an array of integers; None after a fault."""
        try:
            array = np.asarray(values)
        except ValueError:
            self.add(place, "not a rectangular array")
            return None
        if array.dtype.kind not in "iu":
            self.add(place, f"found {array.dtype} values; integers are needed")
            return None
        return array

    def integers(
        self, place: str, values: ArrayLike, shape: tuple[int, ...], low: int, high: int, dtype: str, allowed: str
    ) -> NDArray[Any] | None:
        """`values` broadcast to `shape`, read-only, in `dtype`; None after a fault."""
        array = self.array(place, values)
        if array is None:
            return None
        if array.shape not in ((), shape):
            self.add(place, f"found shape {array.shape}; allowed: {shape}")
            return None
        beyond = np.argwhere((array < low) | (array > high))
        for index in beyond[:_SHOWN]:
            at = f"[{', '.join(map(str, index))}]" if index.size else ""
            self.add(f"{place}{at}", f"found {array[tuple(index)]}; allowed: {low} to {high} ({allowed})")
        if len(beyond) > _SHOWN:
            self.add(place, f"{len(beyond) - _SHOWN} more values beyond {low} to {high}")
        if len(beyond):
            return None
        result = np.broadcast_to(array, shape).astype(dtype, order="C")
        result.setflags(write=False)
        return result

    def parameters(
        self,
        place: str,
        given: Mapping[str, ArrayLike],
        words: Mapping[str, Word],
        shapes: Mapping[str, tuple[int, ...]],
    ) -> dict[str, NDArray[Any]]:
        """Every parameter of `words` from `given`, in the profile's order."""
        checked: dict[str, NDArray[Any]] = {}
        for name in given:
            self.one_of(f"{place}: parameter", name, list(words))
        for name, word in words.items():
            if name not in given:
                self.add(place, f"parameter '{name}' is missing ({word}, {word.min} to {word.max})")
                continue
            at = f"{place}: {name}"
            array = self.integers(at, given[name], shapes[name], word.min, word.max, word.dtype, str(word))
            if array is not None:
                checked[name] = array
        return checked
