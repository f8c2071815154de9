"""How many synaptic operations an input leads to.

One is a spike that is delivered over a weight that adds something; of a step's spikes of one source as many as its
connection lets act, of graded spikes one for each unit of their value.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..datapath import ANY, NONZERO
from ..engine.event_run import read_events
from ..engine.run import run
from ..errors import InputError
from ..events import Events
from ..network.added import Weights, added_weights, synapse_delays
from ..network.lists import Listed
from ..network.network import Network
from ..network.parts import Projection
from ..network.weights import connection_values, neuron_values
from ..profile.events import EventKind, Until
from ..profile.schema import INPUT
from ..raster import Raster

Counts = NDArray[np.int64]


def synaptic_operations(network: Network, spikes: ArrayLike | Raster | Events | Sequence[Events]) -> tuple[int, ...]:
    """Synaptic operations of each sample, from a state of 0. spikes: input as for `run`.

    Raises InputError for input that does not fit, or whose spikes a queue drops, as it is not known which.
    """
    if network.profile.clock == "event":
        return _of_events(network, spikes)
    raster = spikes if isinstance(spikes, Raster) else Raster.of(spikes)  # type: ignore[arg-type]
    trace = run(network, raster)
    sent = {name: layer.spikes for name, layer in trace.layers.items()}
    sent[INPUT] = raster.dense(dtype=network.input_word.dtype)
    samples, steps = sent[INPUT].shape[:2]
    total = np.zeros(samples, np.int64)
    for projection in network.projections:
        connection = network.connection(projection)
        for delay, fan_out in _fan_outs(network, projection):
            heard = max(0, steps - connection.lag - delay)  # later spikes act after the last step
            total += _acting(sent[projection.source][:, :heard], connection.cap).sum(axis=1) @ fan_out
    return tuple(total.tolist())


def weights_added(network: Network, projection: Projection) -> list[Weights]:
    """What each synapse of a projection adds, one entry a register."""
    values = connection_values(network.profile, projection) | network.profile.constants
    target = neuron_values(network.profile, network.population(projection.target))
    sources = network.size(projection.source)
    return added_weights(network.connection(projection), projection, values, target, sources)


def _acting(counts: NDArray[Any], cap: int | str) -> Counts:
    """As how many spikes those of a source act in a step."""
    magnitudes: Counts = np.abs(counts.astype(np.int64))
    most = 1 if cap == NONZERO else np.iinfo(np.int64).max if cap == ANY else int(cap)
    acting: Counts = magnitudes.clip(0, most)
    return acting


def _fan_outs(network: Network, projection: Projection) -> Iterator[tuple[int, Counts]]:
    """By delay, how many weights that add something each source has, [pre]."""
    sizes = network.size(projection.source), network.size(projection.target)
    delays = synapse_delays(network.connection(projection), projection, sizes[0])
    for weights in weights_added(network, projection):
        synapses = weights if isinstance(weights, Listed) else Listed.of_matrix(np.asarray(weights))
        each = np.broadcast_to(delays, synapses.weights.shape if synapses is weights else sizes).ravel()
        for delay in np.unique(each):
            yield int(delay), _fan_out(synapses, each == delay)


def _fan_out(synapses: Listed, chosen: NDArray[np.bool_]) -> Counts:
    """How many of the chosen synapses add something, by source."""
    counted = chosen & (synapses.weights != 0)
    return np.bincount(synapses.sources[counted], minlength=len(synapses.pointers) - 1).astype(np.int64)


def _of_events(network: Network, spikes: Any) -> tuple[int, ...]:
    """Of events from outside, and of the spikes that the queue brings back."""
    streams = read_events(spikes, network)
    trace = run(network, spikes)
    assert trace.wire is not None
    assert trace.dropped is not None
    if trace.dropped.any():
        sample = int(np.argmax(trace.dropped > 0))
        lost = f"the queue dropped {trace.dropped[sample]} spikes; allowed: none, to count operations"
        raise InputError(f"sample {sample}: {lost}")
    kinds, queue = network.profile.events, network.profile.queue
    total = np.zeros(len(streams), np.int64)
    for sample, stream in enumerate(streams):
        for place, name in enumerate(stream.names):
            chosen = stream.kind == place
            if kinds[name].over is not None and chosen.any():
                total[sample] += _of_kind(network, kinds[name], {key: v[chosen] for key, v in stream.values.items()})
    if queue is not None and not (queue.unless is not None and _constant(network, queue.unless)):
        kind = kinds[queue.event]
        for sample in range(len(streams)):
            total[sample] += _of_kind(network, kind, {"source": trace.wire[trace.wire[:, 0] == sample, 2]})
    return tuple(total.tolist())


def _constant(network: Network, operand: str | int) -> int:
    return operand if isinstance(operand, int) else network.profile.constants[operand]


def _of_kind(network: Network, kind: EventKind, carried: dict[str, NDArray[Any]]) -> int:
    """Operations of events of one kind, by the sources, and where one is reached the neurons, that they carry."""
    total, size = 0, network.populations[0].size
    last = _constant(network, kind.reaches.last) if isinstance(kind.reaches, Until) else size - 1
    for projection in network.projections:
        for weights in weights_added(network, projection) if projection.via == kind.over else ():
            matrix = weights.dense(size) if isinstance(weights, Listed) else np.asarray(weights)
            if kind.reaches == "one":
                total += int(np.count_nonzero(matrix[carried["source"], carried["neuron"]]))
            else:
                total += int(np.count_nonzero(matrix[:, : last + 1], axis=1)[carried["source"]].sum())
    return total
