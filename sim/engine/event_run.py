"""Running an event-clocked network: its streams are checked here, then the oracle or a compiled kernel runs them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..events import Events
from ..network.network import Network
from ..profile.schema import Profile, register_word
from ..trace import Integers, LayerTrace, State, Trace
from . import event_oracle
from .cache import Kernel, compiled
from .event_core import Core, Record, core_of
from .event_kernel import DONE, FULL, NEVER_IDLE, PROGRESS, Synapses, arguments, carried, kernel_code, kernel_key
from .threads import available_threads, in_threads
from .vector import LANES, counted
from .weights import narrowest, padded

ENGINES = ("compiled", "oracle")
_ROOM = 1 << 12  # spikes of the wire list that a kernel writes before it is called again


def read_events(events: Events | Sequence[Events], network: Network) -> list[Events]:
    """The stream of each sample, all of one length, as the core's own kinds of events. Raises InputError."""
    several = [events] if isinstance(events, Events) else _listed(events)
    if not several or not len(several[0]):
        raise InputError("events: found none; at least one sample and one event are needed")
    for sample, stream in enumerate(several):
        if len(stream) != len(several[0]):
            raise InputError(f"sample {sample}: found {len(stream)} events; allowed: {len(several[0])}, as in sample 0")
    places = [f"sample {sample}, " if len(several) > 1 else "" for sample in range(len(several))]
    return [stream.fitted(network, place) for stream, place in zip(several, places, strict=True)]


def _listed(events: Any) -> list[Events]:
    several = list(events) if isinstance(events, list | tuple) else [events]
    for found in several:
        if not isinstance(found, Events):
            raise InputError(f"events: found {type(found).__name__}; allowed: Events, or a list of them (samples)")
    return several


def run_events(
    network: Network, streams: Sequence[Events], record: Collection[str], engine: str, state: State, threads: int | None
) -> Trace:
    """Run streams of events, one a sample, until the core is idle after each event.

    streams: what `read_events` returned. record: names of registers. engine: 'compiled' or 'oracle', equal in every
    bit. state: registers [sample, neuron] to start from, brought to the end. threads: None takes all.

    Raises InputError where a core is never idle, OverflowRefusedError where the profile has no rule.
    """
    if engine not in ENGINES:
        raise InputError(f"engine: found {engine!r}; allowed with clock: event: {', '.join(ENGINES)}")
    core = core_of(network)
    layer, written = core.layer, Record.blank(core, len(streams), len(streams[0]), record)
    if engine == "oracle":
        event_oracle.simulate(core, streams, state[layer.name], written)
    else:
        _compiled(network.profile, core, streams, state[layer.name], written, threads)
    overflows = dict(zip(layer.neuron.registers, map(int, written.overflows.sum(axis=0)), strict=True))
    words = {register: str(register_word(layer.neuron, register)) for register in written.registers}
    trace = LayerTrace(written.spikes, written.registers, overflows, words)
    samples = np.repeat(np.arange(len(streams), dtype=np.int32), [len(rows) for rows in written.wire])
    wire = np.column_stack([samples, np.concatenate(written.wire)])
    return Trace({layer.name: trace}, network.digest, state, wire, written.dropped)


def _compiled(
    profile: Profile,
    core: Core,
    streams: Sequence[Events],
    state: Mapping[str, Integers],
    record: Record,
    threads: int | None,
) -> None:
    """As `event_oracle.simulate`, samples side by side on threads."""
    prepared = _prepare(profile, core)
    start = {register: values.copy() for register, values in state.items()}
    ends = [(DONE, 0)] * len(streams)
    threads = min(len(streams), threads or available_threads())

    def run(samples: range) -> None:
        for sample in samples:
            ends[sample] = _run(core, prepared, streams[sample], state, record, sample)

    in_threads(run, [range(first, len(streams), threads) for first in range(threads)])
    for sample, (ended, event) in enumerate(ends):
        if ended == NEVER_IDLE:
            raise event_oracle.never_idle(sample, event, core)
        if ended != DONE:  # a refused overflow: the oracle names the place
            event_oracle.simulate(core, streams, start, record, first=sample)
            raise AssertionError(f"sample {sample}, event {event}: the kernel refused a write that the oracle did not")


@dataclass(frozen=True)
class _Prepared:
    """A core's kernel, and its arguments: in `values` those of every run, at the places that `names` gives.

    kept: arrays whose addresses are in `values`.
    """

    kernel: Kernel
    names: Mapping[str, int]
    values: NDArray[np.int64]
    kept: Sequence[NDArray[Any]]


_PREPARED: WeakKeyDictionary[Core, _Prepared] = WeakKeyDictionary()


def _prepare(profile: Profile, core: Core) -> _Prepared:
    """A core's kernel and what it is always called with, made once."""
    if core not in _PREPARED:
        _PREPARED[core] = _prepared(profile, core)
    return _PREPARED[core]


def _prepared(profile: Profile, core: Core) -> _Prepared:
    layer = core.layer
    words = layer.neuron.parameters | layer.neuron.derived
    arrays = {f"p_{name}": padded(np.ascontiguousarray(layer.parameters[name], words[name].dtype)) for name in words}
    numbers = {"size": layer.size, "padded": layer.size + -layer.size % LANES}
    synapses: Synapses = ()
    for k, kind in enumerate(core.kinds):
        types = tuple((register, narrowest([weights])) for register, weights in kind.synapses)
        for i, ((_, weights), (_, dtype)) in enumerate(zip(kind.synapses, types, strict=True)):
            arrays[f"w{k}_{i}"] = padded(np.ascontiguousarray(weights, dtype))
        numbers[f"last{k}"] = kind.last
        synapses = (*synapses, types)
    names = {name: place for place, name in enumerate(arguments(core))}
    values = np.zeros(len(names), np.int64)
    for name, value in (numbers | {name: array.ctypes.data for name, array in arrays.items()}).items():
        values[names[name]] = value
    kernel = compiled(kernel_key(profile, synapses), lambda: kernel_code(profile, core, synapses))
    return _Prepared(kernel, names, values, list(arrays.values()))


def _run(
    core: Core, prepared: _Prepared, stream: Events, state: Mapping[str, Integers], record: Record, sample: int
) -> tuple[int, int]:
    """Run one sample; `state` and `record` are brought to its end. Returns how it ended, and at which event."""
    neuron, size, names = core.layer.neuron, core.layer.size, prepared.names
    rows = {register: padded(state[register][sample]) for register in neuron.registers}
    room = np.empty((max(_ROOM, size), 2), np.int32)
    lists: list[Integers] = []
    overflows = np.zeros(len(counted(neuron)), np.int64)
    progress = np.zeros((), [(name, np.int64) for name in PROGRESS])
    arrays: dict[str, NDArray[Any]] = {f"r_{register}": row for register, row in rows.items()}
    arrays |= {f"rec_{register}": values[sample] for register, values in record.registers.items()}
    arrays |= {"kind": stream.kind, **{f"e_{name}": stream.values[name] for name in carried(core)}}
    arrays |= {"out": record.spikes[sample], "wire": room, "overflows": overflows, "progress": progress}
    arrays |= {"queue": np.empty(core.queue.depth if core.queue else 0, np.int32)}
    values = prepared.values.copy()
    for name, array in arrays.items():
        values[names[name]] = array.ctypes.data
    values[names["events"]], values[names["room"]] = len(stream), len(room)
    while not lists or progress["ended"] == FULL:
        prepared.kernel(values.ctypes.data)
        lists.append(room[: int(progress["sent"])].copy())
        progress["sent"] = 0
    for register, row in rows.items():
        state[register][sample] = row[:size]
    record.overflows[sample] = overflows[: record.overflows.shape[1]]
    record.wire[sample], record.dropped[sample] = np.concatenate(lists), progress["dropped"]
    return int(progress["ended"]), int(progress["event"])
