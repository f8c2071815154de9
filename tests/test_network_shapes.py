"""What a network refuses of shapes, delays and parameters of sources and synapses, each by its place."""

import bitspike as bs
import numpy as np
import pytest
from builders import GENERIC, edited, generic
from invented_chips import EVENT, SHARED_EXPONENT, TERNARY, chip

NEURONS = {
    TERNARY: {"keep": 1, "vth": 1, "slope": 0, "refractory": 0},
    SHARED_EXPONENT: {"leak": 1, "threshold": 1},
    EVENT: {"threshold": 1, "keep": 1, "muted": 0},
}
ONES = np.ones((2, 2), int)
KERNELS = np.ones((1, 1, 2, 2), int)
HERE = "projection 'input' to 'a': "


def refused(make, *arguments, **options):
    with pytest.raises(bs.NetworkError) as caught:
        make(*arguments, **options)
    return list(caught.value.faults)


def network(text, inputs, size, *projections, names=("a",)):
    layers = [bs.Population(name, size, NEURONS[text]) for name in names]
    return bs.Network(chip(text), inputs, layers, projections)


def delayed(weights=ONES, shape=None, delays=0, via="forward"):
    """Two inputs to two neurons, over synapses with delays of two bits."""
    return network(TERNARY, 2, 2, bs.Projection("input", "a", weights, via, {}, shape, delays))


def picture(shape, weights=KERNELS, size=9, via="picture", exponent=0, inhibitory=0):
    """A picture of 4 by 4 to 9 neurons."""
    parameters = {"exponent": exponent, "inhibitory": inhibitory}
    return network(SHARED_EXPONENT, 16, size, bs.Projection("input", "a", weights, via, parameters, shape))


@pytest.mark.parametrize(
    ("delays", "message"),
    [
        (4, "delays: found 4; allowed: 0 to 3 (u2)"),
        (-1, "delays: found -1; allowed: 0 to 3 (u2)"),
        ([[0, 1], [2, 5]], "delays[1, 1]: found 5; allowed: 0 to 3 (u2)"),
        ([1, 2], "delays: found shape (2,); allowed: (2, 2)"),
        ([[1], [1, 2]], "delays: not a rectangular array"),
        (0.5, "delays: found float64 values; integers are needed"),
    ],
)
def test_a_delay_without_a_slot_is_refused(delays, message):
    assert refused(delayed, delays=delays) == [HERE + message]


@pytest.mark.parametrize(
    ("delays", "message"),
    [
        (1, "connection 'forward' has none"),
        ([[0, 0], [0, 1]], "connection 'forward' has none"),
        ([[1], [1, 2]], "not a rectangular array"),
    ],
)
def test_a_delay_over_a_connection_that_has_none_is_refused(delays, message):
    links = [bs.Projection("input", "a", ONES, "forward", delays=delays)]
    layer = bs.Population("a", 2, {"threshold": 1, "leak": 0})
    assert refused(bs.Network, bs.load_profile(GENERIC), 2, [layer], links) == [f"{HERE}delays: {message}"]


def test_the_delays_of_sources_are_one_a_source():
    link = bs.Projection("a", "b", ONES, "feedback", {"divisor": 0, "bound": 1}, delays=ONES)
    assert refused(network, TERNARY, 2, 2, link, names="ab") == [
        "projection 'a' to 'b': delays: found shape (2, 2); allowed: (2,)"
    ]


def test_the_delays_of_listed_synapses_are_one_a_synapse():
    assert refused(delayed, [1, 2], bs.Sparse([0, 0], [0, 1]), [1, 2, 3]) == [
        HERE + "delays: found shape (3,); allowed: (2,)"
    ]


@pytest.mark.parametrize(
    ("shape", "weights", "message"),
    [
        (
            bs.Convolution((1, 4, 4)),
            np.ones((1, 1, 5, 2), int),
            "kernels: found height 5, spanning 5 neurons; allowed: a span of 1 to 4 (input 4, padding 0 on both sides)",
        ),
        (
            bs.Convolution((1, 4, 4)),
            np.ones((1, 1, 3, 3), int),
            "output shape: found (1, 2, 2), 4 neurons; allowed: 9, the size of the target",
        ),
        (
            bs.Convolution((1, 5, 5), padding=0),
            np.ones((1, 1, 3, 3), int),
            "input_shape: found (1, 5, 5), 25 neurons; allowed: 16, the size of the source",
        ),
        (
            bs.Convolution((2, 4, 4)),
            KERNELS,
            "kernels: found 1 input channels; allowed: 2 (2 input channels, groups 1)",
        ),
        (
            bs.Convolution((1, 4, 4)),
            3,
            "kernels: found shape (); allowed: (out channels, in channels / groups, height, width), each 1 or more",
        ),
        (bs.Convolution((1, 4, 4)), KERNELS * 16, "weights[0, 0, 0, 0]: found 16; allowed: 0 to 15 (u4)"),
        (
            bs.Convolution((1, 4, 4), stride=10**30),
            KERNELS,
            f"stride: found ({10**30}, {10**30}); allowed: at most 2147483647 each",
        ),
        (bs.Pooling((1, 4, 4), 2), KERNELS, "weights: found shape (1, 1, 2, 2); allowed: (1,), shared by all synapses"),
        (
            bs.Pooling((1, 4, 4), (5, 1)),
            1,
            "size: found height 5, spanning 5 neurons; allowed: a span of 1 to 4 (input 4, padding 0 on both sides)",
        ),
        (bs.Sparse([0, 1], [0, 9]), [1, 2], "post[1]: found 9; allowed: 0 to 8"),
        (bs.Sparse([0], [0]), [1, 2], "weights: found shape (2,); allowed: (1,), one a synapse"),
        ("dense", KERNELS, "shape: found 'dense'; allowed: a Convolution, a Pooling, a Sparse or None"),
    ],
)
def test_a_shape_that_does_not_fit_is_refused(shape, weights, message):
    assert refused(picture, shape, weights)[0] == HERE + message


def test_a_convolution_needs_a_connection_with_kernels():
    assert refused(picture, bs.Convolution((1, 4, 4)), via="dense") == [
        HERE + "is a convolution, which connection 'dense' has no kernels for"
    ]


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"inhibitory": [0, 1]}, "inhibitory: found shape (2,); allowed: (16,)"),
        ({"inhibitory": [0] * 15 + [2]}, "inhibitory[15]: found 2; allowed: 0 to 1 (u1)"),
        ({"exponent": [0]}, "exponent: found shape (1,); allowed: ()"),
        ({"exponent": 5}, "exponent: found 5; allowed: -3 to 4 (s4(-3..4))"),
    ],
)
def test_a_parameter_of_another_shape_or_range_is_refused(parameters, message):
    assert refused(picture, bs.Convolution((1, 4, 4)), **parameters) == [HERE + message]


def test_a_parameter_of_synapses_has_the_shape_of_the_weights():
    link = bs.Projection("a", "a", ONES, "echo", {"gain": 1, "cut": [0, 1]})
    assert refused(network, SHARED_EXPONENT, 1, 2, link) == [
        "projection 'a' to 'a': cut: found shape (2,); allowed: (2, 2)"
    ]


def test_a_derived_value_that_does_not_fit_names_the_layer():
    profile = edited(
        GENERIC,
        ("neurons.neuron.derived", {"double": "u8.refuse"}),
        ("neurons.neuron.prepare", [{"set": {"into": "double", "value": "threshold"}}]),
    )
    assert refused(generic, threshold=[255, 256], profile=profile) == [
        "layer 'a': derived double: 256 does not fit u8.refuse, 0 to 255"
    ]


def loop(there, back):
    links = [
        bs.Projection(source, target, ONES, "forward", delays=delays)
        for source, target, delays in (("a", "b", there), ("b", "a", back))
    ]
    return network(TERNARY, 2, 2, *links, names="ab")


@pytest.mark.parametrize("back", [0, [[1, 1], [1, 0]]])
def test_a_loop_with_an_undelayed_synapse_on_every_way_is_refused(back):
    (fault,) = refused(loop, 0, back)
    assert fault in {f"network: a loop without a delay: {loop}" for loop in ("b -> a -> b", "a -> b -> a")}


@pytest.mark.parametrize(("there", "back"), [(0, 1), (1, 0), (2, 3)])
def test_a_loop_is_allowed_where_a_delay_breaks_it(there, back):
    assert loop(there, back).projections[0].source in "ab"


def wide_sums(weights):
    """Two inputs of 58 bits to two neurons, each the sum of a step."""
    profile = edited(chip(TERNARY), ("connections.feedback.from", ["input", "neuron"]), ("input", "s58"))
    layer = bs.Population("a", 2, NEURONS[TERNARY])
    links = [bs.Projection("input", "a", weights, "feedback", {"divisor": 0, "bound": 63})]
    return bs.Network(profile, 2, [layer], links)


def test_a_sum_that_could_need_more_than_63_bits_is_refused():
    assert refused(wide_sums, [[31, 0], [31, 0]]) == [HERE + "a step's sum can need more than 63 bits"]


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_a_sum_of_62_bits_is_computed(engine):
    network = wide_sums([[31, 0], [0, -31]])
    spikes = [[2**57 - 1, 2**57 - 1], [0, 0], [0, 0]]
    assert bs.run(network, spikes, engine=engine).spikes[0].tolist() == [[0, 0], [-1, 1], [0, 0]]


def test_an_event_driven_network_is_one_core_with_a_source_for_each_neuron():
    assert refused(network, EVENT, 2, 2, names="ab") == ["network: found 2 layers; allowed: 1 with clock: event"]
    assert refused(network, EVENT, 3, 2) == ["inputs: found 3; allowed: 2, a source for each neuron"]


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_a_list_of_no_synapses_brings_nothing(engine):
    delayed = edited(GENERIC, ("connections.forward.delay", {"per": "synapse", "word": "u3"}))
    none = np.zeros(0, np.int64)
    link = bs.Projection("input", "a", none, via="forward", shape=bs.Sparse(none, none), delays=none)
    net = bs.Network(delayed, 2, [bs.Population("a", 2, {"threshold": 1, "leak": 0})], [link])
    assert not bs.run(net, [[1, 1]], engine=engine).spikes.any()
