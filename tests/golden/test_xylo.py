"""Every recorded register of every step against SynSense's simulator."""

import numpy as np
import pytest
import xylo_adapter as adapter
from vectors import check_found, files, load

FILES = files("xylo")


def assert_equal(vectors, engine, profile=None):
    found = adapter.computed(vectors, engine, profile)
    for name, values in adapter.expected(vectors).items():
        if profile == "xylo-imu" and name == "hidden.isyn1":
            continue  # it has one synapse
        wrong = np.argwhere(found[name] != values)
        place = wrong[:1].tolist()
        assert found[name].shape == values.shape
        assert not len(wrong), f"{name}: {len(wrong)} values differ, first at [step, neuron] {place}"


def test_there_are_vectors():
    check_found("xylo", "*.npz")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_every_engine_equals_the_simulator(engine, path):
    assert_equal(load(path), engine)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_every_profile_of_the_core_equals_the_simulator(path):
    vectors = load(path)
    for profile in adapter.profiles(vectors)[1:]:
        assert_equal(vectors, "compiled", profile)


@pytest.mark.parametrize("path", FILES[:1], ids=lambda path: path.stem)
def test_a_changed_bit_would_be_noticed(path):
    vectors = load(path)
    vectors["vmem"][-1, -1] ^= 1
    with pytest.raises(AssertionError, match=r"hidden\.membrane: 1 values differ"):
        assert_equal(vectors, "compiled")
