"""The slow models against what each chip's own program or RTL recorded: every register and spike of every step."""

import importlib

import numpy as np
import pytest
from vectors import check_found, files, load

CHIPS = ("ranc", "speck", "spiker")
CASES = [pytest.param(chip, path, id=f"{chip}-{path.stem}") for chip in CHIPS for path in files(chip)]


def assert_equal(chip, vectors):
    adapter = importlib.import_module(f"{chip}_adapter")
    found = adapter.slowly(vectors)
    for name, values in adapter.expected(vectors).items():
        assert found[name].shape == values.shape
        wrong = np.argwhere(found[name] != values)
        assert not len(wrong), f"{name}: {len(wrong)} values differ, first at {wrong[:1].tolist()}"


@pytest.mark.parametrize("chip", CHIPS)
def test_there_are_vectors(chip):
    check_found(chip, "*.npz")


@pytest.mark.parametrize(("chip", "path"), CASES)
def test_the_slow_model_equals_its_source(chip, path):
    assert_equal(chip, load(path))


@pytest.mark.parametrize(("chip", "register"), [("ranc", "v"), ("speck", "l0_vmem"), ("spiker", "v")])
def test_a_changed_bit_would_be_noticed(chip, register):
    if not files(chip):
        pytest.skip(f"no vectors of {chip}")
    vectors = load(files(chip)[0])
    vectors[register].flat[-1] ^= 1
    with pytest.raises(AssertionError, match="1 values differ"):
        assert_equal(chip, vectors)
