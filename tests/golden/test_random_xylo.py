"""Random Xylo cores: every profile against the slow model of its core."""

from functools import cache

import numpy as np
import pytest
from slow_networks import run_xylo
from test_run_slow_model import xylo_vectors
from test_xylo import assert_equal

CORES = {"xylo-audio-2": "v2", "xylo-audio-3": "v2", "xylo-imu": "v2", "xylo-core-1": "v1"}
SEEDS = range(60)


def draw(name, seed):
    """As the suite's random cores, but with more of what overflows: no decay, currents of one sign, then silence."""
    r, vectors = np.random.default_rng(seed), xylo_vectors(seed, CORES[name])
    for suffix in ("", "_out"):
        size = len(vectors[f"threshold{suffix}"])
        vectors[f"dash_mem{suffix}"] = r.choice([0, 0, 1, 4, 9, 15], size)
        vectors[f"bias{suffix}"] = r.choice([-32768, -20000, -40, -1, 0, 20, 32767], size)
    for key in ("w_in", "w_rec", "w_out"):
        side = r.choice([-1, 0, 1])
        vectors[key] = np.where(vectors[key] * side < 0, ~vectors[key], vectors[key])
    if name == "xylo-imu":  # it has one synapse
        for key in ("w_in", "w_rec"):
            vectors[key][..., 1] = 0
    vectors["input"] *= r.random((len(vectors["input"]), 1)) < r.choice([0.4, 1])
    return vectors


@cache
def recorded(name, seed):
    """A random core as if its run had been recorded."""
    vectors = draw(name, seed)
    found = run_xylo({key: value.tolist() for key, value in vectors.items()})
    return vectors | {key: np.array(values) for key, values in found.items()}


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", CORES)
def test_the_profile_equals_the_slow_model(name, seed):
    engine = {0: "array", 1: "oracle"}.get(seed % 8, "compiled")
    assert_equal(recorded(name, seed), engine, name)


@pytest.mark.parametrize("name", CORES)
def test_the_random_cores_reach_both_ends_of_every_register(name):
    def reached(*keys):
        values = np.concatenate([recorded(name, seed)[key].ravel() for seed in SEEDS for key in keys])
        return {values.min(), values.max()}

    assert reached("vmem") == reached("vmem_out") == {-32768, 32767}
    assert reached("isyn") == reached("isyn_out") == {-32767, 32766}  # after their decay


@pytest.mark.parametrize("name", CORES)
def test_copies_of_spikes_fill_the_cap(name):
    assert max(recorded(name, seed)["hid_spikes"].max() for seed in SEEDS) == 31
