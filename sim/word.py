"""A hardware word: how many bits, whether signed, and what happens to a value beyond its range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_BITS = 63  # every word and every intermediate value fits a signed 64-bit integer


class Overflow(StrEnum):
    """What a register does with a value beyond its range."""

    SATURATE = "saturate"
    """keep the nearest end of the range"""
    WRAP = "wrap"
    """keep the low bits (two's complement if signed)"""
    REFUSE = "refuse"
    """stop with an error: the source of the profile has no rule"""


@dataclass(frozen=True, slots=True)
class Word:
    """`bits` (1 to 63) of two's complement (`signed`) or plain binary, and its `overflow`.

    A word with `overflow` None is never computed into: it is the range of a parameter or a weight.
    """

    bits: int
    signed: bool
    overflow: Overflow | None = None

    @classmethod
    def parse(cls, text: str) -> Word:
        """Read a name such as `s16.saturate` or `u4`. Raises ValueError, saying what is allowed."""
        match = re.fullmatch(r"([su])([1-9][0-9]?)(?:\.([a-z]+))?", text)
        if not match or int(match[2]) > MAX_BITS:
            raise ValueError(f"s or u, 1 to {MAX_BITS} bits, and for a register its overflow: s16.saturate")
        if match[3] is not None and match[3] not in list(Overflow):
            raise ValueError(", ".join(f"{match[1]}{match[2]}.{mode}" for mode in Overflow))
        return cls(int(match[2]), match[1] == "s", Overflow(match[3]) if match[3] else None)

    def __str__(self) -> str:
        name = f"{'s' if self.signed else 'u'}{self.bits}"
        return f"{name}.{self.overflow}" if self.overflow else name

    @property
    def min(self) -> int:
        """The least value the word holds."""
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        """The greatest value the word holds."""
        return (1 << (self.bits - self.signed)) - 1

    @property
    def mask(self) -> int:
        """All bits set."""
        return (1 << self.bits) - 1

    @property
    def dtype(self) -> str:
        """Name of the narrowest NumPy integer type that holds the word."""
        for size in (8, 16, 32):
            if self.bits <= size:
                return f"{'' if self.signed else 'u'}int{size}"
        return "int64"

    def __contains__(self, value: int) -> bool:
        return self.min <= value <= self.max

    def pattern(self, value: int) -> str:
        """The bits of `value`, most significant first: `s4` holds -3 as `1101`."""
        return format(value & self.mask, f"0{self.bits}b")
