"""Every write of one neuron in one step: operands, result, and what the fit did."""

import bitspike as bs
import numpy as np
import pytest
from builders import GENERIC, edited, generic, random_generic, random_spikes, random_xylo
from hypothesis import given, settings
from hypothesis import strategies as st
from invented_chips import TERNARY, chip, random_exponents, random_graded, random_ternary


def assert_replays(network, spikes, state=None):
    """Replayed from the registers of the step before, the writes lead to those that the run recorded."""
    trace = bs.run(network, spikes, record="all", state=state)
    effects = set()
    for name, layer in trace.layers.items():
        for neuron, step in ((0, 0), (layer.spikes.shape[2] - 1, spikes.shape[1] - 1)):
            for sample in range(len(spikes)):
                place = dict(layer=name, neuron=neuron, step=step, sample=sample)
                *writes, emitted = bs.explain(network, spikes, **place, state=state)
                before = {r: values[sample, step - 1, neuron] if step else 0 for r, values in layer.registers.items()}
                if state is not None and not step:
                    before = {r: state[name][r][sample, neuron] for r in before}
                before["sum"] = 0
                for write in writes:
                    if write.register == "sum" and "the sum of the step" in write.cause:
                        before["sum"] = 0  # each sum starts anew
                    assert write.before == before[write.register]
                    before[write.register] = write.after
                    effects.add(write.effect)
                del before["sum"]
                assert before == {r: values[sample, step, neuron] for r, values in layer.registers.items()}
                assert emitted.after == layer.spikes[sample, step, neuron]
                assert emitted.register == "spikes"
    return effects


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["saturate", "wrap"]))
def test_the_writes_of_a_generic_neuron_replay_to_what_was_recorded(seed, overflow):
    network = random_generic(seed, overflow)
    assert_replays(network, random_spikes(network, seed))


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1))
def test_the_writes_of_a_xylo_neuron_replay_to_what_was_recorded(seed):
    network = random_xylo(seed)
    assert_replays(network, random_spikes(network, seed))


@settings(max_examples=10)
@given(st.integers(0, 2**32 - 1), st.sampled_from([random_ternary, random_exponents]))
def test_the_writes_of_sums_delays_and_pictures_replay_to_what_was_recorded(seed, make):
    network = make(seed)
    assert_replays(network, random_graded(network, seed))


def test_replays_meet_clipped_and_wrapped_writes():
    met = set()
    for seed in range(8):
        for network in (random_generic(seed, "wrap"), random_xylo(seed)):
            met |= assert_replays(network, random_spikes(network, seed))
    assert met == {"kept", "clipped", "wrapped"}


def test_a_run_that_continues_is_explained_from_its_state():
    network = random_generic(4)
    spikes = random_spikes(network, 4)
    state = bs.run(network, spikes).state
    assert_replays(network, spikes, state)


def test_a_step_is_told_write_by_write():
    writes = bs.explain(generic([[5], [-3]], threshold=2, leak=1), [[2, 1]], layer="a", neuron=0, step=0)
    assert [str(write) for write in writes] == [
        "accumulator: 0 -> 10 (0000000000001010)  [s16.saturate]  forward: input[0] 2 x 5",
        "accumulator: 10 -> 7 (0000000000000111)  [s16.saturate]  forward: input[1] 1 x -3",
        "membrane: 0 -> 0 (0000000000000000)  [s16.saturate]  decay, membrane = 0, leak = 1",
        "membrane: 0 -> 7 (0000000000000111)  [s16.saturate]  add, membrane = 0, accumulator = 7",
        "accumulator: 7 -> 0 (0000000000000000)  [s16.saturate]  set",
        "membrane: 7 -> 5 (0000000000000101)  [s16.saturate]  fire: membrane >= threshold, membrane = 7, threshold = 2",
        "spikes: 0 -> 1 (00000001)  [u8]  emitted",
    ]


def test_a_sum_is_told_from_its_total_to_what_arrives():
    """Both neurons spike in step 0; 20 + 25 is halved and clipped to 15."""
    layer = bs.Population("a", 2, {"keep": 0, "vth": 3, "slope": 0, "refractory": 0})
    links = [
        bs.Projection("input", "a", [[9, 9]], "forward"),
        bs.Projection("a", "a", [[20, 0], [25, 0]], "feedback", {"divisor": 1, "bound": 15}),
    ]
    network = bs.Network(chip(TERNARY), 1, [layer], links)
    writes = bs.explain(network, [[1], [0]], layer="a", neuron=0, step=1)
    assert [str(write) for write in writes][:4] == [
        "sum: 0 -> 45 (0000101101)  [s10.wrap]  feedback: the sum of the step, 45",
        "sum: 45 -> 22 (0000010110)  [s10.wrap]  shift, sum = 45, divisor = 1",
        "sum: 22 -> 15 (0000001111)  [s10.wrap]  clip, sum = 22, bound = 15",
        "arrived: 0 -> 15 (0001111)  [s7.wrap]  feedback: the sum of the step, 15",
    ]


def test_a_clipped_write_shows_what_was_kept():
    network = generic([[127], [127]], threshold=1)
    write = bs.explain(network, [[255, 255]], layer="a", neuron=0, step=0)[1]
    assert write.effect == "clipped"
    assert str(write).startswith("accumulator: 32385 -> 64770, clipped to 32767 (0111111111111111)")


def test_a_write_that_has_no_rule_is_named_with_its_sample():
    network = generic([[100]], profile=edited(GENERIC, ("neurons.neuron.registers.accumulator", "s8.refuse")))
    place = {"layer": "a", "neuron": 0, "step": 1}
    assert bs.explain(network, [[[1], [1]], [[1], [2]]], **place, sample=0)
    with pytest.raises(bs.OverflowRefusedError, match=r"^sample 1, step 1, layer a, .*accumulator: 200 does not fit"):
        bs.explain(network, [[[1], [1]], [[1], [2]]], **place, sample=1)


def test_events_are_no_spike_counts():
    with pytest.raises(bs.InputError, match=r"^spikes: found Events; allowed: \[sample, step, 2\]"):
        bs.explain(generic(), bs.Events.of([{"kind": "spike"}]), layer="a", neuron=0, step=0)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"layer": "b"}, "layer: found 'b'; allowed: a"),
        ({"neuron": 2}, "neuron: found 2; allowed: 0 to 1"),
        ({"neuron": -1}, "neuron: found -1; allowed: 0 to 1"),
        ({"neuron": "0"}, "neuron: found '0'; allowed: 0 to 1"),
        ({"step": 3}, "step: found 3; allowed: 0 to 2"),
        ({"step": 0.5}, "step: found 0.5; allowed: 0 to 2"),
        ({"sample": 1}, "sample: found 1; allowed: 0 to 0"),
    ],
)
def test_a_place_that_the_run_does_not_have_is_refused(place, message):
    with pytest.raises(bs.InputError) as caught:
        bs.explain(generic(), np.ones((3, 2), int), **{"layer": "a", "neuron": 0, "step": 0, **place})
    assert str(caught.value) == message
