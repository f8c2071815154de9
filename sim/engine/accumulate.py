"""Dense weights delivered to a register, each event with its fit, plainly where no fit can change anything."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..datapath import deliver
from ..ops.base import Registers
from ..ops.code import I1, I64, Code, Row
from ..ops.interval import Interval
from ..ops.lane_arithmetic import Lanes, lane_bits
from ..word import Word
from .listing import Events, strongest
from .matrix import Extra, Matrix, blocks, summed
from .vector import LANES, Neurons, bounded, roomy, within

FEWEST = 8  # events that are worth a part


@dataclass(frozen=True)
class Beside:
    """Sums of what arrived before the events of a matrix, which may be added together with them.

    some: whether there are any. low, high: what they bring a register at least (0 or less), and at most. sums: of every
    neuron. alone: delivers what they are made of by itself.
    """

    some: Any
    low: Any
    high: Any
    sums: Row
    alone: Callable[[], None]


def part_of(code: Code, word: Word, matrix: Matrix) -> Any:
    """How many events of one spike a register takes at a time: they add at most half of what its word holds."""
    builder, spread = code.builder, code.builder.sub(matrix.most, matrix.least)
    spread = builder.select(builder.icmp_signed(">", spread, I64(1)), spread, I64(1))
    return builder.sdiv(I64((word.max - word.min) // 2), spread)


def accumulated(
    neurons: Neurons,
    register: str,
    matrix: Matrix,
    part: Any,
    events: Events,
    count: Interval,
    beside: Beside | None = None,
) -> None:
    """Deliver events to a register of all neurons, each with its fit. count: as what one acts. part: see `part_of`.

    A part of the events that cannot carry a block of neurons past the register's word is added plainly; all of them
    with the sums `beside` them, if these and the events cannot carry any neuron past it.
    """
    code, builder = neurons.code, neurons.code.builder
    if not bounded(matrix.span, count):
        if beside is not None:
            beside.alone()
        with code.loop(I64(0), neurons.padded, LANES) as place:
            _each(neurons, register, place, matrix, events, count)
        return
    word, weakest, strong = neurons.neuron.registers[register], *strongest(code, events)
    several = code.slot(part)
    with builder.if_then(events.graded):
        several.set(builder.sdiv(part, builder.sub(strong, weakest)))
    enough = builder.icmp_signed(">=", several.get(), I64(FEWEST))
    part = builder.select(enough, several.get(), I64(1 << 31))  # all of them, as few are not worth a part
    low = builder.add(builder.mul(strong, matrix.least), builder.mul(weakest, matrix.most))
    high = builder.add(builder.mul(strong, matrix.most), builder.mul(weakest, matrix.least))
    extra = None
    if beside is not None:
        extra = _together_with(neurons, register, beside, events.found, low, high), beside.sums
        part = builder.select(extra[0], I64(1 << 31), part)
    with code.loop(I64(0), events.found, part) as first:
        left = builder.sub(events.found, first)
        several = builder.select(builder.icmp_signed("<", left, part), left, part)
        least = builder.sub(I64(word.min), builder.mul(several, low))
        most = builder.sub(I64(word.max), builder.mul(several, high))
        _part(neurons, register, matrix, events.part(code, first, several), count, (least, most), extra)


def _together_with(neurons: Neurons, register: str, beside: Beside, found: Any, low: Any, high: Any) -> Any:
    """Whether sums are added with so many events, each of which brings `low` to `high`; else they are delivered."""
    code, builder, word = neurons.code, neurons.code.builder, neurons.neuron.registers[register]
    both = code.slot(builder.and_(beside.some, builder.icmp_signed(">", found, I64(0))))
    with builder.if_then(both.get()):
        low, high = (
            builder.add(end, builder.mul(found, each)) for end, each in ((beside.low, low), (beside.high, high))
        )
        both.set(roomy(neurons, register, builder.sub(I64(word.min), low), builder.sub(I64(word.max), high)))
    with builder.if_then(builder.not_(both.get())):
        beside.alone()
    return both.get()


def _part(
    neurons: Neurons,
    register: str,
    matrix: Matrix,
    events: Events,
    count: Interval,
    ends: tuple[Any, Any],
    extra: Extra | None,
) -> None:
    """Deliver some events, plainly where all of a block's neurons are within `ends`, or sums are added with them."""
    code, builder, row = neurons.code, neurons.code.builder, neurons.rows[register]
    bits, possible = lane_bits(neurons.held[register]), builder.icmp_signed("<=", *ends)
    proved = I1(0) if extra is None else extra[0]

    def block(start: Any, vectors: int) -> None:
        sure = code.slot(possible)
        with builder.if_then(builder.and_(possible, builder.not_(proved))):
            sure.set(within(code, row, start, vectors, bits, *ends))
        with builder.if_else(sure.get(), likely=True) as (plain, careful):
            with plain:
                summed(code, row, bits, start, vectors, matrix, events, extra)
            with careful, code.loop(start, builder.add(start, I64(LANES * vectors)), LANES) as place:
                _each(neurons, register, place, matrix, events, count)

    blocks(code, neurons.padded, bits, block)


def _each(neurons: Neurons, register: str, place: Any, matrix: Matrix, events: Events, count: Interval) -> None:
    """Event by event to one vector of neurons, each with its fit."""
    code, matrix = neurons.code, matrix.behind(place)
    row, span, ops = neurons.rows[register], neurons.held[register], neurons.ops(place)
    value = code.slot(ops.load(row.load(place, LANES), span, row.signed).vector)
    with code.loop(I64(0), events.found) as number:
        weights = matrix.vector(events.index.get(number), 0, lane_bits(matrix.span))
        weight = ops.load(weights, matrix.span)
        regs = Registers(ops, neurons.neuron.registers, {register: Lanes(value.get(), span)})
        deliver(regs, register, ops.splat(events.count(code, number), count), weight)
        value.set(ops.at(regs[register], lane_bits(span)))
        ops.count()
    row.store(place, value.get(), LANES)
