"""Registers that every step leaves at 0 run in lanes of what can arrive: the bits stay those of their words."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine.prepare import signature
from bitspike.engine.wiring import wire
from bitspike.ops.interval import Interval
from builders import generic

REST = dict.fromkeys(("bias_mant", "bias_exp", "ternary", "vth_low", "reset_interval", "reset_phase"), 0)
INPUTS, NEURONS = 40, 33


def loihi(most, recurrent=False, exponent=0, delays=None):
    """Two layers on Loihi, their weights up to `most`, the first one perhaps reached by itself."""
    rng = np.random.default_rng(most)
    parameters = {"vth": 60, "du": 1024, "dv": 256, **REST}
    options = {"weight_exp": exponent, "num_weight_bits": 8, "sign_mode": 1}

    def link(source, target, pre, post, **more):
        weights = rng.integers(-most, most, (pre, post, 1), endpoint=True)
        return bs.Projection(source, target, weights, "dense", options, **more)

    links = [link("input", "a", INPUTS, NEURONS, **({} if delays is None else {"delays": delays}))]
    links += [link("a", "a", NEURONS, NEURONS)] if recurrent else []
    links.append(link("a", "b", NEURONS, 5))
    layers = [bs.Population(name, size, parameters) for name, size in (("a", NEURONS), ("b", 5))]
    return bs.Network(bs.load_profile("loihi-lava"), INPUTS, layers, links, limits=False)


def spikes(seed=0):
    return (np.random.default_rng(seed).random((3, 12, INPUTS)) < 0.3).astype(np.uint8)


def assert_equal_to_arrays(network, given, **options):
    found, golden = (bs.run(network, given, record="all", engine=e, **options) for e in ("compiled", "array"))
    bs.compare(found, golden).check()
    for name, registers in golden.state.items():
        for register, values in registers.items():
            assert np.array_equal(found.state[name][register], values)
    return found


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
