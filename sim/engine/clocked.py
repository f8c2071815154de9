"""The clocked engine: one compiled kernel a layer, over all steps; chunks of samples run on threads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from ctypes import addressof
from dataclasses import dataclass
from itertools import pairwise
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
from .signature import BLOCK
from .spread import spread_steps
from .threads import available_threads, in_threads
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

    groups: Sequence[Sequence[Layer]]
    prepared: Mapping[str, Prepared]
    shared: Mapping[str, Sequence[int]]
    sent: Collection[str]
    steps: int
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
    arrays = _Arrays(given, outputs, state, recorded, counts)
    work, _alive = _work(groups, prepared, arrays, spikes.shape[1])
    _run(work, samples, threads or available_threads(), lambda: _keep(state[INPUT], given))
    _count(counts, overflows)
    for name, rows in outputs.items():
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


def _run(work: _Work, samples: int, threads: int, meanwhile: Callable[[], None]) -> None:
    """All samples. meanwhile: done by this thread, which begins before the others."""
    parts = min(samples, threads)
    calls = [_calls(work) for _ in range(parts)]  # before any begins: it would wait for this thread's Python
    bounds = [samples * part // parts for part in range(parts + 1)]

    def run(part: int) -> None:
        _run_part(work, calls[part], *bounds[part : part + 2])
        if part == 0:
            meanwhile()

    in_threads(run, range(parts))


def _run_part(work: _Work, calls: _Calls, begin: int, end: int) -> None:
    """All layers and steps of some samples, layers that wait for each other's last step a step at a time.

    Where a layer reads what another sent channels last, samples are run one by one, and steps block by block.
    """
    alone = bool(work.sent) or end == begin + 1
    order: Iterable[tuple[int, int, int, str]] = _order(work)
    order = list(order) if alone and end > begin + 1 else order
    for first_sample in range(begin, end) if alone else [begin]:
        end_sample = first_sample + 1 if alone else end
        for base, first, last, layer in order:
            kernel, values = calls.by_layer[layer]
            # the registers of one sample stay in their rows from one block of steps to the next
            stays = not alone or first == 0, not alone or last == work.steps
            values[: len(BLOCK)] = [first_sample, end_sample, first, last, base, *stays]
            kernel(addressof(values))


def _order(work: _Work) -> Iterator[tuple[int, int, int, str]]:
    """Which steps of which layer are run one after the other, with the step that their block begins with."""
    for base in range(0, work.steps, work.block):
        last = min(base + work.block, work.steps)
        for group in work.groups:
            for span in [(base, last)] if len(group) == 1 else pairwise(range(base, last + 1)):
                for layer in group:
                    yield base, *span, layer.name


@dataclass(frozen=True)
class _Calls:
    """Every layer's kernel and its arguments for one thread, but for BLOCK; memory: that it has for itself."""

    by_layer: Mapping[str, tuple[Kernel, Arguments]]
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
    calls = {}
    for name, each in work.prepared.items():
        own, room = [*sent[name]], start + places[name]
        for source, _, channels_last in each.sources:
            own += sent[source] if channels_last else ()
        own += [room + offset for offset in each.offsets]
        calls[name] = each.kernel, each.arguments(own, work.shared[name])
    return _Calls(calls, memory)


def _work(
    groups: Sequence[Sequence[Layer]], prepared: Mapping[str, Prepared], arrays: _Arrays, steps: int
) -> tuple[_Work, list[Any]]:
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
        own = [*rows, steps, out, address(arrays.counts[name])]
        for source, cap, _ in each.sources:
            own += spikes[source] if raster is None or source != INPUT else _raster(raster, cap, steps, alive)
        own += [address(state[register]) for register in each.registers]
        own += [address(recorded[register]) if register in recorded else 0 for register in each.registers]
        shared[name] = own
    read = {source for each in prepared.values() for source, _, channels_last in each.sources if channels_last}
    block = min(steps, max(1, _KEPT // sum(prepared[name].sent[1] for name in read))) if read else steps
    return _Work(groups, prepared, shared, read, steps, block), alive


def _raster(raster: Raster, cap: Cap, steps: int, alive: list[Any]) -> tuple[int, ...]:
    """The arguments of a projection whose source is a raster; what they need is kept in `alive`."""
    graded = raster.counts is not None
    acting = clip_count(ArrayOps(), raster.counts, cap).astype(np.int64) if graded else _ONE
    alive += [raster, acting]
    rows = raster.shape[1]
    return address(raster.pointers), rows, rows - steps, address(raster.index), address(acting), int(graded)
