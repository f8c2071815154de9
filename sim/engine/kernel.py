"""The source of a compiled kernel: all steps of one layer for a chunk of samples, from the datapath's stages.

The kernel delivers the sources in ascending order into rows of narrow integers, then runs the recorded
stages over the neurons of the row. It is straight-line code but for the loops over samples, steps,
sources and neurons.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..datapath import clip_count, deliver
from ..ops.base import Registers
from ..ops.compiled import CAST, OVERFLOW, REFUSED, SourceOps
from ..profile.analysis import widest
from ..profile.schema import SPIKES, Connection, NeuronClass, Profile


@dataclass(frozen=True)
class Signature:
    """What a kernel is made for; layers of one signature share it, whatever their size.

    incoming: (connection, synapses) in order of delivery. aliases: whether spikes are copied.
    """

    neuron: str
    incoming: tuple[tuple[str, int], ...]
    aliases: bool


def arguments(profile: Profile, signature: Signature) -> list[str]:
    """Names of the kernel's arguments, in order.

    first, last: the steps to run. For each incoming projection k its spikes `s{k}` [sample, row, pre], the
    row `o{k}` of step 0, and weights `w{k}_{i}` [pre, post]. Parameters `p_*` [post], registers `r_*`
    [sample, post], `out` [sample, step + 1, post], `overflows` [sample, register + 1], and of each register
    whether it is recorded (`on_*`) and where (`rec_*`).
    """
    neuron = profile.neurons[signature.neuron]
    names = ["first", "last"]
    for k, (_, synapses) in enumerate(signature.incoming):
        names += [f"s{k}", f"o{k}", *(f"w{k}_{i}" for i in range(synapses))]
    names += [f"p_{name}" for name in neuron.parameters]
    names += [f"r_{name}" for name in neuron.registers]
    names += ["out", "overflows", *(["aliases"] if signature.aliases else [])]
    for name in neuron.registers:
        names += [f"on_{name}", f"rec_{name}"]
    return names


def kernel_source(profile: Profile, signature: Signature) -> str:
    """A Python module that defines `kernel`. Raises ValueError where a value could pass 63 bits."""
    neuron = profile.neurons[signature.neuron]
    bits = widest(profile, signature.neuron).bits
    if bits > 64:
        raise ValueError(f"class '{signature.neuron}' needs {bits} bits; at most 64 are computed")
    ops = SourceOps()
    ops.emit("from numba import njit")
    ops.emit(f"from numpy import int{32 if bits <= 32 else 64} as {CAST}\n\n")
    ops.emit("@njit(nogil=True, cache=True, error_model='numpy')")
    ops.emit(f"def kernel({', '.join(arguments(profile, signature))}):")
    ops.indent = 1
    ops.emit("for b in range(out.shape[0]):")
    ops.indent = 2
    for register in neuron.registers:
        ops.emit(f"{OVERFLOW}{register} = 0")
    ops.emit(f"{REFUSED} = 0")
    ops.emit("for t in range(first, last):")
    ops.indent = 3
    for k, (name, synapses) in enumerate(signature.incoming):
        _deliver(ops, neuron, profile.connections[name], k, synapses)
    _update(ops, neuron, signature.aliases)
    for register in neuron.registers:
        ops.emit(f"if on_{register}:")
        ops.emit("    for j in range(out.shape[2]):")
        ops.emit(f"        rec_{register}[b, t, j] = r_{register}[b, j]")
    ops.indent = 2
    for place, register in enumerate(neuron.registers):
        ops.emit(f"overflows[b, {place}] += {OVERFLOW}{register}")
    ops.emit(f"overflows[b, {len(neuron.registers)}] += {REFUSED}")
    return "\n".join(ops.lines) + "\n"


def _deliver(ops: SourceOps, neuron: NeuronClass, connection: Connection, k: int, synapses: int) -> None:
    """Add the spikes of one projection, source by source, to each register it reaches."""
    ops.emit(f"for i in range(s{k}.shape[2]):")
    ops.indent += 1
    ops.emit(f"count = {CAST}(s{k}[b, t + o{k}, i])")
    ops.emit("if count != 0:")
    ops.indent += 1
    count = clip_count(ops, "count", connection.cap)
    for synapse, register in enumerate(connection.into[:synapses]):
        ops.emit("for j in range(out.shape[2]):")
        ops.indent += 1
        ops.emit(f"value = {CAST}(r_{register}[b, j])")
        ops.emit(f"weight = {CAST}(w{k}_{synapse}[i, j])")
        regs = Registers(ops, neuron.registers, {register: "value"})
        deliver(regs, register, count, "weight")
        ops.emit(f"r_{register}[b, j] = {regs[register]}")
        ops.indent -= 1
    ops.indent -= 2


def _update(ops: SourceOps, neuron: NeuronClass, aliases: bool) -> None:
    """Every neuron's stages, in ascending order, and the copies of its spikes."""
    ops.emit("for j in range(out.shape[2]):")
    ops.indent += 1
    values = {}
    for prefix, names in (("p_", neuron.parameters), ("r_", neuron.registers)):
        for name in names:
            at = "[j]" if prefix == "p_" else "[b, j]"
            values[name] = f"v_{name}"
            ops.emit(f"v_{name} = {CAST}({prefix}{name}{at})")
    values[SPIKES] = f"{CAST}(out[b, t + 1, j])" if aliases else f"{CAST}(0)"
    regs = Registers(ops, neuron.registers, values)
    for stage in neuron.stages:
        stage.run(regs)
    for register in neuron.registers:
        ops.emit(f"r_{register}[b, j] = {regs[register]}")
    ops.emit(f"out[b, t + 1, j] = {regs[SPIKES]}")
    if aliases and neuron.relay is not None:
        ops.emit("for a in range(aliases.shape[1]):")
        ops.emit("    to = aliases[j, a]")
        ops.emit("    if to >= 0:")
        ops.emit(f"        out[b, t + 1, to] = min({neuron.relay.cap}, out[b, t + 1, to] + {regs[SPIKES]})")
    ops.indent -= 1
