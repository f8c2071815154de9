"""Whether registers can overflow for any input: the width called enough is, and for sums one bit less is not."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine.reach import reach
from bitspike.report.registers import register_bounds
from builders import GENERIC, edited, generic, random_generic, random_spikes

REGISTERS = "neurons.neuron.registers"


def bounds(network, most_input=None):
    return {bound.register: bound for bound in register_bounds(network, most_input)}


def with_words(network, **words):
    """The same network with other registers."""
    edits = [(f"{REGISTERS}.{name}", word) for name, word in words.items()]
    profile = edited(network.profile, *edits)
    return bs.Network(profile, network.inputs, network.populations, network.projections)


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("seed", range(6))
def test_a_sum_fits_the_word_that_is_enough_and_overflows_in_one_bit_less(seed, overflow):
    rng = np.random.default_rng(seed)
    weights = rng.integers(-128, 128, (int(rng.integers(1, 9)), int(rng.integers(1, 5))))
    network = generic(weights, 300, 2, edited(GENERIC, (f"{REGISTERS}.accumulator", f"s9.{overflow}")))
    most = int(rng.integers(1, 256))
    bound = bounds(network, most)["accumulator"]
    bits = int(bound.enough.removeprefix("s"))
    best = weights.clip(0).sum(axis=0).max() * most, weights.clip(None, 0).sum(axis=0).min() * most
    wide = with_words(network, accumulator=f"s{bits}.{overflow}")
    assert not reach(wide, most)["a"].overflows["accumulator"].any()
    assert bounds(wide, most)["accumulator"].margin >= 0
    assert (bounds(wide, most)["accumulator"].high, bounds(wide, most)["accumulator"].low) == best
    narrow = with_words(network, accumulator=f"s{bits - 1}.{overflow}")
    worst = np.stack([side * column > 0 for column in weights.T for side in (1, -1)])[:, None] * most
    assert bs.run(wide, worst).overflows["a"]["accumulator"] == 0
    assert bs.run(narrow, worst).overflows["a"]["accumulator"] > 0


@pytest.mark.parametrize("seed", range(6))
def test_recurrent_networks_do_not_overflow_in_the_words_that_are_enough(seed):
    network = random_generic(seed)
    needed = {}
    for bound in register_bounds(network):
        if bound.enough is None:
            return  # a leak of 15 or so: nothing is promised
        needed[bound.register] = max(needed.get(bound.register, 1), int(bound.enough.removeprefix("s")))
    wide = with_words(network, **{register: f"s{bits}.saturate" for register, bits in needed.items()})
    trace = bs.run(wide, random_spikes(wide, seed, samples=8, steps=60))
    assert not any(count for layer in trace.overflows.values() for count in layer.values())
    assert not any(bound.neurons for bound in register_bounds(wide))


def test_a_register_that_grows_without_end_has_no_width():
    step = json.loads(bs.load_profile(GENERIC).to_json())["neurons"]["neuron"]["step"]
    assert "decay" in step[0]
    network = generic([[-5]], 300, 15, edited(GENERIC, ("neurons.neuron.step", step[1:])))
    assert bounds(network)["membrane"].enough is None
    assert bounds(network)["membrane"].neurons == 1
    assert bounds(network)["accumulator"].enough == "s12"


def test_the_margin_is_what_no_input_reaches_or_what_is_lacking():
    profile = edited(GENERIC, (f"{REGISTERS}.accumulator", "s8.saturate"))
    assert bounds(generic([[63], [-32]], 300, 2, profile), 1)["accumulator"].margin == 1 - 63 / 127
    assert bounds(generic([[10], [-64]], 300, 2, profile), 1)["accumulator"].margin == 0.5
    assert bounds(generic([[127], [127]], 300, 2, profile), 1)["accumulator"].margin == -1.0
