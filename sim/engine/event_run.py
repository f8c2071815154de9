"""Running an event-clocked network: its streams are checked here, then the oracle or a compiled kernel runs them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from ..errors import InputError
from ..events import Events
from ..network.network import Network
from ..profile.analysis import widest
from ..profile.schema import Profile, storage
from ..trace import Integers, LayerTrace, State, Trace
from . import event_oracle
from .cache_numba import compiled
from .clocked import available_threads
from .event_core import Core, Record, core_of
from .event_kernel import DONE, NEVER_IDLE, carried, kernel_source

ENGINES = ("compiled", "oracle")


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
    network: Network, streams: Sequence[Events], record: Collection[str], engine: str, state: State
) -> Trace:
    """Run streams of events, one a sample, until the core is idle after each event.

    streams: what `read_events` returned. record: names of registers. engine: 'compiled' or 'oracle', equal in every
    bit. state: registers [sample, neuron] to start from, brought to the end.

    Raises InputError where a core is never idle, OverflowRefusedError where the profile has no rule.
    """
    if engine not in ENGINES:
        raise InputError(f"engine: found {engine!r}; allowed with clock: event: {', '.join(ENGINES)}")
    core = core_of(network)
    layer, written = core.layer, Record.blank(core, len(streams), len(streams[0]), record)
    if engine == "oracle":
        event_oracle.simulate(core, streams, state[layer.name], written)
    else:
        _compiled(network.profile, core, streams, state[layer.name], written)
    overflows = dict(zip(layer.neuron.registers, map(int, written.overflows.sum(axis=0)), strict=True))
    words = {register: str(storage(layer.neuron, register)) for register in written.registers}
    trace = LayerTrace(written.spikes, written.registers, overflows, words)
    wire = [np.insert(rows, 0, sample, axis=1) for sample, rows in enumerate(written.wire)]
    return Trace({layer.name: trace}, network.digest, state, np.concatenate(wire), written.dropped)


def _compiled(
    profile: Profile, core: Core, streams: Sequence[Events], state: Mapping[str, Integers], record: Record
) -> None:
    """As `event_oracle.simulate`, samples side by side on threads."""
    kernel = compiled(kernel_source(core, widest(profile, core.layer.kind).bits))
    fixed = _fixed(core)
    start = {register: values.copy() for register, values in state.items()}

    def run(sample: int) -> tuple[int, int]:
        ended, event, wire, dropped = kernel(*_arguments(core, fixed, streams[sample], state, record, sample))
        record.wire[sample], record.dropped[sample] = wire, dropped
        return ended, event

    with ThreadPoolExecutor(min(len(streams), available_threads())) as pool:
        ends = list(pool.map(run, range(len(streams))))
    for sample, (ended, event) in enumerate(ends):
        if ended == NEVER_IDLE:
            raise event_oracle.never_idle(sample, event, core)
        if ended != DONE:  # a refused overflow: the oracle names the place
            event_oracle.simulate(core, streams, start, record, first=sample)


def _fixed(core: Core) -> dict[str, Any]:
    """The kernel's arguments that are the same for every sample."""
    layer = core.layer
    fixed: dict[str, Any] = {f"c_{name}": np.int64(value) for name, value in layer.constants.items()}
    for k, kind in enumerate(core.kinds):
        fixed[f"last{k}"] = np.int64(kind.last)
        fixed |= {f"w{k}_{i}": np.ascontiguousarray(weights) for i, (_, weights) in enumerate(kind.synapses)}
    return fixed | {f"p_{name}": np.ascontiguousarray(values) for name, values in layer.parameters.items()}


def _arguments(
    core: Core,
    fixed: Mapping[str, Any],
    stream: Events,
    state: Mapping[str, Integers],
    record: Record,
    sample: int,
) -> list[Any]:
    """A kernel's arguments: see `event_kernel.arguments`."""
    registers = list(core.layer.neuron.registers)
    values = [stream.kind, *(stream.values[name] for name in carried(core)), *fixed.values()]
    values += [state[register][sample] for register in registers]
    depth, limit = (core.queue.depth, core.queue.limit) if core.queue else (0, 0)
    values += [record.spikes[sample], record.overflows[sample], np.int64(depth), np.int64(limit)]
    for register in registers:
        nothing = np.zeros((0, 0), core.layer.dtypes[register])
        kept = record.registers.get(register)
        values += [kept is not None, nothing if kept is None else kept[sample]]
    return values
