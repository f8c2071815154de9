"""A kernel's machine code under construction: loops, rows of integers in memory, and the arguments of a call."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir

CACHE_LINE, VECTOR = 64, 32  # bytes
I1, I8, I32, I64 = (ir.IntType(bits) for bits in (1, 8, 32, 64))


class Code:
    """One function `kernel`, whose only argument is the address of an int64 for each of `names`."""

    def __init__(self, names: Sequence[str]) -> None:
        self.module = ir.Module("bitspike")
        function = ir.Function(self.module, ir.FunctionType(ir.VoidType(), [I64.as_pointer()]), "kernel")
        self.entry = ir.IRBuilder(function.append_basic_block("entry"))
        self.builder = ir.IRBuilder(function.append_basic_block("body"))
        self._names = {name: place for place, name in enumerate(names)}
        self._arguments = function.args[0]
        self.streams = False

    def finish(self) -> str:
        """The module's text."""
        if self.streams:
            self.builder.fence("seq_cst")  # what was streamed is there for whoever is told that the kernel has ended
        self.builder.ret_void()
        self.entry.branch(self.builder.function.basic_blocks[1])
        return str(self.module)

    def argument(self, name: str) -> Any:
        """A number that the kernel was called with."""
        return self.entry.load(self.entry.gep(self._arguments, [I64(self._names[name])]))

    def flag(self, name: str) -> Any:
        """Whether a number that the kernel was called with is not 0."""
        return self.builder.icmp_signed("!=", self.argument(name), I64(0))

    def row(self, name: str, dtype: str) -> Row:
        """The array whose address the kernel was called with."""
        return Row(self, self.entry.inttoptr(self.argument(name), _pointer(dtype)), dtype)

    def slot(self, start: Any) -> Slot:
        """A variable."""
        address = self.entry.alloca(start.type)
        self.builder.store(start, address)
        return Slot(self.builder, address)

    @contextmanager
    def loop(self, first: Any, last: Any, step: Any = 1) -> Iterator[Any]:
        """From `first` on, below `last`; yields the index. step: a number, or a value."""
        builder = self.builder
        start = builder.block
        head, inner, after = (builder.append_basic_block(name) for name in ("loop", "inner", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        index = builder.phi(I64)
        index.add_incoming(first, start)
        builder.cbranch(builder.icmp_signed("<", index, last), inner, after)
        builder.position_at_end(inner)
        yield index
        step = I64(step) if isinstance(step, int) else step
        index.add_incoming(builder.add(index, step), builder.block)
        builder.branch(head)
        builder.position_at_end(after)

    def pieces(self, size: Any, widths: Sequence[int]) -> Iterator[tuple[Any, Any, int]]:
        """Vectors that cover 0 to `size`, of the first of these widths that fits: where each begins, and its width.

        The last one overlaps the one before it by so many lanes, which is the second of the three. The last width is 1.
        """
        builder, done = self.builder, self.slot(I64(0))
        for lanes in widths:
            first = done.get()
            enough = builder.icmp_signed(">=", size, I64(lanes))
            with builder.if_then(builder.and_(enough, builder.icmp_signed("<", first, size))):
                last = builder.sub(size, I64(lanes))
                with self.loop(first, size, lanes) as start:
                    begin = builder.select(builder.icmp_signed(">", start, last), last, start)
                    yield begin, builder.sub(start, begin), lanes
                done.set(size)

    @contextmanager
    def while_(self, condition: Any) -> Iterator[None]:
        """As long as `condition()`, computed anew each time, holds."""
        builder = self.builder
        head, inner, after = (builder.append_basic_block(name) for name in ("while", "inner", "after"))
        builder.branch(head)
        builder.position_at_end(head)
        builder.cbranch(condition(), inner, after)
        builder.position_at_end(inner)
        yield
        builder.branch(head)
        builder.position_at_end(after)


class Slot:
    """A variable of the machine code."""

    def __init__(self, builder: ir.IRBuilder, address: Any) -> None:
        self.builder, self.address = builder, address

    def get(self) -> Any:
        """Its value."""
        return self.builder.load(self.address)

    def set(self, value: Any) -> None:
        """Change it."""
        self.builder.store(value, self.address)

    def add(self, value: Any) -> None:
        """Increase it."""
        self.set(self.builder.add(self.get(), value))


class Row:
    """Integers of one type, one behind the other in memory."""

    def __init__(self, code: Code, data: Any, dtype: str) -> None:
        self.code, self.builder, self.data, self.dtype = code, code.builder, data, dtype
        self.bits, self.signed = np.dtype(dtype).itemsize * 8, not dtype.startswith("u")

    def part(self, first: Any) -> Row:
        """The entries from `first` on."""
        return Row(self.code, self.builder.gep(self.data, [first]), self.dtype)

    def get(self, index: Any) -> Any:
        """An entry, in 64 bits."""
        value = self.builder.load(self.builder.gep(self.data, [index]))
        if self.bits == 64:
            return value
        return (self.builder.sext if self.signed else self.builder.zext)(value, I64)

    def set(self, index: Any, value: Any) -> None:
        """Write the low bits of a value."""
        value = value if self.bits == 64 else self.builder.trunc(value, ir.IntType(self.bits))
        self.builder.store(value, self.builder.gep(self.data, [index]))

    def load(self, index: Any, lanes: int) -> Any:
        """So many entries from `index` on, as a vector."""
        loaded = self.builder.load(self._vector(index, lanes))
        loaded.align = self.bits // 8
        return loaded

    def store(self, index: Any, vector: Any, lanes: int) -> None:
        """Write so many entries; what they do not hold is cut off."""
        vector = resized(self.builder, vector, self.bits, signed=True)
        self.builder.store(vector, self._vector(index, lanes)).align = self.bits // 8

    def _vector(self, index: Any, lanes: int) -> Any:
        place = self.builder.gep(self.data, [index])
        return self.builder.bitcast(place, ir.VectorType(ir.IntType(self.bits), lanes).as_pointer())

    def prefetch(self, first: Any, count: int, write: bool = False) -> None:
        """Ask for so many entries, which are read soon, or written."""
        kind = ir.FunctionType(ir.VoidType(), [I8.as_pointer(), I32, I32, I32])
        name = "llvm.prefetch.p0i8"
        found = self.builder.module.globals.get(name) or ir.Function(self.builder.module, kind, name)
        for place in range(0, count * self.bits // 8, CACHE_LINE):
            address = self.builder.gep(self.data, [self.builder.add(first, I64(place * 8 // self.bits))])
            self.builder.call(found, [self.builder.bitcast(address, I8.as_pointer()), I32(int(write)), I32(3), I32(1)])

    def copy(self, source: Row, count: Any) -> None:
        """Take over so many entries of a row of the same type."""
        bytes_ = self.builder.mul(count, I64(self.bits // 8))
        to, of = (self.builder.bitcast(row.data, I8.as_pointer()) for row in (self, source))
        kind = [I8.as_pointer(), I8.as_pointer(), I64]
        self.builder.call(self.builder.module.declare_intrinsic("llvm.memcpy", kind), [to, of, bytes_, I1(0)])

    def stream(self, source: Row, count: Any) -> None:
        """As `copy`, past the caches, where the row begins with a vector: for what is not read soon."""
        self.code.streams = True
        builder, lanes = self.builder, VECTOR * 8 // self.bits
        offset = builder.and_(builder.ptrtoint(self.data, I64), I64(VECTOR - 1))
        whole = builder.select(builder.icmp_unsigned("==", offset, I64(0)), count, I64(0))
        whole = builder.and_(whole, I64(-lanes))
        with self.code.loop(I64(0), whole, lanes) as first:
            store = builder.store(source.load(first, lanes), self._vector(first, lanes))
            store.align = VECTOR
            store.set_metadata("nontemporal", builder.module.add_metadata([I32(1)]))
        self.part(whole).copy(source.part(whole), builder.sub(count, whole))

    def clear(self, count: Any) -> None:
        """Set so many entries to 0."""
        bytes_ = self.builder.mul(count, I64(self.bits // 8))
        to = self.builder.bitcast(self.data, I8.as_pointer())
        kind = [I8.as_pointer(), I64]
        self.builder.call(self.builder.module.declare_intrinsic("llvm.memset", kind), [to, I8(0), bytes_, I1(0)])


def vectors(count: int, widths: Sequence[int] = (32, 16, 8, 4, 2, 1)) -> Iterator[tuple[int, int]]:
    """Vectors of these widths that cover so many entries, a multiple of the last: where each begins, and its width."""
    first = 0
    for lanes in widths:
        while count - first >= lanes:
            yield first, lanes
            first += lanes


def zeros(bits: int, lanes: int) -> ir.Constant:
    """A vector of nothing but 0."""
    return same(bits, lanes, 0)


def same(bits: int, lanes: int, value: int) -> ir.Constant:
    """A vector of one value."""
    return ir.Constant(ir.VectorType(ir.IntType(bits), lanes), [value] * lanes)


def resized(builder: ir.IRBuilder, vector: Any, bits: int, signed: bool) -> Any:
    """A vector in lanes of so many bits; what they do not hold is cut off."""
    own, to = vector.type.element.width, ir.VectorType(ir.IntType(bits), vector.type.count)
    if own == bits:
        return vector
    if own > bits:
        return builder.trunc(vector, to)
    return (builder.sext if signed else builder.zext)(vector, to)


def joined(builder: ir.IRBuilder, first: Any, second: Any) -> Any:
    """The lanes of two vectors, one behind the other."""
    order = ir.Constant(ir.VectorType(I32, 2 * first.type.count), list(range(2 * first.type.count)))
    return builder.shuffle_vector(first, second, order)


def lanes_of(builder: ir.IRBuilder, vector: Any, first: int, count: int) -> Any:
    """Some lanes of a vector, from one on."""
    order = ir.Constant(ir.VectorType(I32, count), list(range(first, first + count)))
    return builder.shuffle_vector(vector, vector, order)


def greater(builder: ir.IRBuilder, a: Any, b: Any) -> Any:
    """The greater of two, neither of which is below 0."""
    return builder.select(builder.icmp_unsigned(">", a, b), a, b)


def greatest(builder: ir.IRBuilder, vector: Any) -> Any:
    """The greatest of a vector's entries, in 64 bits."""
    while vector.type.count > 1:
        half = vector.type.count // 2
        vector = greater(builder, *(lanes_of(builder, vector, first, half) for first in (0, half)))
    greatest = builder.extract_element(vector, I32(0))
    return greatest if greatest.type == I64 else builder.zext(greatest, I64)


def _pointer(dtype: str) -> Any:
    return ir.IntType(np.dtype(dtype).itemsize * 8).as_pointer()
