import numpy as np
from hypothesis import given, settings
from interpreter_proofs import assert_equal, prove_array, prove_interval
from interpreters import by_compiled, by_integer, by_slow_model
from random_stages import experiments


@given(experiments())
@settings(max_examples=400)
def test_every_interpreter_of_a_random_stage_agrees(drawn):
    experiment, cases = drawn
    expected = np.array(by_integer(experiment, cases))
    assert_equal(experiment, cases, np.array(by_slow_model(experiment, cases)), expected, "slow model")
    source_alone = by_compiled(experiment, cases, symbolic=False, jit=False)
    assert_equal(experiment, cases, source_alone, expected, "source")
    prove_array(experiment, cases, expected)
    prove_interval(experiment, cases, expected, np.random.default_rng(0))


@given(experiments())
@settings(max_examples=15)
def test_the_source_of_a_random_stage_compiles_to_the_same_bits(drawn):
    experiment, cases = drawn
    expected = np.array(by_integer(experiment, cases))
    assert_equal(experiment, cases, by_compiled(experiment, cases, symbolic=False), expected, "numba")
