"""Random Spiker+ neurons of several widths, shifts and every reset: the profile against its slow model."""

from functools import cache
from itertools import pairwise

import bitspike as bs
import numpy as np
import pytest
import spiker_adapter as adapter
from random_values import signed
from slow_spiker import Spiker
from test_cores import assert_equal

WIDTHS = [(12, 9, 9), (8, 7, 7), (8, 4, 9), (2, 2, 2), (32, 32, 32), (16, 14, 5)]  # membrane, both kinds of weights
RESETS = ("fixed", "subtractive", "none")
SHIFTS = (1, 2, 3, 31)
SETTINGS = [(widths, reset, SHIFTS[i % 4]) for i, widths in enumerate(WIDTHS) for reset in RESETS]
SEEDS = range(4 * len(SETTINGS))
COMPILED = [seed for seed in SEEDS if seed % len(SETTINGS) in (1, 9, 17)]  # each setting is a kernel of its own


def draw(seed):
    """A stream of slots in random order for a neuron of any threshold, its weights mostly of one sign for a while."""
    r = np.random.default_rng(seed)
    (bits, excitatory, inhibitory), reset, shift = SETTINGS[seed % len(SETTINGS)]
    odds = [[0.4, 0.5 - ends, ends, 0.01, 0.09] for ends in (0.3, 0.02, 0.02, 0.3, 0.02, 0.02)]
    kinds = np.concatenate([r.choice(5, 40, p=each) for each in odds])
    first = kinds[: len(kinds) // 2]  # a restart ends what runs as whole steps
    first[first == adapter.RESTART] = adapter.END
    first[-1] = adapter.END
    weights = np.select(
        [kinds == adapter.EXCITATORY, kinds == adapter.INHIBITORY],
        [signed(r, excitatory, len(kinds)), signed(r, inhibitory, len(kinds))],
    )
    side = np.repeat(r.choice([-1, 1], len(kinds) // 40), 40)
    kept = (weights * side >= 0) | (r.random(len(kinds)) < 0.2)
    return {
        "ops": np.stack([kinds, np.where(kept, weights, ~weights)], axis=1),
        "bitwidth": np.array(bits),
        "w_exc_bw": np.array(excitatory),
        "w_inh_bw": np.array(inhibitory),
        "shift": np.array(shift),
        "reset": np.array(reset),
        "v_th": signed(r, bits) if r.random() < 0.5 else r.integers(0, 2 ** (bits - 2), endpoint=True),
        "v_reset": signed(r, bits),
    }


@cache
def recorded(seed):
    """A random neuron as if its stream had been recorded."""
    vectors = draw(seed)
    found = adapter.slowly(vectors)
    return vectors | {"v": found["membrane"], "spk": found["spikes"]}


ENGINES = [("array", seed) for seed in SEEDS] + [("compiled", seed) for seed in COMPILED]
ENGINES += [("oracle", seed) for seed in SEEDS[::7]]


@pytest.mark.parametrize(("engine", "seed"), ENGINES)
def test_the_profile_equals_the_slow_model(seed, engine):
    vectors = recorded(seed)
    assert_equal(adapter.expected(vectors), adapter.computed(vectors, engine))


@pytest.mark.parametrize(("engine", "seed"), ENGINES)
def test_whole_steps_of_slots_equal_the_slow_model(seed, engine):
    vectors = recorded(seed)
    ends, found = adapter.computed_steps(vectors, engine)
    assert_equal({name: values[ends] for name, values in adapter.expected(vectors).items()}, found)


@cache
def sorted_by_kind(seed):
    """The random stream up to its restart, the excitatory slots of every step first."""
    kinds = recorded(seed)["ops"][:, 0]
    stop = int(np.argmax(kinds == adapter.RESTART)) or len(kinds)
    ends = kinds[:stop] == adapter.END
    order = np.lexsort((kinds[:stop] == adapter.INHIBITORY, ends, np.cumsum(ends) - ends))
    vectors = recorded(seed) | {"ops": recorded(seed)["ops"][:stop][order]}
    found = adapter.slowly(vectors)
    return vectors | {"v": found["membrane"], "spk": found["spikes"]}


def assert_steps_of_two_connections_equal(seed, engine):
    vectors = sorted_by_kind(seed)
    ends, found = adapter.computed_steps(vectors, engine, apart=True)
    assert_equal({name: values[ends] for name, values in adapter.expected(vectors).items()}, found)


@pytest.mark.parametrize(("engine", "seed"), ENGINES)
def test_excitatory_slots_of_a_step_come_before_inhibitory_ones(engine, seed):
    assert_steps_of_two_connections_equal(seed, engine)


def assert_layers_equal(seed, engine):
    r, shape = np.random.default_rng(seed), {"input": 5, "a": 4, "b": 3}
    (bits, *widths), reset, shift = SETTINGS[seed % len(SETTINGS)]
    values = dict(zip(("excitatory_width", "inhibitory_width"), widths, strict=True))
    values |= {"membrane_width": bits, "shift": shift, "reset_kind": RESETS.index(reset)}
    populations, projections, slow = [], [], {}
    for source, name in pairwise(shape):
        size = shape[name]
        thresholds, resets = r.integers(0, 2 ** (bits - 2), size, endpoint=True), signed(r, bits, size)
        populations.append(bs.Population(name, size, {"threshold": thresholds, "reset": resets}))
        weights = [signed(r, width, (shape[source], size)) for width in widths]
        for matrix, via in zip(weights, ("excitatory", "inhibitory"), strict=True):
            projections.append(bs.Projection(source, name, matrix, via))
        neurons = zip(thresholds.tolist(), resets.tolist(), strict=True)
        slow[name] = ([Spiker(bits, shift, reset, *neuron) for neuron in neurons], np.array(weights).tolist())
    inputs = r.integers(0, 2, (30, shape["input"]))
    net = bs.Network(bs.load_profile("spiker").with_values(**values), shape["input"], populations, projections)
    trace = bs.run(net, inputs, record="all", engine=engine)
    for step, spikes in enumerate(inputs.tolist()):
        for name, (neurons, weights) in slow.items():
            spikes = [of_step(neuron, n, spikes, weights) for n, neuron in enumerate(neurons)]
            assert trace[name].spikes[0, step].tolist() == spikes
            assert trace[name].registers["membrane"][0, step].tolist() == [neuron.membrane for neuron in neurons]


def of_step(neuron, place, spikes, weights):
    """The spike of a neuron of a layer, after the slots of a step."""
    for kind, matrix in enumerate(weights):
        for spike, row in zip(spikes, matrix, strict=True):
            if spike:
                neuron.slot(kind, row[place])
    return neuron.end_of_step()


@pytest.mark.parametrize("seed", SEEDS[::2])
def test_layers_act_on_the_next_in_the_same_step(seed):
    assert_layers_equal(seed, "array")


@pytest.mark.parametrize("setting", range(len(SETTINGS)))
def test_random_neurons_fire_and_reach_both_ends_whatever_the_setting(setting):
    found = [recorded(seed) for seed in SEEDS if seed % len(SETTINGS) == setting]
    end = 2 ** (SETTINGS[setting][0][0] - 1)
    assert sum(vectors["spk"].sum() for vectors in found)
    assert {-end, end - 1} <= set(np.concatenate([vectors["v"] for vectors in found]))
