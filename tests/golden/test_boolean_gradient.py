"""The Boolean gradient against the program of its authors, as step functions over the register's value."""

import math

import numpy as np
import pytest
import torch
from bitspike.training.boolean import BooleanGradient
from bitspike.training.float_boolean import float_gradient
from bitspike.word import Word
from vectors import check_found, files

FIXED = files("boolean-gradient", "fixed_*.npz")
FLOAT = files("boolean-gradient", "float32_*.npz")
MOST_CODES = 1 << 16  # an interval of more codes is sampled evenly


def test_there_are_vectors_of_both_kinds():
    check_found("boolean-gradient", "fixed_*.npz", "float32_*.npz")


def intervals(vectors):
    """Per interval: the codes at least one LSB inside its ends, and the authors' gradient."""
    scale = 2.0 ** int(vectors["frac"])
    for low, high, gradient in zip(vectors["lo"], vectors["hi"], vectors["grad"], strict=True):
        first, last = math.ceil(low * scale + 1), math.floor(high * scale - 1)
        if first <= last:
            yield np.linspace(first, last, min(last - first + 1, MOST_CODES)).round(), gradient


def gradient_at(codes, vectors, **options):
    """Per unit of the real value, of which an LSB is 2**-frac."""
    u = torch.as_tensor(codes, dtype=torch.float64)
    theta = torch.tensor(float(vectors["theta_code"]), dtype=torch.float64)
    word = Word(int(vectors["bits"]), signed=True)
    return BooleanGradient(**options)(u, theta, word, 1).numpy() * 2.0 ** int(vectors["frac"])


@pytest.mark.parametrize("path", FIXED, ids=lambda path: path.stem)
def test_fixed_point_gradient_equals_the_authors_below_theta(path):
    vectors = np.load(path)
    below = [(codes, grad) for codes, grad in intervals(vectors) if codes.max() < vectors["theta_code"]]
    assert below
    for codes, expected in below:
        np.testing.assert_array_equal(gradient_at(codes, vectors), expected)
        np.testing.assert_array_equal(gradient_at(codes, vectors, sign_bit=True), expected)


@pytest.mark.parametrize("path", FIXED, ids=lambda path: path.stem)
def test_fixed_point_gradient_above_theta_differs_from_the_authors_by_their_negative_sign_bit(path):
    vectors = np.load(path)
    sign_bit = 2.0 ** (int(vectors["frac"]) + 1 - int(vectors["bits"]))
    above = [(codes, grad) for codes, grad in intervals(vectors) if codes.min() > vectors["theta_code"]]
    assert above
    for codes, expected in above:
        np.testing.assert_array_equal(gradient_at(codes, vectors, sign_bit=True), expected)
        np.testing.assert_array_equal(gradient_at(codes, vectors), expected + sign_bit)


@pytest.mark.parametrize("path", FIXED, ids=lambda path: path.stem)
def test_the_authors_training_limits_its_gradient_to_500_and_divides_by_it(path):
    """`grad_max` of their parameters, per unit of the real value: 500 theta spikes a threshold."""
    vectors = np.load(path)
    unit = 2.0 ** -int(vectors["frac"])
    clamp = 500 * unit * int(vectors["theta_code"])
    limited = 0
    for codes, grad in intervals(vectors):
        found = 0.002 * gradient_at(codes, vectors, sign_bit=True, clamp=clamp)
        np.testing.assert_allclose(found, np.clip(grad, 0, 500) / 500, rtol=1e-12, atol=0)
        limited += grad > 500
    assert limited > 3


@pytest.mark.parametrize("path", FLOAT, ids=lambda path: path.stem)
def test_float32_gradient_equals_the_authors_at_the_upper_end_of_each_interval(path):
    vectors = np.load(path)
    u = torch.from_numpy(np.nextafter(vectors["hi"], np.float32(-np.inf)))
    found = float_gradient(u, torch.tensor(vectors["theta"]), ">")
    np.testing.assert_allclose(found.numpy(), vectors["grad"], rtol=1e-5, atol=0)
