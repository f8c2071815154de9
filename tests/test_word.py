import pytest
from bitspike.word import MAX_BITS, Overflow, Word


@pytest.mark.parametrize("bits", [1, 2, 8, 16, 63])
def test_a_word_spans_what_its_bits_can_write(bits):
    signed, unsigned = Word(bits, True), Word(bits, False)
    assert (signed.min, signed.max) == (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)
    assert (unsigned.min, unsigned.max) == (0, 2**bits - 1)
    assert signed.mask == unsigned.mask == unsigned.max


def test_the_ends_of_a_word_belong_to_it_and_their_neighbours_do_not():
    word = Word(4, True)
    assert [value for value in range(-20, 20) if value in word] == list(range(-8, 8))


@pytest.mark.parametrize("name", ["s16.saturate", "u1.wrap", "s63.refuse", "u4", "s8"])
def test_a_word_is_read_as_it_is_written(name):
    assert str(Word.parse(name)) == name


def test_a_name_gives_bits_sign_and_overflow():
    assert Word.parse("s12.wrap") == Word(12, True, Overflow.WRAP)
    assert Word.parse("u7") == Word(7, False, None)


@pytest.mark.parametrize("name", ["16", "i16", "s0", "s016", "s64", "u100", "s-1", "s8.", "S8", "s8 ", "s8.Wrap", ""])
def test_what_names_no_word_is_refused_with_what_does(name):
    with pytest.raises(
        ValueError, match=rf"^s or u, 1 to {MAX_BITS} bits, and for a register its overflow: s16.saturate$"
    ):
        Word.parse(name)


def test_an_unknown_overflow_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"^s8\.saturate, s8\.wrap, s8\.refuse$"):
        Word.parse("s8.saturat")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [("s8", "int8"), ("u8", "uint8"), ("s9", "int16"), ("u16", "uint16"), ("s17", "int32"), ("u32", "uint32"),
     ("s33", "int64"), ("u33", "int64"), ("u1", "uint8"), ("u63", "int64")],
)  # fmt: skip
def test_storage_is_the_narrowest_that_holds_the_word(name, dtype):
    assert Word.parse(name).dtype == dtype


@pytest.mark.parametrize(("value", "bits"), [(-3, "1101"), (7, "0111"), (-8, "1000"), (0, "0000"), (-1, "1111")])
def test_a_pattern_is_twos_complement(value, bits):
    assert Word(4, True).pattern(value) == bits


@pytest.mark.parametrize("name", ["s8(-127..127).saturate", "u4(1..8)", "s3(-1..3).refuse", "u4(5..5)"])
def test_a_narrower_range_is_read_as_it_is_written(name):
    assert str(Word.parse(name)) == name


def test_a_narrower_range_has_its_own_ends_and_the_storage_and_patterns_of_its_bits():
    word = Word.parse("s8(-127..100).saturate")
    assert (word.min, word.max, word.mask, word.dtype, word.pattern(-1)) == (-127, 100, 255, "int8", "11111111")
    assert [value for value in (-128, -127, 100, 101) if value in word] == [-127, 100]


@pytest.mark.parametrize("range_", ["-129..0", "0..128", "1..0", "-200..200"])
def test_a_range_beyond_the_bits_or_upside_down_is_refused(range_):
    with pytest.raises(ValueError, match=r"^a range from -128 to 127 at most, the lower end first$"):
        Word.parse(f"s8({range_}).saturate")


def test_a_word_that_wraps_has_no_narrower_range():
    with pytest.raises(ValueError, match=r"^no range, as a word that wraps has the range of its bits$"):
        Word.parse("s8(-127..127).wrap")


def test_a_width_that_follows_a_value_keeps_its_name():
    word = Word.parse("s<potential_width=9>.wrap")
    assert (word.bits, word.width, str(word), word.source) == (
        9,
        "potential_width",
        "s9.wrap",
        "s<potential_width=9>.wrap",
    )


@pytest.mark.parametrize(
    "name", ["s8()", "s8(1)", "s8(1..)", "s8(1...2)", "s8.saturate(1..2)", "s<W>", "s<w=64>", "s<w=0>"]
)
def test_what_names_no_range_and_no_width_is_refused(name):
    with pytest.raises(ValueError, match=r"^s or u, 1 to 63 bits"):
        Word.parse(name)
