"""Convolutions, run by run or place by place: the oracle's bits and overflows, for any stride, margin and channels."""

from functools import partial

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine.wiring import wire
from builders import GENERIC, edited
from hypothesis import given, settings
from hypothesis import strategies as st

SUM = {"fit_per": "step", "sum": {"word": "s24.wrap", "then": []}}


def profile(kernel, word, summed):
    """Generic neurons whose connection has kernels, and counts of up to 7 spikes a channel."""
    edits = [("connections.forward.kernel", kernel), ("neurons.neuron.registers.accumulator", word), ("input", "u3")]
    edits += [(f"connections.forward.{key}", value) for key, value in SUM.items()] if summed else []
    return edited(GENERIC, *edits)


@st.composite
def convolutions(draw):
    sides, kernel = draw(st.tuples(*[st.integers(1, 9)] * 2)), draw(st.tuples(*[st.integers(1, 4)] * 2))
    pairs = st.tuples(st.integers(1, 3), st.integers(1, 3))
    margin = draw(st.tuples(st.integers(0, 2), st.integers(0, 2)))
    stride, dilation = draw(pairs), draw(pairs)
    spans = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    sides = tuple(max(s, span - 2 * m) for s, span, m in zip(sides, spans, margin, strict=True))
    groups = draw(st.sampled_from([1, 1, 1, 2]))
    channels, out = groups * draw(st.integers(1, 3)), groups * draw(st.integers(1, 21))
    shape = bs.Convolution((channels, *sides), stride, margin, dilation, groups)
    return shape, (out, channels // groups, *kernel)


@given(
    convolutions(),
    st.sampled_from(["correlation", "convolution"]),
    st.sampled_from(["s16.saturate", "s16.wrap", "s9.saturate", "s8.wrap", "s20.saturate"]),
    st.booleans(),
    st.sampled_from([1, 7]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=60, deadline=None)
def test_a_convolution_is_what_its_synapses_are_one_by_one(convolution, kernel, word, summed, most, seed):
    check_convolution(convolution, kernel, word, summed, most, 0.4, seed)


@pytest.mark.parametrize("planes", [2, 21, 22, 65])  # a word of three rows, nearly; a word a row; two words
@pytest.mark.parametrize("most", [1, 7])
@pytest.mark.parametrize("density", [0.05, 0.9])
def test_many_spikes_are_added_place_by_place(planes, most, density):
    shape = bs.Convolution((planes, 5, 6), 1, (1, 2))
    check_convolution((shape, (24, planes, 3, 3)), "correlation", "s24.wrap", False, most, density, 1, engine="array")


@st.composite
def wide_convolutions(draw):
    """Of step 1, to whole vectors of channels, from up to two words of them."""
    kernel = draw(st.tuples(*[st.integers(1, 5)] * 2))
    margin = draw(st.tuples(st.integers(0, 3), st.integers(0, 6)))
    sides = tuple(max(draw(st.integers(1, 6)), k - 2 * m) for k, m in zip(kernel, margin, strict=True))
    channels, out = draw(st.sampled_from([1, 2, 9, 20, 65])), 8 * draw(st.integers(1, 9))
    return bs.Convolution((channels, *sides), 1, margin), (out, channels, *kernel)


@given(
    wide_convolutions(),
    st.sampled_from(["correlation", "convolution"]),
    st.sampled_from(["s16.saturate", "s24.wrap"]),
    st.booleans(),
    st.sampled_from([1, 7]),
    st.sampled_from([0.1, 0.9]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=10, deadline=None)
def test_place_by_place_it_is_the_same(convolution, kernel, word, summed, most, density, seed):
    check_convolution(convolution, kernel, word, summed, most, density, seed, engine="array")


def check_convolution(convolution, kernel, word, summed, most, density, seed, engine="oracle"):
    """The compiled engine against one that goes synapse by synapse; a run continued is part of it."""
    shape, kernels = convolution
    rng = np.random.default_rng(seed)
    size, inputs = int(np.prod(shape.output_shape(kernels))), int(np.prod(shape.input_shape))
    layer = bs.Population("a", size, {"threshold": rng.integers(1, 200, size), "leak": 3})
    link = bs.Projection("input", "a", rng.integers(-128, 128, kernels), via="forward", shape=shape)
    net = bs.Network(profile(kernel, word, summed), inputs, [layer], [link], limits=False)
    spikes = (rng.integers(1, most + 1, (2, 3, inputs)) * (rng.random((2, 3, inputs)) < density)).astype(np.uint8)
    golden = bs.run(net, spikes, record="all", engine=engine)
    for entering in (spikes, bs.Raster.of(spikes)):
        trace = bs.run(net, entering, record="all")
        bs.compare(trace, golden).check()
        assert trace.overflows == golden.overflows
    begun = bs.run(net, spikes[:, :1])
    rest = bs.run(net, spikes[:, 1:], record="all", state=begun.state)
    for name, values in {"spikes": golden["a"].spikes, **golden["a"].registers}.items():
        found = rest["a"].spikes if name == "spikes" else rest["a"].registers[name]
        assert np.array_equal(found, values[:, 1:])


def test_what_else_reaches_a_convolution_s_target_finds_its_neurons():
    """A second kernel of the same picture, one of another picture, a matrix, a list and its own spikes."""
    rng = np.random.default_rng(5)
    profile = edited(GENERIC, ("connections.forward.kernel", "correlation"), ("input", "u3"))
    layer = bs.Population("a", 72, {"threshold": rng.integers(50, 300, 72), "leak": rng.integers(0, 8, 72)})
    weights = partial(rng.integers, -60, 90)
    pairs = bs.Sparse(rng.permutation(50)[:30], rng.permutation(72)[:30])
    links = [
        bs.Projection("input", "a", weights((8, 2, 3, 3)), via="forward", shape=bs.Convolution((2, 5, 5))),
        bs.Projection("input", "a", weights((8, 2, 2, 2)), via="forward", shape=bs.Convolution((2, 5, 5), 2, 1)),
        bs.Projection("input", "a", weights((18, 2, 2, 2)), via="forward", shape=bs.Convolution((2, 5, 5), 3)),
        bs.Projection("input", "a", weights((50, 72)), via="forward"),
        bs.Projection("input", "a", weights(30), via="forward", shape=pairs),
        bs.Projection("a", "a", weights((72, 72)), via="recurrent"),
    ]
    net = bs.Network(profile, 50, [layer], links, limits=False)
    spikes = (rng.random((2, 6, 50)) < 0.3).astype(np.uint8)
    golden = bs.run(net, spikes, record="all", engine="oracle")
    trace = bs.run(net, spikes, record="all")
    bs.compare(trace, golden).check()
    assert trace.overflows == golden.overflows
    assert 0 < golden.spikes.mean() < 1


@pytest.mark.parametrize(("groups", "drawn"), [(1, True), (2, False)])
def test_a_convolution_of_one_group_is_computed_patch_by_patch(groups, drawn):
    shape = bs.Convolution((2, 5, 5), stride=2, groups=groups)
    link = bs.Projection("input", "a", np.ones((4, 2 // groups, 3, 3), int), via="forward", shape=shape)
    net = bs.Network(profile("correlation", "s16.saturate", False), 50,
                     [bs.Population("a", 16, {"threshold": 9, "leak": 0})], [link])  # fmt: skip
    assert (wire(net)[0][0].incoming[0].picture is not None) == drawn
