"""The source of a compiled kernel of an event-clocked core: a whole stream of one sample, from the datapath's stages.

An event's neurons are updated by straight-line code in a loop without jumps, which marks those that spike; they are
pushed afterwards, in order, which is the same, as a push changes no neuron.
"""

from __future__ import annotations

from ..ops.base import Flag, Registers
from ..ops.compiled import CAST, OVERFLOW, REFUSED, SourceOps
from ..profile.events import NEURON, SOURCE
from ..word import Overflow, Word
from .event_core import NO_NEURON, Core, Kind, leaving, update

DONE, OVERFLOWED, NEVER_IDLE = 0, 1, 2  # how a kernel ends


class _NarrowOps(SourceOps):
    """Counts in the type that it computes in, so that the counters are vectors as wide as the values."""

    def observe(self, register: str, raw: str, fitted: str, word: Word, when: Flag) -> None:
        """As SourceOps, in narrow counters."""
        name, wrong = f"{OVERFLOW}{register}", f"({raw} != {fitted})"
        if word.overflow is Overflow.REFUSE:
            name, wrong = REFUSED, f"(({raw} < {word.min}) | ({raw} > {word.max}))"
        also = "" if when is True else f" & {when}"
        self.emit(f"{name} = {CAST}({name} + {CAST}({wrong}{also}))")


def arguments(core: Core) -> list[str]:
    """Names of the kernel's arguments, in order.

    `kind` [event], what the events carry `e_*` [event], the values of the profile `c_*`; of each kind k its last
    neuron `last{k}` and weights `w{k}_{i}` [source, neuron]; parameters `p_*` and registers `r_*` [neuron]; `out`
    [event, neuron]; `counts` [register]; the queue's `depth` and `limit`; of each register whether it is recorded
    (`on_*`) and where (`rec_*` [event, neuron]).
    """
    neuron = core.layer.neuron
    names = ["kind", *(f"e_{name}" for name in carried(core)), *(f"c_{name}" for name in core.layer.constants)]
    for k, kind in enumerate(core.kinds):
        names += [f"last{k}", *(f"w{k}_{i}" for i in range(len(kind.synapses)))]
    names += [f"p_{name}" for name in core.layer.parameters]
    names += [f"r_{name}" for name in neuron.registers]
    names += ["out", "counts", "depth", "limit"]
    for name in neuron.registers:
        names += [f"on_{name}", f"rec_{name}"]
    return names


def carried(core: Core) -> list[str]:
    """Everything that events of the core carry."""
    kinds = (kind.event for kind in core.kinds)
    return list(dict.fromkeys(name for event in kinds for name in (*event.addresses, *event.fields)))


def kernel_source(core: Core, bits: int) -> str:
    """A Python module that defines `kernel`, computed in 32 or 64 bits, whatever holds `bits`.

    `kernel(...)` returns how it ended, at which event, the spikes in wire order [n, 2] and how many were dropped.
    """
    ops = _NarrowOps()
    ops.emit("from numba import njit")
    ops.emit("from numpy import empty, int64, uint8")
    ops.emit("from numpy import int32 as address")
    ops.emit(f"from numpy import int{32 if bits <= 32 else 64} as {CAST}\n\n")
    ops.emit("@njit(nogil=True, cache=True, error_model='numpy')")
    ops.emit(f"def kernel({', '.join(arguments(core))}):")
    ops.indent = 1
    for line in ("fired = empty(out.shape[1], uint8)", "wire = empty((1024, 2), address)", "sent = 0", "dropped = 0"):
        ops.emit(line)
    if core.queue is not None:
        ops.emit("queue = empty(depth, int64)")
    ops.emit("for e in range(out.shape[0]):")
    ops.indent = 2
    for line in ("now = kind[e]", "head = 0", "waiting = 0", "followed = 0", "source = int64(0)"):
        ops.emit(line)
    if SOURCE in carried(core):
        ops.emit(f"source = e_{SOURCE}[e]")
    _held(ops, core)
    ops.emit("while True:")
    ops.indent = 3
    _process(ops, core)
    _push(ops, core)
    _next(ops, core)
    ops.indent = 2
    for register in core.layer.neuron.registers:
        ops.emit(f"if on_{register}:")
        ops.emit(f"    rec_{register}[e] = r_{register}")
    ops.indent = 1
    ops.emit(f"return {DONE}, out.shape[0], wire[:sent], dropped")
    return "\n".join(ops.lines) + "\n"


def _held(ops: SourceOps, core: Core) -> None:
    """How many slots the event from outside holds."""
    ops.emit("held = 0")
    for k, kind in enumerate(core.kinds):
        if core.held(kind):
            ops.emit(f"if now == {k}:")
            ops.emit("    held = 1")


def _process(ops: SourceOps, core: Core) -> None:
    """The neurons from `start` to before `stop` are updated, each by the kind's own code."""
    registers = core.layer.neuron.registers
    for name in (*(f"{OVERFLOW}{register}" for register in registers), REFUSED, "emitted"):
        ops.emit(f"{name} = {CAST}(0)")
    ops.emit("start = 0")
    ops.emit("stop = 0")
    for k, kind in enumerate(core.kinds):
        ops.emit(f"if now == {k}:")
        ops.indent += 1
        if kind.last == NO_NEURON:
            ops.emit(f"j = e_{NEURON}[e]")
            ops.emit("start = j")
            _update(ops, core, k, kind)
            ops.emit("stop = j + 1")
        else:
            ops.emit(f"stop = last{k} + 1")
            ops.emit("for j in range(stop):")
            ops.indent += 1
            _update(ops, core, k, kind)
            ops.indent -= 1
        ops.indent -= 1
    for place, register in enumerate(registers):
        ops.emit(f"counts[{place}] += {OVERFLOW}{register}")
    ops.emit(f"if {REFUSED}:")
    ops.emit(f"    return {OVERFLOWED}, e, wire[:sent], dropped")


def _update(ops: SourceOps, core: Core, k: int, kind: Kind) -> None:
    """What the event does to neuron j."""
    layer = core.layer
    values = {name: f"{CAST}(c_{name})" for name in layer.constants}
    values |= {name: f"{CAST}(p_{name}[j])" for name in layer.parameters}
    values |= {name: f"{CAST}(e_{name}[e])" for name in kind.event.fields}
    values |= {name: f"{CAST}(r_{name}[j])" for name in layer.neuron.registers}
    for name, expression in values.items():
        ops.emit(f"v_{name} = {expression}")
    regs = Registers(ops, layer.neuron.registers, {name: f"v_{name}" for name in values})
    weights = []
    for i, (register, _) in enumerate(kind.synapses):
        weights.append((register, ops.name(f"w{k}_{i}[source, j]")))
    update(regs, kind.event, weights, layer.neuron)
    leaves = ops.name(leaving(regs, layer.neuron))
    for register in layer.neuron.registers:
        if regs[register] != f"v_{register}":
            ops.emit(f"r_{register}[j] = {regs[register]}")
    ops.emit(f"fired[j] = {leaves}")
    ops.emit(f"emitted = {CAST}(emitted + {leaves})")


def _push(ops: SourceOps, core: Core) -> None:
    """Those that spiked leave the core in ascending order, and enter the queue while it has room."""
    lines = [
        "if emitted:",
        "    for j in range(start, stop):",
        "        if fired[j]:",
        "            out[e, j] += 1",
        "            if sent == wire.shape[0]:",
        "                longer = empty((2 * sent, 2), address)",
        "                longer[:sent] = wire",
        "                wire = longer",
        "            wire[sent, 0] = e",
        "            wire[sent, 1] = j",
        "            sent += 1",
    ]
    if core.queue is not None:
        lines += [
            "            if waiting + held < depth:",
            "                queue[(head + waiting) % depth] = j",
            "                waiting += 1",
            "            else:",
            "                dropped += 1",
        ]
    for line in lines:
        ops.emit(line)


def _next(ops: SourceOps, core: Core) -> None:
    """The head of the queue is the next event, until there is none."""
    queue = core.queue
    if queue is None:
        ops.emit("break")
        return
    pop = ["head = (head + 1) % depth", "waiting -= 1"]
    if queue.head_keeps_slot:
        ops.emit("if followed:")
        for line in pop:
            ops.emit(f"    {line}")
    lines = [
        "if waiting == 0:",
        "    break",
        "if followed == limit:",
        f"    return {NEVER_IDLE}, e, wire[:sent], dropped",
        "followed += 1",
        "held = 0",
        f"now = {core.requeued}",
        "source = queue[head]",
        *([] if queue.head_keeps_slot else pop),
    ]
    for line in lines:
        ops.emit(line)
