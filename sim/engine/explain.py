"""Every write of one neuron in one step, or in one event: operands, result, and what the fit did to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..errors import InputError
from ..events import Events
from ..network.network import Network
from ..trace import State
from . import event_oracle, oracle
from .event_core import Record, core_of
from .event_run import read_events
from .given import check_spikes, check_state, initial_state
from .wiring import Layer, wire
from .writes import EventLog, StepLog, Write

Place = tuple[int, int, str, int]  # sample, step or event, layer, neuron


def explain(
    network: Network,
    spikes: ArrayLike | Events | Sequence[Events],
    *,
    layer: str,
    neuron: int,
    step: int,
    sample: int = 0,
    state: State | None = None,
) -> list[Write]:
    """Every write of one neuron in one step, in order; the last entry is what it emitted.

    spikes, state: as for `run`. step: with clock: event the number of an event from outside, and every write until
    the core is idle is listed, each under the event that made it; so is each spike, with what became of it.

    Raises InputError for a place that the run does not have, and what `run` raises.
    """
    place = (sample, step, layer, neuron)
    if network.profile.clock == "event":
        return _explain_event(network, spikes, place, state)
    return _explain_step(network, spikes, place, state)


def _explain_step(network: Network, spikes: Any, place: Place, state: State | None) -> list[Write]:
    """The oracle runs the sample, up to the step."""
    counts, groups = check_spikes(spikes, network), wire(network)
    layers = {each.name: each for group in groups for each in group}
    _check_place(place, counts.shape[:2], layers)
    sample, step, layer, neuron = place
    start, log = _start(network, len(counts), state), StepLog(layer, neuron, step)
    given = counts[: sample + 1, : step + 1]
    outputs = {name: np.zeros((*given.shape[:2], each.size), np.int64) for name, each in layers.items()}
    overflows = {name: np.zeros(len(each.neuron.registers), np.int64) for name, each in layers.items()}
    oracle.simulate(groups, given, start, outputs, {name: {} for name in layers}, overflows, log, first=sample)
    log.emitted("emitted", int(outputs[layer][sample, step, neuron]))
    return log.writes


def _explain_event(network: Network, events: Any, place: Place, state: State | None) -> list[Write]:
    """The oracle runs the sample, up to the event and until the core is idle."""
    streams, core = read_events(events, network), core_of(network)
    _check_place(place, (len(streams), len(streams[0])), {core.layer.name: core.layer})
    sample, event, layer, neuron = place
    start, log = _start(network, len(streams), state), EventLog(core, neuron, event)
    given = [_until(stream, event) for stream in streams[: sample + 1]]
    record = Record.blank(core, len(given), event + 1)
    event_oracle.simulate(core, given, start[layer], record, first=sample, watch=log)
    log.ended(int(record.spikes[sample, event, neuron]))
    return log.writes


def _until(stream: Events, last: int) -> Events:
    """The events up to one of them."""
    values = {name: column[: last + 1] for name, column in stream.values.items()}
    return Events(stream.names, stream.kind[: last + 1], values)


def _check_place(place: Place, shape: tuple[int, ...], layers: Mapping[str, Layer]) -> None:
    """A place that a run of `shape`, samples and steps, has. Raises InputError."""
    sample, step, layer, neuron = place
    if layer not in layers:
        raise InputError(f"layer: found {layer!r}; allowed: {', '.join(layers)}")
    sizes = {"sample": (sample, shape[0]), "step": (step, shape[1]), "neuron": (neuron, layers[layer].size)}
    for name, (value, size) in sizes.items():
        if not isinstance(value, int | np.integer) or not 0 <= value < size:
            raise InputError(f"{name}: found {value!r}; allowed: 0 to {size - 1}")


def _start(network: Network, samples: int, state: State | None) -> State:
    """A copy of the state to start from, which the run may change."""
    return initial_state(network, samples) if state is None else check_state(state, network, samples)
