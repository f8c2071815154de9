"""Which class of the profile each layer of a graph becomes, and over which connection each link goes.

What the profile has no place for is refused by the name of the graph's node.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from ...errors import NetworkError
from ...profile.schema import INPUT, Profile
from .fit import firing_of, options
from .layers import FloatLayer, FloatLink, FloatNetwork
from .operators import Diagonal, Kernels, Operator, Pool, joined
from .target import MANY, Firing, Target, cap_of, targets

POOL = "sum_pool"  # the shared name of classes that pass on the sum of what arrives


@dataclass(frozen=True, eq=False)
class Placed:
    """A layer and what it becomes. target: None for a pool. shift: steps that it acts later than in the graph."""

    name: str
    layer: FloatLayer | None
    neuron: str
    target: Target | None
    firing: Firing | None
    size: int
    shift: int = 0


@dataclass(frozen=True, eq=False)
class Routed:
    """A link and how it goes. source, target: names in the network. delay: steps beyond the connection's timing."""

    source: str
    target: str
    via: str
    operator: Operator
    delay: int
    nodes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything but the numbers."""

    layers: Mapping[str, Placed]
    links: tuple[Routed, ...]
    notes: tuple[str, ...]


def plan(network: FloatNetwork, profile: Profile) -> Plan:
    """Classes and connections for a float network. Raises NetworkError, a line for each node without a place."""
    return _Planner(network, profile).plan()


class _Planner:
    def __init__(self, network: FloatNetwork, profile: Profile) -> None:
        self.network = network
        self.profile = profile
        self.targets = targets(profile)
        self.names = dict(zip(network.layers, _identifiers(network.layers), strict=True))
        self.notes: list[str] = []
        self._pools: dict[str, Placed] = {}
        shared = profile.shared.neurons if profile.shared else {}
        self.pool = next((name for name, one in shared.items() if one.shared_as == POOL), None)

    def plan(self) -> Plan:
        if not self.targets:
            raise NetworkError([
                f"profile '{self.profile.name}': found no class that reads as leaky integrate-and-fire; "
                "allowed: a profile with 'lif' under 'shared' and clock: step"
            ])  # fmt: skip
        links = [each for link in self.network.links for each in self._split(link)]
        faults: list[str] = []
        fitting = {
            name: list(options(layer, self.network, self.targets, self.profile, faults))
            for name, layer in self.network.layers.items()
        }
        if faults:
            raise NetworkError(faults)
        chosen = self._assign(fitting, links)
        placed = {name: self._placed(layer, chosen[name]) for name, layer in self.network.layers.items()}
        routed = self._route(links, chosen, placed)
        everything = [*placed.values(), *self._pools.values()]
        return Plan({one.name: one for one in everything}, tuple(routed), tuple(self.notes))

    # --- pools ---

    def _split(self, link: FloatLink) -> Iterator[FloatLink]:
        """The link, or where the chip has pools one to the pool and one from there."""
        first = link.chain[0]
        if self.pool is None or not isinstance(first, Pool):
            yield link
            return
        key = f"{link.source}|{first.shape}"
        if key not in self._pools:
            base = f"{self.names.get(link.source, 'input')}_pool"
            taken = {one.name for one in self._pools.values()} | set(self.names.values())
            name = next(n for n in (base, *(f"{base}{i}" for i in range(2, 99))) if n not in taken)
            self._pools[key] = Placed(name, None, self.pool, None, None, first.targets)
            yield replace(link, target=f"pool:{key}", operator=replace(first, factor=1.0), chain=(first,))
        rest: Operator = Diagonal(np.full(first.targets, first.factor))
        for operator in link.chain[1:]:
            rest = joined(rest, operator)
        if len(link.chain) == 1:
            scale = link.operator
            factor = scale.factor if isinstance(scale, Pool) else first.factor
            rest = Diagonal(np.full(first.targets, factor))
        yield replace(link, source=f"pool:{key}", lag=0, operator=rest, chain=(rest,))

    # --- classes ---

    def _assign(self, fitting: Mapping[str, list[Target]], links: list[FloatLink]) -> dict[str, str]:
        """A class for each layer, such that every link has a connection. Raises NetworkError."""
        names = list(fitting)
        chosen: dict[str, str] = {}
        failed: list[str] = []
        budget = 10_000

        def fits(name: str) -> bool:
            for link in links:
                if name in (link.source, link.target):
                    ends = [self._class_of(end, chosen) for end in (link.source, link.target)]
                    if None not in ends and not self._connections(str(ends[0]), str(ends[1])):
                        joint = "the input" if link.source == INPUT else f"'{link.source}'"
                        failed.append(
                            f"node '{link.target.removeprefix('pool:')}': found spikes from {joint}; allowed on "
                            f"{self.profile.name}: {self._joins(ends[1])} to class '{ends[1]}'"
                        )
                        return False
            return True

        def place(index: int) -> bool:
            nonlocal budget
            if index == len(names):
                return True
            for target in fitting[names[index]]:
                budget -= 1
                if budget < 0:
                    return False
                chosen[names[index]] = target.name
                if fits(names[index]) and place(index + 1):
                    return True
                del chosen[names[index]]
            return False

        if not place(0):
            raise NetworkError(
                [failed[0] if failed else "graph: found no classes for its layers; allowed: fewer layers"]
            )
        return chosen

    def _class_of(self, end: str, chosen: Mapping[str, str]) -> str | None:
        if end == INPUT:
            return INPUT
        return self.pool if end.startswith("pool:") else chosen.get(end)

    def _connections(self, source: str, target: str) -> list[str]:
        """Connections between classes whose spikes reach the membrane, or the first current."""
        wanted = None
        if target in self.targets:
            wanted = next(iter(self.targets[target].lif.currents), None)
        return [
            name
            for name, connection in self.profile.connections.items()
            if source in connection.sources
            and connection.target == target
            and (wanted is None or wanted == connection.into[0] or wanted not in connection.into)
            and not connection.source_parameters
            and not connection.synapse_parameters
        ]

    def _joins(self, target: str | None) -> str:
        sources = {source for c in self.profile.connections.values() if c.target == target for source in c.sources}
        return ", ".join(sorted(f"from '{source}'" for source in sources)) or "nothing"

    def _placed(self, layer: FloatLayer, neuron: str) -> Placed:
        target = self.targets[neuron]
        return Placed(self.names[layer.node], layer, neuron, target, firing_of(layer, target), layer.size)

    # --- connections ---

    def _route(self, links: list[FloatLink], chosen: Mapping[str, str], placed: dict[str, Placed]) -> list[Routed]:
        """A connection for each link; `placed` learns how late each layer acts. Raises NetworkError."""
        vias = []
        for link in links:
            source, target = (str(self._class_of(end, chosen)) for end in (link.source, link.target))
            vias.append(self._via(link, self._connections(source, target)))
        shifts, faults = self._shifts(links, vias), []
        routed = []
        for link, via in zip(links, vias, strict=True):
            delay = self._delay(link, via, shifts)
            if self.profile.connections[via].lag + delay == 0 and self._closes_loop(link):
                faults.append(
                    f"node '{link.target}': found a loop from '{link.source}'; "
                    f"allowed on {self.profile.name}: none, as its spikes act in their own step"
                )
            ends = self._named(link.source), self._named(link.target)
            routed.append(Routed(*ends, via, link.operator, delay, link.nodes))
        if faults:
            raise NetworkError(faults)
        for name in self.network.layers:
            placed[name] = replace(placed[name], shift=shifts[name])
        return routed

    def _shifts(self, links: list[FloatLink], vias: list[str]) -> dict[str, int]:
        """How many steps later than in the graph each layer or pool acts, each after what it follows."""
        shifts = {INPUT: 0}
        for name in self.network.layers:
            for index, link in self._before(name, links):
                if not self._closes_loop(link):
                    late = shifts.get(link.source, 0) + self.profile.connections[vias[index]].lag - link.lag
                    shifts[link.target] = max(shifts.get(link.target, late), late)
            shifts.setdefault(name, 0)
        return shifts

    def _delay(self, link: FloatLink, via: str, shifts: Mapping[str, int]) -> int:
        """What brings a link's spikes when their target's others come; a note where the connection has no such."""
        connection = self.profile.connections[via]
        missing = link.lag - connection.lag
        if not self._closes_loop(link):
            missing += shifts.get(link.target, 0) - shifts.get(link.source, 0)
        if missing > 0 and connection.delay is not None and missing in connection.delay.word:
            return missing
        if missing:
            late = f"{abs(missing)} step{'s' * (abs(missing) > 1)} {'early' if missing > 0 else 'late'}"
            self.notes.append(f"node '{link.target}': spikes of '{link.source}' act {late} beside its others")
        return 0

    def _before(self, name: str, links: list[FloatLink]) -> list[tuple[int, FloatLink]]:
        """The links into a layer, after those into the pools that it reads."""
        own = [(index, link) for index, link in enumerate(links) if link.target == name]
        pools = {link.source for _, link in own if link.source.startswith("pool:")}
        return [(index, link) for index, link in enumerate(links) if link.target in pools] + own

    def _closes_loop(self, link: FloatLink) -> bool:
        """Whether its source steps no earlier than its target."""
        order = list(self.network.layers)
        return link.source in order and link.target in order and order.index(link.source) >= order.index(link.target)

    def _named(self, end: str) -> str:
        if end.startswith("pool:"):
            return self._pools[end.removeprefix("pool:")].name
        return self.names.get(end, INPUT)

    def _via(self, link: FloatLink, names: list[str]) -> str:
        """The connection whose timing, kernels and cap fit best, in this order."""

        def distance(name: str) -> tuple[bool, int, bool, bool]:
            connection = self.profile.connections[name]
            late = connection.lag - link.lag
            if late < 0 and connection.delay is not None:
                late = 0
            kernels = isinstance(link.operator, Kernels)
            capped = cap_of(connection) < self._spikes(link.source)
            return (late > 0, abs(late), capped, (connection.kernel is not None) != kernels)

        return min(names, key=distance)

    def _spikes(self, source: str) -> int:
        """How many spikes of a source are to be expected in a step."""
        layer = self.network.layers.get(source)
        if source.startswith("pool:"):
            return MANY
        return 1 if layer is None else min(self.network.conventions.most, MANY)


def _identifiers(names: Mapping[str, object]) -> list[str]:
    """Names of layers for names of nodes: letters, digits and underscores, each once."""
    found: list[str] = []
    for name in names:
        base = re.sub(r"\W", "_", name, flags=re.ASCII)
        base = f"n{base}" if not base[:1].isalpha() else base
        base = f"{base}_" if base == INPUT else base
        found.append(next(n for n in (base, *(f"{base}_{i}" for i in range(2, len(names) + 3))) if n not in found))
    return found
