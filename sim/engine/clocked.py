"""The clocked engine: one compiled kernel a layer, over all steps; chunks of samples run on threads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..profile.schema import INPUT, SPIKES, Profile
from ..trace import Integers, State
from .cache import compiled
from .kernel import Signature, kernel_source
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
    """As `oracle.simulate`, but that `outputs` have a leading row: the spikes before step 0.

    Raises RefusedOverflowError.
    """
    layers = [layer for group in groups for layer in group]
    kernels = {layer.name: compiled(kernel_source(profile, signature(layer))) for layer in layers}
    samples = spikes.shape[0]
    counts = {layer.name: np.zeros((samples, len(layer.neuron.registers) + 1), np.int64) for layer in layers}
    whole = _Chunk({INPUT: spikes, **outputs}, state, recorded, counts)
    bounds = np.linspace(0, samples, min(samples, threads or available_threads()) + 1).astype(int)
    chunks = [_part(whole, slice(a, b)) for a, b in pairwise(bounds)]
    if len(chunks) == 1:
        _run(chunks[0], groups, kernels)
    else:
        with ThreadPoolExecutor(len(chunks)) as pool:
            list(pool.map(lambda chunk: _run(chunk, groups, kernels), chunks))
    refused = np.flatnonzero(np.any([c[:, -1] > 0 for c in counts.values()], axis=0))
    if refused.size:
        raise RefusedOverflowError(int(refused[0]))
    for name, count in counts.items():
        overflows[name][:] += count[:, :-1].sum(axis=0)
    for name, row in whole.rows.items():
        state[name][SPIKES][...] = row[:, -1]


def signature(layer: Layer) -> Signature:
    """Which kernel a layer runs on."""
    incoming = tuple((i.via, len(i.synapses)) for i in layer.incoming)
    return Signature(layer.kind, incoming, layer.aliases is not None)


def _part(whole: _Chunk, samples: slice) -> _Chunk:
    def tables(table: Table) -> Table:
        return {name: {r: values[samples] for r, values in registers.items()} for name, registers in table.items()}

    rows = {name: row[samples] for name, row in whole.rows.items()}
    counts = {name: count[samples] for name, count in whole.counts.items()}
    return _Chunk(rows, tables(whole.state), tables(whole.recorded), counts)


def _run(chunk: _Chunk, groups: Sequence[Sequence[Layer]], kernels: Mapping[str, Any]) -> None:
    """All layers and steps. Layers that wait for each other's last step are run a step at a time."""
    steps = chunk.rows[INPUT].shape[1]
    for group in groups:
        calls = [(kernels[layer.name], _arguments(layer, chunk)) for layer in group]
        spans = [(0, steps)] if len(group) == 1 else [(step, step + 1) for step in range(steps)]
        for first, last in spans:
            for kernel, arguments in calls:
                kernel(first, last, *arguments)


def _arguments(layer: Layer, chunk: _Chunk) -> list[Any]:
    """A kernel's arguments after the span of steps: see `kernel.arguments`."""
    values: list[Any] = []
    for incoming in layer.incoming:
        values += _source(incoming, chunk)
        values += [_narrow(weights) for _, weights in incoming.synapses]
    registers = list(layer.neuron.registers)
    values += [np.ascontiguousarray(array) for array in layer.parameters.values()]
    values += [chunk.state[layer.name][register] for register in registers]
    values += [chunk.rows[layer.name], chunk.counts[layer.name]]
    if layer.aliases is not None:
        values.append(layer.aliases)
    recorded, dtypes = chunk.recorded[layer.name], layer.dtypes
    for register in registers:
        values += [register in recorded, recorded.get(register, np.zeros((0, 0, 0), dtypes[register]))]
    return values


def _source(incoming: Incoming, chunk: _Chunk) -> list[Any]:
    """The spikes [sample, row, source] of a projection, and which row acts at step 0."""
    row = chunk.rows[incoming.source]
    if incoming.source != INPUT:
        return [row, 1 - incoming.lag]
    if incoming.lag:
        row = np.concatenate([chunk.state[INPUT][SPIKES][:, None], row], axis=1)
    return [row, 0]


def _narrow(weights: NDArray[Any]) -> NDArray[Any]:
    """Effective weights in 16 bits where they fit, else 32 or 64: few types, few kernels."""
    for dtype in (np.int16, np.int32):
        if np.array_equal(weights, weights.astype(dtype)):
            return np.ascontiguousarray(weights, dtype)
    return np.ascontiguousarray(weights)
