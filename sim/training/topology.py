"""The layers and connections of a recipe, and the network whose weights are trained."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Discriminator, Field, Tag, model_validator

from ..datapath import Model, Name
from ..document.wording import found_but
from ..errors import InputError
from ..network.geometry import Convolution, Pooling, Triple
from ..network.geometry import faults as geometry_faults
from ..network.parts import Population, Projection
from ..profile.schema import Count

MAX_SIZE = 1 << 20  # neurons of a layer
MAX_WEIGHTS = 1 << 26  # of a connection

Side = Annotated[int, Field(ge=1, le=MAX_SIZE)]
Margin = Annotated[int, Field(ge=0, le=MAX_SIZE)]
Picture = tuple[int, int, int]


class LayerSpec(Model):
    """A population: its neurons and their parameters, one value for all of them."""

    name: Name
    neuron: Annotated[Name, Field(description="the profile's neuron class")]
    size: Annotated[int, Field(ge=1, le=MAX_SIZE, description="how many neurons; or their shape")] | None = None
    shape: Annotated[tuple[Side, Side, Side], Field(description="channels, height, width of a picture")] | None = None
    parameters: dict[Name, int]
    train: Annotated[
        dict[Name, Literal["neuron", "layer"]], Field(description="trained, too: a value a neuron, or one a layer")
    ] = Field(default_factory=dict)
    train_rate: Annotated[float, Field(gt=0, le=1e6, description="factor of the learning rate of those")] = 1.0

    @model_validator(mode="after")
    def _sized(self) -> LayerSpec:
        if (self.size is None) == (self.shape is None):
            raise ValueError("either size or shape, one of them")
        return self

    @property
    def neurons(self) -> int:
        """How many neurons."""
        return self.size if self.size is not None else prod(self.shape or ())

    @property
    def population(self) -> Population:
        """The population itself. Raises InputError where a picture is too large."""
        if self.neurons > MAX_SIZE:
            raise InputError(f"shape: found {self.neurons:,} neurons; allowed: {MAX_SIZE:,}")
        return Population(self.name, self.neurons, self.parameters, self.neuron)


class _Connection(Model):
    """A projection between layers."""

    source: Annotated[Name, Field(description="a layer, or 'input'")]
    target: Name
    via: Annotated[Name, Field(description="the profile's connection")]
    parameters: dict[Name, int]


class DenseSpec(_Connection):
    """Every neuron to every neuron, trained; `synapses` of the registers that the connection reaches."""

    kind: Literal["dense"] = "dense"
    synapses: Count


class ConvolutionSpec(_Connection):
    """Trained kernels that move over the source's picture; as many as the target has channels."""

    kind: Literal["convolution"]
    kernel: Annotated[Side | tuple[Side, Side], Field(description="height and width, or one side for both")]
    stride: Side | tuple[Side, Side] = 1
    padding: Margin | tuple[Margin, Margin] = 0
    dilation: Side | tuple[Side, Side] = 1
    groups: Count = 1


class PoolSpec(_Connection):
    """Sums over windows of each channel of the source's picture, times a weight that is not trained."""

    kind: Literal["pool"]
    window: Annotated[Side | tuple[Side, Side], Field(description="height and width, or one side for both")]
    stride: Annotated[Side | tuple[Side, Side] | None, Field(description="absent: the window's size")] = None
    weight: int


def _kind(value: Any) -> str | None:
    if isinstance(value, dict):
        return str(value.get("kind", "dense"))
    return getattr(value, "kind", None)


AnyConnection = DenseSpec | ConvolutionSpec | PoolSpec
ConnectionSpec = Annotated[
    Annotated[DenseSpec, Tag("dense")]
    | Annotated[ConvolutionSpec, Tag("convolution")]
    | Annotated[PoolSpec, Tag("pool")],
    Discriminator(_kind),
]


def projection(connection: AnyConnection, shapes: Mapping[str, Picture | int]) -> Projection:
    """The projection, its trained weights 1.

    shapes: of every layer and the input, a picture or a number of neurons. Raises InputError where they do not fit.
    """
    for name in (connection.source, connection.target):
        if name not in shapes:
            raise InputError(found_but(name, ", ".join(shapes)))
    ends, via, parameters = (connection.source, connection.target), connection.via, connection.parameters
    sizes = [_size(shapes[name]) for name in ends]
    if isinstance(connection, DenseSpec):
        weights = _ones(*sizes, connection.synapses)
        return Projection(*ends, weights, via, parameters)
    source, target = (_picture(name, shapes[name]) for name in ends)
    if isinstance(connection, ConvolutionSpec):
        if source[0] % connection.groups:
            raise InputError(f"groups: found {connection.groups}; allowed: a divisor of the {source[0]} channels")
        kernels = _ones(target[0], source[0] // connection.groups, *_pair(connection.kernel))
        moved = Convolution(source, connection.stride, connection.padding, connection.dilation, connection.groups)
        _check(moved, kernels.shape, sizes, target, moved.output_shape(kernels.shape))
        return Projection(*ends, kernels, via, parameters, moved)
    pool = Pooling(source, connection.window, connection.stride)
    _check(pool, (1,), sizes, target, pool.output_shape())
    return Projection(*ends, connection.weight, via, parameters, pool)


def _check(
    shape: Convolution | Pooling, weights: tuple[int, ...], sizes: list[int], target: Picture, output: Triple
) -> None:
    if min(output) >= 1 and output != target:
        raise InputError(f"found a target of shape {list(target)}; allowed: {list(output)}, by the source's shape")
    found = geometry_faults(shape, weights, *sizes)
    if found:
        raise InputError("\n".join(found))


def _ones(*shape: int) -> Any:
    if prod(shape) > MAX_WEIGHTS:
        raise InputError(f"found {prod(shape):,} weights; allowed: {MAX_WEIGHTS:,}")
    return np.ones(shape, np.int8)


def _size(shape: Picture | int) -> int:
    return shape if isinstance(shape, int) else prod(shape)


def _pair(value: int | tuple[int, int]) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else value


def _picture(name: str, shape: Picture | int) -> Picture:
    if isinstance(shape, int):
        raise InputError(f"'{name}' has a size; allowed: a layer with a shape, [channels, height, width]")
    return shape
