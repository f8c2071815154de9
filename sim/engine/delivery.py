"""Bringing the spikes of one projection to its registers, in a compiled kernel: which way, and where another is due."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from ..datapath import ANY, NONZERO
from ..ops.code import I1, I64, Code, Row
from ..ops.interval import Interval
from ..profile.analysis import arriving, effective_weight, emitted
from ..profile.schema import Profile
from . import vector
from .accumulate import accumulated, part_of
from .arrival import Arrival, Way, way_of
from .listing import Events, listed, strongest
from .matrix import PAIRED, Matrix, collected
from .picture import Canvas, convolved
from .pool import SIDES, most_sent, pooled
from .signature import DOWN, PLACE, TABLES, sum_values
from .sweep import Panes, ordered, swept
from .vector import Lists, Neurons


class Due(NamedTuple):
    """A row of a source's spikes that is delivered: row `at` of all samples'.

    empty: whether it is, whatever it holds: it lies before the first step of a run that begins with 0. sent: in which
    step of the block it was sent, below 0 before it.
    """

    at: Any
    empty: Any
    sent: Any


class Delivery:
    """Projection `k` of a kernel.

    channels: of the target, where its rows lie channels last. rested: registers that are 0 when it is delivered.
    """

    def __init__(
        self,
        code: Code,
        profile: Profile,
        neurons: Neurons,
        k: int,
        arrival: Arrival,
        channels: int,
        rested: Collection[str],
    ) -> None:
        self.code, self.profile, self.neurons, self.k, self.arrival = code, profile, neurons, k, arrival
        self.channels, self.rested = channels, rested
        self.connection, self.way = profile.connections[arrival.via], way_of(profile, arrival)
        self.registers = self.connection.into[: arrival.synapses]
        self.acts = arriving(profile, self.connection)
        self.matrices = [] if arrival.listed else [self._matrix(i) for i in range(arrival.synapses)]

    def _argument(self, name: str) -> Any:
        return self.code.argument(f"{name}{self.k}")

    def _row(self, name: str, dtype: str) -> Row:
        return self.code.row(f"{name}{self.k}", dtype)

    def _matrix(self, i: int) -> tuple[Matrix, Any]:
        """Dense weights, and how many events are delivered at a time where each has its fit."""
        pairs = self.arrival.weight == PAIRED
        weights = self.code.row(f"w{self.k}_{i}", "uint16" if pairs else self.arrival.weight)
        least, most = (self.code.argument(f"{end}{self.k}_{i}") for end in ("least", "most"))
        span = effective_weight(self.profile, self.connection)
        columns = self._argument("columns")
        matrix = Matrix(self.code, weights, pairs, columns, least, most, span, self.arrival.far)
        return matrix, part_of(self.code, self.neurons.neuron.registers[self.registers[i]], matrix)

    def deliver(self, sample: Any, step: Any) -> None:
        """Bring the spikes that a step delivers, delay by delay."""
        with self.code.loop(I64(0), self._argument("delays")) as delay:
            self._bring(self._row_of(sample, step, delay), step, delay)

    def _bring(self, row: Due, step: Any, delay: Any) -> None:
        """Bring a row of spikes (see `_row_of`)."""
        if self.way is Way.POOL:
            self._pool(row, step, delay)
        elif self.way is Way.PICTURE and self.arrival.sweep:
            self._sweep(row, step, delay)
        else:
            self._synapses(row, delay)

    def _row_of(self, sample: Any, step: Any, delay: Any) -> Due:
        """Which row of the source's spikes is delivered in a step."""
        builder, lag = self.code.builder, self._row("lags", "int64").get(delay)
        now = builder.add(builder.mul(sample, self._argument("rows")), self._argument("lead"))
        begins = self.code.flag("begins")
        empty = builder.and_(begins, builder.icmp_signed("<", step, lag))
        sent = builder.sub(step, lag)
        return Due(builder.add(now, sent), empty, builder.sub(sent, self.code.argument("base")))

    def _pool(self, row: Due, step: Any, delay: Any) -> None:
        """As a pool, where no register can pass its word on the way; else synapse by synapse."""
        code, windows, register = self.code, self.arrival.windows, self.registers[0]
        assert windows is not None
        acts = emitted(self.profile, self.connection, neurons=True)  # no cap changes that
        low, high = windows.entries * acts.lo, windows.entries * acts.hi
        word, sent, most = self.neurons.neuron.registers[register], self._sent(step), I64(high)
        if low == 0 and high > word.max:  # unless none sends so many in this step
            most = code.builder.mul(most_sent(code, sent, self._argument("pre")), I64(windows.entries))
        with code.builder.if_else(self._roomy(register, I64(low), most), likely=True) as (plain, careful):
            with plain:
                sides, into = tuple(map(self._argument, SIDES)), self.neurons.rows[register]
                pooled(code, windows, self.channels, sides, sent, max(-low, high), into)
            with careful:
                self._synapses(row, delay)

    def _sweep(self, row: Due, step: Any, delay: Any) -> None:
        """Place by place, where many sources have spiked and no register can pass its word; else event by event."""
        code, builder, register, cap = self.code, self.code.builder, self.registers[0], self.connection.cap
        panes = self._panes(step)
        spikes, sums = ordered(code, panes, cap != NONZERO), self._sums()
        most = I64(1) if cap == NONZERO else spikes.most
        fits = builder.icmp_signed(">=", spikes.found, builder.mul(panes.high, panes.wide))
        allowed = panes.sweep.multiples if cap in (ANY, NONZERO) else min(int(cap), panes.sweep.multiples)
        fits = builder.and_(fits, builder.icmp_unsigned("<=", most, I64(allowed)))
        if sums is None:
            ends = (builder.mul(most, self._argument(end)) for end in ("lowest", "highest"))
            fits = builder.and_(fits, self._roomy(register, *ends))
        with builder.if_else(fits) as (by_place, by_event):
            with by_place:
                swept(code, panes, self.neurons.rows[register] if sums is None else sums)
            with by_event:
                self._synapse(0, sums, self._events(row), delay)
        self._settle(register, sums)

    def _panes(self, step: Any) -> Panes:
        """What a sweep works on."""
        sweep = self.arrival.sweep
        assert sweep is not None
        high, wide = self._argument("source_high"), self._argument("source_wide")
        rows = self._row("order", "uint32"), self._row("begins", "int32")
        kernel = self._row("swept", sweep.weight)
        return Panes(sweep, self.channels, high, wide, *rows, self._sent(step), kernel)

    def _sent(self, step: Any) -> Row:
        """A row of the source's spikes, channels last."""
        builder = self.code.builder
        place = builder.mul(builder.sub(step, self.code.argument("base")), self._argument("sent_stride"))
        return self._row("sent", self.arrival.spikes).part(place)

    def _synapses(self, row: Due, delay: Any) -> None:
        """The events of a row of spikes, to each register."""
        events = self._events(row)
        for i, register in enumerate(self.registers):
            sums = self._sums()
            self._synapse(i, sums, events, delay)
            self._settle(register, sums)

    def _events(self, row: Due) -> Events:
        """The events of a row of spikes, or of a raster."""
        if self.arrival.noted:
            return self._noted(row)
        return self._of_raster(row) if self.arrival.raster else self._listed(row)

    def _listed(self, row: Due) -> Events:
        builder, pre = self.code.builder, self._argument("pre")
        spikes = self._row("s", self.arrival.spikes).part(builder.mul(row.at, pre))
        size = builder.select(row.empty, I64(0), pre)
        index, acting = self._row("index", "int32"), self._row("acting", "int64")
        sent = emitted(self.profile, self.connection)
        return listed(self.code, spikes, size, index, acting, self.connection.cap, sent)

    def _noted(self, row: Due) -> Events:
        """As the source has noted it, if it was sent in this block; else listed."""
        code, builder = self.code, self.code.builder
        index, found = code.slot(self._row("index", "int32").data), code.slot(I64(0))
        here = builder.icmp_signed(">=", row.sent, I64(0))
        with builder.if_else(here, likely=True) as (after, before):
            with after:
                place = self._row("noted_at", "int64").part(builder.mul(row.sent, I64(PLACE)))
                index.set(self._row("noted", "int32").part(place.get(I64(0))).data)
                found.set(place.get(I64(1)))
            with before:
                found.set(self._listed(row).found)
        return Events(Row(code, index.get(), "int32"), self._row("acting", "int64"), found.get(), I1(0))

    def _of_raster(self, row: Due) -> Events:
        builder, pointers = self.code.builder, self._row("s", "int64")
        start, end = pointers.get(row.at), pointers.get(builder.add(row.at, I64(1)))
        graded = self.code.flag(f"graded{self.k}")
        index = self._row("index", self.arrival.raster).part(start)
        acting = self._row("acting", "int64").part(builder.select(graded, start, I64(0)))
        found = builder.select(row.empty, I64(0), builder.sub(end, start))
        return Events(index, acting, found, graded)

    def _sums(self) -> Row | None:
        """Where a step's sum is collected, empty; None where each source is a write of its own."""
        if self.connection.sum is None:
            return None
        sums = self._row("sums", self.arrival.total)
        if self.way is not Way.MATRIX:  # which empties it block by block
            sums.clear(self.neurons.padded)
        return sums

    def _settle(self, register: str, sums: Row | None) -> None:
        """Write a step's sum."""
        if sums is None or self.connection.sum is None:
            return
        words = self.connection.parameters | self.connection.derived
        own = {
            name: (self.code.argument(f"q{self.k}_{name}"), Interval(words[name].min, words[name].max))
            for name in sum_values(self.connection)
        }
        vector.settled(self.neurons, register, sums, self.connection.sum, own)

    def _synapse(self, i: int, sums: Row | None, events: Events, delay: Any) -> None:
        """Bring events to the sums of one register, or to itself."""
        if self.way is Way.MATRIX:
            matrix, part = self.matrices[i]
            if sums is None:
                accumulated(self.neurons, self.registers[i], matrix, part, events, self.acts)
            else:
                collected(self.neurons, sums, matrix, events)
        elif self.way is Way.PICTURE:
            self._picture(i, sums, events, delay)
        elif self.way is Way.PLAIN_LISTS:
            self._plain_lists(i, events, delay)
        else:
            self._lists(i, sums, events, delay)

    def _plain_lists(self, i: int, events: Events, delay: Any) -> None:
        """Synapse by synapse, where no register can pass its word on the way without a fit."""
        builder, register, ends = self.code.builder, self.registers[i], []
        for end, less in (("least", ">"), ("most", "<")):
            each, together = (self.code.argument(f"{name}{self.k}_{i}") for name in (end, f"all_{end}"))
            each = builder.mul(events.found, each)
            ends.append(builder.select(builder.icmp_signed(less, each, together), each, together))
        with builder.if_else(self._room_for(register, events, *ends)) as (plain, careful):
            with plain:
                self._lists(i, self.neurons.rows[register], events, delay)
            with careful:
                self._lists(i, None, events, delay)

    def _picture(self, i: int, sums: Row | None, events: Events, delay: Any) -> None:
        """As a picture, where no register can pass its word on the way; else synapse by synapse."""
        builder, register = self.code.builder, self.registers[i]
        rows = (self._row(name, dtype) for name, dtype in (*TABLES.items(), ("kernel", self.arrival.picture)))
        down = self._argument(DOWN[0]), self._argument(DOWN[1])
        canvas = Canvas(self.channels, self.arrival.usual, self.arrival.alike, down, *rows)
        some = builder.icmp_signed(">", events.found, I64(0))
        if sums is not None:
            with builder.if_then(some):
                convolved(self.code, canvas, events, sums)
            return
        roomy = self._room_for(register, events, self._argument("lowest"), self._argument("highest"))
        with builder.if_then(builder.and_(some, roomy)):
            convolved(self.code, canvas, events, self.neurons.rows[register])
        with builder.if_then(builder.and_(some, builder.not_(roomy))):
            self._lists(i, None, events, delay)

    def _lists(self, i: int, sums: Row | None, events: Events, delay: Any) -> None:
        """Synapse by synapse: into `sums`, which hold whatever arrives, or with a fit each."""
        code, builder = self.code, self.code.builder
        weights = code.row(f"w{self.k}_{i}", self.arrival.weight)
        lists = Lists(self._row("to", "int32"), weights, effective_weight(self.profile, self.connection))
        start, pre = self._row("from", "int64"), self._argument("pre")
        with code.loop(I64(0), events.found) as number:
            at = builder.add(builder.mul(delay, builder.add(pre, I64(1))), events.index.get(number))
            ends = start.get(at), start.get(builder.add(at, I64(1)))
            acts = events.count(code, number)
            vector.scattered(self.neurons, self.registers[i], sums, lists, ends, acts, self.acts)

    def _room_for(self, register: str, events: Events, lowest: Any, highest: Any) -> Any:
        """Whether no neuron's register can pass its word on the way, if a spike of each event brings so much."""
        ends = self._extremes(*strongest(self.code, events), lowest, highest)
        return self._roomy(register, *ends)

    def _extremes(self, weakest: Any, strong: Any, lowest: Any, highest: Any) -> tuple[Any, Any]:
        """What arrives at least and at most, if a spike of each event brings so much."""
        builder = self.code.builder
        low = builder.add(builder.mul(strong, lowest), builder.mul(weakest, highest))
        high = builder.add(builder.mul(strong, highest), builder.mul(weakest, lowest))
        return low, high

    def _roomy(self, register: str, low: Any, high: Any) -> Any:
        """Whether no neuron's register passes its word where it gets from `low`, 0 or less, to `high`, 0 or more."""
        builder, word = self.code.builder, self.neurons.neuron.registers[register]
        least, most = builder.sub(I64(word.min), low), builder.sub(I64(word.max), high)
        if register in self.rested:
            inside = (builder.icmp_signed(order, end, I64(0)) for order, end in (("<=", least), (">=", most)))
            return builder.and_(*inside)
        return vector.roomy(self.neurons, register, least, most)
