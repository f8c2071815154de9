"""The slow models of Loihi against what each simulator recorded: every register and spike of every step."""

import numpy as np
import pytest
from loihi_plain import MODELS, brian2_layers, lava_layers, slowly
from vectors import check_found, files, load

CASES = [pytest.param(chip, path, id=f"{chip}-{path.stem}") for chip in MODELS for path in files(chip)]
RECORDED = {"loihi-lava": "auvs", "loihi-brian2": "uvs", "loihi-nengo": "uvs"}


def assert_equal(chip, vectors):
    found = slowly(chip, vectors)
    names = {name for name in vectors if name[0] == "L" and name.split("_", 1)[1] in tuple(RECORDED[chip])}
    assert set(found) == names
    for name, values in found.items():
        wrong = np.argwhere(values != vectors[name])
        assert not len(wrong), f"{name}: {len(wrong)} values differ, first at {wrong[:1].tolist()}"


@pytest.mark.parametrize("chip", MODELS)
def test_there_are_vectors(chip):
    check_found(chip, "*.npz")


@pytest.mark.parametrize(("chip", "path"), CASES)
def test_the_slow_model_equals_its_source(chip, path):
    assert_equal(chip, load(path))


@pytest.mark.parametrize("path", files("loihi-lava"), ids=lambda path: path.stem)
def test_the_slow_model_formats_weights_as_lava_does(path):
    vectors = load(path)
    for k, layer in enumerate(lava_layers(vectors)):
        formatted = getattr(layer.synapses, "formatted", vectors[f"L{k}_weights"])
        np.testing.assert_array_equal(formatted, vectors[f"L{k}_weights_eff"])


@pytest.mark.parametrize("path", files("loihi-brian2"), ids=lambda path: path.stem)
def test_the_slow_model_formats_weights_as_brian2_loihi_does(path):
    vectors = load(path)
    for k, layer in enumerate(brian2_layers(vectors)):
        np.testing.assert_array_equal(layer.actual, vectors[f"L{k}_w_act"])


@pytest.mark.parametrize("chip", MODELS)
@pytest.mark.parametrize("register", ["u", "v", "s"])
def test_a_changed_bit_would_be_noticed(chip, register):
    if not files(chip):
        pytest.skip(f"no vectors of {chip}")
    vectors = load(files(chip)[0])
    vectors[f"L0_{register}"].flat[-1] ^= 1
    with pytest.raises(AssertionError, match="1 values differ"):
        assert_equal(chip, vectors)
