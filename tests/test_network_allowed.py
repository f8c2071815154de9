"""What a profile refuses of a network: every fault at once, each with its place, the value and the range."""

import bitspike as bs
import numpy as np
import pytest
from builders import GENERIC, XYLO, edited, generic, random_xylo

PARAMETERS = {"threshold": 9, "leak": 2}


def refused(make):
    with pytest.raises(bs.NetworkError) as caught:
        make()
    assert str(caught.value) == "\n".join(caught.value.faults)
    return list(caught.value.faults)


def network(populations, projections=(), inputs=2, **options):
    return bs.Network(bs.load_profile(GENERIC), inputs, populations, projections, **options)


def layer(name="a", size=2, neuron=None, **parameters):
    return bs.Population(name, size, {**PARAMETERS, **parameters}, neuron)


def test_a_weight_out_of_range_is_named_by_index_value_and_range():
    assert refused(lambda: generic([[5, 128], [2, -129]])) == [
        "projection 'input' to 'a': weights[0, 1]: found 128; allowed: -128 to 127 (s8)",
        "projection 'input' to 'a': weights[1, 1]: found -129; allowed: -128 to 127 (s8)",
    ]


def test_the_most_negative_weight_is_refused_where_the_word_is_narrow():
    profile = edited(GENERIC, ("connections.forward.weight.narrow", True))
    assert refused(lambda: generic([[-128, 1]], profile=profile)) == [
        "projection 'input' to 'a': weights[0, 0]: found -128; allowed: -127 to 127 (s8, narrow)"
    ]


def test_what_is_no_profile_population_or_projection_is_named_by_its_place():
    assert refused(lambda: bs.Network(GENERIC, 2, [layer()], [])) == [
        f"profile: found '{GENERIC}'; allowed: a Profile, as load_profile gives it"
    ]
    assert refused(lambda: network(3)) == ["populations: found 3; allowed: a list of Population"]
    assert refused(lambda: network([layer(), "b"])) == ["populations[1]: found 'b'; allowed: a Population"]
    assert refused(lambda: network([layer()], [None])) == ["projections[0]: found None; allowed: a Projection"]


def test_many_bad_values_are_listed_briefly():
    assert refused(lambda: generic(np.full((2, 3), 300)))[-1] == (
        "projection 'input' to 'a': weights: 3 more values beyond -128 to 127"
    )


def test_a_threshold_out_of_range_is_named():
    assert refused(lambda: generic(threshold=[9, 40000])) == [
        "layer 'a': threshold[1]: found 40000; allowed: 0 to 32767 (u15)"
    ]


def test_every_fault_of_every_layer_is_found_at_once():
    layers = [layer(size=0), layer("b", threshold=-1, leak=16), layer("c", leak=0.5)]
    assert refused(lambda: network(layers)) == [
        "layer 'a': found size 0; allowed: 1 or more",
        "layer 'b': threshold: found -1; allowed: 0 to 32767 (u15)",
        "layer 'b': leak: found 16; allowed: 0 to 15 (u4)",
        "layer 'c': leak: found float64 values; integers are needed",
    ]


def test_every_fault_of_every_projection_is_found_at_once():
    links = [
        bs.Projection("input", "a", [[200]]),
        bs.Projection("input", "b", [[1.0]]),
        bs.Projection("inpt", "b", [[1]]),
    ]
    assert refused(lambda: network([layer(size=1), layer("b", size=1)], links, inputs=1)) == [
        "projection 'input' to 'a': weights[0, 0]: found 200; allowed: -128 to 127 (s8)",
        "projection 'input' to 'b': weights: found float64 values; integers are needed",
        "projection 'inpt' to 'b': source: found 'inpt'; allowed: input, a, b. Did you mean 'input'?",
    ]


def test_a_missing_parameter_is_named_with_its_word():
    assert refused(lambda: network([bs.Population("a", 2, {"leak": 1})])) == [
        "layer 'a': parameter 'threshold' is missing (u15, 0 to 32767)"
    ]


def test_an_unknown_parameter_is_told_the_nearest_name():
    assert refused(lambda: network([layer(treshold=1)])) == [
        "layer 'a': parameter: found 'treshold'; allowed: threshold, leak. Did you mean 'threshold'?"
    ]


def test_an_unknown_class_is_told_the_nearest_name():
    assert refused(lambda: network([layer(neuron="neurone")])) == [
        "layer 'a': neuron class: found 'neurone'; allowed: neuron. Did you mean 'neuron'?"
    ]


def test_a_class_must_be_named_where_there_are_several():
    profile = bs.load_profile(XYLO)
    assert refused(lambda: bs.Network(profile, 1, [bs.Population("a", 1)], [])) == [
        "layer 'a': neuron class: found None; allowed: hidden, output"
    ]


@pytest.mark.parametrize(
    ("projection", "message"),
    [
        (("input", "a", "forwards"), "connection: found 'forwards'; allowed: forward. Did you mean 'forward'?"),
        (("a", "a", None), "several connections fit, name one with via=: forward, recurrent"),
        (("input", "a", "recurrent"), "connection: found 'recurrent'; allowed: forward"),
    ],
)
def test_a_connection_that_does_not_fit_is_named(projection, message):
    source, target, via = projection
    links = [bs.Projection(source, target, np.ones((2, 2), int), via)]
    assert refused(lambda: network([layer()], links)) == [f"projection '{source}' to '{target}': {message}"]


@pytest.mark.parametrize("name", [np.array(["a", "a"]), ["a"], 3])
def test_what_is_no_name_is_refused_as_one(name):
    links = [bs.Projection(name, "a", [[1]]), bs.Projection("a", name, [[1]]), bs.Projection("a", "a", [[1]], name)]
    for place, link in zip(("source", "target", "connection"), links, strict=True):
        (fault,) = refused(lambda link=link: network([layer(size=1)], [link]))
        assert f": {place}: found {name!r}; allowed: " in fault
    assert refused(lambda: network([layer(neuron=name)])) == [
        f"layer 'a': neuron class: found {name!r}; allowed: neuron"
    ]
    allowed = "allowed: a name of letters a to z, digits and underscores"
    assert refused(lambda: network([layer(name), layer("a")])) == [f"layer {name!r}: {allowed}"]


def test_a_layer_that_no_connection_reaches_is_refused():
    hidden, output = random_xylo(0).populations
    links = [bs.Projection("input", "output", np.ones((1, output.size), int))]
    assert refused(lambda: bs.Network(bs.load_profile(XYLO), 1, [hidden, output], links)) == [
        "projection 'input' to 'output': connection: found None; allowed: none"
    ]


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[1, 2], [3]], "weights: not a rectangular array"),
        ([[1, 2, 3], [4, 5, 6]], "weights: found shape (2, 3); allowed: (2, 2)"),
        ([1, 2], "weights: found shape (2,); allowed: (2, 2)"),
        (np.ones((2, 2, 2), int), "weights have 2 synapses; allowed: 1 to 1"),
        (np.ones((2, 2, 0), int), "weights have 0 synapses; allowed: 1 to 1"),
        ([["1", "2"], ["3", "4"]], "weights: found <U1 values; integers are needed"),
        ([[True, True], [True, True]], "weights: found bool values; integers are needed"),
        ([[10**30, 1], [1, 1]], "weights: found object values; integers are needed"),
        (None, "weights: found object values; integers are needed"),
    ],
)
def test_weights_of_another_kind_or_shape_are_refused(weights, message):
    links = [bs.Projection("input", "a", weights)]
    assert refused(lambda: network([layer()], links)) == [f"projection 'input' to 'a': {message}"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("input", "layer 'input': the name is taken"),
        ("b", "layer 'b': the name is taken"),
        ("../b", "layer '../b': allowed: a name of letters a to z, digits and underscores"),
        ("größe", "layer 'größe': allowed: a name of letters a to z, digits and underscores"),
        (["b"], "layer ['b']: allowed: a name of letters a to z, digits and underscores"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(name, message):
    assert refused(lambda: network([layer("b"), layer(name)])) == [message]


def test_a_network_without_layers_or_inputs_is_refused():
    assert refused(lambda: network([])) == ["network: has no layers"]
    assert refused(lambda: network([layer()], inputs=0)) == ["inputs: found 0; allowed: 1 or more"]


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ([[3], [-2], [0]], "aliases[0, 0]: found 3; allowed: -1 to 2 (-1: none)"),
        ([0, 1, 2], "aliases: found shape (3,); allowed: (3, slots)"),
        (0, "aliases: found shape (); allowed: (3, slots)"),
        ([[0], [0]], "aliases: found shape (2, 1); allowed: (3, 1)"),
        ([[0], [0, 1], [0]], "aliases: not a rectangular array"),
        ([[0.5]] * 3, "aliases: found float64 values; integers are needed"),
    ],
)
def test_aliases_that_reach_no_neuron_are_refused(aliases, message):
    parameters = {"dash_syn0": 1, "dash_syn1": 1, "dash_mem": 1, "threshold": 1, "bias": 0}
    population = bs.Population("hidden", 3, parameters, "hidden", aliases)
    assert refused(lambda: bs.Network(bs.load_profile(XYLO), 1, [population], []))[0] == f"layer 'hidden': {message}"


def test_aliases_need_a_class_that_relays():
    population = bs.Population("a", 2, PARAMETERS, aliases=[[0], [1]])
    assert refused(lambda: network([population])) == [
        "layer 'a': has aliases, which neurons of class 'neuron' do not relay"
    ]


def test_more_neurons_than_the_chip_has_are_refused():
    assert refused(lambda: network([layer(size=1000), layer("b", size=25)])) == [
        "limits.neurons: 'neuron' needs 1025; allowed: 1024"
    ]


def test_a_fan_in_is_counted_over_all_projections_of_a_connection():
    profile = edited(GENERIC, ("limits.fan_in.forward", 3))
    layers = [layer(size=2), layer("b", size=1)]
    links = [bs.Projection("input", "b", [[1], [1], [0]]), bs.Projection("a", "b", [[1], [1]], "forward")]
    assert refused(lambda: bs.Network(profile, 3, layers, links)) == ["limits.fan_in: 'forward' needs 4; allowed: 3"]


def test_limits_of_sources_and_targets_count_neurons_with_a_weight():
    profile = edited(
        GENERIC, ("limits.inputs", 2), ("limits.sources", {"forward": 1}), ("limits.targets", {"forward": 1})
    )
    assert refused(lambda: generic([[1, 1], [1, 0], [0, 0]], profile=profile)) == [
        "limits.inputs: 'inputs' needs 3; allowed: 2",
        "limits.sources: 'forward' needs 2; allowed: 1",
        "limits.targets: 'forward' needs 2; allowed: 1",
    ]


def test_limits_can_be_ignored_but_words_cannot():
    assert network([layer(size=2000)], limits=False).populations[0].size == 2000
    assert "found 128" in refused(lambda: generic([[128]], limits=False))[0]


def test_a_loop_without_a_delay_is_refused():
    layers = [bs.Population(name, 1, {"threshold": 1, "leak": 0}) for name in "ab"]
    links = [bs.Projection(pre, post, [[1]], "forward") for pre, post in ("ab", "ba")]
    with pytest.raises(bs.NetworkError, match=r"^network: a loop without a delay: (a -> b -> a|b -> a -> b)$"):
        bs.Network(bs.load_profile("generic-w8-v16"), 1, layers, links)


def test_a_weight_whose_format_refuses_it_is_refused():
    shift = {"shift": {"into": "weight", "by": 3, "word": "s8.refuse"}}
    profile = edited("generic-w8-v16", ("connections.forward.weight.format", [shift]))
    layer = bs.Population("a", 1, {"threshold": 1, "leak": 0})
    place = "projection 'input' to 'a'"
    with pytest.raises(bs.NetworkError, match=rf"^{place}: formatted weight: 136 does not fit s8.refuse, -128 to 127$"):
        bs.Network(profile, 2, [layer], [bs.Projection("input", "a", [[15], [17]], "forward")])


def test_sources_deliver_in_the_order_of_their_layers_whatever_the_order_of_the_projections():
    """Saturation makes the order part of the result: 300 x 127 clips before 300 x -128 takes it back."""
    layers = [bs.Population(name, 300, {"threshold": 1, "leak": 0}) for name in ("up", "down")]
    layers.append(bs.Population("sum", 1, {"threshold": 32767, "leak": 0}))
    links = [bs.Projection("input", name, np.full((1, 300), 1), "forward") for name in ("down", "up")]
    links += [bs.Projection(name, "sum", np.full((300, 1), w), "forward") for name, w in (("down", -128), ("up", 127))]
    network = bs.Network(bs.load_profile(GENERIC), 1, layers, links)
    for engine in ("compiled", "array", "oracle"):
        trace = bs.run(network, [[1]], record=["membrane"], engine=engine)
        assert trace["sum"].registers["membrane"].item() == 32767 - 300 * 128
