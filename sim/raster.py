"""Input spikes as lists: what recordings and other programs hold, and what the compiled engine takes as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError

Integers = NDArray[np.integer[Any]]

_PART = 1 << 24  # bytes that are spread at a time


@dataclass(frozen=True, eq=False)
class Raster:
    """The input channels that spike in each step of each sample.

    shape: (samples, steps, inputs). pointers: int64 [samples * steps + 1], where the channels of each step begin in
    `index`, ascending and each at most once, uint16 where that holds every channel, else int32. counts: int64, what
    each carries; None where all are one spike.

    Made by `of` (dense counts), `of_spikes` (a list) or `of_bits` (packed).
    """

    shape: tuple[int, int, int]
    pointers: NDArray[np.int64]
    index: NDArray[np.uint16 | np.int32]
    counts: NDArray[np.int64] | None = None
    packed: ClassVar[bool] = False
    """Whether the lists are made of bits when they are asked for."""

    def __post_init__(self) -> None:
        narrow = index_type(self.shape[2])
        if self.index.dtype != narrow and (beyond := self._beyond()):  # before they are cut to the type
            raise InputError(f"spikes: {beyond}")
        index = np.ascontiguousarray(self.index, narrow)
        object.__setattr__(self, "index", index)

    @cached_property
    def fault(self) -> str | None:
        """What is wrong with the arrays that it was made of: what would lead a kernel beyond them."""
        rows, events = self.shape[0] * self.shape[1], len(self.index)
        if self.pointers.shape != (rows + 1,) or (np.diff(self.pointers, prepend=0) < 0).any():
            return f"pointers: found shape {self.pointers.shape}; allowed: {rows + 1} integers that never fall"
        if (self.pointers[0], self.pointers[-1]) != (0, events):
            return f"pointers: found {self.pointers[0]} to {self.pointers[-1]}; allowed: 0 to {events}"
        if self.counts is not None and self.counts.shape != (events,):
            return f"counts: found shape {self.counts.shape}; allowed: ({events},)"
        return self._beyond()

    def _beyond(self) -> str | None:
        """The first channel that there is not, in words."""
        inputs = self.shape[2]
        if not self.index.size or (self.index.min() >= 0 and self.index.max() < inputs):
            return None
        at = int(np.flatnonzero((self.index < 0) | (self.index >= inputs))[0])
        return f"index[{at}]: found {self.index[at]}; allowed: 0 to {inputs - 1}"

    @classmethod
    def of(cls, spikes: ArrayLike) -> Raster:
        """Of counts [sample, step, input] or [step, input]. Raises InputError."""
        array = np.asarray(spikes)
        if array.ndim not in (2, 3) or array.dtype.kind not in "iub" or 0 in array.shape:
            raise InputError(f"spikes: found {array.dtype} {array.shape}; allowed: integers [sample, step, input]")
        array = array if array.ndim == 3 else array[None]
        return cls._joined(array.shape, (array[part] for part in _parts(array.shape)))

    @classmethod
    def of_bits(cls, bits: ArrayLike, inputs: int) -> Raster:
        """Of bits uint8 [sample, step, ceil(inputs / 8)], as numpy.packbits makes them. Raises InputError.

        They stay packed; a run lists those of some samples at a time.
        """
        packed = np.asarray(bits)
        width = -(-inputs // 8)
        if packed.ndim != 3 or packed.dtype != np.uint8 or packed.shape[2] != width or 0 in packed.shape:
            raise InputError(f"bits: found {packed.dtype} {packed.shape}; allowed: uint8 [sample, step, {width}]")
        return _Packed(packed, inputs)

    @classmethod
    def of_spikes(cls, shape: tuple[int, int, int], sample: ArrayLike, step: ArrayLike, channel: ArrayLike) -> Raster:
        """Of a list of spikes in any order; a channel that is listed twice in a step spikes twice.

        shape: (samples, steps, inputs). Raises InputError, naming the first spike that is beyond it.
        """
        columns = []
        for name, values, size in zip(("sample", "step", "channel"), (sample, step, channel), shape, strict=True):
            column = np.asarray(values)
            if column.ndim != 1 or (column.dtype.kind not in "iu" and column.size):
                raise InputError(f"{name}: found {column.dtype} {column.shape}; allowed: integers [spike]")
            beyond = np.flatnonzero((column < 0) | (column >= size))
            if beyond.size:
                raise InputError(f"spike {beyond[0]}: {name}: found {column[beyond[0]]}; allowed: 0 to {size - 1}")
            columns.append(column.astype(np.int64))
        if len({len(column) for column in columns}) > 1:
            found = ", ".join(str(len(column)) for column in columns)
            raise InputError(f"spikes: found {found} entries; allowed: as many of each")
        samples, steps, inputs = shape
        places, counts = np.unique((columns[0] * steps + columns[1]) * inputs + columns[2], return_counts=True)
        several = counts.astype(np.int64) if (counts > 1).any() else None
        starts = np.bincount(places // inputs, minlength=samples * steps)
        return cls(shape, _pointers(starts), (places % inputs).astype(index_type(inputs)), several)

    @classmethod
    def _joined(cls, shape: tuple[int, ...], parts: Iterator[Integers]) -> Raster:
        index, found, counts, single = [], [], [], True
        for part in parts:
            rows = part.reshape(-1, shape[2])
            step, channel = np.nonzero(rows)
            index.append(channel.astype(index_type(shape[2])))
            found.append(np.bincount(step, minlength=len(rows)))
            carried = rows[step, channel].astype(np.int64)
            single = single and not (carried != 1).any()
            counts.append(carried if not single else np.ones(len(carried), np.int8))
        whole = None if single else np.concatenate(counts).astype(np.int64)
        samples, steps, inputs = shape
        return cls((samples, steps, inputs), _pointers(np.concatenate(found)), np.concatenate(index), whole)

    def dense(self, samples: slice = slice(None), dtype: str = "uint8") -> Integers:
        """Counts [sample, step, input] of some samples."""
        chosen = range(*samples.indices(self.shape[0]))
        steps, inputs = self.shape[1:]
        starts = self.pointers[chosen.start * steps : chosen.stop * steps + 1]
        span = slice(starts[0], starts[-1])
        rows = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        spikes = np.zeros((len(starts) - 1, inputs), dtype)
        spikes[rows, self.index[span]] = 1 if self.counts is None else self.counts[span]
        return spikes.reshape(len(chosen), steps, inputs)

    def behind(self, earlier: Integers) -> Raster:
        """The same after some more steps, counts [sample, step, input]."""
        before, samples = Raster.of(earlier), len(self)
        found = [np.diff(each.pointers).reshape(samples, -1) for each in (before, self)]
        shape = (samples, earlier.shape[1] + self.shape[1], self.shape[2])
        pointers = _pointers(np.concatenate(found, axis=1).ravel())
        index, counts = self.index, self.counts
        if before.index.size:  # seldom: a run begins with nothing on its way, as a rule
            places = np.repeat(self.pointers[:: self.shape[1]][:-1], found[0].sum(axis=1))
            index = np.insert(index, places, before.index)
            if not (counts is None and before.counts is None):
                counts = np.insert(self._carried(), places, before._carried())
        return Raster(shape, pointers, index, counts)

    def _carried(self) -> NDArray[np.int64]:
        """What each spike carries."""
        return np.ones(len(self.index), np.int64) if self.counts is None else self.counts

    def __getitem__(self, samples: slice) -> Raster:
        """Some samples, one behind the other."""
        first, last, _ = samples.indices(self.shape[0])
        pointers = self.pointers[first * self.shape[1] : last * self.shape[1] + 1]
        span = slice(pointers[0], pointers[-1])
        counts = None if self.counts is None else self.counts[span]
        return Raster((last - first, *self.shape[1:]), pointers - pointers[0], self.index[span], counts)

    def __len__(self) -> int:
        return self.shape[0]


def index_type(inputs: int) -> type[np.uint16 | np.int32]:
    """The type of a raster's channels."""
    return np.uint16 if inputs <= 1 << 16 else np.int32


class _Packed(Raster):
    """A raster of bits uint8 [sample, step, byte], which are listed where they are asked for."""

    bits: NDArray[np.uint8]
    fault = None
    packed = True

    def __init__(self, bits: NDArray[np.uint8], inputs: int) -> None:
        for name, value in (("bits", bits), ("shape", (*bits.shape[:2], inputs)), ("counts", None)):
            object.__setattr__(self, name, value)

    @cached_property
    def _lists(self) -> tuple[NDArray[np.int64], NDArray[np.uint16 | np.int32]]:
        found = np.concatenate([self.dense(part).sum(2, np.int64) for part in _parts(self.shape)])
        pointers, done = _pointers(found.ravel()), 0
        index = np.empty(
            pointers[-1], index_type(self.shape[2])
        )  # once, and filled in parts: what comes out is the largest
        for part in _parts(self.shape):
            channels = np.nonzero(self.dense(part))[2]
            index[done : done + len(channels)] = channels
            done += len(channels)
        return pointers, index

    @property
    def pointers(self) -> NDArray[np.int64]:
        return self._lists[0]

    @property
    def index(self) -> NDArray[np.uint16 | np.int32]:
        return self._lists[1]

    def dense(self, samples: slice = slice(None), dtype: str = "uint8") -> Integers:
        return np.unpackbits(self.bits[samples], axis=2, count=self.shape[2]).astype(dtype, copy=False)

    def __getitem__(self, samples: slice) -> Raster:
        return _Packed(self.bits[samples], self.shape[2])


def _parts(shape: tuple[int, ...]) -> Iterator[slice]:
    """Samples that are spread at a time."""
    size = max(1, _PART // (shape[1] * shape[2]))
    return (slice(first, first + size) for first in range(0, shape[0], size))


def _pointers(found: Integers) -> NDArray[np.int64]:
    return np.concatenate((np.zeros(1, np.int64), np.cumsum(found, dtype=np.int64)))
