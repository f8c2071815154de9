"""Torch tensors of integers, on whatever device holds them: any number of neurons at once, as ArrayOps."""

from __future__ import annotations

from collections import defaultdict
from functools import cache
from typing import Any

import torch

from ..word import Overflow, Word
from .base import Flag, Rounding, Value
from .integer import IntegerOps
from .operators import RefusedWriteError
from .torch_ops import TorchOps, alike, any_tensor

NARROW_BITS = 31  # of values that int32 tensors are exact for: their magnitudes fit, too

_INTEGERS = IntegerOps()


class IntegerTensorOps(TorchOps):
    """Values are int64 tensors, or int32 tensors where no value needs more than NARROW_BITS.

    overflows: by register, counted on the device, as IntegerOps counts.
    """

    def __init__(self) -> None:
        self.overflows: defaultdict[str, Any] = defaultdict(int)

    def shift_left(self, a: Value, by: Value) -> Value:
        """a * 2**by"""
        return a << by

    def shift_right(self, a: Value, by: Value, rounding: Rounding) -> Value:
        """Floor or truncation of a / 2**by."""
        if not any_tensor(a, by):
            return _INTEGERS.shift_right(a, by, rounding)
        if rounding is Rounding.ZERO:
            a = alike(a, by)[0]
            return torch.sign(a) * (torch.abs(a) >> by)
        return a >> by

    def divide(self, a: Value, b: Value) -> Value:
        """The floor of a / b"""
        return torch.div(*alike(a, b), rounding_mode="floor") if any_tensor(a, b) else a // b

    def fit(self, a: Value, word: Word) -> Value:
        """Clip, wrap, or leave (see `observe`)."""
        if word.overflow is Overflow.SATURATE:
            return torch.clamp(a, *_ends(word, a.dtype))
        if word.overflow is Overflow.WRAP and word.bits < 8 * a.itemsize:
            sign = 1 << (word.bits - 1)
            return ((a & word.mask) ^ sign) - sign if word.signed else a & word.mask
        return a

    def observe(self, register: str, raw: Value, fitted: Value, word: Word, when: Flag) -> None:
        """Count overflows; raise RefusedWriteError with the first value that the word refuses."""
        if word.overflow is Overflow.REFUSE:
            low, high = _ends(word, raw.dtype)
            beyond = ((raw < low) | (raw > high)) & when
            if beyond.any():
                raise RefusedWriteError(register, int(raw[beyond][0]), word)
            return
        wrong = raw != fitted
        self.overflows[register] += torch.count_nonzero(wrong if when is True else wrong & when)


@cache
def _ends(word: Word, dtype: torch.dtype) -> tuple[int, int]:
    """The ends of a word, or of a tensor's type where that holds less."""
    held = torch.iinfo(dtype)
    return max(word.min, held.min), min(word.max, held.max)
