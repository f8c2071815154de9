"""A profile with one place changed is noticed. Here for small profiles; `trials.py` does it for any."""

import re

import bitspike as bs
import pytest
from bitspike.profile.check import find_faults
from equivalents import SURVIVE
from mutants import changes, mutants
from trials import passes, reasons, survivors, trials

FAST = ["generic-w8-v16", "loihi-nengo"]


@pytest.mark.parametrize("name", FAST)
def test_no_mutant_survives_without_a_reason(name):
    assert [str(mutant) for mutant in survivors(name) if not reasons(name, mutant)] == []


def test_mutants_are_profiles_and_no_two_are_the_same():
    profile = bs.load_profile("tinyodin")
    found = [mutant.profile for mutant in mutants(profile)]
    assert len({each.digest for each in [profile, *found]}) == len(found) + 1
    assert not any(find_faults(each) for each in found)


@pytest.mark.parametrize("name", SURVIVE)
def test_every_reason_is_of_a_mutant_that_there_is(name):
    found = [f"{place}: {change}" for place, change, _ in changes(bs.load_profile(name))]
    patterns = [pattern for group in SURVIVE[name].values() for pattern in group]
    unused = [pattern for pattern in patterns if not any(re.fullmatch(pattern, mutant) for mutant in found)]
    assert not unused


@pytest.mark.parametrize("name", FAST)
def test_the_profile_itself_passes_every_trial(name):
    profile = bs.load_profile(name)
    assert [trial for trial, run in trials(name) if not passes(profile, run)] == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("generic-w8-v16", "neurons.neuron.step.3.fire.branches.0.when.1: >= -> >"),
        ("generic-w8-v16", "neurons.neuron.registers.accumulator: s16.saturate -> s16.wrap"),
        ("generic-w8-v16", "neurons.neuron.step: 0 and 1 swapped"),
        ("loihi-nengo", "neurons.neuron.step.0.scale.rounding: zero -> floor"),
        ("tinyodin", "queue.depth: 128 -> 127"),
        ("tinyodin", "queue.head_keeps_slot: True -> False"),
        ("xylo-audio-2", "connections.input.timing: same_step -> next_step"),
        ("xylo-audio-2", "connections.input.cap: 15 -> 16"),
        ("speck-sinabs", "connections.convolution.kernel: correlation -> convolution"),
        ("spiker", "neurons.neuron.step.2.fire.branches.3: dropped"),
        ("loihi-lava", "neurons.neuron.registers.membrane: s24(-8388607..8388607).saturate -> s24.saturate"),
    ],
)
def test_the_kinds_of_mistakes_are_among_the_changes(name, expected):
    assert expected in [f"{place}: {change}" for place, change, _ in changes(bs.load_profile(name))]
