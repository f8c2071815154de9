"""Registers that every step leaves at 0 run in lanes of what can arrive: the bits stay those of their words."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine.prepare import signature
from bitspike.engine.wiring import wire
from bitspike.ops.interval import Interval
from builders import GENERIC, edited, generic
from engines import assert_equal_to_arrays

REST = dict.fromkeys(("bias_mant", "bias_exp", "ternary", "vth_low", "reset_interval", "reset_phase"), 0)
INPUTS, NEURONS = 40, 33


def loihi(most, recurrent=False, exponent=0):
    """Two layers on Loihi, their weights up to `most`, the first one perhaps reached by itself."""
    rng = np.random.default_rng(most)
    parameters = {"vth": 60, "du": 1024, "dv": 256, **REST}
    options = {"weight_exp": exponent, "num_weight_bits": 8, "sign_mode": 1}

    def link(source, target, pre, post):
        weights = rng.integers(-most, most, (pre, post, 1), endpoint=True)
        return bs.Projection(source, target, weights, "dense", options)

    links = [link("input", "a", INPUTS, NEURONS)]
    links += [link("a", "a", NEURONS, NEURONS)] if recurrent else []
    links.append(link("a", "b", NEURONS, 5))
    layers = [bs.Population(name, size, parameters) for name, size in (("a", NEURONS), ("b", 5))]
    return bs.Network(bs.load_profile("loihi-lava"), INPUTS, layers, links, limits=False)


def spikes(seed=0):
    return (np.random.default_rng(seed).random((3, 12, INPUTS)) < 0.3).astype(np.uint8)


def known(network):
    return [dict(signature(network.profile, layer).emptied) for group in wire(network) for layer in group]


def test_what_arrives_decides_and_what_never_does_is_0():
    assert known(loihi(20)) == [{"arrived": Interval(-(2**15), 2**15 - 1), "feedback": Interval(0, 0)}] * 2
    assert known(loihi(20, exponent=3))[0]["arrived"].bits > 16
    assert known(generic()) == [{}]  # 16 bits are the narrowest lane anyway


@pytest.mark.parametrize("recurrent", [False, True])
@pytest.mark.parametrize(("most", "exponent"), [(20, 0), (127, 0), (127, 4)])
def test_the_bits_are_those_of_the_words(recurrent, most, exponent):
    trace = assert_equal_to_arrays(loihi(most, recurrent, exponent), spikes())
    assert trace["a"].spikes.any()


def test_they_end_at_0_whatever_memory_held_before(used_memory):
    state = assert_equal_to_arrays(loihi(20), spikes()).state
    assert not state["a"]["arrived"].any()


def test_a_state_that_holds_something_there_is_taken_as_it_is():
    network = loihi(20)
    first = assert_equal_to_arrays(network, spikes())
    for value in (1, -(2**40), 2**52 - 10**6):
        state = {name: {r: v.copy() for r, v in registers.items()} for name, registers in first.state.items()}
        state["a"]["arrived"][1, 7] = value
        changed = assert_equal_to_arrays(network, spikes(1), state=state)
        plain = bs.run(network, spikes(1), record="all", state=first.state)
        assert not np.array_equal(changed["a"].registers["activation"], plain["a"].registers["activation"])
    bs.compare(bs.run(network, spikes(1), record="all", state=first.state), plain).check()  # and again from 0


def summing(*edits):
    """The generic chip, all of a step added before one fit, to an accumulator of 40 bits."""
    whole = {"word": "s20.saturate", "then": []}
    sums = [(f"connections.forward.{k}", v) for k, v in (("fit_per", "step"), ("sum", whole), ("cap", 1))]
    return edited(GENERIC, ("neurons.neuron.registers.accumulator", "s40.saturate"), *sums, *edits)


def strongest(profile, **more):
    """All inputs at once at the greatest weight: more than 16 bits hold where three such sums arrive."""
    layer = bs.Population("a", 3, {"threshold": 30000, "leak": 15})
    link = bs.Projection("input", "a", np.full((200, 3), 127), "forward", **more)
    return bs.Network(profile, 200, [layer], [link])


def test_sums_of_several_delays_are_not_taken_for_one():
    profile = summing(("connections.forward.delay", {"per": "synapse", "word": "u2"}))
    network = strongest(profile, delays=np.arange(600).reshape(200, 3) % 3)
    assert known(strongest(summing())) == [{"accumulator": Interval(-(2**15), 2**15 - 1)}]
    assert known(network) == [{}]
    assert_equal_to_arrays(network, np.ones((1, 6, 200), np.uint8))


def test_what_a_round_of_spikes_adds_is_not_taken_for_what_arrives():
    """The accumulator grows with every spike of a step and is emptied after them."""
    more = {"add": {"into": "accumulator", "terms": ["threshold"]}}
    reset = {"add": {"into": "membrane", "terms": ["-threshold"]}}
    branch = {"when": ["membrane", ">=", "threshold"], "emit": 1, "repeat": 7, "do": [reset, more]}
    step = [
        {"add": {"into": "membrane", "terms": ["accumulator"]}},
        {"fire": {"branches": [branch]}},
        {"set": {"into": "membrane", "value": "accumulator"}},
        {"set": {"into": "accumulator", "value": 0}},
    ]
    profile = summing(("neurons.neuron.step", step), ("neurons.neuron.registers.membrane", "s24.saturate"))
    network = strongest(profile)
    network = bs.Network(profile, 200, [bs.Population("a", 3, {"threshold": 9000, "leak": 0})], network.projections)
    assert known(network) == [{}]
    trace = assert_equal_to_arrays(network, np.ones((1, 3, 200), np.uint8))
    assert trace["a"].registers["membrane"].max() > 2**15
