"""Parameters of one profile as those of another: what both stand for, solved for the other's words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..profile.shared import Quantity
from ..word import Word

Array = NDArray[Any]


class NoEqualError(Exception):
    """A value that the other profile cannot express; the caller knows the place."""


def refuse_unshared(profile: str, quantities: Mapping[str, Quantity], parameters: Mapping[str, Any]) -> None:
    """Raise NoEqualError for a parameter that no quantity stands for."""
    meant = {name for quantity in quantities.values() for name in (quantity.of, quantity.exponent)}
    for name in parameters:
        if name not in meant:
            raise NoEqualError(f"parameter '{name}' of {profile} is not shared")


def quantity_of(quantity: Quantity, values: Mapping[str, Array]) -> Array:
    """What a parameter stands for, one Python integer a neuron; a shift to the right floors."""
    base = values[quantity.of].astype(object) + quantity.add
    exponent = values[quantity.exponent].astype(object) if quantity.exponent else 0 * base
    return np.array(
        [_shifted(int(b), quantity.shift + int(e)) for b, e in zip(base.flat, exponent.flat, strict=True)], object
    )


def _shifted(value: int, by: int) -> int:
    return value << by if by >= 0 else value >> -by


def solved_for(
    mine: Mapping[str, Quantity],
    theirs: Mapping[str, Quantity],
    quantities: Mapping[str, Array],
    words: Mapping[str, Word],
    other: str,
) -> dict[str, Array]:
    """Parameters of the other profile that stand for the same quantities, int64 [neuron]. Raises NoEqualError."""
    for name, values in quantities.items():
        neutral = mine[name].neutral
        wrong = [place for place, value in enumerate(values) if neutral is None or value != neutral]
        if name not in theirs and wrong:
            allowed = f"; allowed: {neutral}" if neutral is not None else ""
            found = f"{_place(values, wrong[0])}found a {name} of {values[wrong[0]]}{allowed}"
            raise NoEqualError(f"'{mine[name].of}' has no equal in {other}: {found}")
    parameters: dict[str, Array] = {}
    size = max((len(values) for values in quantities.values()), default=1)
    for name, quantity in theirs.items():
        if name in quantities:
            wanted = quantities[name]
        elif quantity.neutral is not None:
            wanted = np.full(size, quantity.neutral, object)
        else:
            raise NoEqualError(f"'{quantity.of}' of {other} has no equal here: {name}")
        known = {value: _solve(int(value), quantity, words) for value in dict.fromkeys(wanted)}
        for place, value in enumerate(wanted):
            if known[value] is None:
                raise NoEqualError(f"{_place(wanted, place)}{_unsolved(name, value, quantity, words, other)}")
        solved = [pair for value in wanted if (pair := known[value]) is not None]
        parameters[quantity.of] = np.array([base for base, _ in solved], np.int64)
        if quantity.exponent:
            parameters[quantity.exponent] = np.array([exponent for _, exponent in solved], np.int64)
    return parameters


def _place(values: Array, neuron: int) -> str:
    return f"neuron {neuron}: " if len(values) > 1 else ""


def _solve(wanted: int, quantity: Quantity, words: Mapping[str, Word]) -> tuple[int, int] | None:
    """Parameter and exponent for a quantity, the smallest exponent first; None if no word holds them."""
    word = words[quantity.of]
    for exponent in exponents(words, quantity.exponent):
        base = (wanted >> (quantity.shift + exponent)) - quantity.add
        if (base + quantity.add) << (quantity.shift + exponent) == wanted and base in word:
            return base, exponent
    return None


def _unsolved(name: str, wanted: int, quantity: Quantity, words: Mapping[str, Word], other: str) -> str:
    """Why no parameter stands for a quantity."""
    word = words[quantity.of]
    grid = f", a multiple of {1 << quantity.shift}" if quantity.shift else ""
    low, high = ((end + quantity.add) << quantity.shift for end in (word.min, word.max))
    allowed = f"{low} to {high}{grid}" if not quantity.exponent else f"what {word} times a power of two can be{grid}"
    return f"a {name} of {wanted} has no equal in '{quantity.of}' of {other}; allowed: {allowed}"


def exponents(words: Mapping[str, Word], name: str | None) -> Iterator[int]:
    """The exponents that a parameter of that name may have, the smallest first; 0 where there is none."""
    yield from range(max(0, words[name].min), words[name].max + 1) if name else [0]
