import numpy as np
import pytest
from interpreter_families import FAMILIES
from interpreter_proofs import prove
from interpreters import all_cases


@pytest.mark.parametrize("family", FAMILIES)
def test_every_interpreter_of_a_stage_agrees_on_every_value_of_narrow_words(family):
    generator = np.random.default_rng(0)
    for experiment in FAMILIES[family]():
        prove(experiment, all_cases(experiment.ranges), generator)
