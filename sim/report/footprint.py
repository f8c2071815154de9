"""What a network costs on its chip: memory, limits, fan-in and fan-out, synaptic operations, accumulator widths."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..datapath import ANY, NONZERO
from ..events import Events
from ..exchange.layout import memory_bits
from ..network.added import Weights
from ..network.limits import Used, ends_of, limits_used
from ..network.lists import Listed
from ..network.network import Network
from ..network.parts import Projection
from ..profile.schema import INPUT, holding
from ..raster import Raster
from .operations import synaptic_operations, weights_added


@dataclass(frozen=True)
class Accumulator:
    """The least and the greatest sum that one step's spikes can bring to a register of a layer, from 0, and the word
    that holds both; event clock: one spike of every source. `word`: the one that the profile has.

    Where a sum is fitted once a step, it is that sum, before its stages; `register` then names the projection, too.
    """

    layer: str
    register: str
    low: int
    high: int
    needed: str
    word: str


@dataclass(frozen=True)
class Footprint:
    """What a network needs.

    memory: bits by kind. images: by memory of a layout, bits that are used and bits that are there. limits: what of
    the profile's limits is used. fan_in: by layer, the most synapses of one neuron with a weight other than 0;
    fan_out: by layer and 'input', the most of one source. synaptic_operations: by sample, None without input.
    """

    memory: dict[str, int]
    images: dict[str, tuple[int, int]]
    limits: tuple[Used, ...]
    fan_in: dict[str, int]
    fan_out: dict[str, int]
    accumulators: tuple[Accumulator, ...]
    synaptic_operations: tuple[int, ...] | None = None

    @property
    def bits(self) -> int:
        """All memory."""
        return sum(self.memory.values())

    def json(self) -> dict[str, Any]:
        """Plain data."""
        operations = None if self.synaptic_operations is None else list(self.synaptic_operations)
        return {
            "memory_bits": {**self.memory, "total": self.bits},
            "images": {name: {"used": used, "bits": there} for name, (used, there) in self.images.items()},
            "limits": [{**used._asdict(), "share": used.needs / used.allowed} for used in self.limits],
            "fan_in": self.fan_in,
            "fan_out": self.fan_out,
            "accumulators": [asdict(each) for each in self.accumulators],
            "synaptic_operations": operations,
        }

    def rows(self) -> list[tuple[str, str]]:
        """A table's rows: what, and how much."""
        rows = [(f"memory, {kind}", f"{bits:,} bits") for kind, bits in self.memory.items()]
        rows.append(("memory, all", f"{self.bits:,} bits"))
        rows += [(name, _share(used, there, " bits")) for name, (used, there) in self.images.items()]
        for used in self.limits:
            share = _share(used.needs, used.allowed)
            rows.append((f"{used.kind.replace('_', '-')}, {used.name}" if used.kind != used.name else used.kind, share))
        rows += [(f"most sources of a neuron, {name}", f"{count:,}") for name, count in self.fan_in.items()]
        rows += [(f"most targets of a source, {name}", f"{count:,}") for name, count in self.fan_out.items()]
        for each in self.accumulators:
            rows.append((f"accumulator, {each.layer}.{each.register}", f"needs {each.needed} (has {each.word})"))
        if self.synaptic_operations:
            mean = sum(self.synaptic_operations) / len(self.synaptic_operations)
            most = f"{mean:,.0f}, at most {max(self.synaptic_operations):,}"
            rows.append(("synaptic operations a sample", most))
        return rows


def _share(used: int, there: int, unit: str = "") -> str:
    return f"{used:,} of {there:,}{unit} ({used / there:.1%})"


def footprint(
    network: Network,
    spikes: ArrayLike | Raster | Events | Sequence[Events] | None = None,
    layout: str | os.PathLike[str] | None = None,
) -> Footprint:
    """What a network needs of its chip. spikes: input as for `run`, for the synaptic operations it leads to.
    layout: a shipped one or a file, for the share of its memories that is used.

    Raises InputError for input that does not fit, or that drops spikes from a queue.
    """
    classes = {p.name: str(p.neuron) for p in network.populations}
    sizes = {INPUT: network.inputs, **{p.name: p.size for p in network.populations}}
    fan_in, fan_out = _fans(network, sizes)
    return Footprint(
        _memory(network),
        {} if layout is None else memory_bits(network, layout),
        tuple(limits_used(network.profile, sizes, classes, network.projections)),
        fan_in,
        fan_out,
        tuple(_accumulators(network)),
        None if spikes is None else synaptic_operations(network, spikes),
    )


def _memory(network: Network) -> dict[str, int]:
    """Bits by kind: what the chip stores, each at the width of its word; kernels count once, however often used."""
    bits = dict.fromkeys(("weights", "synapse parameters", "source parameters", "delays"), 0)
    bits |= dict.fromkeys(("neuron parameters", "registers", "aliases"), 0)
    for projection in network.projections:
        connection = network.connection(projection)
        bits["weights"] += np.size(projection.weights) * connection.weight.word.bits
        for kind, words in (("synapse", connection.synapse_parameters), ("source", connection.source_parameters)):
            sizes = (np.size(projection.parameters[name]) * word.bits for name, word in words.items())
            bits[f"{kind} parameters"] += sum(sizes)
        if connection.delay is not None:
            bits["delays"] += np.size(projection.delays) * connection.delay.word.bits
    for population in network.populations:
        neuron = network.neuron_class(population)
        bits["neuron parameters"] += population.size * sum(word.bits for word in neuron.parameters.values())
        bits["registers"] += population.size * sum(word.bits for word in neuron.registers.values())
        if population.aliases is not None:
            bits["aliases"] += np.size(population.aliases) * holding(-1, population.size - 1).bits
    return {kind: count for kind, count in bits.items() if count}


def _fans(network: Network, sizes: dict[str, int]) -> tuple[dict[str, int], dict[str, int]]:
    into = {p.name: np.zeros(p.size, np.int64) for p in network.populations}
    out = {name: np.zeros(size, np.int64) for name, size in sizes.items()}
    for projection in network.projections:
        pre, post = ends_of(projection, network.profile, sizes[projection.source])
        out[projection.source] += np.bincount(pre, minlength=sizes[projection.source])
        into[projection.target] += np.bincount(post, minlength=sizes[projection.target])
    sources = {projection.source for projection in network.projections}
    fan_out = {name: int(counts.max()) for name, counts in out.items() if name in sources}
    return {name: int(counts.max()) for name, counts in into.items()}, fan_out


def _accumulators(network: Network) -> Iterator[Accumulator]:
    for layer in network.populations:
        totals: dict[str, tuple[Any, Any]] = {}
        words = {name: str(word) for name, word in network.neuron_class(layer).registers.items()}
        for index, projection in enumerate(network.projections):
            if projection.target != layer.name:
                continue
            connection, counts = network.connection(projection), _acting(network, projection)
            for register, weights in zip(connection.into, weights_added(network, projection), strict=False):
                name = register
                if connection.sum is not None:
                    name = f"{register}, sum of projection {index}"
                    words[name] = str(connection.sum.word)
                low, high = _reach(weights, counts, layer.size)
                before = totals.get(name, (0, 0))
                totals[name] = before[0] + low, before[1] + high
        for name, (lows, highs) in totals.items():
            low, high = int(min(lows)), int(max(highs))
            yield Accumulator(layer.name, name, low, high, str(holding(low, high)), words[name])


def _acting(network: Network, projection: Projection) -> tuple[int, int]:
    """The least and the most that the spikes of one source in a step act as."""
    cap = network.connection(projection).cap
    if network.profile.clock == "event" or cap == NONZERO:
        return 0, 1
    if projection.source == INPUT:
        low, high = network.input_word.min, network.input_word.max
    else:
        low, high = network.neuron_class(network.population(projection.source)).emission
    return low, high if cap == ANY else min(high, int(cap))


def _reach(weights: Weights, counts: tuple[int, int], size: int) -> tuple[Any, Any]:
    """The least and the greatest sum of each neuron, Python integers [size]."""
    entries = (weights.weights if isinstance(weights, Listed) else weights).astype(np.int64)
    up, down = (_summed(np.maximum(side, 0), weights, size) for side in (entries, -entries))
    low, high = counts
    plus, minus = up.astype(object), down.astype(object)
    return minus * -high + plus * low, plus * high + minus * -low


def _summed(entries: NDArray[np.int64], weights: Weights, size: int) -> NDArray[np.int64]:
    """The entries that reach each neuron, summed, [size]."""
    sums = np.zeros(size, np.int64)
    if isinstance(weights, Listed):
        np.add.at(sums, weights.targets, entries)
    else:
        sums += entries.sum(axis=0)
    return sums
