"""The stages that multiply, divide, clip and shrink; computed operands; graded spikes; words of a narrower range."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import product
from typing import Any

from bitspike.datapath import SPIKES, SUM, Add, Clip, Decay, Divide, Fire, Scale, Set, Shift, Shrink
from bitspike.ops.base import Relation, Rounding
from bitspike.ops.interval import Interval
from bitspike.word import Overflow, Word
from interpreter_cases import GATE, GATED, combinations, fires
from interpreters import Deliver, DeliverSum, Experiment, span

RANGED = (Overflow.SATURATE, Overflow.REFUSE)
GATED_TWICE: dict[str, Any] = {"when": (("gate", Relation.NE, 0), ("membrane", Relation.GE, "-a"))}


def _start(word: Word) -> Interval:
    """One value, for a register that is written whatever it was."""
    return Interval(word.max, word.max)


def _scaled(overflow: Overflow, rounding: Rounding) -> Iterator[Experiment]:
    for register, a, b in combinations(3, equal=(4,), most=3):
        ranges = {"a": span(a), "b": span(b), "membrane": _start(register)}
        for shift in (0, 2):
            stage = Scale(into="membrane", of="a", factor="b", shift=shift, rounding=rounding)
            yield Experiment(stage, {"membrane": replace(register, overflow=overflow)}, ranges)
    for register, a in combinations(2, equal=(5,)):
        words = {"membrane": replace(register, overflow=overflow)}
        for of, factor, gate in (("membrane", "a", GATED), ("-a", 3, {}), (-5, "membrane", {})):
            stage = Scale(into="membrane", of=of, factor=factor, shift=2, rounding=rounding, **gate)
            yield Experiment(stage, words, {"a": span(a)} | (GATE if gate else {}))


def _clipped(overflow: Overflow) -> Iterator[Experiment]:
    """By both bounds, contradicting ones among them; and by one bound, which may be a literal."""
    for register, low, high in combinations(3, equal=(4,), most=3):
        stage = Clip(into="membrane", low="low", high="high")
        words = {"membrane": replace(register, overflow=overflow)}
        yield Experiment(stage, words, {"low": span(low), "high": span(high)})
    for register, a in combinations(2, equal=(5,)):
        words = {"membrane": replace(register, overflow=overflow)}
        for bounds, gate in (({"low": "a"}, {}), ({"high": "a"}, GATED), ({"low": "-a", "high": 3}, {})):
            stage = Clip(into="membrane", **bounds, **gate)
            yield Experiment(stage, words, {"a": span(a)} | (GATE if gate else {}))


def _shrunk(overflow: Overflow) -> Iterator[Experiment]:
    for register, by in combinations(2):
        words = {"membrane": replace(register, overflow=overflow)}
        step = {"by": Interval(0, by.max)}
        yield Experiment(Shrink(into="membrane", by="by"), words, step)
        yield Experiment(Shrink(into="membrane", by="by", **GATED), words, step | GATE)
        yield Experiment(Shrink(into="membrane", by=2, word=replace(by, overflow=overflow)), words)


def _divided(overflow: Overflow) -> Iterator[Experiment]:
    for register, of, by in combinations(3, equal=(4,), most=3):
        if by.max > 0:
            ranges = {"of": span(of), "by": Interval(1, by.max), "membrane": _start(register)}
            stage = Divide(into="membrane", of="of", by="by")
            yield Experiment(stage, {"membrane": replace(register, overflow=overflow)}, ranges)
    for register, by in combinations(2):
        words, ranges = {"membrane": replace(register, overflow=overflow)}, {"by": Interval(1, max(1, by.max))}
        yield Experiment(Divide(into="membrane", of="membrane", by="by", **GATED), words, ranges | GATE)
        yield Experiment(Divide(into="membrane", of="-membrane", by=3), words)
        yield Experiment(Divide(into="membrane", of=-9, by="by*by"), words, ranges)


def _shifted_either_way(overflow: Overflow, rounding: Rounding) -> Iterator[Experiment]:
    for register, by in combinations(2, equal=(5,)):
        words = {"membrane": replace(register, overflow=overflow)}
        stage = Shift(into="membrane", by="by", rounding=rounding)
        yield Experiment(stage, words, {"by": span(by)})
        gated = Shift(into="membrane", by="-by", rounding=rounding, **GATED)
        yield Experiment(gated, words, {"by": span(by)} | GATE)
        literal = Shift(into="membrane", by=-2, rounding=rounding, word=replace(by, overflow=overflow))
        yield Experiment(literal, words)


def _computed_operands(overflow: Overflow) -> Iterator[Experiment]:
    """A changed sign and a product wherever an operand may stand, and conditions that must all hold."""
    for register, a, b in combinations(3, equal=(), most=3):
        words = {"membrane": replace(register, overflow=overflow)}
        ranges, fixed = {"a": span(a), "b": span(b)}, {"membrane": _start(register)}
        yield Experiment(Set(into="membrane", value="-a*b"), words, ranges | fixed)
        yield Experiment(Add(into="membrane", terms=("a*membrane", "-b*a", "-b")), words, ranges)
    for register, a in combinations(2, equal=(5,)):
        words, ranges = {"membrane": replace(register, overflow=overflow)}, {"a": span(a)}
        yield Experiment(Add(into="membrane", terms=("a*a", 1), **GATED_TWICE), words, ranges | GATE)
        three = (("a", Relation.LE, 2), ("-membrane", Relation.LT, "a*a"), (1, Relation.NE, "membrane"))
        yield Experiment(Set(into="membrane", value="-membrane", when=three), words, ranges)
        by = {"by": Interval(0, a.bits)}
        keys: dict[str, Any] = {"kind": "shift", "rounding": Rounding.ZERO, "least": 1, "result": "remaining"}
        yield Experiment(Decay(into="membrane", of="membrane", by="by*by", **keys), words, by)


def _fired_graded(overflow: Overflow) -> Iterator[Experiment]:
    """A branch emits what a register holds before its reset; the next one what a parameter holds."""
    both = (("membrane", Relation.GE, "threshold"), ("current", Relation.EQ, 0))
    resets = (Scale(into="membrane", of="membrane", factor="current", shift=1, rounding=Rounding.ZERO),
              Shrink(into="membrane", by=1), Set(into="current", value=2))  # fmt: skip
    for register, threshold in combinations(2, equal=()):
        words = {"membrane": replace(register, overflow=overflow), "current": Word(2, False, overflow)}
        ranges = {"threshold": span(threshold), SPIKES: Interval(-1, 1), "current": Interval(0, 1)}
        branches = (
            fires(both, "membrane", 1, *resets),
            fires(("membrane", Relation.LT, "-threshold"), "threshold", 1, Clip(into="membrane", low="-threshold")),
        )
        yield Experiment(Fire(branches=branches), words, ranges)
        repeated = fires(both, 1, 3, Clip(into="membrane", high="threshold"), Shrink(into="membrane", by=1))
        yield Experiment(Fire(branches=(repeated,)), words, {**ranges, SPIKES: Interval(0, 1)})


def _delivered_at_once(overflow: Overflow) -> Iterator[Experiment]:
    stages = {
        "scaled": (Scale(into=SUM, of=SUM, factor="scale", shift=1, rounding=Rounding.ZERO),),
        "doubled": (Shift(into=SUM, by="scale", rounding=Rounding.FLOOR), Clip(into=SUM, low=-5, high=6)),
        "whole": (),
    }
    for register, total, weight in combinations(3, equal=(), most=3):
        words = {"membrane": replace(register, overflow=overflow), SUM: replace(total, overflow=overflow)}
        start = {SUM: Interval(0, 1) if 1 in total else Interval(-1, 0)}
        ranges = {"count": Interval(-1, 1), "weight": span(weight), "scale": Interval(-1, 1), **start}
        then = stages[("scaled", "doubled", "whole")[(register.bits + total.bits + weight.bits) % 3]]
        yield Experiment(DeliverSum("membrane", then), words, ranges)


def ranged(overflow: Overflow) -> Iterator[Experiment]:
    """Registers, and writes, of every range that 2 bits allow, and of some that 3 bits allow."""
    for word in (Word(bits, signed, overflow) for bits in (2, 3) for signed in (True, False)):
        for low, high in product(range(word.min, word.max + 1), repeat=2):
            if low <= high and (word.bits == 2 or high - low in (0, 5)):
                yield from _in_range(replace(word, low=low, high=high))


def _in_range(word: Word) -> Iterator[Experiment]:
    own, a = {"membrane": word}, {"a": Interval(-3, 3)}
    yield Experiment(Deliver("membrane"), own, {"count": Interval(-2, 2), "weight": Interval(-3, 3)})
    yield Experiment(Set(into="membrane", value="a"), own, a)
    yield Experiment(Shrink(into="membrane", by=1), own)
    wider = {"membrane": Word(4, True, Overflow.WRAP)}
    yield Experiment(Add(into="membrane", terms=("-a",), word=word), wider, a)
    reset = Add(into="membrane", terms=("-a",))
    branch = fires(("membrane", Relation.GE, "a"), 1, 2, reset)
    yield Experiment(Fire(branches=(branch,)), own, {**a, SPIKES: Interval(0, 1)})


MAKERS: dict[str, Callable[[Overflow], Iterator[Experiment]]] = {
    "clip": _clipped, "shrink": _shrunk, "divide": _divided, "computed operands": _computed_operands,
    "fire graded": _fired_graded, "deliver at once": _delivered_at_once,
    **{f"scale {rounding}": lambda overflow, r=rounding: _scaled(overflow, r) for rounding in Rounding},
    **{f"shift either way {r}": lambda overflow, r=r: _shifted_either_way(overflow, r) for r in Rounding},
}  # fmt: skip
