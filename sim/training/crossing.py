"""How often an integer register crosses its threshold in a step, and gradients looked up by its bits."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from functools import lru_cache

import torch
from torch import Tensor

from ..errors import InputError
from ..word import Word

TABLE_BITS = 16  # the widest word whose codes are tabulated
TABLE_BYTES = 64 << 20  # the most that the table of one gradient, word and dtype takes
TABLE_THRESHOLDS = 64  # the most thresholds that one call adds: each costs a pass over all codes


def reachable(threshold: Tensor, word: Word) -> Tensor:
    """Whether a register of `word` can lie on both sides of `threshold`."""
    return (threshold > word.min) & (threshold <= word.max)


def spike_count(u: Tensor, threshold: Tensor, word: Word, repeat: int) -> Tensor:
    """Spikes of registers `u` (int64) that reset by subtraction, `repeat` at most; int64, as both broadcast.

    The m-th spike needs u >= m * threshold, or u >= threshold where that is 0 or less, which no subtraction
    ends. A threshold that no register value crosses counts 0, `u` beyond the word as its nearest value.
    """
    fires = (u >= threshold) & reachable(threshold, word)
    if repeat == 1:
        return fires.long()
    positive = threshold.clamp(min=1)
    most = (word.max // positive).clamp(max=repeat)
    counts = torch.minimum(torch.div(u, positive, rounding_mode="floor"), most)
    return fires * torch.where(threshold > 0, counts, repeat)


def crossings(threshold: Tensor, word: Word, repeat: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Where the first, second, ... of up to `repeat` spikes is emitted, and whether `word` can lie on both sides.

    Those of a threshold of 0 or less coincide.
    """
    for spikes in range(1, repeat + 1):
        crossing = torch.where(threshold > 0, spikes * threshold, threshold)
        yield crossing, reachable(crossing, word)


class BitGradient(ABC):
    """A spike gradient of integer registers: `SpikeGradient`, by a table of all codes where the word is short."""

    @abstractmethod
    def direct(self, u: Tensor, threshold: Tensor, word: Word, repeat: int) -> Tensor:
        """The definition, without a table: same arguments and result as a call."""

    def tabulated(self, word: Word, repeat: int) -> bool:
        """Whether a table pays."""
        return word.bits <= TABLE_BITS

    def check_threshold(self, threshold: int, above: bool = False) -> None:  # noqa: B027
        """Raise InputError where the options do not allow it. `above`: it spikes above the threshold, not at it."""

    def __call__(self, u: Tensor, threshold: Tensor, word: Word, repeat: int) -> Tensor:
        """d(spikes)/du per LSB, in the dtype of `u`.

        `u`, `threshold`: float tensors of integers that broadcast; the comparison `u >= threshold` of a
        register of `word` is taken up to `repeat` times. Raises InputError where the options do not fit `word`.
        """
        if self.tabulated(word, repeat):
            found = _table(self, word, repeat, u.dtype, u.device).look_up(u, threshold)
            if found is not None:
                return found
        return self.direct(u, threshold, word, repeat)


class _Table:
    """A gradient at every code of a word, one row for each threshold met so far."""

    def __init__(
        self, gradient: BitGradient, word: Word, repeat: int, dtype: torch.dtype, device: torch.device
    ) -> None:
        self.gradient, self.word, self.repeat = gradient, word, repeat
        values = torch.arange(1 << word.bits, dtype=dtype, device=device)
        self.values = torch.where(values > word.max, values - (1 << word.bits), values)  # in order of their codes
        self.row_of = torch.full(((1 << word.bits) + 1,), -1, device=device)  # by threshold - word.min
        self.entries = torch.empty(0, dtype=dtype, device=device)

    def look_up(self, u: Tensor, threshold: Tensor) -> Tensor | None:
        """The gradient; None where the thresholds are too many for the table."""
        # No register value crosses a threshold beyond these ends, so they stand for all of them.
        position = threshold.long().clamp(self.word.min, self.word.max + 1) - self.word.min
        row = self.row_of.take(position)
        if (row < 0).any():
            if not self._add(torch.unique(position[row < 0])):
                return None
            row = self.row_of.take(position)
        return self.entries.take((u.long() & self.word.mask) + row)

    def _add(self, positions: Tensor) -> bool:
        codes, dtype = len(self.values), self.values.dtype
        size = (len(self.entries) + len(positions) * codes) * dtype.itemsize
        if len(positions) > TABLE_THRESHOLDS or size > TABLE_BYTES:
            return False
        thresholds = (positions + self.word.min).to(dtype)
        rows = [self.gradient.direct(self.values, threshold, self.word, self.repeat) for threshold in thresholds]
        self.row_of[positions] = len(self.entries) + codes * torch.arange(len(rows), device=positions.device)
        self.entries = torch.cat([self.entries, *rows])
        return True


@lru_cache(maxsize=8)
def _table(gradient: BitGradient, word: Word, repeat: int, dtype: torch.dtype, device: torch.device) -> _Table:
    return _Table(gradient, word, repeat, dtype, device)


def check_natural(place: str, value: object) -> None:
    """Raise InputError, naming `place`, unless `value` is an integer of 0 or more."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InputError(f"{place}: found {value!r}; allowed: an integer, 0 or more")


def check_flag(place: str, value: object) -> None:
    """Raise InputError, naming `place`, unless `value` is a bool."""
    if not isinstance(value, bool):
        raise InputError(f"{place}: found {value!r}; allowed: true, false")


def check_positive(place: str, value: object) -> None:
    """Raise InputError, naming `place`, unless `value` is a finite number above 0."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or value <= 0:  # type: ignore[arg-type, operator]
        raise InputError(f"{place}: found {value!r}; allowed: a number above 0")
