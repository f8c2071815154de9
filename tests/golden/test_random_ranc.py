"""Random RANC cores of several widths: the profile against its slow model."""

from functools import cache

import numpy as np
import pytest
import ranc_adapter as adapter
from random_values import signed, within
from test_cores import assert_equal

# bits of the membrane, the weights, the leak and the thresholds
WIDTHS = [(9, 9, 9, 9), (12, 8, 6, 10), (4, 7, 5, 6), (32, 32, 32, 32)]
SEEDS = range(40)


def draw(seed):
    """A core whose membranes go round, with packets and spikes that meet at its axons."""
    r = np.random.default_rng(seed)
    potential, weight, leak, threshold = WIDTHS[seed % len(WIDTHS)]
    neurons, axons, ticks = int(r.integers(1, 9)), int(r.integers(1, 7)), 40
    packets = np.stack([r.integers(0, high, 60) for high in (ticks, axons, 15)], axis=1)
    if seed % 5 == 0:
        packets = np.append(packets, np.repeat(packets[:1], 200, axis=0), axis=0)
    calm = r.random() < 0.5  # thresholds apart and a small leak, so that neurons rest, too
    return leaving_anywhere(
        {
            **dict(zip(adapter.WIDTHS, np.array([potential, weight, leak, threshold]), strict=True)),
            "synapses": r.integers(0, 2, (neurons, axons)),
            "axon_type": r.integers(0, 4, axons),
            "weights": signed(r, weight, (neurons, 4)),
            "v0": signed(r, potential, neurons),
            "leak": r.integers(-2, 3, neurons) if calm else signed(r, leak, neurons),
            "pos_thr": within(r, 0, 2 ** (threshold - 1) - 1, neurons) if calm else signed(r, threshold, neurons),
            "neg_thr": within(r, -(2 ** (threshold - 1)), 0, neurons) if calm else signed(r, threshold, neurons),
            "reset_pot": signed(r, potential, neurons),
            "reset_mode": r.integers(0, 2, neurons),
            "dest_axon": r.integers(0, axons, neurons),
            "delay": within(r, 0, 14, neurons),
            "local": r.integers(0, 2, neurons),
            "packets": packets,
            "n_ticks": np.array(ticks),
        }
    )


def leaving_anywhere(vectors):
    """The neurons whose spikes leave the core name an axon and a delay that it has not."""
    away = vectors["local"] == 0
    beyond = {"dest_axon": len(vectors["axon_type"]), "delay": 15}
    return vectors | {key: np.where(away, value, vectors[key]) for key, value in beyond.items()}


@cache
def recorded(seed):
    """A random core as if its run had been recorded."""
    vectors = draw(seed)
    found = adapter.slowly(vectors)
    ticks, neurons = np.nonzero(found["spikes"])
    return vectors | {"v": found["membrane"], "spk_tick": ticks, "spk_neuron": neurons}


ENGINES = [("array", seed) for seed in SEEDS] + [("oracle", seed) for seed in SEEDS[:8]]
ENGINES += [("compiled", seed) for seed in SEEDS if seed % len(WIDTHS) < 2]  # each set of widths is a kernel of its own


@pytest.mark.parametrize(("engine", "seed"), ENGINES)
def test_the_profile_equals_the_slow_model(engine, seed):
    vectors = recorded(seed)
    assert_equal(adapter.expected(vectors), adapter.computed(vectors, engine))


@pytest.mark.parametrize("widths", range(len(WIDTHS)))
def test_the_random_cores_reach_both_ends_of_the_membrane(widths):
    cores = [recorded(seed) for seed in SEEDS if seed % len(WIDTHS) == widths]
    end = 2 ** (WIDTHS[widths][0] - 1)
    assert min(core["v"].min() for core in cores) < -end * 0.8
    assert max(core["v"].max() for core in cores) > end * 0.8


def test_spikes_of_random_cores_meet_packets_at_an_axon():
    together = 0
    for seed in SEEDS:
        core = recorded(seed)
        outside = set(adapter.arrivals(core))
        for tick, neuron in zip(core["spk_tick"], core["spk_neuron"], strict=True):
            there = (int(tick + 1 + core["delay"][neuron]), int(core["dest_axon"][neuron]))
            together += bool(core["local"][neuron]) and there in outside
    assert together > 10
