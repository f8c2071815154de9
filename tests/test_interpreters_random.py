import numpy as np
from hypothesis import given, settings
from interpreter_proofs import prove, prove_lanes
from random_stages import experiments


@given(experiments())
@settings(max_examples=200)
def test_every_interpreter_of_a_random_stage_agrees(drawn):
    prove(*drawn, np.random.default_rng(0))


@given(experiments())
@settings(max_examples=150)
def test_the_lanes_of_a_random_stage_agree(drawn):
    experiment, cases = drawn
    prove_lanes(experiment, cases, prove(experiment, cases, np.random.default_rng(0)))
