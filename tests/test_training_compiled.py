"""Training by compiled kernels: the bits and the gradients of the torch interpreter."""

from __future__ import annotations

import json
import logging

import bitspike as bs
import pytest

torch = pytest.importorskip("torch")
from bitspike.training.boolean import BooleanGradient  # noqa: E402
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.surrogate import Triangle  # noqa: E402
from training_networks import (  # noqa: E402
    EVERYTHING,
    FEED_FORWARD,
    branch,
    chip,
    passed,
    random_model,
    random_spikes,
    template,
    threshold_gradient,
)


def prove(model, spikes):
    """Compiled and interpreted are equal. Returns the layers that were interpreted nevertheless."""
    values, gradients, _ = passed(model, spikes, False)
    same, close, interpreted = passed(model, spikes, True)
    assert all(torch.equal(a, b) for a, b in zip(values, same, strict=True))
    for expected, found in zip(gradients, close, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert any(gradient.any() for gradient in gradients)
    return interpreted


@pytest.mark.parametrize("links", [FEED_FORWARD, EVERYTHING], ids=["feed-forward", "everything"])
@pytest.mark.parametrize("seed", [4, 6, 8])
def test_random_networks_have_the_gradients_of_the_interpreter(seed, links):
    model = random_model(seed, links, "wrap")
    assert prove(model, random_spikes(model, seed)) == {}


def one_layer(size=37, threshold=20, gradient=None, **options):
    torch.manual_seed(1)
    profile = chip("s12.saturate", "s12.saturate", "s9.saturate", branches=options.pop("branches", (branch(),)))
    network = template(profile, 5, {"a": size}, [("input", "a", "forward")], 2, threshold=threshold)
    return SpikingNetwork(network, gradient or Triangle(1.0), max_input=3, **options)


@pytest.mark.parametrize("size", [1, 3, 16, 37])
def test_layers_of_any_size_are_cut_into_vectors(size):
    model = one_layer(size)
    assert prove(model, torch.randint(0, 3, (4, 6, 5))) == {}


@pytest.mark.parametrize("gain", [5.0, 60.0, 90.0])
def test_an_input_that_expand_repeats_gives_the_bits_and_gradients_of_one_written_out(gain):
    model = one_layer(gain=gain)
    steady = torch.randint(0, 3, (4, 1, 5)).expand(4, 6, 5)
    values, gradients, interpreted = passed(model, steady.clone(), True)
    same, close, _ = passed(model, steady, True)
    assert all(torch.equal(a, b) for a, b in zip(values, same, strict=True))
    assert interpreted == {}
    torch.testing.assert_close(close, gradients, rtol=1e-4, atol=1e-4)
    assert prove(model, steady) == {}


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_the_boolean_gradient_passes_its_share_through_the_reset(share):
    model = one_layer(gradient=BooleanGradient(k=2, dither=True), reset_share=share, scale=0.5)
    assert prove(model, torch.randint(0, 3, (4, 6, 5))) == {}


def test_saturating_registers_whose_sums_stay_within_their_words_are_compiled():
    model = one_layer(branches=(branch(repeat=3),), gain=200.0)
    assert prove(model, torch.randint(0, 3, (4, 12, 5))) == {}


def test_where_the_order_of_the_sources_may_count_the_interpreter_runs_and_says_so(caplog):
    torch.manual_seed(0)
    network = template(chip("s6.saturate"), 5, {"a": 4}, [("input", "a", "forward")])
    model = SpikingNetwork(network, Triangle(1.0), gain=90.0)
    with caplog.at_level(logging.INFO, "bitspike.training.compiled"):
        interpreted = prove(model, torch.full((3, 4, 5), 2))
    assert interpreted == {"a": "the order of the sources may decide what a register holds"}
    assert any("layer a is run by the interpreter: the order" in message for message in caplog.messages)


def test_sources_that_are_all_active_are_still_added_one_by_one():
    """Of 100 + 100 - 100 a register of 8 bits makes 27."""
    network = template(chip("s8.saturate"), 3, {"a": 2}, [("input", "a", "forward")])
    model = SpikingNetwork(network, Triangle(1.0), max_input=1)
    (synapses,) = model.projections[0].trained
    with torch.no_grad():
        synapses.linear.weight.copy_(torch.tensor([[100.0, 100.0, -100.0], [100.0, -100.0, 20.0]]) * synapses.scale)
    assert prove(model, torch.ones(2, 3, 3, dtype=torch.uint8)) != {}


def test_branches_that_repeat_too_often_are_interpreted():
    model = one_layer(branches=(branch(repeat=40),))
    assert prove(model, torch.randint(0, 3, (2, 4, 5)))["a"].startswith("a step has up to 40 rounds")


def test_values_beyond_24_bits_are_compiled_in_float64():
    profile = chip("s30.wrap", "s12.saturate", "s34.saturate")
    model = SpikingNetwork(template(profile, 5, {"a": 9}, [("input", "a", "forward")]), Triangle(1.0), gain=60.0)
    assert model.dtype == torch.float64
    assert prove(model, torch.randint(0, 9, (3, 6, 5))) == {}


def test_as_many_threads_as_torch_has_give_the_same_bits(monkeypatch):
    monkeypatch.setattr("bitspike.training.parallel._WORTH_A_THREAD", 1)
    model, spikes = one_layer(), torch.randint(0, 3, (7, 6, 5))
    results, before = [], torch.get_num_threads()
    try:
        for threads in (1, 2, 5):
            torch.set_num_threads(threads)
            results.append(passed(model, spikes, True)[:2])
    finally:
        torch.set_num_threads(before)
    for values, gradients in results[1:]:
        assert all(torch.equal(a, b) for a, b in zip(values, results[0][0], strict=True))
        assert all(torch.equal(a, b) for a, b in zip(gradients, results[0][1], strict=True))


def test_a_trained_threshold_gets_the_gradient_of_the_interpreter():
    spikes = torch.randint(0, 3, (4, 6, 5), generator=torch.Generator().manual_seed(0))
    expected, found = (threshold_gradient(one_layer(size=18), "a", spikes, compiles) for compiles in (False, True))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert expected.any()


def test_sums_fitted_once_a_step_are_compiled():
    data = json.loads(chip("s9.saturate", "s9.saturate").to_json())
    scaled = {"scale": {"into": "sum", "of": "sum", "factor": "scale", "shift": 1, "rounding": "floor"}}
    for connection in data["connections"].values():
        connection |= {"fit_per": "step", "sum": {"word": "s16.saturate", "then": [scaled]}}
    profile = bs.Profile.from_json(json.dumps(data))
    links = [("input", "a", "forward"), ("a", "b", "forward"), ("b", "a", "recurrent")]
    torch.manual_seed(0)
    model = SpikingNetwork(template(profile, 5, {"a": 6, "b": 4}, links, 2, scale=3), Triangle(1.0), gain=90.0)
    assert prove(model, torch.randint(0, 4, (3, 6, 5))) == {}
