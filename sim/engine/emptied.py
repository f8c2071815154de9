"""Registers that every step leaves at 0: they hold what arrived in a step, often far less than their words can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..datapath import SUM, Fire
from ..ops.interval import Interval, IntervalOps
from ..ops.lane_arithmetic import lane_bits
from ..profile.analysis import held, settle_sum
from ..profile.rest import ranges_at_rest
from ..profile.schema import Profile
from .arrival import Arrival

NOTHING = Interval(0, 0)

Delivered = tuple[Arrival, int, Mapping[str, int]]
"""A projection, over how many delays, and its own values."""


def emptied(profile: Profile, kind: str, incoming: Sequence[Delivered]) -> dict[str, Interval]:
    """Those of a class that narrower lanes hold than their words ask for, with what so many bits hold.

    incoming: in order of delivery. It is so in runs that begin with 0 in these registers; a state may not.
    """
    words, found = held(profile, profile.neurons[kind]), {}
    for register in _left_empty(profile, kind):
        span = _arrived(profile, register, incoming)
        if span is not None and lane_bits(span) < lane_bits(words[register]):
            found[register] = span
    return found


def rested(profile: Profile, kind: str, incoming: Sequence[Arrival]) -> list[str]:
    """Those of a class that a pool or a picture reaches: then it need not look whether they have room for it."""
    reached = {name for each in incoming if each.windows or each.picture for name in profile.connections[each.via].into}
    return [register for register in _left_empty(profile, kind) if register in reached]


def _left_empty(profile: Profile, kind: str) -> list[str]:
    """Registers that are 0 after every step."""
    neuron = profile.neurons[kind]
    resting = ranges_at_rest(profile, neuron)
    fires = [branch for stage in neuron.stages if isinstance(stage, Fire) for branch in stage.branches]
    grown = {name for branch in fires for name in branch.writes}  # by every spike of a step
    return [register for register in neuron.registers if resting[register] == NOTHING and register not in grown]


def _arrived(profile: Profile, register: str, incoming: Sequence[Delivered]) -> Interval | None:
    """What a register holds while a step's sums arrive; None where that is not known without the weights."""
    span = NOTHING
    for arrival, delays, own in incoming:
        connection = profile.connections[arrival.via]
        if register not in connection.into[: arrival.synapses]:
            continue
        if connection.sum is None or delays > 1:
            return None
        ops = IntervalOps()
        known = {name: Interval(value, value) for name, value in own.items()}
        whole = Interval.of_bits(int(arrival.total.removeprefix("int")))
        known |= {SUM: ops.fit(whole, connection.sum.word), register: span}
        span = span.join(settle_sum(ops, profile, connection, connection.sum, register, known))
    return span if span == NOTHING else Interval.of_bits(span.bits)
