"""Which code the compiled engine runs for a profile or a network, and why, in words; see `bitspike show --engine`.

Every answer is asked of what decides when a kernel is made: lanes of `lane_bits`, plain sums of `bounded`, a
network's weights of `signature`; how a write is fitted is read off the instructions that `LaneOps` emits for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..datapath import SUM, deliver, deliver_sum
from ..network.network import Network
from ..ops.base import Registers
from ..ops.code import I64, Code
from ..ops.interval import Interval, IntervalOps
from ..ops.lane_arithmetic import lane_bits
from ..ops.lanes import LaneOps
from ..profile.analysis import arriving, effective_weight, held, spans, widest
from ..profile.connection import Connection
from ..profile.events import EventKind
from ..profile.schema import Profile
from ..word import Overflow
from .arrival import Arrival, Way, way_of
from .event_core import NO_NEURON, Kind, core_of
from .matrix import PAIRED
from .pool import Windows
from .prepare import signature
from .sweep import Sweep
from .vector import LANES, bounded
from .weights import narrowest
from .wiring import wire

VECTORS = f"vectors of {LANES} neurons"
NEURON = "neuron by neuron"


@dataclass(frozen=True)
class Stages:
    """How a class's stages are computed, for every neuron or for those of one layer.

    lanes: bits of a neuron's lane by register; widest: of whatever its stages and adds compute on the way.
    """

    layer: str
    neuron: str
    kernel: str
    why: str
    lanes: dict[str, int]
    widest: int


@dataclass(frozen=True)
class Delivery:
    """How spikes reach one register: over a connection, as synapses of this form; or of one projection (`source`,
    `layer`), whose weights decide more.

    lanes: bits of a neuron's lane. write: how one of its writes is fitted. weights: the type they are read as.
    """

    source: str
    layer: str
    connection: str
    register: str
    form: str
    kernel: str
    why: str
    write: str
    lanes: int
    weights: str


Choice = tuple[list[Stages], list[Delivery]]


def of_profile(profile: Profile) -> Choice:
    """What runs for each class and connection of a profile, whatever the network."""
    stages = [_stages(profile, "", name, neuron.relay is not None, {}) for name, neuron in profile.neurons.items()]
    if profile.clock == "event":
        return stages, [each for name, event in profile.events.items() for each in _event(profile, name, event)]
    return stages, [
        each
        for name in profile.connections
        for arrival in _forms(profile, name)
        for each in _deliveries(profile, arrival, "", "", {})
    ]


def of_network(network: Network) -> Choice:
    """What runs for each layer and projection of a network, its input a raster or not."""
    profile = network.profile
    if profile.clock == "event":
        core = core_of(network)
        own = [_stages(profile, core.layer.name, core.layer.kind, False, {})]
        return own, [each for kind in core.kinds for each in _event(profile, kind.name, kind.event, kind)]
    stages: list[Stages] = []
    deliveries: list[Delivery] = []
    for layer in (layer for group in wire(network) for layer in group):
        chosen = signature(profile, layer)
        known = dict(chosen.emptied)
        stages.append(_stages(profile, layer.name, layer.kind, chosen.aliases, known, only=True))
        sources = dict((i.projection, i.source) for i in layer.incoming).values()
        for source, arrival in zip(sources, chosen.incoming, strict=True):
            deliveries += _deliveries(profile, arrival, source, layer.name, known)
    return stages, deliveries


def _stages(
    profile: Profile,
    layer: str,
    name: str,
    aliases: bool,
    known: dict[str, Interval],
    only: bool = False,
) -> Stages:
    """known: of a layer's registers (see `emptied`). only: whether `aliases` is known of it, and not just possible."""
    ranges, wide = held(profile, profile.neurons[name]) | known, lane_bits(widest(profile, name))
    lanes = {register: lane_bits(ranges[register]) for register in profile.neurons[name].registers}
    if not aliases:
        return Stages(layer, name, VECTORS, "no neuron's stages need another's", lanes, wide)
    kernel = NEURON if only else f"{VECTORS}; {NEURON} where spikes are copied to aliases"
    return Stages(layer, name, kernel, "a copy of a spike acts on an alias in the same step", lanes, wide)


def _forms(profile: Profile, via: str) -> Iterator[Arrival]:
    """What a projection may be: a matrix, lists, a convolution, or a pool of a layer that a convolution reaches."""
    connection = profile.connections[via]
    weight = effective_weight(profile, connection)
    several, narrow = len(connection.into), _narrowest_of(weight)
    yield Arrival(via, several, False, "", "", narrow, "")
    yield Arrival(via, 1 if connection.delay is None else several, True, "", "", narrow, "")
    if connection.kernel is not None:
        yield Arrival(via, 1, True, "", "", narrow, "", "sums", (3, 3), channels_last=8, sweep=Sweep((3, 3), (0, 0), 8))
    drawn = any(other.kernel and other.target in connection.sources for other in profile.connections.values())
    if drawn and connection.sum is None and weight.lo <= 1 <= weight.hi:
        yield Arrival(via, 1, True, "", "", narrow, "", channels_last=1, windows=Windows((2, 2), (2, 2)))


def _narrowest_of(weight: Interval) -> str:
    """The type that holds every weight that a profile allows."""
    return narrowest([np.array([weight.lo, weight.hi])])


def _deliveries(
    profile: Profile, arrival: Arrival, source: str, layer: str, known: dict[str, Interval]
) -> Iterator[Delivery]:
    connection = profile.connections[arrival.via]
    ranges = held(profile, profile.neurons[connection.target]) | known
    form = _form(arrival)
    for register in connection.into[: arrival.synapses]:
        kernel, why = way(profile, arrival)
        write = write_of(profile, connection, register)
        lanes = lane_bits(ranges[register])
        yield Delivery(source, layer, arrival.via, register, form, kernel, why, write, lanes, arrival.weight)


def _form(arrival: Arrival) -> str:
    if arrival.windows or arrival.picture:
        return "pool (of a convolution)" if arrival.windows else "convolution"
    return "lists (sparse, several delays, other pools)" if arrival.listed else "matrix"


def way(profile: Profile, arrival: Arrival) -> tuple[str, str]:
    """How a clocked kernel delivers a projection, and why."""
    connection = profile.connections[arrival.via]
    weight, acts = effective_weight(profile, connection), arriving(profile, connection)
    added, way = IntervalOps().mul(weight, acts), way_of(profile, arrival)
    if connection.sum is not None:
        total = arrival.total or "the narrowest type that holds what the weights can add"
        return _of_this(arrival, _SUMMED[way]), f"the datapath fits a step's sum once; it is held in {total}"
    if way is Way.LISTS or (way is Way.MATRIX and not bounded(weight, acts)):
        text = "synapse by synapse, a fit each" if way is Way.LISTS else f"word-by-word adds, {VECTORS}"
        return text, f"one event adds {added.lo} to {added.hi}: 64 bits may not hold a step's sum"
    within = f"one event adds {added.lo} to {added.hi}, of which 64 bits hold any step's sum"
    return _of_this(arrival, _PLAIN[way]), _fallback(within)


def _of_this(arrival: Arrival, text: str) -> str:
    """What is said of a way, with what depends on the projection."""
    if arrival.sweep:
        return text.replace("patch by patch", "patch by patch, or place by place where most places spike")
    if arrival.ahead:
        text = text.replace("plain sums", "plain sums, of many steps ahead")
    paired = not arrival.listed and arrival.weight == PAIRED
    return text.replace("plain sums", "plain sums in pairs") if paired else text


_SUMMED = {
    Way.PICTURE: "patch by patch, all channels of a place at once; one write a step",
    Way.LISTS: "synapse by synapse into sums; one write a step",
    Way.MATRIX: f"plain sums, {VECTORS}; one write a step",
}
_PLAIN = {
    Way.POOL: "plain sums of windows, all channels of a place at once; else synapse by synapse, a fit each",
    Way.PICTURE: "patch by patch, all channels of a place at once; else synapse by synapse, a fit each",
    Way.PLAIN_LISTS: "plain sums, synapse by synapse; else a fit each",
    Way.MATRIX: f"plain sums, {VECTORS}; else word-by-word adds",
}


def _fallback(within: str) -> str:
    return f"{within}; where the register may pass its word on the way, every add has its fit"


def write_of(profile: Profile, connection: Connection, register: str) -> str:
    """How one write of a spike, or of a step's sum, is fitted to its word, by the instructions emitted for it."""
    neuron, code = profile.neurons[connection.target], Code(["row", "weight", "acts"])
    ranges = held(profile, neuron)
    ops = LaneOps(code, LANES, {}, ranges)

    def value(row: str, span: Interval) -> object:
        return ops.load(code.row(row, "int64").load(I64(0), LANES), span)

    regs = Registers(ops, neuron.registers, {register: value("row", ranges[register])})
    if connection.sum is None:
        count, weight = arriving(profile, connection), effective_weight(profile, connection)
        deliver(regs, register, value("acts", count), value("weight", weight))
    else:
        regs.values[SUM] = value("weight", spans(connection.sum.word))
        deliver_sum(regs, register)
    return _fitted(code.finish(), neuron.registers[register].overflow)


def _fitted(instructions: str, overflow: Overflow | None) -> str:
    if overflow is Overflow.SATURATE:
        if ".sat." in instructions:
            return "the machine's saturating add"
        return "an add, then a clip" if "icmp" in instructions else "an add, which never overflows"
    if overflow is Overflow.WRAP:
        return "an add, then a mask" if " and " in instructions else "the machine's wrapping add"
    return "an add; what does not fit is refused"


def _event(profile: Profile, name: str, event: EventKind, kind: Kind | None = None) -> list[Delivery]:
    """What an event does to the neurons that it reaches: its weights arrive one by one, whatever else is waiting."""
    one = event.reaches == "one" if kind is None else kind.last == NO_NEURON
    kernel = "one neuron" if one else f"{VECTORS}, word-by-word adds" if event.over else VECTORS
    why = "the event names its neuron" if one else "an event reaches its neurons at once, one write each"
    form = f"event {name}"
    if event.over is None:
        return [Delivery("", "", "", "", form, kernel, why, "", 0, "")]
    connection = profile.connections[event.over]
    ranges = held(profile, profile.neurons[connection.target])
    narrow = _narrowest_of(effective_weight(profile, connection))
    types = {register: narrow for register in connection.into}
    if kind is not None:
        types = {register: narrowest([weights]) for register, weights in kind.synapses}
    lanes = {register: lane_bits(ranges[register]) for register in types}
    return [
        Delivery("", "", event.over, r, form, kernel, why, write_of(profile, connection, r), lanes[r], dtype)
        for r, dtype in types.items()
    ]
