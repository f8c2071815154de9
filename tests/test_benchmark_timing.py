"""What the benchmarks' clock says, and what it refuses to say."""

import time

import numpy as np
import pytest
from benchmarks import timing
from benchmarks.rows import Row, Target, compared
from benchmarks.timing import LEAST_ROUNDS, Figure, Times, interleaved


@pytest.fixture(autouse=True)
def _no_threads_to_wait_for(monkeypatch):
    monkeypatch.setattr(timing, "SETTLE", 0)


def row(seconds, others=0.0, **options):
    return compared("a row", Times(np.array(seconds, float), others), 2, **options)


def test_a_ratio_is_the_median_of_the_rounds_own_ratios():
    # of medians it would be 40 / 3
    found = row([[1, 2, 3, 4, 5], [10, 40, 60, 36, 55]])
    assert found.value is None
    assert found.figure.value == 11.0
    assert (found.ours, found.theirs) == (3.0, 40.0)


def test_what_slows_both_sides_of_a_round_changes_nothing():
    pace = np.array([1, 3, 1, 2, 8, 1, 1, 5, 1], float)
    found = row([pace, 7 * pace])
    assert found.value == 7.0
    assert found.figure.spread == 0.0


def test_the_spread_is_the_interquartile_range_over_the_median():
    assert Figure.of(np.array([8.0, 9.0, 10.0, 11.0, 12.0])).spread == pytest.approx(0.2)


def test_a_wide_spread_is_refused_with_its_size():
    found = row([[1] * 5, [8, 8, 10, 12, 12]])
    assert found.refused == "too noisy: spread 40%"
    assert found.value is None
    assert found.verdict is None
    assert "10 x" not in found.as_line()
    assert "too noisy: spread 40% (10 x)" in found.as_line(noisy=True)


def test_the_widest_spread_that_says_something_is_not_refused():
    assert Figure(10, timing.WIDEST).refusal is None
    assert Figure(10, timing.WIDEST + 0.001).refusal is not None


def test_a_busy_machine_is_refused_with_the_share_of_others():
    found = row([[1] * 9, [5] * 9], others=0.43)
    assert found.refused == "machine busy: 43% by others"
    assert row([[1] * 9, [5] * 9], others=timing.BUSIEST).value == 5.0


@pytest.mark.parametrize(
    ("target", "value", "verdict"),
    [
        (Target(22), 22, "pass"),
        (Target(22), 21.9, "miss"),
        (Target(3, at_least=False), 3, "pass"),
        (Target(3, at_least=False), 3.1, "miss"),
    ],
)
def test_a_target_is_met_or_missed(target, value, verdict):
    assert Row("a row", Figure(value, 0), target=target).verdict == verdict


def test_calls_take_turns_each_behind_one_that_does_not_count_and_have_nine_rounds_at_least():
    order = []

    def call(name):
        order.append(name)
        time.sleep(timing.SHORTEST)

    times = interleaved([lambda: call("a"), lambda: call("b")], seconds=0)
    assert times.seconds.shape == (2, LEAST_ROUNDS)
    assert order == ["a", "a", "b", "b"] * (1 + LEAST_ROUNDS)  # first the warm-up, outside the times


def test_a_short_call_is_repeated_and_its_time_is_of_one_call():
    times = interleaved([lambda: time.sleep(0.0005)], seconds=0)
    assert 0.0005 <= times.median(0) < timing.SHORTEST


def test_more_time_is_more_rounds_up_to_a_limit():
    times = interleaved([lambda: time.sleep(0.001)], seconds=0.2)
    assert LEAST_ROUNDS < times.seconds.shape[1] <= timing.MOST_ROUNDS


def test_each_call_waits_for_the_other_sides_threads_first(monkeypatch):
    order = []
    monkeypatch.setattr(timing, "sleep", lambda seconds: order.append(seconds))
    monkeypatch.setattr(timing, "SETTLE", 5)
    interleaved([lambda: order.append("a"), lambda: order.append("b")], cold=True, seconds=0)
    assert order[-4:] == [5, "a", 5, "b"]


def test_caches_are_emptied_before_each_cold_call_of_each_side(monkeypatch):
    order = []
    monkeypatch.setattr(timing, "empty_caches", lambda: order.append("emptied"))
    interleaved([lambda: order.append("a"), lambda: order.append("b")], cold=True, seconds=0)
    assert order[:4] == ["a", "a", "b", "b"]  # the warm-up: code is compiled in neither case
    assert order[4:] == ["emptied", "a", "emptied", "b"] * LEAST_ROUNDS
    order.clear()
    interleaved([lambda: order.append("a")], seconds=0)
    assert "emptied" not in order


def test_emptying_the_caches_writes_more_than_the_last_one_holds_on_every_processor(monkeypatch):
    monkeypatch.setattr(timing, "last_cache_bytes", lambda: 1 << 16)
    timing._buffers.cache_clear()
    before = {processor: buffer[:1].copy() for processor, buffer in timing._buffers().items()}
    timing.empty_caches()
    buffers = timing._buffers()
    assert sorted(buffers) == timing.processors()
    assert all(buffer.nbytes > timing.last_cache_bytes() for buffer in buffers.values())
    assert all(buffers[processor][0] == before[processor][0] + 1 for processor in buffers)
    timing._buffers.cache_clear()
