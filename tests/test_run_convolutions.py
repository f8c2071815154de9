"""Convolutions, run by run or place by place: the oracle's bits and overflows, for any stride, margin and channels."""

from functools import partial

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import plan
from bitspike.engine.prepare import signature
from bitspike.engine.sweep import MULTIPLES
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


@pytest.mark.parametrize("channels", [120, 344])  # whose patches are added run by run, and place by place
def test_patches_that_are_too_large_for_code_without_a_loop(channels):
    shape = bs.Convolution((1, 7, 7))  # most of whose sources reach three rows of three places
    check_convolution((shape, (channels, 1, 3, 3)), "correlation", "s16.wrap", False, 3, 0.5, 1, "array")


@pytest.mark.parametrize("planes", [2, 8, 21, 65])
@pytest.mark.parametrize(
    ("most", "cap", "density"),
    [
        *[(1, 255, 0.05), (1, 255, 0.9), (2, 255, 0.9), (MULTIPLES, 255, 0.9), (MULTIPLES + 1, 255, 0.9)],
        *[(3, 2, 0.9), (7, "nonzero", 0.9), (7, "none", 0.9), (MULTIPLES + 1, "none", 0.9)],
    ],
)
def test_many_spikes_are_added_place_by_place(planes, most, cap, density):
    shape = bs.Convolution((planes, 5, 6), 1, (1, 2))
    check_behind((shape, (24, planes, 3, 3)), "correlation", "s24.wrap", False, most, cap, density, 1)


@pytest.mark.parametrize(("size", "padding"), [(1, (2, 0)), (1, (0, 3)), (3, (5, 1)), (3, (3, 6))])
def test_places_that_lie_in_the_padding_alone_get_nothing(size, padding):
    shape = bs.Convolution((2, 4, 5), 1, padding)
    check_behind((shape, (8, 2, size, size)), "correlation", "s24.wrap", False, 1, 255, 0.9, 1)


@st.composite
def wide_convolutions(draw):
    """Of step 1, to whole vectors of channels."""
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
    st.sampled_from([255, 3, "none", "nonzero"]),
    st.sampled_from([0.1, 0.9]),
    st.integers(0, 2**32 - 1),
)
@settings(max_examples=20, deadline=None)
def test_place_by_place_it_is_the_same(convolution, kernel, word, summed, most, cap, density, seed):
    check_behind(convolution, kernel, word, summed, most, cap, density, seed)


def check_behind(convolution, kernel, word, summed, most, cap, density, seed):
    """The same of a convolution from a layer whose neurons send up to `most` spikes."""
    shape, kernels = convolution
    rng = np.random.default_rng(seed)
    before, size = int(np.prod(shape.input_shape)), int(np.prod(shape.output_shape(kernels)))
    chip = edited(
        profile(kernel, word, summed),
        ("neurons.neuron.step.3.fire.branches.0.repeat", most),
        ("connections.forward.cap", cap),
    )
    layers = [
        bs.Population("a", before, {"threshold": 90 // rng.integers(1, most + 1, before), "leak": 3}),
        bs.Population("b", size, {"threshold": rng.integers(1, 200, size), "leak": 3}),
    ]
    one = 90 * np.eye(kernels[1], dtype=int)[..., None, None]
    links = [
        bs.Projection("input", "a", one, "forward", shape=bs.Convolution(shape.input_shape)),
        bs.Projection("a", "b", rng.integers(-128, 128, kernels), "forward", shape=shape),
    ]
    net = bs.Network(chip, before, layers, links, limits=False)
    last = wire(net)[1][0]
    assert (signature(chip, last).incoming[0].sweep is not None) == (last.incoming[0].picture.swept is not None)
    spikes = (rng.integers(1, min(most, 7) + 1, (2, 3, before)) * (rng.random((2, 3, before)) < density)).astype(
        np.uint8
    )
    golden, trace = (bs.run(net, spikes, record="all", engine=engine) for engine in ("array", "compiled"))
    bs.compare(trace, golden).check()
    assert trace.overflows == golden.overflows


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


def one_place(profile, kernels, spikes, **more):
    """Convolutions of one place each from the input to a neuron, one after the other, against the oracle."""
    layer = bs.Population("a", 8, {"threshold": 30000, "leak": 15})
    shape = bs.Convolution((1, 1, 1))
    links = [bs.Projection("input", "a", np.full((8, 1, 1, 1), w), via="forward", shape=shape) for w in kernels]
    net = bs.Network(profile, 1, [layer], links, limits=False)
    given = np.array(spikes, np.uint8)[None, :, None]
    golden, trace = (bs.run(net, given, record="all", engine=engine, **more) for engine in ("oracle", "compiled"))
    bs.compare(trace, golden).check()
    assert trace.overflows == golden.overflows
    return golden.overflows["a"]


def test_the_second_convolution_of_a_step_finds_what_the_first_has_brought():
    narrow = profile("correlation", "s8.saturate", False)
    assert one_place(narrow, [100], [1, 1]) == {"accumulator": 0, "membrane": 0}
    assert one_place(narrow, [100, 100, -50], [1, 1])["accumulator"] == 16


def test_a_convolution_into_a_register_that_keeps_its_value_looks_whether_there_is_room():
    kept = edited(
        profile("correlation", "s16.saturate", False),
        ("connections.forward.into", ["membrane"]),
        ("neurons.neuron.registers.membrane", "s8.saturate"),
    )
    assert one_place(kept, [100], [1, 1])["membrane"] > 0


def test_a_state_that_holds_something_where_a_convolution_arrives_is_taken_as_it_is():
    narrow = profile("correlation", "s8.saturate", False)
    state = {"input": {"spikes": np.zeros((1, 1), np.uint8)}}
    state["a"] = {"accumulator": np.full((1, 8), 90), "membrane": np.zeros((1, 8)), "spikes": np.zeros((1, 8))}
    state["a"] = {name: values.astype(np.int64) for name, values in state["a"].items()}
    assert one_place(narrow, [100], [1, 1], state=state)["accumulator"] == 8


@pytest.mark.parametrize("block", [1, 1 << 20])
def test_pictures_in_a_loop_are_run_step_by_step(monkeypatch, block):
    """A convolution, its pool, two convolutions of the pool, one a step later; and they come back to both."""
    monkeypatch.setattr(plan, "_KEPT", block)
    rng = np.random.default_rng(7)
    chip = edited(
        profile("correlation", "s24.wrap", False),
        ("connections.recurrent.kernel", "correlation"),
        ("connections.recurrent.weight.word", "s8"),
    )
    sizes = {"a": 800, "b": 200, "c": 200}
    layers = [bs.Population(name, n, {"threshold": rng.integers(50, 300, n), "leak": 3}) for name, n in sizes.items()]
    third = bs.Convolution((8, 5, 5), 1, 1)
    links = [
        bs.Projection("input", "a", rng.integers(-60, 127, (8, 2, 3, 3)), "forward", shape=bs.Convolution((2, 12, 12))),
        bs.Projection("a", "b", 1, "forward", shape=bs.Pooling((8, 10, 10), 2)),
        bs.Projection("b", "c", rng.integers(-90, 90, (8, 8, 3, 3)), "forward", shape=third),
        bs.Projection("b", "c", rng.integers(-90, 90, (8, 8, 3, 3)), "recurrent", shape=third),
        bs.Projection("c", "a", rng.integers(-60, 60, (200, 800)), "recurrent"),
        bs.Projection("c", "b", rng.integers(-2, 3, (8, 8, 3, 3)), "recurrent", shape=third),
    ]
    layers[1] = bs.Population("b", 200, {"threshold": rng.integers(1, 3, 200), "leak": 3})
    net = bs.Network(chip, 288, layers, links, limits=False)
    spikes = (rng.random((3, 7, 288)) < 0.4).astype(np.uint8)
    golden, trace = (bs.run(net, spikes, record="all", engine=engine) for engine in ("array", "compiled"))
    bs.compare(trace, golden).check()
    assert trace.overflows == golden.overflows
    (group,) = wire(net)
    assert [layer.channels_last for layer in group] == [8, 8, 8]
    assert [each.sweep is not None for each in signature(chip, group[2]).incoming] == [True, False]
    assert all(0.02 < golden[name].spikes.mean() < 0.98 for name in "abc")


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
