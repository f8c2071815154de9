"""Machine code for products with counts that are mostly 0: their entries are listed, and rows of weights added up.

Lists: `places` int32 and `values`, each list without gaps, and int64 where it `starts` and `ends`.

Three kernels, and their arguments in order: numbers, and addresses of arrays; `first` to `last` are what to run.

- `list_rows`: of each row of `counts` [row, source], floats or uint8, those that are not 0.
- `list_sources`: the same by source, of each BLOCK of rows a list of its own, `to_*`, [block, source]: values by row.
  Runs blocks.
- `multiply`: `sums` [row, size], each the `weights` of the columns that are listed, times their values, in the order
  of the lists, [list, row], of which a row has `lists`. The weights are in tiles [tile, column, lane], each of the
  neurons from lanes * tile on, the last one of the last neurons.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import numpy as np
from llvmlite import ir

from ..engine.cache import Kernel, compiled
from ..ops.code import I8, I32, I64, Code, Row

BLOCK = 512  # rows of a list by source: what such a list adds up stays in a core's second-level cache
GROUP = 8  # counts that are looked at together
TILE = 256  # bytes of a row that are added up in registers

_LISTS = ("places", "values", "starts", "ends")

ARGUMENTS = {
    "list_rows": ("first", "last", "sources", "counts", *_LISTS),
    "list_sources": ("first", "last", "rows", "sources", *_LISTS, *(f"to_{name}" for name in _LISTS)),
    "multiply": ("first", "last", "lists", "rows", "size", "columns", *_LISTS, "weights", "sums"),
}


def lanes_of(size: int, real: str) -> int:
    """Neurons of a tile: a power of 2."""
    return min(TILE // np.dtype(real).itemsize, 1 << (size.bit_length() - 1))


@cache
def kernel(name: str, real: str, *kind: Any) -> Kernel:
    """One of them, for floats of that type: `list_rows` of counts of a type, `multiply` with tiles of so many lanes."""
    code = Code(ARGUMENTS[name])
    _EMITTERS[name](code, real, *kind)
    text = code.finish()
    return compiled(text, lambda: text)


def _list_rows(code: Code, real: str, counted: str) -> None:
    builder, sources = code.builder, code.argument("sources")
    counts = code.row("counts", counted if counted == "uint8" else _whole(real))
    lists, first_places = _Lists(code, real), _places_of_masks(code)

    def shown(values: Any, kind: Any) -> Any:
        """Which counts are not 0; -0.0 is."""
        if counted == "uint8":
            return builder.icmp_unsigned("!=", values, ir.Constant(values.type, None))
        return builder.fcmp_unordered("!=", builder.bitcast(values, kind), ir.Constant(kind, None))

    first, last = _range(code)
    at, whole = code.slot(builder.mul(first, sources)), builder.and_(sources, I64(-GROUP))
    with code.loop(first, last) as row:
        own, begin = counts.part(builder.mul(row, sources)), at.get()
        with code.loop(I64(0), whole, GROUP) as source:
            mask = builder.bitcast(shown(own.load(source, GROUP), ir.VectorType(_float(real), GROUP)), I8)
            places = first_places.load(builder.mul(builder.zext(mask, I64), I64(GROUP)), GROUP)
            places = builder.add(places, _everywhere(builder, builder.trunc(source, I32), GROUP))
            lists.places.store(at.get(), places, GROUP)  # what is beyond the list's end, others will write over
            at.add(builder.zext(builder.ctpop(mask), I64))
        with code.loop(whole, sources) as source:
            lists.places.set(at.get(), source)
            count = builder.load(builder.gep(own.data, [source]))
            at.add(builder.zext(shown(count, _float(real)), I64))
        end = at.get()
        lists.starts.set(row, begin)
        lists.ends.set(row, end)
        with code.loop(begin, end) as entry:
            value = builder.load(builder.gep(own.data, [lists.places.get(entry)]))
            if counted == "uint8":
                value = builder.bitcast(builder.uitofp(value, _float(real)), ir.IntType(lists.values.bits))
            builder.store(value, builder.gep(lists.values.data, [entry]))


def _places_of_masks(code: Code) -> Row:
    """For each of the 2**GROUP masks of a group, the places of its bits, then zeros."""
    places = [[bit for bit in range(GROUP) if mask >> bit & 1] for mask in range(1 << GROUP)]
    flat = [place for each in places for place in (*each, *[0] * (GROUP - len(each)))]
    table = ir.Constant(ir.ArrayType(I32, len(flat)), flat)
    found = ir.GlobalVariable(code.module, table.type, "places")
    found.initializer, found.global_constant = table, True
    return Row(code, code.entry.gep(found, [I64(0), I64(0)]), "int32")


def _list_sources(code: Code, real: str) -> None:
    builder = code.builder
    rows, sources = code.argument("rows"), code.argument("sources")
    given, made = _Lists(code, real), _Lists(code, real, "to_")
    with code.loop(*_range(code)) as block:
        begin = builder.mul(block, I64(BLOCK))
        beyond = builder.add(begin, I64(BLOCK))
        end = builder.select(builder.icmp_signed("<", beyond, rows), beyond, rows)
        own = builder.mul(block, sources)
        starts, ends = made.starts.part(own), made.ends.part(own)
        starts.clear(sources)
        with given.entries(begin, end) as (_, entry):  # how many each list will have
            place = given.places.get(entry)
            starts.set(place, builder.add(starts.get(place), I64(1)))
        at = code.slot(builder.mul(begin, sources))
        with code.loop(I64(0), sources) as source:
            listed, to = starts.get(source), at.get()
            starts.set(source, to)
            ends.set(source, to)
            at.add(listed)
        with given.entries(begin, end) as (row, entry):
            place = given.places.get(entry)
            to = ends.get(place)
            made.places.set(to, row)
            made.values.set(to, given.values.get(entry))
            ends.set(place, builder.add(to, I64(1)))


def _multiply(code: Code, real: str, lanes: int) -> None:
    builder, whole = code.builder, _whole(real)
    kind, bits = _float(real), np.dtype(real).itemsize * 8
    rows, size, columns = (code.argument(name) for name in ("rows", "size", "columns"))
    given, weights, sums = _Lists(code, real), code.row("weights", whole), code.row("sums", whole)
    vector = ir.VectorType(kind, lanes)
    last = builder.sub(size, I64(lanes))
    with code.loop(I64(0), size, lanes) as neuron:
        begin = builder.select(builder.icmp_signed(">", neuron, last), last, neuron)
        tile = weights.part(builder.mul(neuron, columns))
        with code.loop(I64(0), code.argument("lists")) as lists, code.loop(*_range(code)) as row:
            which = builder.add(builder.mul(lists, rows), row)
            to = builder.add(builder.mul(row, size), begin)
            so_far = builder.bitcast(sums.load(to, lanes), vector)
            none = ir.Constant(vector, [0.0] * lanes)
            total = code.slot(builder.select(builder.icmp_signed("==", lists, I64(0)), none, so_far))
            with code.loop(given.starts.get(which), given.ends.get(which)) as entry:
                place = builder.mul(given.places.get(entry), I64(lanes))
                value = builder.bitcast(builder.load(builder.gep(given.values.data, [entry])), kind)
                added = builder.bitcast(tile.load(place, lanes), vector)
                product = builder.fmul(added, _everywhere(builder, value, lanes), flags=["contract"])
                total.set(builder.fadd(total.get(), product, flags=["contract"]))
            sums.store(to, builder.bitcast(total.get(), ir.VectorType(ir.IntType(bits), lanes)), lanes)


class _Lists:
    """Lists in memory."""

    def __init__(self, code: Code, real: str, prefix: str = "") -> None:
        self.code = code
        self.places, self.values = code.row(f"{prefix}places", "int32"), code.row(f"{prefix}values", _whole(real))
        self.starts, self.ends = (code.row(f"{prefix}{name}", "int64") for name in ("starts", "ends"))

    @contextmanager
    def entries(self, first: Any, last: Any) -> Iterator[tuple[Any, Any]]:
        """All entries of lists from `first` on, below `last`; yields the list and where the entry is."""
        with (
            self.code.loop(first, last) as which,
            self.code.loop(self.starts.get(which), self.ends.get(which)) as entry,
        ):
            yield which, entry


def _range(code: Code) -> tuple[Any, Any]:
    return code.argument("first"), code.argument("last")


def _everywhere(builder: Any, value: Any, lanes: int) -> Any:
    """A vector of one value."""
    one = builder.insert_element(ir.Constant(ir.VectorType(value.type, lanes), ir.Undefined), value, I32(0))
    return builder.shuffle_vector(one, one, ir.Constant(ir.VectorType(I32, lanes), [0] * lanes))


def _float(real: str) -> Any:
    return ir.FloatType() if real == "float32" else ir.DoubleType()


def _whole(real: str) -> str:
    """The type of integers of a float's size, by which rows are read and written."""
    return "int32" if real == "float32" else "int64"


_EMITTERS: dict[str, Callable[..., None]] = {
    "list_rows": _list_rows,
    "list_sources": _list_sources,
    "multiply": _multiply,
}
