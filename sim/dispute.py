"""Whether it matters to a network which of two profiles computes it, and where they part first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from numpy.typing import ArrayLike

from .compare import Comparison, Difference, compare
from .engine import Write, explain, run
from .errors import InputError, NetworkError, OverflowRefusedError
from .events import Events
from .network import Network
from .network.rebind import rebind
from .profile import Profile
from .profile.difference import told_apart
from .trace import LayerTrace, Trace

LEGEND = "= the last value that both hold; > the first write by which they part; ! clipped or wrapped before it"


@dataclass(frozen=True)
class Dispute:
    """One network under two profiles, `names`, compared in every register that both share, and in its spikes.

    writes: of the neuron that differs first, every write of that step under each profile; none where all is equal.
    registers: what each profile calls the register that differs first.
    """

    names: tuple[str, str]
    comparison: Comparison
    writes: tuple[list[Write], list[Write]]
    registers: tuple[str, str]

    @property
    def agreed(self) -> tuple[int | None, int | None]:
        """Of each side the place of the last write after which the register holds the same; None: no write did."""
        return self._parting[0][0], self._parting[1][0]

    @property
    def decisive(self) -> tuple[int | None, int | None]:
        """Of each side the place of the first write by which they part; None: it keeps the value that was agreed."""
        return self._parting[0][1], self._parting[1][1]

    @property
    def _parting(self) -> tuple[tuple[int | None, int | None], tuple[int | None, int | None]]:
        return parting(*self.writes, self.registers)

    def __str__(self) -> str:
        """The comparison, the two writes by which the profiles part, and every write of that step, both marked."""
        lines = [str(self.comparison)]
        if not any(self.writes):
            return lines[0]
        lines += ["", "they part by:"]
        sides = list(zip(self.names, self.writes, self._parting, strict=True))
        lines += [f"  {name}: {_told(writes, at)}" for name, writes, (_, at) in sides]
        for name, writes, (agreed, decisive) in sides:
            marks = {i: "!" for i, write in enumerate(writes[:decisive]) if write.effect != "kept"}
            marks |= {place: mark for place, mark in ((agreed, "="), (decisive, ">")) if place is not None}
            lines += ["", f"{name}:", *_lines(writes, marks)]
        return "\n".join([*lines, "", LEGEND])


def _told(writes: Sequence[Write], decisive: int | None) -> str:
    return "no further write of it" if decisive is None else str(writes[decisive])


def _lines(writes: Sequence[Write], marks: Mapping[int, str]) -> list[str]:
    return [f"{marks.get(i, ' ')} {write}" for i, write in enumerate(writes)]


def marked(writes: Sequence[Write], register: str) -> list[str]:
    """A line a write, the last one of a register, which decides what it holds, marked with `>`."""
    return _lines(writes, {i: ">" for i in _places(writes, register)[-1:]})


def _places(writes: Sequence[Write], register: str) -> list[int]:
    return [i for i, write in enumerate(writes) if write.register == register]


def parting(
    a: Sequence[Write], b: Sequence[Write], registers: tuple[str, str]
) -> tuple[tuple[int | None, int | None], tuple[int | None, int | None]]:
    """Of each side the places of the last write after which both hold the same, and of the next that changes it.

    a, b: writes of one step, from the same value of `registers`, what each side calls one register. Values that only
    one side passes through on its way to one that both reach are not where they part: a chip that adds source by
    source agrees with one that adds their sum.
    """
    changes = [
        [i for i in _places(writes, register) if writes[i].after != writes[i].before]
        for writes, register in zip((a, b), registers, strict=True)
    ]
    x, y = ([writes[i].after for i in places] for writes, places in zip((a, b), changes, strict=True))
    i = j = 0
    while i < len(x) and j < len(y):
        over_x, over_y = _ahead(x[i:], y[j]), _ahead(y[j:], x[i])
        if over_x is None and over_y is None:
            break
        if over_y is None or (over_x is not None and over_x <= over_y):
            i, j = i + (over_x or 0) + 1, j + 1
        else:
            i, j = i + 1, j + over_y + 1
    found = []
    for writes, register, places, at in zip((a, b), registers, changes, (i, j), strict=True):
        kept = places[at - 1 : at] if at else []
        if at == len(places):
            kept = _places(writes, register)[-1:]  # a write that changed nothing, too
        found.append((kept[0] if kept else None, places[at] if at < len(places) else None))
    return found[0], found[1]


def _ahead(values: list[int], value: int) -> int | None:
    """How many values are passed over until this one; None if it never comes."""
    return values.index(value) if value in values else None


def dispute(
    network: Network,
    profiles: tuple[Profile, Profile],
    spikes: ArrayLike | Events | Sequence[Events],
    *,
    engine: str = "compiled",
) -> Dispute:
    """Run a network under two profiles and compare.

    spikes, engine: as for `run`. Raises NetworkError for what has no equal under a profile, InputError for spikes
    that one does not take, OverflowRefusedError where one has no rule; each names the profile.
    """
    names = told_apart(*profiles)
    for profile in profiles:
        if profile.shared is None:
            raise NetworkError([f"profile '{profile.name}': shares nothing with other profiles (key 'shared')"])
    networks = [rebind(network, profile) for profile in profiles]
    pairs = list(zip(names, networks, strict=True))
    comparison = compare(*(_shared(each, _run(name, each, spikes, engine)) for name, each in pairs))
    first = comparison.first
    writes: list[list[Write]] = [[], []]
    if first is not None:
        writes = [_explain(each, spikes, first) for each in networks]
    own = [_own_register(each, first) for each in networks]
    return Dispute(names, comparison, (writes[0], writes[1]), (own[0], own[1]))


def _run(name: str, network: Network, spikes: ArrayLike | Events | Sequence[Events], engine: str) -> Trace:
    try:
        return run(network, spikes, record="all", engine=engine)
    except OverflowRefusedError as error:
        raise OverflowRefusedError(f"under profile '{name}': {error}") from None
    except InputError as error:
        raise InputError(f"under profile '{name}': {error}") from None


def _explain(network: Network, spikes: ArrayLike | Events | Sequence[Events], at: Difference) -> list[Write]:
    return explain(network, spikes, layer=at.layer, neuron=at.neuron, step=at.step, sample=at.sample)


def _own_register(network: Network, first: Difference | None) -> str:
    """The register that a profile calls by the shared name that differs first; '' if none does."""
    if first is None or network.profile.shared is None:
        return ""
    neuron = str(network.population(first.layer).neuron)
    return network.profile.shared.neurons[neuron].registers.get(first.register, first.register)


def _shared(network: Network, trace: Trace) -> Trace:
    """Only what profiles share, under its shared names. Overflow counts are each profile's own and left out."""
    layers, shared = {}, network.profile.shared
    assert shared is not None
    for population in network.populations:
        layer = trace[population.name]
        registers = shared.neurons[str(population.neuron)].registers
        recorded = {name: layer.registers[register] for name, register in registers.items()}
        words = {name: layer.words[register] for name, register in registers.items()}
        layers[population.name] = LayerTrace(layer.spikes, recorded, {}, words)
    return Trace(layers, trace.network, {}, trace.wire, trace.dropped)
