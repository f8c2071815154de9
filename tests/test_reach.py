"""What a network's neurons can reach: no run leaves it, and where it is claimed to be exact every end is met."""

from __future__ import annotations

import itertools

import bitspike as bs
import numpy as np
import pytest
from bitspike.datapath import Decay
from bitspike.engine.overflowing import overflowing_neurons
from bitspike.engine.reach import reach
from bitspike.ops.base import Registers
from bitspike.ops.integer import IntegerOps
from builders import GENERIC, edited, generic, random_generic, random_spikes, random_xylo
from invented_chips import random_event, random_exponents, random_graded, random_ternary

REGISTERS = "neurons.neuron.registers"


def assert_within(network, spikes, most_input=None):
    """Every value of a run is within its span, and every neuron that overflows was foretold."""
    found = reach(network, most_input)
    trace = bs.run(network, spikes, record="all", engine="array")
    overflowing = overflowing_neurons(network, spikes)
    for name, layer in trace.layers.items():
        one = found[name]
        for register, values in [*layer.registers.items(), ("spikes", layer.spikes)]:
            span = one.spikes if register == "spikes" else one.held[register]
            assert (values.min(axis=(0, 1)) >= span.lo).all()
            assert (values.max(axis=(0, 1)) <= span.hi).all()
        for register, flags in overflowing.get(name, {}).items():
            assert not (flags & ~one.overflows.get(register, np.zeros(flags.size, bool))).any()
            assert bool(layer.overflows[register]) == flags.any()
    return found, trace


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("seed", range(6))
def test_mutual_recurrence_stays_within(seed, overflow):
    network = random_generic(seed, overflow)
    assert_within(network, random_spikes(network, seed, samples=8, steps=40))


@pytest.mark.parametrize("seed", range(4))
def test_two_synapses_copies_and_several_spikes_a_step_stay_within(seed):
    network = random_xylo(seed)
    assert_within(network, random_spikes(network, seed, samples=6, steps=30))


@pytest.mark.parametrize("make", [random_ternary, random_exponents])
@pytest.mark.parametrize("seed", range(6))
def test_sums_of_a_step_signed_spikes_pictures_and_delays_stay_within(make, seed):
    network = make(seed)
    assert_within(network, random_graded(network, seed, samples=8, steps=30))


def small_words(threshold, leak, weights, bits=4, overflow="saturate", order=None):
    profile = edited(GENERIC, (f"{REGISTERS}.accumulator", f"s{bits}.{overflow}"),
                     (f"{REGISTERS}.membrane", f"s{bits}.{overflow}"))  # fmt: skip
    return generic(weights, threshold, leak, profile)


def every_state(network, most):
    """All states that any input of at most `most` spikes leads to, by every register, and what overflows on the way."""
    inputs = np.array(list(itertools.product(range(most + 1), repeat=network.inputs)))
    seen, front, overflows = set(), {(0, 0)}, {"accumulator": 0, "membrane": 0}
    while front:
        seen |= front
        pairs = [(state, row) for state in front for row in inputs]
        state = bs.initial_state(network, len(pairs))
        state["a"]["accumulator"][:, 0] = [s[0] for s, _ in pairs]
        state["a"]["membrane"][:, 0] = [s[1] for s, _ in pairs]
        trace = bs.run(network, np.array([row for _, row in pairs])[:, None], record="all", state=state, engine="array")
        for register, count in trace.overflows["a"].items():
            overflows[register] += count
        after = zip(*(trace["a"].registers[r][:, 0, 0].tolist() for r in ("accumulator", "membrane")), strict=True)
        front = set(after) - seen
    return np.array(sorted(seen)), overflows


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("weights", [(1, 1), (3, -2), (-3, 2), (2, 2), (4, -4), (7, 0), (-1, -3)])
def test_no_input_of_small_words_leaves_its_span_and_accumulators_overflow_exactly_where_foretold(weights, overflow):
    for threshold, leak in itertools.product((1, 3, 7), (1, 2, 3)):
        network = small_words(threshold, leak, np.array(weights)[:, None], overflow=overflow)
        found, (states, overflows) = reach(network, 2)["a"], every_state(network, 2)
        membrane = found.held["membrane"]
        assert membrane.lo[0] <= states[:, 1].min()
        assert states[:, 1].max() <= membrane.hi[0]
        assert bool(overflows["accumulator"]) == found.overflows["accumulator"][0]
        assert found.overflows["membrane"][0] or not overflows["membrane"]


@pytest.mark.parametrize("leak", range(1, 7))
def test_a_leaky_membrane_settles_where_constant_input_brings_it(leak):
    network = generic([[100], [-60]], 32767, leak)
    held = reach(network, 1)["a"].held["membrane"]
    trace = bs.run(network, np.repeat(np.eye(2, dtype=int)[:, None], 2000, axis=1), record=["membrane"])
    ends = trace["a"].registers["membrane"][:, -1, 0]
    assert ends[0] <= held.hi[0] < ends[0] + (3 << leak)  # the floor of a leak, and of a guess
    assert ends[1] - (3 << leak) < held.lo[0] <= ends[1]


def test_a_leak_that_is_written_to_another_register_is_followed():
    profile = bs.load_profile("xylo-audio-2")
    layer = bs.Population("output", 1, {"dash_syn0": 1, "dash_mem": 2, "threshold": 32767, "bias": 3}, "output")
    hidden = {"dash_syn0": 1, "dash_syn1": 1, "dash_mem": 2, "threshold": 1, "bias": 0}
    network = bs.Network(
        profile, 1, [bs.Population("hidden", 1, hidden, "hidden"), layer],
        [bs.Projection("input", "hidden", [[1]], "input", {"weight_shift": 0}),
         bs.Projection("hidden", "output", [[50]], "readout", {"weight_shift": 0})],
    )  # fmt: skip
    found, _ = assert_within(network, np.ones((1, 200, 1), np.uint8), 1)
    assert not found["output"].overflows["membrane"].any()
    assert not found["output"].overflows["delta"].any()
    assert found["output"].held["membrane"].hi[0] < 32767


def test_the_slope_that_a_leak_is_said_to_have_is_true_of_every_pair_of_values():
    for least, rounding, by in itertools.product((0, 1), ("floor", "zero"), range(4)):
        keys = {"into": "v", "of": "v", "kind": "shift", "by": by, "rounding": rounding, "least": least}
        for result, slopes in (("remaining", (0, 1)), ("minus_amount", (-1, 0))):
            stage = Decay.model_validate(keys | {"result": result}, strict=False)
            values = [stage.raw(Registers(IntegerOps(), {}, {"v": v})) for v in range(-20, 21)]
            assert {b - a for a, b in itertools.pairwise(values)} <= {slopes[0], slopes[1]}


def test_a_membrane_that_only_falls_is_said_to_overflow():
    network = small_words(7, 15, np.array([[0], [-1]]))  # floor(v / 2**15) is -1 below 0: it gains 1 a step
    found, trace = assert_within(network, np.ones((1, 40, 2), np.uint8) * 2, 2)
    assert found["a"].overflows["membrane"].all()
    assert trace.overflows["a"]["membrane"]


def test_only_chips_with_steps_are_analysed():
    with pytest.raises(bs.InputError, match="found clock: event; allowed: step"):
        reach(random_event(0))
