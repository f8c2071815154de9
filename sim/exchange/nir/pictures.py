"""Convolutions and poolings of a graph as operators, in one dimension or two."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...network.geometry import Convolution, Pooling
from .graph import Node
from .operators import Kernels, Pool

Shape = tuple[int, ...]


def picture_operator(node: Node, shape: Shape) -> Kernels | Pool:
    """The operator of a convolution or pooling of a picture of that shape. Raises ValueError with what is wrong."""
    values, one = node.values, node.kind == "Conv1d"
    axes = 2 if one else 3
    if len(shape) > axes and prod(shape[:-axes]) == 1:
        shape = shape[-axes:]
    if len(shape) != axes:
        named = "(channels, length)" if one else "(channels, height, width)"
        raise ValueError(f"found a picture of shape {shape}; allowed: {named}")
    picture = (shape[0], 1, shape[1]) if one else (shape[0], shape[1], shape[2])
    if "Conv" not in node.kind:
        return _pool(node, picture)
    kernels = values["weight"][:, :, None, :] if one else values["weight"]
    stride, dilation = (_two(values[key], one, 1) for key in ("stride", "dilation"))
    padding = _padding(values["padding"], one, kernels.shape[2:], dilation)
    convolution = Convolution(picture, stride, padding, dilation, int(values["groups"].ravel()[0]))
    found = convolution._faults(kernels.shape)
    if found:
        raise ValueError(found[0])
    return Kernels(kernels, convolution)


def _two(values: NDArray[Any], one: bool, first: int) -> tuple[int, int]:
    flat = [int(value) for value in values.ravel()]
    if one:
        return first, flat[-1]
    return (flat[0], flat[0]) if len(flat) == 1 else (flat[0], flat[1])


def _padding(values: Any, one: bool, kernel: tuple[int, ...], dilation: tuple[int, int]) -> tuple[int, int]:
    if not isinstance(values, str):
        return _two(values, one, 0)
    if values == "valid":
        return 0, 0
    spans = [step * (side - 1) for side, step in zip(kernel, dilation, strict=True)]
    if any(span % 2 for span in spans):
        raise ValueError(
            f"padding: found 'same' for kernels of {kernel}, uneven margins; allowed: kernels of odd sides"
        )
    return spans[0] // 2, spans[1] // 2


def _pool(node: Node, picture: tuple[int, int, int]) -> Kernels | Pool:
    values = node.values
    size, stride, padding = (_two(values[key], False, 0) for key in ("kernel_size", "stride", "padding"))
    factor = 1 / prod(size) if node.kind == "AvgPool2d" else 1.0
    if any(padding):
        kernels = np.full((picture[0], 1, *size), factor)
        convolution = Convolution(picture, stride, padding, groups=picture[0])
        found = convolution._faults(kernels.shape)
        if found:
            raise ValueError(found[0])
        return Kernels(kernels, convolution)
    pooling = Pooling(picture, size, stride)
    found = pooling._faults((1,))
    if found:
        raise ValueError(found[0])
    return Pool(pooling, factor)
