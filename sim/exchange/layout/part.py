"""A part of a network as one piece: the layers of a class one after another, and the synapses between them.

A *piece* is what one layer or projection adds to a value of the whole part, and where it lies there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.ma import MaskedArray
from numpy.typing import ArrayLike, NDArray

from ...errors import NetworkError
from ...network.added import added_weights, synapses_of
from ...network.lists import Listed
from ...network.parts import Population, Projection
from ...network.weights import connection_values, neuron_values
from ...profile.schema import INPUT, Profile
from .names import ADDED, ALIASES, DELAY, ENDS, KERNEL, TARGET, WEIGHT, values_of
from .schema import VALUE, Each, Reference

Masked = MaskedArray[Any, Any]
State = Mapping[str, Mapping[str, ArrayLike]]
Ends = tuple[int, int]  # where a span of neurons begins and ends


@dataclass(frozen=True)
class Piece:
    """`values`, masked where there is nothing, lie at `start` of the whole; `place` names them in a message."""

    place: str
    values: Masked
    start: tuple[int, ...]
    shared: bool = False  # two pieces may say the same of one place


@dataclass(frozen=True)
class Part:
    """Some of a network's layers and projections, each with its number; spans: [begin, end) by layer and input."""

    profile: Profile
    spans: dict[str, Ends]
    layers: tuple[Population, ...]
    projections: tuple[tuple[int, Projection], ...]
    suffix: str = ""

    def numbered(self, file: str) -> str:
        """A file's name with what tells the parts apart, before its ending."""
        path = PurePath(file)
        return f"{path.stem}{self.suffix}{path.suffix}"

    def layer(self, name: str) -> Population:
        """The layer of that name. Raises KeyError."""
        return {layer.name: layer for layer in self.layers}[name]

    def sizes(self, projection: Projection) -> tuple[int, int]:
        """How many neurons a projection comes from, and how many it reaches."""
        (begin, end), (first, last) = (self.spans[name] for name in (projection.source, projection.target))
        return end - begin, last - first

    def size(self, owner: str) -> int:
        """Neurons of a class, or channels of the input."""
        names = [INPUT] if owner == INPUT else [layer.name for layer in self.layers if layer.neuron == owner]
        return max((self.spans[name][1] for name in names if name in self.spans), default=0)


def parts(
    profile: Profile,
    inputs: int,
    layers: tuple[Population, ...],
    projections: tuple[Projection, ...],
    each: Each | None,
) -> Iterator[Part]:
    """The parts that have a file each: the whole network, every layer of a class, or every projection of a kind."""
    numbered = tuple(enumerate(projections))
    if each is None:
        spans, ends = {INPUT: (0, inputs)}, dict.fromkeys(profile.neurons, 0)
        for layer in layers:
            begin = ends[str(layer.neuron)]
            ends[str(layer.neuron)] = begin + layer.size
            spans[layer.name] = (begin, begin + layer.size)
        yield Part(profile, spans, layers, numbered)
    elif each.layer is not None:
        for layer in layers:
            if layer.neuron == each.layer:
                yield Part(profile, {layer.name: (0, layer.size)}, (layer,), (), f"-{layer.name}")
    else:
        sizes = {INPUT: inputs, **{layer.name: layer.size for layer in layers}}
        for index, projection in numbered:
            if projection.via == each.projection:
                ends_of = {name: (0, sizes[name]) for name in (projection.source, projection.target)}
                yield Part(profile, ends_of, layers, ((index, projection),), f"-{index}")


def pieces(part: Part, state: State, reference: Reference) -> Iterator[Piece]:
    """What each layer or projection of the part has of a value. Raises NetworkError."""
    owner, name, _ = reference
    if owner == VALUE:
        yield Piece(f"value '{name}'", np.ma.array(part.profile.constants[name]), ())
    elif owner in part.profile.neurons:
        for layer in part.layers:
            if layer.neuron == owner and layer.name in part.spans:
                yield _of_layer(part, layer, state, name)
    else:
        for _, projection in part.projections:
            if projection.via == owner:
                yield _of_projection(part, projection, name)


def _of_layer(part: Part, layer: Population, state: State, name: str) -> Piece:
    begin, place = part.spans[layer.name][0], f"layer '{layer.name}': {name}"
    if name == ALIASES:
        aliases = np.asarray(layer.aliases if layer.aliases is not None else np.zeros((layer.size, 0)), np.int64)
        return Piece(place, np.ma.array(np.where(aliases < 0, -1, aliases + begin)), (begin, 0))
    if name in part.profile.neurons[str(layer.neuron)].registers:
        values = np.asarray(state[layer.name][name], np.int64).reshape(layer.size) if state else np.zeros(layer.size)
        return Piece(place, np.ma.array(values.astype(np.int64)), (begin,))
    return Piece(place, np.ma.array(np.asarray(layer.parameters[name], np.int64)), (begin,))


def _of_projection(part: Part, projection: Projection, name: str) -> Piece:
    begin, after = part.spans[projection.source][0], part.spans[projection.target][0]
    place = f"projection '{projection.source}' to '{projection.target}': {'weights' if name == WEIGHT else name}"
    via = str(projection.via)
    if name == TARGET:
        return Piece(place, target_of(place, filled(part, projection, WEIGHT), after), (begin,))
    axes = values_of(part.profile, via)[name]
    if name == KERNEL:
        return Piece(place, np.ma.array(np.asarray(projection.weights, np.int64)), (0,) * 4)
    if axes < 2:
        given = np.asarray(projection.delays if name == DELAY else projection.parameters[name], np.int64)
        values = np.broadcast_to(given, part.sizes(projection)[:axes])
        return Piece(place, np.ma.array(values), (begin,)[:axes], shared=True)
    values = filled(part, projection, name)
    if axes == 2 and name in (WEIGHT, ADDED) and values.ndim == 3:
        values = values[:, :, 0]
    return Piece(place, values, (begin, after, 0)[: values.ndim])


def filled(part: Part, projection: Projection, name: str) -> Masked:
    """A value of every synapse as a matrix [pre, post] or [pre, post, synapse], masked where there is no synapse."""
    connection, sizes = part.profile.connections[str(projection.via)], part.sizes(projection)
    if name == ADDED:
        return _added(part, projection)
    given = {WEIGHT: projection.weights, DELAY: projection.delays, **projection.parameters}[name]
    array = np.asarray(given, np.int64)
    if projection.shape is None:
        return np.ma.array(array if array.ndim == 3 else np.broadcast_to(array, sizes))
    synapses = synapses_of(connection, projection, sizes[0])
    if array.ndim == 0:
        return _spread(sizes, synapses.sources, synapses.targets, np.full(len(synapses.targets), array))
    return _spread(sizes, synapses.sources, synapses.targets, array.ravel()[synapses.index])


def _added(part: Part, projection: Projection) -> Masked:
    connection, sizes = part.profile.connections[str(projection.via)], part.sizes(projection)
    values = connection_values(part.profile, projection) | part.profile.constants
    target = neuron_values(part.profile, part.layer(projection.target))
    added = added_weights(connection, projection, values, target, sizes[0])
    if isinstance(added[0], Listed):
        return _spread(sizes, added[0].sources, added[0].targets, added[0].weights)
    return np.ma.array(np.stack([np.asarray(plane, np.int64) for plane in added], axis=2))


def _spread(sizes: tuple[int, int], pre: NDArray[Any], post: NDArray[Any], values: NDArray[Any]) -> Masked:
    matrix: Masked = np.ma.array(np.zeros(sizes, np.int64), mask=np.ones(sizes, bool))
    matrix[pre, post] = values
    return matrix


def target_of(place: str, weights: Masked, after: int) -> Masked:
    """The one neuron that each source reaches, masked where it reaches none. Raises NetworkError for several."""
    matrix = weights.filled(0).reshape(weights.shape[:2])
    counts = np.count_nonzero(matrix, axis=1)
    if np.any(counts > 1):
        source = int(np.argmax(counts > 1))
        raise NetworkError([f"{place}: source {source} reaches {counts[source]} neurons; allowed: 1"])
    if np.any((matrix != 0) & (matrix != 1)):
        source, target = np.argwhere((matrix != 0) & (matrix != 1))[0]
        raise NetworkError([f"{place}: [{source}, {target}]: found weight {matrix[source, target]}; allowed: 0 or 1"])
    return np.ma.array(np.argmax(matrix != 0, axis=1) + after, mask=counts == 0)


def whole(part: Part, state: State, reference: Reference) -> tuple[list[Piece], Masked]:
    """The pieces of a value, and all of them in one array, masked where none lies. Raises NetworkError."""
    if reference.name == ENDS and reference.owner in part.profile.connections:
        targets = whole(part, state, reference._replace(name=TARGET))[1]
        return [], np.ma.array(np.ma.getmaskarray(targets).astype(np.int64))
    found = list(pieces(part, state, reference))
    return found, _joined(found, _shape(part, found, reference))


def _shape(part: Part, found: list[Piece], reference: Reference) -> tuple[int, ...]:
    """The shape of a value of the whole part."""
    axes = len(reference.axes)
    if axes == 0 or reference.owner in part.profile.neurons or reference.name == KERNEL:
        ends = [tuple(b + n for b, n in zip(p.start, p.values.shape, strict=True)) for p in found]
        return tuple(max(sizes) for sizes in zip(*ends, strict=True)) if ends else (0,) * axes
    connection = part.profile.connections[reference.owner]
    sizes = (part.size(connection.sources[0]), part.size(connection.target))
    sides = found[0].values.shape if part.suffix else sizes
    return (*sides[:2], len(connection.into))[:axes]


def _joined(found: list[Piece], shape: tuple[int, ...]) -> Masked:
    data, absent = np.zeros(shape, np.int64), np.ones(shape, bool)
    for piece in found:
        spans = zip(piece.start, piece.values.shape, strict=True)
        region: tuple[Any, ...] = (*(slice(begin, begin + size) for begin, size in spans), ...)
        new, present = np.ma.getdata(piece.values), ~np.ma.getmaskarray(piece.values)
        both = ~absent[region] & present
        clash = np.argwhere(both & (data[region] != new) if piece.shared else both)
        if len(clash):
            index = tuple(clash[0])
            at = f"[{', '.join(map(str, index))}]" if index else ""
            allowed = f"{data[region][index]}, as another projection has" if piece.shared else "one projection"
            raise NetworkError([f"{piece.place}{at}: found {new[index]}; allowed: {allowed}"])
        data[region][present] = new[present]
        absent[region][present] = False
    return np.ma.array(data, mask=absent)
