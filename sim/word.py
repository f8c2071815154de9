"""A hardware word: how many bits, whether signed, and what happens to a value beyond its range."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

MAX_BITS = 63  # every word and every intermediate value fits a signed 64-bit integer

_BITS = r"(?P<bits>[1-9][0-9]?)|<(?P<width>[a-z][a-z0-9_]*)(?:=(?P<set>[0-9]{1,2}))?>"
_WORD = re.compile(
    rf"(?P<sign>[su])(?:{_BITS})(?:\((?P<low>-?[0-9]{{1,19}})\.\.(?P<high>-?[0-9]{{1,19}})\))?(?:\.(?P<overflow>[a-z]+))?"
)


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
    low, high: a narrower range than the bits have, both or none. width: the profile's value that `bits` follows.
    """

    bits: int
    signed: bool
    overflow: Overflow | None = None
    low: int | None = None
    high: int | None = None
    width: str | None = None

    @classmethod
    def parse(cls, text: str) -> Word:
        """Read a name such as `s16.saturate`, `u4(1..8)` or `s<width=9>.wrap`. Raises ValueError: what is allowed."""
        match = _WORD.fullmatch(text)
        bits = int(match["bits"] or match["set"] or 1) if match else 0
        if not match or not 1 <= bits <= MAX_BITS:
            raise ValueError(f"s or u, 1 to {MAX_BITS} bits, and for a register its overflow: s16.saturate")
        if match["overflow"] is not None and match["overflow"] not in list(Overflow):
            start = text.removesuffix(match["overflow"])
            raise ValueError(", ".join(f"{start}{mode}" for mode in Overflow))
        overflow = Overflow(match["overflow"]) if match["overflow"] else None
        word = cls(bits, match["sign"] == "s", overflow, width=match["width"])
        return word if match["low"] is None else word._within(int(match["low"]), int(match["high"]))

    def _within(self, low: int, high: int) -> Word:
        if self.width is not None:
            raise ValueError(f"no range, as its bits are the value '{self.width}'")
        if self.overflow is Overflow.WRAP:
            raise ValueError("no range, as a word that wraps has the range of its bits")
        if not self.min <= low <= high <= self.max:
            raise ValueError(f"a range from {self.min} to {self.max} at most, the lower end first")
        return Word(self.bits, self.signed, self.overflow, low, high, self.width)

    def __str__(self) -> str:
        return self._text(str(self.bits))

    @property
    def source(self) -> str:
        """The word with the name of the value that its width follows: what `parse` reads back."""
        return self._text(f"<{self.width}={self.bits}>" if self.width else str(self.bits))

    def _text(self, bits: str) -> str:
        limits = "" if self.low is None else f"({self.low}..{self.high})"
        return f"{'s' if self.signed else 'u'}{bits}{limits}" + (f".{self.overflow}" if self.overflow else "")

    @property
    def min(self) -> int:
        """The least value the word holds."""
        if self.low is not None:
            return self.low
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def max(self) -> int:
        """The greatest value the word holds."""
        return (1 << (self.bits - self.signed)) - 1 if self.high is None else self.high

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
