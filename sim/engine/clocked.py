"""The clocked engine: one compiled kernel a layer, over all steps of a sample; samples run on threads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datapath import Cap, clip_count
from ..ops.array import ArrayOps
from ..profile.schema import INPUT, SPIKES, Profile
from ..raster import Raster, index_type
from ..trace import PAST, Integers, State
from .cache import address
from .oracle import RefusedOverflowError
from .prepare import LINE, Prepared, prepare
from .schedule import Layers, Schedule, run_samples
from .spread import spread_steps
from .threads import available_threads
from .vector import EXTRA
from .wiring import Layer

_ONE = np.ones(1, np.int64)
_KEPT = 1 << 20  # bytes of what is sent, channels last, in the steps that are run together
Table = Mapping[str, Mapping[str, Integers]]


@dataclass(frozen=True)
class _Arrays:
    """Of a run, [sample, ...]."""

    inputs: Integers | Raster
    outputs: Mapping[str, Integers]
    state: Table
    recorded: Table
    counts: Mapping[str, NDArray[np.int64]]


@dataclass(frozen=True)
class _Work:
    """What all threads of a run do, each with some samples.

    shared: by layer the arguments of its kernel that they all have. sent: the layers that send channels last to a layer
    that reads it so. block: how many steps are run together.
    """

    prepared: Mapping[str, Prepared]
    shared: Mapping[str, Sequence[int]]
    sent: Collection[str]
    block: int


def simulate(
    profile: Profile,
    groups: Sequence[Sequence[Layer]],
    spikes: Integers | Raster,
    state: State,
    outputs: Mapping[str, Integers],
    recorded: Table,
    overflows: Mapping[str, Integers],
    threads: int | None = None,
    rested: bool = False,
) -> None:
    """As `oracle.simulate`, but that `outputs` have leading rows: the spikes before step 0 that may still act.

    A raster is taken as it is, behind what came before it where input is delayed. rested: whether all of the state is
    to begin with 0; then what its registers hold is not read.

    Raises RefusedOverflowError.
    """
    layers = [layer for group in groups for layer in group]
    given: Integers | Raster = spikes
    if any(i.lag for layer in layers for i in layer.incoming if i.source == INPUT):
        given = _with_past(spikes, state[INPUT])
    raster = index_type(given.shape[2]).__name__ if isinstance(given, Raster) else ""
    prepared = {layer.name: prepare(profile, layer, raster, {} if rested else state[layer.name]) for layer in layers}
    samples = spikes.shape[0]
    counts = {layer.name: np.zeros((samples, len(layer.neuron.registers) + len(EXTRA)), np.int64) for layer in layers}
    arrays = _Arrays(given, outputs, state, recorded, counts)
    work, _alive = _work(prepared, arrays, spikes.shape[1], rested)
    neurons = sum(layer.size for layer in layers)
    schedule = Schedule(samples, spikes.shape[1], [len(group) for group in groups], work.block, neurons)
    # all before any thread begins: it would wait for this one's Python
    calls = [_calls(work) for _ in range(min(samples, threads or available_threads()))]
    run_samples(schedule, [each.layers for each in calls])
    _count(counts, overflows)
    for name, rows in (*outputs.items(), (INPUT, given)):
        _keep(state[name], rows)


def _keep(state: Mapping[str, Integers], rows: Integers | Raster) -> None:
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


def _count(counts: Mapping[str, NDArray[np.int64]], overflows: Mapping[str, Integers]) -> None:
    """Add what was counted of each sample. Raises RefusedOverflowError."""
    if not any(map(np.count_nonzero, counts.values())):
        return
    refused = np.flatnonzero(np.any([c[:, -1] > 0 for c in counts.values()], axis=0))
    if refused.size:
        raise RefusedOverflowError(int(refused[0]))
    for name, count in counts.items():
        overflows[name][:] += count[:, : overflows[name].size].sum(axis=0)


@dataclass(frozen=True)
class _Calls:
    """What one thread calls; memory: that it has for itself."""

    layers: Layers
    memory: NDArray[np.uint8]


def _calls(work: _Work) -> _Calls:
    places, size = {}, 0  # of each layer's room, what it sends behind it
    for name, each in work.prepared.items():
        places[name] = size
        size += each.room + each.sent[1] * (work.block if name in work.sent else 1)
        size += -size % LINE
    memory = np.zeros(size + LINE, np.uint8)
    start = address(memory)
    start += -start % LINE
    sent = {
        name: (start + places[name] + each.room, each.sent[0] if name in work.sent else 0)
        for name, each in work.prepared.items()
    }
    layers = []
    for name, each in work.prepared.items():
        own, room = [*sent[name]], start + places[name]
        for source, _, channels_last in each.sources:
            own += sent[source] if channels_last else ()
        own += [room + offset for offset in each.offsets]
        layers.append((each.entry, each.arguments(own, work.shared[name])))
    return _Calls(layers, memory)


def _work(prepared: Mapping[str, Prepared], arrays: _Arrays, steps: int, rested: bool) -> tuple[_Work, list[Any]]:
    """What is to be done, and what must live until it is."""
    sent, raster = dict(arrays.outputs), None
    if isinstance(arrays.inputs, Raster):
        raster = arrays.inputs
    else:
        sent[INPUT] = arrays.inputs
    spikes = {name: (address(rows), rows.shape[1], rows.shape[1] - steps) for name, rows in sent.items()}
    shared: dict[str, list[int]] = {}
    alive: list[Any] = []
    for name, each in prepared.items():
        state, recorded, (out, *rows) = arrays.state[name], arrays.recorded[name], spikes[name]
        own = [*rows, steps, out, address(arrays.counts[name]), int(rested)]
        for source, cap, _ in each.sources:
            own += spikes[source] if raster is None or source != INPUT else _raster(raster, cap, steps, alive)
        own += [address(state[register]) for register in each.registers]
        own += [address(recorded[register]) if register in recorded else 0 for register in each.registers]
        shared[name] = own
    read = {source for each in prepared.values() for source, _, channels_last in each.sources if channels_last}
    block = min(steps, max(1, _KEPT // sum(prepared[name].sent[1] for name in read))) if read else steps
    return _Work(prepared, shared, read, block), alive


def _raster(raster: Raster, cap: Cap, steps: int, alive: list[Any]) -> tuple[int, ...]:
    """The arguments of a projection whose source is a raster; what they need is kept in `alive`."""
    graded = raster.counts is not None
    acting = clip_count(ArrayOps(), raster.counts, cap).astype(np.int64) if graded else _ONE
    alive += [raster, acting]
    rows = raster.shape[1]
    return address(raster.pointers), rows, rows - steps, address(raster.index), address(acting), int(graded)
