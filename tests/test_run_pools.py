"""Pools of a convolution's target: the bits and overflows of NumPy's engine, for any window, stride, word and cap."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import plan
from bitspike.engine.prepare import signature
from bitspike.engine.wiring import wire
from builders import GENERIC, edited
from hypothesis import given, settings
from hypothesis import strategies as st


def profile(word, cap, emit):
    """Generic neurons that emit so many spikes, and receive plain sums of windows of them."""
    return edited(
        GENERIC,
        ("connections.forward.kernel", "correlation"),
        ("connections.recurrent.weight.word", "u1"),
        ("connections.recurrent.timing", "same_step"),
        ("connections.recurrent.cap", cap),
        ("neurons.neuron.registers.accumulator", word),
        ("neurons.neuron.step.3.fire.branches.0.emit", -1 if emit < 0 else 1),
        ("neurons.neuron.step.3.fire.branches.0.repeat", max(1, emit)),
    )


def pooling_network(shape, word="s16.saturate", cap=255, emit=1, weight=1):
    """A convolution by which an input reaches its own neuron of a picture, and the pool of that."""
    before, after = int(np.prod(shape.input_shape)), int(np.prod(shape.output_shape()))
    layers = [
        bs.Population("a", before, {"threshold": 1 + np.arange(before) % 3, "leak": 3}),
        bs.Population("b", after, {"threshold": 1 + np.arange(after) % 9, "leak": 2}),
    ]
    one = 100 * np.eye(shape.input_shape[0], dtype=int)[..., None, None]
    feed = bs.Projection("input", "a", one, "forward", shape=bs.Convolution(shape.input_shape))
    links = [feed, bs.Projection("a", "b", weight, "recurrent", shape=shape)]
    return bs.Network(profile(word, cap, emit), before, layers, links, limits=False)


CASES = [
    ((2, 2), (2, 2), "s16.saturate", 255, 1),
    ((3, 2), (1, 3), "s5.saturate", 255, 3),
    ((2, 5), (2, 2), "s5.wrap", "none", 3),
    ((1, 3), (3, 4), "s20.saturate", "nonzero", 1),
    ((2, 3), (2, 1), "s3.saturate", "none", -1),
    ((2, 2), (2, 2), "s16.wrap", 2, 3),
    ((8, 9), (2, 2), "s16.wrap", 255, 7),
    ((5, 5), (2, 2), "s16.wrap", 255, 7),
]


@pytest.mark.parametrize(("size", "stride", "word", "cap", "emit"), CASES)
@given(st.integers(2, 3), st.integers(0, 9), st.integers(0, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=6, deadline=None)
def test_a_pool_is_what_its_synapses_are_one_by_one(size, stride, word, cap, emit, channels, high, wide, seed):
    shape = bs.Pooling((channels, size[0] + high, size[1] + wide), size, stride)
    net = pooling_network(shape, word, cap, emit)
    spikes = 9 * (np.random.default_rng(seed).random((2, 4, net.inputs)) < 0.6).astype(np.uint8)
    golden = bs.run(net, spikes, record="all", engine="array")
    trace = bs.run(net, spikes, record="all")
    bs.compare(trace, golden).check()
    assert trace.overflows == golden.overflows


@pytest.mark.parametrize("block", [1, 1 << 20])
def test_a_pool_beside_its_source_is_the_same_step_by_step(monkeypatch, block):
    """Steps are run in blocks, samples one by one; what is recorded, and the state, does not depend on it."""
    monkeypatch.setattr(plan, "_KEPT", block)
    net = pooling_network(bs.Pooling((9, 6, 7), (2, 3), (2, 1)), emit=3)
    spikes = (np.random.default_rng(1).random((3, 9, net.inputs)) < 0.4).astype(np.uint8)
    golden = bs.run(net, spikes, record="all", engine="array")
    for threads in (1, 2):
        trace = bs.run(net, spikes, record="all", threads=threads)
        bs.compare(trace, golden).check()
        for name, registers in golden.state.items():
            for register, values in registers.items():
                assert np.array_equal(trace.state[name][register], values), (name, register)
    begun = bs.run(net, spikes[:, :4])
    rest = bs.run(net, spikes[:, 4:], record="all", state=begun.state)
    for register, values in rest["b"].registers.items():
        assert np.array_equal(values, golden["b"].registers[register][:, 4:])


@pytest.mark.parametrize(
    ("options", "stride", "at_once"),
    [
        ({}, 2, True),
        ({"weight": 0}, 2, False),
        ({"cap": 1, "emit": 2}, 2, False),
        ({"cap": "nonzero"}, 2, True),
        ({"cap": "nonzero", "emit": 2}, 2, False),
        ({}, 5, True),
    ],
)
def test_a_pool_of_plain_sums_is_computed_window_by_window(options, stride, at_once):
    net = pooling_network(bs.Pooling((2, 11, 11), 2, stride), **options)
    source, pool = (layer for group in wire(net) for layer in group)
    assert source.channels_last == 2
    assert pool.channels_last == (2 if at_once else 0)
    assert (signature(net.profile, pool).incoming[0].windows is not None) == at_once


def test_a_pool_that_sends_what_it_sums_is_pooled_again_unless_it_could_pass_its_word():
    """Speck's pools may send all that 16 bits hold; what one sends is looked at in every step."""
    chip = bs.load_profile("speck-sinabs")
    shape = bs.Convolution((1, 4, 4))
    layers = [
        bs.Population(
            "a", 64, {"threshold": 1, "bias": 0, "lowest": -9, "reset_to_zero": 0, "reset_value": 0}, "neuron"
        ),
        bs.Population("b", 16, {}, "pool"),
        bs.Population(
            "c", 64, {"threshold": 9, "bias": 0, "lowest": -9, "reset_to_zero": 0, "reset_value": 0}, "neuron"
        ),
    ]
    links = [
        bs.Projection("input", "a", np.full((4, 1, 1, 1), 127), "convolution", shape=shape),
        bs.Projection("a", "b", 1, "pooling", shape=bs.Pooling((4, 4, 4), 2)),
        bs.Projection("b", "c", np.ones((16, 4, 1, 1), int), "convolution", shape=bs.Convolution((4, 2, 2))),
    ]
    net = bs.Network(chip, 16, layers, links, limits=False)
    for most in (2, 100):  # 127 times as many spikes a neuron, and four neurons: 1,016 and 50,800
        spikes = np.full((2, 3, 16), most, np.uint8)
        bs.compare(bs.run(net, spikes, record="all"), bs.run(net, spikes, record="all", engine="array")).check()
    with pytest.raises(bs.OverflowRefusedError, match="total"):
        bs.run(net, np.full((1, 1, 16), 255, np.uint8))
