"""The clocked engine: one compiled kernel a layer, over all steps; chunks of samples run on threads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from ctypes import addressof
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
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
    """A run, of which each thread takes some samples; shared: by layer the arguments of its kernel that they all have."""

    groups: Sequence[Sequence[Layer]]
    prepared: Mapping[str, Prepared]
    steps: int
    shared: Mapping[str, Sequence[int]]


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
    shared, _alive = _shared(prepared, arrays, spikes.shape[1])
    work = _Work(groups, prepared, spikes.shape[1], shared)
    parts = min(samples, threads or available_threads())
    bounds = pairwise(samples * part // parts for part in range(parts + 1))
    in_threads(lambda part: _run(work, *part), list(bounds))
    if any(map(np.count_nonzero, counts.values())):
        refused = np.flatnonzero(np.any([c[:, -1] > 0 for c in counts.values()], axis=0))
        if refused.size:
            raise RefusedOverflowError(int(refused[0]))
        for name, count in counts.items():
            overflows[name][:] += count[:, : overflows[name].size].sum(axis=0)
    for name, rows in {INPUT: given, **outputs}.items():
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


def _run(work: _Work, first_sample: int, end: int) -> None:
    """All layers and steps of some samples, layers that wait for each other's last step a step at a time.

    Where a layer reads what another sent channels last, samples are run one by one, and steps block by block.
    """
    prepared, steps = work.prepared, work.steps
    read = {source for each in prepared.values() for source, _, last in each.sources if last}
    block = min(steps, max(1, _KEPT // sum(prepared[name].sent[1] for name in read))) if read else steps
    calls, _memory = _calls(work, {name: block if name in read else 0 for name in prepared})
    alone = (
        bool(read) or end == first_sample + 1
    )  # then registers stay in their rows from one block of steps to the next
    for sample in range(first_sample, end) if alone else [first_sample]:
        for base in range(0, steps, block):
            for first, last, layer in _order(work.groups, base, min(base + block, steps)):
                kernel, values = calls[layer]
                stays = not alone or first == 0, not alone or last == steps
                values[: len(BLOCK)] = [sample, sample + 1 if alone else end, first, last, base, *stays]
                kernel(addressof(values))


def _order(groups: Sequence[Sequence[Layer]], first: int, last: int) -> Iterator[tuple[int, int, str]]:
    """Which steps of which layer are run one after the other."""
    for group in groups:
        for span in [(first, last)] if len(group) == 1 else pairwise(range(first, last + 1)):
            for layer in group:
                yield *span, layer.name


def _calls(work: _Work, kept: Mapping[str, int]) -> tuple[dict[str, tuple[Kernel, Arguments]], Any]:
    """Every layer's kernel and its arguments for one thread, but for the block, and the memory that they lie in.

    kept: how many rows of `sent` are.
    """
    sizes = {("room", name): each.room for name, each in work.prepared.items()}
    sizes |= {("sent", name): each.sent[1] * max(1, kept[name]) for name, each in work.prepared.items()}
    *places, size = accumulate((-(-size // LINE) * LINE for size in sizes.values()), initial=LINE)
    memory = np.zeros(size, np.uint8)
    start = dict(zip(sizes, (address(memory) // LINE * LINE + place for place in places), strict=True))
    sent = {name: (start["sent", name], each.sent[0] * (kept[name] > 0)) for name, each in work.prepared.items()}
    calls = {}
    for name, each in work.prepared.items():
        seen = (sent[source] for source, _, channels_last in each.sources if channels_last)
        own = [*sent[name], *chain.from_iterable(seen), *(start["room", name] + offset for offset in each.offsets)]
        calls[name] = each.kernel, each.arguments(own, work.shared[name])
    return calls, memory


def _shared(prepared: Mapping[str, Prepared], arrays: _Arrays, steps: int) -> tuple[dict[str, list[int]], list[Any]]:
    """By layer the arguments of its kernel that `signature.of_run` names, and what must live until it has run."""
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
    return shared, alive


def _raster(raster: Raster, cap: Cap, steps: int, alive: list[Any]) -> tuple[int, ...]:
    """The arguments of a projection whose source is a raster; what they need is kept in `alive`."""
    graded = raster.counts is not None
    acting = clip_count(ArrayOps(), raster.counts, cap).astype(np.int64) if graded else _ONE
    alive += [raster, acting]
    rows = raster.shape[1]
    return address(raster.pointers), rows, rows - steps, address(raster.index), address(acting), int(graded)
