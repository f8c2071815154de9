"""Whole random networks against a model that shares no code with the simulator."""

from itertools import pairwise

import bitspike as bs
import numpy as np
import pytest
from golden import xylo_adapter
from hypothesis import given, settings
from hypothesis import strategies as st
from slow_networks import run_generic, run_xylo

ENGINES = ["compiled", "array", "oracle"]
SEEDS = st.integers(0, 2**32 - 1)


def xylo_vectors(seed, core):
    """Random parameters and input with the keys of the golden vectors, extremes among them."""
    rng = np.random.default_rng(seed)
    inputs, hidden, outputs = (int(n) for n in rng.integers(1, 6, 3))

    def weights(*shape):
        return rng.integers(-128, 128, shape) * (rng.random(shape) < 0.7)

    def neurons(suffix, size, synapses):
        return {
            f"dash_mem{suffix}": rng.integers(0, 16, size),
            f"dash_syn{suffix}": rng.integers(0, 16, (size, 2) if synapses == 2 else size),
            f"threshold{suffix}": rng.choice([-32768, -1, 0, 1, 30, 400, 32767], size),
            f"bias{suffix}": rng.choice([-32768, -40, 0, 20, 32767], size),
        }

    aliases = rng.integers(-1, hidden, (hidden, 2)) * (rng.random((hidden, 2)) < 0.5)
    return {
        "core": np.array(core),
        "has_bias": np.array(core == "v2"),
        "w_in": weights(inputs, hidden, 2),
        "w_rec": weights(hidden, hidden, 2),
        "w_out": weights(hidden, outputs),
        **{f"weight_shift_{kind}": rng.choice([0, 3, 8, 15]) for kind in ("in", "rec", "out")},
        **neurons("", hidden, 2),
        **neurons("_out", outputs, 1),
        "aliases": aliases,
        "input": rng.choice([0, 1, 3, 15, 16, 255], (12, inputs)),
        "segments": np.array([5, 4, 3]),
        "reset_before": np.array([False, bool(rng.integers(2)), True]),
    }


@pytest.mark.parametrize("core", ["v2", "v1"])
@pytest.mark.parametrize("engine", ENGINES)
@settings(max_examples=25)
@given(seed=SEEDS)
def test_random_xylo_networks_equal_the_slow_model(engine, core, seed):
    vectors = xylo_vectors(seed, core)
    slow = run_xylo({name: value.tolist() for name, value in vectors.items()})
    expected = xylo_adapter.expected({name: np.array(values) for name, values in slow.items()})
    found = xylo_adapter.computed(vectors, engine)
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("profile", "weight_bits", "bits"), [("generic-w8-v16", 8, 16), ("generic-w4-v12", 4, 12)])
@settings(max_examples=25)
@given(seed=SEEDS)
def test_random_generic_networks_equal_the_slow_model(engine, profile, weight_bits, bits, seed):
    least, most = -(1 << (weight_bits - 1)), 1 << (weight_bits - 1)
    rng = np.random.default_rng(seed)
    sizes = [int(n) for n in rng.integers(1, 6, 4)]
    weights = [rng.integers(least, most, shape) for shape in pairwise(sizes)]
    own = [rng.integers(least, most, (n, n)) if rng.random() < 0.5 else None for n in sizes[1:]]
    thresholds = [rng.choice([0, 1, 60, 400, (1 << (bits - 1)) - 1], n) for n in sizes[1:]]
    leaks = [rng.integers(0, 16, n) for n in sizes[1:]]
    spikes = rng.choice([0, 1, 2, 255], (10, sizes[0]))
    names = ["input", *(f"layer{i}" for i in range(1, 4))]
    links = [bs.Projection(a, b, w, "forward") for a, b, w in zip(names, names[1:], weights, strict=False)]
    links += [bs.Projection(n, n, w, "recurrent") for n, w in zip(names[1:], own, strict=True) if w is not None]
    layers = [
        bs.Population(name, size, {"threshold": threshold, "leak": leak})
        for name, size, threshold, leak in zip(names[1:], sizes[1:], thresholds, leaks, strict=True)
    ]
    network = bs.Network(bs.load_profile(profile), sizes[0], layers, links)
    trace = bs.run(network, spikes, record="all", engine=engine)
    plain = [[array.tolist() for array in arrays] for arrays in (weights, thresholds, leaks)]
    slow = run_generic(*plain, spikes.tolist(), [None if w is None else w.tolist() for w in own], bits)
    for name, emitted, membrane in zip(names[1:], slow["spikes"], slow["membrane"], strict=True):
        np.testing.assert_array_equal(trace[name].spikes[0], emitted, name)
        np.testing.assert_array_equal(trace[name].registers["membrane"][0], membrane, name)
