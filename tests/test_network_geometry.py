"""Convolution, pooling and lists of synapses: every synapse that a loop finds, and every shape that is refused."""

import json
from dataclasses import asdict

import numpy as np
import pytest
from bitspike.network.geometry import Convolution, Pooling, Sparse, expand, faults
from hypothesis import given
from hypothesis import strategies as st

PICTURE = (4, 6, 5)
KERNELS = (6, 4, 3, 3)


def looped(shape, kernels, flipped):
    """The matrix of a convolution, a tap at a time, by the definition."""
    (channels, height, width), groups = shape.input_shape, shape.groups
    outputs, inputs, rows, columns = kernels.shape
    (sy, sx), (py, px), (dy, dx) = shape.stride, shape.padding, shape.dilation
    picture = np.arange(channels * height * width).reshape(channels, height, width)
    high = len([y for y in range(0, height + 2 * py, sy) if y + (rows - 1) * dy < height + 2 * py])
    wide = len([x for x in range(0, width + 2 * px, sx) if x + (columns - 1) * dx < width + 2 * px])
    matrix = np.zeros((picture.size, outputs, high, wide), np.int64)
    for o in range(outputs):
        first = o // (outputs // groups) * inputs
        for y in range(high):
            for x in range(wide):
                for i in range(inputs):
                    for r in range(rows):
                        for c in range(columns):
                            at_y, at_x = y * sy + r * dy - py, x * sx + c * dx - px
                            if 0 <= at_y < height and 0 <= at_x < width:
                                tap = (rows - 1 - r, columns - 1 - c) if flipped else (r, c)
                                matrix[picture[first + i, at_y, at_x], o, y, x] += kernels[o, i, *tap]
    return matrix


def pair(low, high):
    return st.tuples(st.integers(low, high), st.integers(low, high))


@st.composite
def convolutions(draw):
    """A shape and kernels that fit it."""
    groups, inputs, outputs = (draw(st.integers(1, 3)) for _ in range(3))
    kernel, dilation, padding = draw(pair(1, 3)), draw(pair(1, 2)), draw(pair(0, 3))
    spans = [(k - 1) * d + 1 - 2 * p for k, d, p in zip(kernel, dilation, padding, strict=True)]
    height, width = (max(span, 1) + draw(st.integers(0, 4)) for span in spans)
    shape = Convolution((groups * inputs, height, width), draw(pair(1, 3)), padding, dilation, groups)
    generator = np.random.default_rng(draw(st.integers(0, 99)))
    return shape, generator.integers(1, 100, (groups * outputs, inputs, *kernel))


def assert_ordered(synapses, sources):
    assert (synapses.pointers.dtype, synapses.targets.dtype, synapses.index.dtype) == ("int64", "int32", "int64")
    assert len(synapses.pointers) == sources + 1
    assert synapses.pointers[0] == 0
    assert synapses.pointers[-1] == len(synapses.targets) == len(synapses.index)
    for first, last in zip(synapses.pointers, synapses.pointers[1:], strict=False):
        assert np.all(np.diff(synapses.targets[first:last]) > 0)


@given(convolutions(), st.booleans())
def test_a_convolution_has_the_synapses_of_its_definition(case, flipped):
    shape, kernels = case
    expected = looped(shape, kernels, flipped)
    sources, targets = expected.shape[0], expected[0].size
    assert faults(shape, kernels.shape, sources, targets) == []
    assert shape.output_shape(kernels.shape) == expected.shape[1:]
    synapses = expand(shape, kernels.shape, sources, flipped=flipped)
    assert_ordered(synapses, sources)
    assert len(synapses.index) == np.count_nonzero(expected)
    np.testing.assert_array_equal(synapses.dense(kernels, targets), expected.reshape(sources, targets))


@given(st.tuples(st.integers(1, 3), st.integers(3, 9), st.integers(3, 9)), pair(1, 3), st.none() | pair(1, 4))
def test_pooling_sums_each_whole_window_and_drops_the_others(picture, size, stride):
    shape = Pooling(picture, size, stride)
    (channels, height, width), (sy, sx) = picture, stride or size
    tops, lefts = (
        range(0, side - length + 1, step) for side, length, step in zip(picture[1:], size, (sy, sx), strict=True)
    )
    numbers = np.arange(channels * height * width).reshape(picture)
    windows = [
        numbers[c, top : top + size[0], left : left + size[1]]
        for c in range(channels)
        for top in tops
        for left in lefts
    ]
    assert shape.output_shape() == (channels, len(tops), len(lefts))
    assert faults(shape, (1,), numbers.size, len(windows)) == []
    synapses = expand(shape, (1,), numbers.size)
    assert_ordered(synapses, numbers.size)
    expected = np.zeros((numbers.size, len(windows)), int)
    for target, window in enumerate(windows):
        expected[window.ravel(), target] = 1
    np.testing.assert_array_equal(synapses.dense([1], len(windows)), expected)


@given(st.integers(1, 6), st.integers(1, 6), st.data())
def test_a_list_of_synapses_in_any_order_keeps_the_weight_of_each_pair(sources, targets, data):
    pairs = data.draw(
        st.lists(st.tuples(st.integers(0, sources - 1), st.integers(0, targets - 1)), unique=True), label="pairs"
    )
    shape = Sparse([pre for pre, _ in pairs], [post for _, post in pairs])
    weights = np.arange(1, len(pairs) + 1)
    assert faults(shape, weights.shape, sources, targets) == []
    synapses = expand(shape, weights.shape, sources)
    assert_ordered(synapses, sources)
    expected = np.zeros((sources, targets), int)
    for weight, (pre, post) in zip(weights, pairs, strict=True):
        expected[pre, post] = weight
    np.testing.assert_array_equal(synapses.dense(weights, targets), expected)


def test_one_integer_stands_for_height_and_width():
    assert Convolution(PICTURE, 2, 1, 3) == Convolution(PICTURE, (2, 2), (1, 1), (3, 3))
    assert Pooling(PICTURE, 2) == Pooling(PICTURE, (2, 2), (2, 2))


@pytest.mark.parametrize("shape", [Convolution(np.array(PICTURE), np.int64(2), groups=np.int8(2)), Pooling(PICTURE, 2)])
def test_a_shape_is_the_same_after_it_was_json(shape):
    assert type(shape)(**json.loads(json.dumps(asdict(shape)))) == shape


AXES = "(channels, height, width), each 1 or more"
SIDES = "(height, width), each 1 or more"
KERNEL_AXES = "(out channels, in channels / groups, height, width), each 1 or more"


def convolution(kernels=KERNELS, sources=120, targets=72, picture=PICTURE, **options):
    return faults(Convolution(picture, **options), kernels, sources, targets)


def pooling(*shape, weights=(1,), targets=24):
    return faults(Pooling(*shape), weights, 120, targets)


def sparse(pre, post, weights):
    return faults(Sparse(pre, post), (weights,), 2, 2)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (convolution(picture=(4, 30)), f"input_shape: found (4, 30); allowed: {AXES}"),
        (convolution(stride=0), f"stride: found (0, 0); allowed: {SIDES}"),
        (convolution(stride=(1, 1, 1)), f"stride: found (1, 1, 1); allowed: {SIDES}"),
        (convolution(stride=1.5), f"stride: found 1.5; allowed: {SIDES}"),
        (convolution(stride=True), f"stride: found (True, True); allowed: {SIDES}"),
        (convolution(dilation=(1, 0)), f"dilation: found (1, 0); allowed: {SIDES}"),
        (convolution(padding=(-1, 0)), "padding: found (-1, 0); allowed: (height, width), each 0 or more"),
        (convolution(groups=0), "groups: found 0; allowed: 1 or more"),
        (convolution((6, 4, 9)), f"kernels: found shape (6, 4, 9); allowed: {KERNEL_AXES}"),
        (convolution((6, 4, 0, 3)), f"kernels: found shape (6, 4, 0, 3); allowed: {KERNEL_AXES}"),
        (convolution(groups=3), "groups: found 3; allowed: a divisor of the 4 input channels"),
        (convolution((6, 1, 3, 3), groups=4), "groups: found 4; allowed: a divisor of the 6 output channels"),
        (convolution(groups=2), "kernels: found 4 input channels; allowed: 2 (4 input channels, groups 2)"),
        (
            convolution((6, 4, 7, 3)),
            "kernels: found height 7, spanning 7 neurons; allowed: a span of 1 to 6 (input 6, padding 0 on both sides)",
        ),
        (
            convolution((6, 4, 3, 3), padding=(0, 1), dilation=(1, 4)),
            "kernels: found width 3, spanning 9 neurons; allowed: a span of 1 to 7 (input 5, padding 1 on both sides)",
        ),
        (convolution(sources=121), "input_shape: found (4, 6, 5), 120 neurons; allowed: 121, the size of the source"),
        (convolution(targets=70), "output shape: found (6, 4, 3), 72 neurons; allowed: 70, the size of the target"),
        (pooling(PICTURE, 0, 1), f"size: found (0, 0); allowed: {SIDES}"),
        (pooling(PICTURE, 2, (2, 0)), f"stride: found (2, 0); allowed: {SIDES}"),
        (pooling((4, 0, 5), 2), f"input_shape: found (4, 0, 5); allowed: {AXES}"),
        (
            pooling(PICTURE, (2, 6)),
            "size: found width 6, spanning 6 neurons; allowed: a span of 1 to 5 (input 5, padding 0 on both sides)",
        ),
        (pooling(PICTURE, 2, weights=(2, 2)), "weights: found shape (2, 2); allowed: (1,), shared by all synapses"),
        (
            pooling(PICTURE, 2, targets=25),
            "output shape: found (4, 3, 2), 24 neurons; allowed: 25, the size of the target",
        ),
        (sparse([0, 1], [0], weights=2), "post: found 1 entries; allowed: 2, one for each of pre"),
        (sparse([0, 1], [0, 1], weights=3), "weights: found shape (3,); allowed: (2,), one a synapse"),
        (sparse([[0]], [0], weights=1), "pre: found shape (1, 1); allowed: one axis, an entry a synapse"),
        (sparse([0], [[0], [0, 1]], weights=1), "post: not a rectangular array"),
        (sparse([0.0], [0], weights=1), "pre: found float64 values; integers are needed"),
        (sparse([0, 2], [0, 1], weights=2), "pre[1]: found 2; allowed: 0 to 1"),
        (sparse([0, 1], [0, -1], weights=2), "post[1]: found -1; allowed: 0 to 1"),
        (
            sparse([1, 0, 1], [0, 0, 0], weights=3),
            "synapses 0 and 2: both join neuron 1 to 0; allowed: one synapse a pair",
        ),
    ],
)
def test_a_shape_that_cannot_be_is_refused(found, message):
    assert found == [message]


def test_every_fault_of_a_shape_is_found_at_once():
    assert [fault.split(":")[0] for fault in convolution((6, 4), picture=(), stride=0, padding=-1, groups=-2)] == [
        "input_shape",
        "stride",
        "padding",
        "groups",
        "kernels",
    ]


def test_many_bad_entries_are_listed_briefly():
    five = np.zeros(5, int)
    assert faults(Sparse(five + 9, five), (5,), 2, 2)[3:] == ["pre: 2 more values beyond 0 to 1"]
    assert faults(Sparse(five, five), (5,), 2, 2)[3:] == ["synapses: 1 more pairs that are joined twice"]
