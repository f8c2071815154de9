"""Findings of a run: what neurons did, and did not do, on the samples given."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..datapath import ANY, NONZERO
from ..engine.given import check_spikes
from ..engine.overflowing import overflowing_neurons
from ..events import Events
from ..network.network import Network
from ..network.parts import Population
from ..network.weights import neuron_values
from ..ops.base import Relation
from ..ops.operators import COMPARE
from ..profile.schema import INPUT
from ..raster import Raster
from ..trace import LayerTrace, Trace
from .findings import Finding, whose

Spikes = NDArray[Any] | Raster

MANY_CAPPED = 0.1  # of the steps in which a neuron spikes: more are said
COUNTED = 16  # samples of which it is found out whose registers overflowed


def deciding(network: Network) -> set[str]:
    """The registers whose comparison with a threshold decides a spike: what to record for `observed`."""
    registers = set()
    for population in network.populations:
        neuron = network.neuron_class(population)
        decides = neuron.fire.branches[0].crossing[0]
        registers |= {str(decides)} & set(neuron.registers)
    return registers


def observed(network: Network, trace: Trace, spikes: Spikes | Events, known: Iterable[Finding] = ()) -> list[Finding]:
    """What the samples show; of clock: event nothing. spikes: what was run; known: what is proved, not said again.

    That spikes are held back is seen where the trace has the registers that decide them: see `deciding`.
    """
    if isinstance(spikes, Events) or network.profile.clock == "event":
        return []
    spikes = spikes if isinstance(spikes, Raster) else check_spikes(spikes, network)
    impossible = {(f.layer): f.count or 0 for f in known if f.kind == "unreachable"}
    found: list[Finding] = []
    for population in network.populations:
        layer = trace[population.name]
        found += _of_spikes(population, layer, impossible.get(population.name, 0))
        found += _of_cap(network, population, layer)
    found += _of_connections(network, trace, spikes)
    if any(count for layer in trace.layers.values() for count in layer.overflows.values()):
        found += _of_overflows(network, trace, spikes)
    return found


def _of_spikes(population: Population, layer: LayerTrace, impossible: int) -> Iterator[Finding]:
    name, size = population.name, population.size
    silent = ~layer.spikes.any(axis=(0, 1))
    if silent.sum() > impossible:
        mend = "lower the threshold or the leak, raise gain, or remove them"
        yield Finding("silent", name, "", *whose(silent), "never spike on these samples", mend, False)
    always = layer.spikes.all(axis=(0, 1))
    if always.any():
        mend = "raise the threshold, lower gain, or leak more"
        yield Finding("always", name, "", int(always.sum()), size, "spike on every step of these samples", mend, False)


def _of_cap(network: Network, population: Population, layer: LayerTrace) -> Iterator[Finding]:
    """Neurons that sent all that they can in a step, and whose register still satisfies the condition after it."""
    neuron = network.neuron_class(population)
    branch = neuron.fire.branches[0]
    register, relation, operand = branch.crossing
    if branch.emit != 1 or str(register) not in layer.registers or relation in (Relation.EQ, Relation.NE):
        return
    values: dict[str, Any] = {**network.profile.constants, **neuron_values(network.profile, population)}
    if not isinstance(operand, int) and operand not in values:
        return
    threshold = operand if isinstance(operand, int) else values[operand]
    more = COMPARE[relation](np.asarray(layer.registers[str(register)], np.int64), threshold)
    held_back = ((layer.spikes >= branch.repeat) & more).sum(axis=(0, 1))
    capped = held_back > MANY_CAPPED * np.count_nonzero(layer.spikes, axis=(0, 1))
    if capped.any():
        most = f"{branch.repeat} spike{'s' * (branch.repeat > 1)}"
        often = f"in more than {MANY_CAPPED:.0%} of the steps in which they spike"
        what = f"send {most}, all that a step holds, {often}, and {register} is still beyond {operand} after it"
        mend = "raise the threshold, or lower gain"
        yield Finding("capped", population.name, str(register), *whose(capped), what, mend, False)


def _of_connections(network: Network, trace: Trace, spikes: Spikes) -> Iterator[Finding]:
    """Sources that sent more spikes in a step than a connection counts."""
    most = {name: np.abs(layer.spikes.astype(np.int64)).max(axis=(0, 1)) for name, layer in trace.layers.items()}
    dense = spikes.dense(dtype=network.input_word.dtype) if isinstance(spikes, Raster) else spikes
    most[INPUT] = np.abs(dense.astype(np.int64)).reshape(-1, network.inputs).max(axis=0)
    for via, source in sorted({(str(p.via), p.source) for p in network.projections}):
        cap = network.profile.connections[via].cap
        beyond = most[source] > (1 if cap == NONZERO else np.inf if cap == ANY else int(cap))
        if beyond.any():
            counted = "any number as one" if cap == NONZERO else f"at most {cap}"
            what = f"sent up to {most[source].max()} spikes in a step, of which connection {via} counts {counted}"
            yield Finding("cut", source, via, *whose(beyond), what, "send fewer spikes in a step", False)


def _of_overflows(network: Network, trace: Trace, spikes: Spikes) -> Iterator[Finding]:
    few = spikes[:COUNTED] if isinstance(spikes, Raster) or spikes.ndim == 3 else spikes
    neurons = overflowing_neurons(network, few)
    for name, layer in trace.layers.items():
        for register, writes in layer.overflows.items():
            if writes:
                size = layer.spikes.shape[2]
                count = int(neurons[name][register].sum()) if name in neurons else 0
                samples = len(layer.spikes)
                whole = "these samples" if samples <= COUNTED else f"the first {COUNTED} of these {samples} samples"
                where = f"overflow in {register} on {whole}" if count else f"{register} overflowed"
                what = f"{where} ({writes:,} writes in all)"
                mend = "lower gain or the weight shift, leak more, or train with another overflow rule"
                yield Finding("overflow", name, register, count or None, size, what, mend, False)
