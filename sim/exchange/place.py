"""Places the layers of a network on one core: every class of neurons becomes one population, layer after layer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import NetworkError
from ..network.allowed import check_names
from ..network.check_population import check_population
from ..network.check_projection import check_projection
from ..network.faults import Faults
from ..network.network import Network
from ..network.parts import Population, Projection
from ..network.weights import neuron_values
from ..ops.array import ArrayOps
from ..ops.base import Registers
from ..profile.schema import INPUT, SPIKES, Profile, storage
from .layout.names import DELAY, WEIGHT, values_of
from .layout.part import Part, parts, whole
from .layout.schema import Reference


@dataclass(frozen=True)
class Placement:
    """A network on one core, and where its layers are.

    addresses: by layer, which neurons of its class they became; by 'input', which channels, and with clock: event
    which sources: the address of the event for a spike of channel i is `addresses["input"][i]`.
    """

    network: Network
    addresses: dict[str, range]


def place(
    profile: Profile,
    inputs: int,
    populations: Sequence[Population],
    projections: Sequence[Projection],
    *,
    task: Mapping[str, Any] | None = None,
) -> Placement:
    """Layers, in their order, as one population for each class of neurons; their synapses in one matrix.

    With clock: step, the network computes what the layers compute, bit for bit. With clock: event, projections may
    come from 'input', whose channels become sources of the core beyond its neurons. A core updates every neuron with
    every spike, if only by 0, so neurons that fire at rest are refused. From registers of 0 the core then computes what
    its layers compute, spikes waiting in one queue, as long as none finds it full (`Trace.dropped`).

    Raises NetworkError for what does not fit, a line a fault.
    """
    if profile.clock == "event":
        part = _sources_and_layers(profile, inputs, populations, projections)
        inputs = max(end for _, end in part.spans.values())
    else:
        layered = Network(profile, inputs, populations, projections)
        (part,) = parts(profile, inputs, layered.populations, layered.projections, None)
    addresses = {name: range(*part.spans[name]) for name in (*(p.name for p in populations), INPUT)}
    merged = [_population(part, name) for name in profile.neurons if part.size(name)]
    used = {projection.via for _, projection in part.projections}
    links = [_projection(part, name) for name in profile.connections if name in used]
    where = {"addresses": {name: [ends.start, ends.stop] for name, ends in addresses.items()}}
    return Placement(Network(profile, inputs, merged, links, task={**(task or {}), **where}), addresses)


def _sources_and_layers(
    profile: Profile, inputs: int, populations: Sequence[Population], projections: Sequence[Projection]
) -> Part:
    """The layers of an event-clocked core, checked, and after them a silent neuron for every channel of the input."""
    faults = Faults()
    (kind,) = profile.neurons
    check_names([population.name for population in populations], faults)
    if not isinstance(inputs, int | np.integer) or inputs < 1:
        faults.add("inputs", f"found {inputs!r}; allowed: 1 or more")
    if faults.found:
        raise NetworkError(faults.found)
    given = [*populations, Population(INPUT, inputs, _silent(profile, kind), kind)]
    layers = [check_population(profile, population, faults) for population in given]
    if faults.found:
        raise NetworkError(faults.found)
    sizes, classes = {p.name: p.size for p in layers}, {p.name: str(p.neuron) for p in layers}
    for projection in projections:
        if projection.target == INPUT:
            faults.add(f"projection '{projection.source}' to '{INPUT}'", "allowed: a layer as its target")
    links = [check_projection(profile, projection, sizes, classes, faults) for projection in projections]
    most, total = profile.limits.neurons.get(kind), sum(sizes.values())
    if most is not None and total > most:
        needs = ", ".join(f"{name} {size}" for name, size in sizes.items())
        faults.add("network", f"needs {total} addresses ({needs}); allowed: {most}")
    if faults.found:
        raise NetworkError(faults.found)
    _refuse_restless(profile, layers[:-1])
    (part,) = parts(profile, 0, tuple(layers), tuple(links), None)
    return part


def _refuse_restless(profile: Profile, layers: Sequence[Population]) -> None:
    """Raise NetworkError for neurons that fire at rest: on a core, spikes of any layer would make them fire."""
    faults = []
    for layer in layers:
        neuron = profile.neurons[str(layer.neuron)]
        zeros = dict.fromkeys((*neuron.registers, SPIKES), np.zeros(layer.size, np.int64))
        words = {**neuron.registers, SPIKES: storage(neuron, SPIKES)}
        regs = Registers(ArrayOps(), words, {**profile.constants, **neuron_values(profile, layer), **zeros})
        for stage in neuron.stages:
            stage.run(regs)
        fired = np.flatnonzero(np.broadcast_to(regs[SPIKES], layer.size))
        if fired.size:
            allowed = "neurons that an update of 0 leaves silent, as every spike of a core updates all of them"
            faults.append(f"layer '{layer.name}': neuron {fired[0]} fires at rest; allowed: {allowed}")
    if faults:
        raise NetworkError(faults)


def _silent(profile: Profile, kind: str) -> dict[str, int]:
    """Parameters of a neuron that sends nothing. Raises NetworkError where the class has none."""
    neuron = profile.neurons[kind]
    switch = neuron.output_unless
    if not isinstance(switch, str) or switch not in neuron.parameters:
        message = (
            f"neurons of '{kind}' cannot be silenced (key 'output_unless'), so that no source is free for the input"
        )
        raise NetworkError([f"profile '{profile.name}': {message}"])
    return {name: word.max for name, word in neuron.parameters.items()} | {switch: 1}


def _value(part: Part, owner: str, name: str) -> np.ma.MaskedArray[Any, Any]:
    axes = values_of(part.profile, owner)[name]
    return whole(part, {}, Reference(owner, name, tuple("abcd"[:axes])))[1]


def _population(part: Part, kind: str) -> Population:
    """All layers of a class."""
    parameters = {name: _value(part, kind, name).filled(0) for name in part.profile.neurons[kind].parameters}
    relayed = any(layer.aliases is not None for layer in part.layers if layer.neuron == kind)
    aliases = _value(part, kind, "aliases").filled(-1) if relayed else None
    return Population(kind, part.size(kind), parameters, kind, aliases)


def _projection(part: Part, via: str) -> Projection:
    """All projections over a connection, with 0 where none has a synapse."""
    connection = part.profile.connections[via]
    if len(connection.sources) > 1:
        sources = " and ".join(connection.sources)
        raise NetworkError([f"connection '{via}': comes from {sources}; allowed: one kind of sources, on one core"])
    own = replace(part, projections=tuple(each for each in part.projections if each[1].via == via))
    kept = (WEIGHT, DELAY, *connection.parameters, *connection.source_parameters, *connection.synapse_parameters)
    values = {name: _value(own, via, name) for name in values_of(part.profile, via) if name in kept}
    arrays = {name: array.filled(0) for name, array in values.items() if name not in (WEIGHT, DELAY)}
    parameters = {name: int(array) if name in connection.parameters else array for name, array in arrays.items()}
    delays = values[DELAY].filled(0) if DELAY in values else 0
    source = connection.sources[0]
    return Projection(source, connection.target, values[WEIGHT].filled(0), via, parameters, delays=delays)
