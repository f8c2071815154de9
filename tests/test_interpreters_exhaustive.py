"""Every value of narrow words. Code for lanes is compiled for some of the words, spread over each family."""

import numpy as np
import pytest
from interpreter_families import FAMILIES
from interpreter_proofs import prove, prove_lanes
from interpreters import all_cases

IN_LANES = 12  # experiments of a family, at least where it has as many


@pytest.mark.parametrize("family", FAMILIES)
def test_every_interpreter_of_a_stage_agrees_on_every_value_of_narrow_words(family):
    generator, experiments = np.random.default_rng(0), list(FAMILIES[family]())
    apart = max(1, len(experiments) // IN_LANES)
    for number, experiment in enumerate(experiments):
        cases = all_cases(experiment.ranges)
        expected = prove(experiment, cases, generator)
        if number % apart == 0:
            prove_lanes(experiment, cases, expected)
