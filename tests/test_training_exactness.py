"""The forward pass of training is the datapath: every spike and register equals the export's, every step."""

from __future__ import annotations

import json
from collections import Counter

import bitspike as bs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.surrogate import Triangle  # noqa: E402
from training_networks import (  # noqa: E402
    EVERYTHING,
    MEMBRANE,
    TOPOLOGIES,
    branch,
    chip,
    decay,
    random_model,
    random_spikes,
    template,
)


def proved(model, spikes, engine="array"):
    """The trace of the export, after every value of it was found in the forward pass, too."""
    trace = bs.run(model.export(), spikes, record="all", engine=engine)
    compared = bs.compare(model.trace(spikes), trace)
    compared.check()
    assert compared.values == spikes.shape[0] * spikes.shape[1] * sum(
        layer.size * (1 + len(layer.neuron.registers)) for layer in model.layers
    )
    assert not compared.left_out
    return trace


def overflowed(traces):
    """Writes that overflowed, by register, over all layers."""
    return sum((Counter(layer) for trace in traces for layer in trace.overflows.values()), Counter())


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_random_networks_that_overflow_train_on_the_bits_of_their_export(topology, overflow):
    traces = []
    for seed in range(4, 10):
        model = random_model(seed, TOPOLOGIES[topology], overflow)
        traces.append(proved(model, random_spikes(model, seed)))
    assert min(overflowed(traces)[register] for register in ("fast", "slow", "membrane")) > 50
    assert sum(np.abs(trace.spikes.astype(int)).sum() for trace in traces) > 200


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
def test_the_oracle_agrees(overflow):
    for seed in (4, 9):
        model = random_model(seed, EVERYTHING, overflow)
        trace = proved(model, random_spikes(model, seed, samples=2), engine="oracle")
        assert overflowed([trace]).total() > 0


def test_the_compiled_engine_agrees():
    profile = chip("s7.saturate", "s8.wrap", "s8.saturate", branches=(branch(repeat=3),))
    torch.manual_seed(0)
    links = [("input", "a", "forward"), ("a", "a", "recurrent")]
    model = SpikingNetwork(template(profile, 9, {"a": 9}, links, 2), Triangle(1.0))
    trace = proved(model, random_spikes(model, 0, samples=20, steps=12), engine="compiled")
    assert min(trace.overflows["a"].values()) > 0


ARITHMETIC = (
    {"scale": {"into": "membrane", "of": "-membrane", "factor": "threshold", "shift": 4, "rounding": "zero"}},
    MEMBRANE,
    {"clip": {"into": "membrane", "low": "-threshold*threshold", "high": 60}},
    {"shrink": {"into": "fast", "by": "leak"}},
    {"divide": {"into": "slow", "of": "fast", "by": 3, "when": [["slow", ">", 5], ["fast", "!=", 0]]}},
    {"shift": {"into": "slow", "by": "-leak", "rounding": "zero"}},
)


@pytest.mark.parametrize("cap", ["nonzero", "none", 2])
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
def test_sums_of_a_step_and_graded_spikes_train_on_the_bits_of_their_export(overflow, cap):
    word, reset = f"s8.{overflow}", {"shift": {"into": "membrane", "by": -1, "rounding": "floor"}}
    graded = branch(when=[["membrane", ">=", "threshold"], ["fast", ">=", 0]], emit="membrane", do=(reset,))
    data = json.loads(chip(word, word, word, step=ARITHMETIC, branches=(graded, branch(emit=-1))).to_json())
    scaled = {"scale": {"into": "sum", "of": "sum", "factor": "scale", "shift": 1, "rounding": "floor"}}
    for connection in data["connections"].values():
        connection |= {"fit_per": "step", "cap": cap, "sum": {"word": "s24.refuse", "then": [scaled]}}
    torch.manual_seed(0)
    links = [("input", "a", "forward"), ("a", "b", "forward"), ("b", "a", "recurrent")]
    network = template(bs.Profile.from_json(json.dumps(data)), 5, {"a": 6, "b": 4}, links, 2, leak=1, scale=3)
    model = SpikingNetwork(network, Triangle(1.0), weight_bits=4)
    trace = proved(model, random_spikes(model, 0, samples=8, steps=12))
    assert len(np.unique(trace["a"].spikes)) > 5
    spikes, _ = model(torch.ones(2, 5, 5))
    spikes["b"].sum().backward()
    assert model.synapses[0][0].linear.weight.grad.abs().sum() > 0  # through two layers and their caps


def pressed(overflow, repeat=1):
    """Thresholds so low, words so short and inputs so many that every write is near an end of its word."""
    word = f"s6.{overflow}"
    profile = chip(word, word, word, branches=(branch(repeat=repeat),))
    torch.manual_seed(0)
    model = SpikingNetwork(template(profile, 12, {"a": 8, "b": 5, "c": 3}, EVERYTHING, 2, threshold=1), Triangle(9.0))
    return model, np.random.default_rng(0).integers(0, 256, (5, 10, 12))


@pytest.mark.parametrize("repeat", [1, 7])
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
def test_every_register_of_every_layer_may_overflow(overflow, repeat):
    model, spikes = pressed(overflow, repeat)
    trace = proved(model, spikes)
    assert all(count > 0 for layer in trace.overflows.values() for count in layer.values())
    assert trace.spikes.max() == repeat


def test_every_neuron_may_fire_in_every_step():
    profile = chip(membrane="s8.saturate", branches=(branch(repeat=3, do=()),))
    torch.manual_seed(0)
    model = SpikingNetwork(template(profile, 4, {"a": 3, "b": 3, "c": 3}, EVERYTHING, threshold=-128), Triangle(1.0))
    trace = proved(model, np.full((2, 6, 4), 255))
    assert all((layer.spikes == 3).all() for layer in trace.layers.values())
    assert overflowed([trace])["fast"] > 0


def xylo(seed):
    """Two synapses, up to 31 spikes a step, weight shifts that wrap, biases; hidden and output classes."""
    rng = np.random.default_rng(seed)
    profile = bs.load_profile("xylo-audio-2")
    sizes = {"input": 6, "hidden": 9, "output": 4}

    def layer(name, hidden):
        parameters = {
            "dash_syn0": rng.integers(0, 6, sizes[name]),
            "dash_mem": rng.integers(0, 6, sizes[name]),
            "threshold": rng.choice([-1, 1, 60, 400], sizes[name]),
            "bias": rng.choice([-30000, -40, 0, 20, 30000], sizes[name]),
        }
        parameters |= {"dash_syn1": rng.integers(1, 6, sizes[name])} if hidden else {}
        return bs.Population(name, sizes[name], parameters, name)

    def projection(source, target, via, synapses):
        weights = np.zeros((sizes[source], sizes[target], synapses), int)
        return bs.Projection(source, target, weights, via, {"weight_shift": int(rng.choice([0, 4, 9]))})

    projections = [
        projection("input", "hidden", "input", 2),
        projection("hidden", "hidden", "recurrent", 2),
        projection("hidden", "output", "readout", 1),
    ]
    network = bs.Network(profile, 6, [layer("hidden", True), layer("output", False)], projections)
    torch.manual_seed(seed)
    return SpikingNetwork(network, Triangle(1.0), gain=200.0)


@pytest.mark.parametrize("seed", range(4))
def test_xylo_with_several_spikes_a_step_and_two_synapses(seed):
    model = xylo(seed)
    trace = proved(model, random_spikes(model, seed, steps=10))
    assert trace["hidden"].spikes.max() > 1
    assert overflowed([trace]).total() > 0


def test_recording_gradients_changes_no_bit_and_neither_does_a_step_of_training():
    model, spikes = pressed("wrap", 7)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    before = model.export()
    for _ in range(3):
        emitted, registers = model(torch.as_tensor(spikes), ["membrane"])
        trace = bs.run(model.export(), spikes, record="membrane", engine="array")
        for name, layer in trace.layers.items():
            assert np.array_equal(emitted[name].detach().numpy(), layer.spikes)
            assert np.array_equal(registers[name]["membrane"].detach().numpy(), layer.registers["membrane"])
        optimizer.zero_grad()
        emitted["c"].sum().backward()
        optimizer.step()
    assert model.export() != before
    proved(model, spikes)


def wide(bits, overflow="saturate"):
    """One layer whose membrane of `bits` doubles every step."""
    doubling = {"shift": {"into": "membrane", "by": 1}}
    profile = chip(
        membrane=f"s{bits}.{overflow}", step=(MEMBRANE, doubling, decay("fast", by=1)), branches=(branch(do=()),)
    )
    network = template(profile, 3, {"a": 4}, [("input", "a", "forward")])
    torch.manual_seed(1)
    return SpikingNetwork(network, Triangle(1.0), gain=60.0)


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
def test_values_beyond_24_bits_are_computed_in_float64(overflow):
    model = wide(40, overflow)
    spikes = np.full((2, 60, 3), 3)
    trace = proved(model, spikes)
    assert model.dtype == torch.float64
    assert abs(trace["a"].registers["membrane"]).max() > 1 << 24
    assert overflowed([trace])["membrane"] > 0
    model.dtype = torch.float32
    assert not bs.compare(model.trace(spikes), trace).equal


@pytest.mark.parametrize(("word", "dtype"), [("s24", torch.float32), ("s25", torch.float64), ("s40", torch.float64)])
def test_float32_is_chosen_while_every_value_of_a_step_fits_24_bits(word, dtype):
    network = template(chip(membrane=f"{word}.wrap"), 1, {"a": 1}, [("input", "a", "forward")])
    assert SpikingNetwork(network, Triangle(1.0)).dtype == dtype


@pytest.mark.parametrize(
    ("inputs", "max_input", "cap", "dtype"),
    [
        (3, 255, 255, torch.float32),
        (1000, 255, 255, torch.float64),
        (1000, 1, 255, torch.float32),
        (1000, 255, 1, torch.float32),
    ],
)
def test_what_can_arrive_in_a_step_counts_towards_the_choice_of_float(inputs, max_input, cap, dtype):
    network = template(chip(cap=cap), inputs, {"a": 1}, [("input", "a", "forward")])
    assert SpikingNetwork(network, Triangle(1.0), max_input=max_input).dtype == dtype
