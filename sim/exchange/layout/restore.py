"""The arrays of a network from the values that a layout's files hold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ...network.added import synapses_of
from ...network.network import Integers
from ...network.parts import Population, Projection
from ...profile.schema import Profile
from .names import ALIASES, DELAY, ENDS, KERNEL, TARGET, WEIGHT
from .part import Ends, Part

Values = dict[tuple[str, str], Integers]


def restore(
    values: Values,
    profile: Profile,
    part: Part,
    shapes: Mapping[str, Any],
    arrays: dict[str, Integers],
    registers: dict[str, dict[str, Integers]],
) -> None:
    """Add to `arrays` and `registers` what the values of one file say of the layers and projections of a part.

    shapes: of the network's arrays by name.
    """
    for layer in part.layers:
        if layer.name in part.spans:
            own = {name: array for (owner, name), array in values.items() if owner == layer.neuron}
            _of_layer(own, profile, part, layer, shapes, arrays, registers)
    for index, projection in part.projections:
        own = {name: array for (owner, name), array in values.items() if owner == projection.via}
        _of_projection(own, profile, part, index, projection, shapes, arrays)


def _of_layer(
    own: Mapping[str, Integers],
    profile: Profile,
    part: Part,
    layer: Population,
    shapes: Mapping[str, Any],
    arrays: dict[str, Integers],
    registers: dict[str, dict[str, Integers]],
) -> None:
    begin, end = part.spans[layer.name]
    neuron, aliases = profile.neurons[str(layer.neuron)], f"{layer.name}-aliases"
    for name, array in own.items():
        if name in neuron.parameters:
            arrays[f"{layer.name}.{name}"] = array[begin:end]
        elif name in neuron.registers:
            registers.setdefault(layer.name, {})[name] = array[begin:end]
        elif name == ALIASES and aliases in shapes:
            rows = array[begin:end, : shapes[aliases][1]]
            arrays[aliases] = np.where(rows < 0, -1, rows - begin)


def _of_projection(
    own: Mapping[str, Integers],
    profile: Profile,
    part: Part,
    index: int,
    projection: Projection,
    shapes: Mapping[str, Any],
    arrays: dict[str, Integers],
) -> None:
    connection = profile.connections[str(projection.via)]
    pre, post = part.spans[projection.source], part.spans[projection.target]
    names = {WEIGHT: f"weights-{index}", DELAY: f"delays-{index}"}
    names |= {name: f"parameter-{index}-{name}" for name in connection.source_parameters}
    names |= {name: f"parameter-{index}-{name}" for name in connection.synapse_parameters}
    for name, array in own.items():
        if name in names and names[name] in shapes:
            arrays[names[name]] = _local(array, projection, profile, pre, post, tuple(shapes[names[name]]))
    if KERNEL in own:
        arrays[names[WEIGHT]] = own[KERNEL]
    if TARGET in own and ENDS in own:
        matrix = _one_each(own[TARGET][slice(*pre)], own[ENDS][slice(*pre)], post)
        whole = (0, pre[1] - pre[0]), (0, post[1] - post[0])
        arrays[names[WEIGHT]] = _local(matrix, projection, profile, *whole, tuple(shapes[names[WEIGHT]]))


def _one_each(targets: Integers, ends: Integers, post: Ends) -> Integers:
    """Weights [pre, post] of 1 from each source to its target, where that is within `post`."""
    matrix = np.zeros((len(targets), post[1] - post[0]), np.int64)
    inside = np.flatnonzero((ends == 0) & (targets >= post[0]) & (targets < post[1]))
    matrix[inside, targets[inside] - post[0]] = 1
    return matrix


def _local(
    array: Integers, projection: Projection, profile: Profile, pre: Ends, post: Ends, shape: tuple[int, ...]
) -> Integers:
    """A projection's share of a value, in the shape of its own array."""
    if array.ndim <= 1:
        return array.reshape(shape) if array.ndim == 0 else array[slice(*pre)]
    block = array[slice(*pre), slice(*post)]
    if projection.shape is None:
        return block[..., : shape[-1]] if block.ndim == 3 else block.reshape(shape)
    connection = profile.connections[str(projection.via)]
    synapses = synapses_of(connection, projection, pre[1] - pre[0])
    flat = np.zeros(int(np.prod(shape)), np.int64)
    flat[synapses.index] = block[synapses.sources, synapses.targets]
    return flat.reshape(shape)
