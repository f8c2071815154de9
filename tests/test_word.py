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
