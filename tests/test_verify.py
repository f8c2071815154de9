"""A profile against recorded vectors: equal, or the first differing bit and how the profile came to it."""

from __future__ import annotations

from functools import cache

import bitspike as bs
import event_cores
import invented_chips as chips
import numpy as np
import pytest
from bitspike.events import Events
from builders import GENERIC, edited, generic, random_generic, random_spikes, random_xylo
from recorded import core, keys, load, write


def two_streams(net, seed):
    return [chips.random_events(net, seed), chips.random_events(net, seed + 100)]


def tiny_core(seed):
    rng = np.random.default_rng(seed)
    return event_cores.core(rng.integers(-3, 5, (6, 6)), threshold=9, leak=1, queue={"depth": 2}, last_neuron=5)


def tiny_stream(net, seed):
    rng = np.random.default_rng(seed)
    return Events.of([event_cores.spike(int(rng.integers(6))), event_cores.REFERENCE, event_cores.virtual(2, 3)] * 4)


FAMILIES = {
    "generic": (random_generic, random_spikes),
    "relay, two synapses": (random_xylo, random_spikes),
    "delays, sparse, a value": (chips.random_ternary, chips.random_graded),
    "convolution, pooling": (chips.random_exponents, chips.random_graded),
    "events": (chips.random_event, chips.random_events),
    "events of samples": (chips.random_event, two_streams),
    "a queue": (tiny_core, tiny_stream),
}


@cache
def case(family, seed=3):
    """A network, its input and what the oracle records of it."""
    build, given = FAMILIES[family]
    net = build(seed)
    spikes = given(net, seed)
    return net, spikes, bs.run(net, spikes, record="all", engine="oracle")


def saved(path, net, spikes, trace, **options):
    """The vectors that were saved, read under the network's profile with its values as they are shipped."""
    bs.save_vectors(path, net, spikes, trace, **options)
    fresh = net.profile.with_values(**{name: value.min for name, value in net.profile.values.items()})
    return bs.load_vectors(path, fresh)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", [3, 4])
def test_what_was_saved_is_the_same_network_and_equal(tmp_path, family, seed):
    net, spikes, trace = case(family, seed)
    vectors = saved(tmp_path / "v.npz", net, spikes, trace)
    found = bs.verify(vectors)
    sizes = [(1 + len(net.neuron_class(p).registers)) * p.size for p in net.populations]
    assert vectors.network == net
    assert found.equal
    assert found.comparison.values == sum(sizes) * trace.spikes.shape[0] * trace.spikes.shape[1]
    assert (found.samples, found.steps, found.writes) == (*trace.spikes.shape[:2], ())


@pytest.mark.parametrize("family", FAMILIES)
def test_one_flipped_bit_is_reported_exactly(tmp_path, family):
    net, spikes, trace = case(family)
    name = net.populations[-1].name
    register = list(net.neuron_class(net.populations[-1]).registers)[-1]
    sample, step, neuron = (size - 1 for size in trace.spikes.shape)
    trace = _flipped(trace, name, register, (sample, step, neuron), 1)
    found = bs.verify(saved(tmp_path / "v.npz", net, spikes, trace))
    first = found.comparison.first
    place = (first.sample, first.step, first.layer, first.neuron, first.register)
    assert place == (sample, step, name, neuron, register)
    assert (first.values[0], found.bits) == (first.values[1] ^ 1, (0,))
    assert (found.equal, found.comparison.different, first.clock) == (False, 1, net.profile.clock)
    written = [write.after for write in found.writes if write.register == register]
    assert written[-1:] in ([], [first.values[1]])


def _flipped(trace, name, register, place, bits):
    registers = {key: values.copy() for key, values in trace[name].registers.items()}
    registers[register][place] ^= bits
    layer = bs.LayerTrace(trace[name].spikes, registers, {}, trace[name].words)
    return bs.Trace({**trace.layers, name: layer}, trace.network)


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_every_engine_verifies_what_a_plain_loop_recorded(tmp_path, engine):
    found = bs.verify(load(write(tmp_path / "v.npz", keys())), engine=engine)
    assert str(found) == "equal: 16 values of 1 samples, 4 steps (a.membrane, a.spikes)"


def test_a_threshold_that_is_too_high_is_found_and_explained(tmp_path):
    found = bs.verify(load(write(tmp_path / "v.npz", keys(9), a__threshold=12)))
    first = found.comparison.first
    assert (first.step, first.neuron, first.register, first.values) == (1, 0, "membrane", (12, 9))
    different = sum((np.array(keys(9)[key]) != keys(12)[key]).sum() for key in ("a.membrane", "a.spikes"))
    head, writes = str(found).split("\n\n")
    assert head.splitlines() == [
        "first difference at step 1, layer a, neuron 0, register membrane, sample 0",
        "  expected 12 (0000000000001100)",
        "  found     9 (0000000000001001)",
        "  bits 0 and 2 differ: lowest 0, highest 2",
        f"  {different} of 16 values differ, in 1 of 1 samples, 4 steps (a.membrane, a.spikes)",
    ]
    heading, *told = writes.splitlines()
    assert heading == "what the profile computes for this neuron in this step:"
    assert [line[2:] for line in told] == [str(write) for write in found.writes]
    (decisive,) = (line for line in told if line.startswith("> "))
    assert decisive.startswith("> membrane: 21 -> 9 ")


def test_a_strict_threshold_is_told_from_one_that_may_be_reached(tmp_path):
    strict = edited(GENERIC, ("neurons.neuron.step.3.fire.branches.0.when", ["membrane", ">", "threshold"]))
    path = write(tmp_path / "v.npz", keys(), a__threshold=5, input=[[1, 0]], a__membrane=[[0, -3]], a__spikes=None)
    assert bs.verify(load(path)).equal
    assert bs.verify(load(path, strict)).comparison.first.values == (0, 5)


def test_only_what_was_recorded_is_compared(tmp_path):
    vectors = load(write(tmp_path / "v.npz", keys(), a__membrane=None))
    found = bs.verify(vectors)
    assert vectors.recorded == found.recorded == ("a.spikes",)
    assert (found.equal, found.comparison.values) == (True, 8)
    spikes = 1 - np.array(keys()["a.spikes"])
    assert bs.verify(load(write(tmp_path / "v.npz", keys(), a__spikes=spikes, a__membrane=None))).bits == (0,)
    assert bs.verify(load(write(tmp_path / "v.npz", keys(), a__spikes=None))).comparison.values == 8


def test_the_sign_bit_is_the_highest_bit_of_the_register(tmp_path):
    recorded = np.array(keys()["a.membrane"])
    recorded[0, 1] ^= -(1 << 15)
    found = bs.verify(load(write(tmp_path / "v.npz", keys(), a__membrane=recorded)))
    assert found.bits == (15,)
    assert "\n  bit 15 differs\n" in str(found)


def test_samples_start_from_their_own_registers(tmp_path):
    net, spikes = generic(), np.tile(np.array(keys()["input"]), (2, 1, 1))
    state = bs.initial_state(net, 2)
    state["a"]["membrane"][...] = [[4, -6], [8, 8]]
    trace = bs.run(net, spikes, record="all", state=state)
    recorded = {"input": spikes, "a.membrane": trace["a"].registers["membrane"], "a.spikes": trace["a"].spikes}
    path = write(tmp_path / "v.npz", keys() | recorded, a__initial__membrane=[[4, -6], [8, 8]])
    assert bs.verify(load(path)).equal
    assert not bs.verify(load(write(path, keys() | recorded, a__initial__membrane=[4, -6]))).equal
    found = bs.verify(load(write(path, keys() | recorded, a__initial__membrane=4)))
    first = found.comparison.first
    assert (first.sample, first.step, first.neuron) == (0, 0, 1)
    last = [write.after for write in found.writes if write.register == "membrane"][-1]
    assert (last, first.values[1]) == (first.values[1], -3 + 4 - 1)


def test_one_start_serves_every_sample(tmp_path):
    path = write(tmp_path / "v.npz", keys(), a__initial__accumulator=7)
    assert load(path).state["a"]["accumulator"].tolist() == [[7, 7]]


def test_a_run_that_continues_carries_the_spikes_on_their_way(tmp_path):
    net, spikes, _ = case("delays, sparse, a value")
    middle = bs.run(net, spikes[:, :4]).state
    assert middle["b"]["past"].any()
    rest = bs.run(net, spikes[:, 4:], record="all", state=middle)
    begun = bs.initial_state(net, len(spikes))
    assert bs.verify(saved(tmp_path / "v.npz", net, spikes[:, 4:], rest, state=middle)).equal
    assert not bs.verify(saved(tmp_path / "v.npz", net, spikes[:, 4:], rest, state=begun)).equal


def test_an_event_is_named_by_its_number(tmp_path):
    arrays = core()
    assert bs.verify(load(write(tmp_path / "v.npz", arrays), "tinyodin")).equal
    arrays["core.membrane"] = arrays["core.membrane"].copy()
    arrays["core.membrane"][2, 0] ^= 1
    found = bs.verify(load(write(tmp_path / "v.npz", arrays), "tinyodin"))
    assert str(found).startswith("first difference at event 2, layer core, neuron 0, register membrane, sample 0\n")
    assert "of 1 samples, 4 events (core.membrane, core.spikes)" in str(found)


def test_a_neuron_may_spike_more_than_once_during_an_event(tmp_path):
    net = event_cores.core([[0, 7, 0], [0, 0, 7], [0, 7, 0]], threshold=[99, 5, 10], last_neuron=2)
    state, stream = event_cores.start(net, [0, 0, 5]), Events.of([event_cores.spike(0)])
    trace = bs.run(net, stream, record="all", state=state)
    assert trace["core"].spikes.tolist() == [[[0, 2, 1]]]
    assert bs.verify(saved(tmp_path / "v.npz", net, stream, trace, state=state)).equal


def test_what_a_kind_of_event_does_not_carry_is_ignored(tmp_path):
    path = write(tmp_path / "v.npz", core(), events__weight_in=[7, 7, 3, 100], events__source=[0, 250, 1, 1])
    assert bs.verify(load(path, "tinyodin")).equal


def test_a_trace_of_another_network_or_input_is_not_saved(tmp_path):
    net, spikes = generic(), np.ones((2, 3, 2), int)
    trace = bs.run(net, spikes)
    for other, given in ((generic(threshold=8), spikes), (net, spikes[:1]), (net, spikes[:, :2])):
        with pytest.raises(bs.InputError, match="trace: not of this network and of"):
            bs.save_vectors(tmp_path / "v.npz", other, given, trace)
    assert list(tmp_path.iterdir()) == []


def test_a_layer_whose_name_means_something_else_is_not_saved(tmp_path):
    layer = bs.Population("value", 2, {"threshold": 9, "leak": 2})
    net = bs.Network(bs.load_profile(GENERIC), 1, [layer], [])
    trace = bs.run(net, np.ones((1, 1, 1), int))
    with pytest.raises(bs.InputError, match="layer 'value': has a name that means something else"):
        bs.save_vectors(tmp_path / "v.npz", net, np.ones((1, 1, 1), int), trace)
