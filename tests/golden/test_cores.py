"""Every recorded register of every step against the programs and RTL of three time-stepped chips."""

import numpy as np
import pytest
import ranc_adapter
import speck_adapter
import spiker_adapter
from vectors import check_found, files, load

ADAPTERS = {"ranc": ranc_adapter, "speck": speck_adapter, "spiker": spiker_adapter}
FILES = [(name, path) for name in ADAPTERS for path in files(name)]
NAMES = [f"{name}-{path.stem}" for name, path in FILES]
ENGINES = ["compiled", "array", "oracle"]


def assert_equal(expected, found):
    for name, values in expected.items():
        assert found[name].shape == values.shape
        wrong = np.argwhere(found[name] != values)
        assert not len(wrong), f"{name}: {len(wrong)} values differ, first at {wrong[:1].tolist()}"


@pytest.mark.parametrize("name", ADAPTERS)
def test_there_are_vectors(name):
    check_found(name, "*.npz")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("name", "path"), FILES, ids=NAMES)
def test_every_engine_equals_the_source(name, path, engine):
    vectors = load(path)
    assert_equal(ADAPTERS[name].expected(vectors), ADAPTERS[name].computed(vectors, engine))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("path", files("spiker"), ids=lambda path: path.stem)
def test_whole_steps_of_slots_equal_the_source(path, engine):
    vectors = load(path)
    ends, found = spiker_adapter.computed_steps(vectors, engine)
    assert len(ends)
    assert_equal({name: values[ends] for name, values in spiker_adapter.expected(vectors).items()}, found)


@pytest.mark.parametrize(("name", "key"), [("ranc", "v"), ("speck", "l0_vmem"), ("spiker", "v")])
def test_a_changed_bit_would_be_noticed(name, key):
    for path in files(name)[:1]:
        vectors = load(path)
        vectors[key].flat[-1] ^= 1
        with pytest.raises(AssertionError, match="differ"):
            assert_equal(ADAPTERS[name].expected(vectors), ADAPTERS[name].computed(vectors, "array"))
