"""The clocked engine: one compiled kernel a layer, over all steps; chunks of samples run on threads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ctypes import addressof
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datapath import Cap, clip_count
from ..ops.array import ArrayOps
from ..profile.schema import INPUT, SPIKES, Profile
from ..raster import Raster, index_type
from ..trace import PAST, Integers, State
from .cache import Kernel, address
from .oracle import RefusedOverflowError
from .prepare import LINE, Arguments, Prepared, prepare
from .spread import spread_steps
from .threads import available_threads, in_threads
from .vector import EXTRA
from .wiring import Layer

_ONE = np.ones(1, np.int64)
Table = Mapping[str, Mapping[str, Integers]]


@dataclass(frozen=True)
class _Chunk:
    """Some samples of a run: views of its arrays, [sample, ...]."""

    inputs: Integers | Raster
    outputs: Mapping[str, Integers]
    state: Table
    recorded: Table
    counts: Mapping[str, NDArray[np.int64]]


def simulate(
    profile: Profile,
    groups: Sequence[Sequence[Layer]],
    spikes: Integers | Raster,
    state: State,
    outputs: Mapping[str, Integers],
    recorded: Table,
    overflows: Mapping[str, Integers],
    threads: int | None = None,
) -> None:
    """As `oracle.simulate`, but that `outputs` have leading rows: the spikes before step 0 that may still act.

    A raster is taken as it is, behind what came before it where input is delayed.

    Raises RefusedOverflowError.
    """
    layers = [layer for group in groups for layer in group]
    given: Integers | Raster = spikes
    if any(i.lag for layer in layers for i in layer.incoming if i.source == INPUT):
        given = _with_past(spikes, state[INPUT])
    raster = index_type(given.shape[2]).__name__ if isinstance(given, Raster) else ""
    prepared = {layer.name: prepare(profile, layer, raster, state[layer.name]) for layer in layers}
    samples = spikes.shape[0]
    counts = {layer.name: np.zeros((samples, len(layer.neuron.registers) + len(EXTRA)), np.int64) for layer in layers}
    whole = _Chunk(given, outputs, state, recorded, counts)
    parts = min(samples, threads or available_threads())
    bounds = pairwise(samples * part // parts for part in range(parts + 1))
    chunks = [_part(whole, slice(a, b)) for a, b in bounds] if parts > 1 else [whole]
    in_threads(lambda chunk: _run(chunk, groups, prepared, spikes.shape[1]), chunks)
    if any(map(np.count_nonzero, counts.values())):
        refused = np.flatnonzero(np.any([c[:, -1] > 0 for c in counts.values()], axis=0))
        if refused.size:
            raise RefusedOverflowError(int(refused[0]))
        for name, count in counts.items():
            overflows[name][:] += count[:, : overflows[name].size].sum(axis=0)
    for name, rows in outputs.items():
        _keep(state[name], rows)


def _keep(state: dict[str, Integers], rows: Integers | Raster) -> None:
    """Bring the spikes that may still act to the end of `rows` [sample, row, neuron], those before step 0 first."""
    last = rows.shape[1] - 1
    kept = {SPIKES: (last, state[SPIKES][:, None])}
    if PAST in state:
        kept[PAST] = (last - state[PAST].shape[1], state[PAST])
    for first, into in kept.values():
        if isinstance(rows, Raster):
            spread_steps(rows, first, into)
        else:
            into[...] = rows[:, first : first + into.shape[1]]


def _with_past(spikes: Integers | Raster, state: Mapping[str, Integers]) -> Integers | Raster:
    """Input spikes behind the rows before step 0, which may still act."""
    past = [state[PAST]] if PAST in state else []
    earlier = np.concatenate([*past, state[SPIKES][:, None]], axis=1)
    return spikes.behind(earlier) if isinstance(spikes, Raster) else np.concatenate([earlier, spikes], axis=1)


def _part(whole: _Chunk, samples: slice) -> _Chunk:
    def tables(table: Table) -> Table:
        return {name: {r: values[samples] for r, values in registers.items()} for name, registers in table.items()}

    outputs = {name: rows[samples] for name, rows in whole.outputs.items()}
    counts = {name: count[samples] for name, count in whole.counts.items()}
    return _Chunk(whole.inputs[samples], outputs, tables(whole.state), tables(whole.recorded), counts)


def _run(chunk: _Chunk, groups: Sequence[Sequence[Layer]], prepared: Mapping[str, Prepared], steps: int) -> None:
    """All layers and steps. Layers that wait for each other's last step are run a step at a time."""
    spikes = {name: address(rows) for name, rows in chunk.outputs.items()}
    _keep(chunk.state[INPUT], chunk.inputs)
    if not isinstance(chunk.inputs, Raster):
        spikes[INPUT] = address(chunk.inputs)
    layers = [layer for group in groups for layer in group]
    *rooms, size = accumulate((prepared[layer.name].room for layer in layers), initial=LINE)
    memory = np.zeros(size, np.uint8)
    start = address(memory) & -LINE
    calls = {
        layer.name: _call(layer, prepared[layer.name], chunk, steps, spikes, start + room)
        for layer, room in zip(layers, rooms, strict=True)
    }
    for group in groups:
        members = [calls[layer.name] for layer in group]
        spans = [(0, steps)] if len(group) == 1 else [(step, step + 1) for step in range(steps)]
        for first, last in spans:
            for kernel, values, _ in members:
                values[1], values[2] = first, last
                kernel(addressof(values))


def _call(
    layer: Layer, prepared: Prepared, chunk: _Chunk, steps: int, spikes: Mapping[str, int], room: int
) -> tuple[Kernel, Arguments, list[Any]]:
    """A kernel, its arguments for a chunk (see `signature.of_run`), and what must live until it has run.

    spikes: addresses of every layer's; room: address of the memory that the kernel may use.
    """
    name, out = layer.name, chunk.outputs[layer.name]
    state, recorded, registers = chunk.state[name], chunk.recorded[name], layer.neuron.registers
    own = [len(out), 0, steps, out.shape[1], out.shape[1] - steps, steps, spikes[name], address(chunk.counts[name])]
    kept: list[Any] = []
    for source, cap in prepared.sources:
        rows = chunk.inputs if source == INPUT else chunk.outputs[source]
        if isinstance(rows, Raster):
            own += _raster(rows, cap, steps, kept)
        else:
            own += (spikes[source], rows.shape[1], rows.shape[1] - steps)
    own += [address(state[register]) for register in registers]
    own += [address(recorded[register]) if register in recorded else 0 for register in registers]
    return prepared.kernel, prepared.arguments(own, room), kept


def _raster(raster: Raster, cap: Cap, steps: int, kept: list[Any]) -> tuple[int, ...]:
    """The arguments of a projection whose source is a raster; what they need is kept alive in `kept`."""
    graded = raster.counts is not None
    acting = clip_count(ArrayOps(), raster.counts, cap).astype(np.int64) if graded else _ONE
    kept += [raster, acting]
    rows = raster.shape[1]
    return address(raster.pointers), rows, rows - steps, address(raster.index), address(acting), int(graded)
