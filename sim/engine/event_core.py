"""An event-clocked network as its engines see it, and what one event does to one neuron."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np

from ..datapath import deliver
from ..network.lists import Listed
from ..network.network import Network
from ..ops.base import Registers, Relation, Value
from ..ops.integer import IntegerOps
from ..profile.events import EventKind, Queue, Until
from ..profile.schema import SPIKES, NeuronClass, holding
from ..trace import Integers
from .wiring import Layer, _layer

NO_NEURON = -1


@dataclass(frozen=True)
class Kind:
    """A kind of event. last: the last neuron it reaches, NO_NEURON where the event says which one.

    synapses: (register, weights [source, neuron]) of what arrives, in order.
    """

    name: str
    event: EventKind
    last: int
    synapses: tuple[tuple[str, Any], ...]


@dataclass(frozen=True, eq=False)
class Core:
    """The one population, the kinds of events in the profile's order, and the queue; None in open loop.

    requeued: the place among the kinds of what a queued spike is.
    """

    layer: Layer
    kinds: tuple[Kind, ...]
    queue: Queue | None
    requeued: int

    @property
    def counted(self) -> str:
        """The type that counts a neuron's spikes during one event from outside."""
        return holding(0, 1 + (self.queue.limit if self.queue else 0)).dtype

    def held(self, kind: Kind) -> int:
        """Slots of the queue that an event of this kind from outside holds while it is processed."""
        return int(self.queue is not None and self.queue.head_keeps_slot and kind.event.queued)


@dataclass(frozen=True)
class Record:
    """What a run writes. spikes: [sample, event, neuron], zeros. registers: those recorded, by name, of that shape.

    overflows: int64 [sample, register]. dropped: int64 [sample]. wire: by sample, [n, 2] of event and neuron.
    """

    spikes: Integers
    registers: Mapping[str, Integers]
    overflows: Integers
    dropped: Integers
    wire: list[Integers]

    @classmethod
    def blank(cls, core: Core, samples: int, events: int, recorded: Collection[str] = ()) -> Record:
        """Room for so many samples of so many events; recorded: names of registers."""
        shape, registers = (samples, events, core.layer.size), core.layer.neuron.registers
        kept = {
            register: np.empty(shape, core.layer.dtypes[register]) for register in registers if register in recorded
        }
        overflows, dropped = np.zeros((samples, len(registers)), np.int64), np.zeros(samples, np.int64)
        return cls(np.zeros(shape, core.counted), kept, overflows, dropped, [np.zeros((0, 2), np.int32)] * samples)


class Updates(Protocol):
    """Told what one update of a neuron is about to write."""

    def arriving(self, regs: Registers, weight: Value) -> None:
        """The next write delivers this weight."""

    def stage(self, stage: Any, regs: Registers) -> None:
        """The next writes are this stage's."""


class Watch(Updates, Protocol):
    """Told of every event besides; see `explain`."""

    def entered(self, event: int, kind: Kind, values: Mapping[str, int], follows: bool) -> None:
        """What comes next is the event of this number from outside, or, where it follows, one from the queue."""

    def registers(self, neuron: int, regs: Registers) -> Registers:
        """The registers to use for this neuron: `regs`, or a view that records its writes."""

    def spiked(self, regs: Registers, left: bool, queued: bool) -> None:
        """The neuron spiked; whether that left the core, and whether it waits in the queue."""


_CORES: WeakKeyDictionary[Network, Core] = WeakKeyDictionary()


def core_of(network: Network) -> Core:
    """A network under an event clock. Made once for a network."""
    if network not in _CORES:
        _CORES[network] = _core(network)
    return _CORES[network]


def _core(network: Network) -> Core:
    profile, name = network.profile, network.populations[0].name
    layer = _layer(network, name)
    kinds = tuple(_kind(layer, name, event) for name, event in profile.events.items())
    queue = profile.queue
    if queue is not None and queue.unless is not None and _known(layer, queue.unless):
        queue = None
    requeued = list(profile.events).index(queue.event) if queue else 0
    return Core(layer, kinds, queue, requeued)


def _kind(layer: Layer, name: str, event: EventKind) -> Kind:
    last = layer.size - 1
    if isinstance(event.reaches, Until):
        last = min(last, _known(layer, event.reaches.last))
    arriving = (pair for i in layer.incoming if i.via == event.over for pair in i.synapses)
    synapses = ((register, w.dense(layer.size) if isinstance(w, Listed) else np.asarray(w)) for register, w in arriving)
    return Kind(name, event, NO_NEURON if event.reaches == "one" else last, tuple(synapses))


def _known(layer: Layer, operand: str | int) -> int:
    """An integer or a value of the profile."""
    return int(Registers(IntegerOps(), {}, dict(layer.constants))[operand])


def update(
    regs: Registers,
    event: EventKind,
    weights: Iterable[tuple[str, Value]],
    neuron: NeuronClass,
    watch: Updates | None = None,
) -> None:
    """What an event does to a neuron: the weights arrive, then come the event's own stages and the class's step."""
    for register, weight in weights:
        if watch is not None:
            watch.arriving(regs, weight)
        deliver(regs, register, regs.ops.constant(1), weight)
    regs.values[SPIKES] = regs.ops.constant(0)
    for stage in (*(item.stage for item in event.do), *neuron.stages):
        if watch is not None:
            watch.stage(stage, regs)
        stage.run(regs)


def leaving(regs: Registers, neuron: NeuronClass) -> Value:
    """The spikes of the last update that leave the neuron: none where its output is off."""
    if neuron.output_unless is None:
        return regs[SPIKES]
    ops = regs.ops
    on = ops.compare(regs[neuron.output_unless], Relation.EQ, ops.constant(0))
    return ops.select(on, regs[SPIKES], ops.constant(0))
