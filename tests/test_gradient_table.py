"""Looking a gradient up gives what its definition gives."""

import pytest
import torch
from bitspike.training import crossing
from bitspike.training.boolean import BooleanGradient
from bitspike.training.surrogate import Arctan, Triangle
from bitspike.word import Word

GRADIENTS = [BooleanGradient(), BooleanGradient(k=2, p=0.5), BooleanGradient(dither=True), Arctan(), Triangle(0.7)]


@pytest.fixture(autouse=True)
def _no_table_from_another_test():
    crossing._table.cache_clear()


def registers(word, dtype, samples=50, neurons=40):
    generator = torch.Generator().manual_seed(3)
    return torch.randint(word.min, word.max + 1, (samples, neurons), generator=generator).to(dtype)


def agree(gradient, u, threshold, word, repeat):
    found = gradient(u, threshold, word, repeat)
    assert found.dtype == u.dtype
    assert found.shape == torch.broadcast_shapes(u.shape, threshold.shape)
    return torch.equal(found, gradient.direct(u, threshold, word, repeat).expand_as(found))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("repeat", [1, 31])
@pytest.mark.parametrize("name", ["s16.saturate", "u10", "s6.wrap"])
@pytest.mark.parametrize("gradient", GRADIENTS, ids=str)
def test_a_table_agrees_with_the_definition(gradient, name, repeat, dtype):
    word = Word.parse(name)
    u = registers(word, dtype)
    per_neuron = torch.linspace(word.min - 3, word.max + 3, 5).round().to(dtype).repeat(8)
    for threshold in (torch.tensor(word.max // 5), torch.tensor(0, dtype=dtype), per_neuron, per_neuron.expand(50, 40)):
        assert agree(gradient, u, threshold, word, repeat)


def test_thresholds_met_later_join_the_table():
    word, gradient = Word(8, signed=True), BooleanGradient()
    u = registers(word, torch.float32)
    for threshold in (20.0, 30.0, 20.0, -5.0):
        assert agree(gradient, u, torch.tensor(threshold), word, 1)
    assert len(crossing._table(gradient, word, 1, u.dtype, u.device).entries) == 3 * 256


def test_more_thresholds_than_a_call_may_add_are_computed_directly():
    word, gradient = Word(8, signed=True), BooleanGradient()
    u = registers(word, torch.float32, neurons=100)
    assert agree(gradient, u, torch.arange(100.0), word, 3)
    assert len(crossing._table(gradient, word, 3, u.dtype, u.device).entries) == 0


def test_a_full_table_stays_and_the_rest_is_computed_directly(monkeypatch):
    monkeypatch.setattr(crossing, "TABLE_BYTES", 2 * 256 * 4)
    word, gradient = Word(8, signed=True), BooleanGradient()
    u = registers(word, torch.float32)
    for threshold in (20.0, 30.0, 40.0, 30.0):
        assert agree(gradient, u, torch.tensor(threshold), word, 1)
    assert len(crossing._table(gradient, word, 1, u.dtype, u.device).entries) == 2 * 256


def test_long_words_have_no_table():
    word, gradient = Word(17, signed=True), BooleanGradient()
    assert agree(gradient, registers(word, torch.float32), torch.tensor(500.0), word, 1)
    assert crossing._table.cache_info().currsize == 0
