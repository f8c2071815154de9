from itertools import product

import pytest
from bitspike.ops.base import Relation, Rounding
from bitspike.ops.integer import IntegerOps
from bitspike.ops.interval import Interval, IntervalOps, Maybe
from bitspike.ops.operators import COMPARE
from bitspike.word import Overflow, Word

SMALL = [Interval(lo, hi) for lo in range(-4, 5) for hi in range(lo, 5)]
BOTH = [Maybe(true, false) for true, false in ((True, True), (True, False), (False, True))]


def values(interval):
    return range(interval.lo, interval.hi + 1)


def hull(numbers):
    return Interval(min(numbers), max(numbers))


@pytest.mark.parametrize("relation", Relation)
def test_a_comparison_can_be_true_and_false_exactly_when_some_values_make_it_so(relation):
    for a, b in product(SMALL, SMALL):
        truths = {COMPARE[relation](x, y) for x in values(a) for y in values(b)}
        assert IntervalOps().compare(a, relation, b) == (True in truths, False in truths), (a, b)


@pytest.mark.parametrize("name", ["add", "sub", "mul"])
def test_an_operation_gives_the_hull_of_its_results(name):
    exact = getattr(IntegerOps(), name)
    for a, b in product(SMALL, SMALL):
        ops = IntervalOps()
        expected = hull([exact(x, y) for x in values(a) for y in values(b)])
        assert getattr(ops, name)(a, b) == expected
        assert ops.widest == expected.join(Interval(0, 0))


@pytest.mark.parametrize("name", ["minimum", "maximum"])
def test_one_of_two_is_the_hull_of_its_results_and_nothing_new(name):
    for a, b in product(SMALL, SMALL):
        exact = getattr(IntegerOps(), name)
        assert getattr(IntervalOps(), name)(a, b) == hull([exact(x, y) for x in values(a) for y in values(b)])


def test_a_quotient_is_the_hull_of_its_results():
    for a, b in product(SMALL, (Interval(lo, hi) for lo in range(1, 5) for hi in range(lo, 5))):
        ops = IntervalOps()
        expected = hull([x // y for x in values(a) for y in values(b)])
        assert ops.divide(a, b) == expected
        assert ops.widest == expected.join(Interval(0, 0))


@pytest.mark.parametrize("rounding", Rounding)
def test_a_shift_gives_the_hull_of_its_results(rounding):
    exact = IntegerOps()
    for a, by in product(SMALL, [Interval(0, 0), Interval(0, 3), Interval(2, 5)]):
        right = [exact.shift_right(x, y, rounding) for x in values(a) for y in values(by)]
        left = [exact.shift_left(x, y) for x in values(a) for y in values(by)]
        assert IntervalOps().shift_right(a, by, rounding) == hull(right)
        assert IntervalOps().shift_left(a, by) == hull(left)


@pytest.mark.parametrize("overflow", Overflow)
def test_a_fit_keeps_what_fits_and_bounds_what_does_not(overflow):
    word, exact = Word(3, True, overflow), IntegerOps()
    for lo, hi in product(range(-9, 9), repeat=2):
        if lo <= hi:
            kept = IntervalOps().fit(Interval(lo, hi), word)
            held = [exact.fit(x, word) for x in range(lo, hi + 1) if overflow is not Overflow.REFUSE or x in word]
            assert all(value in values(kept) for value in held)
            assert kept == Interval(lo, hi) if lo in word and hi in word else kept.lo in word and kept.hi in word


def test_flags_follow_the_truth_tables():
    for a, b in product(BOTH, BOTH):
        pairs = [(x, y) for x in _truths(a) for y in _truths(b)]
        assert _truths(IntervalOps().both(a, b)) == {x and y for x, y in pairs}
        assert _truths(IntervalOps().invert(a)) == {not x for x in _truths(a)}


def test_a_selection_is_what_its_flag_can_choose():
    a, b = Interval(1, 2), Interval(5, 6)
    chosen = [IntervalOps().select(flag, a, b) for flag in BOTH]
    assert chosen == [Interval(1, 6), a, b]


def test_an_impossible_shift_is_far_beyond_what_is_refused():
    assert IntervalOps().shift_left(Interval(1, 1), Interval(0, 10**6)).bits == 130


@pytest.mark.parametrize(("lo", "hi", "bits"), [(0, 0, 1), (-1, 0, 1), (-128, 127, 8), (-129, 0, 9), (0, 128, 9)])
def test_bits_are_those_of_the_narrowest_twos_complement_word(lo, hi, bits):
    assert Interval(lo, hi).bits == bits


def _truths(flag):
    return {truth for truth in (True, False) if getattr(flag, str(truth).lower())}
