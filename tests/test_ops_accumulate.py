"""Delivering all sources at once, as training does: the bits of one by one, and the gradient of what was kept."""

import numpy as np
import pytest
from bitspike.datapath import deliver
from bitspike.ops.array import ArrayOps
from bitspike.ops.base import Registers
from bitspike.ops.operators import RefusedWriteError
from bitspike.word import Overflow, Word

torch = pytest.importorskip("torch")
from bitspike.ops import tensor  # noqa: E402
from bitspike.training.weights import Matrix  # noqa: E402

BATCH, SOURCES, NEURONS = 4, 7, 5


def flat(u, threshold, word, repeat):
    return torch.zeros_like(u)


def one_by_one(word, start, counts, weights):
    regs = Registers(ArrayOps(), {"current": word}, {"current": start})
    for source in range(counts.shape[1]):
        deliver(regs, "current", counts[:, source : source + 1], weights[source])
    return regs["current"]


def at_once(word, start, counts, weights, dtype=torch.float64):
    start, counts, weights = (torch.tensor(values, dtype=dtype) for values in (start, counts, weights))
    regs = Registers(tensor.TensorOps(flat), {"current": word}, {"current": start})
    regs.ops.accumulate(regs, "current", counts, Matrix(weights))
    return regs["current"]


def random_delivery(generator, word, least_count):
    start = generator.integers(word.min, word.max + 1, (BATCH, NEURONS))
    counts = generator.integers(least_count, 4, (BATCH, SOURCES))
    return start, counts, generator.integers(-word.mask, word.mask + 1, (SOURCES, NEURONS))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("least_count", [0, -3])
@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.WRAP])
@pytest.mark.parametrize("signed", [True, False])
def test_all_sources_at_once_are_the_sources_one_by_one(signed, overflow, least_count, dtype):
    generator = np.random.default_rng(1)
    for bits in (1, 2, 3, 4, 6, 8) * 20:
        word = Word(bits, signed, overflow)
        delivery = random_delivery(generator, word, least_count)
        np.testing.assert_array_equal(at_once(word, *delivery, dtype).numpy(), one_by_one(word, *delivery))


@pytest.mark.parametrize("signed", [True, False])
def test_at_once_refuses_what_one_by_one_refuses_and_nothing_else(signed):
    generator, refused = np.random.default_rng(2), 0
    for _ in range(300):
        word = Word(int(generator.integers(4, 8)), signed, Overflow.REFUSE)
        start, counts, weights = random_delivery(generator, Word(2, signed), -1)
        delivery = (start + word.max // 2, counts, weights)
        try:
            expected = one_by_one(word, *delivery)
        except RefusedWriteError:
            refused += 1
            with pytest.raises(
                RefusedWriteError, match=rf"^current: -?\d+ does not fit {word}, {word.min} to {word.max}$"
            ):
                at_once(word, *delivery)
        else:
            np.testing.assert_array_equal(at_once(word, *delivery).numpy(), expected)
    assert 30 < refused < 270


def test_neurons_run_in_order_in_small_parts_give_the_same_bits(monkeypatch):
    monkeypatch.setattr(tensor, "_FLAGGED_AT_ONCE", 2 * SOURCES)
    word = Word(3, True, Overflow.SATURATE)
    delivery = random_delivery(np.random.default_rng(3), word, -3)
    np.testing.assert_array_equal(at_once(word, *delivery).numpy(), one_by_one(word, *delivery))


def test_one_saturated_neuron_leaves_the_others_alone():
    word = Word(8, True, Overflow.SATURATE)
    result = at_once(word, [[100, 0]], [[1, 1]], [[50, 3], [-60, 4]])
    assert result.tolist() == [[67, 7]]


def gradients(word, start, counts, weights):
    leaves = [torch.tensor(values, dtype=torch.float64, requires_grad=True) for values in (start, counts, weights)]
    regs = Registers(tensor.TensorOps(flat), {"current": word}, {"current": leaves[0]})
    regs.ops.accumulate(regs, "current", leaves[1], Matrix(leaves[2]))
    regs["current"].sum().backward()
    return [leaf.grad.tolist() for leaf in leaves]


def test_sources_before_the_last_clip_get_no_gradient_and_those_after_it_do():
    word = Word(4, True, Overflow.SATURATE)  # 3 + 9 clips to 7, 7 - 4 = 3, 3 + 2 * 1 = 5
    start, counts, weights = gradients(word, [[3.0]], [[1.0, 1.0, 2.0]], [[9.0], [-4.0], [1.0]])
    assert start == [[0.0]]
    assert counts == [[0.0, -4.0, 1.0]]
    assert weights == [[0.0], [1.0], [2.0]]


def test_a_sum_that_only_reaches_the_end_of_the_word_keeps_its_gradient():
    word = Word(4, True, Overflow.SATURATE)  # 3 + 4 = 7 is held; the bound 3 + 4 + 1 is not
    start, counts, weights = gradients(word, [[3.0]], [[1.0, 1.0, 1.0]], [[4.0], [-2.0], [1.0]])
    assert (start, counts, weights) == ([[1.0]], [[4.0, -2.0, 1.0]], [[1.0], [1.0], [1.0]])


def test_a_clip_of_the_last_source_leaves_no_gradient():
    word = Word(4, True, Overflow.SATURATE)
    assert gradients(word, [[7.0]], [[1.0]], [[1.0]]) == [[[0.0]], [[0.0]], [[0.0]]]


@pytest.mark.parametrize("overflow", Overflow)
def test_without_overflow_the_gradient_is_that_of_the_matrix_product(overflow):
    word = Word(16, True, overflow)
    start, counts, weights = gradients(word, [[5.0, 6.0]], [[1.0, 3.0]], [[2.0, -7.0], [4.0, 8.0]])
    assert (start, counts, weights) == ([[1.0, 1.0]], [[-5.0, 12.0]], [[1.0, 1.0], [3.0, 3.0]])


def test_a_wrapped_sum_passes_its_gradient():
    start, counts, weights = gradients(Word(4, True, Overflow.WRAP), [[7.0]], [[2.0]], [[5.0]])
    assert (start, counts, weights) == ([[1.0]], [[5.0]], [[2.0]])
