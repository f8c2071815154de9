"""Surrogates are densities in units of the threshold."""

import math

import pytest
import torch
from bitspike.errors import InputError
from bitspike.training.surrogate import Arctan, Boxcar, FastSigmoid, Triangle
from bitspike.word import Word

KINDS = [Arctan, FastSigmoid, Triangle, Boxcar]
WORD = Word(32, signed=True)  # no table: `u` need not be an integer here


@pytest.mark.parametrize("repeat", [1, 3])
@pytest.mark.parametrize("width", [0.3, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_each_crossing_integrates_to_one_spike(kind, width, repeat):
    """By u = theta + tan(angle): the tails are of finite length."""
    theta = torch.tensor(100.0, dtype=torch.float64)
    angle = torch.linspace(-math.pi / 2, math.pi / 2, 400_001, dtype=torch.float64)[1:-1]
    u = theta * (1 + torch.tan(angle))
    stretched = kind(width)(u, theta, WORD, repeat) * theta / torch.cos(angle).square()
    assert torch.trapezoid(stretched, angle).item() == pytest.approx(repeat, abs=1e-3)


@pytest.mark.parametrize(
    ("gradient", "at_crossing", "at_width"),
    [
        (Arctan(0.5), 2 / math.pi, 1 / math.pi),
        (FastSigmoid(0.5), 1, 1 / 4),
        (Triangle(0.5), 2, 0),
        (Boxcar(0.5), 1, 1),
    ],
    ids=str,
)
def test_heights_at_the_crossing_and_one_width_away(gradient, at_crossing, at_width):
    u = torch.tensor([50.0, 100.0, 150.0], dtype=torch.float64)
    found = gradient(u, torch.tensor(100.0, dtype=torch.float64), Word(16, signed=True), 1) * 100
    expected = torch.tensor([at_width, at_crossing, at_width], dtype=torch.float64)
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


@pytest.mark.parametrize("gradient", [Triangle(1), Boxcar(1)], ids=str)
def test_bounded_surrogates_are_zero_beyond_their_width(gradient):
    u = torch.tensor([-1.0, 201.0])
    assert not gradient(u, torch.tensor(100.0), WORD, 1).any()


@pytest.mark.parametrize("kind", KINDS)
def test_several_spikes_sum_the_crossings_that_the_word_can_hold(kind):
    word, u = Word(8, signed=True), torch.arange(-128.0, 128.0)
    one = [kind(0.5)((u - m * 50) + 50, torch.tensor(50.0), WORD, 1) for m in (1, 2)]  # 150 is beyond 127
    torch.testing.assert_close(kind(0.5)(u, torch.tensor(50.0), word, 31), sum(one))


@pytest.mark.parametrize("kind", KINDS)
def test_the_unit_of_a_threshold_of_zero_is_one_lsb_and_of_a_negative_one_its_magnitude(kind):
    u = torch.arange(-100.0, 100.0)
    at_zero = kind(2)(u, torch.tensor(0.0), WORD, 1)
    torch.testing.assert_close(at_zero, kind(2)(u + 1, torch.tensor(1.0), WORD, 1))
    at_minus_20 = kind(2)(u, torch.tensor(-20.0), WORD, 1)
    torch.testing.assert_close(at_minus_20, kind(2)(u + 40, torch.tensor(20.0), WORD, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_a_threshold_of_zero_or_less_is_crossed_by_all_spikes_at_once(kind):
    u = torch.arange(-100.0, 100.0)
    for theta in (0.0, -20.0):
        one = kind(1)(u, torch.tensor(theta), WORD, 1)
        torch.testing.assert_close(kind(1)(u, torch.tensor(theta), WORD, 5), 5 * one)


@pytest.mark.parametrize("kind", KINDS)
def test_a_threshold_beyond_the_word_has_no_gradient(kind):
    assert not kind(1)(torch.arange(-8.0, 8.0), torch.tensor(8.0), Word(4, signed=True), 1).any()


@pytest.mark.parametrize("width", [0, -1.0, math.inf, "wide", True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_width_that_is_not_positive_is_refused(kind, width):
    with pytest.raises(InputError) as error:
        kind(width)
    assert str(error.value) == f"{kind.__name__}: width: found {width!r}; allowed: a number above 0"
