"""Sums that are made ahead: what arrives at a recurrent layer from others, whose steps are all known before its own.

Where a core's cache cannot hold all of a layer's weights, it holds those of one projection: they are read for many
steps, and then the others' for as many.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ..ops.code import I1, I64, Row
from ..profile.analysis import effective_weight
from ..profile.schema import Profile
from . import vector
from .accumulate import Beside, accumulated
from .arrival import Arrival, Way, way_of
from .delivery import Delivery, Due
from .host import core_cache
from .listing import strongest
from .matrix import collected
from .signature import ACTED
from .vector import bounded
from .wiring import Incoming

ENOUGH = 16  # events of a step: its sums are written and read again, which costs as much as some events


def summed_ahead(profile: Profile, delayed: Sequence[Sequence[Incoming]], arrivals: Sequence[Arrival]) -> list[int]:
    """Which projections of a layer are summed ahead: of one whose matrices a core's cache cannot hold together, those
    whose source does not wait for it. Their matrices are read for many steps, then the others' for as many.
    """
    matrices = {k: delays[0] for k, delays in enumerate(delayed) if way_of(profile, arrivals[k]) is Way.MATRIX}
    size = sum(w.size * np.dtype(arrivals[k].weight).itemsize for k, i in matrices.items() for _, w in i.synapses)
    if size <= core_cache() or not any(i.mutual for i in matrices.values()):
        return []
    return [k for k, i in matrices.items() if not i.mutual and _summed_plainly(profile, i)]


def _summed_plainly(profile: Profile, incoming: Incoming) -> bool:
    connection = profile.connections[incoming.via]
    return connection.sum is not None or bounded(effective_weight(profile, connection), incoming.acting)


class Ahead(Delivery):
    """A projection whose sums are made ahead, in steps of as many events as are worth it.

    joined: whether the next projection brings them.
    """

    joined = False

    def sum_ahead(self, sample: Any, step: Any) -> None:
        """Make a step's sums of each register, and write down of what events."""
        events = self._events(self._row_of(sample, step, I64(0)))
        with self.code.builder.if_then(self._enough(events.found)):
            for i, (matrix, _) in enumerate(self.matrices):
                collected(self.neurons, self._ahead(i, step), matrix, events)
        for place, value in enumerate((events.found, *strongest(self.code, events))):
            self._acted(step).set(I64(place), value)

    def deliver(self, sample: Any, step: Any) -> None:
        """Bring a step's sums, unless the next projection does."""
        if not self.joined:
            super().deliver(sample, step)

    def joins(self, profile: Profile, arrival: Arrival) -> bool:
        """Whether the next projection, whose sums are not made ahead, brings these with its own events."""
        connection = profile.connections[arrival.via]
        plain = self.connection.sum is None and connection.sum is None
        registers = connection.into[: arrival.synapses]
        return plain and way_of(profile, arrival) is Way.MATRIX and registers == self.registers

    def beside(self, i: int, sample: Any, step: Any) -> Beside:
        """A step's sums for register number i."""
        low, high = self._ends(i, step)
        row, some = self._row_of(sample, step, I64(0)), self._enough(self._acted(step).get(I64(0)))
        return Beside(some, low, high, self._ahead(i, step), lambda: self._alone(i, row, step, I64(0)))

    def _bring(self, row: Due, step: Any, delay: Any) -> None:
        """Add a step's sums, where there are any; else event by event."""
        if self.connection.sum is not None:
            with self.code.builder.if_else(self._enough(self._acted(step).get(I64(0)))) as (ready, few):
                with ready:
                    for i, register in enumerate(self.registers):
                        self._settle(register, self._ahead(i, step))
                with few:
                    self._synapses(row, delay)
            return
        for i in range(len(self.registers)):
            self._alone(i, row, step, delay)

    def _alone(self, i: int, row: Due, step: Any, delay: Any) -> None:
        """Add a step's sums for register number i where that cannot pass its word on the way; else event by event."""
        builder, done, register = self.code.builder, self.code.slot(I1(0)), self.registers[i]
        with builder.if_then(self._enough(self._acted(step).get(I64(0)))):
            done.set(self._roomy(register, *self._ends(i, step)))
            with builder.if_then(done.get(), likely=True):
                vector.added(self.neurons, register, self._ahead(i, step))
        with builder.if_then(builder.not_(done.get())):
            self._synapse(i, None, self._events(row), delay)

    def _enough(self, found: Any) -> Any:
        return self.code.builder.icmp_signed(">=", found, I64(ENOUGH))

    def _ends(self, i: int, step: Any) -> list[Any]:
        """What a step's events bring a register at least and at most."""
        found, weakest, strong = (self._acted(step).get(I64(place)) for place in range(ACTED))
        matrix, _ = self.matrices[i]
        ends = self._extremes(weakest, strong, matrix.least, matrix.most)
        return [self.code.builder.mul(found, end) for end in ends]

    def _ahead(self, i: int, step: Any) -> Row:
        """A step's sums for register number i."""
        own = self.neurons.rows[self.registers[i]].dtype
        sums = self.code.row(f"ahead{self.k}_{i}", self.arrival.total if self.connection.sum else own)
        return sums.part(self.code.builder.mul(self._of_block(step), self.neurons.padded))

    def _acted(self, step: Any) -> Row:
        """How many events a step has, and what one acts as at least and at most."""
        return self._row("acted", "int64").part(self.code.builder.mul(self._of_block(step), I64(ACTED)))

    def _of_block(self, step: Any) -> Any:
        return self.code.builder.sub(step, self.code.argument("base"))


class Joined(Delivery):
    """A projection behind one whose sums are made ahead: both are added at once where no register can pass its word.

    One look at the registers is enough for both then, and one change of them.
    """

    before: Ahead

    def deliver(self, sample: Any, step: Any) -> None:
        """Bring the spikes that a step delivers, and the sums of what is delivered before them."""
        events = self._events(self._row_of(sample, step, I64(0)))
        for i, (register, (matrix, part)) in enumerate(zip(self.registers, self.matrices, strict=True)):
            beside = self.before.beside(i, sample, step)
            accumulated(self.neurons, register, matrix, part, events, self.acts, beside)
