"""The dithered gradient is the mean of the raw one over every alignment, and what follows from that."""

import numpy as np
import pytest
import torch
from bitspike.training.boolean import BooleanGradient
from bitspike.word import Word


@pytest.mark.parametrize("signed", [True, False])
def test_dither_is_the_mean_of_one_bit_changes_over_all_offsets(signed):
    """Offsets 0 .. 2**bits - 1 are whole periods of every bit; the sums are codes of a wider word."""
    word = Word(6, signed)
    values, thresholds = np.arange(word.min, word.max + 1), np.arange(word.min + 1, word.max + 1)[:, None]
    offsets = np.arange(1 << word.bits)[:, None, None]
    wide = BooleanGradientOfOneBit(values + offsets, thresholds + offsets)
    for k, p in ((0, 1.0), (2, 1.0), (1, 0.5)):
        bits = range(k, word.bits - signed)
        expected = sum(wide.changed(bit).mean(axis=0) * 2.0 ** (-p * bit) for bit in bits)
        found = BooleanGradient(k=k, p=p, dither=True)(
            torch.tensor(values, dtype=torch.float64), torch.tensor(thresholds, dtype=torch.float64), word, 1
        )
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-14, atol=0)


class BooleanGradientOfOneBit:
    """D_i of NumPy's 64-bit integers: whether toggling a bit flips `u >= theta`."""

    def __init__(self, u, theta):
        self.u, self.theta = u, theta

    def changed(self, bit):
        return ((self.u ^ (1 << bit)) >= self.theta) != (self.u >= self.theta)


@pytest.mark.parametrize("repeat", [1, 4])
def test_dither_is_half_the_place_values_that_reach_the_crossings(repeat):
    word, k, theta = Word(9, signed=True), 2, 37
    values = torch.arange(word.min, word.max + 1, dtype=torch.float64)
    expected = torch.zeros_like(values)
    for crossing in range(theta, repeat * theta + 1, theta):
        distance = torch.where(values >= crossing, values - crossing + 1, crossing - values)
        for bit in range(k, word.bits - 1):
            expected += (distance <= 2**bit) / 2 ** (bit + 1)
    found = BooleanGradient(k=k, dither=True)(values, torch.tensor(float(theta)), word, repeat)
    assert torch.equal(found, expected)


def test_dither_is_symmetric_and_falls_with_the_distance_from_the_threshold():
    word, theta = Word(12, signed=True), torch.tensor(487.0)
    distances = torch.arange(1.0, 1500.0)
    above = BooleanGradient(dither=True)(theta - 1 + distances, theta, word, 1)
    below = BooleanGradient(dither=True)(theta - distances, theta, word, 1)
    assert torch.equal(above, below)
    assert (above.diff() <= 0).all()


def test_raw_gradient_has_lobes_away_from_the_threshold():
    """What dithering removes: the raw gradient rises again with the distance."""
    values = torch.arange(0.0, 487.0).flip(0)
    found = BooleanGradient()(values, torch.tensor(487.0), Word(12, signed=True), 1)
    assert (found.diff() > 0).any()


def test_dither_does_not_depend_on_the_bits_of_the_threshold():
    word, distance = Word(12, signed=True), torch.arange(-400.0, 400.0)
    found = [BooleanGradient(dither=True)(distance + t, torch.tensor(t), word, 1) for t in (487.0, 512.0, 511.0, -3.0)]
    assert all(torch.equal(found[0], other) for other in found)
