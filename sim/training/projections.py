"""A projection in training: its trained weights, and what they add to the registers of its target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..engine.wiring import Incoming
from ..errors import OverflowRefusedError
from ..network.added import synapse_delays, synapses_of
from ..network.geometry import Convolution, Pooling
from ..network.network import Network
from ..network.weights import connection_values, format_weights, neuron_values
from ..ops.operators import RefusedWriteError
from ..ops.tensor import TensorOps
from ..profile.analysis import WEIGHT_MAX, WEIGHT_MIN
from ..profile.walk import listed, stage_operands
from .layers import Synapses
from .weights import Kernels, Matrix, Weights, windows


class TrainedProjection(nn.ModuleList):
    """The weights of one projection, `Synapses` by `Synapses`. Those of a pool are the network's own, and not trained.

    A convolution stays one where its kernels are what is added; other lists of synapses, and those with delays of
    their own, become a matrix.
    """

    def __init__(self, network: Network, place: int, ops: TensorOps, bits: int, gain: float) -> None:
        """`place`: of the projection in the network, whose weights are only shapes; `bits`, `gain`: of the weights."""
        super().__init__()
        self.network, self.ops = network, ops
        self.projection = network.projections[place]
        self.connection = network.connection(self.projection)
        shape = np.shape(self.projection.weights)
        if not isinstance(self.projection.shape, Pooling):
            fan_in = most_sources(network, place)
            for _ in range(shape[2] if self.projection.shape is None else 1):
                each = shape[:2] if self.projection.shape is None else shape
                self.append(Synapses(self.connection, each, fan_in, bits, gain))
        names = _operands(self.connection.weight.format)
        target = neuron_values(network.profile, network.population(self.projection.target))
        self._neurons = {name: values for name, values in target.items() if name in names}
        self._sources = {
            name: np.asarray(self.projection.parameters[name])
            for name in self.connection.source_parameters
            if name in names
        }
        self._synapses = {
            name: np.asarray(self.projection.parameters[name]) for name in self.connection.synapse_parameters
        }
        self._derives = bool(_operands(self.connection.prepare) & {WEIGHT_MIN, WEIGHT_MAX})
        self._values = connection_values(network.profile, self.projection)

    def integers(self) -> NDArray[np.int64]:
        """The weights, as the network holds them."""
        planes = [synapses.integers() for synapses in self.trained]
        if self.projection.shape is None:
            return np.stack(planes, axis=2)
        return planes[0] if planes else np.asarray(self.projection.weights, np.int64)

    def incoming(self, delays: Iterable[Incoming], rounded: bool, like: Tensor) -> list[Incoming]:
        """What the engine knows of the projection, one for each delay, with this step's weights.

        like: a tensor of the type and on the device that the weights are to have.
        Raises OverflowRefusedError where a weight's format refuses one.
        """
        values = self._values
        if self._derives:
            values = connection_values(self.network.profile, replace(self.projection, weights=self.integers()))
        scope = values | self.network.profile.constants
        try:
            added = [self._added(raw, scope) for raw in self._raw(rounded, like)]
        except RefusedWriteError as error:
            place = f"projection '{self.projection.source}' to '{self.projection.target}'"
            raise OverflowRefusedError(f"training, {place}, {error}") from None
        result = []
        for each in delays:
            chosen = (self._of_delay(weights, each.lag - self.connection.lag) for weights in added)
            synapses = tuple(zip(self.connection.into, chosen, strict=False))
            result.append(replace(each, synapses=synapses, values=scope))
        return result

    @property
    def trained(self) -> list[Synapses]:
        """The trained weights, by synapse; none of a pool."""
        return [each for each in self if isinstance(each, Synapses)]

    def _raw(self, rounded: bool, like: Tensor) -> list[Tensor]:
        """The weights before their format, by synapse."""
        if isinstance(self.projection.shape, Pooling):
            return [_like(like, np.asarray(self.projection.weights))]
        return [synapses(rounded).to(like) for synapses in self.trained]

    def _added(self, raw: Tensor, values: dict[str, int]) -> Weights:
        shape = self.projection.shape
        if shape is None:
            scope: dict[str, Any] = {name: _like(raw, array)[None, :] for name, array in self._neurons.items()}
            scope |= {name: _like(raw, array)[:, None] for name, array in self._sources.items()}
            return Matrix(self._formatted(raw, {**values, **scope, **_all_like(raw, self._synapses)}))
        if isinstance(shape, Convolution | Pooling) and not self._neurons and not self._sources and self._one_delay:
            weights = self._formatted(raw, {**values, **_all_like(raw, self._synapses)})
            if isinstance(shape, Pooling):
                return windows(weights, shape)
            return Kernels(weights.flip(2, 3) if self.connection.kernel == "convolution" else weights, shape)
        return self._unrolled(raw, values)

    def _unrolled(self, raw: Tensor, values: dict[str, int]) -> Matrix:
        """A list of synapses as a matrix, 0 where there is none."""
        pre, post = self.network.size(self.projection.source), self.network.size(self.projection.target)
        synapses = synapses_of(self.connection, self.projection, pre)
        scope = {name: array[synapses.targets] for name, array in self._neurons.items()}
        scope |= {name: array[synapses.sources] for name, array in self._sources.items()}
        scope |= {name: array.ravel()[synapses.index] for name, array in self._synapses.items()}
        weights = self._formatted(raw.flatten()[torch.as_tensor(synapses.index)], {**values, **_all_like(raw, scope)})
        place = torch.as_tensor(synapses.sources), torch.as_tensor(synapses.targets.astype(np.int64))
        return Matrix(raw.new_zeros(pre, post).index_put(place, weights))

    def _formatted(self, raw: Tensor, scope: dict[str, Any]) -> Tensor:
        added: Tensor = format_weights(self.ops, self.connection, raw, scope)
        return added

    @property
    def _one_delay(self) -> bool:
        return bool(np.unique(np.asarray(self.projection.delays)).size == 1)

    def _of_delay(self, weights: Weights, delay: int) -> Weights:
        """The weights whose spikes take so many steps more; the others are 0."""
        if self._one_delay or not isinstance(weights, Matrix):
            return weights
        sources = self.network.size(self.projection.source)
        delays = synapse_delays(self.connection, self.projection, sources)
        if self.projection.shape is not None:
            synapses = synapses_of(self.connection, self.projection, sources)
            delays = synapses.over(np.broadcast_to(delays, synapses.index.shape)).dense(weights.weights.shape[1])
        return Matrix(weights.weights * _like(weights.weights, np.asarray(delays) == delay))


def _like(tensor: Tensor, array: NDArray[Any]) -> Tensor:
    """Integers as floats of the tensor's type."""
    return torch.as_tensor(np.ascontiguousarray(array, np.float64), dtype=tensor.dtype, device=tensor.device)


def _all_like(tensor: Tensor, arrays: Mapping[str, NDArray[Any]]) -> dict[str, Tensor]:
    return {name: _like(tensor, array) for name, array in arrays.items()}


def most_sources(network: Network, place: int) -> int:
    """The most sources that a neuron has over the projection at `place`."""
    projection = network.projections[place]
    shape, weights = projection.shape, np.shape(projection.weights)
    if shape is None:
        return int(weights[0])
    if isinstance(shape, Convolution):
        return int(np.prod(weights[1:]))
    if isinstance(shape, Pooling):
        return int(np.prod(shape.size))
    return max(1, int(np.bincount(np.asarray(shape.post), minlength=1).max()))


def _operands(stages: Iterable[Any]) -> set[str]:
    return {name for at, stage in listed((), stages) for _, name in stage_operands(at, stage)}
