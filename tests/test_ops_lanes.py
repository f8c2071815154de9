"""Code for lanes where it takes a way of its own: proofs that nothing overflows, whole lanes, loops, narrow starts."""

from collections.abc import Callable

import numpy as np
import pytest
from bitspike.datapath import SPIKES, Add, Decay, Divide, Fire, Scale, Set, Shift
from bitspike.ops.base import Registers, Relation, Rounding
from bitspike.ops.code import I64, Code
from bitspike.ops.interval import Interval
from bitspike.ops.lane_arithmetic import lane_bits
from bitspike.ops.lanes import REFUSED, LaneOps
from bitspike.word import Overflow, Word
from interpreter_cases import fires
from interpreter_proofs import prove, prove_lanes
from interpreters import Deliver, Experiment, cases_of, span

S16, S32, U16 = Word(16, True), Word(32, True), Word(16, False)


def ends(interval: Interval) -> list[int]:
    """Both ends and the middle, with their neighbours."""
    near = {value + step for value in (interval.lo, 0, interval.hi) for step in (-1, 0, 1)}
    return sorted(value for value in near if interval.lo <= value <= interval.hi)


def prove_at_the_ends(experiment: Experiment, **values: list[int]) -> None:
    """All interpreters agree on the ends of every operand, or on the values that are named."""
    cases = cases_of({name: values.get(name, ends(interval)) for name, interval in experiment.ranges.items()})
    prove_lanes(experiment, cases, prove(experiment, cases, np.random.default_rng(0)))


def saturating(word: Word, overflow: Overflow = Overflow.SATURATE) -> dict[str, Word]:
    return {"membrane": Word(word.bits, word.signed, overflow)}


def text(run: Callable[[LaneOps, Code], None]) -> str:
    """The code of a few operations on vectors of 32."""
    code = Code(["in", "out"])
    names = ("membrane", REFUSED)
    ops = LaneOps(code, 32, {name: code.slot(I64(0)) for name in names}, {})
    run(ops, code)
    ops.count()
    return code.finish()


def added(word: Word, span: Interval) -> str:
    """The code that adds two values of a span and writes a register of a word."""

    def run(ops: LaneOps, code: Code) -> None:
        row = code.row("in", "int64")
        a, b = (ops.load(row.load(I64(32 * place), 32), span) for place in (0, 1))
        regs = Registers(ops, {"membrane": word}, {"membrane": a})
        regs.write("membrane", ops.add(a, b))
        code.row("out", "int64").store(I64(0), ops.at(regs["membrane"], 64), 32)

    return text(run)


@pytest.mark.parametrize("overflow", Overflow)
def test_an_overflow_that_cannot_happen_costs_nothing(overflow):
    assert "ctpop" not in added(Word(12, True, overflow), Interval(-1024, 1023))
    assert "ctpop" in added(Word(12, True, overflow), Interval(-1025, 1023))


def test_a_leak_and_a_reset_that_cannot_overflow_cost_nothing():
    def run(ops: LaneOps, code: Code) -> None:
        row = code.row("in", "int16")
        whole, by = (
            ops.load(row.load(I64(32 * place), 32), bounds) for place, bounds in enumerate((span(S16), Interval(0, 15)))
        )
        threshold = ops.load(row.load(I64(64), 32), Interval(0, 32767))
        regs = Registers(ops, {"membrane": S16}, {"membrane": whole, "leak": by, "threshold": threshold, SPIKES: by})
        leak = {"into": "membrane", "of": "membrane", "kind": "shift", "by": "leak"}
        Decay(**leak, rounding=Rounding.FLOOR, least=0, result="remaining").run(regs)
        reset = Add(into="membrane", terms=("-threshold",))
        Fire(branches=(fires(("membrane", Relation.GE, "threshold"), 1, 1, reset),)).run(regs)
        code.row("out", "int16").store(I64(0), ops.at(regs["membrane"], 16), 32)

    assert "ctpop" not in text(run)


@pytest.mark.parametrize(("bits", "native"), [(15, False), (16, True), (17, False), (32, True), (33, False)])
def test_a_word_that_is_a_lane_saturates_in_one_instruction(bits, native):
    word = Word(bits, True, Overflow.SATURATE)
    assert (f"llvm.sadd.sat.v32i{bits}" in added(word, span(word))) == native


@pytest.mark.parametrize(("low", "high", "bits"), [(-(2**15), 2**15 - 1, 16), (0, 2**15, 32), (-(2**15) - 1, 0, 32),
                                                   (0, 2**31, 64), (-(2**31) - 1, 0, 64), (0, 2**80, 64)])  # fmt: skip
def test_a_lane_is_as_narrow_as_its_values_allow(low, high, bits):
    assert lane_bits(Interval(low, high)) == bits


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize(("own", "other"), [(U16, S16), (S16, U16), (Word(32, False), S32), (S32, Word(32, False))])
def test_a_write_across_signs_counts_where_the_bits_stay_and_the_value_does_not(own, other, overflow):
    prove_at_the_ends(Experiment(Set(into="membrane", value="a"), saturating(own, overflow), {"a": span(other)}))


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("word", [S16, S32])
@pytest.mark.parametrize("terms", [("a",), ("-a",), ("a", "a"), (3,), (0,), ("a", 0), ("-a", 40000)])
def test_a_sum_in_a_lane_of_its_word_is_that_of_what_fits_the_lane_and_of_what_does_not(word, terms, overflow):
    for bound in (span(word), span(Word(word.bits + 1, True)), span(Word(word.bits, False)), Interval(-3, 2)):
        prove_at_the_ends(Experiment(Add(into="membrane", terms=terms), saturating(word, overflow), {"a": bound}))


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("word", [S16, S32])
def test_a_value_of_lanes_twice_as_wide_is_fitted_by_its_halves(word, overflow):
    for bits in (word.bits + 1, 2 * word.bits - 1, 2 * word.bits):
        near = [value + step for value in (word.min, 0, word.max, 1 << word.bits) for step in (-1, 0, 1)]
        bound = span(Word(bits, True))
        values = sorted({*ends(bound), *(value for value in near if bound.lo <= value <= bound.hi)})
        prove_at_the_ends(
            Experiment(Set(into="membrane", value="a"), saturating(word, overflow), {"a": bound}), a=values
        )


@pytest.mark.parametrize("word", [S16, S32])
def test_a_delivery_saturates_natively_where_the_product_fits_the_lane(word):
    for weight in (Interval(-128, 127), span(word)):
        prove_at_the_ends(
            Experiment(Deliver("membrane"), saturating(word), {"count": span(Word(8, True)), "weight": weight})
        )


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("least", [0, 1])
def test_what_is_left_of_a_decay_lies_between_the_value_and_nothing(overflow, rounding, least):
    decay = Decay(into="a", of="membrane", kind="shift", by="by", rounding=rounding, least=least, result="remaining")
    for low, high in ((-32768, 32767), (0, 32767), (-32768, -1), (5, 9), (-9, -5)):
        words = {"membrane": S16, "a": Word(16, True, overflow)}
        ranges = {"membrane": Interval(low, high), "by": Interval(0, 15), "a": Interval(0, 0)}
        prove_at_the_ends(Experiment(decay, words, ranges), by=[0, 1, 14, 15])


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("relation", Relation)
@pytest.mark.parametrize("least", [-32768, -1, 0, 1])
def test_a_reset_by_what_was_reached_is_counted_only_where_it_may_not_fit(overflow, relation, least):
    """Of >= and > alone, and of a difference that the condition orders, is anything proved."""
    for term, right in (("-threshold", "threshold"), ("-other", "threshold"), ("-threshold", "other")):
        branch = fires(("membrane", relation, right), 1, 1, Add(into="membrane", terms=(term,)))
        names = {"threshold": Interval(least, 32767), "other": Interval(-3, 32767), SPIKES: Interval(0, 0)}
        experiment = Experiment(Fire(branches=(branch,)), saturating(S16, overflow), names)
        prove_at_the_ends(experiment, membrane=[-32768, -2, -1, 0, 1, 32766, 32767])


def test_what_one_branch_reached_proves_nothing_of_another_branch():
    reset = Add(into="membrane", terms=("-threshold",))
    branches = (fires(("membrane", Relation.GE, "threshold"), 1, 1), fires(("membrane", Relation.LT, 5), -1, 1, reset))
    ranges = {"threshold": Interval(0, 32767), SPIKES: Interval(0, 0)}
    experiment = Experiment(Fire(branches=branches), saturating(S16), ranges)
    prove_at_the_ends(experiment, membrane=[-32768, -2, -1, 0, 1, 32766, 32767])


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize("word", [S16, S32, U16, Word(17, True)])
def test_a_shift_beyond_the_lane_leaves_the_sign_or_nothing(word, rounding):
    decay = Decay(into="loss", of="membrane", kind="shift", by="by", rounding=rounding, least=0, result="minus_amount")
    words = {"membrane": Word(word.bits, word.signed, Overflow.WRAP), "loss": Word(34, True, Overflow.REFUSE)}
    experiment = Experiment(decay, words, {"by": Interval(0, 63), "loss": Interval(0, 0)})
    prove_at_the_ends(experiment, by=[0, 1, 14, 15, 16, 17, 30, 31, 32, 33, 62, 63])


def test_a_shift_to_the_left_of_nothing_is_nothing_however_far():
    shift = Shift(into="membrane", by="by")
    prove_at_the_ends(
        Experiment(shift, saturating(S16), {"by": Interval(0, 63), "membrane": Interval(0, 0)}), by=[0, 15, 16, 32, 63]
    )


@pytest.mark.parametrize("rounding", Rounding)
def test_the_most_negative_value_is_negated_in_a_wider_lane(rounding):
    prove_at_the_ends(Experiment(Set(into="membrane", value="-a"), saturating(S16), {"a": span(S16)}))
    scale = Scale(into="membrane", of="-a", factor=1, shift=3, rounding=rounding)
    prove_at_the_ends(Experiment(scale, saturating(S16), {"a": span(S16)}))


@pytest.mark.parametrize("rounding", Rounding)
@pytest.mark.parametrize(
    ("of", "factor", "shift"), [(24, 14, 12), (32, 22, 23), (32, 22, 12), (32, 23, 23), (30, 30, 31)]
)
def test_a_product_wider_than_32_bits_is_scaled_exactly(of, factor, shift, rounding):
    """A double holds the first three products, and 32 bits what is left of the first two."""
    scale = Scale(into="membrane", of="a", factor="b", shift=shift, rounding=rounding)
    words = [Word(bits, True) for bits in (of, factor)]
    near = [[*range(word.min, word.min + 3), -3, -1, 0, 1, 5, *range(word.max - 2, word.max + 1)] for word in words]
    (a, b), rng = near, np.random.default_rng(of)
    a, b = (ends + rng.integers(word.min, word.max, 9).tolist() for ends, word in zip(near, words, strict=True))
    b += [value for value in (1 << (factor - 2), -(1 << (factor - 2)), 3 << (factor - 3))]
    a += [(value << max(0, shift - factor + 2)) + step for value in (1, 7, -1, -7) for step in (-1, 0, 1)]
    experiment = Experiment(scale, saturating(Word(34, True)), {"a": span(words[0]), "b": span(words[1])})
    prove_at_the_ends(experiment, a=sorted(set(a)), b=sorted(set(b)))


def test_a_quotient_is_floored_in_the_lane_of_dividend_and_divisor():
    for of, by in ((S16, Interval(1, 40000)), (U16, Interval(1, 3)), (Word(33, True), Interval(7, 7))):
        divide = Divide(into="membrane", of="a", by="by")
        prove_at_the_ends(Experiment(divide, saturating(S16), {"a": span(of), "by": by}))


@pytest.mark.parametrize("bits", [16, 32, 34])  # within the lanes of a double, the widest of them, and wider
def test_a_quotient_next_to_an_integer_is_on_its_side(bits):
    word, rng = Word(bits, True), np.random.default_rng(bits)
    divisors = [1, 2, 3, 7, 49, 181, 4097, word.max // 2, word.max // 2 + 1, word.max - 1, word.max]
    multiples = {int(by * (end // by)) for by in divisors for end in (word.min, word.max, int(rng.integers(word.max)))}
    multiples |= {by * times for by in divisors for times in (1, 3, 49)}  # 49 * (1 / 49) is less than 1
    near = {value + step for value in multiples for step in (-1, 0, 1)}
    divide = Divide(into="membrane", of="a", by="by")
    experiment = Experiment(divide, saturating(Word(bits, True)), {"a": span(word), "by": Interval(1, word.max)})
    prove_at_the_ends(experiment, a=sorted(value for value in near if value in word), by=divisors)


@pytest.mark.parametrize("overflow", Overflow)
def test_every_lane_of_a_loop_ends_in_its_own_round(overflow):
    branch = fires(("membrane", Relation.GE, "threshold"), 1, 40, Add(into="membrane", terms=("-threshold",)))
    ranges = {"threshold": Interval(1, 9), SPIKES: Interval(0, 3)}
    experiment = Experiment(Fire(branches=(branch,)), saturating(Word(7, True), overflow), ranges)
    prove_at_the_ends(experiment, membrane=list(range(-5, 64)), threshold=list(range(1, 10)))


def test_a_branch_that_is_never_taken_may_compute_what_no_lane_holds():
    """The range analysis, which refuses such widths, does not follow it."""
    wide = Scale(into="membrane", of="a*a", factor="a", shift=0, rounding=Rounding.FLOOR)
    branch = fires(("membrane", Relation.GE, 1 << 15), 1, 1, wide)
    experiment = Experiment(Fire(branches=(branch,)), saturating(S16), {"a": span(S32), SPIKES: Interval(0, 0)})
    prove_at_the_ends(experiment)


def test_a_loop_that_begins_low_stays_exact_in_lanes_that_its_register_could_pass():
    square = Scale(into="membrane", of="membrane", factor="membrane", shift=0, rounding=Rounding.FLOOR)
    branch = fires(("membrane", Relation.GE, 0), 1, 3, square)
    start = {"membrane": Interval(0, 9), SPIKES: Interval(0, 0)}
    prove_at_the_ends(
        Experiment(Fire(branches=(branch,)), saturating(Word(48, False)), start), membrane=list(range(10))
    )


def test_a_loop_carries_what_a_stage_writes_in_a_word_of_its_own():
    wider = Add(into="membrane", terms=(30000,), word=Word(24, True, Overflow.SATURATE))
    branch = fires(("membrane", Relation.GE, 0), 1, 5, wider)
    start = {"membrane": Interval(0, 5), SPIKES: Interval(0, 0)}
    prove_at_the_ends(Experiment(Fire(branches=(branch,)), saturating(S16), start))
