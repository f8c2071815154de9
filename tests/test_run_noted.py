"""Spikes that several deliveries would list are listed once, by the layer that sends them, with the same bits."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import ahead, plan, prepare
from bitspike.engine.listing import AHEAD
from bitspike.engine.wiring import wire
from builders import GENERIC, edited, random_generic, random_spikes, random_xylo
from engines import assert_equal_to_arrays

PLAIN = bs.load_profile(GENERIC)
DELAYED = edited(PLAIN, ("connections.forward.delay", {"per": "synapse", "word": "u3"}))


def network_of(*links, sizes=(70, 130, 5), inputs=40, profile=PLAIN, seed=0):
    """Layers a, b, c. links: (source, target, delays), 'recurrent' where a layer hears itself."""
    rng = np.random.default_rng(seed)
    size = dict(zip(("input", *"abc"), (inputs, *sizes), strict=True))
    layers = [bs.Population(name, size[name], {"threshold": 100, "leak": 3}) for name in "abc"]

    def link(source, target, delays=0):
        shape = size[source], size[target]
        via = "recurrent" if source == target and profile is PLAIN else "forward"
        delays = delays if isinstance(delays, int) else rng.integers(*delays, shape)
        return bs.Projection(source, target, rng.integers(-40, 60, shape), via, delays=delays)

    return bs.Network(profile, inputs, layers, [link(*each) for each in links], limits=False)


def recurrent(seed=0):
    return network_of(("input", "a"), ("a", "a"), ("a", "b"), ("b", "c"), seed=seed)


def noted(network):
    return {layer.name for group in wire(network) for layer in group if layer.noted}


def some(network, seed=0, samples=3, steps=12, density=0.3):
    return (np.random.default_rng(seed).random((samples, steps, network.inputs)) < density).astype(np.uint8)


def test_spikes_of_a_layer_that_is_heard_more_than_once_are_noted():
    assert noted(network_of(("input", "a"), ("a", "b"), ("b", "c"))) == set()
    assert noted(recurrent()) == {"a"}
    assert noted(network_of(("input", "a"), ("a", "b"), ("a", "c"))) == {"a"}
    assert noted(random_generic(0)) == {"b"}


def test_so_are_those_that_are_delivered_at_several_times():
    def links(delays):
        return ("input", "a", (1, 4)), ("a", "b", delays), ("b", "c")

    assert noted(network_of(*links((1, 4)), profile=DELAYED)) == {"a"}
    assert noted(network_of(*links(2), profile=DELAYED)) == set()


def test_neither_several_spikes_a_step_nor_pictures_are():
    assert noted(random_xylo(1)) == set()
    one, shape = np.ones((2, 1, 1, 1), int), bs.Convolution((1, 4, 4))
    layers = [bs.Population(name, 32, {"threshold": 1, "leak": 3}) for name in "abc"]
    links = [bs.Projection("input", "a", one, "forward", shape=shape)]
    links += [bs.Projection("a", target, np.eye(32, dtype=int), "forward") for target in "bc"]
    assert noted(bs.Network(edited(GENERIC, ("connections.forward.kernel", "correlation")), 16, layers, links)) == set()


@pytest.mark.parametrize("density", [0.02, 0.3, 1.0])
@pytest.mark.parametrize("raster", [False, True])
def test_noted_spikes_are_delivered_as_listed_ones(used_memory, density, raster):
    network = recurrent()
    spikes = some(network, density=density)
    trace = assert_equal_to_arrays(network, bs.Raster.of(spikes) if raster else spikes)
    assert all(trace[name].spikes.any() for name in "abc")


def test_steps_in_which_nobody_or_everybody_spikes(used_memory):
    network = network_of(("input", "a"), ("a", "b"), ("a", "c"), sizes=(130, 3, 3))
    weights = np.full((1, 130), 127)
    links = [bs.Projection("input", "a", weights, "forward"), *network.projections[1:]]
    network = bs.Network(network.profile, 1, network.populations, links)
    trace = assert_equal_to_arrays(network, np.array([[[1], [0], [1], [1], [0], [0], [1]]], np.uint8))
    assert set(trace["a"].spikes.sum(axis=2).ravel().tolist()) == {0, 130}


@pytest.mark.parametrize("bytes_", [1, 2000, 5000, 1 << 22], ids=["1 step", "few steps", "more", "all"])
def test_blocks_of_any_steps_have_the_same_bits(used_memory, monkeypatch, bytes_):
    monkeypatch.setattr(plan, "_NOTED", bytes_)
    for network in (
        recurrent(),
        network_of(("input", "a", 0), ("a", "b", (1, 6)), ("b", "a", 2), ("a", "c", 0), profile=DELAYED),
    ):
        assert_equal_to_arrays(network, some(network, samples=5), threads=2)


def test_no_more_steps_and_samples_are_run_together_than_may_be_noted(monkeypatch):
    monkeypatch.setattr(ahead, "core_cache", lambda: 0)  # so that samples are run abreast
    network = recurrent()
    groups = wire(network)
    prepared = {layer.name: prepare.prepare(network.profile, layer, "", {}) for group in groups for layer in group}
    each = 4 * (70 + AHEAD) + 16
    assert sum(prepared["a"].noted) == each
    assert prepared["b"].noted == []
    for bytes_, expected in ((1, (1, 1)), (7 * each + 1, (7, 1)), (20 * each, (10, 2)), (39 * each, (10, 3))):
        monkeypatch.setattr(plan, "_NOTED", bytes_)
        made = plan._planned([["a"], ["b"], ["c"]], prepared, 10, 205)
        assert (made.block, made.abreast) == expected


def test_a_run_in_parts_is_one_run(used_memory):
    """What was sent in the parts before is listed anew."""
    network = network_of(("input", "a"), ("a", "b", (1, 6)), ("a", "a", 1), ("b", "c", 3), profile=DELAYED)
    spikes, state = some(network, steps=14), None
    whole = bs.run(network, spikes, engine="array")
    for steps in (slice(0, 1), slice(1, 3), slice(3, 9), slice(9, 14)):
        trace = assert_equal_to_arrays(network, spikes[:, steps], state=state)
        state = trace.state
        np.testing.assert_array_equal(trace["b"].spikes, whole["b"].spikes[:, steps])


@pytest.mark.parametrize("seed", range(12))
def test_random_networks(used_memory, seed):
    rng = np.random.default_rng(seed)
    sizes, profile = tuple(int(n) for n in rng.integers(1, 200, 3)), DELAYED
    pairs = [(source, target) for source in "abc" for target in "abc" if rng.random() < 0.5]
    links = [("input", "a", 0), *((*pair, (1, int(rng.integers(2, 8)))) for pair in pairs)]
    network = network_of(*links, sizes=sizes, profile=profile, seed=seed)
    assert_equal_to_arrays(network, some(network, seed, int(rng.integers(1, 5)), int(rng.integers(1, 20))))


@pytest.mark.parametrize("seed", range(6))
def test_random_networks_of_layers_that_feed_each_other(used_memory, seed):
    network = random_generic(seed)
    assert noted(network)
    assert_equal_to_arrays(network, random_spikes(network, seed, 3, 15))
