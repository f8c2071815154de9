"""The clocked engine: one compiled kernel a layer, over all steps; chunks of samples run on threads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network.lists import Listed
from ..profile.schema import INPUT, SPIKES, Profile
from ..trace import PAST, Integers, State
from .cache import compiled
from .kernel import Arrival, Signature, kernel_source, sum_values
from .oracle import RefusedOverflowError
from .wiring import Incoming, Layer

Table = Mapping[str, Mapping[str, Integers]]


@dataclass(frozen=True)
class _Chunk:
    """Some samples of a run: views of its arrays, [sample, ...]."""

    rows: Mapping[str, Integers]
    state: Table
    recorded: Table
    counts: Mapping[str, NDArray[np.int64]]


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def simulate(
    profile: Profile,
    groups: Sequence[Sequence[Layer]],
    spikes: Integers,
    state: State,
    outputs: Mapping[str, Integers],
    recorded: Table,
    overflows: Mapping[str, Integers],
    threads: int | None = None,
) -> None:
    """As `oracle.simulate`, but that `outputs` have leading rows: the spikes before step 0 that may still act.

    Raises RefusedOverflowError.
    """
    layers = [layer for group in groups for layer in group]
    kernels = {layer.name: compiled(kernel_source(profile, signature(layer))) for layer in layers}
    samples = spikes.shape[0]
    counts = {layer.name: np.zeros((samples, len(layer.neuron.registers) + 1), np.int64) for layer in layers}
    whole = _Chunk({INPUT: _with_past(groups, spikes, state[INPUT]), **outputs}, state, recorded, counts)
    bounds = np.linspace(0, samples, min(samples, threads or available_threads()) + 1).astype(int)
    chunks = [_part(whole, slice(a, b)) for a, b in pairwise(bounds)]
    if len(chunks) == 1:
        _run(chunks[0], profile, groups, kernels, spikes.shape[1])
    else:
        with ThreadPoolExecutor(len(chunks)) as pool:
            list(pool.map(lambda chunk: _run(chunk, profile, groups, kernels, spikes.shape[1]), chunks))
    refused = np.flatnonzero(np.any([c[:, -1] > 0 for c in counts.values()], axis=0))
    if refused.size:
        raise RefusedOverflowError(int(refused[0]))
    for name, count in counts.items():
        overflows[name][:] += count[:, :-1].sum(axis=0)
    for name, rows in {**outputs, INPUT: spikes}.items():
        _keep(state[name], rows)


def _keep(state: dict[str, Integers], rows: Integers) -> None:
    """Bring the spikes that may still act to the end of `rows` [sample, row, neuron]."""
    if PAST in state:
        whole = np.concatenate([state[PAST], state[SPIKES][:, None], rows], axis=1)
        state[PAST][...] = whole[:, -1 - state[PAST].shape[1] : -1]
    state[SPIKES][...] = rows[:, -1]


def _with_past(groups: Sequence[Sequence[Layer]], spikes: Integers, state: Mapping[str, Integers]) -> Integers:
    """Input spikes with the rows before step 0, where a projection delays them; without a copy where none does."""
    incoming = [i for group in groups for layer in group for i in layer.incoming if i.source == INPUT]
    if all(i.lag == 0 for i in incoming):
        return spikes
    return np.concatenate([*([state[PAST]] if PAST in state else []), state[SPIKES][:, None], spikes], axis=1)


def signature(layer: Layer) -> Signature:
    """Which kernel a layer runs on."""
    incoming = [
        Arrival(i.via, len(i.synapses), isinstance(i.synapses[0][1], Listed)) for i, *_ in _by_projection(layer)
    ]
    return Signature(layer.kind, tuple(incoming), layer.aliases is not None)


def _by_projection(layer: Layer) -> list[list[Incoming]]:
    """What arrives, the delays of one projection together."""
    return [list(delays) for _, delays in groupby(layer.incoming, key=lambda incoming: incoming.projection)]


def _part(whole: _Chunk, samples: slice) -> _Chunk:
    def tables(table: Table) -> Table:
        return {name: {r: values[samples] for r, values in registers.items()} for name, registers in table.items()}

    rows = {name: row[samples] for name, row in whole.rows.items()}
    counts = {name: count[samples] for name, count in whole.counts.items()}
    return _Chunk(rows, tables(whole.state), tables(whole.recorded), counts)


def _run(
    chunk: _Chunk, profile: Profile, groups: Sequence[Sequence[Layer]], kernels: Mapping[str, Any], steps: int
) -> None:
    """All layers and steps. Layers that wait for each other's last step are run a step at a time."""
    for group in groups:
        calls = [(kernels[layer.name], _arguments(layer, profile, chunk, steps)) for layer in group]
        spans = [(0, steps)] if len(group) == 1 else [(step, step + 1) for step in range(steps)]
        for first, last in spans:
            for kernel, arguments in calls:
                kernel(first, last, *arguments)


def _arguments(layer: Layer, profile: Profile, chunk: _Chunk, steps: int) -> list[Any]:
    """A kernel's arguments after the span of steps: see `kernel.arguments`."""
    values: list[Any] = []
    for delays in _by_projection(layer):
        first = delays[0]
        rows = chunk.rows[first.source]
        values += [rows, np.array([rows.shape[1] - steps - i.lag for i in delays]), *_weights(delays)]
        values += [np.int64(first.values[name]) for name in sum_values(profile.connections[first.via])]
    registers, out = list(layer.neuron.registers), chunk.rows[layer.name]
    values += [np.ascontiguousarray(array) for array in layer.parameters.values()]
    values += [chunk.state[layer.name][register] for register in registers]
    values += [out, out.shape[1] - steps, chunk.counts[layer.name]]
    if layer.aliases is not None:
        values.append(layer.aliases)
    recorded, dtypes = chunk.recorded[layer.name], layer.dtypes
    for register in registers:
        values += [register in recorded, recorded.get(register, np.zeros((0, 0, 0), dtypes[register]))]
    return values


def _weights(delays: Sequence[Incoming]) -> list[Any]:
    """Lists of targets where the weights are lists, one after the other; then the weights of each register."""
    by_register = [[i.synapses[place][1] for i in delays] for place in range(len(delays[0].synapses))]
    if not isinstance(by_register[0][0], Listed):
        return [_narrow(matrix) for (matrix,) in by_register]
    lists: list[Listed] = by_register[0]
    starts = np.cumsum([0, *(len(each.targets) for each in lists[:-1])])
    pointers = np.array([start + each.pointers for start, each in zip(starts, lists, strict=True)])
    joined = (np.concatenate([each.weights for each in register]) for register in by_register)
    return [pointers, np.concatenate([each.targets for each in lists]), *map(_narrow, joined)]


def _narrow(weights: NDArray[Any]) -> NDArray[Any]:
    """Effective weights in 16 bits where they fit, else 32 or 64: few types, few kernels."""
    for dtype in (np.int16, np.int32):
        if np.array_equal(weights, weights.astype(dtype)):
            return np.ascontiguousarray(weights, dtype)
    return np.ascontiguousarray(weights)
