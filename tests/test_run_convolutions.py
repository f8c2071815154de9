"""Convolutions, patch by patch: the bits and overflow counts of the oracle, for any stride, margin and channels."""

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
    shape, kernels = convolution
    rng = np.random.default_rng(seed)
    size, inputs = int(np.prod(shape.output_shape(kernels))), int(np.prod(shape.input_shape))
    layer = bs.Population("a", size, {"threshold": rng.integers(1, 200, size), "leak": 3})
    link = bs.Projection("input", "a", rng.integers(-128, 128, kernels), via="forward", shape=shape)
    net = bs.Network(profile(kernel, word, summed), inputs, [layer], [link], limits=False)
    spikes = (rng.integers(1, most + 1, (2, 3, inputs)) * (rng.random((2, 3, inputs)) < 0.4)).astype(np.uint8)
    golden = bs.run(net, spikes, record="all", engine="oracle")
    for entering in (spikes, bs.Raster.of(spikes)):
        trace = bs.run(net, entering, record="all")
        bs.compare(trace, golden).check()
        assert trace.overflows == golden.overflows


@pytest.mark.parametrize(("groups", "drawn"), [(1, True), (2, False)])
def test_a_convolution_of_one_group_is_computed_patch_by_patch(groups, drawn):
    shape = bs.Convolution((2, 5, 5), stride=2, groups=groups)
    link = bs.Projection("input", "a", np.ones((4, 2 // groups, 3, 3), int), via="forward", shape=shape)
    net = bs.Network(profile("correlation", "s16.saturate", False), 50,
                     [bs.Population("a", 16, {"threshold": 9, "leak": 0})], [link])  # fmt: skip
    assert (wire(net)[0][0].incoming[0].picture is not None) == drawn
