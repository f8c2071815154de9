"""How a kernel that moves over a picture becomes synapses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .lists import Synapses, pointers


@dataclass(frozen=True)
class Axis:
    """A kernel that moves along one side of a picture."""

    size: int
    kernel: int
    stride: int
    padding: int
    dilation: int

    @property
    def span(self) -> int:
        """Inputs from the first tap to the last."""
        return (self.kernel - 1) * self.dilation + 1

    @property
    def padded(self) -> int:
        """Places that the kernel may cover."""
        return self.size + 2 * self.padding

    @property
    def outputs(self) -> int:
        """Places where the kernel fits."""
        return (self.padded - self.span) // self.stride + 1

    def links(self) -> NDArray[np.int64]:
        """Input, output and tap of the kernel, int64 [3, link], by input, then by output."""
        output, tap = np.divmod(np.arange(self.outputs * self.kernel), self.kernel)
        source = output * self.stride - self.padding + tap * self.dilation
        order = np.lexsort((output, source))
        order = order[(source[order] >= 0) & (source[order] < self.size)]
        return np.stack((source, output, tap))[:, order]


def _plane_links(high: Axis, wide: Axis) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Of one channel to one channel: how many links each source has, and, by source, their targets and taps."""
    (row, row_output, row_tap), (column, column_output, column_tap) = high.links()[:, :, None], wide.links()
    source = (row * wide.size + column).ravel()
    order = np.argsort(source, kind="stable")
    targets = (row_output * wide.outputs + column_output).ravel()[order]
    taps = (row_tap * wide.kernel + column_tap).ravel()[order]
    return np.bincount(source, minlength=high.size * wide.size), targets, taps


def picture_synapses(high: Axis, wide: Axis, channels: int, groups: int, kernels: int, flipped: bool) -> Synapses:
    """Synapses of `kernels` kernels, [kernels, channels / groups, height, width], over a picture of `channels`."""
    inputs, outputs = channels // groups, kernels // groups  # of one group
    taps_of_kernel, plane_size = high.kernel * wide.kernel, high.outputs * wide.outputs
    counts, plane, taps = _plane_links(high, wide)
    if flipped:
        taps = taps_of_kernel - 1 - taps
    # The first channel: the links of a source stand together, once for every output channel of its group.
    start, count = (np.repeat(values, counts) for values in (np.cumsum(counts) - counts, counts))
    output = np.arange(outputs)[:, None]
    place = np.arange(len(plane)) + start * (outputs - 1) + output * count
    targets, index = np.empty(place.size, np.int32), np.empty(place.size, np.int64)
    targets[place] = plane + output * plane_size
    index[place] = taps + output * (inputs * taps_of_kernel)
    # Every other channel is the same, moved to the targets of its group and to its own part of their kernels.
    group, member = np.divmod(np.arange(channels)[:, None], inputs)
    targets = (targets + (group * (outputs * plane_size)).astype(np.int32)).ravel()
    index = (index + (group * (outputs * inputs) + member) * taps_of_kernel).ravel()
    return Synapses(pointers(np.tile(counts * outputs, channels)), targets, index)
