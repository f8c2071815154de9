"""Registers that every step leaves at 0: they hold what arrived in a step, often far less than their words can."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..datapath import SUM, Fire, deliver_sum
from ..ops.base import Registers
from ..ops.interval import Interval, IntervalOps
from ..ops.lanes import lane_bits
from ..profile.analysis import held, sum_scope
from ..profile.rest import ranges_at_rest
from ..profile.schema import NeuronClass, Profile
from .arrival import Arrival

NOTHING = Interval(0, 0)


Arriving = tuple[Arrival, int, Mapping[str, int]]
"""What is delivered, over how many delays, and the projection's own values."""


def emptied(profile: Profile, kind: str, incoming: Sequence[Arriving]) -> dict[str, Interval]:
    """Those of a class that narrower lanes hold than their words ask for, with what so many bits hold.

    incoming: in order of delivery. It is so in runs that begin with 0 in these registers; a state may not.
    """
    neuron, found = profile.neurons[kind], {}
    words, resting = held(profile, neuron), ranges_at_rest(profile, neuron)
    fired = {name for stage in neuron.stages if isinstance(stage, Fire) for branch in stage.branches
             for name in branch.writes}  # fmt: skip
    for register in neuron.registers:
        if resting[register] == NOTHING and register not in fired:
            span = _arrived(profile, neuron, register, incoming)
            if span is not None and lane_bits(span) < lane_bits(words[register]):
                found[register] = span
    return found


def _arrived(profile: Profile, neuron: NeuronClass, register: str, incoming: Sequence[Arriving]) -> Interval | None:
    """What a register holds while a step's sums arrive; None where that is not known without the weights."""
    span = NOTHING
    for arrival, delays, own in incoming:
        connection = profile.connections[arrival.via]
        if register not in connection.into[: arrival.synapses]:
            continue
        if connection.sum is None or delays > 1:
            return None
        total = _whole(int(arrival.total.removeprefix("int")))
        ops, words = IntervalOps(), {**neuron.registers, SUM: connection.sum.word}
        values = {name: Interval(value, value) for name, value in own.items()}
        regs = Registers(ops, words, {**sum_scope(profile, connection), **values, SUM: total, register: span})
        regs.write(SUM, total)
        for item in connection.sum.then:
            item.stage.run(regs)
        deliver_sum(regs, register)
        span = span.join(regs[register])
    return span if span == NOTHING else _whole(span.bits)


def _whole(bits: int) -> Interval:
    return Interval(-(1 << (bits - 1)), (1 << (bits - 1)) - 1)
