"""That interpreters agree on a stage, case by case; the first difference is named."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from bitspike.engine.vector import LANES
from bitspike.ops.array import ArrayOps
from bitspike.ops.base import Registers
from bitspike.ops.integer import IntegerOps
from bitspike.ops.interval import Interval
from bitspike.ops.operators import RefusedWriteError
from interpreter_lanes import by_lanes
from interpreters import (
    Cases,
    Experiment,
    MeasuredArrayOps,
    Table,
    by_integer,
    by_interval,
    by_slow_model,
    part,
    rows_of,
    run_at_once,
    widest,
)

REFUSALS_TRIED = 2  # refused cases that array and tensor meet one by one, for each experiment


def prove(experiment: Experiment, cases: Cases, generator: np.random.Generator) -> Table:
    """Integer, slow model, array and interval agree on every case; the outcome."""
    rows = by_integer(experiment, cases)
    expected = np.array(rows, np.int64)
    if by_slow_model(experiment, cases) != rows:
        assert_equal(experiment, cases, np.array(by_slow_model(experiment, cases)), expected, "slow model")
    prove_array(experiment, cases, expected)
    prove_interval(experiment, cases, expected, generator)
    return expected


def assert_equal(experiment: Experiment, cases: Cases, found: Table, expected: Table, who: str) -> None:
    """Every column of every case; names the first difference."""
    if not np.array_equal(found, expected):
        first = int(np.flatnonzero((found != expected).any(axis=1))[0])
        case = {name: int(values[first]) for name, values in cases.items()}
        columns = [*experiment.written, *(f"overflow of {name}" for name in experiment.written), "refused"]
        raise AssertionError(f"{who}: {experiment}, {case}: {columns}: {found[first]}, integer {expected[first]}")


def prove_lanes(experiment: Experiment, cases: Cases, expected: Table) -> None:
    """LaneOps case by case; and by whole vectors the same registers, and the sum of what each case counts."""
    single, whole = by_lanes(experiment, cases)
    refused = single.counts[:, -1:] > 0
    found = np.where(refused, 0, np.hstack([single.values, single.counts[:, :-1], refused]))
    found[:, -1:] = refused
    assert_equal(experiment, cases, found, expected, "lanes")
    held = ~refused[:, 0]
    np.testing.assert_array_equal(whole.values[held], single.values[held], str(experiment))
    counts = np.add.reduceat(single.counts, range(0, len(expected), LANES))
    np.testing.assert_array_equal(whole.counts, counts, str(experiment))


def prove_array(experiment: Experiment, cases: Cases, expected: Table) -> None:
    """ArrayOps at once: registers and overflow counts; and it refuses what IntegerOps refuses."""
    held, refused = np.flatnonzero(expected[:, -1] == 0), np.flatnonzero(expected[:, -1])
    ops, count = MeasuredArrayOps(), len(experiment.written)
    if held.size:
        values = run_at_once(experiment, ops, part(cases, held))
        for place, name in enumerate(experiment.written):
            np.testing.assert_array_equal(values[name], expected[held, place], str(experiment))
            assert ops.overflows[name] == expected[held, count + place].sum(), (experiment, name)
    met = widest(experiment)
    assert met.lo <= ops.met.lo, (experiment, met, ops.met)
    assert met.hi >= ops.met.hi, (experiment, met, ops.met)
    prove_refusals(experiment, cases, held, refused, lambda values: run_at_once(experiment, ArrayOps(), values))


def prove_refusals(
    experiment: Experiment, cases: Cases, held: Table, refused: Table, run: Callable[[Cases], Any]
) -> None:
    """One refused case among others is refused, with the message of IntegerOps."""
    for case in refused[:: max(1, refused.size // REFUSALS_TRIED)]:
        with pytest.raises(RefusedWriteError) as expected:
            experiment.stage.run(
                Registers(IntegerOps(), experiment.registers, next(iter(rows_of(part(cases, [case])))))
            )
        with pytest.raises(RefusedWriteError) as found:
            run(part(cases, [*held[:3], case, *held[3:5]]))
        assert str(found.value) == str(expected.value), experiment


def prove_interval(experiment: Experiment, cases: Cases, expected: Table, generator: np.random.Generator) -> None:
    """The interval of the whole ranges, and of random parts of them, contains every outcome."""
    whole = {name: Interval(int(values.min()), int(values.max())) for name, values in cases.items()}
    ends = [{name: generator.integers(r.lo, r.hi + 1, 2) for name, r in whole.items()} for _ in range(2)]
    parts = [{name: Interval(int(e.min()), int(e.max())) for name, e in part.items()} for part in ends]
    for ranges in (whole, *parts):
        held = expected[:, -1] == 0
        for name, interval in ranges.items():
            held = held & (cases[name] >= interval.lo) & (cases[name] <= interval.hi)
        found = by_interval(experiment, ranges)[0]
        for place, name in enumerate(experiment.written):
            values = expected[held, place]
            assert not values.size or found[name].lo <= values.min(), (experiment, ranges, name, found)
            assert not values.size or found[name].hi >= values.max(), (experiment, ranges, name, found)
