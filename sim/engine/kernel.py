"""A compiled kernel: all steps of one layer for a chunk of samples, as LLVM code.

Here are the loops over samples, steps and projections; what happens inside them comes from the datapath's stages
(see `vector`). One sample's registers stay in rows of their own while its steps run.
"""

from __future__ import annotations

import hashlib
from functools import cache
from pathlib import Path
from typing import Any

from .. import ops
from ..ops.code import I64, Code, Row
from ..ops.interval import Interval
from ..profile.analysis import arriving, effective_weight, held, widest
from ..profile.connection import Connection
from ..profile.schema import SPIKES, Profile, storage
from . import vector
from .arrival import Arrival, Way, way_of
from .listing import Events, listed, strongest
from .matrix import PAIRED, Matrix, accumulated, collected, part_of
from .picture import Canvas, convolved, turned
from .pool import SIDES, pooled
from .signature import Signature, arguments, sum_values
from .vector import Lists, Neurons, counted
from .window import Panes


def kernel_code(profile: Profile, signature: Signature) -> str:
    """An LLVM module that defines `kernel`. Raises ValueError where a value could pass 63 bits."""
    bits = widest(profile, signature.neuron).bits
    if bits > 64:
        raise ValueError(f"class '{signature.neuron}' needs {bits} bits; at most 64 are computed")
    code = Code(arguments(profile, signature))
    kernel = _Kernel(code, profile, signature)
    with code.loop(I64(0), code.argument("samples")) as sample:
        kernel.begin(sample)
        with code.loop(code.argument("first"), code.argument("last")) as step:
            for k, arrival in enumerate(signature.incoming):
                kernel.deliver(k, arrival, sample, step)
            kernel.update(sample, step)
        kernel.end(sample)
    return code.finish()


def kernel_key(profile: Profile, signature: Signature) -> str:
    """Names everything that the code depends on."""
    return f"{generator()}\n{profile.to_json()}\n{signature}"


class _Kernel:
    """The parts of a kernel's loops."""

    def __init__(self, code: Code, profile: Profile, signature: Signature) -> None:
        self.code, self.profile, self.signature = code, profile, signature
        self.neuron = profile.neurons[signature.neuron]
        size, padded = code.argument("size"), code.argument("padded")
        words = {name: storage(self.neuron, name).dtype for name in self.neuron.registers}
        rows = {name: code.row(f"row_{name}", signature.row_type(self.neuron, name)) for name in words}
        self.emptied = dict(signature.emptied)
        given = {**self.neuron.parameters, **self.neuron.derived}
        given = {name: word for name, word in given.items() if name not in signature.zero}
        constants = {**profile.constants, **dict.fromkeys(signature.zero, 0)}
        uniform = {name: code.argument(f"p_{name}") for name in given if name in signature.uniform}
        rows |= {name: code.row(f"p_{name}", word.dtype) for name, word in given.items() if name not in uniform}
        counters = {name: code.slot(I64(0)) for name in counted(self.neuron)}
        ranges = held(profile, self.neuron) | self.emptied
        self.neurons = Neurons(code, self.neuron, ranges, constants, size, padded, rows, counters, uniform)
        self.spikes = code.row(f"row_{SPIKES}", storage(self.neuron, SPIKES).dtype)
        self.state = {name: code.row(f"r_{name}", dtype) for name, dtype in words.items()}
        self.recorded = {name: code.row(f"rec_{name}", dtype) for name, dtype in words.items()}
        self.out = code.row("out", self.spikes.dtype)
        self.overflows = code.row("overflows", "int64")
        self.matrices = {
            (k, i): self._matrix(k, i, arrival)
            for k, arrival in enumerate(signature.incoming)
            for i in range(0 if arrival.listed else arrival.synapses)
        }

    def _matrix(self, k: int, i: int, arrival: Arrival) -> tuple[Matrix, Any]:
        """Dense weights, and how many events are delivered at a time where each has its fit."""
        code, connection = self.code, self.profile.connections[arrival.via]
        pairs = arrival.weight == PAIRED
        weights = code.row(f"w{k}_{i}", "uint16" if pairs else arrival.weight)
        least, most = (code.argument(f"{end}{k}_{i}") for end in ("least", "most"))
        span = effective_weight(self.profile, connection)
        matrix = Matrix(code, weights, pairs, self.neurons.padded, least, most, span)
        return matrix, part_of(code, self.neuron.registers[connection.into[i]], matrix)

    def begin(self, sample: Any) -> None:
        """Take over a sample's registers."""
        for name, row in self._registers():
            if name in self.emptied:
                row.clear(self.neurons.size)
            else:
                self._copy(self.state[name].part(self._first(sample)), row, back=True)
        for counter in self.neurons.counters.values():
            counter.set(I64(0))

    def end(self, sample: Any) -> None:
        """Hand a sample's registers back, and what was counted."""
        for name, row in self._registers():
            if name not in self.emptied:
                self._copy(row, self.state[name].part(self._first(sample)))
        builder, counters = self.code.builder, self.neurons.counters.values()
        for place, counter in enumerate(counters):
            at = builder.add(builder.mul(sample, I64(len(counters))), I64(place))
            self.overflows.set(at, builder.add(self.overflows.get(at), counter.get()))

    def _copy(self, source: Row, target: Row, back: bool = False) -> None:
        """All neurons from the kernel's own order to that of the layer, or back.

        They are turned where the cache holds them: the layer's arrays are far away, and better written in one go.
        """
        code, channels, size = self.code, self.signature.channels, self.neurons.size
        if not channels:
            target.copy(source, size)
            return
        near, places = code.row("turned", source.dtype), code.builder.udiv(size, I64(channels))
        if back:
            near.copy(source, size)
            turned(code, near, target, channels, places, back=True)
        else:
            turned(code, source, near, channels, places)
            target.copy(near, size)

    def _registers(self) -> list[tuple[str, Row]]:
        return [(name, self.neurons.rows[name]) for name in self.neuron.registers]

    def _first(self, sample: Any) -> Any:
        return self.code.builder.mul(sample, self.neurons.size)

    def deliver(self, k: int, arrival: Arrival, sample: Any, step: Any) -> None:
        """Bring the spikes of one projection to its registers, delay by delay."""
        code, builder = self.code, self.code.builder
        lags = code.row(f"lags{k}", "int64")
        with code.loop(I64(0), code.argument(f"delays{k}")) as delay:
            now = builder.add(builder.mul(sample, code.argument(f"rows{k}")), code.argument(f"lead{k}"))
            at = builder.sub(builder.add(now, step), lags.get(delay))
            if way_of(self.profile, arrival) is Way.POOL:
                self._pool(k, arrival, at, delay)
            else:
                self._synapses(k, arrival, at, delay)

    def _pool(self, k: int, arrival: Arrival, at: Any, delay: Any) -> None:
        """As a pool, where no register can pass its word on the way; else synapse by synapse."""
        assert arrival.windows is not None
        code, connection = self.code, self.profile.connections[arrival.via]
        register, acts = connection.into[0], arriving(self.profile, connection)
        word, sides = self.neuron.registers[register], tuple(code.argument(f"{name}{k}") for name in SIDES)
        low, high = (arrival.windows.entries * end for end in (acts.lo, acts.hi))
        roomy = vector.roomy(self.neurons, register, I64(word.min - low), I64(word.max - high))
        with code.builder.if_else(roomy, likely=True) as (plain, careful):
            with plain:
                pooled(code, arrival.windows, sides, self._row(k, arrival, at), self.neurons.rows[register])
            with careful:
                self._synapses(k, arrival, at, delay)

    def _row(self, k: int, arrival: Arrival, at: Any) -> Row:
        """A row of spikes."""
        return self.code.row(f"s{k}", arrival.spikes).part(self.code.builder.mul(at, self.code.argument(f"pre{k}")))

    def _synapses(self, k: int, arrival: Arrival, at: Any, delay: Any) -> None:
        """The events of a row of spikes, to each register."""
        connection = self.profile.connections[arrival.via]
        events = self._raster(k, arrival, at) if arrival.raster else self._listed(k, arrival, at)
        for i, register in enumerate(connection.into[: arrival.synapses]):
            self._synapse(k, i, arrival, register, events, delay)

    def _listed(self, k: int, arrival: Arrival, at: Any) -> Events:
        """The events of a row of spikes."""
        code, connection = self.code, self.profile.connections[arrival.via]
        index, acting = code.row(f"index{k}", "int32"), code.row(f"acting{k}", "int64")
        row, pre = self._row(k, arrival, at), code.argument(f"pre{k}")
        return listed(code, row, pre, index, acting, connection.cap, emitted(self.profile, connection))

    def _raster(self, k: int, arrival: Arrival, at: Any) -> Events:
        """The events of a row of a raster."""
        code, builder = self.code, self.code.builder
        pointers = code.row(f"s{k}", "int64")
        start, end = pointers.get(at), pointers.get(builder.add(at, I64(1)))
        graded = builder.icmp_signed("!=", code.argument(f"graded{k}"), I64(0))
        index = code.row(f"index{k}", arrival.raster).part(start)
        acting = code.row(f"acting{k}", "int64").part(builder.select(graded, start, I64(0)))
        return Events(index, acting, builder.sub(end, start), graded)

    def _synapse(self, k: int, i: int, arrival: Arrival, register: str, events: Events, delay: Any) -> None:
        """Bring events to one register."""
        code, connection, way = self.code, self.profile.connections[arrival.via], way_of(self.profile, arrival)
        sums = code.row(f"sums{k}", arrival.total) if connection.sum else None
        if sums is not None:
            sums.clear(self.neurons.padded)
        if way is Way.MATRIX:
            matrix, part = self.matrices[k, i]
            if sums is None:
                accumulated(self.neurons, register, matrix, part, events, arriving(self.profile, connection))
            else:
                collected(code, sums, matrix, events)
        else:
            weights = code.row(f"w{k}_{i}", arrival.weight)
            lists = Lists(code.row(f"to{k}", "int32"), weights, effective_weight(self.profile, connection))
            if way is Way.PICTURE:
                self._picture(k, arrival, register, sums, lists, events, delay)
            elif way is Way.PLAIN_LISTS:
                self._plain_lists(k, i, register, lists, events, delay)
            else:
                self._lists(k, register, sums, lists, events, delay)
        if sums is not None and connection.sum is not None:
            words = connection.parameters | connection.derived
            own = {
                name: (code.argument(f"q{k}_{name}"), Interval(words[name].min, words[name].max))
                for name in sum_values(connection)
            }
            vector.settled(self.neurons, register, sums, connection.sum, own)

    def _plain_lists(self, k: int, i: int, register: str, lists: Lists, events: Events, delay: Any) -> None:
        """Synapse by synapse, where no register can pass its word on the way without a fit."""
        code, builder = self.code, self.code.builder
        ends = []
        for end, less in (("most", "<"), ("least", ">")):
            each, together = (
                builder.mul(events.found, code.argument(f"{end}{k}_{i}")),
                code.argument(f"all_{end}{k}_{i}"),
            )
            ends.append(builder.select(builder.icmp_signed(less, each, together), each, together))
        most, least = ends
        with builder.if_else(self._roomy(register, events, least, most)) as (plain, careful):
            with plain:
                self._lists(k, register, self.neurons.rows[register], lists, events, delay)
            with careful:
                self._lists(k, register, None, lists, events, delay)

    def _roomy(self, register: str, events: Events, lowest: Any, highest: Any) -> Any:
        """Whether no neuron's register can pass its word on the way, if a spike of each event brings so much."""
        builder, word, ends = self.code.builder, self.neuron.registers[register], strongest(self.code, events)
        low = builder.add(builder.mul(ends[1], lowest), builder.mul(ends[0], highest))
        high = builder.add(builder.mul(ends[1], highest), builder.mul(ends[0], lowest))
        return vector.roomy(self.neurons, register, builder.sub(I64(word.min), low), builder.sub(I64(word.max), high))

    def _lists(self, k: int, register: str, sums: Row | None, lists: Lists, events: Events, delay: Any) -> None:
        """Synapse by synapse: into `sums`, which hold whatever arrives, or with a fit each."""
        code, builder = self.code, self.code.builder
        acts = arriving(self.profile, self.profile.connections[self.signature.incoming[k].via])
        start, pre = code.row(f"from{k}", "int64"), code.argument(f"pre{k}")
        with code.loop(I64(0), events.found) as number:
            at = builder.add(builder.mul(delay, builder.add(pre, I64(1))), events.index.get(number))
            ends = start.get(at), start.get(builder.add(at, I64(1)))
            vector.scattered(self.neurons, register, sums, lists, ends, events.count(code, number), acts)

    def _picture(
        self, k: int, arrival: Arrival, register: str, sums: Row | None, lists: Lists, events: Events, delay: Any
    ) -> None:
        """As a picture, where no register can pass its word on the way; else synapse by synapse."""
        code, builder = self.code, self.code.builder
        first, runs = code.row(f"first{k}", "int64"), code.row(f"runs{k}", "int32")
        kernel = code.row(f"kernel{k}", arrival.picture)
        panes = self._panes(k, arrival, kernel) if arrival.window else None
        canvas = Canvas(self.signature.channels, arrival.usual, first, runs, kernel, panes)
        some = builder.icmp_signed(">", events.found, I64(0))
        if sums is not None:
            with builder.if_then(some):
                convolved(code, canvas, events, sums)
            return
        roomy = self._roomy(register, events, *(code.argument(f"{name}{k}") for name in ("lowest", "highest")))
        with builder.if_then(builder.and_(some, roomy)):
            convolved(code, canvas, events, self.neurons.rows[register])
        with builder.if_then(builder.and_(some, builder.not_(roomy))):
            self._lists(k, register, None, lists, events, delay)

    def _panes(self, k: int, arrival: Arrival, kernel: Row) -> Panes:
        """What is needed to compute a picture place by place."""
        assert arrival.window is not None
        high, wide = (self.code.argument(f"{name}{k}") for name in ("source_high", "source_wide"))
        lie, taps = (self.code.row(f"{name}{k}", "int32") for name in ("lie", "taps"))
        words, acting = self.code.row(f"words{k}", "int64"), self.code.row(f"acts{k}", arrival.spikes)
        return Panes(arrival.window, self.signature.channels, high, wide, lie, taps, words, acting, kernel)

    def update(self, sample: Any, step: Any) -> None:
        """Run the stages, and bring out what is to be kept of the step."""
        code, builder, size = self.code, self.code.builder, self.neurons.size
        aliases = code.row("aliases", "int32") if self.signature.aliases else None
        if aliases is not None:
            self.spikes.clear(size)
        vector.updated(self.neurons, self.spikes, aliases, code.argument("slots"))
        at = builder.add(builder.mul(sample, code.argument("rows")), builder.add(step, code.argument("lead")))
        self._copy(self.spikes, self.out.part(builder.mul(at, size)))
        at = builder.mul(builder.add(builder.mul(sample, code.argument("steps")), step), size)
        for name, row in self._registers():
            with builder.if_then(builder.icmp_signed("!=", code.argument(f"rec_{name}"), I64(0))):
                recorded = self.recorded[name].part(at)
                if name in self.emptied:
                    recorded.clear(size)
                else:
                    self._copy(row, recorded)


def emitted(profile: Profile, connection: Connection) -> Interval:
    """What the sources of a connection send in a step."""
    ends = [profile.neurons[name].emission for name in connection.sources if name in profile.neurons]
    ends += [(profile.input.min, profile.input.max) if profile.input else (0, 1)]
    return Interval(min(low for low, _ in ends), max(high for _, high in ends))


@cache
def generator() -> str:
    """A digest of the code that turns a profile into instructions."""
    package, digest = Path(str(ops.__file__)).parents[1], hashlib.sha256()
    for folder in (package, *(package / name for name in ("ops", "datapath", "profile", "engine"))):
        for path in sorted(folder.glob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
