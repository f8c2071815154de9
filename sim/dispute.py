"""Whether it matters to a network which of two profiles computes it, and where they part first."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.typing import ArrayLike

from .compare import Comparison, Difference, compare
from .engine import Write, explain, run
from .errors import NetworkError
from .network import Network
from .network.rebind import rebind
from .profile import Profile
from .trace import LayerTrace, Trace


@dataclass(frozen=True)
class Dispute:
    """One network under two profiles, `names`, compared in every register that both share, and in its spikes.

    writes: of the neuron that differs first, every write of that step under each profile; none where all is equal.
    """

    names: tuple[str, str]
    comparison: Comparison
    writes: tuple[list[Write], list[Write]]
    registers: tuple[str, str]

    def __str__(self) -> str:
        """The comparison, and both sides' writes, the last one of what differs marked with `>`."""
        lines = [str(self.comparison)]
        for name, writes, register in zip(self.names, self.writes, self.registers, strict=True):
            decisive = max((i for i, write in enumerate(writes) if write.register == register), default=-1)
            lines += ["", f"{name}:"] if writes else []
            lines += [f"{'>' if i == decisive else ' '} {write}" for i, write in enumerate(writes)]
        return "\n".join(lines)


def dispute(network: Network, profiles: tuple[Profile, Profile], spikes: ArrayLike) -> Dispute:
    """Run a network under two profiles and compare. Raises NetworkError for what has no equal, InputError."""
    networks = [rebind(network, profile) for profile in profiles]
    traces = [_shared(each, run(each, spikes, record="all")) for each in networks]
    comparison = compare(*traces)
    first = comparison.first
    writes: tuple[list[Write], list[Write]] = ([], [])
    if first is not None:
        place = {"layer": first.layer, "neuron": first.neuron, "step": first.step, "sample": first.sample}
        writes = tuple(explain(each, spikes, **place) for each in networks)  # type: ignore[assignment, arg-type]
    own = [_own_register(each, first) for each in networks]
    return Dispute((profiles[0].name, profiles[1].name), comparison, writes, (own[0], own[1]))


def _own_register(network: Network, first: Difference | None) -> str:
    """The register that a profile calls by the shared name that differs first; '' if none does."""
    if first is None or network.profile.shared is None:
        return ""
    neuron = str(network.population(first.layer).neuron)
    return network.profile.shared.neurons[neuron].registers.get(first.register, first.register)


def _shared(network: Network, trace: Trace) -> Trace:
    """Only what profiles share, under its shared names. Overflow counts are each profile's own and left out."""
    layers, shared = {}, network.profile.shared
    if shared is None:
        raise NetworkError([f"profile '{network.profile.name}': shares nothing with other profiles (key 'shared')"])
    for population in network.populations:
        layer = trace[population.name]
        registers = shared.neurons[str(population.neuron)].registers
        recorded = {name: layer.registers[register] for name, register in registers.items()}
        words = {name: layer.words[register] for name, register in registers.items()}
        layers[population.name] = LayerTrace(layer.spikes, recorded, {}, words)
    return Trace(layers, trace.network)
