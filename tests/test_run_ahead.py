"""What arrives at a recurrent layer from others is summed ahead where its weights exceed a core's cache."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import ahead, plan, prepare
from bitspike.engine.choice import of_network
from bitspike.engine.kernel import kernel_key
from bitspike.engine.prepare import signature
from bitspike.engine.wiring import wire
from builders import GENERIC, edited, random_generic, random_spikes, random_xylo
from engines import assert_equal_to_arrays

INPUTS, NEURONS = 70, 65


@pytest.fixture
def small_cache(monkeypatch):
    """A core's cache holds nothing, and every step has events enough."""
    monkeypatch.setattr(ahead, "core_cache", lambda: 0)
    monkeypatch.setattr(ahead, "ENOUGH", 0)
    monkeypatch.setattr(prepare, "kernel_key", lambda *which: f"whatever the events\n{kernel_key(*which)}")


def recurrent(most=40, profile=GENERIC, lag="same_step", sizes=(INPUTS, NEURONS)):
    """A layer 'a' of weights up to `most`, with itself, and a layer behind it."""
    rng = np.random.default_rng(most)
    inputs, neurons = sizes
    profile = edited(profile, ("connections.forward.timing", lag))
    layers = [
        bs.Population("a", neurons, {"threshold": rng.integers(50, 400, neurons), "leak": 3}),
        bs.Population("b", 5, {"threshold": 60, "leak": 4}),
    ]

    def link(source, target, via, *shape):
        return bs.Projection(source, target, rng.integers(-most, most, shape, endpoint=True), via)

    links = [link("input", "a", "forward", inputs, neurons), link("a", "a", "recurrent", neurons, neurons)]
    return bs.Network(profile, inputs, layers, [*links, link("a", "b", "forward", neurons, 5)], limits=False)


def loihi():
    """The same on a chip that fits a step's sum once."""
    rng = np.random.default_rng(1)
    rest = dict.fromkeys(("bias_mant", "bias_exp", "ternary", "vth_low", "reset_interval", "reset_phase"), 0)
    options = {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 1}
    weights = {"input": rng.integers(-90, 90, (INPUTS, NEURONS, 1)), "a": rng.integers(-90, 90, (NEURONS, NEURONS, 1))}
    layers = [bs.Population("a", NEURONS, {"vth": 60, "du": 1024, "dv": 256, **rest})]
    links = [bs.Projection(source, "a", matrix, "dense", options) for source, matrix in weights.items()]
    return bs.Network(bs.load_profile("loihi-lava"), INPUTS, layers, links, limits=False)


def some(seed=0, samples=3, steps=12, density=0.3, most=1, inputs=INPUTS):
    rng = np.random.default_rng(seed)
    shape = (samples, steps, inputs)
    return ((rng.random(shape) < density) * rng.integers(1, most, shape, endpoint=True)).astype(np.uint8)


def summed_ahead(network):
    """By layer, of each projection, whether it is summed ahead."""
    layers = [layer for group in wire(network) for layer in group]
    return {layer.name: [i.ahead for i in signature(network.profile, layer).incoming] for layer in layers}


def test_only_what_does_not_wait_for_the_layer_is_summed_ahead(small_cache):
    assert summed_ahead(recurrent()) == {"a": [True, False], "b": [False]}
    assert summed_ahead(random_generic(0)) == {"a": [True, False], "b": [False, False]}  # a waits for b


def test_nothing_is_where_a_core_s_cache_holds_all_weights(monkeypatch):
    network = recurrent()
    for size, expected in ((INPUTS * NEURONS + NEURONS**2, False), (INPUTS * NEURONS + NEURONS**2 - 1, True)):
        monkeypatch.setattr(ahead, "core_cache", lambda size=size: size)
        assert summed_ahead(network)["a"] == [expected, False]


@pytest.mark.parametrize("kept", [1, 1 << 11, 1 << 13, 1 << 20], ids=["1 step", "few steps", "few samples", "all"])
@pytest.mark.parametrize(("samples", "threads"), [(1, 1), (7, 1), (20, 2)])
def test_blocks_of_any_steps_and_samples_have_the_same_bits(small_cache, monkeypatch, kept, samples, threads):
    monkeypatch.setattr(plan, "_KEPT", kept)
    network, spikes = recurrent(), some(samples=samples)
    trace = assert_equal_to_arrays(network, spikes, threads=threads)
    assert trace["a"].spikes.any(axis=(1, 2)).all()
    assert_equal_to_arrays(network, bs.Raster.of(spikes), threads=threads)


def test_more_samples_are_run_abreast_where_their_blocks_are_kept(small_cache, monkeypatch):
    network = recurrent()
    groups = wire(network)
    prepared = {layer.name: prepare.prepare(network.profile, layer, "", {}) for group in groups for layer in group}
    each = sum(prepared["a"].block)
    for kept, steps, expected in ((each, 10, (1, 1)), (7 * each, 10, (7, 1)), (30 * each, 10, (10, 3))):
        monkeypatch.setattr(plan, "_KEPT", kept)
        made = plan._planned([["a"], ["b"]], prepared, steps, 70)
        assert (made.block, made.abreast) == expected
        assert made.bounds.tolist() == [0, 1, 2, 3]  # the sums, a, b


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("most", [2, 90, 127])
def test_registers_that_pass_their_words_take_every_event_by_itself(small_cache, overflow, most):
    registers = "neurons.neuron.registers"
    words = [(f"{registers}.{name}", f"s10.{overflow}") for name in ("accumulator", "membrane")]
    network = recurrent(most, edited(GENERIC, *words))
    trace = assert_equal_to_arrays(network, some(density=0.5))
    assert (trace.overflows["a"]["accumulator"] > 0) == (most > 2)


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize(("given", "passes"), [(22, False), (23, True)])
def test_sums_and_events_that_fit_alone_but_not_together(small_cache, given, passes, overflow):
    """Three inputs of `given` and three neurons of 20 bring the first half 126 or 129, the others as much below 0."""
    word = ("neurons.neuron.registers.accumulator", f"s8.{overflow}")
    signs, firing = np.repeat([1, -1], 3), np.repeat([1, 0], 3)[:, None]
    links = [
        bs.Projection("input", "a", np.tile(given * signs, (3, 1)), "forward"),
        bs.Projection("a", "a", firing * np.tile(20 * signs, (6, 1)), "recurrent"),
    ]
    network = bs.Network(
        edited(GENERIC, word), 3, [bs.Population("a", 6, {"threshold": 1, "leak": 3})], links, limits=False
    )
    trace = assert_equal_to_arrays(network, np.ones((1, 6, 3), np.uint8))
    assert trace["a"].spikes[0, 0].tolist() == [1, 1, 1, 0, 0, 0]
    assert (trace.overflows["a"]["accumulator"] > 0) == passes


def test_sums_and_events_of_different_registers_are_added_by_themselves(small_cache):
    profile = edited(GENERIC, ("connections.recurrent.into", ["membrane"]))
    assert assert_equal_to_arrays(recurrent(profile=profile), some())["a"].spikes.any()


def test_sums_are_added_once_to_events_that_would_go_in_parts(small_cache):
    """Those of 110 neurons, each of which adds 1 to half of them and takes it from the others: 127 // 2 at a time."""
    word = ("neurons.neuron.registers.accumulator", "s8.saturate")
    signs = np.where(np.add.outer(np.arange(110), np.arange(110)) % 2, 1, -1)
    links = [
        bs.Projection("input", "a", np.full((1, 110), 10), "forward"),
        bs.Projection("a", "a", signs, "recurrent"),
    ]
    network = bs.Network(
        edited(GENERIC, word), 1, [bs.Population("a", 110, {"threshold": 1, "leak": 3})], links, limits=False
    )
    trace = assert_equal_to_arrays(network, np.ones((1, 6, 1), np.uint8))
    assert trace["a"].spikes.all()
    assert trace.overflows["a"]["accumulator"] == 0


def test_sums_are_added_once_to_more_events_than_are_counted_in_16_bits(small_cache):
    words = [(f"neurons.neuron.registers.{name}", "s24.saturate") for name in ("accumulator", "membrane")]
    network = recurrent(90, edited(GENERIC, *words), sizes=(INPUTS, 900))
    trace = assert_equal_to_arrays(network, some(density=0.5))
    assert trace["a"].spikes.sum(axis=2).max() > 256


@pytest.mark.parametrize("make", [recurrent, loihi])
def test_steps_of_few_events_are_not_summed_ahead(monkeypatch, make):
    monkeypatch.setattr(ahead, "core_cache", lambda: 0)
    found = np.array([[ahead.ENOUGH + more for more in (-1, 0, 1, -16, -1, 20)]] * 2)
    spikes = (np.arange(INPUTS) < found[:, :, None]).astype(np.uint8)
    assert assert_equal_to_arrays(make(), spikes)["a"].spikes.any()
    assert_equal_to_arrays(make(), bs.Raster.of(spikes))


@pytest.mark.parametrize("most", [1, 2, 200])
def test_events_of_several_spikes(small_cache, most):
    spikes = some(most=most)
    assert_equal_to_arrays(recurrent(), spikes)
    assert_equal_to_arrays(recurrent(), bs.Raster.of(spikes))


@pytest.mark.parametrize("make", [loihi, lambda: random_xylo(1), lambda: random_xylo(2), lambda: random_generic(5)])
def test_sums_that_are_fitted_once_two_registers_copies_of_spikes_and_loops(small_cache, make):
    network = make()
    assert any(any(flags) for flags in summed_ahead(network).values())
    given = random_spikes(network, 1, 5, 20) if network.inputs < INPUTS else some()
    assert_equal_to_arrays(network, given)
    assert_equal_to_arrays(network, bs.Raster.of(given))


@pytest.mark.parametrize("lag", ["same_step", "next_step"])
@pytest.mark.parametrize("raster", [False, True])
def test_a_run_in_two_parts_is_one_run(small_cache, used_memory, lag, raster):
    network, spikes = recurrent(lag=lag), some(steps=9)
    whole, state = bs.run(network, spikes, record="all", engine="array"), None
    for steps in (slice(0, 1), slice(1, 5), slice(5, 9)):
        part = bs.Raster.of(spikes[:, steps]) if raster else spikes[:, steps]
        trace = bs.run(network, part, record="all", state=state)
        np.testing.assert_array_equal(trace["a"].spikes, whole["a"].spikes[:, steps])
        np.testing.assert_array_equal(trace["a"].registers["membrane"], whole["a"].registers["membrane"][:, steps])
        state = trace.state
    for name, registers in whole.state.items():
        assert all(np.array_equal(state[name][register], values) for register, values in registers.items())


@pytest.mark.parametrize("seed", range(15))
def test_random_networks(small_cache, used_memory, seed):
    rng = np.random.default_rng(seed)
    sizes = int(rng.integers(1, 200)), int(rng.integers(1, 300))
    overflow = str(rng.choice(["saturate", "wrap"]))
    words = [("neurons.neuron.registers.accumulator", f"s{rng.integers(9, 17)}.{overflow}")]
    network = recurrent(int(rng.integers(1, 128)), edited(GENERIC, *words), sizes=sizes)
    spikes = some(seed, int(rng.integers(1, 9)), int(rng.integers(1, 30)), rng.random() ** 2, 1 + seed % 3, sizes[0])
    assert_equal_to_arrays(network, bs.Raster.of(spikes) if rng.random() < 0.5 else spikes)


def test_the_choice_of_kernels_says_it(small_cache):
    _, deliveries = of_network(recurrent())
    told = {(each.source, each.layer): each.kernel for each in deliveries}
    ahead_of = "plain sums in pairs, of many steps ahead, vectors of 32 neurons; else word-by-word adds"
    assert told["input", "a"] == ahead_of
    assert told["a", "a"] == told["a", "b"] == ahead_of.replace(", of many steps ahead", "")
