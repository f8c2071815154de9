"""Hypothesis strategies: any stage over any words up to 32 bits, and cases for it."""

from __future__ import annotations

from typing import Any

import numpy as np
from bitspike.datapath import SPIKES, Add, Decay, Fire, Set, Shift
from bitspike.ops.base import Relation, Rounding
from bitspike.ops.interval import Interval
from bitspike.word import Overflow, Word
from hypothesis import strategies as st
from interpreter_cases import boundary_values, fires
from interpreters import Cases, Deliver, Experiment, by_interval, span

REGISTERS = ("membrane", "current")
PARAMETERS = ("threshold", "weight", "count")
SHIFT, COUNT = Word(4, False), Word(8, True)
CASES = 12

words = st.builds(Word, st.integers(1, 32), st.booleans())
register_words = st.builds(Word, st.integers(1, 32), st.booleans(), st.sampled_from(Overflow))
registers = st.sampled_from(REGISTERS)
literals = st.integers(-40, 40) | st.sampled_from([2**15, -(2**15) - 1, 2**31, -(2**31)])
operands = st.sampled_from(REGISTERS + PARAMETERS) | literals
terms = operands | st.sampled_from(REGISTERS + PARAMETERS).map(lambda name: f"-{name}")
conditions = st.tuples(st.sampled_from(REGISTERS + PARAMETERS), st.sampled_from(Relation), operands)
common = {"word": st.none() | register_words, "when": st.none() | conditions}
shifts = st.just("by") | st.integers(0, 15)

decays = st.builds(
    Decay,
    into=registers,
    of=registers,
    kind=st.just("shift"),
    by=shifts,
    rounding=st.sampled_from(Rounding),
    least=st.sampled_from([0, 1]),
    result=st.sampled_from(["remaining", "minus_amount"]),
    **common,
)
adds = st.builds(Add, into=registers, terms=st.lists(terms, min_size=1, max_size=3).map(tuple), **common)
writes = decays | adds | st.builds(Set, into=registers, value=operands, **common)
writes |= st.builds(Shift, into=registers, by=shifts, **common)


@st.composite
def branches(draw: Any) -> Any:
    emit = draw(st.sampled_from([1, 1, -1, 0]))
    repeat = draw(st.sampled_from([1, 2, 5])) if emit == 1 else 1
    return fires(draw(conditions), emit, repeat, *draw(st.lists(writes, max_size=2)))


stages = writes | st.just(Deliver("membrane"))
stages |= st.lists(branches(), min_size=1, max_size=3).map(lambda b: Fire(branches=tuple(b)))


@st.composite
def experiments(draw: Any) -> tuple[Experiment, Cases]:
    """A stage whose every value fits 63 bits, and some cases."""
    own = {name: draw(register_words) for name in REGISTERS}
    ranges = {name: span(draw(words)) for name in PARAMETERS} | {
        "count": span(COUNT),
        "by": span(SHIFT),
        SPIKES: Interval(0, 2),
    }
    experiment = Experiment(draw(stages.filter(bool)), own, ranges)
    if by_interval(experiment, experiment.ranges)[1].bits > 63:
        experiment = Experiment(Set(into="membrane", value="threshold"), own, ranges)
    return experiment, draw(cases(experiment))


@st.composite
def cases(draw: Any, experiment: Experiment) -> Cases:
    values = {}
    for name, r in experiment.ranges.items():
        word = experiment.registers.get(name)
        one = st.integers(r.lo, r.hi) | st.sampled_from(boundary_values(word) if word else [r.lo, r.hi])
        values[name] = np.array(draw(st.lists(one, min_size=CASES, max_size=CASES)), np.int64)
    return values
