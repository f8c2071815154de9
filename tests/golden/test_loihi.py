"""Every recorded register of every step against the three programs that compute Loihi."""

import brian2_adapter
import lava_adapter
import nengo_adapter
import numpy as np
import pytest
from vectors import check_found, files, load

ADAPTERS = {"loihi-lava": lava_adapter, "loihi-brian2": brian2_adapter, "loihi-nengo": nengo_adapter}
FILES = [(name, path) for name in ADAPTERS for path in files(name)]
NAMES = [f"{name}-{path.stem}" for name, path in FILES]


def assert_equal(name, vectors, engine):
    found = ADAPTERS[name].computed(vectors, engine)
    for register, values in ADAPTERS[name].expected(vectors).items():
        assert found[register].shape == values.shape
        wrong = np.argwhere(found[register] != values)
        assert not len(wrong), f"{register}: {len(wrong)} values differ, first at [step, neuron] {wrong[:1].tolist()}"


@pytest.mark.parametrize("name", ADAPTERS)
def test_there_are_vectors(name):
    check_found(name, "*.npz")


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
@pytest.mark.parametrize(("name", "path"), FILES, ids=NAMES)
def test_every_engine_equals_the_program(name, path, engine):
    assert_equal(name, load(path), engine)


@pytest.mark.parametrize("name", ADAPTERS)
@pytest.mark.parametrize("register", ["u", "v"])
def test_a_changed_bit_would_be_noticed(name, register):
    for path in files(name)[:1]:
        vectors = load(path)
        last = vectors[f"L0_{register}"]
        last.flat[-1] ^= 1
        with pytest.raises(AssertionError, match="1 values differ"):
            assert_equal(name, vectors, "compiled")


@pytest.mark.parametrize("path", files("loihi-lava"), ids=lambda path: path.stem)
def test_weights_are_formatted_as_the_program_formats_them(path):
    vectors = load(path)
    net = lava_adapter.network(vectors)
    for k, added in lava_adapter.formatted(net):
        expected = vectors[f"L{k}_weights_eff"]
        if expected.ndim == 2:
            np.testing.assert_array_equal(added, lava_adapter.synapses(vectors, k, expected))
