"""Every recorded register of every step against SynSense's simulator."""

import os
from pathlib import Path

import numpy as np
import pytest
import xylo_adapter as adapter

ROOT = Path(os.environ.get("BITSPIKE_GOLDEN", Path(__file__).parent)) / "xylo"
FILES = sorted(ROOT.glob("*.npz"))
SLOW = 2000  # neurons times steps that the oracle, and NumPy's loop over aliases, are given in a test


def load(path):
    with np.load(path, allow_pickle=False) as file:
        return dict(file)


def small(path):
    with np.load(path, allow_pickle=False) as file:
        return len(file["input"]) * len(file["threshold"]) <= SLOW


def assert_equal(vectors, engine):
    found = adapter.computed(vectors, engine)
    for name, values in adapter.expected(vectors).items():
        wrong = np.argwhere(found[name] != values)
        place = wrong[:1].tolist()
        assert found[name].shape == values.shape
        assert not len(wrong), f"{name}: {len(wrong)} values differ, first at [step, neuron] {place}"


def test_there_are_vectors():
    assert FILES, f"no *.npz in {ROOT}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_compiled_engine_equals_the_simulator(path):
    assert_equal(load(path), "compiled")


@pytest.mark.parametrize("path", [path for path in FILES if small(path)], ids=lambda path: path.stem)
@pytest.mark.parametrize("engine", ["oracle", "array"])
def test_the_slower_engines_equal_the_simulator(path, engine):
    assert_equal(load(path), engine)


def test_a_changed_bit_would_be_noticed():
    vectors = load(FILES[0])
    vectors["vmem"][-1, -1] ^= 1
    with pytest.raises(AssertionError, match=r"hidden\.membrane: 1 values differ"):
        assert_equal(vectors, "compiled")
