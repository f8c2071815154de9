"""One stage under each interpreter, over any number of cases: what the proofs of equality compare.

An outcome is an int64 table [case, column]: the written registers, how often each overflowed, and whether the
write was refused. A refused case has 1 in the last column and 0 elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import slow_model
from bitspike.datapath import SUM, Cap, Fire, clip_count, deliver, deliver_sum
from bitspike.ops.array import ArrayOps
from bitspike.ops.base import Registers
from bitspike.ops.integer import IntegerOps
from bitspike.ops.interval import Interval, IntervalOps
from bitspike.ops.operators import RefusedWriteError
from bitspike.word import Word
from numpy.typing import NDArray

Table = NDArray[np.int64]
Cases = Mapping[str, Table]


@dataclass(frozen=True)
class Deliver:
    """`deliver` as a stage: `count` spikes over a synapse of `weight`."""

    register: str
    key: ClassVar[str] = "deliver"

    def run(self, regs: Registers) -> None:
        deliver(regs, self.register, regs["count"], regs["weight"])

    def model_dump(self) -> dict[str, Any]:
        return {"register": self.register}


@dataclass(frozen=True)
class ClipCount:
    """`clip_count` as a stage that writes `count`."""

    cap: Cap
    key: ClassVar[str] = "clip_count"

    def run(self, regs: Registers) -> None:
        regs.values["count"] = clip_count(regs.ops, regs["count"], self.cap)

    def model_dump(self) -> dict[str, Any]:
        return {"cap": self.cap}


@dataclass(frozen=True)
class DeliverSum:
    """`deliver_sum` as a stage: one source more for the sum, the stages of the sum, and one write."""

    register: str
    then: tuple[Any, ...] = ()
    key: ClassVar[str] = "deliver_sum"

    def run(self, regs: Registers) -> None:
        deliver(regs, SUM, regs["count"], regs["weight"])
        for stage in self.then:
            stage.run(regs)
        deliver_sum(regs, self.register)

    def model_dump(self) -> dict[str, Any]:
        return {"register": self.register, "then": [{stage.key: stage.model_dump()} for stage in self.then]}


@dataclass(frozen=True)
class Experiment:
    """A stage, the words of its registers, and the range of every operand; literals are part of the stage."""

    stage: Any
    registers: Mapping[str, Word]
    operands: Mapping[str, Interval] = field(default_factory=dict)

    @property
    def ranges(self) -> dict[str, Interval]:
        """Everything the stage may read or write, at its whole range."""
        return {name: span(word) for name, word in self.registers.items()} | dict(self.operands)

    @property
    def held(self) -> dict[str, Interval]:
        """What a register can hold between two writes: its own word, and those that a write gives it."""
        held = {name: self.ranges[name].join(span(word)) for name, word in self.registers.items()}
        for stage in self._writes:
            if getattr(stage, "word", None) is not None:
                held[stage.into] = held[stage.into].join(span(stage.word))
        return held

    @property
    def _writes(self) -> list[Any]:
        if isinstance(self.stage, Fire):
            return [item.stage for branch in self.stage.branches for item in branch.do]
        return list(self.stage.then) if isinstance(self.stage, DeliverSum) else [self.stage]

    @property
    def written(self) -> list[str]:
        """The registers that the stage may write."""
        if isinstance(self.stage, Fire):
            return sorted(set[str]().union(*(branch.writes for branch in self.stage.branches)))
        if isinstance(self.stage, DeliverSum):
            return [self.stage.register, SUM]
        return [getattr(self.stage, "into", getattr(self.stage, "register", "count"))]


def span(word: Word) -> Interval:
    """Every value of a word."""
    return Interval(word.min, word.max)


def all_cases(ranges: Mapping[str, Interval]) -> Cases:
    """The cartesian product of every value of every operand."""
    return cases_of({name: range(r.lo, r.hi + 1) for name, r in ranges.items()})


def cases_of(values: Mapping[str, Iterable[int]]) -> Cases:
    """The cartesian product of the values."""
    grid = np.meshgrid(*(np.array(list(v), np.int64) for v in values.values()), indexing="ij")
    return {name: np.ascontiguousarray(axis.ravel()) for name, axis in zip(values, grid, strict=True)}


def rows_of(cases: Cases) -> Iterable[dict[str, int]]:
    """The cases one by one, as Python ints."""
    names = list(cases)
    for row in zip(*(cases[name].tolist() for name in names), strict=True):
        yield dict(zip(names, row, strict=True))


def by_integer(experiment: Experiment, cases: Cases) -> list[list[int]]:
    """The oracle, case by case: the rows of the table."""
    written, run, ops = experiment.written, experiment.stage.run, IntegerOps()
    regs, rows = Registers(ops, experiment.registers, {}), []
    for values in rows_of(cases):
        regs.values = values
        try:
            run(regs)
            rows.append(_row(written, values, ops.overflows))
        except RefusedWriteError:
            rows.append(_refusal(written))
        ops.overflows.clear()
    return rows


def by_slow_model(experiment: Experiment, cases: Cases) -> list[list[int]]:
    """The independent model, case by case: the rows of the table."""
    kind, stage = experiment.stage.key, experiment.stage.model_dump()
    neuron = slow_model.Neuron({name: str(word) for name, word in experiment.registers.items()})
    written, rows = experiment.written, []
    for values in rows_of(cases):
        neuron.values = values
        try:
            neuron.run(kind, stage)
            rows.append(_row(written, values, neuron.overflows))
        except slow_model.Refused:
            rows.append(_refusal(written))
        neuron.overflows.clear()
    return rows


def _row(written: Sequence[str], values: Mapping[str, int], overflows: Mapping[str, int]) -> list[int]:
    if len(written) == 1:
        return [values[written[0]], overflows.get(written[0], 0), 0]
    return [*(values[name] for name in written), *(overflows.get(name, 0) for name in written), 0]


def _refusal(written: Sequence[str]) -> list[int]:
    return [0] * (2 * len(written)) + [1]


def by_interval(experiment: Experiment, ranges: Mapping[str, Interval]) -> tuple[dict[str, Interval], Interval]:
    """The interval of every written register, and the widest value met."""
    ops = IntervalOps()
    regs = Registers(ops, experiment.registers, dict(ranges))
    experiment.stage.run(regs)
    return {name: regs[name] for name in experiment.written}, ops.widest


def widest(experiment: Experiment) -> Interval:
    """The widest value of the stage, and of what it reads."""
    met = by_interval(experiment, experiment.ranges)[1]
    for interval in experiment.ranges.values():
        met = met.join(interval)
    return met


class MeasuredArrayOps(ArrayOps):
    """Notes the least and the greatest value that an operation gives, before any fit."""

    def __init__(self) -> None:
        super().__init__()
        self.met = Interval(0, 0)

    def _note(self, result: Any) -> Any:
        self.met = self.met.join(Interval(int(np.min(result)), int(np.max(result))))
        return result

    def add(self, a: Any, b: Any) -> Any:
        return self._note(super().add(a, b))

    def sub(self, a: Any, b: Any) -> Any:
        return self._note(super().sub(a, b))

    def mul(self, a: Any, b: Any) -> Any:
        return self._note(super().mul(a, b))

    def shift_left(self, a: Any, by: Any) -> Any:
        return self._note(super().shift_left(a, by))

    def shift_right(self, a: Any, by: Any, rounding: Any) -> Any:
        return self._note(super().shift_right(a, by, rounding))

    def divide(self, a: Any, b: Any) -> Any:
        return self._note(super().divide(a, b))


def run_at_once(experiment: Experiment, ops: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The written registers, all cases at once."""
    regs = Registers(ops, experiment.registers, dict(values))
    experiment.stage.run(regs)
    return {name: regs[name] for name in experiment.written}


def part(cases: Cases, chosen: Any) -> Cases:
    """Some of the cases."""
    return {name: values[chosen] for name, values in cases.items()}
