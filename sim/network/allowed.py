"""What a profile allows of a network. Every fault is found, each named by layer, index, value and range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import NetworkError, suggest
from ..ops.operators import RefusedWriteError
from ..profile.analysis import arriving
from ..profile.schema import INPUT, Connection, Profile
from ..word import Word
from .added import Weights, added_weights, synapses_of
from .geometry import Convolution, Pooling, Sparse
from .geometry import faults as geometry_faults
from .lists import Listed
from .parts import Population, Projection
from .weights import connection_values, neuron_values

MAX_SUM = 1 << 62  # every partial sum of a step stays below it
_SHOWN = 3  # offending values listed for one array


class _Checker:
    """Collects faults while it brings a network into its canonical form."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self.faults: list[str] = []

    def fault(self, place: str, message: str) -> None:
        self.faults.append(f"{place}: {message}")

    def one_of(self, place: str, name: Any, allowed: Sequence[str]) -> bool:
        if name in allowed:
            return True
        self.fault(place, f"found {name!r}; allowed: {', '.join(allowed) or 'none'}{suggest(name, allowed)}")
        return False

    def array(self, place: str, values: ArrayLike) -> NDArray[Any] | None:
        """`values` as an array of integers; None after a fault."""
        try:
            array = np.asarray(values)
        except ValueError:
            self.fault(place, "not a rectangular array")
            return None
        if array.dtype.kind not in "iu":
            self.fault(place, f"found {array.dtype} values; integers are needed")
            return None
        return array

    def integers(
        self, place: str, values: ArrayLike, shape: tuple[int, ...], low: int, high: int, dtype: str, allowed: str
    ) -> NDArray[Any] | None:
        """`values` broadcast to `shape`, read-only, in `dtype`; None after a fault."""
        array = self.array(place, values)
        if array is None:
            return None
        if array.shape not in ((), shape):
            self.fault(place, f"found shape {array.shape}; allowed: {shape}")
            return None
        beyond = np.argwhere((array < low) | (array > high))
        for index in beyond[:_SHOWN]:
            at = f"[{', '.join(map(str, index))}]" if index.size else ""
            self.fault(f"{place}{at}", f"found {array[tuple(index)]}; allowed: {low} to {high} ({allowed})")
        if len(beyond) > _SHOWN:
            self.fault(place, f"{len(beyond) - _SHOWN} more values beyond {low} to {high}")
        if len(beyond):
            return None
        result = np.broadcast_to(array, shape).astype(dtype, order="C")
        result.setflags(write=False)
        return result

    def parameters(
        self,
        place: str,
        given: Mapping[str, ArrayLike],
        words: Mapping[str, Word],
        shapes: Mapping[str, tuple[int, ...]],
    ) -> dict[str, NDArray[Any]]:
        """Every parameter of `words` from `given`, in the profile's order."""
        checked: dict[str, NDArray[Any]] = {}
        for name in given:
            self.one_of(f"{place}: parameter", name, list(words))
        for name, word in words.items():
            if name not in given:
                self.fault(place, f"parameter '{name}' is missing ({word}, {word.min} to {word.max})")
                continue
            array = self.integers(
                f"{place}: {name}", given[name], shapes[name], word.min, word.max, word.dtype, str(word)
            )
            if array is not None:
                checked[name] = array
        return checked

    def population(self, population: Population) -> Population:
        place = f"layer '{population.name}'"
        classes = list(self.profile.neurons)
        neuron = population.neuron or (classes[0] if len(classes) == 1 else None)
        if not self.one_of(f"{place}: neuron class", neuron, classes):
            return population
        assert neuron is not None
        if not isinstance(population.size, int | np.integer) or population.size < 1:
            self.fault(place, f"found size {population.size!r}; allowed: 1 or more")
            return population
        size, kind = int(population.size), self.profile.neurons[neuron]
        parameters = self.parameters(
            place, population.parameters, kind.parameters, dict.fromkeys(kind.parameters, (size,))
        )
        aliases = population.aliases
        if aliases is not None and kind.relay is None:
            self.fault(place, f"has aliases, which neurons of class '{neuron}' do not relay")
        elif aliases is not None:
            aliases = self.aliases(f"{place}: aliases", aliases, size)
        checked = replace(population, size=size, neuron=neuron, parameters=parameters, aliases=aliases)
        if parameters.keys() == kind.parameters.keys():
            try:
                neuron_values(self.profile, checked)
            except RefusedWriteError as error:
                self.fault(place, f"derived {error}")
        return checked

    def aliases(self, place: str, aliases: ArrayLike, size: int) -> NDArray[Any] | None:
        """Neurons that receive copies, [size, slots]."""
        array = self.array(place, aliases)
        if array is None:
            return None
        if array.ndim != 2:
            self.fault(place, f"found shape {array.shape}; allowed: ({size}, slots)")
            return None
        return self.integers(place, array, (size, array.shape[1]), -1, size - 1, "int32", "-1: none")

    def via(self, projection: Projection, source_class: str, target_class: str, place: str) -> str | None:
        """The connection that the projection names, or the only one that fits."""
        fitting = [
            name
            for name, connection in self.profile.connections.items()
            if source_class in connection.sources and connection.target == target_class
        ]
        if projection.via is None and len(fitting) == 1:
            return fitting[0]
        if projection.via is None and fitting:
            self.fault(place, f"several connections fit, name one with via=: {', '.join(fitting)}")
            return None
        return projection.via if self.one_of(f"{place}: connection", projection.via, fitting) else None

    def projection(self, projection: Projection, sizes: Mapping[str, int], classes: Mapping[str, str]) -> Projection:
        place = f"projection '{projection.source}' to '{projection.target}'"
        known = self.one_of(f"{place}: source", projection.source, list(sizes))
        if not self.one_of(f"{place}: target", projection.target, list(classes)) or not known:
            return projection
        source_class = classes.get(projection.source, INPUT)
        via = self.via(projection, source_class, classes[projection.target], place)
        if via is None:
            return projection
        sizes_here = (sizes[projection.source], sizes[projection.target])
        connection, named = self.profile.connections[via], replace(projection, via=via)
        checked = self.shaped(place, named, connection, sizes_here)
        if checked is None:
            return named
        checked = self.linked(place, checked, connection, sizes_here)
        return checked or named

    def shaped(
        self, place: str, projection: Projection, connection: Connection, sizes: tuple[int, int]
    ) -> Projection | None:
        """The projection with checked weights; None after a fault."""
        shape = projection.shape
        if shape is None:
            weights = self.weights(place, projection, connection, sizes)
            return None if weights is None else replace(projection, weights=weights)
        if not isinstance(shape, Convolution | Pooling | Sparse):
            self.fault(f"{place}: shape", f"found {shape!r}; allowed: a Convolution, a Pooling, a Sparse or None")
            return None
        if isinstance(shape, Convolution) and connection.kernel is None:
            self.fault(place, f"is a convolution, which connection '{projection.via}' has no kernels for")
            return None
        array = self.array(f"{place}: weights", projection.weights)
        if array is None:
            return None
        if array.ndim == 0 and not isinstance(shape, Convolution):
            array = np.full(1 if isinstance(shape, Pooling) else np.shape(shape.pre), array)
        found = geometry_faults(shape, array.shape, *sizes)
        for message in found:
            self.fault(place, message)
        if found:
            return None
        if isinstance(shape, Sparse):
            shape = Sparse(*(_frozen(np.asarray(ends, np.int64)) for ends in (shape.pre, shape.post)))
        low, high = connection.weight.range
        word = connection.weight.word
        weights = self.integers(f"{place}: weights", array, array.shape, low, high, word.dtype, _range_name(connection))
        return None if weights is None else replace(projection, shape=shape, weights=weights)

    def linked(
        self, place: str, projection: Projection, connection: Connection, sizes: tuple[int, int]
    ) -> Projection | None:
        """The projection with checked parameters and delays; None after a fault."""
        before = len(self.faults)
        per_synapse = np.shape(projection.weights)[: 2 if projection.shape is None else None]
        shapes: dict[str, tuple[int, ...]] = dict.fromkeys(connection.parameters, ())
        shapes |= dict.fromkeys(connection.source_parameters, sizes[:1])
        shapes |= dict.fromkeys(connection.synapse_parameters, per_synapse)
        words = connection.parameters | connection.source_parameters | connection.synapse_parameters
        parameters = self.parameters(place, projection.parameters, words, shapes)
        delays = self.delays(place, projection, connection, sizes, per_synapse)
        if len(self.faults) > before:
            return None
        single = {name: int(value) if name in connection.parameters else value for name, value in parameters.items()}
        return None if delays is None else replace(projection, parameters=single, delays=delays)

    def delays(
        self,
        place: str,
        projection: Projection,
        connection: Connection,
        sizes: tuple[int, int],
        per_synapse: tuple[int, ...],
    ) -> NDArray[Any] | None:
        """Delays within the connection's slots."""
        slots = connection.delay
        if slots is None:
            given = self.array(f"{place}: delays", projection.delays)
            if given is not None and np.any(given != 0):
                self.fault(f"{place}: delays", f"connection '{projection.via}' has none")
            return np.zeros((), np.int64)
        shape = {"projection": (), "source": sizes[:1], "synapse": per_synapse}[slots.per]
        word = slots.word
        return self.integers(f"{place}: delays", projection.delays, shape, word.min, word.max, word.dtype, str(word))

    def added(self, projection: Projection, source: int, target: Population) -> None:
        """Whatever the weights become can be held, and a step's sum be computed."""
        place = f"projection '{projection.source}' to '{projection.target}'"
        connection = self.profile.connections[str(projection.via)]
        try:
            values = connection_values(self.profile, projection) | self.profile.constants
            added = added_weights(connection, projection, values, neuron_values(self.profile, target), source)
        except RefusedWriteError as error:
            self.fault(place, f"formatted {error}")
            return
        most = max(abs(end) for end in arriving(self.profile, connection))
        if connection.sum is not None and any(most * _total(weights) >= MAX_SUM for weights in added):
            self.fault(place, "a step's sum can need more than 63 bits")

    def weights(
        self, place: str, projection: Projection, connection: Connection, shape: tuple[int, int]
    ) -> NDArray[Any] | None:
        """Weights [pre, post, synapse]; a matrix [pre, post] reaches the first register only. None after a fault."""
        word = connection.weight.word
        array = self.array(f"{place}: weights", projection.weights)
        if array is None:
            return None
        synapses = array.shape[2] if array.ndim == 3 else 1
        if not 1 <= synapses <= len(connection.into):
            self.fault(place, f"weights have {synapses} synapses; allowed: 1 to {len(connection.into)}")
            return None
        expected = (*shape, synapses) if array.ndim == 3 else shape
        low, high = connection.weight.range
        checked = self.integers(f"{place}: weights", array, expected, low, high, word.dtype, _range_name(connection))
        return checked if checked is None or checked.ndim == 3 else checked[:, :, None]


def _range_name(connection: Connection) -> str:
    return f"{connection.weight.word}, narrow" if connection.weight.narrow else str(connection.weight.word)


def _frozen(array: NDArray[Any]) -> NDArray[Any]:
    array = array.copy()
    array.setflags(write=False)
    return array


def _total(weights: Weights) -> float:
    """The most that all sources together can add to a target or subtract, in magnitude, a spike each."""
    if isinstance(weights, Listed):
        totals = np.bincount(weights.targets, np.abs(weights.weights.astype(float)))
    else:
        totals = np.abs(weights.astype(float)).sum(axis=0)
    return float(totals.max(initial=0))


def check_network(
    profile: Profile, inputs: int, populations: Sequence[Population], projections: Sequence[Projection], limits: bool
) -> tuple[tuple[Population, ...], tuple[Projection, ...]]:
    """Canonical populations and projections. Raises NetworkError with every fault."""
    checker = _Checker(profile)
    if not isinstance(inputs, int | np.integer) or inputs < 1:
        raise NetworkError([f"inputs: found {inputs!r}; allowed: 1 or more"])
    _check_names(checker, [population.name for population in populations])
    checked = tuple(checker.population(population) for population in populations)
    if checker.faults:
        raise NetworkError(checker.faults)
    sizes = {INPUT: int(inputs), **{p.name: p.size for p in checked}}
    classes = {p.name: str(p.neuron) for p in checked}
    linked = tuple(checker.projection(projection, sizes, classes) for projection in projections)
    if not checker.faults:
        by_name = {p.name: p for p in checked}
        for projection in linked:
            checker.added(projection, sizes[projection.source], by_name[projection.target])
    if not checker.faults and profile.clock == "event":
        _check_core(checker, sizes)
    elif not checker.faults:
        _check_loops(checker, linked)
    if not checker.faults and limits:
        _check_limits(checker, sizes, classes, linked)
    if checker.faults:
        raise NetworkError(checker.faults)
    return checked, _in_delivery_order(profile, checked, linked)


def _check_names(checker: _Checker, names: Sequence[Any]) -> None:
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
            checker.fault(f"layer {name!r}", "allowed: a name of letters a to z, digits and underscores")
        elif name == INPUT or name in names[:place]:
            checker.fault(f"layer '{name}'", "the name is taken")
    if not names:
        checker.fault("network", "has no layers")


def _in_delivery_order(
    profile: Profile, populations: Sequence[Population], projections: Sequence[Projection]
) -> tuple[Projection, ...]:
    """By connection as the profile lists them, then by source: saturation makes the order part of the result."""
    connections = list(profile.connections)
    sources = [INPUT, *(population.name for population in populations)]
    return tuple(sorted(projections, key=lambda p: (connections.index(str(p.via)), sources.index(p.source))))


def _check_core(checker: _Checker, sizes: Mapping[str, int]) -> None:
    """An event-clocked network is one core, whose neurons are the sources of its events."""
    names = [name for name in sizes if name != INPUT]
    if len(names) > 1:
        checker.fault("network", f"found {len(names)} layers; allowed: 1 with clock: event")
    elif sizes[INPUT] != sizes[names[0]]:
        checker.fault("inputs", f"found {sizes[INPUT]}; allowed: {sizes[names[0]]}, a source for each neuron")


def _check_loops(checker: _Checker, projections: Sequence[Projection]) -> None:
    """Within a step, no layer may wait for its own spikes."""
    prompt: dict[str, list[str]] = {}
    for projection in projections:
        lag = checker.profile.connections[str(projection.via)].lag
        if lag == 0 and np.any(np.asarray(projection.delays) == 0):
            prompt.setdefault(projection.target, []).append(projection.source)
    try:
        TopologicalSorter(prompt).prepare()
    except CycleError as error:
        checker.fault("network", f"a loop without a delay: {' -> '.join(reversed(error.args[1]))}")


def _check_limits(
    checker: _Checker, sizes: Mapping[str, int], classes: Mapping[str, str], projections: Sequence[Projection]
) -> None:
    limits = checker.profile.limits
    used = {"inputs": {"inputs": sizes[INPUT]}, "neurons": dict.fromkeys(limits.neurons, 0)}
    for population, neuron in classes.items():
        used["neurons"][neuron] = used["neurons"].get(neuron, 0) + sizes[population]
    for kind in ("fan_in", "sources", "targets"):
        used[kind] = {
            name: _reach(kind, [p for p in projections if p.via == name], checker.profile, sizes)
            for name in getattr(limits, kind)
        }
    allowed = {"inputs": {"inputs": limits.inputs}} if limits.inputs else {}
    allowed |= {kind: getattr(limits, kind) for kind in ("neurons", "fan_in", "sources", "targets")}
    for kind, bounds in allowed.items():
        for name, most in bounds.items():
            if used[kind][name] > most:
                checker.fault(f"limits.{kind}", f"'{name}' needs {used[kind][name]}; allowed: {most}")


def _reach(kind: str, projections: Sequence[Projection], profile: Profile, sizes: Mapping[str, int]) -> int:
    """The fan-in of the fullest neuron, or how many neurons of one side have a weight other than 0."""
    counts: dict[str, NDArray[Any]] = {}
    for projection in projections:
        side = projection.source if kind == "sources" else projection.target
        ends = _ends(projection, profile, sizes[projection.source])[0 if kind == "sources" else 1]
        degree = np.bincount(ends, minlength=sizes[side])
        counts[side] = counts.get(side, 0) + degree
    if kind == "fan_in":
        return max((int(count.max()) for count in counts.values()), default=0)
    return sum(int(np.count_nonzero(count)) for count in counts.values())


def _ends(projection: Projection, profile: Profile, sources: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Source and target of every pair of neurons with a weight other than 0."""
    weights = np.asarray(projection.weights)
    if projection.shape is None:
        pre, post = np.nonzero(np.any(weights != 0, axis=2))
        return pre, post
    synapses = synapses_of(profile.connections[str(projection.via)], projection, sources)
    linked = weights.ravel()[synapses.index] != 0
    return synapses.sources[linked], synapses.targets[linked]
