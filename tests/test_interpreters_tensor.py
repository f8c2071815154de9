"""TensorOps forward, against ArrayOps, which the other files prove equal to the oracle."""

import numpy as np
import pytest
from bitspike.ops.array import ArrayOps
from bitspike.ops.interval import Interval
from bitspike.word import Overflow
from hypothesis import given, settings
from interpreter_families import FAMILIES, boundary_experiments
from interpreter_proofs import prove_refusals
from interpreters import all_cases, by_integer, part, run_at_once, widest
from random_stages import experiments

torch = pytest.importorskip("torch")
from bitspike.ops.tensor import TensorOps  # noqa: E402


def flat(u, threshold, word, repeat):
    return torch.zeros_like(u)


def by_tensor(experiment, cases, dtype):
    values = {name: torch.tensor(v, dtype=dtype) for name, v in cases.items()}
    return run_at_once(experiment, TensorOps(flat), values)


def precisions(met: Interval):
    """The floats that hold every value of the stage exactly."""
    most = max(met.hi, -met.lo)
    return [dtype for dtype, bits in ((torch.float32, 24), (torch.float64, 53)) if most < 1 << bits]


def prove_tensor(experiment, cases, refused):
    held, beyond = np.flatnonzero(refused == 0), np.flatnonzero(refused)
    for dtype in precisions(widest(experiment)):
        if held.size:
            chosen = part(cases, held)
            expected = run_at_once(experiment, ArrayOps(), chosen)
            for name, value in by_tensor(experiment, chosen, dtype).items():
                assert value.dtype == dtype
                np.testing.assert_array_equal(value.numpy(), expected[name], f"{experiment}: {name}")
        prove_refusals(experiment, cases, held, beyond, lambda chosen, d=dtype: by_tensor(experiment, chosen, d))


@pytest.mark.parametrize("family", FAMILIES)
def test_tensors_hold_the_integers_of_every_stage_of_narrow_words(family):
    for experiment in FAMILIES[family]():
        cases = all_cases(experiment.ranges)
        may_refuse, count = "refuse" in family, len(next(iter(cases.values())))
        refused = np.array(by_integer(experiment, cases))[:, -1] if may_refuse else np.zeros(count)
        prove_tensor(experiment, cases, refused)


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("bits", [8, 12, 16, 24, 32])
def test_tensors_hold_the_integers_of_every_stage_at_the_ends_of_wide_words(bits, overflow):
    proved = 0
    for experiment, cases in boundary_experiments(bits, overflow):
        if precisions(widest(experiment)):
            prove_tensor(experiment, cases, np.array(by_integer(experiment, cases))[:, -1])
            proved += 1
    assert proved > 50


@given(experiments())
@settings(max_examples=200)
def test_tensors_hold_the_integers_of_a_random_stage(drawn):
    experiment, cases = drawn
    prove_tensor(experiment, cases, np.array(by_integer(experiment, cases))[:, -1])
