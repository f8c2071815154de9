"""Running a network: what goes in is checked here, then one of the engines computes it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import cast
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import ArrayLike

from ..archive import arrays_on_disk, can_write
from ..errors import InputError, suggest
from ..events import Events
from ..network.network import Network
from ..profile.schema import INPUT, SPIKES, register_word
from ..raster import Raster
from ..trace import PAST, Integers, LayerTrace, State, Trace, load_trace, write_trace
from . import clocked, event_core, event_run, memory, oracle, vectorised
from .given import check_raster, check_spikes, check_state, initial_state, unset_state
from .wiring import Layer, wire

ENGINES = ("compiled", "array", "oracle")
EVERYTHING = "all"


def run(
    network: Network,
    spikes: ArrayLike | Raster | Events | Sequence[Events],
    *,
    record: Iterable[str] | str = (),
    engine: str = "compiled",
    state: State | None = None,
    device: str | None = None,
    threads: int | None = None,
    record_to: str | os.PathLike[str] | None = None,
) -> Trace:
    """Run a network bit for bit as its profile computes it.

    spikes: integers of the profile's input word (0 to 255 where it is u8), [sample, step, input] or [step, input]
        (one sample): how many spikes each input channel has in each step, or what its graded spike carries; or a
        Raster, the same as lists.
        With clock: event a stream of Events, or a list of streams of one length (samples).
    record: names of registers to record at the end of every step, in every layer that has them; 'all'.
    engine: 'compiled' (fast), 'array' (NumPy) or 'oracle' (Python integers, slow): equal in every bit.
    state: `trace.state` of the run to continue, spikes on their way included; None starts from 0.
    device: 'cuda' (a GPU), or 'cpu': an engine of its own, which needs torch, equal in every bit; clock: step.
    threads: of the compiled engine, 1 or more; one for each processor that the process may use at most, as with None.
    record_to: a file, .npz, that the trace is streamed to (see `load_trace`); the arrays of the one returned stay
        there, read as they are needed. Without it, a trace that memory cannot hold is refused. clock: step.

    Raises InputError for input that does not fit, OverflowRefusedError where the profile has no rule, FileError.
    """
    if not isinstance(network, Network):
        raise InputError(f"network: found {type(network).__name__}; allowed: a Network")
    if engine not in ENGINES:
        raise InputError(f"engine: found {engine!r}; allowed: {', '.join(ENGINES)}")
    if threads is not None and (not isinstance(threads, int) or isinstance(threads, bool) or threads < 1):
        raise InputError(f"threads: found {threads!r}; allowed: None, or 1 or more")
    on_device = None if device is None else _device_engine(device, network, engine)
    if network.profile.clock == "event":
        if record_to is not None:
            raise InputError(f"record_to: found a path; allowed: None, as '{network.profile.name}' has clock: event")
        streams = event_run.read_events(cast("Events | Sequence[Events]", spikes), network)
        current = initial_state(network, len(streams)) if state is None else check_state(state, network, len(streams))
        only = event_core.core_of(network).layer
        return event_run.run_events(network, streams, _registers(record, {only.name: only}), engine, current, threads)
    if isinstance(spikes, Raster) and engine == "compiled" and on_device is None:
        counts: Integers | Raster = check_raster(spikes, network)
    else:
        counts = check_spikes(cast("ArrayLike | Raster", spikes), network)
    layers = _layers(network)
    samples, steps = counts.shape[:2]
    recorded = _recorded(record, layers)
    if state is None:
        begin: Callable[[], State] = partial(initial_state, network, samples)
    else:
        begin = partial(check_state, state, network, samples)
    if on_device is not None:
        simulate: Callable[..., None] = partial(on_device, network.profile)
    elif engine == "compiled":
        simulate = partial(clocked.simulate, network.profile, threads=threads, rested=state is None)
    else:
        simulate = oracle.simulate if engine == "oracle" else vectorised.simulate
    job = _Job(network, layers, simulate, begin, recorded, _bytes(layers, recorded))
    if record_to is None:
        memory.check_fits(samples * steps * job.bytes)
        return _run(job, counts, None)
    can_write(record_to)
    with arrays_on_disk(record_to, _shapes(layers, recorded, samples, steps)) as files:
        trace = _run(job, counts, files)
        write_trace(record_to, trace, compressed=False)
    return Trace(load_trace(record_to, verify=False).layers, network.digest, trace.state)


def trace_bytes(network: Network, samples: int, steps: int, record: Iterable[str] | str = ()) -> int:
    """Bytes of the trace of a clocked run that records these registers. Raises InputError."""
    layers = _layers(network)
    return samples * steps * _bytes(layers, _recorded(record, layers))


Recorded = Mapping[str, Sequence[str]]
"""By layer the registers that are recorded."""


_LAYERS: WeakKeyDictionary[Network, dict[str, Layer]] = WeakKeyDictionary()


def _layers(network: Network) -> Mapping[str, Layer]:
    """By name, in order; made once."""
    if network not in _LAYERS:
        _LAYERS[network] = {layer.name: layer for group in wire(network) for layer in group}
    return _LAYERS[network]


def _recorded(record: Iterable[str] | str, layers: Mapping[str, Layer]) -> Recorded:
    """Raises InputError."""
    asked = _registers(record, layers) if record else ()
    return {name: [r for r in layer.neuron.registers if r in asked] for name, layer in layers.items()}


def _bytes(layers: Mapping[str, Layer], recorded: Recorded) -> int:
    """Of what is recorded of a sample and step."""
    return sum(layer.bytes[r] for name, layer in layers.items() for r in (SPIKES, *recorded[name]))


def _shapes(
    layers: Mapping[str, Layer], recorded: Recorded, samples: int, steps: int
) -> dict[str, tuple[tuple[int, int, int], str]]:
    """Shape and type of a trace's arrays, by `layer.register` and `layer.spikes`."""
    return {
        f"{name}.{register}": ((samples, steps, layer.size), layer.dtypes[register])
        for name, layer in layers.items()
        for register in (SPIKES, *recorded[name])
    }


@dataclass(frozen=True)
class _Job:
    """A checked run. simulate: of an engine. begin: makes the state that it starts from. bytes: of the trace of a
    sample and step.
    """

    network: Network
    layers: Mapping[str, Layer]
    simulate: Callable[..., None]
    begin: Callable[[], State]
    recorded: Recorded
    bytes: int

    @property
    def compiled(self) -> bool:
        """Whether it writes where the trace lies, spikes before step 0 ahead of it."""
        return isinstance(self.simulate, partial) and self.simulate.func is clocked.simulate

    @property
    def rested(self) -> bool:
        """Whether the engine starts from 0 itself, whatever the state and the rows before step 0 hold."""
        return self.compiled and bool(cast("partial[None]", self.simulate).keywords["rested"])

    def rows(self, state: Mapping[str, Integers], steps: int) -> Integers:
        """Room for a layer's spikes of a run, [sample, row, neuron], behind those before it that act on in a kernel."""
        last, past = state[SPIKES], state.get(PAST)
        lead = 1 if past is None else 1 + past.shape[1]
        rows = memory.empty((len(last), lead + steps, last.shape[1]), last.dtype)
        if not self.rested:
            rows[:, lead - 1] = last
            if past is not None:
                rows[:, : lead - 1] = past
        elif steps < lead:  # some are kept
            rows[:, :lead] = 0
        return rows

    def copies(self, counts: Integers | Raster) -> bool:
        """Whether the input is copied: unpacked, or brought behind what came before it."""
        lagged = any(i.source == INPUT and i.lag for layer in self.layers.values() for i in layer.incoming)
        return not self.compiled or lagged or (isinstance(counts, Raster) and counts.packed)


def _run(job: _Job, counts: Integers | Raster, files: Mapping[str, Integers] | None) -> Trace:
    """Run the samples, chunk by chunk. files: arrays to record in; None makes them in memory."""
    network, layers, (samples, steps) = job.network, job.layers, counts.shape[:2]
    current = unset_state(network, samples) if job.rested else job.begin()
    # each layer's spikes follow those of the steps before the run that may still act
    whole = {} if files else {name: job.rows(current[name], steps) for name in layers}
    registers = {
        name: {
            r: files[f"{name}.{r}"] if files else np.empty((samples, steps, layer.size), layer.dtypes[r])
            for r in job.recorded[name]
        }
        for name, layer in layers.items()
    }
    overflows = {name: np.zeros(len(layer.neuron.registers), np.int64) for name, layer in layers.items()}
    in_place = files is None and job.compiled
    own = (network.inputs if job.copies(counts) else 0) + (0 if in_place else job.bytes)
    parts = memory.chunks(samples, steps * own)
    for part in parts:
        if files or len(parts) > 1:
            state, kept = _part(current, part), _part(registers, part)
            rows = {name: whole[name][part] if whole else job.rows(state[name], steps) for name in layers}
            _simulate(job, counts[part], state, rows, kept, overflows, part.start)
        else:
            _simulate(job, counts, current, whole, registers, overflows, 0)
        if files:
            for name in layers:
                files[f"{name}.{SPIKES}"][part] = _within(rows[name], steps)
    traces = {}
    for name in (p.name for p in network.populations):
        spikes = files[f"{name}.{SPIKES}"] if files else _within(whole[name], steps)
        traces[name] = _layer_trace(layers[name], spikes, registers[name], overflows[name])
    return Trace(traces, network.digest, current)


def _simulate(
    job: _Job,
    counts: Integers | Raster,
    state: State,
    rows: Mapping[str, Integers],
    recorded: Mapping[str, Mapping[str, Integers]],
    overflows: Mapping[str, Integers],
    first: int,
) -> None:
    """Run some samples, from this one on, every layer's spikes into `rows`."""
    groups, simulate = wire(job.network), job.simulate
    outputs = {name: _within(row, counts.shape[1]) for name, row in rows.items()}
    options = {"number": first} if simulate is oracle.simulate else {}
    try:
        simulate(groups, counts, state, rows if job.compiled else outputs, recorded, overflows, **options)
    except oracle.RefusedOverflowError as error:
        dense = counts.dense() if isinstance(counts, Raster) else counts
        start = _part(job.begin(), slice(first, first + len(dense)))
        oracle.simulate(groups, dense, start, outputs, recorded, overflows, first=error.sample, number=first)
        raise


def _part(state: Mapping[str, Mapping[str, Integers]], samples: slice) -> State:
    """Views of some samples."""
    return {name: {r: values[samples] for r, values in registers.items()} for name, registers in state.items()}


def _within(rows: Integers, steps: int) -> Integers:
    """The spikes of a run's own steps."""
    return rows[:, rows.shape[1] - steps :]


def _device_engine(device: str, network: Network, engine: str) -> Callable[..., None]:
    """`simulate` of a device. Raises InputError."""
    if network.profile.clock == "event":
        raise InputError(f"device: found {device!r}; allowed: none, as '{network.profile.name}' has clock: event")
    if engine != "compiled":
        raise InputError(f"device: found {device!r} with engine {engine!r}; allowed: one of them")
    try:
        from . import device as devices
    except ImportError as error:
        missing = f"({error.name or error} is missing): pip install 'bitspike[train]'"
        raise InputError(f"device: found {device!r}; allowed: none without torch {missing}") from None
    return partial(devices.simulate, devices.device_of(device))


def _registers(record: Iterable[str] | str, layers: Mapping[str, Layer]) -> set[str]:
    known = list(dict.fromkeys(register for layer in layers.values() for register in layer.neuron.registers))
    if record == EVERYTHING:
        return set(known)
    names = [record] if isinstance(record, str) else list(record)
    for name in names:
        if name not in known:
            raise InputError(f"record: found {name!r}; allowed: {', '.join(known)}, or 'all'{suggest(name, known)}")
    return set(names)


def _layer_trace(layer: Layer, spikes: Integers, recorded: Mapping[str, Integers], overflows: Integers) -> LayerTrace:
    counts = dict(zip(layer.neuron.registers, overflows.tolist(), strict=True))
    words = {register: str(register_word(layer.neuron, register)) for register in recorded}
    return LayerTrace(spikes, recorded, counts, words)
