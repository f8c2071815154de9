"""Hypothesis strategies: any stage over any words and ranges whose every value fits 63 bits, and cases for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from bitspike.datapath import SPIKES, SUM, Add, Clip, Decay, Divide, Fire, Scale, Set, Shift, Shrink
from bitspike.ops.base import Relation, Rounding
from bitspike.ops.interval import Interval
from bitspike.word import MAX_BITS, Overflow, Word
from hypothesis import strategies as st
from interpreter_cases import fires
from interpreter_families import boundary_values
from interpreters import Cases, Deliver, DeliverSum, Experiment, span, widest

REGISTERS = ("membrane", "current")
PARAMETERS = ("threshold", "weight", "count")
SHIFT, EITHER_WAY, COUNT, DIVISOR = Word(4, False), Word(4, True), Word(8, True), Word(9, False, low=1, high=300)
CASES = 40  # a vector and a part of one

bits = st.integers(1, 32) | st.sampled_from([8, 15, 16, 17, 31, 32, 33, 48, 61])  # the ends of lanes among them
words = st.builds(Word, bits, st.booleans())
registers = st.sampled_from(REGISTERS)
names = st.sampled_from(REGISTERS + PARAMETERS)
literals = st.integers(-40, 40) | st.sampled_from([2**15, -(2**15) - 1, 2**31, -(2**31)])
products = st.tuples(names, names).map("*".join)
computed = (names | products).map(lambda operand: f"-{operand}") | products
operands = names | literals | computed
conditions = st.tuples(names | computed, st.sampled_from(Relation), operands)
whens = conditions | st.lists(conditions, min_size=1, max_size=3).map(tuple)
shifts = st.just("by") | st.integers(0, 15)
roundings = st.sampled_from(Rounding)


@st.composite
def register_words(draw: Any) -> Word:
    """A word with an overflow; one that does not wrap may have a narrower range."""
    word = Word(draw(bits), draw(st.booleans()), draw(st.sampled_from(Overflow)))
    if word.overflow is Overflow.WRAP or draw(st.booleans()):
        return word
    low, high = sorted(draw(st.tuples(*[st.integers(word.min, word.max)] * 2)))
    return replace(word, low=low, high=high)


@st.composite
def ranges(draw: Any) -> Interval:
    """The whole range of a word, or a part of it."""
    whole = span(draw(words))
    ends = st.tuples(*[st.integers(whole.lo, whole.hi)] * 2).map(sorted)
    return draw(st.just(whole) | ends.map(lambda pair: Interval(*pair)))


def written(stage: Any, into: Any = registers, **keys: Any) -> Any:
    """Any stage of a kind, with what every stage may say."""
    return st.builds(stage, into=into, word=st.none() | register_words(), when=st.none() | whens, **keys)


def arithmetic(into: Any, operands: Any) -> Any:
    """The stages that a sum, too, may go through."""
    bounds = st.tuples(st.none() | operands, operands) | st.tuples(operands, st.none())
    clips = bounds.flatmap(lambda ends: written(Clip, into, low=st.just(ends[0]), high=st.just(ends[1])))
    stages = (
        clips | clips | written(Scale, into, of=operands, factor=operands, shift=st.integers(0, 40), rounding=roundings)
    )
    stages |= written(Shift, into, by=st.sampled_from(["either_way", "-either_way", -3]), rounding=roundings)
    stages |= written(Shrink, into, by=st.sampled_from(["by", "divisor", "by*divisor", 2]))
    return stages | written(Divide, into, of=operands, by=st.sampled_from(["divisor", "divisor*divisor", 7]))


decays = written(
    Decay,
    of=registers,
    kind=st.just("shift"),
    by=shifts,
    rounding=roundings,
    least=st.sampled_from([0, 1]),
    result=st.sampled_from(["remaining", "minus_amount"]),
)
writes = decays | written(Add, terms=st.lists(operands, min_size=1, max_size=3).map(tuple))
writes |= written(Set, value=operands) | written(Shift, by=shifts) | arithmetic(registers, operands)


@st.composite
def branches(draw: Any) -> Any:
    emit = draw(st.sampled_from([1, 1, -1, 0, *REGISTERS, "threshold"]))
    repeat = draw(st.sampled_from([1, 2, 5])) if emit == 1 else 1
    return fires(draw(whens), emit, repeat, *draw(st.lists(writes, max_size=2)))


sums = st.lists(arithmetic(st.just(SUM), st.just(SUM) | operands), max_size=2)
deliveries = st.just(Deliver("membrane")) | sums.map(lambda then: DeliverSum("membrane", tuple(then)))
fired = st.lists(branches(), min_size=1, max_size=3).map(lambda b: Fire(branches=tuple(b)))
stages = st.sampled_from([writes, writes, writes, fired, fired, deliveries]).flatmap(lambda kind: kind)


@st.composite
def experiments(draw: Any) -> tuple[Experiment, Cases]:
    """A stage whose every value fits 63 bits, and some cases."""
    own = {name: draw(register_words()) for name in (*REGISTERS, SUM)}
    operands = {name: draw(ranges()) for name in PARAMETERS} | {
        "count": span(COUNT),
        "by": span(SHIFT),
        "either_way": span(EITHER_WAY),
        "divisor": span(DIVISOR),
        SPIKES: Interval(0, 2),
    }
    held = stages.map(lambda stage: Experiment(stage, own, operands)).filter(lambda each: widest(each).bits <= MAX_BITS)
    experiment = draw(held)
    return experiment, draw(cases(experiment))


@st.composite
def cases(draw: Any, experiment: Experiment) -> Cases:
    values = {}
    for name, r in experiment.ranges.items():
        word = experiment.registers.get(name)
        one = st.integers(r.lo, r.hi) | st.sampled_from(boundary_values(word) if word else [r.lo, r.hi])
        values[name] = np.array(draw(st.lists(one, min_size=CASES, max_size=CASES)), np.int64)
    return values
