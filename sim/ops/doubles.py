"""Quotients and scaled products of vectors of 32-bit integers, exact, by doubles.

Machines neither divide vectors of integers nor multiply those of 64 bits.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir

from .base import Rounding
from .interval import Interval

_SIGNIFICAND = 53  # bits; with a sign 54


def can_scale(factors: tuple[Interval, Interval], product: Interval, shifted: Interval) -> bool:
    """Whether a double holds the product of two 32-bit factors, and 32 bits what is left of it after a shift."""
    return max(each.bits for each in (*factors, shifted)) <= 32 and product.bits <= _SIGNIFICAND + 1


def scaled(builder: ir.IRBuilder, a: Any, b: Any, by: int, rounding: Rounding) -> Any:
    """a * b / 2**by, int32, where `can_scale` says so."""
    kind, (x, y) = _doubles(a.type.count), (_real(builder, each) for each in (a, b))
    product = builder.fmul(x, builder.fmul(y, ir.Constant(kind, [2.0**-by] * kind.count)))
    return _whole(builder, product, floors=rounding is Rounding.FLOOR)


def divided(builder: ir.IRBuilder, a: Any, b: Any, natural: bool) -> Any:
    """The floor of a / b, int32, of a divisor above 0. natural: whether a is never below 0.

    (a + 1/2) / b is at least 1 / (2 b) away from every whole number, which a double tells apart although it is
    multiplied by the reciprocal of b, which is computed once where b is the same for all neurons.
    """
    kind, (x, y) = _doubles(a.type.count), (_real(builder, each) for each in (a, b))
    half, one = (ir.Constant(kind, [number] * kind.count) for number in (0.5, 1.0))
    quotient = builder.fmul(builder.fadd(x, half), builder.fdiv(one, y))
    return _whole(builder, quotient, floors=not natural)


def _doubles(lanes: int) -> ir.VectorType:
    return ir.VectorType(ir.DoubleType(), lanes)


def _real(builder: ir.IRBuilder, vector: Any) -> Any:
    return builder.sitofp(vector, _doubles(vector.type.count))


def _whole(builder: ir.IRBuilder, real: Any, floors: bool) -> Any:
    """int32, rounded towards 0, or down."""
    if floors:
        module, name = builder.module, f"llvm.floor.v{real.type.count}f64"
        floor = module.globals.get(name) or ir.Function(module, ir.FunctionType(real.type, [real.type]), name)
        real = builder.call(floor, [real])
    return builder.fptosi(real, ir.VectorType(ir.IntType(32), real.type.count))
