"""The sources of a row of spikes that have any: what a compiled kernel delivers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from llvmlite import ir

from ..datapath import NONZERO, Cap, clip_count
from ..ops.code import I1, I8, I64, Code, Row, Slot, lanes_of, resized
from ..ops.interval import Interval
from ..ops.lanes import LaneOps
from .host import packs
from .vector import ANYTHING

GROUP = 8  # entries that are listed together
FEW = 6  # of 64 entries, which are listed one by one
AHEAD = 16  # of 64 where an instruction packs them; so many are written behind a list's end, at most
_PLACES = ir.VectorType(I8, GROUP)
_NUMBERS = ir.Constant(ir.VectorType(I8, 64), list(range(64)))


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


def noted(code: Code, row: Row, size: Any, index: Row) -> Any:
    """List the entries of `row` that are not 0; returns how many."""
    return _entries(code, row, size, index)[0]


def listed(code: Code, row: Row, size: Any, index: Row, acting: Row, cap: Cap, sent: Interval) -> Events:
    """List the entries of `row` that are not 0; each acts as its value, clipped to `cap`. sent: what they can be."""
    builder, (found, several) = code.builder, _entries(code, row, size, index)
    graded = I1(0) if cap == NONZERO else several
    with builder.if_then(graded), code.loop(I64(0), found) as number:
        ops = LaneOps(code, 1, {}, {})
        acts = clip_count(ops, ops.load(row.load(index.get(number), 1), sent, row.signed), cap)
        acting.store(number, ops.at(acts, 64), 1)
    return Events(index, acting, found, graded)


def _entries(code: Code, row: Row, size: Any, index: Row) -> tuple[Any, Any]:
    """List the entries of `row` that are not 0; how many, and whether one is above 1, or below 0."""
    found, graded = code.slot(I64(0)), code.slot(I1(0))
    for begin, known, lanes in code.pieces(size, (64, GROUP, 1)):
        _list(code, row.load(begin, lanes), begin, known, index, found, graded)
    return found.get(), graded.get()


def _list(code: Code, chunk: Any, begin: Any, known: Any, index: Row, found: Slot, graded: Slot) -> None:
    """List the entries of a chunk that are not 0, lowest first, but for the first ones, which are `known`.

    Without a branch, as none could be foretold: more entries are written than spiked, and those that did are kept.
    """
    builder, lanes = code.builder, chunk.type.count
    bits, zero, one = ir.IntType(lanes), ir.Constant(chunk.type, [0] * lanes), ir.Constant(chunk.type, [1] * lanes)
    more = builder.bitcast(builder.icmp_unsigned(">", chunk, one), bits)
    graded.set(builder.or_(graded.get(), builder.icmp_unsigned("!=", more, bits(0))))
    mask = builder.bitcast(builder.icmp_unsigned("!=", chunk, zero), bits)
    mask = mask if lanes == 64 else builder.zext(mask, I64)
    mask = builder.and_(mask, builder.shl(I64(-1), known))
    if lanes < GROUP:
        index.set(found.get(), begin)
        found.add(mask)
        return
    at, count = found.get(), builder.ctpop(mask)
    if lanes == 64 and packs():
        _packed(code, begin, mask, index, at)
    elif lanes == 64:
        with builder.if_else(builder.icmp_signed("<=", count, I64(FEW)), likely=True) as (few, many):
            with few:
                _singly(code, begin, mask, index, at)
            with many:
                _in_groups(code, begin, mask, lanes, index, at)
    else:
        _in_groups(code, begin, mask, lanes, index, at)
    found.add(count)


def _packed(code: Code, begin: Any, mask: Any, index: Row, at: Any) -> None:
    """List the bits of a mask, packed by an instruction."""
    builder = code.builder
    listed, count = packed(code, _NUMBERS, mask), builder.ctpop(mask)
    _write(code, begin, lanes_of(builder, listed, 0, AHEAD), index, at)
    for first in range(AHEAD, _NUMBERS.type.count, AHEAD):
        with builder.if_then(builder.icmp_signed(">", count, I64(first)), likely=False):
            part = lanes_of(builder, listed, first, AHEAD)
            _write(code, begin, part, index, builder.add(at, I64(first)))


def _singly(code: Code, begin: Any, mask: Any, index: Row, at: Any) -> None:
    """List the bits of a mask, FEW at most, one after the other."""
    builder = code.builder
    for number in range(FEW):
        index.set(builder.add(at, I64(number)), builder.add(begin, builder.cttz(mask, I1(0))))
        mask = builder.and_(mask, builder.sub(mask, I64(1)))


def _in_groups(code: Code, begin: Any, mask: Any, lanes: int, index: Row, at: Any) -> None:
    """List the bits of a mask, a group at a time, by a table of what each of its values has."""
    builder = code.builder
    for first in range(0, lanes, GROUP):
        group = builder.and_(builder.lshr(mask, I64(first)), I64((1 << GROUP) - 1))
        _write(code, builder.add(begin, I64(first)), places(code, group), index, at)
        at = builder.add(at, builder.ctpop(group))


def _write(code: Code, begin: Any, listed: Any, index: Row, at: Any) -> None:
    """Write entries, of which `listed` says how far behind `begin` each is, in bytes."""
    ops = LaneOps(code, listed.type.count, {}, {})
    start = ops.at(ops.splat(begin, ANYTHING), index.bits)
    entries = resized(code.builder, listed, index.bits, signed=False)
    index.store(at, code.builder.add(entries, start), listed.type.count)


def packed(code: Code, vector: Any, mask: Any) -> Any:
    """The lanes of a vector whose bits of an int64 are set, one behind the other; behind them is anything."""
    builder, kind, lanes = code.builder, vector.type, vector.type.count
    flags = ir.VectorType(I1, lanes)
    name = f"llvm.experimental.vector.compress.v{lanes}i{kind.element.width}"
    found = builder.module.globals.get(name)
    found = found or ir.Function(builder.module, ir.FunctionType(kind, [kind, flags, kind]), name)
    bits = mask if lanes == I64.width else builder.trunc(mask, ir.IntType(lanes))
    return builder.call(found, [vector, builder.bitcast(bits, flags), ir.Constant(kind, ir.Undefined)])


def places(code: Code, group: Any) -> Any:
    """Which bits of a number below 2 ** GROUP are set, lowest first; behind them zeros."""
    builder, module, name = code.builder, code.builder.module, "places"
    if name not in module.globals:
        table = ir.GlobalVariable(module, ir.ArrayType(I64, 1 << GROUP), name)
        table.global_constant, table.linkage = True, "internal"
        sets = ([place for place in range(GROUP) if number >> place & 1] for number in range(1 << GROUP))
        table.initializer = ir.Constant(table.value_type, [I64(int.from_bytes(bytes(each), "little")) for each in sets])
    return builder.bitcast(builder.load(builder.gep(module.globals[name], [I64(0), group])), _PLACES)


def strongest(code: Code, events: Events) -> tuple[Any, Any]:
    """The least (0 at most) and the most (1 at least) that an event acts as."""
    builder, low, high = code.builder, code.slot(I64(0)), code.slot(I64(1))
    with builder.if_then(events.graded), code.loop(I64(0), events.found) as number:
        acts = events.acting.get(number)
        low.set(builder.select(builder.icmp_signed("<", acts, low.get()), acts, low.get()))
        high.set(builder.select(builder.icmp_signed(">", acts, high.get()), acts, high.get()))
    return low.get(), high.get()
