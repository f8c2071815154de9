"""Shapes of a projection that is not dense: 2-D convolution, sum pooling, a list of synapses.

Neurons of a picture are numbered [channel, height, width], the last axis fastest. `faults` says what is wrong with
a shape, and `expand` gives its synapses, which refer to the weights by place: one weight may serve many synapses.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .lists import Synapses, pointers
from .picture import Axis, picture_synapses

Pair = tuple[int, int]
Triple = tuple[int, int, int]
Integers = NDArray[np.integer[Any]]

_SHOWN = 3  # offending entries listed for one array
_MOST = (1 << 31) - 1  # of a side, a step or a margin: places are computed in 64 bits


@dataclass(frozen=True)
class Convolution:
    """2-D convolution of a picture `input_shape` = (channels, height, width), padded with silence.

    Its weights are kernels [out channels, in channels / groups, height, width]. stride, padding (on both sides) and
    dilation are (height, width), or one integer for both.
    """

    input_shape: Triple
    stride: int | Pair = (1, 1)
    padding: int | Pair = (0, 0)
    dilation: int | Pair = (1, 1)
    groups: int = 1

    def __post_init__(self) -> None:
        _tidy(self, "stride", "padding", "dilation")
        if isinstance(self.groups, np.integer):
            object.__setattr__(self, "groups", int(self.groups))

    def output_shape(self, kernels: Sequence[int]) -> Triple:
        """(out channels, height, width) of the target, for kernels of that shape."""
        high, wide = self.axes(kernels)
        return kernels[0], high.outputs, wide.outputs

    def axes(self, kernels: Sequence[int]) -> tuple[Axis, Axis]:
        """How kernels of that shape move along the height and along the width."""
        steps = zip(*(_pair(value) for value in (self.stride, self.padding, self.dilation)), strict=True)
        high, wide = (
            Axis(size, kernel, *step)
            for size, kernel, step in zip(self.input_shape[1:], kernels[2:], steps, strict=True)
        )
        return high, wide

    def _faults(self, kernels: Sequence[int]) -> list[str]:
        found = _count_faults("input_shape", self.input_shape, _PICTURE)
        for name, least in (("stride", 1), ("padding", 0), ("dilation", 1)):
            found += _count_faults(name, getattr(self, name), _SIDES, least)
        if not _is_count(self.groups, 1):
            found.append(f"groups: found {self.groups!r}; allowed: 1 or more")
        if len(kernels) != 4 or min(kernels) < 1:
            axes = "(out channels, in channels / groups, height, width), each 1 or more"
            found.append(f"kernels: found shape {tuple(kernels)}; allowed: {axes}")
        if found:
            return found
        return self._channel_faults(kernels) + _overhang_faults("kernels", self.axes(kernels))

    def _channel_faults(self, kernels: Sequence[int]) -> list[str]:
        channels, groups = self.input_shape[0], self.groups
        sides = (("input", channels), ("output", kernels[0]))
        found = [
            f"groups: found {groups}; allowed: a divisor of the {count} {side} channels"
            for side, count in sides
            if count % groups
        ]
        if channels % groups == 0 and kernels[1] != channels // groups:
            split = f"{channels} input channels, groups {groups}"
            found.append(f"kernels: found {kernels[1]} input channels; allowed: {channels // groups} ({split})")
        return found

    def _expand(self, kernels: Sequence[int], flipped: bool) -> Synapses:
        return picture_synapses(*self.axes(kernels), self.input_shape[0], self.groups, kernels[0], flipped)


@dataclass(frozen=True)
class Pooling:
    """Sum over windows of each channel of a picture `input_shape` = (channels, height, width).

    Its weights are one entry that all synapses share, 1 for a plain sum. size and stride (left out: the size) are
    (height, width), or one integer for both. A window that would pass the edge is dropped.
    """

    input_shape: Triple
    size: int | Pair
    stride: int | Pair | None = None

    def __post_init__(self) -> None:
        if self.stride is None:
            object.__setattr__(self, "stride", self.size)
        _tidy(self, "size", "stride")

    def output_shape(self) -> Triple:
        """(channels, height, width) of the target."""
        return self.as_convolution().output_shape(self.kernels())

    @property
    def pairs(self) -> tuple[Pair, Pair]:
        """Size and stride as (height, width)."""
        assert self.stride is not None
        return _pair(self.size), _pair(self.stride)

    def as_convolution(self) -> Convolution:
        """The convolution, of one group a channel, that has the same synapses."""
        assert self.stride is not None
        return Convolution(self.input_shape, self.stride, groups=self.input_shape[0])

    def kernels(self) -> tuple[int, int, int, int]:
        """The shape of that convolution's kernels."""
        return self.input_shape[0], 1, *_pair(self.size)

    def _faults(self, weights: Sequence[int]) -> list[str]:
        found = _count_faults("input_shape", self.input_shape, _PICTURE)
        for name in ("size", "stride"):
            found += _count_faults(name, getattr(self, name), _SIDES)
        if tuple(weights) != (1,):
            found.append(f"weights: found shape {tuple(weights)}; allowed: (1,), shared by all synapses")
        return found or _overhang_faults("size", self.as_convolution().axes(self.kernels()))

    def _expand(self) -> Synapses:
        synapses = self.as_convolution()._expand(self.kernels(), flipped=False)
        return replace(synapses, index=np.zeros_like(synapses.index))


@dataclass(frozen=True, eq=False)
class Sparse:
    """A list of synapses: the k-th joins neuron `pre[k]` to `post[k]`, in any order, each pair at most once.

    Its weights are one entry a synapse.
    """

    pre: ArrayLike
    post: ArrayLike

    def _faults(self, weights: Sequence[int], sources: int, targets: int) -> list[str]:
        found = _entry_faults("pre", self.pre, sources) + _entry_faults("post", self.post, targets)
        if found:
            return found
        pre, post = _entries(self.pre), _entries(self.post)
        if len(pre) != len(post):
            found.append(f"post: found {len(post)} entries; allowed: {len(pre)}, one for each of pre")
        if tuple(weights) != pre.shape:
            found.append(f"weights: found shape {tuple(weights)}; allowed: {pre.shape}, one a synapse")
        return found or _repeat_faults(pre, post)

    def _expand(self, sources: int) -> Synapses:
        pre, post = _entries(self.pre), _entries(self.post)
        order = _order(pre, post)
        return Synapses(pointers(np.bincount(pre, minlength=sources)), post[order].astype(np.int32), order)


Shape = Convolution | Pooling | Sparse


def faults(shape: Shape, weights: Sequence[int], sources: int, targets: int) -> list[str]:
    """What is wrong with a shape between populations of those sizes, a line a fault; `weights`: their array's shape."""
    if isinstance(shape, Sparse):
        return shape._faults(weights, sources, targets)
    found = shape._faults(weights)
    if found:
        return found
    output = shape.output_shape(weights) if isinstance(shape, Convolution) else shape.output_shape()
    sides = (("input_shape", shape.input_shape, sources, "source"), ("output shape", output, targets, "target"))
    return [
        f"{name}: found {picture}, {prod(picture)} neurons; allowed: {size}, the size of the {side}"
        for name, picture, size, side in sides
        if prod(picture) != size
    ]


def expand(shape: Shape, weights: Sequence[int], sources: int, *, flipped: bool = False) -> Synapses:
    """The synapses of a shape that has no faults; `weights`: the shape of their array.

    flipped: kernels are mirrored in height and width (convolution in the mathematical sense), else not (correlation).
    """
    if isinstance(shape, Convolution):
        return shape._expand(weights, flipped)
    return shape._expand() if isinstance(shape, Pooling) else shape._expand(sources)


_PICTURE = "(channels, height, width)"
_SIDES = "(height, width)"


def _tidy(shape: Convolution | Pooling, *pairs: str) -> None:
    """Bring a new shape's sizes to tuples of int, so that equal shapes compare equal; `faults` judges the rest."""
    object.__setattr__(shape, "input_shape", _tuple(shape.input_shape))
    for name in pairs:
        value = getattr(shape, name)
        object.__setattr__(shape, name, _tuple((value, value) if isinstance(value, int | np.integer) else value))


def _tuple(values: Any) -> Any:
    if not isinstance(values, list | tuple | np.ndarray):
        return values
    return tuple(int(value) if isinstance(value, np.integer) else value for value in values)


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value


def _is_count(value: Any, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _count_faults(name: str, values: Any, axes: str, least: int = 1) -> list[str]:
    right_length = isinstance(values, tuple) and len(values) == axes.count(",") + 1
    if right_length and all(_is_count(value, least) for value in values):
        return [f"{name}: found {values!r}; allowed: at most {_MOST} each"] if max(values) > _MOST else []
    return [f"{name}: found {values!r}; allowed: {axes}, each {least} or more"]


def _overhang_faults(name: str, axes: tuple[Axis, Axis]) -> list[str]:
    return [
        f"{name}: found {side} {axis.kernel}, spanning {axis.span} neurons; allowed: a span of 1 to {axis.padded} "
        f"(input {axis.size}, padding {axis.padding} on both sides)"
        for side, axis in zip(("height", "width"), axes, strict=True)
        if axis.span > axis.padded
    ]


def _entries(values: ArrayLike) -> NDArray[np.int64]:
    return np.asarray(values, np.int64)


def _entry_faults(name: str, values: ArrayLike, size: int) -> list[str]:
    """Faults of a list of neurons of a population of `size`."""
    try:
        array = np.asarray(values)
    except ValueError:
        return [f"{name}: not a rectangular array"]
    if array.ndim != 1:
        return [f"{name}: found shape {array.shape}; allowed: one axis, an entry a synapse"]
    if array.size and array.dtype.kind not in "iu":
        return [f"{name}: found {array.dtype} values; integers are needed"]
    beyond = np.flatnonzero((array < 0) | (array >= size))
    found = [f"{name}[{k}]: found {array[k]}; allowed: 0 to {size - 1}" for k in beyond[:_SHOWN]]
    return found + _more(beyond, f"values beyond 0 to {size - 1}", name)


def _pairs(pre: NDArray[np.int64], post: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number for each pair, in order of pre, then post."""
    return pre * (int(post.max(initial=0)) + 1) + post


def _order(pre: NDArray[np.int64], post: NDArray[np.int64]) -> NDArray[np.int64]:
    """Which synapse comes first, second and so on, by pre, then post.

    Sorted by post, then by pre, where they are not in order, as numbers that end with a synapse's place: NumPy sorts
    numbers several times as fast as it finds their order. Neurons and synapses are below 2 ** 31.
    """
    places, order = np.arange(len(pre)), None
    if _ascending(_pairs(pre, post)):
        return places
    for neurons in (post, pre):
        numbers = neurons if order is None else neurons[order]
        if not _ascending(numbers):
            bits = len(pre).bit_length()
            numbers = numbers << bits
            numbers |= places
            numbers.sort()
            numbers &= (1 << bits) - 1
            order = numbers if order is None else order[numbers]
    return places if order is None else order


def _ascending(numbers: NDArray[np.int64]) -> bool:
    return bool((numbers[1:] >= numbers[:-1]).all())


def _repeat_faults(pre: NDArray[np.int64], post: NDArray[np.int64]) -> list[str]:
    pairs = _pairs(pre, post)
    pairs.sort()
    if not (pairs[1:] == pairs[:-1]).any():  # at a tenth of the memory that naming them takes
        return []
    order = np.lexsort((post, pre))
    first, second = order[:-1], order[1:]
    again = np.flatnonzero((pre[first] == pre[second]) & (post[first] == post[second]))
    found = [
        f"synapses {first[k]} and {second[k]}: both join neuron {pre[first[k]]} to {post[first[k]]}; "
        "allowed: one synapse a pair"
        for k in again[:_SHOWN]
    ]
    return found + _more(again, "pairs that are joined twice", "synapses")


def _more(places: Integers, what: str, name: str) -> list[str]:
    return [f"{name}: {len(places) - _SHOWN} more {what}"] if len(places) > _SHOWN else []
