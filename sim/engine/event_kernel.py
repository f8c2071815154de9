"""A compiled kernel of an event-clocked core: a stream of one sample as LLVM code, from the datapath's stages.

An event updates its neurons vector by vector. Those of a vector that spike leave the core, in ascending order, before
the next vector is updated: the same as afterwards, since a spike that leaves changes no neuron.

The kernel has one loop. A round is an event from outside, or one from the queue; before each, the kernel stops with
FULL if the wire list has no room for a spike of every neuron, which is the most that a round sends. Where it is then
stands in `progress`, so that it goes on from there when it is called again with an empty wire list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from llvmlite import ir

from ..ops.base import Relation
from ..ops.code import I1, I32, I64, Code, Row
from ..ops.lane_arithmetic import Lanes, lane_bits
from ..ops.lanes import REFUSED, LaneOps
from ..profile.analysis import effective_weight, held, spans, widest
from ..profile.events import NEURON, SOURCE, Queue
from ..profile.schema import Profile, storage
from .event_core import NO_NEURON, Core, Kind, leaving, update
from .kernel import generator
from .vector import LANES, Neurons, counted

RUNNING, DONE, OVERFLOWED, NEVER_IDLE, FULL = range(5)  # how a call of a kernel ends

PROGRESS = ("event", "followed", "head", "waiting", "sent", "dropped", "ended")
"""Where a kernel is: the event from outside, and how many followed it; the queue's head, and how many wait there; the
spikes in the wire list; how many were dropped; and how the last call ended."""

Synapses = tuple[tuple[tuple[str, str], ...], ...]
"""Of each kind of event what arrives, in order: the register, and the type of the weights."""


def carried(core: Core) -> list[str]:
    """Everything that events of the core carry."""
    kinds = (kind.event for kind in core.kinds)
    return list(dict.fromkeys(name for event in kinds for name in (*event.addresses, *event.fields)))


def arguments(core: Core) -> list[str]:
    """Names of the kernel's arguments, in order: numbers, and addresses of arrays.

    size: how many neurons; padded: in whole vectors. events: how many; `kind` [event], and what they carry `e_*`
    [event]. Of each kind k the last neuron `last{k}` and weights `w{k}_{i}` [source, padded]. Parameters and derived
    values `p_*` and registers `r_*` [padded]; of each register where it is recorded, `rec_*` [event, size], or 0.
    `out` [event, size]; `wire` [room, 2]: event and neuron; `overflows` [counted]; `queue` [depth]; `progress`.
    """
    names = ["size", "padded", "events", "kind", *(f"e_{name}" for name in carried(core))]
    for k, kind in enumerate(core.kinds):
        names += [f"last{k}", *(f"w{k}_{i}" for i in range(len(kind.synapses)))]
    names += [f"p_{name}" for name in core.layer.parameters]
    names += [f"{row}_{name}" for row in ("r", "rec") for name in core.layer.neuron.registers]
    return [*names, "out", "wire", "room", "overflows", "queue", "progress"]


def kernel_key(profile: Profile, synapses: Synapses) -> str:
    """Names everything that the code depends on."""
    return f"{generator()}\n{profile.to_json()}\nevents {synapses}"


def kernel_code(profile: Profile, core: Core, synapses: Synapses) -> str:
    """An LLVM module that defines `kernel`. Raises ValueError where a value could pass 63 bits."""
    bits = widest(profile, core.layer.kind).bits
    if bits > 64:
        raise ValueError(f"class '{core.layer.kind}' needs {bits} bits; at most 64 are computed")
    code = Code(arguments(core))
    _Kernel(code, profile, core, synapses).run()
    return code.finish()


@dataclass(frozen=True)
class _Event:
    """An event of kind k. number: of the event from outside. weights: the source's row of each synapse.

    fields: what it carries. held: the slots of the queue that it holds while it is processed.
    """

    k: int
    kind: Kind
    number: Any
    weights: list[Row]
    fields: Mapping[str, Any]
    held: Any


class _Kernel:
    """The parts of a kernel's loop."""

    def __init__(self, code: Code, profile: Profile, core: Core, synapses: Synapses) -> None:
        self.code, self.builder, self.profile, self.core, self.synapses = code, code.builder, profile, core, synapses
        self.neurons, self.neuron = _neurons(code, profile, core), core.layer.neuron
        self.dtypes = {name: storage(self.neuron, name).dtype for name in self.neuron.registers}
        self.carried = {name: code.row(f"e_{name}", "int64") for name in carried(core)}
        self.out, self.wire = code.row("out", core.counted), code.row("wire", "int32")
        self.waiting, self.progress = code.row("queue", "int32"), code.row("progress", "int64")
        self.at = {name: code.slot(self.progress.get(I64(place))) for place, name in enumerate(PROGRESS)}

    def run(self) -> None:
        """Rounds, until the stream is at its end or something else ends the call."""
        code, builder, at = self.code, self.builder, self.at
        at["ended"].set(I64(RUNNING))
        with code.while_(lambda: builder.icmp_signed("==", at["ended"].get(), I64(RUNNING))):
            done = builder.icmp_signed("==", at["event"].get(), code.argument("events"))
            left = builder.sub(code.argument("room"), at["sent"].get())
            full = builder.icmp_signed("<", left, self.neurons.size)
            with builder.if_else(builder.or_(done, full), likely=False) as (stop, go):
                with stop:
                    at["ended"].set(builder.select(done, I64(DONE), I64(FULL)))
                with go:
                    self._round()
        for place, name in enumerate(PROGRESS):
            self.progress.set(I64(place), at[name].get())
        overflows = code.row("overflows", "int64")
        for place, counter in enumerate(self.neurons.counters.values()):
            overflows.set(I64(place), builder.add(overflows.get(I64(place)), counter.get()))

    def _round(self) -> None:
        """One event, from outside or from the queue."""
        builder, number = self.builder, self.at["event"].get()
        now = self.code.slot(self.code.row("kind", "int64").get(number))
        source = self.code.slot(self.carried[SOURCE].get(number) if SOURCE in self.carried else I64(0))
        follows = builder.icmp_signed(">", self.at["followed"].get(), I64(0))
        queue = self.core.queue
        if queue is not None:
            with builder.if_then(follows):
                now.set(I64(self.core.requeued))
                source.set(self.waiting.get(self.at["head"].get()))
                if not queue.head_keeps_slot:
                    self._pop(queue)
        chosen, row = now.get(), builder.mul(source.get(), self.neurons.padded)
        for k, kind in enumerate(self.core.kinds):
            with builder.if_then(builder.icmp_signed("==", chosen, I64(k))):
                weights = [self.code.row(f"w{k}_{i}", dtype).part(row) for i, (_, dtype) in enumerate(self.synapses[k])]
                fields = {name: self.carried[name].get(number) for name in kind.event.fields}
                slots = builder.select(follows, I64(0), I64(self.core.held(kind)))
                self._reach(_Event(k, kind, number, weights, fields, slots))
        refused = builder.icmp_signed(">", self.neurons.counters[REFUSED].get(), I64(0))
        with builder.if_else(refused, likely=False) as (stop, go):
            with stop:
                self.at["ended"].set(I64(OVERFLOWED))
            with go:
                self._next(queue, number, follows)

    def _reach(self, event: _Event) -> None:
        """Bring an event to its neurons: to whole vectors, then to a part of one."""
        code, builder, neurons = self.code, self.builder, self.neurons
        if event.kind.last == NO_NEURON:
            self._update(event, self.carried[NEURON].get(event.number), neurons.ops(I64(0), 1))
            return
        stop = builder.add(code.argument(f"last{event.k}"), I64(1))
        whole = builder.and_(stop, I64(-LANES))
        with code.loop(I64(0), whole, LANES) as place:
            self._update(event, place, LaneOps(code, LANES, neurons.counters, neurons.held))
        with builder.if_then(builder.icmp_signed("<", whole, stop)):
            self._update(event, whole, replace(neurons, size=stop).ops(whole))

    def _update(self, event: _Event, place: Any, ops: LaneOps) -> None:
        """What an event does to the neurons from `place` on; those that are not alive keep their registers."""
        over, neuron = event.kind.event.over, self.neuron
        regs = self.neurons.registers(ops, place)
        before: dict[str, Lanes] = dict(regs.values)
        for name, word in event.kind.event.fields.items():
            regs.values[name] = ops.splat(event.fields[name], spans(word))
        arriving = []
        for (register, _), row in zip(event.kind.synapses, event.weights, strict=True):
            assert over is not None
            span = effective_weight(self.profile, self.profile.connections[over])
            arriving.append((register, ops.load(row.load(place, ops.lanes), span, row.signed)))
        update(regs, event.kind.event, arriving, neuron)
        leaves = ops.compare(leaving(regs, neuron), Relation.NE, ops.constant(0))
        if ops.alive is not None:
            leaves = ops.both(leaves, ops.alive)
        for name in neuron.registers:
            if regs[name] is not before[name]:
                kept = regs[name] if ops.alive is None else ops.select(ops.alive, regs[name], before[name])
                self.neurons.rows[name].store(place, ops.at(kept, lane_bits(kept.span)), ops.lanes)
        self._leave(event, place, leaves)
        ops.count()

    def _leave(self, event: _Event, place: Any, leaves: Any) -> None:
        """The neurons of a vector that spiked leave the core, and wait in the queue while it has room."""
        code, builder = self.code, self.builder
        out = self.out.part(builder.mul(event.number, self.neurons.size))
        packed = builder.bitcast(leaves, ir.IntType(leaves.type.count))
        left = code.slot(packed if leaves.type.count == LANES else builder.zext(packed, I32))
        with code.while_(lambda: builder.icmp_unsigned("!=", left.get(), I32(0))):
            neuron = builder.add(place, builder.zext(builder.cttz(left.get(), I1(1)), I64))
            left.set(builder.and_(left.get(), builder.sub(left.get(), I32(1))))
            out.set(neuron, builder.add(out.get(neuron), I64(1)))
            sent = builder.shl(self.at["sent"].get(), I64(1))
            self.wire.set(sent, event.number)
            self.wire.set(builder.or_(sent, I64(1)), neuron)
            self.at["sent"].add(I64(1))
            if self.core.queue is not None:
                self._push(self.core.queue, neuron, event.held)

    def _push(self, queue: Queue, neuron: Any, held: Any) -> None:
        builder, waiting = self.builder, self.at["waiting"]
        room = builder.icmp_signed("<", builder.add(waiting.get(), held), I64(queue.depth))
        with builder.if_else(room) as (enters, dropped):
            with enters:
                behind = builder.add(self.at["head"].get(), waiting.get())
                self.waiting.set(builder.urem(behind, I64(queue.depth)), neuron)
                waiting.add(I64(1))
            with dropped:
                self.at["dropped"].add(I64(1))

    def _pop(self, queue: Queue) -> None:
        behind = self.builder.add(self.at["head"].get(), I64(1))
        self.at["head"].set(self.builder.urem(behind, I64(queue.depth)))
        self.at["waiting"].add(I64(-1))

    def _next(self, queue: Queue | None, number: Any, follows: Any) -> None:
        """The head of the queue is the next event; where it is empty, the next one from outside."""
        if queue is None:
            self._idle(number)
            return
        builder, followed = self.builder, self.at["followed"]
        if queue.head_keeps_slot:
            with builder.if_then(follows):
                self._pop(queue)
        with builder.if_else(builder.icmp_signed("==", self.at["waiting"].get(), I64(0))) as (idle, busy):
            with idle:
                self._idle(number)
            with busy:
                beyond = builder.icmp_signed("==", followed.get(), I64(queue.limit))
                self.at["ended"].set(builder.select(beyond, I64(NEVER_IDLE), I64(RUNNING)))
                followed.add(I64(1))

    def _idle(self, number: Any) -> None:
        """The core is idle: what an event from outside has done is recorded."""
        builder, size = self.builder, self.neurons.size
        for name, dtype in self.dtypes.items():
            with builder.if_then(self.code.flag(f"rec_{name}")):
                recorded = self.code.row(f"rec_{name}", dtype).part(builder.mul(number, size))
                recorded.copy(self.neurons.rows[name], size)
        self.at["event"].add(I64(1))
        self.at["followed"].set(I64(0))


def _neurons(code: Code, profile: Profile, core: Core) -> Neurons:
    """The core's neurons, in rows that the kernel is called with."""
    neuron = core.layer.neuron
    rows = {name: code.row(f"r_{name}", storage(neuron, name).dtype) for name in neuron.registers}
    rows |= {name: code.row(f"p_{name}", word.dtype) for name, word in {**neuron.parameters, **neuron.derived}.items()}
    counters = {name: code.slot(I64(0)) for name in counted(neuron)}
    size, padded = code.argument("size"), code.argument("padded")
    return Neurons(code, neuron, held(profile, neuron), profile.constants, size, padded, rows, counters, {})
