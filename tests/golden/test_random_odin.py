"""Random ODIN and tinyODIN cores under streams of bus addresses: both profiles against their slow models."""

from functools import cache

import numpy as np
import pytest
from random_values import within
from test_odin import ADAPTERS, MODELS

SEEDS = range(24)
BURSTS = 4  # sources that make most neurons fire at once; disabled, so that they do not follow themselves
EVENTS = 80


def core(r, neurons, threshold, open_loop):
    """What both chips share. In closed loop no spike of a neuron that always fires is queued."""
    disabled = r.random(neurons) < 0.1
    disabled[0], disabled[-1] = True, False
    if not open_loop:
        disabled |= threshold == 0
        disabled[:BURSTS] = True
    return {
        "thr": threshold,
        "disable": disabled.astype(int),
        "leak": within(r, 0, 127, neurons),
        "open_loop": np.array(int(open_loop)),
    }


def addresses(r, neurons):
    """Neurons, those that start a burst among them and first."""
    bursts = (r.random(EVENTS) < 0.2) | (np.arange(EVENTS) < 5)
    return np.where(bursts, r.integers(0, BURSTS, EVENTS), r.integers(0, neurons, EVENTS))


def near(r, membrane, threshold):
    """Thresholds that most neurons pass in a burst, a half of them in every burst; in some cores in any event."""
    low = np.maximum(membrane, 0) * r.integers(0, 2, len(membrane)) + r.integers(0, 8, len(membrane))
    if r.random() < 0.4:
        low = np.maximum(membrane - 127, 1)
    return np.where(r.random(len(membrane)) < 0.9, low, threshold)


def few(r, neurons):
    """Some synapses [source, neuron] to higher neurons, so that no spike comes round."""
    return np.triu(r.random((neurons, neurons)) < 1 / neurons, 1)


def tinyodin(r):
    """Signed membranes of all values. In closed loop all but a few synapses inhibit, so that bursts end."""
    neurons, open_loop = int(r.choice([16, 17, 100, 256, 256])), r.random() < 0.4
    membrane, threshold = within(r, -2048, 2047, neurons), within(r, 0, 4095, neurons)
    weights = within(r, -8, 7, (neurons, neurons))
    if not open_loop:
        membrane = np.where(r.random(neurons) < 0.8, np.maximum(membrane, ~membrane), membrane)
        threshold = near(r, membrane, threshold)
        weights = np.where(few(r, neurons), 7, r.integers(-8, 1, weights.shape))
        weights[:BURSTS] = 7
    who = addresses(r, neurons)
    one = np.where(r.random(EVENTS) < 0.7, who % min(neurons, 255), 0xFF)
    virtual = r.integers(0, 16, EVENTS) << 4 | who % 16
    high = r.choice(4, EVENTS, p=[0.4, 0.25, 0.25, 0.1])
    return core(r, neurons, threshold, open_loop) | {
        "w": weights,
        "v0": membrane,
        "max_neur": r.choice([neurons - 1, 255, r.integers(0, neurons)]),
        "events": high << 8 | np.select([high == 0, high == 2], [who, virtual], one),
    }


def odin(r):
    """Unsigned membranes of all values. In closed loop all but a few synapses inhibit, so that bursts end."""
    neurons, open_loop = int(r.choice([16, 17, 100, 256, 256])), r.random() < 0.4
    membrane, threshold = within(r, 0, 255, neurons), within(r, 0, 255, neurons)
    weights, mapped = within(r, 0, 7, (neurons, neurons)), r.integers(0, 2, (neurons, neurons))
    sign, unmapped = r.integers(0, 2, neurons), int(r.random() < 0.4)
    if not open_loop:
        threshold = np.minimum(near(r, membrane, threshold), 255)
        exciting = (r.random(neurons) < 0.3) & (not unmapped)
        mapped[exciting] = few(r, neurons)[exciting]
        sign = np.where(exciting, 0, 1)
        weights[:BURSTS], mapped[:BURSTS], sign[:BURSTS] = 7, 1, 0
    who, virtual = addresses(r, neurons), r.integers(0, 32, EVENTS) << 3 | 1
    kinds = r.choice(5, EVENTS, p=[0.35, 0.1, 0.15, 0.25, 0.15])
    low = [0x07, 0x7F, 0xFF, virtual, r.integers(0, neurons, EVENTS)]
    return core(r, neurons, threshold, open_loop) | {
        "w": weights,
        "mapped": mapped,
        "sign": sign,
        "unmapped": np.array(unmapped),
        "v0": membrane,
        "leak_en": r.integers(0, 2, neurons),
        "events": (kinds == 4) << 16 | who << 8 | np.select([kinds == i for i in range(5)], low),
    }


DRAWS = {"odin": odin, "tinyodin": tinyodin}


@cache
def recorded(chip, seed):
    """A random core as if its run had been recorded; `dropped` is the count of spikes that found no room."""
    vectors = DRAWS[chip](np.random.default_rng(seed))
    adapter = ADAPTERS[chip]
    membranes, wire, dropped = MODELS[chip](adapter.facts(vectors)).run(adapter.events(vectors))
    event, address = np.array(wire, int).reshape(-1, 2).T
    return vectors | {"v": np.array(membranes), "spk_event": event, "spk_addr": address, "dropped": np.array(dropped)}


def assert_engine_equals(chip, seed, engine):
    vectors = recorded(chip, seed)
    trace = ADAPTERS[chip].run(vectors, engine)
    np.testing.assert_array_equal(trace["core"].registers["membrane"][0], vectors["v"])
    np.testing.assert_array_equal(trace.wire[:, 1:], np.stack([vectors["spk_event"], vectors["spk_addr"]], axis=1))
    assert trace.dropped.tolist() == [vectors["dropped"]]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("chip", ADAPTERS)
def test_the_profile_equals_the_slow_model(chip, seed):
    assert_engine_equals(chip, seed, "compiled")


@pytest.mark.parametrize("seed", SEEDS[:6])
@pytest.mark.parametrize("chip", ADAPTERS)
def test_the_oracle_equals_the_slow_model(chip, seed):
    assert_engine_equals(chip, seed, "oracle")


@pytest.mark.parametrize("chip", ADAPTERS)
def test_random_cores_fill_the_queue_and_empty_it_in_both_loops(chip):
    cores = [recorded(chip, seed) for seed in SEEDS]
    closed = [vectors for vectors in cores if not vectors["open_loop"]]
    assert sum(vectors["dropped"] > 0 for vectors in closed) > 3
    assert sum(vectors["dropped"] == 0 for vectors in closed) > 1
    assert not any(vectors["dropped"] for vectors in cores if vectors["open_loop"])
    assert all(vectors["disable"].any() and not vectors["disable"].all() for vectors in cores)
