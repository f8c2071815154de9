"""The sources of a row of spikes that have any: what a compiled kernel delivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from ..datapath import NONZERO, Cap, clip_count
from ..ops.code import I1, I64, Code, Row, Slot
from ..ops.interval import Interval
from ..ops.lanes import LaneOps


@dataclass(frozen=True)
class Events:
    """The sources of one projection that spiked in a step.

    index: which ones, ascending. acting: as how many spikes each acts, only where `graded`: where one is not 1.
    found: how many sources.
    """

    index: Row
    acting: Row
    found: Any
    graded: Any

    def count(self, code: Code, number: Any) -> Any:
        """As how many spikes event `number` acts."""
        known = code.builder.select(self.graded, number, I64(0))
        return code.builder.select(self.graded, self.acting.get(known), I64(1))

    def part(self, code: Code, first: Any, found: Any) -> Events:
        """So many of them, from one on."""
        known = code.builder.select(self.graded, first, I64(0))
        return Events(self.index.part(first), self.acting.part(known), found, self.graded)


def listed(code: Code, row: Row, size: Any, index: Row, acting: Row, cap: Cap, sent: Interval) -> Events:
    """List the entries of `row` that are not 0; each acts as its value, clipped to `cap`. sent: what they can be."""
    builder = code.builder
    found, graded = code.slot(I64(0)), code.slot(I1(0))
    for begin, listed, lanes in code.pieces(size, (64, 8, 1)):
        _list(code, row.load(begin, lanes), begin, listed, index, found, graded)
    if cap == NONZERO:
        graded.set(I1(0))
    with builder.if_then(graded.get()), code.loop(I64(0), found.get()) as number:
        ops = LaneOps(code, 1, {}, {})
        acts = clip_count(ops, ops.load(row.load(index.get(number), 1), sent, row.signed), cap)
        acting.store(number, ops.at(acts, 64), 1)
    return Events(index, acting, found.get(), graded.get())


def _list(code: Code, chunk: Any, begin: Any, known: Any, index: Row, found: Slot, graded: Slot) -> None:
    """List the entries of a chunk that are not 0, lowest first, but for the first ones, which are `known`."""
    builder, lanes = code.builder, chunk.type.count
    bits, zero, one = ir.IntType(lanes), ir.Constant(chunk.type, [0] * lanes), ir.Constant(chunk.type, [1] * lanes)
    more = builder.bitcast(builder.icmp_unsigned(">", chunk, one), bits)
    graded.set(builder.or_(graded.get(), builder.icmp_unsigned("!=", more, bits(0))))
    mask = builder.bitcast(builder.icmp_unsigned("!=", chunk, zero), bits)
    mask = mask if lanes == 64 else builder.zext(mask, I64)
    left = code.slot(builder.and_(mask, builder.shl(I64(-1), known)))
    with code.while_(lambda: builder.icmp_unsigned("!=", left.get(), I64(0))):
        mask = left.get()
        index.set(found.get(), builder.add(begin, builder.cttz(mask, I1(1))))
        found.add(I64(1))
        left.set(builder.and_(mask, builder.sub(mask, I64(1))))


def strongest(code: Code, events: Events) -> tuple[Any, Any]:
    """The least (0 at most) and the most (1 at least) that an event acts as."""
    builder, low, high = code.builder, code.slot(I64(0)), code.slot(I64(1))
    with builder.if_then(events.graded), code.loop(I64(0), events.found) as number:
        acts = events.acting.get(number)
        low.set(builder.select(builder.icmp_signed("<", acts, low.get()), acts, low.get()))
        high.set(builder.select(builder.icmp_signed(">", acts, high.get()), acts, high.get()))
    return low.get(), high.get()
