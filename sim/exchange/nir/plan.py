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
from ...profile.shared import Leak
from .layers import FloatLayer, FloatLink, FloatNetwork, Floats
from .operators import Diagonal, Kernels, Operator, Pool, joined
from .target import MANY, Firing, Target, cap_of, leak_choices, targets

FARTHEST = 2.0  # times a leak may be larger or smaller than the graph's
SLIGHT = 2.0**-12  # a leak that stands for none
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
        options = {name: list(self._options(layer, faults)) for name, layer in self.network.layers.items()}
        if faults:
            raise NetworkError(faults)
        chosen = self._assign(options, links)
        placed = {name: self._placed(layer, chosen[name]) for name, layer in self.network.layers.items()}
        routed = self._route(links, chosen, placed)
        return Plan({one.name: one for one in placed.values()} | self._pools, tuple(routed), tuple(self.notes))

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

    def _options(self, layer: FloatLayer, faults: list[str]) -> Iterator[tuple[Target, Firing | None]]:
        """Classes that can hold a layer, the likeliest first; faults says why there is none."""
        reasons = []
        outlets = {
            name for name in self.targets if not any(name in c.sources for c in self.profile.connections.values())
        }
        leaves = layer.node in self.network.outputs and not any(
            link.source == layer.node for link in self.network.links
        )
        order = sorted(self.targets.values(), key=lambda one: (one.name in outlets) != leaves)
        found = False
        for target in order:
            reason = self._unfit(layer, target)
            if reason is None:
                found = True
                yield target, self._firing(layer, target)
            else:
                reasons.append(reason)
        if not found:
            faults.append(f"node '{layer.node}': {reasons[0]}")

    def _unfit(self, layer: FloatLayer, target: Target) -> str | None:
        """Why a class cannot hold a layer."""
        name, most = self.profile.name, self.profile.limits.neurons.get(target.name)
        if layer.keep_current is not None and layer.keep_current.any() and not target.lif.currents:
            return f"found a {layer.kind}, whose current lasts; allowed on {name}: LIF, IF, LI, which have none"
        for what, keep, leak in self._leaks(layer, target):
            _, _, keeps = leak_choices(target, leak, self.profile)
            if what == "current" and getattr(leak, "used", "") == "decayed":
                keeps = keeps[keeps > 0]
            worst = _beyond(keep, keeps)
            if worst is not None:
                wanted = _tau(keep[worst])
                ends = [_tau(keeps.min()), _tau(keeps.max())]
                allowed = ends[0] if ends[0] == ends[1] else " to ".join(ends)
                return f"{what}[{worst}]: found a time constant of {wanted}; allowed on {name}: {allowed}"
        if layer.threshold is not None and self._firing(layer, target) is None:
            ways = ", ".join(dict.fromkeys(_in_words(firing.reset) for firing in target.firings)) or "none"
            wanted = _in_words(_wanted(layer))
            hint = "; say --reset subtract if the network was trained so, which NIR cannot record"
            return f"found a reset {wanted}; allowed on {name}: {ways}" + (hint if "subtraction" in ways else "")
        if most is not None and layer.size > most:
            return f"found {layer.size} neurons; allowed on {name}: {most} of class '{target.name}'"
        return None

    def _leaks(self, layer: FloatLayer, target: Target) -> Iterator[tuple[str, Floats, Leak]]:
        yield "membrane", layer.keep, target.lif.leak
        if target.lif.currents:
            nothing = np.zeros(layer.size)
            keep = nothing if layer.keep_current is None else layer.keep_current
            yield "current", keep, next(iter(target.lif.currents.values()))

    def _firing(self, layer: FloatLayer, target: Target) -> Firing | None:
        """The way of firing that resets as the layer does."""
        if layer.threshold is None or not layer.keep.any():
            return target.firings[0] if target.firings else None
        return next((one for one in target.firings if one.reset == _wanted(layer)), None) or (
            next((one for one in target.firings if one.reset == "value"), None) if layer.reset is not None else None
        )

    def _assign(
        self, options: Mapping[str, list[tuple[Target, Firing | None]]], links: list[FloatLink]
    ) -> dict[str, str]:
        """A class for each layer, such that every link has a connection. Raises NetworkError."""
        names = list(options)
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
            for target, _ in options[names[index]]:
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
        return Placed(self.names[layer.node], layer, neuron, target, self._firing(layer, target), layer.size)

    # --- connections ---

    def _route(
        self, links: list[FloatLink], chosen: Mapping[str, str], placed: dict[str, Placed]
    ) -> Iterator[Routed] | list[Routed]:
        order = list(self.network.layers)
        shift: dict[str, int] = {INPUT: 0}
        vias: dict[int, str] = {}
        faults: list[str] = []
        for index, link in enumerate(links):
            ends = [str(self._class_of(end, chosen)) for end in (link.source, link.target)]
            vias[index] = self._via(link, self._connections(*ends))
        for name in (*order,):  # each after what it follows
            for index, link in self._before(name, links):
                lag = self.profile.connections[vias[index]].lag - link.lag
                if not self._closes_loop(link, order):
                    source = shift.get(link.source, 0)
                    shift[link.target] = max(shift.get(link.target, -(1 << 30)), source + lag)
            shift.setdefault(name, 0)
        routed = []
        for index, link in enumerate(links):
            connection = self.profile.connections[vias[index]]
            lag = connection.lag - link.lag
            if self._closes_loop(link, order):
                missing = -lag
            else:
                missing = shift.get(link.target, 0) - shift.get(link.source, 0) - lag
            delay = 0
            if missing > 0 and connection.delay is not None and missing in connection.delay.word:
                delay = missing
            elif missing:
                late = f"{abs(missing)} step{'s' * (abs(missing) > 1)} {'early' if missing > 0 else 'late'}"
                self.notes.append(f"node '{link.target}': spikes of '{link.source}' act {late} beside its others")
            if connection.lag + delay == 0 and self._closes_loop(link, order):
                faults.append(
                    f"node '{link.target}': found a loop from '{link.source}'; "
                    f"allowed on {self.profile.name}: none, as its spikes act in their own step"
                )
            routed.append(
                Routed(
                    self._named(link.source), self._named(link.target), vias[index], link.operator, delay, link.nodes
                )
            )
        if faults:
            raise NetworkError(faults)
        for name in order:
            placed[name] = replace(placed[name], shift=shift.get(name, 0))
        return routed

    def _before(self, name: str, links: list[FloatLink]) -> list[tuple[int, FloatLink]]:
        """The links into a layer, after those into the pools that it reads."""
        own = [(index, link) for index, link in enumerate(links) if link.target == name]
        pools = {link.source for _, link in own if link.source.startswith("pool:")}
        return [(index, link) for index, link in enumerate(links) if link.target in pools] + own

    def _closes_loop(self, link: FloatLink, order: list[str]) -> bool:
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


def _wanted(layer: FloatLayer) -> str:
    if layer.reset is None:
        return "subtract"
    return "value" if layer.reset.any() else "zero"


def _in_words(reset: str) -> str:
    return {"zero": "to the resting potential", "value": "to another value", "subtract": "by subtraction"}[reset]


def _tau(keep: float) -> str:
    if keep >= 1:
        return "no leak"
    return "0 steps" if keep <= 0 else f"{-1 / np.log(keep):.4g} steps"


def _beyond(wanted: Floats, keeps: Floats) -> int | None:
    """The first neuron whose leak is not near any that can be had."""
    loss, losses = 1 - wanted, 1 - keeps
    near = losses[np.argmin(np.abs(losses[None, :] - loss[:, None]), axis=1)]
    none = (loss == 0) & (near <= SLIGHT)
    held = none | ((near <= FARTHEST * loss) & (loss <= FARTHEST * near))
    return None if held.all() else int(np.argmin(held))


def _identifiers(names: Mapping[str, object]) -> list[str]:
    """Names of layers for names of nodes: letters, digits and underscores, each once."""
    found: list[str] = []
    for name in names:
        base = re.sub(r"\W", "_", name, flags=re.ASCII)
        base = f"n{base}" if not base[:1].isalpha() else base
        base = f"{base}_" if base == INPUT else base
        found.append(next(n for n in (base, *(f"{base}_{i}" for i in range(2, len(names) + 3))) if n not in found))
    return found
