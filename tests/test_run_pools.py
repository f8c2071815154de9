"""Pools, row by row: the bits and overflow counts of NumPy's engine, for any window, stride, word and cap."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine.wiring import wire
from builders import GENERIC, edited
from hypothesis import given, settings
from hypothesis import strategies as st


def profile(word, cap, emit):
    """Generic neurons that emit so many spikes, and receive plain sums of windows of them."""
    return edited(
        GENERIC,
        ("connections.recurrent.weight.word", "u1"),
        ("connections.recurrent.timing", "same_step"),
        ("connections.recurrent.cap", cap),
        ("neurons.neuron.registers.accumulator", word),
        ("neurons.neuron.step.3.fire.branches.0.emit", -1 if emit < 0 else 1),
        ("neurons.neuron.step.3.fire.branches.0.repeat", max(1, emit)),
    )


def pooling_network(shape, word="s16.saturate", cap=255, emit=1, weight=1):
    """An input neuron for neuron before a picture, and its pool."""
    before, after = int(np.prod(shape.input_shape)), int(np.prod(shape.output_shape()))
    layers = [
        bs.Population("a", before, {"threshold": 1 + np.arange(before) % 3, "leak": 3}),
        bs.Population("b", after, {"threshold": 1 + np.arange(after) % 9, "leak": 2}),
    ]
    feed = bs.Projection("input", "a", np.full(before, 100), "forward", shape=bs.Sparse(range(before), range(before)))
    links = [feed, bs.Projection("a", "b", weight, "recurrent", shape=shape)]
    return bs.Network(profile(word, cap, emit), before, layers, links, limits=False)


CASES = [
    ((2, 2), (2, 2), "s16.saturate", 255, 1),
    ((3, 2), (1, 3), "s5.saturate", 255, 3),
    ((2, 5), (2, 2), "s5.wrap", "none", 3),
    ((1, 3), (3, 4), "s20.saturate", "nonzero", 1),
    ((2, 3), (2, 1), "s3.saturate", "none", -1),
    ((2, 2), (2, 2), "s16.wrap", 2, 3),
]


@pytest.mark.parametrize(("size", "stride", "word", "cap", "emit"), CASES)
@given(st.integers(2, 3), st.integers(0, 9), st.integers(0, 40), st.integers(0, 2**32 - 1))
@settings(max_examples=6, deadline=None)
def test_a_pool_is_what_its_synapses_are_one_by_one(size, stride, word, cap, emit, channels, high, wide, seed):
    shape = bs.Pooling((channels, size[0] + high, size[1] + wide), size, stride)
    net = pooling_network(shape, word, cap, emit)
    spikes = (np.random.default_rng(seed).random((2, 4, net.inputs)) < 0.6).astype(np.uint8)
    golden = bs.run(net, spikes, record="all", engine="array")
    trace = bs.run(net, spikes, record="all")
    bs.compare(trace, golden).check()
    assert trace.overflows == golden.overflows


@pytest.mark.parametrize(
    ("options", "stride", "whole_rows"),
    [
        ({}, 2, True),
        ({"weight": 0}, 2, False),
        ({"cap": 1, "emit": 2}, 2, False),
        ({"cap": "nonzero"}, 2, True),
        ({"cap": "nonzero", "emit": 2}, 2, False),
        ({}, 5, False),
    ],
)
def test_a_pool_of_plain_sums_is_computed_row_by_row(options, stride, whole_rows):
    net = pooling_network(bs.Pooling((2, 11, 11), 2, stride), **options)
    (pool,) = wire(net)[1][0].incoming
    assert (pool.pool is not None) == whole_rows
