"""One network under another profile: what both share is converted exactly, the rest refused by name."""

import json

import bitspike as bs
import numpy as np
import pytest
from builders import GENERIC, XYLO, edited, generic, random_xylo
from dialects import BRIAN2, LAVA, LAYER, NENGO, layer, link, one_layer, random_lava, undelayed


def parameters(network, name="a"):
    return {key: np.asarray(values).tolist() for key, values in network.population(name).parameters.items()}


def weights(network, index=0):
    return np.asarray(network.projections[index].weights)[:, :, 0].tolist()


def refused(network, profile, *messages):
    with pytest.raises(bs.NetworkError) as error:
        bs.rebind(network, profile)
    assert list(error.value.faults) == list(messages)


@pytest.mark.parametrize(
    ("own", "given", "other", "expected"),
    [
        (LAVA, {"du": 0, "dv": 0}, NENGO, {"decay_u": 0, "decay_v": 0}),
        (LAVA, {"du": 4095, "dv": 4096}, NENGO, {"decay_u": 4095, "decay_v": 4096}),
        (LAVA, {"du": -1, "dv": 7}, BRIAN2, {"decay_current": 0, "decay_membrane": 7}),
        (LAVA, {"du": 4095}, BRIAN2, {"decay_current": 4096}),
        (NENGO, {"decay_u": 0}, LAVA, {"du": 0}),
        (BRIAN2, {"decay_current": 0}, LAVA, {"du": -1}),
        (BRIAN2, {"decay_current": 4096}, LAVA, {"du": 4095}),
        (LAVA, {"vth": 131071}, NENGO, {"vth": 131071 << 6}),
        (LAVA, {"vth": -3}, NENGO, {"vth": -192}),
        (NENGO, {"vth": -(1 << 24)}, LAVA, {"vth": -(1 << 18)}),
        (LAVA, {"vth": 131071}, BRIAN2, {"vth": 131071}),
        (BRIAN2, {"vth": 0}, LAVA, {"vth": 0}),
        (LAVA, {"bias_mant": 3, "bias_exp": 2}, NENGO, {"bias": 12}),
        (LAVA, {"bias_mant": -3, "bias_exp": -1}, NENGO, {"bias": -2}),
        (LAVA, {"bias_mant": 5, "bias_exp": -24}, NENGO, {"bias": 0}),
        (NENGO, {"bias": 32767}, LAVA, {"bias_mant": 32767, "bias_exp": 0}),
        (NENGO, {"bias": 32768}, LAVA, {"bias_mant": 16384, "bias_exp": 1}),
        (NENGO, {"bias": -4000000}, LAVA, {"bias_mant": -31250, "bias_exp": 7}),
        (LAVA, {}, NENGO, {"refractory": 1, "vmin": -8388607, "vmax": 8388607, "bias": 0}),
        (NENGO, {}, LAVA, {"ternary": 0, "vth_low": 0, "reset_interval": 0, "reset_phase": 0}),
    ],
)
def test_a_parameter_becomes_the_one_that_stands_for_the_same(own, given, other, expected):
    delays = 1 if own is BRIAN2 else 0
    bound = bs.rebind(one_layer(own, delays=delays, **given), other)
    found = parameters(bound)
    assert bound.profile is other
    assert {key: found[key] for key in expected} == {key: [value] for key, value in expected.items()}
    assert found.keys() == LAYER[other.name].keys()


@pytest.mark.parametrize(("own", "other"), [(NENGO, BRIAN2), (BRIAN2, NENGO)])
def test_a_refractory_period_is_kept(own, other):
    net = one_layer(own, delays=1 if own is BRIAN2 else 0, refractory=9)
    assert parameters(bs.rebind(net, other))["refractory"] == [9]


def test_each_neuron_keeps_its_own_values():
    bound = bs.rebind(one_layer(LAVA, [[2, 4, 6]], du=[1, 2, 3], bias_mant=[1, 0, -1], bias_exp=[3, 2, 1]), NENGO)
    assert (parameters(bound)["decay_u"], parameters(bound)["bias"]) == ([1, 2, 3], [8, 0, -2])
    assert weights(bound) == [[128, 256, 384]]


def in_layer(message):
    return f"layer 'a': {message}"


@pytest.mark.parametrize(
    ("own", "given", "other", "message"),
    [
        (LAVA, {"du": -1}, NENGO, "a current_loss of 0 has no equal in 'decay_u' of loihi-nengo; allowed: 1 to 4096"),
        (LAVA, {"du": 4096}, BRIAN2,
         "a current_loss of 4097 has no equal in 'decay_current' of loihi-brian2; allowed: 0 to 4096"),
        (NENGO, {"vth": 65}, LAVA,
         "a threshold of 65 has no equal in 'vth' of loihi-lava; allowed: -33554432 to 33554368, a multiple of 64"),
        (LAVA, {"vth": -1}, BRIAN2,
         "a threshold of -64 has no equal in 'vth' of loihi-brian2; allowed: 0 to 8388544, a multiple of 64"),
        (LAVA, {"bias_mant": 1}, BRIAN2, "'bias_mant' has no equal in loihi-brian2: found a bias of 1; allowed: 0"),
        (LAVA, {"bias_mant": 32767, "bias_exp": 15}, NENGO,
         "a bias of 1073709056 has no equal in 'bias' of loihi-nengo; allowed: -8388608 to 8388607"),
        (NENGO, {"bias": 32769}, LAVA,
         "a bias of 32769 has no equal in 'bias_mant' of loihi-lava; allowed: what s16 times a power of two can be"),
        (LAVA, {"ternary": 1}, NENGO, "'ternary' has no equal in loihi-nengo: found a ternary of 1; allowed: 0"),
        (LAVA, {"vth_low": -1}, NENGO,
         "'vth_low' has no equal in loihi-nengo: found a lower_threshold of -64; allowed: 0"),
        (LAVA, {"reset_interval": 5}, NENGO,
         "'reset_interval' has no equal in loihi-nengo: found a reset_interval of 5; allowed: 0"),
        (NENGO, {"refractory": 2}, LAVA,
         "'refractory' has no equal in loihi-lava: found a refractory of 2; allowed: 1"),
        (NENGO, {"vmin": 0}, LAVA,
         "'vmin' has no equal in loihi-lava: found a lowest_membrane of 0; allowed: -8388607"),
    ],
)  # fmt: skip
def test_a_value_without_an_equal_is_refused_by_name(own, given, other, message):
    refused(one_layer(own, **given), other, in_layer(message))


def test_the_neuron_at_fault_is_named():
    rest = "a threshold of 65 has no equal in 'vth' of loihi-lava; allowed: -33554432 to 33554368, a multiple of 64"
    refused(one_layer(NENGO, [[64, 64, 64]], vth=[64, 128, 65]), LAVA, in_layer(f"neuron 2: {rest}"))
    found = "neuron 1: found a ternary of 1; allowed: 0"
    refused(
        one_layer(LAVA, [[2, 2]], ternary=[0, 1]), NENGO, in_layer(f"'ternary' has no equal in loihi-nengo: {found}")
    )


def test_every_layer_at_fault_is_named():
    net = bs.Network(LAVA, 1, [layer(LAVA, "a", ternary=1), layer(LAVA, "b", du=-1)], [])
    refused(
        net,
        NENGO,
        "layer 'a': 'ternary' has no equal in loihi-nengo: found a ternary of 1; allowed: 0",
        "layer 'b': a current_loss of 0 has no equal in 'decay_u' of loihi-nengo; allowed: 1 to 4096",
    )


@pytest.mark.parametrize(
    ("given", "settings", "added"),
    [
        ([[3, 5]], {}, [[192, 320]]),  # of one sign: all 8 bits
        ([[-3, -6]], {}, [[-192, -384]]),
        ([[-3, 5]], {}, [[-256, 256]]),  # mixed: the lowest bit is lost, downwards
        ([[3, 5]], {"sign_mode": 1}, [[128, 256]]),
        ([[-3, 5]], {"sign_mode": 2}, [[0, 320]]),  # excitatory: clipped at 0
        ([[-3, 5]], {"sign_mode": 3}, [[-192, 0]]),
        ([[7, 255]], {"num_weight_bits": 5}, [[0, 248 * 64]]),
        ([[1, 255]], {"weight_exp": 3}, [[512, 255 * 512]]),
    ],
)
def test_weights_become_what_they_add(given, settings, added):
    assert weights(bs.rebind(one_layer(LAVA, given, link_parameters=settings), NENGO)) == added


@pytest.mark.parametrize(
    ("added", "given", "exponent"),
    [
        ([[64, 64 * 255]], [[1, 255]], 0),
        ([[64 * 600, 64 * 4]], [[150, 1]], 2),
        ([[-128, 128]], [[-2, 2]], 0),
        ([[-64 * 512, 64 * 256]], [[-256, 128]], 1),
        ([[-64, -64 * 255]], [[-1, -255]], 0),
        ([[0, 0]], [[0, 0]], 0),
    ],
)
def test_weights_take_the_smallest_exponent_that_holds_them(added, given, exponent):
    bound = bs.rebind(one_layer(NENGO, added), LAVA)
    assert weights(bound) == given
    assert bound.projections[0].parameters == {"weight_exp": exponent, "num_weight_bits": 8, "sign_mode": -1}


IN_A = "projection 'input' to 'a'"


@pytest.mark.parametrize(
    ("added", "message"),
    [
        ([[65]], "the weight from 0 to 0 adds 65"),
        ([[64, 128], [-64, 0]], "the weight from 0 to 0 adds 64"),  # mixed and odd
        ([[64 * 255, 64 * 510]], "the weight from 0 to 1 adds 32640"),
        ([[0, 2097151]], "the weight from 0 to 1 adds 2097151"),
    ],
)
def test_a_weight_without_an_equal_is_named(added, message):
    with pytest.raises(bs.NetworkError, match=rf"^{IN_A}: {message}, which has no equal in 'dense' of loihi-lava"):
        bs.rebind(one_layer(NENGO, added), LAVA)


def test_further_weights_without_an_equal_are_counted():
    net = one_layer(NENGO, [[65, 64, 66], [67, 0, 0]])
    rest = ", which has no equal in 'dense' of loihi-lava, nor have 2 more of its weights"
    refused(net, LAVA, f"{IN_A}: the weight from 0 to 0 adds 65{rest}")


def test_a_weight_beyond_the_other_word_is_named():
    narrow = edited(NENGO, ("connections.synapses.weight.word", "s9"))
    rest = ", which has no equal in 'synapses' of loihi-nengo"
    refused(one_layer(LAVA, [[2, 4]]), narrow, f"{IN_A}: the weight from 0 to 1 adds 4{rest}")


def test_an_exponent_below_0_shifts_a_sum_which_no_weight_equals():
    message = "'weight_exp' is -1: the sum of a step is rounded, which no weight can equal"
    refused(one_layer(LAVA, link_parameters={"weight_exp": -1}), NENGO, f"{IN_A}: {message}")


def test_an_exponent_below_0_that_shifts_each_weight_is_part_of_it():
    net = one_layer(BRIAN2, [[7]], delays=1, link_parameters={"weight_exp": -1})
    assert weights(bs.rebind(net, LAVA)) == [[3]]
    assert weights(bs.rebind(net, NENGO)) == [[192]]


def delays(network, index=0):
    return np.asarray(network.projections[index].delays).tolist()


def test_a_delay_makes_up_for_the_step_in_which_spikes_act():
    assert delays(bs.rebind(one_layer(BRIAN2, delays=1), LAVA)) == [[0]]
    assert delays(bs.rebind(one_layer(LAVA, delays=0), BRIAN2)) == [[1]]
    assert delays(bs.rebind(one_layer(LAVA, [[2, 4]], delays=[[0, 5]]), BRIAN2)) == [[1, 6]]
    assert delays(bs.rebind(one_layer(BRIAN2, delays=1), NENGO)) == 0


def test_between_layers_spikes_act_in_the_next_step_everywhere():
    net = bs.Network(LAVA, 1, [layer(LAVA, "a"), layer(LAVA, "b")], [link(LAVA, "a", "b", [[2]], delays=3)],
                     limits=False)  # fmt: skip
    bound = bs.rebind(net, BRIAN2)
    assert (bound.projections[0].via, delays(bound)) == ("internal", [[3]])
    assert bs.rebind(bound, LAVA) == net


@pytest.mark.parametrize(
    ("own", "delay", "other", "message"),
    [
        (BRIAN2, 0, LAVA, "spikes act 1 step sooner in loihi-brian2 than in 'dense' of loihi-lava"),
        (BRIAN2, 0, NENGO, "spikes act 1 step sooner in loihi-brian2 than in 'synapses' of loihi-nengo"),
        (LAVA, 2, NENGO, "spikes act 2 steps later in loihi-lava than in 'synapses' of loihi-nengo"),
        (LAVA, [[0], [1]], NENGO, "spikes act 1 step later in loihi-lava than in 'synapses' of loihi-nengo"),
        (LAVA, 62, BRIAN2, "a delay of 63 has no equal in 'external' of loihi-brian2; allowed: 0 to 62"),
    ],
)
def test_a_delay_without_an_equal_is_refused(own, delay, other, message):
    refused(one_layer(own, [[2], [4]], delays=delay), other, f"{IN_A}: {message}")


def test_delays_of_listed_synapses_stay_with_their_synapses():
    listed = bs.Sparse([1, 0, 1], [1, 0, 0])
    net = bs.Network(LAVA, 2, [layer(LAVA, "a", 2)],
                     [link(LAVA, "input", "a", [2, 4, 6], shape=listed, delays=[5, 7, 9])])  # fmt: skip
    bound = bs.rebind(net, BRIAN2).projections[0]
    rows = zip(bound.shape.pre, bound.shape.post, bound.weights, bound.delays, strict=True)
    assert {tuple(map(int, row)) for row in rows} == {(1, 1, 2, 6), (0, 0, 4, 8), (1, 0, 6, 10)}


def test_delays_that_differ_need_a_delay_a_synapse():
    coarse = edited(BRIAN2, ("connections.external.delay.per", "source"))
    refused(one_layer(LAVA, [[2, 4]], delays=[[0, 1]]), coarse,
            f"{IN_A}: its delays differ, and 'external' of loihi-brian2 has one a source")  # fmt: skip
    assert delays(bs.rebind(one_layer(LAVA, [[2, 4]], delays=[[3, 3]]), coarse)) == [4]


def test_delays_of_each_source_become_those_of_its_synapses():
    own = edited(LAVA, ("connections.dense.delay.per", "source"))
    net = one_layer(own, [[2, 4], [6, 8]], delays=[1, 3])
    assert delays(bs.rebind(net, LAVA)) == [[1, 1], [3, 3]]


@pytest.mark.parametrize("seed", range(6))
def test_there_and_back_is_the_same_network(seed):
    net = random_lava(seed)
    assert bs.rebind(bs.rebind(net, BRIAN2), LAVA) == net
    plain = undelayed(net)
    assert bs.rebind(bs.rebind(plain, NENGO), LAVA) == plain
    assert bs.rebind(bs.rebind(bs.rebind(plain, NENGO), BRIAN2), LAVA) == plain


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("other", [NENGO, BRIAN2], ids=lambda profile: profile.name)
def test_what_was_not_written_as_the_other_would_computes_the_same_there_and_back(seed, other):
    rng = np.random.default_rng(seed)
    settings = {"weight_exp": int(rng.integers(0, 4)), "num_weight_bits": int(rng.integers(1, 9)), "sign_mode": 1}
    net = one_layer(LAVA, rng.integers(-300, 300, (4, 3)), link_parameters=settings)
    back = bs.rebind(bs.rebind(net, other), LAVA)
    spikes = rng.integers(0, 2, (2, 12, 4))
    traces = [bs.run(each, spikes, record="all", engine="array") for each in (net, back)]
    assert net != back
    assert traces[0]["a"].registers["membrane"].any()
    bs.compare(*traces).check()


def test_the_same_profile_gives_the_same_network():
    net = generic()
    assert bs.rebind(net, bs.load_profile(GENERIC)) is net


def test_layers_inputs_and_task_are_kept():
    net = bs.Network(LAVA, 3, [layer(LAVA, "first", 2), layer(LAVA, "last")], [], task={"data": "digits"})
    bound = bs.rebind(net, NENGO)
    assert (bound.inputs, [(p.name, p.size) for p in bound.populations]) == (3, [("first", 2), ("last", 1)])
    assert bound.task == {"data": "digits"}


def test_a_profile_that_shares_nothing_is_refused_by_name():
    message = "profile 'ranc': shares no parameters with other profiles (key 'shared')"
    refused(one_layer(LAVA), bs.load_profile("ranc"), message)
    alone = edited(GENERIC, ("shared", None))
    message = message.replace("ranc", GENERIC)
    refused(generic(profile=alone), edited(alone, ("neurons.neuron.registers.membrane", "s15.saturate")), message)


def test_a_profile_of_another_clock_is_refused():
    core = edited("tinyodin", ("shared", {"neurons": {}, "connections": {}}))
    refused(one_layer(LAVA), core, "profile 'tinyodin': found clock: event; allowed: step, as in 'loihi-lava'")


def without(profile, kind, name):
    """The profile without one of its shared classes or connections."""
    data = json.loads(profile.to_json())
    del data["shared"][kind][name]
    return bs.Profile.from_json(json.dumps(data))


def test_classes_that_are_not_shared_are_refused():
    refused(one_layer(LAVA), without(NENGO, "neurons", "neuron"),
            "layer 'a': loihi-nengo has no neurons that are shared as 'current_based'")  # fmt: skip
    refused(one_layer(without(LAVA, "neurons", "neuron")), NENGO,
            "layer 'a': loihi-lava shares no neurons of class 'neuron'")  # fmt: skip


def test_connections_that_are_not_shared_are_refused():
    lava = without(LAVA, "connections", "graded")
    graded = bs.Network(lava, 1, [layer(lava)], [link(lava, "input", "a", [[2]], via="graded")])
    refused(graded, NENGO, f"{IN_A}: connection 'graded' of loihi-lava is not shared")
    loop = bs.Network(LAVA, 1, [layer(LAVA)], [link(LAVA, "a", "a", [[2]], via="recurrent")])
    refused(loop, NENGO, "projection 'a' to 'a': loihi-nengo shares no 'feedback' from 'neuron' to 'neuron'")


def test_parameters_that_no_quantity_stands_for_are_refused():
    data = json.loads(LAVA.to_json())
    del data["shared"]["neurons"]["neuron"]["quantities"]["bias"]
    silent = bs.Profile.from_json(json.dumps(data))
    refused(one_layer(silent), NENGO, "layer 'a': parameter 'bias_mant' of loihi-lava is not shared")
    refused(one_layer(NENGO), silent, "layer 'a': parameter 'bias_mant' of loihi-lava is not shared")


def shared_xylo(title):
    """Xylo's hidden neurons and recurrent connection, shared with itself under another title."""
    words = bs.load_profile(XYLO).neurons["hidden"].parameters
    neurons = {"hidden": {"as": "n", "quantities": {name: {"of": name} for name in words}, "registers": {}}}
    weight = {"as": "c", "weight": {}, "quantities": {"weight_shift": {"of": "weight_shift"}}, "keeps": {}}
    return edited(XYLO, ("title", title), ("shared", {"neurons": neurons, "connections": {"recurrent": weight}}))


def test_aliases_are_refused():
    hidden = random_xylo(1).populations[0]
    population = bs.Population("hidden", hidden.size, hidden.parameters, "hidden", hidden.aliases)
    net = bs.Network(shared_xylo("one"), 1, [population], [])
    refused(net, shared_xylo("other"), "layer 'hidden': has aliases, which are not shared")


def test_synapses_onto_several_registers_are_refused():
    values = {"dash_syn0": 1, "dash_syn1": 1, "dash_mem": 1, "threshold": 9, "bias": 0}
    population = bs.Population("h", 1, values, "hidden")
    loop = bs.Projection("h", "h", np.ones((1, 1, 2), int), "recurrent", {"weight_shift": 0})
    net = bs.Network(shared_xylo("one"), 1, [population], [loop])
    refused(net, shared_xylo("other"), "projection 'h' to 'h': reaches 2 registers; only one can be shared")


def test_parameters_of_single_synapses_are_refused():
    fine = edited(LAVA, ("connections.dense.source_parameters", {"kind": "u2"}))
    message = f"{IN_A}: connection 'dense' of loihi-lava has parameters of its sources or synapses"
    refused(one_layer(fine, link_parameters={"kind": [1]}), LAVA, message)
    refused(one_layer(NENGO), fine, message)


def test_what_the_other_profile_cannot_prepare_is_refused_under_its_name():
    other = edited(LAVA, ("neurons.neuron.derived.threshold", "s8.refuse"))
    with pytest.raises(bs.NetworkError, match=r"^under profile 'loihi-lava': .*1280 does not fit s8\.refuse"):
        bs.rebind(one_layer(NENGO), other)


@pytest.mark.parametrize(
    "edit", [("neurons.neuron.parameters.more", "u4"), ("connections.forward.parameters.more", "u4")]
)
def test_a_parameter_that_stands_for_nothing_shared_is_refused_by_name(edit):
    longer, own = edited(GENERIC, edit), {"threshold": 9, "leak": 2}
    of_neurons, of_link = ({"more": 1}, {}) if edit[0].startswith("neurons") else ({}, {"more": 1})
    link = bs.Projection("input", "a", [[5]], via="forward", parameters=of_link)
    net = bs.Network(longer, 1, [bs.Population("a", 1, {**own, **of_neurons})], [link])
    with pytest.raises(bs.NetworkError, match="parameter 'more' of generic-w8-v16 is not shared"):
        bs.rebind(net, bs.load_profile(GENERIC))
