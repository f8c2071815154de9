"""Records a stage as LLVM instructions and remembers how each value follows from others: the derivative, backwards.

Forward, every value is an integer in the lanes of `lanes.LaneOps`. Each operation notes, for the operands that a
gradient may reach, what the derivative of its result is multiplied by to get theirs: the slopes of `tensor.TensorOps`.
`reverse` then emits the chain rule, from the last operation to the first, on vectors of floats.
"""

from __future__ import annotations

import math
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from llvmlite import ir

from ..word import Overflow, Word
from .base import Crossing, Flag, Ops, Registers, Relation, Repeated, Rounding, crossing
from .lane_arithmetic import Lanes
from .lanes import LaneOps

Vector = Any
Factor = Callable[[Vector], Vector]  # of the derivative by a result, what it adds to the derivative by an operand
Adjoints = MutableMapping[int, Vector]
Decision = Callable[[Repeated, "Traced", "Traced"], Vector]


@dataclass(frozen=True)
class Traced:
    """A value. place: of its derivative; None: no gradient reaches anything through it."""

    lanes: Lanes
    place: int | None = None


class TapeOps(Ops):
    """Values are Traced, flags vectors of single bits."""

    def __init__(self, lanes: LaneOps, real: Any, decision: Decision, reset_share: float, observes: bool) -> None:
        """real: the type of a derivative. decision: of every spike that has a gradient, called with the branch, the
        register that decides and its threshold, gives d(spikes)/d(register), None forward, where there is none yet.
        reset_share: as in TensorOps. observes: whether refused writes are counted.
        """
        self.lanes, self.real, self.decision = lanes, real, decision
        self.reset_share, self.observes = reset_share, observes
        self.builder = lanes.builder
        self._steps: list[tuple[int, list[tuple[int, Factor]]]] = []
        self._places = 0
        self._unbounded = False
        self._claimed: dict[Crossing, Flag] = {}

    def leaf(self, lanes: Lanes) -> Traced:
        """A value that a gradient is wanted for."""
        self._places += 1
        return Traced(lanes, self._places - 1)

    def node(self, lanes: Lanes, *operands: tuple[Traced, Factor]) -> Traced:
        """A value that follows from operands."""
        reached = [(operand.place, factor) for operand, factor in operands if operand.place is not None]
        if not reached:
            return Traced(lanes)
        made = self.leaf(lanes)
        assert made.place is not None
        self._steps.append((made.place, reached))
        return made

    def reverse(self, adjoints: Adjoints) -> None:
        """From the derivatives by results to those by everything that they follow from."""
        for place, operands in reversed(self._steps):
            if place in adjoints:
                above = adjoints.pop(place)
                for operand, factor in operands:
                    self.collect(adjoints, operand, factor(above))

    def collect(self, adjoints: Adjoints, place: int, vector: Vector) -> None:
        """Add to a derivative."""
        adjoints[place] = self.builder.fadd(adjoints[place], vector) if place in adjoints else vector

    # --- derivatives as vectors

    def number(self, value: float) -> Vector:
        """One number in all lanes."""
        return ir.Constant(self.vector, [value] * self.lanes.lanes)

    @property
    def vector(self) -> Any:
        """The type of a vector of derivatives."""
        return ir.VectorType(self.real, self.lanes.lanes)

    def as_real(self, a: Lanes) -> Vector:
        """Integers as floats."""
        if a.vector is None:
            return self.number(float(a.span.lo))
        return self.builder.sitofp(a.vector, self.vector)

    def _product(self, other: Traced) -> Factor:
        return self._times(lambda: self.as_real(other.lanes))

    def _times(self, factor: Callable[[], Vector]) -> Factor:
        return lambda above: self.builder.fmul(above, factor())

    def where(self, flag: Callable[[], Flag]) -> Factor:
        """What passes a derivative where a flag is set."""
        return lambda above: self.builder.select(flag(), above, self.number(0.0))

    def _minus(self, above: Vector) -> Vector:
        return self.builder.fsub(self.number(0.0), above)

    def _power_of_two(self, by: Lanes, sign: int) -> Vector:
        """2**(sign * by), by its exponent bits."""
        if by.vector is None:
            return self.number(2.0 ** (sign * by.span.lo))
        bits, mantissa, bias = (32, 23, 127) if isinstance(self.real, ir.FloatType) else (64, 52, 1023)
        exponent, whole = self.lanes.at(by, bits), self.lanes.type(bits)
        middle = ir.Constant(whole, [bias] * self.lanes.lanes)
        biased = self.builder.add(middle, exponent) if sign > 0 else self.builder.sub(middle, exponent)
        return self.builder.bitcast(
            self.builder.shl(biased, ir.Constant(whole, [mantissa] * self.lanes.lanes)), self.vector
        )

    # --- the micro-operations

    def constant(self, value: int) -> Traced:
        """A literal of the profile."""
        return Traced(self.lanes.constant(value))

    def add(self, a: Traced, b: Traced) -> Traced:
        """a + b"""
        return self.node(self.lanes.add(a.lanes, b.lanes), (a, _same), (b, _same))

    def sub(self, a: Traced, b: Traced) -> Traced:
        """a - b"""
        return self.node(self.lanes.sub(a.lanes, b.lanes), (a, _same), (b, self._minus))

    def mul(self, a: Traced, b: Traced) -> Traced:
        """a * b"""
        return self.node(self.lanes.mul(a.lanes, b.lanes), (a, self._product(b)), (b, self._product(a)))

    def shift_left(self, a: Traced, by: Traced) -> Traced:
        """a * 2**by"""
        return self.node(self.lanes.shift_left(a.lanes, by.lanes), *self._scaled(a, by, 1))

    def shift_right(self, a: Traced, by: Traced, rounding: Rounding) -> Traced:
        """Floor or truncation of a / 2**by; slope 1/2**by"""
        return self.node(self.lanes.shift_right(a.lanes, by.lanes, rounding), *self._scaled(a, by, -1))

    def _scaled(self, a: Traced, by: Traced, sign: int) -> tuple[tuple[Traced, Factor], tuple[Traced, Factor]]:
        """What a * 2**(sign * by), its fraction included, is differentiated by, and its derivatives."""

        def by_exponent(above: Vector) -> Vector:
            value = self.builder.fmul(self.as_real(a.lanes), self._power_of_two(by.lanes, sign))
            return self.builder.fmul(above, self.builder.fmul(self.number(sign * math.log(2)), value))

        return (a, self._times(lambda: self._power_of_two(by.lanes, sign))), (by, by_exponent)

    def divide(self, a: Traced, b: Traced) -> Traced:
        """The floor of a / b; slope 1/b"""

        def by_a(above: Vector) -> Vector:
            return self.builder.fdiv(above, self.as_real(b.lanes))

        def by_b(above: Vector) -> Vector:
            quotient = self.builder.fdiv(self.as_real(a.lanes), self.as_real(b.lanes))
            return self._minus(by_a(self.builder.fmul(above, quotient)))

        return self.node(self.lanes.divide(a.lanes, b.lanes), (a, by_a), (b, by_b))

    def minimum(self, a: Traced, b: Traced) -> Traced:
        """The lesser of a and b; each half of the slope where they are equal"""
        return self._either(a, b, self.lanes.minimum(a.lanes, b.lanes))

    def maximum(self, a: Traced, b: Traced) -> Traced:
        """The greater of a and b; each half of the slope where they are equal"""
        return self._either(a, b, self.lanes.maximum(a.lanes, b.lanes))

    def _either(self, a: Traced, b: Traced, chosen: Lanes) -> Traced:
        def share(of: Traced, other: Traced) -> Vector:
            compared = self.lanes.compare(of.lanes, Relation.EQ, other.lanes)
            own = self.lanes.compare(of.lanes, Relation.EQ, chosen)
            whole = self.builder.select(own, self.number(1.0), self.number(0.0))
            return self.builder.select(compared, self.number(0.5), whole)

        of_a, of_b = self._times(lambda: share(a, b)), self._times(lambda: share(b, a))
        return self.node(chosen, (a, of_a), (b, of_b))

    def fit(self, a: Traced, word: Word) -> Traced:
        """Clip (no gradient where it clips), or wrap (the gradient passes)"""
        if self._unbounded:
            return a
        fitted = self.lanes.fit(a.lanes, word)
        if word.overflow is not Overflow.SATURATE or (a.lanes.span.lo in word and a.lanes.span.hi in word):
            return self.node(fitted, (a, _same))
        return self.node(fitted, (a, self.where(lambda: self.lanes.compare(a.lanes, Relation.EQ, fitted))))

    def compare(self, a: Traced, relation: Relation, b: Traced) -> Flag:
        """a relation b"""
        return self.lanes.compare(a.lanes, relation, b.lanes)

    def both(self, a: Flag, b: Flag) -> Flag:
        """a and b"""
        return self.lanes.both(a, b)

    def invert(self, a: Flag) -> Flag:
        """not a"""
        return self.lanes.invert(a)

    def select(self, flag: Flag, a: Traced, b: Traced) -> Traced:
        """a where flag, else b"""
        chosen = self.lanes.select(flag, a.lanes, b.lanes)
        return self.node(chosen, (a, self.where(lambda: flag)), (b, self.where(lambda: self.invert(flag))))

    def observe(self, register: str, raw: Traced, fitted: Traced, word: Word, when: Flag) -> None:
        """Keep where writes are refused."""
        if self.observes and word.overflow is Overflow.REFUSE and not self._unbounded:
            self.lanes.observe(register, raw.lanes, fitted.lanes, word, when)

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag], body: Callable[[Flag], None]
    ) -> None:
        """Every round, then the gradient of the spikes, through `spikes` and through the reset."""
        before = dict(regs.values)
        for _ in range(branch.repeat):
            body(again())
        decides = crossing(branch.crossing, regs.words)
        if not isinstance(branch.emit, int) or not branch.emit or not decides:
            return
        at_start = Registers(self, regs.words, before)
        u, threshold = at_start[decides[0]], at_start[decides[2]]
        slope = self.decision(branch, u, threshold)
        if slope is not None:
            slope = self._where_possible(slope, branch, decides, at_start)
            self._attach(branch, branch.emit, regs, before, body, (u, threshold, slope))

    def _where_possible(self, slope: Vector, branch: Repeated, decides: Crossing, at_start: Registers) -> Vector:
        """Where the comparison alone decides, and no earlier branch of the step takes the same one."""
        own, claimed = branch.besides(at_start), self._claimed.get(decides)
        either = True if own is True or claimed is True else own if claimed is None else self.builder.or_(own, claimed)
        self._claimed[decides] = either
        if claimed is True:
            return self.number(0.0)
        slope = slope if own is True else self.builder.select(own, slope, self.number(0.0))
        return slope if claimed is None else self.builder.select(claimed, self.number(0.0), slope)

    def _attach(
        self,
        branch: Repeated,
        emit: int,
        regs: Registers,
        before: dict[str, Traced],
        body: Callable[[Flag], None],
        decided: tuple[Traced, Traced, Vector],
    ) -> None:
        """As TensorOps does: the spike's gradient to `spikes`, its share to every register that the reset writes."""
        u, threshold, slope = decided
        jumps = self._jumps(branch, regs, before, body) if self.reset_share else {}
        for name in ("spikes", *jumps):
            factor = slope
            if name in jumps:
                share = self.builder.fmul(self.as_real(jumps[name]), self.number(self.reset_share * emit))
                factor = self.builder.fmul(share, slope)
            value, up, down = regs.values[name], partial(self.builder.fmul, factor), partial(self._falling, factor)
            regs.values[name] = self.node(value.lanes, (value, _same), (u, up), (threshold, down))

    def _falling(self, factor: Vector, above: Vector) -> Vector:
        return self._minus(self.builder.fmul(factor, above))

    def _jumps(
        self, branch: Repeated, regs: Registers, before: dict[str, Traced], body: Callable[[Flag], None]
    ) -> dict[str, Lanes]:
        """What one spike changes in each register, were its word wide enough."""
        after, regs.values = regs.values, {name: Traced(value.lanes) for name, value in before.items()}
        start, self._unbounded = dict(regs.values), True
        try:
            body(True)
            written = sorted(branch.writes - {"spikes"})
            return {name: self.lanes.sub(regs.values[name].lanes, start[name].lanes) for name in written}
        finally:
            regs.values, self._unbounded = after, False


def _same(above: Vector) -> Vector:
    return above
