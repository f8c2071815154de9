"""Layers of sinabs' DynapCNN model, in plain integers from their arithmetic. Imports nothing from bitspike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

Plane = list[list[int]]
Planes = list[Plane]  # [channel][row][column]


@dataclass
class Layer:
    """One convolution, its neurons, and the pooling of their spikes.

    weight: [out][in][row][column]; reset: `subtract` (the threshold, once a spike) or `zero`, which adds
    `reset_value` in every step.
    """

    weight: list[list[Plane]]
    bias: list[int]
    stride: int
    pad: int
    pool: int
    threshold: int
    lowest: int
    reset: str
    reset_value: int = 0
    membrane: Planes = field(default_factory=list)

    def step(self, spikes: Planes) -> Planes:
        """The spikes that this layer's neurons send in a step, before pooling."""
        arrived = [
            [[total + bias for total in row] for row in correlated(spikes, kernel, self.stride, self.pad)]
            for kernel, bias in zip(self.weight, self.bias, strict=True)
        ]
        if not self.membrane:
            self.membrane = [[[0] * len(row) for row in plane] for plane in arrived]
        sent: Planes = []
        for channel, plane in enumerate(arrived):
            sent.append([])
            for y, row in enumerate(plane):
                sent[-1].append([self.neuron(channel, y, x, value) for x, value in enumerate(row)])
        return sent

    def neuron(self, channel: int, y: int, x: int, arrived: int) -> int:
        """Integrate, fire as often as the threshold fits, reset, clip below."""
        value = self.membrane[channel][y][x] + arrived
        count, rest = divmod(value, self.threshold) if value > 0 else (0, value)
        value = rest if self.reset == "subtract" else (0 if count else value) + self.reset_value
        self.membrane[channel][y][x] = value if value > self.lowest else self.lowest
        return count


def correlated(planes: Planes, kernel: list[Plane], stride: int, pad: int) -> Plane:
    """Every window of the padded planes times the kernel as it is, not flipped."""
    height, width = len(planes[0]), len(planes[0][0])
    rows, columns = len(kernel[0]), len(kernel[0][0])

    def window(top: int, left: int) -> int:
        return sum(
            weights[i][j] * plane[top + i][left + j]
            for plane, weights in zip(planes, kernel, strict=True)
            for i in range(rows)
            for j in range(columns)
            if 0 <= top + i < height and 0 <= left + j < width
        )

    return [
        [window(top, left) for left in range(-pad, width + pad - columns + 1, stride)]
        for top in range(-pad, height + pad - rows + 1, stride)
    ]


def pooled(planes: Planes, size: int) -> Planes:
    """The sum of each whole window; what fills none is dropped."""
    return [
        [
            [sum(plane[top + i][left + j] for i in range(size) for j in range(size)) for left in starts(plane[0], size)]
            for top in starts(plane, size)
        ]
        for plane in planes
    ]


def starts(cells: Sequence[object], size: int) -> range:
    """Where whole windows begin."""
    return range(0, len(cells) - size + 1, size)


def run(layers: Sequence[Layer], inputs: Sequence[Planes]) -> dict[str, list[Planes]]:
    """`spikes_0`, `membrane_0`, `pooled_0`, ... [step] of every layer and `output`, the last pooled spikes."""
    recorded: dict[str, list[Planes]] = {}
    for planes in inputs:
        for index, layer in enumerate(layers):
            sent = layer.step(planes)
            recorded.setdefault(f"spikes_{index}", []).append(sent)
            copies = [[list(row) for row in plane] for plane in layer.membrane]
            recorded.setdefault(f"membrane_{index}", []).append(copies)
            planes = pooled(sent, layer.pool)
            recorded.setdefault(f"pooled_{index}", []).append(planes)
        recorded.setdefault("output", []).append(planes)
    return recorded
