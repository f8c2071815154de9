"""The ends of wide words: lanes are compiled for all of the words that are a lane, and for some of the others."""

import numpy as np
import pytest
from bitspike.word import Overflow
from interpreter_families import boundary_experiments
from interpreter_proofs import prove, prove_lanes

A_LANE, APART = (16, 32), 5  # every fifth of the experiments where a word is no lane


@pytest.mark.parametrize("overflow", Overflow)
@pytest.mark.parametrize("bits", [8, 15, 16, 17, 31, 32, 33, 61, 63])
def test_every_interpreter_of_a_stage_agrees_at_the_ends_of_wide_words(bits, overflow):
    generator = np.random.default_rng(bits)
    for number, (experiment, cases) in enumerate(boundary_experiments(bits, overflow)):
        expected = prove(experiment, cases, generator)
        if bits in A_LANE or number % APART == bits % APART:
            prove_lanes(experiment, cases, expected)
