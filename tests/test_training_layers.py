"""The integers of a Brevitas layer are the chip's: its range, its scale, its rounding."""

from __future__ import annotations

import numpy as np
import pytest
from bitspike.errors import InputError

torch = pytest.importorskip("torch")
from bitspike.training.layers import Synapses, weight_quantizer  # noqa: E402
from training_networks import chip  # noqa: E402

KINDS = [("s8", False), ("s8", True), ("u8", False)]
BITS = range(2, 9)


def synapses(word, narrow, bits, sources=3, targets=2):
    torch.manual_seed(0)
    return Synapses(
        chip(weight=word, narrow=narrow).connections["forward"], (sources, targets), sources, bits, gain=60.0
    )


def set_weights(layer, lsb):
    """Float weights [source, target] in LSB."""
    with torch.no_grad():
        layer.linear.weight.copy_(torch.as_tensor(lsb, dtype=torch.float32).t() * layer.scale)


def ends(word, narrow, bits):
    """The range of a word of so many bits."""
    return (0, 2**bits - 1) if word[0] == "u" else (-(2 ** (bits - 1)) + narrow, 2 ** (bits - 1) - 1)


@pytest.mark.parametrize(("word", "narrow"), KINDS)
@pytest.mark.parametrize("bits", BITS)
def test_the_integers_span_exactly_the_range_of_the_word_at_that_width(word, narrow, bits):
    low, high = ends(word, narrow, bits)
    wanted = np.arange(-300, 301)[:, None]
    layer = synapses(word, narrow, bits, len(wanted), 1)
    set_weights(layer, wanted)
    assert np.array_equal(layer.integers(), wanted.clip(low, high))


@pytest.mark.parametrize(("word", "narrow"), KINDS)
@pytest.mark.parametrize("bits", BITS)
def test_the_scale_is_exactly_a_power_of_two(word, narrow, bits):
    layer = synapses(word, narrow, bits)
    quantized = layer.linear.quant_weight()
    assert quantized.scale.item() == 2.0 ** (1 - bits) == layer.scale
    assert quantized.zero_point.item() == 0


@pytest.mark.parametrize(("word", "narrow"), KINDS)
@pytest.mark.parametrize("bits", BITS)
def test_brevitas_integers_the_export_and_the_forward_weights_are_equal(word, narrow, bits):
    layer = synapses(word, narrow, bits, 40, 30)
    brevitas = layer.linear.quant_weight().int().t().numpy()
    assert layer.integers().dtype == np.int64
    assert layer.integers().shape == (40, 30)
    assert np.array_equal(layer.integers(), brevitas)
    assert np.array_equal(layer().detach().numpy(), brevitas)
    assert len(np.unique(brevitas)) > 1


@pytest.mark.parametrize(("word", "narrow"), KINDS)
def test_the_gradient_is_that_of_brevitas_and_passes_beyond_the_range_too(word, narrow):
    layer = synapses(word, narrow, 4, 40, 1)
    set_weights(layer, np.arange(-20, 20)[:, None] + 0.25)
    downstream = torch.arange(40.0)[:, None]
    (found,) = torch.autograd.grad(layer(), layer.linear.weight, downstream)
    in_lsb = layer.linear.quant_weight().value.t() / layer.scale
    (expected,) = torch.autograd.grad(in_lsb, layer.linear.weight, downstream)
    assert torch.equal(found, expected)
    assert torch.equal(found, downstream.t() / layer.scale)


def test_halves_round_to_even():
    layer = synapses("s8", False, 8, 6, 1)
    set_weights(layer, [[-1.5], [-0.5], [0.5], [1.5], [2.5], [0.49]])
    assert layer.integers().ravel().tolist() == [-2, 0, 0, 2, 2, 0]


def test_the_float_weights_are_in_lsb_too():
    layer = synapses("s8", False, 4, 2, 1)
    set_weights(layer, [[1.25], [-3.75]])
    assert layer(rounded=False).tolist() == [[1.25], [-3.75]]


@pytest.mark.parametrize("rounded", [True, False])
def test_the_gradient_goes_straight_through_the_rounding(rounded):
    layer = synapses("s8", False, 8, 3, 2)
    set_weights(layer, [[0.4, 1.5], [-7.2, 100.0], [-127.6, 0.0]])
    upstream = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    (layer(rounded) * upstream).sum().backward()
    assert torch.equal(layer.linear.weight.grad, upstream.t() / layer.scale)


def test_a_weight_beyond_the_range_can_be_trained_back():
    layer = synapses("s8", False, 8, 1, 1)
    set_weights(layer, [[200.0]])
    layer().sum().backward()
    assert layer.linear.weight.grad.item() == 1 / layer.scale


def test_the_gain_is_the_deviation_of_a_weighted_sum_in_lsb():
    layer = Synapses(chip().connections["forward"], (400, 300), 400, 8, gain=100.0)
    assert layer(rounded=False).sum(0).std().item() == pytest.approx(100, rel=0.2)


def test_unsigned_weights_start_at_zero_or_above():
    assert synapses("u8", False, 8, 30, 30)(rounded=False).min() >= 0


@pytest.mark.parametrize(
    ("word", "bits", "message"),
    [
        ("s8", 9, "weight_bits: found 9; allowed: 2 to 8 (s8)"),
        ("s8", 1, "weight_bits: found 1; allowed: 2 to 8 (s8)"),
        ("u4", 5, "weight_bits: found 5; allowed: 2 to 4 (u4)"),
        ("s16", 9, "weight_bits: found 9; allowed: 2 to 8 (s16)"),
        ("s1", 2, "weight_bits: found 2; weights of s1 cannot be trained"),
    ],
)
def test_bits_that_the_word_of_the_weights_does_not_have_are_refused(word, bits, message):
    with pytest.raises(InputError) as error:
        weight_quantizer(chip(weight=word).connections["forward"], bits)
    assert str(error.value) == message
