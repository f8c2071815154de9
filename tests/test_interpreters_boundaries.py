import numpy as np
import pytest
from bitspike.word import Overflow
from interpreter_families import boundary_experiments
from interpreter_proofs import prove


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("bits", [8, 12, 16, 24, 32])
def test_every_interpreter_of_a_stage_agrees_at_the_ends_of_wide_words(bits, overflow):
    generator = np.random.default_rng(bits)
    for experiment, cases in boundary_experiments(bits, overflow):
        prove(experiment, cases, generator)
