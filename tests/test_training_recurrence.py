"""A layer that reaches only itself is run in one call: the bits and the gradients of the torch interpreter."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from bitspike.training import groups, sparse  # noqa: E402
from bitspike.training.boolean import BooleanGradient  # noqa: E402
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.surrogate import Triangle  # noqa: E402
from training_networks import (  # noqa: E402
    branch,
    chip,
    passed,
    random_model,
    random_spikes,
    template,
    threshold_gradient,
)

ALONE = [("input", "a", "forward"), ("a", "a", "recurrent"), ("a", "b", "forward"), ("input", "b", "recurrent")]
BEFORE = [("input", "a", "forward"), ("a", "b", "forward"), ("b", "b", "recurrent"), ("input", "b", "recurrent")]


@pytest.fixture
def one_after_the_other(monkeypatch):
    """Whose steps were run one after the other."""
    seen, step_by_step = [], groups._Loop.step_by_step

    def watched(self):
        seen.append(self.group[0].name)
        return step_by_step(self)

    monkeypatch.setattr(groups._Loop, "step_by_step", watched)
    return seen


def prove(model, spikes, seen):
    """Interpreted and at once are equal. Returns the layers whose steps were run one after the other nevertheless."""
    values, gradients, _ = passed(model, spikes, False)
    seen.clear()
    same, close, _ = passed(model, spikes, True)
    assert all(torch.equal(a, b) for a, b in zip(values, same, strict=True))
    for expected, found in zip(gradients, close, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert all(gradient.any() for gradient in gradients)
    return list(seen)


def recurrent(accumulator="s12.saturate", size=37, gain=30.0, branches=None, gradient=None, **options):
    torch.manual_seed(1)
    profile = chip(accumulator, accumulator, "s9.saturate", branches=branches or (branch(),))
    network = template(profile, 5, {"a": size, "b": 4}, ALONE, 2, threshold=20)
    return SpikingNetwork(network, gradient or Triangle(1.0), max_input=3, gain=gain, **options)


def few_spikes(samples=4, steps=9):
    return torch.randint(0, 3, (samples, steps, 5), generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("links", [ALONE, BEFORE], ids=["first", "second"])
def test_random_networks_have_the_gradients_of_the_interpreter(links, one_after_the_other):
    at_once = 0
    for seed in range(4, 10):
        model = random_model(seed, links, "wrap")
        values, gradients, _ = passed(model, random_spikes(model, seed), False)
        one_after_the_other.clear()
        same, close, _ = passed(model, random_spikes(model, seed), True)
        at_once += one_after_the_other == []
        assert all(torch.equal(a, b) for a, b in zip(values, same, strict=True))
        for expected, found in zip(gradients, close, strict=True):
            torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    assert at_once >= 2


@pytest.mark.parametrize("gain", [5.0, 30.0], ids=["proved for all steps", "looked at in each"])
def test_saturating_sums_that_stay_within_their_words_are_run_at_once(gain, one_after_the_other):
    assert prove(recurrent(gain=gain), few_spikes(), one_after_the_other) == []


def test_where_the_order_of_the_sources_may_count_the_steps_are_run_one_after_the_other(one_after_the_other):
    assert prove(recurrent("s8.saturate", gain=60.0), few_spikes(), one_after_the_other) == ["a"]


def test_several_spikes_a_step_and_a_share_through_the_reset(one_after_the_other):
    gradient = BooleanGradient(k=2, dither=True)
    model = recurrent(branches=(branch(repeat=3),), gradient=gradient, reset_share=0.5, scale=0.25)
    assert prove(model, few_spikes(), one_after_the_other) == []


def test_negative_spikes_are_run_one_after_the_other(one_after_the_other):
    branches = (branch(), branch(when=("membrane", "<", -20), emit=-1, do=()))
    assert prove(recurrent(branches=branches), few_spikes(), one_after_the_other) == ["a"]


def test_a_cap_below_what_is_emitted_is_run_one_after_the_other(one_after_the_other):
    profile = chip("s12.saturate", "s12.saturate", "s9.saturate", branches=(branch(repeat=3),), cap=2)
    model = SpikingNetwork(template(profile, 5, {"a": 9, "b": 4}, ALONE, 2, threshold=20), Triangle(1.0), gain=30.0)
    assert prove(model, few_spikes(), one_after_the_other) == ["a"]


def test_layers_that_reach_each_other_are_run_one_after_the_other(one_after_the_other):
    links = [*ALONE, ("b", "a", "recurrent")]
    profile = chip("s12.saturate", "s12.saturate", "s9.saturate")
    model = SpikingNetwork(template(profile, 5, {"a": 9, "b": 4}, links, 2, threshold=20), Triangle(1.0), gain=30.0)
    assert prove(model, few_spikes(), one_after_the_other) == ["a"]


def test_values_beyond_24_bits_are_run_in_float64(one_after_the_other):
    profile = chip("s30.wrap", "s12.saturate", "s34.saturate")
    model = SpikingNetwork(template(profile, 5, {"a": 9, "b": 4}, ALONE, 1), Triangle(1.0), gain=60.0)
    assert model.dtype == torch.float64
    assert prove(model, few_spikes(), one_after_the_other) == []


@pytest.mark.parametrize("steps", [1, 2])
def test_as_few_steps_as_the_layer_takes_to_reach_itself(steps, one_after_the_other):
    model = recurrent()
    values, *_ = passed(model, few_spikes(steps=steps), False)
    same, gradients, _ = passed(model, few_spikes(steps=steps), True)
    assert all(torch.equal(a, b) for a, b in zip(values, same, strict=True))
    assert all(torch.isfinite(each).all() for each in gradients)


def test_a_trained_threshold_gets_the_gradient_of_the_interpreter(one_after_the_other):
    expected = threshold_gradient(recurrent(size=18), "a", few_spikes(), False)
    one_after_the_other.clear()
    found = threshold_gradient(recurrent(size=18), "a", few_spikes(), True)
    assert one_after_the_other == []
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)
    assert expected.any()


def test_a_thread_that_finds_no_overflow_does_not_hide_anothers(monkeypatch, one_after_the_other):
    monkeypatch.setattr("bitspike.training.parallel._WORTH_A_THREAD", 1)
    model, before = recurrent("s8.saturate", gain=60.0), torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        for overflowing in (0, 1):
            spikes = torch.zeros(2, 9, 5, dtype=torch.int64)
            spikes[overflowing] = few_spikes()[0]
            assert prove(model, spikes, one_after_the_other) == ["a"]
    finally:
        torch.set_num_threads(before)


def test_the_gradient_of_the_weights_may_be_sparse(monkeypatch, one_after_the_other):
    monkeypatch.setattr(sparse, "LEAST_WORK", 0)
    monkeypatch.setattr(sparse, "MOST_SHARE", 1.0)
    assert prove(recurrent(), few_spikes(), one_after_the_other) == []


def test_what_returns_may_overflow_on_the_way(one_after_the_other):
    """Of 100 + 100 - 100 a register of 8 bits makes 27, if it adds them in this order."""
    profile = chip("s8.saturate", "s8.saturate", "s9.saturate")
    model = SpikingNetwork(template(profile, 5, {"a": 4, "b": 4}, ALONE, 1), Triangle(1.0), max_input=1)
    returns = torch.tensor([100.0, 100.0, -100.0, 0.0])[:, None].expand(4, 4)
    with torch.no_grad():
        for each in model.projections:
            to_itself = each.projection.source == each.projection.target
            for synapses in each.trained:
                weights = returns if to_itself else torch.full(synapses.shape, 3.0)
                synapses.linear.weight.copy_(weights.t() * synapses.scale)
    assert prove(model, torch.ones(2, 5, 5, dtype=torch.int64), one_after_the_other) == ["a"]


@pytest.mark.parametrize("steps", [1, 3, 12])
def test_delays_longer_than_a_step_and_than_all_of_them_are_kept(steps, one_after_the_other):
    data = json.loads(chip("s12.saturate", "s12.saturate", "s10.saturate").to_json())
    for connection in data["connections"].values():
        connection["delay"] = {"per": "synapse", "word": "u4"}
    rng = np.random.default_rng(0)
    links = [
        bs.Projection(source, "a", np.ones((size, 7, 2), int), via, {"scale": 0}, None, rng.integers(0, 4, (size, 7)))
        for source, size, via in (("input", 5, "forward"), ("a", 7, "recurrent"))
    ]
    network = bs.Network(
        bs.Profile.from_json(json.dumps(data)), 5, [bs.Population("a", 7, {"threshold": 15, "leak": 2})], links
    )
    torch.manual_seed(0)
    model = SpikingNetwork(network, Triangle(1.0), gain=60.0, max_input=3)
    values, gradients, _ = passed(model, few_spikes(steps=steps), False)
    one_after_the_other.clear()
    same, close, _ = passed(model, few_spikes(steps=steps), True)
    assert one_after_the_other == []
    assert all(torch.equal(a, b) for a, b in zip(values, same, strict=True))
    torch.testing.assert_close(close, gradients, rtol=1e-4, atol=1e-4)


def test_the_gradient_from_above_is_left_as_it_is():
    emitted = recurrent()(few_spikes(1))[0]["a"]
    above = torch.ones_like(emitted)
    emitted.backward(above)
    assert (above == 1).all()
