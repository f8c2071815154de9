"""Spike gradients by name, as a recipe asks for them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import InputError, suggest
from ..word import Word
from .boolean import BooleanGradient
from .crossing import BitGradient
from .float_boolean import FloatWordGradient
from .surrogate import Arctan, Boxcar, FastSigmoid, Triangle
from .trajectory import TrajectoryGradient

Reals = NDArray[np.float64]

GRADIENTS: dict[str, type[BitGradient]] = {
    "boolean": BooleanGradient,
    "float_boolean": FloatWordGradient,
    "trajectory": TrajectoryGradient,
    "arctan": Arctan,
    "fast_sigmoid": FastSigmoid,
    "triangle": Triangle,
    "boxcar": Boxcar,
}


def make_gradient(kind: str, **options: Any) -> BitGradient:
    """The gradient called `kind`, a key of GRADIENTS, with that class's options. Raises InputError."""
    _one_of("gradient: kind", kind, list(GRADIENTS))
    chosen = GRADIENTS[kind]
    known = [field.name for field in fields(chosen)]  # type: ignore[arg-type]
    for name in options:
        _one_of(f"gradient {kind}: option", name, known)
    return chosen(**options)


def _one_of(place: str, name: str, allowed: Sequence[str]) -> None:
    if name not in allowed:
        raise InputError(f"{place}: found {name!r}; allowed: {', '.join(allowed)}{suggest(name, allowed)}")


def sampled(gradient: BitGradient, threshold: int, word: Word, repeat: int) -> Callable[[Reals], Reals]:
    """`gradient` of one threshold as a function of an array of register values, per LSB."""
    theta = torch.tensor(threshold, dtype=torch.float64)
    return lambda u: gradient(torch.from_numpy(u), theta, word, repeat).numpy()
