"""The source of a compiled kernel: all steps of one layer for a chunk of samples, from the datapath's stages.

The kernel delivers the sources in ascending order into rows of narrow integers, then runs the recorded
stages over the neurons of the row. It is straight-line code but for the loops over samples, steps,
sources and neurons.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..datapath import SUM, clip_count, deliver, deliver_sum
from ..ops.base import Registers
from ..ops.compiled import CAST, OVERFLOW, REFUSED, SourceOps
from ..profile.analysis import widest
from ..profile.connection import Connection
from ..profile.schema import SPIKES, NeuronClass, Profile


@dataclass(frozen=True)
class Arrival:
    """A projection that a kernel delivers: its connection, how many registers it reaches, and whether its weights
    are lists (for each of its delays) or a matrix (it has one delay).
    """

    via: str
    synapses: int
    listed: bool


@dataclass(frozen=True)
class Signature:
    """What a kernel is made for; layers of one signature share it, whatever their size.

    incoming: in order of delivery. aliases: whether spikes are copied.
    """

    neuron: str
    incoming: tuple[Arrival, ...]
    aliases: bool


def arguments(profile: Profile, signature: Signature) -> list[str]:
    """Names of the kernel's arguments, in order.

    first, last: the steps to run. For each incoming projection k its spikes `s{k}` [sample, row, pre], the
    row `o{k}` [delay] that acts in step 0, and weights `w{k}_{i}` [pre, post], or lists of them by delay and
    source, from `from{k}[delay, pre]` on, to the neurons `to{k}`; of a sum also the projection's values `q{k}_*`.
    Parameters `p_*` [post], registers `r_*` [sample, post], `out` [sample, row, post] and its row `lead` of
    step 0, `overflows` [sample, register + 1], and of each register whether it is recorded (`on_*`) and where
    (`rec_*`).
    """
    neuron = profile.neurons[signature.neuron]
    names = ["first", "last"]
    for k, arrival in enumerate(signature.incoming):
        names += [f"s{k}", f"o{k}", *((f"from{k}", f"to{k}") if arrival.listed else ())]
        names += [f"w{k}_{i}" for i in range(arrival.synapses)]
        names += [f"q{k}_{name}" for name in sum_values(profile.connections[arrival.via])]
    names += [f"p_{name}" for name in (*neuron.parameters, *neuron.derived)]
    names += [f"r_{name}" for name in neuron.registers]
    names += ["out", "lead", "overflows", *(["aliases"] if signature.aliases else [])]
    for name in neuron.registers:
        names += [f"on_{name}", f"rec_{name}"]
    return names


def sum_values(connection: Connection) -> list[str]:
    """The parameters and derived values of a projection that a kernel needs: those that stages of a sum may read."""
    return [*connection.parameters, *connection.derived] if connection.sum else []


def kernel_source(profile: Profile, signature: Signature) -> str:
    """A Python module that defines `kernel`. Raises ValueError where a value could pass 63 bits."""
    neuron = profile.neurons[signature.neuron]
    bits = widest(profile, signature.neuron).bits
    if bits > 64:
        raise ValueError(f"class '{signature.neuron}' needs {bits} bits; at most 64 are computed")
    ops = SourceOps()
    ops.emit("from numba import njit")
    ops.emit("from numpy import int64, zeros")
    ops.emit(f"from numpy import int{32 if bits <= 32 else 64} as {CAST}\n\n")
    ops.emit("@njit(nogil=True, cache=True, error_model='numpy')")
    ops.emit(f"def kernel({', '.join(arguments(profile, signature))}):")
    ops.indent = 1
    for k, arrival in enumerate(signature.incoming):
        if profile.connections[arrival.via].sum is not None:
            ops.emit(f"sums{k} = zeros(out.shape[2], int64)")
    ops.emit("for b in range(out.shape[0]):")
    ops.indent = 2
    for register in (*neuron.registers, SUM):
        ops.emit(f"{OVERFLOW}{register} = 0")
    ops.emit(f"{REFUSED} = 0")
    ops.emit("for t in range(first, last):")
    ops.indent = 3
    for k, arrival in enumerate(signature.incoming):
        connection = profile.connections[arrival.via]
        if connection.sum is None:
            _deliver(ops, neuron, connection, k, arrival)
        else:
            _deliver_sum(ops, profile, neuron, connection, k, arrival)
    _update(ops, profile, neuron, signature.aliases)
    for register in neuron.registers:
        ops.emit(f"if on_{register}:")
        ops.emit("    for j in range(out.shape[2]):")
        ops.emit(f"        rec_{register}[b, t, j] = r_{register}[b, j]")
    ops.indent = 2
    for place, register in enumerate(neuron.registers):
        ops.emit(f"overflows[b, {place}] += {OVERFLOW}{register}")
    ops.emit(f"overflows[b, {len(neuron.registers)}] += {REFUSED}")
    return "\n".join(ops.lines) + "\n"


def _deliver(ops: SourceOps, neuron: NeuronClass, connection: Connection, k: int, arrival: Arrival) -> None:
    """Add the spikes of one projection, delay by delay, source by source, to each register it reaches."""
    _each_delay(ops, k)
    count = _each_source(ops, connection, k)
    for synapse, register in enumerate(connection.into[: arrival.synapses]):
        weight = _each_target(ops, k, synapse, arrival.listed)
        ops.emit(f"value = {CAST}(r_{register}[b, j])")
        ops.emit(f"weight = {CAST}({weight})")
        regs = Registers(ops, neuron.registers, {register: "value"})
        deliver(regs, register, count, "weight")
        ops.emit(f"r_{register}[b, j] = {regs[register]}")
        ops.indent -= 1
    ops.indent -= 3


def _deliver_sum(
    ops: SourceOps, profile: Profile, neuron: NeuronClass, connection: Connection, k: int, arrival: Arrival
) -> None:
    """Of each delay, sum the spikes of one projection in 64 bits; then the sum's stages and one write a neuron."""
    assert connection.sum is not None
    _each_delay(ops, k)
    for synapse, register in enumerate(connection.into[: arrival.synapses]):
        ops.emit(f"sums{k}[:] = 0")
        count = _each_source(ops, connection, k)
        weight = _each_target(ops, k, synapse, arrival.listed)
        ops.emit(f"sums{k}[j] += int64({count}) * int64({weight})")
        ops.indent -= 3
        ops.emit("for j in range(out.shape[2]):")
        ops.indent += 1
        ops.emit(f"total = sums{k}[j]")
        values = {name: f"{CAST}(q{k}_{name})" for name in sum_values(connection)}
        values |= _neuron_values(profile, neuron)
        values |= {register: f"{CAST}(r_{register}[b, j])", SUM: "total"}
        regs = Registers(ops, {**neuron.registers, SUM: connection.sum.word}, values)
        regs.write(SUM, "total")
        regs.values[SUM] = ops.name(regs[SUM])
        for item in connection.sum.then:
            item.stage.run(regs)
        deliver_sum(regs, register)
        ops.emit(f"r_{register}[b, j] = {regs[register]}")
        ops.indent -= 1
    ops.indent -= 1


def _each_delay(ops: SourceOps, k: int) -> None:
    """Begin a loop over the delays of a projection."""
    ops.emit(f"for d in range(o{k}.shape[0]):")
    ops.indent += 1


def _each_source(ops: SourceOps, connection: Connection, k: int) -> str:
    """Begin a loop over the sources that spiked; what each one's spikes act as.

    They are clipped before they are narrowed: only what acts is sure to fit.
    """
    ops.emit(f"for i in range(s{k}.shape[2]):")
    ops.indent += 1
    ops.emit(f"count = s{k}[b, t + o{k}[d], i]")
    ops.emit("if count != 0:")
    ops.indent += 1
    acting: str = ops.name(clip_count(ops, "count", connection.cap))
    return acting


def _each_target(ops: SourceOps, k: int, synapse: int, listed: bool) -> str:
    """Begin a loop over the targets of source i; the weight to each."""
    if not listed:
        ops.emit("for j in range(out.shape[2]):")
        ops.indent += 1
        return f"w{k}_{synapse}[i, j]"
    ops.emit(f"for n in range(from{k}[d, i], from{k}[d, i + 1]):")
    ops.indent += 1
    ops.emit(f"j = to{k}[n]")
    return f"w{k}_{synapse}[n]"


def _neuron_values(profile: Profile, neuron: NeuronClass) -> dict[str, str]:
    """What a stage may read of neuron j besides its registers: the profile's values, its parameters."""
    values: dict[str, str] = {name: f"{CAST}({value})" for name, value in profile.constants.items()}
    return values | {name: f"{CAST}(p_{name}[j])" for name in (*neuron.parameters, *neuron.derived)}


def _update(ops: SourceOps, profile: Profile, neuron: NeuronClass, aliases: bool) -> None:
    """Every neuron's stages, in ascending order, and the copies of its spikes."""
    ops.emit("for j in range(out.shape[2]):")
    ops.indent += 1
    values = {}
    for name, expression in _neuron_values(profile, neuron).items():
        values[name] = f"v_{name}"
        ops.emit(f"v_{name} = {expression}")
    for name in neuron.registers:
        values[name] = f"v_{name}"
        ops.emit(f"v_{name} = {CAST}(r_{name}[b, j])")
    values[SPIKES] = f"{CAST}(out[b, t + lead, j])" if aliases else f"{CAST}(0)"
    regs = Registers(ops, neuron.registers, values)
    for stage in neuron.stages:
        stage.run(regs)
    for register in neuron.registers:
        ops.emit(f"r_{register}[b, j] = {regs[register]}")
    ops.emit(f"out[b, t + lead, j] = {regs[SPIKES]}")
    if aliases and neuron.relay is not None:
        ops.emit("for a in range(aliases.shape[1]):")
        ops.emit("    to = aliases[j, a]")
        ops.emit("    if to >= 0:")
        ops.emit(f"        out[b, t + lead, to] = min({neuron.relay.cap}, out[b, t + lead, to] + {regs[SPIKES]})")
    ops.indent -= 1
