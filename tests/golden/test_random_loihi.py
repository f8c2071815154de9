"""Random networks with the extremes of every parameter, and one boundary: each profile against its slow model."""

import json
import math
from functools import cache

import numpy as np
import pytest
from bitspike.errors import OverflowRefusedError
from loihi_plain import slowly
from random_values import signed, within
from test_loihi import assert_equal

STATE = 2**23 - 1
ENDS = (-(2**19), 2**19 - 1)  # of Lava's thresholds
MODES = [-1, -1, -1, 0, 1, 2, 3]
DECAYS = [0, 1, 3, 409, 2047, 4094, 4095]


def dense_weights(r, post, pre, sign_mode):
    """Of the sign of a mode, where it has one; often beyond the nine bits that are kept, and just off one sign."""
    ends = [(-300, 300), (0, 300), (-300, 0), (-1, 300), (-300, 1), (-1, 0), (-32768, 32767)]
    low, high = {2: (0, 300), 3: (-300, 0)}.get(sign_mode, r.choice(ends))
    return within(r, low, high, (post, pre))


def states(r, shape):
    return np.where(
        r.random(shape) < 0.3, r.choice([-STATE, STATE, -STATE + 1, 0], shape), r.integers(-5000, 5001, shape)
    )


def lava_neurons(r, shape, kind):
    return {
        "du": r.choice([-1, *DECAYS, 4096, -32768, 32766, 32767]),
        "dv": r.choice([*DECAYS, 4096]),
        "vth": r.choice([0, 6, 500, 60000, 131071, 131072, -5, *ENDS]),
        "vth_hi": r.choice([0, 400, 60000, -5, ENDS[1]]),
        "vth_lo": r.choice([-60000, -300, 0, 7, *ENDS]),
        "reset_interval": r.choice([1, 2, 3, 7, 40000, 65535]) if kind == "lifreset" else 0,
        "reset_offset": r.choice([0, 1, 2, 5, 20, 65534]),
        "bias_mant": signed(r, 16, shape) if r.random() < 0.5 else r.choice([0, 1, -1, 77], shape),
        "bias_exp": r.integers(-24, 16, shape) if r.random() < 0.5 else r.integers(-8, 8, shape),
        "u0": states(r, shape),
        "v0": states(r, shape),
    }


def lava_dense(r, pre, post, graded):
    mode = r.choice(MODES)
    found = {"weights": dense_weights(r, post, pre, mode), "sign_mode": mode, "num_weight_bits": r.integers(1, 9)}
    found |= {"weight_exp": r.integers(-8, 8), "num_message_bits": 8 if graded else 0, "weight_exp_rec": 0}
    if r.random() < 0.5:
        found["delays"] = r.integers(0, r.choice([2, 6, 12, 64]), (post, pre))
    if r.random() < 0.4:
        mode = r.choice(MODES)
        found |= {"weights_rec": dense_weights(r, post, post, mode), "weight_exp_rec": r.integers(-8, 8)}
        found |= {"sign_mode_rec": mode, "num_weight_bits_rec": r.integers(1, 9)}
        if r.random() < 0.5:
            found["delays_rec"] = r.integers(0, r.choice([2, 6, 64]), (post, post))
    return found


def lava_convolution(r, channels, height, width, graded):
    groups = r.choice([1, channels])
    kernel = (r.integers(1, 4), r.integers(1, 3))
    return {
        "weights": signed(r, r.choice([9, 16]), (groups * r.integers(1, 3), *kernel, channels // groups)),
        "input_shape": np.array([height, width, channels]),
        **{key: r.integers(low, 3, 2) for key, low in {"stride": 1, "padding": 0, "dilation": 1}.items()},
        "groups": groups,
        **{"weight_exp": 3, "num_weight_bits": 4, "sign_mode": -1, "num_message_bits": 8 if graded else 0},
    }


def lava(seed):
    """Dense layers, or a convolution and another layer; spikes, or payloads of up to 32 bits, from outside."""
    r = np.random.default_rng(seed)
    steps, graded, convolution = 30, r.random() < 0.4, r.random() < 0.3
    size = r.choice([1, 200, STATE, 2**31 - 1])
    low = -size if graded else r.choice([0, -1])
    shape = (6, 5, int(r.choice([1, 2, 4]))) if convolution else (int(r.integers(1, 20)),)
    inputs = r.integers(low, (2, size + 1)[graded], (steps, *shape)) * (r.random((steps, *shape)) < 0.4)
    vectors, kinds = {"inputs": inputs}, []
    for k in range(r.integers(1, 3 if convolution else 4)):
        if convolution and min(shape[:2]) < 5:
            convolution = False  # a dense layer of what the picture flattens to
        kind, post = r.choice(["lif", "ternary", "lifreset"]), int(r.integers(1, 12))
        graded = graded if k == 0 else r.random() < 0.5
        one = (
            lava_convolution(r, shape[2], *shape[:2], graded)
            if convolution
            else lava_dense(r, math.prod(shape), post, graded)
        )
        shape = output(one) if convolution else (post,)
        one |= lava_neurons(r, shape, kind)
        scalars = {key: np.asarray(value).tolist() for key, value in one.items() if np.size(value) < 4}
        kinds.append(scalars | {"neuron": str(kind), "conn": "conv" if convolution else "dense"})
        vectors |= {f"L{k}_{key}": np.asarray(value) for key, value in one.items()}
        vectors |= {f"L{k}_{key}": np.zeros((steps, *shape), int) for key in "auvs"}
    return vectors | {"meta_json": np.array(json.dumps({"layers": kinds}))}


def output(one):
    sides = zip(
        one["input_shape"], one["weights"].shape[1:3], one["stride"], one["padding"], one["dilation"], strict=False
    )
    found = [int((n + 2 * pad - dilation * (k - 1) - 1) // stride + 1) for n, k, stride, pad, dilation in sides]
    return (*found, len(one["weights"]))


def brian2(seed):
    """One to three layers; membranes far beyond 24 bits where they do not decay."""
    r = np.random.default_rng(seed)
    steps, pre, vectors = 40, int(r.integers(1, 20)), {}
    vectors["inputs"] = (r.random((steps, pre)) < 0.4).astype(int)
    for k in range(r.integers(1, 4)):
        mode, post = int(r.integers(1, 4)), int(r.integers(1, 12))
        low, high = {1: (-256, 254), 2: (0, 255), 3: (-256, 0)}[mode]
        one = {"weights": r.choice([low, high, *r.integers(low, high + 1, 9)], (post, pre)), "sign_mode": mode}
        one |= {"weight_exp": r.integers(-8, 8), "num_weight_bits": r.integers(0, 9)}
        one |= {"delay": r.choice([0, 1, 5, 20, 62])}
        one |= {"decay_v": r.choice([*DECAYS, 4096]), "decay_I": r.choice([*DECAYS, 4096])}
        one |= {"vth": r.choice([0, 6, 500, 60000, 131071]), "refractory": r.choice([1, 2, 3, 64, 65535])}
        one |= {"u0": states(r, post), "v0": states(r, post)}
        vectors |= {f"L{k}_{key}": np.asarray(value) for key, value in one.items()}
        vectors |= {f"L{k}_{key}": np.zeros((steps, post), int) for key in "uvs"}
        pre = post
    return vectors


def nengo(seed):
    """One to three layers; sums beyond 22 bits, currents and biases beyond 24."""
    r = np.random.default_rng(seed)
    steps, pre, vectors, bounds = 40, int(r.integers(1, 20)), {}, []
    vectors["inputs"] = (r.random((steps, pre)) < 0.4).astype(int) * r.choice([1, 2, 255], (steps, pre))
    for k in range(r.integers(1, 4)):
        post, scale = int(r.integers(1, 12)), 64 << int(r.integers(0, 8))
        one = {"weights_int": r.integers(-256, 256, (pre, post)) * scale, "refract": r.choice([1, 2, 3, 6, 255], post)}
        one |= {"decay_u": r.choice(DECAYS, post), "decay_v": r.choice([*DECAYS, 4096], post)}
        one |= {
            "vth": r.choice([-1, 0, 64, 30000, STATE - 63, 2**24 - 1], post),
            "bias": r.choice([0, 64, -STATE, STATE, 5000], post),
        }
        vectors |= {f"L{k}_{key}": np.asarray(value) for key, value in one.items()}
        vectors |= {f"L{k}_{key}": np.zeros((steps, post), int) for key in "uvs"}
        bounds.append({"vmin": int(r.choice([0, 100, -4095, -STATE])), "vmax": int(r.choice([STATE, 40000]))})
        pre = post
    return vectors | {"meta_json": np.array(json.dumps({"layers": bounds}))}


DRAWS = {"loihi-lava": lava, "loihi-brian2": brian2, "loihi-nengo": nengo}
SEEDS = {"loihi-lava": range(120), "loihi-brian2": range(40), "loihi-nengo": range(40)}
CASES = [(chip, seed) for chip, seeds in SEEDS.items() for seed in seeds]


@cache
def recorded(chip, seed):
    """A random network as if its vectors had been recorded, every fifth from a start that is left out."""
    vectors = DRAWS[chip](seed)
    if seed % 5 == 4:
        vectors = {key: values for key, values in vectors.items() if key[-3:] not in ("_u0", "_v0")}
    return vectors | slowly(chip, vectors)


@pytest.mark.parametrize(("chip", "seed"), CASES)
def test_the_profile_equals_the_slow_model(chip, seed):
    assert_equal(chip, recorded(chip, seed), {0: "oracle", 1: "array", 2: "array"}.get(seed % 8, "compiled"))


@pytest.mark.parametrize(
    ("chip", "register", "extreme"),
    [
        ("loihi-lava", "u", 2**30),
        ("loihi-lava", "v", STATE),
        ("loihi-brian2", "v", 2**28),
        ("loihi-nengo", "u", STATE - 2**10),
        ("loihi-nengo", "v", STATE),
    ],
)
def test_the_random_networks_reach_the_extremes(chip, register, extreme):
    reached = [np.abs(recorded(chip, seed)[f"L0_{register}"]).max(initial=0) for seed in SEEDS[chip]]
    assert max(reached) >= extreme


def test_the_random_networks_spike_with_both_signs():
    spikes = np.concatenate([recorded("loihi-lava", seed)["L0_s"].ravel() for seed in SEEDS["loihi-lava"]])
    assert set(np.unique(spikes)) == {-1, 0, 1}


def assert_only_the_upper_end_is_kept(engine):
    payloads, turn = np.array([[2**17], [-(2**17)], [2**17 + 1], [-(2**17) - 1], [0]]), 2**24
    rest = {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 2, "num_message_bits": 24, "weight_exp_rec": 0}
    rest |= {"du": 4095, "dv": 4096, "vth": 131072, "vth_lo": 0, "reset_interval": 0, "reset_offset": 0}
    zeros = {key: np.zeros(1, int) for key in ("bias_mant", "bias_exp", "u0", "v0")}
    kind = {"layers": [rest | {"neuron": "lif", "conn": "dense"}]}
    vectors = {"inputs": payloads, "L0_weights": np.array([[1]]), "meta_json": np.array(json.dumps(kind))}
    vectors |= {f"L0_{key}": np.asarray(value) for key, value in (rest | zeros).items()}
    vectors |= {f"L0_{key}": np.zeros((5, 1), int) for key in "auvs"}
    vectors |= slowly("loihi-lava", vectors)
    currents = [0, turn // 2, turn // 2, 64 - turn // 2, turn // 2 - 64]
    assert vectors["L0_u"].ravel().tolist() == currents
    assert_equal("loihi-lava", vectors, engine)


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_the_correction_of_lavas_current_keeps_only_the_upper_end(engine):
    assert_only_the_upper_end_is_kept(engine)


def assert_only_41_bits_are_kept(engine):
    steps, zero = 300, np.zeros(1, int)
    one = {"weights": np.full((1, 20), -256), "weight_exp": 7, "num_weight_bits": 8, "sign_mode": 3, "delay": 0}
    one |= {"decay_v": 0, "decay_I": 0, "vth": 0, "refractory": 1, "u0": zero, "v0": zero}
    vectors = {f"L0_{key}": np.asarray(value) for key, value in one.items()} | {"inputs": np.ones((steps, 20), int)}
    vectors |= {f"L0_{key}": np.zeros((steps, 1), int) for key in "uvs"}
    vectors |= slowly("loihi-brian2", vectors)
    first = int(np.argmax(vectors["L0_v"] < -(2**40)))
    assert first
    assert vectors["L0_v"][first - 1] < -(2**39)
    timed = ("inputs", "L0_u", "L0_v", "L0_s")
    assert_equal("loihi-brian2", vectors | {key: vectors[key][:first] for key in timed}, engine)
    with pytest.raises(OverflowRefusedError, match="membrane"):
        assert_equal("loihi-brian2", vectors | {key: vectors[key][: first + 1] for key in timed}, engine)


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_a_membrane_of_brian2_is_refused_beyond_the_41_bits_that_float64_scales_exactly(engine):
    assert_only_41_bits_are_kept(engine)
