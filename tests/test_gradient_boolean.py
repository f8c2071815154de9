"""The Boolean gradient of fixed-point words against a definition in plain Python, one bit at a time."""

import pytest
import torch
from bitspike.errors import InputError
from bitspike.training.boolean import BooleanGradient
from bitspike.word import Word

WORDS = [Word(bits, signed) for bits in (4, 5, 6) for signed in (True, False)]


def spikes(u, theta, repeat):
    """Spikes of one neuron that subtracts its threshold, with no bound on the register."""
    count = 0
    while u >= theta and count < repeat:
        u, count = u - theta, count + 1
    return count


def toggle(u, bit, word):
    """`u` with one bit of its two's-complement code inverted."""
    pattern = list(word.pattern(u))
    position = word.bits - 1 - bit
    pattern[position] = "10"[int(pattern[position])]
    code = int("".join(pattern), 2)
    return code - (1 << word.bits) if code > word.max else code


def changed(u, theta, bit, word, repeat):
    return abs(spikes(toggle(u, bit, word), theta, repeat) - spikes(u, theta, repeat))


def values_and_thresholds(word):
    """Every value, and every threshold to two beyond the word's ends: shapes [values], [thresholds, 1]."""
    values = torch.arange(word.min, word.max + 1, dtype=torch.float64)
    thresholds = torch.arange(word.min - 2, word.max + 3, dtype=torch.float64)
    return values, thresholds[:, None]


@pytest.mark.parametrize("repeat", [1, 3, 31])
@pytest.mark.parametrize("word", WORDS, ids=str)
def test_gradient_is_the_sum_over_bits_of_the_changed_spikes_over_the_place_value(word, repeat):
    values, thresholds = values_and_thresholds(word)
    bits = range(word.bits - word.signed)
    changes = torch.tensor(
        [
            [[changed(int(u), int(theta), bit, word, repeat) for bit in bits] for u in values]
            for theta in thresholds[:, 0]
        ],
        dtype=torch.float64,
    )
    assert changes.max() > 0
    for k in bits:
        for p in (1.0, 0.5, 2):
            weights = torch.tensor([2.0 ** (-p * bit) if bit >= k else 0.0 for bit in bits], dtype=torch.float64)
            found = BooleanGradient(k=k, p=p)(values, thresholds, word, repeat)
            torch.testing.assert_close(found, changes @ weights, rtol=1e-14, atol=0)


@pytest.mark.parametrize("word", [word for word in WORDS if word.signed], ids=str)
def test_sign_bit_is_subtracted(word):
    values, thresholds = values_and_thresholds(word)
    sign = word.bits - 1
    expected = torch.tensor(
        [[changed(int(u), int(theta), sign, word, 1) / 2**sign for u in values] for theta in thresholds[:, 0]],
        dtype=torch.float64,
    )
    without = BooleanGradient()(values, thresholds, word, 1)
    assert torch.equal(BooleanGradient(sign_bit=True)(values, thresholds, word, 1), without - expected)


@pytest.mark.parametrize("p", [1.0, 0.5, 1.7])
@pytest.mark.parametrize("dither", [False, True])
@pytest.mark.parametrize("word", WORDS, ids=str)
def test_several_spikes_a_step_sum_the_gradient_of_one_over_the_crossings(word, dither, p):
    gradient = BooleanGradient(p=p, dither=dither)
    values, _ = values_and_thresholds(word)
    for theta in range(1, word.max + 2, 2):
        for repeat in (2, 31):
            crossings = [torch.tensor(float(m * theta)) for m in range(1, repeat + 1)]
            expected = sum(gradient.direct(values, crossing, word, 1) for crossing in crossings)
            found = gradient.direct(values, torch.tensor(float(theta)), word, repeat)
            torch.testing.assert_close(found, expected, rtol=1e-13, atol=0)


def test_a_threshold_aligned_to_2_to_the_k_has_no_gradient_below_bit_k():
    values = torch.arange(-128.0, 128.0)
    word, theta = Word(8, signed=True), torch.tensor(48.0)  # 16 divides it
    assert torch.equal(BooleanGradient()(values, theta, word, 1), BooleanGradient(k=4)(values, theta, word, 1))


@pytest.mark.parametrize("theta", [-8.0, -9.0, 8.0, 100.0])
@pytest.mark.parametrize("dither", [False, True])
def test_a_threshold_that_no_register_value_crosses_has_no_gradient(theta, dither):
    values = torch.arange(-8.0, 8.0)
    for repeat in (1, 31):
        found = BooleanGradient(dither=dither)(values, torch.tensor(theta), Word(4, signed=True), repeat)
        assert not found.any()


def test_a_word_of_63_bits_has_a_gradient_in_float64():
    word, theta = Word(63, signed=False), torch.tensor(2.0**40, dtype=torch.float64)
    u = torch.tensor([2.0**40 - 1, 2.0**40, 2.0**62], dtype=torch.float64)
    # From 2**40 - 1 each of the 22 bits from 40 to 62 crosses upwards; 2**40 and 2**62 have one bit to lose.
    expected = torch.tensor([2.0**-39 - 2.0**-62, 2.0**-40, 2.0**-62], dtype=torch.float64)
    assert torch.equal(BooleanGradient()(u, theta, word, 1), expected)
    assert BooleanGradient(dither=True)(u, theta, word, 1).isfinite().all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": -1}, "boolean gradient: k: found -1; allowed: an integer, 0 or more"),
        ({"k": 1.0}, "boolean gradient: k: found 1.0; allowed: an integer, 0 or more"),
        ({"k": True}, "boolean gradient: k: found True; allowed: an integer, 0 or more"),
        ({"p": 0}, "boolean gradient: p: found 0; allowed: a number above 0"),
        ({"p": float("nan")}, "boolean gradient: p: found nan; allowed: a number above 0"),
        ({"p": "1"}, "boolean gradient: p: found '1'; allowed: a number above 0"),
        ({"dither": 1}, "boolean gradient: dither: found 1; allowed: true, false"),
        ({"sign_bit": "no"}, "boolean gradient: sign_bit: found 'no'; allowed: true, false"),
        (
            {"dither": True, "sign_bit": True},
            "boolean gradient: sign_bit: found True; allowed with dither: false",
        ),
    ],
)
def test_an_option_out_of_range_is_refused_by_name(options, message):
    with pytest.raises(InputError) as error:
        BooleanGradient(**options)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("options", "word", "message"),
    [
        ({"k": 7}, "s8.wrap", "boolean gradient: k: found 7; allowed for s8.wrap: 0 to 6"),
        ({"k": 8}, "u8", "boolean gradient: k: found 8; allowed for u8: 0 to 7"),
        ({"k": 40}, "s32", "boolean gradient: k: found 40; allowed for s32: 0 to 30"),
        ({}, "s1", "boolean gradient: k: found 0; allowed for s1: none, it has no bit but its sign"),
        (
            {"sign_bit": True},
            "u8",
            "boolean gradient: sign_bit: found True; allowed for u8, which is unsigned: false",
        ),
    ],
)
def test_an_option_that_the_word_cannot_hold_is_refused(options, word, message):
    with pytest.raises(InputError) as error:
        BooleanGradient(**options)(torch.zeros(1), torch.tensor(0.0), Word.parse(word), 1)
    assert str(error.value) == message
