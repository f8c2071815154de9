"""Clamped gradients, aligned thresholds and float words: what each option computes, and what it refuses."""

import pytest
import torch
from bitspike.errors import InputError
from bitspike.training.boolean import BooleanGradient
from bitspike.training.float_boolean import FloatBooleanGradient, FloatWordGradient
from bitspike.word import Word

WORD = Word(8, signed=True)
VALUES = torch.arange(-128.0, 128.0, dtype=torch.float64)


@pytest.mark.parametrize("sign_bit", [False, True])
def test_clamp_limits_the_gradient_from_0_to_so_many_spikes_a_threshold(sign_bit):
    theta = torch.tensor([[37.0], [-20.0], [0.0]])
    free = BooleanGradient(sign_bit=sign_bit)(VALUES, theta, WORD, 1)
    limit = 4 / torch.tensor([[37.0], [20.0], [1.0]], dtype=torch.float64)
    found = BooleanGradient(sign_bit=sign_bit, clamp=4)(VALUES, theta, WORD, 1)
    assert (free > limit).any()
    assert torch.equal(found, torch.minimum(free.clamp(min=0), limit))


@pytest.mark.parametrize("repeat", [1, 5])
def test_an_aligned_threshold_loses_nothing_below_bit_k(repeat):
    for theta in (16.0, 48.0, -32.0):
        paper = BooleanGradient()(VALUES, torch.tensor(theta), WORD, repeat)
        assert torch.equal(BooleanGradient(k=4, aligned=True)(VALUES, torch.tensor(theta), WORD, repeat), paper)


@pytest.mark.parametrize(("threshold", "above", "allowed"), [(50, False, "48 and 64"), (48, True, "47 and 63")])
def test_a_threshold_off_the_grid_is_refused_with_its_neighbours(threshold, above, allowed):
    with pytest.raises(InputError) as error:
        BooleanGradient(k=4, aligned=True).check_threshold(threshold, above)
    assert str(error.value) == f"found {threshold}; allowed with aligned: true, k: 4: every 16, next to it {allowed}"


def test_a_threshold_on_the_grid_is_kept():
    BooleanGradient(k=4, aligned=True).check_threshold(48)
    BooleanGradient(k=4, aligned=True).check_threshold(47, above=True)
    BooleanGradient(k=4).check_threshold(50)


def test_a_threshold_that_leaves_the_grid_in_training_is_refused():
    thresholds = torch.tensor([48.0] * 255 + [50.0])
    with pytest.raises(InputError, match="found 50; allowed with aligned"):
        BooleanGradient(k=4, aligned=True)(VALUES, thresholds, WORD, 1)


@pytest.mark.parametrize("fraction", [0, 5])
@pytest.mark.parametrize(
    ("name", "dtype"), [("float16", torch.float16), ("bfloat16", torch.bfloat16), ("float32", torch.float32)]
)
def test_a_float_word_is_the_gradient_of_the_registers_value_in_that_format(name, dtype, fraction):
    unit = 2.0**-fraction
    expected = FloatBooleanGradient()((VALUES * unit).to(dtype), torch.tensor(37.0 * unit))
    found = FloatWordGradient(format=name, fraction=fraction)(VALUES, torch.tensor(37.0), WORD, 1)
    assert expected.any()
    torch.testing.assert_close(found, expected.double() * unit, rtol=2 * torch.finfo(dtype).eps, atol=0)


def test_a_float_word_sums_over_the_crossings():
    gradient, crossings = FloatWordGradient(), (30.0, 60.0, 90.0)
    expected = sum(gradient(VALUES, torch.tensor(crossing), WORD, 1) for crossing in crossings)
    assert torch.equal(gradient(VALUES, torch.tensor(30.0), WORD, 3), expected)


def test_the_encoding_decides_the_gradient():
    """An exponent bit moves a value by more or less, depending on the exponent that it is written with."""
    found = [FloatWordGradient(fraction=f)(VALUES, torch.tensor(37.0), WORD, 1) for f in (0, 3)]
    assert not torch.equal(*found)


@pytest.mark.parametrize(
    ("options", "word", "message"),
    [
        ({"format": "float64"}, "s8", "format: found 'float64'; allowed: float16, bfloat16, float32"),
        ({"fraction": -1}, "s8", "fraction: found -1; allowed: an integer, 0 or more"),
        ({"top_exponent": 1}, "s8", "top_exponent: found 1; allowed: true, false"),
        ({"format": "float16"}, "u16", "fraction: found 0; allowed for u16 as float16: 1 to 14"),
        ({"format": "float16", "fraction": 15}, "s16", "fraction: found 15; allowed for s16 as float16: 0 to 14"),
        ({"fraction": 127}, "s16", "fraction: found 127; allowed for s16 as float32: 0 to 126"),
    ],
)
def test_an_option_that_does_not_fit_is_refused(options, word, message):
    with pytest.raises(InputError) as error:
        FloatWordGradient(**options)(torch.zeros(1), torch.ones(1), Word.parse(word), 1)
    assert str(error.value) == f"float_boolean gradient: {message}"


@pytest.mark.parametrize(("option", "found"), [("clamp", 0), ("clamp", True), ("aligned", 1)])
def test_a_boolean_option_out_of_range_is_refused(option, found):
    with pytest.raises(InputError, match=rf"boolean gradient: {option}: found {found!r}; allowed: "):
        BooleanGradient(**{option: found})
