"""Random layers of sinabs' DynapCNN model: the profile against its slow model, and what it refuses."""

from functools import cache

import bitspike as bs
import numpy as np
import pytest
import slow_speck
import speck_adapter as adapter
from bitspike.errors import OverflowRefusedError
from random_values import signed, within
from test_cores import assert_equal

SEEDS = range(60)
STEPS = 8


def draw(seed):
    """One to three layers of every geometry; counts of up to 255 and parameters up to the ends of their words.

    Every tenth is one layer that fires too often for its word, and has no other fault.
    """
    r = np.random.default_rng(seed)
    shape = (int(r.integers(1, 4)), int(r.integers(4, 9)), int(r.integers(4, 9)))
    x = within(r, 0, int(r.choice([1, 3, 255])), (STEPS, *shape)) * (r.random((STEPS, *shape)) < 0.4)
    vectors, count = {"x": x}, 1 if seed % 10 == 9 else int(r.integers(1, 4))
    for index in range(count):
        one = layer(r, shape, int(r.choice([300, 32767])))
        if seed % 10 == 9:
            one |= {"threshold": 1, "reset": "zero", "pool": 1, "weight": abs(one["weight"] >> 1), "reset_value": 0}
            vectors["x"] = np.full_like(x, 255)
        shape = pooled(one, shape)
        vectors |= {f"l{index}_{key}": np.asarray(value) for key, value in one.items()}
    return vectors | {"n_layers": np.array(count)}


def layer(r, shape, most):
    """A convolution that leaves a picture, and neurons of a threshold up to `most`."""
    channels, *sides = shape
    filters, kernel = int(r.integers(1, 4)), [int(r.integers(1, min(3, side) + 1)) for side in sides]
    one = {"stride": int(r.integers(1, 3)), "pad": int(r.integers(0, 2)), "reset": r.choice(["subtract", "zero"])}
    one |= {"weight": signed(r, 8, (filters, channels, *kernel)), "bias": signed(r, 8, filters)}
    one |= {"threshold": within(r, 1, most), "vmin": r.choice([-32768, -2000, -300, 0, 10, 32767])}
    one |= {"reset_value": signed(r, 16) if r.random() < 0.3 else within(r, -300, 300)}
    return one | {"pool": int(r.integers(1, min(3, *neurons(one, sides)) + 1))}


def neurons(one, sides):
    """Rows and columns of a layer's neurons."""
    pairs = zip(sides, one["weight"].shape[2:], strict=True)
    return [(side + 2 * one["pad"] - kernel) // one["stride"] + 1 for side, kernel in pairs]


def pooled(one, shape):
    """The shape of what a layer sends on."""
    return (len(one["weight"]), *(side // one["pool"] for side in neurons(one, shape[1:])))


@cache
def recorded(seed):
    """Random layers as if a run had been recorded, and whether it leaves the words of the profile."""
    vectors = draw(seed)
    found, every = adapter.slowly(vectors), range(int(vectors["n_layers"]))
    for i in every:
        vectors |= {f"l{i}_spikes": found[f"spikes_{i}"], f"l{i}_vmem": found[f"membrane_{i}"]}
    counts = [found[f"{name}_{i}"] for name in ("spikes", "pooled") for i in every]
    beyond = any((values > 65535).any() for values in counts)
    membranes = [found[f"membrane_{i}"] for i in every]
    beyond |= any((values < -32768).any() or (values > 32767).any() for values in membranes)
    return vectors | {"y": found["output"]}, beyond


def assert_engine_equals(seed, engine):
    vectors, beyond = recorded(seed)
    if beyond:
        with pytest.raises(OverflowRefusedError, match=r"(membrane|count|total)"):
            adapter.computed(vectors, engine)
    else:
        assert_equal(adapter.expected(vectors), adapter.computed(vectors, engine))


@pytest.mark.parametrize("engine", ["array", "compiled"])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_profile_equals_the_slow_model_or_refuses_what_leaves_its_words(seed, engine):
    assert_engine_equals(seed, engine)


@pytest.mark.parametrize("seed", SEEDS[:6])
def test_the_oracle_equals_the_slow_model_or_refuses_what_leaves_its_words(seed):
    assert_engine_equals(seed, "oracle")


def assert_pooled_input_equals(seed, engine):
    r = np.random.default_rng(seed)
    x = r.integers(0, 256, (STEPS, 2, *r.integers(3, 7, 2).tolist()))
    shape = bs.Pooling(x.shape[1:], int(r.integers(2, 4)))
    expected = np.array([slow_speck.pooled(planes, shape.size[0]) for planes in x.tolist()])
    pool = bs.Population("pool", expected[0].size, {}, "pool")
    link = bs.Projection("input", "pool", 1, "pooling", shape=shape)
    net = bs.Network(bs.load_profile("speck-sinabs"), x[0].size, [pool], [link])
    found = bs.run(net, x.reshape(STEPS, -1), engine=engine).spikes[0]
    assert np.array_equal(found.reshape(expected.shape), expected)


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_input_may_be_pooled(seed, engine):
    assert_pooled_input_equals(seed, engine)


def test_random_layers_reach_the_ends_of_their_words_and_pass_them():
    cases = [recorded(seed) for seed in SEEDS]
    fitting = [vectors for vectors, beyond in cases if not beyond]
    assert 5 < len(fitting) < len(cases) - 5
    assert min(vectors["l0_vmem"].min() for vectors in fitting) == -32768
    assert max(vectors["l0_vmem"].max() for vectors in fitting) > 30000
    assert max(vectors["l0_spikes"].max() for vectors in fitting) > 255
    assert {str(vectors["l0_reset"]) for vectors in fitting} == {"subtract", "zero"}
