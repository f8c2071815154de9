"""Products by the counts that are not 0: the bits and gradients of the dense product, whatever the threads."""

from __future__ import annotations

import sys

import pytest

torch = pytest.importorskip("torch")
from bitspike.training import parallel, sparse  # noqa: E402
from bitspike.training.openmp import openmp  # noqa: E402
from bitspike.training.sparse_code import BLOCK  # noqa: E402
from training_networks import EVERYTHING, FEED_FORWARD, passed, random_model, random_spikes  # noqa: E402

REALS = [torch.float32, torch.float64]


@pytest.fixture
def always(monkeypatch):
    """Every product is sparse."""
    monkeypatch.setattr(sparse, "LEAST_WORK", 0)
    monkeypatch.setattr(sparse, "MOST_SHARE", 1.0)


def random_counts(shape, real=torch.float32, share=0.2, seed=0):
    """Mostly 0 and -0, else -3 to 9; the first row all of them, the second none."""
    generator = torch.Generator().manual_seed(seed)
    counts = torch.randint(-3, 10, shape, generator=generator).to(real)
    counts[torch.rand(shape, generator=generator) >= share] = 0
    counts[torch.rand(shape, generator=generator) < 0.1] *= -0.0
    counts.view(-1, shape[-1])[:1] = 5
    counts.view(-1, shape[-1])[1:2] = 0
    return counts


def integers(*shape, real=torch.float32):
    return torch.randint(-128, 128, shape, generator=torch.Generator().manual_seed(1)).to(real)


def differentiated(multiply, counts, weights, above):
    """A product, and its gradients by counts and weights."""
    leaves = [each.detach().requires_grad_() for each in (counts, weights)]
    result = multiply(*leaves)
    return [result.detach(), *torch.autograd.grad(result, leaves, above)], result.grad_fn.name()


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("size", [1, 2, 3, 10, 31, 32, 33, 64, 100, 129])
def test_sums_and_gradients_of_integers_are_those_of_the_dense_product(always, size, real):
    counts, weights, above = (
        random_counts((4, 6, 37), real),
        integers(37, size, real=real),
        integers(4, 6, size, real=real),
    )
    found, name = differentiated(sparse.product, counts, weights, above)
    expected, _ = differentiated(torch.matmul, counts, weights, above)
    assert name.startswith("_Product")
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("rows", [1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 7])
@pytest.mark.parametrize("sources", [1, 5])
def test_rows_beyond_a_block_count_like_the_others(always, rows, sources):
    counts, weights, above = random_counts((rows, sources)), integers(sources, 9), integers(rows, 9)
    found, _ = differentiated(sparse.product, counts, weights, above)
    expected, _ = differentiated(torch.matmul, counts, weights, above)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("real", REALS)
def test_gradients_of_fractions_are_right_to_their_rounding(always, real):
    counts, weights = random_counts((700, 40), real), integers(40, 70, real=real)
    above = torch.randn(700, 70, generator=torch.Generator().manual_seed(2), dtype=real)
    (_, _, found), _ = differentiated(sparse.product, counts, weights, above)
    exact = counts.double().t() @ above.double()
    most = counts.double().abs().t() @ above.double().abs()
    assert ((found.double() - exact).abs() <= 64 * torch.finfo(real).eps * most).all()


def test_weights_in_any_order_of_memory_and_counts_cut_from_others_are_multiplied(always):
    counts, weights = random_counts((3, 8, 50))[:, ::2, 7:47], integers(70, 40).t()
    assert torch.equal(sparse.product(counts, weights), counts @ weights)


@pytest.mark.parametrize("kept_by", ["openmp", "us"])
@pytest.mark.parametrize("parts", [1, 2, 7])
def test_the_bits_are_the_same_whatever_the_threads(always, monkeypatch, kept_by, parts):
    counts, weights = (
        random_counts((2 * BLOCK + 50, 30)),
        torch.randn(30, 70, generator=torch.Generator().manual_seed(3)),
    )
    above = torch.randn(len(counts), 70, generator=torch.Generator().manual_seed(4))
    expected, _ = differentiated(sparse.product, counts, weights, above)
    before = torch.get_num_threads()
    monkeypatch.setattr(parallel, "_threads", lambda rows, work: min(parts, rows))
    if kept_by == "us":
        monkeypatch.setattr(parallel, "openmp", lambda: None)
    try:
        torch.set_num_threads(2)  # fewer than the parts, or more
        found, _ = differentiated(sparse.product, counts, weights, above)
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))


def test_linux_has_openmp():
    assert (openmp() is not None) == sys.platform.startswith("linux")


def test_a_product_is_sparse_where_it_is_large_and_few_counts_are_not_0(monkeypatch):
    monkeypatch.setattr(sparse, "LEAST_WORK", 8 * 10 * 6)
    counts, weights = torch.zeros(8, 10), integers(10, 6).requires_grad_()
    counts.view(-1)[:20], counts.view(-1)[20:] = 1, -0.0
    assert sparse.product(counts, weights).grad_fn.name().startswith("_Product")
    assert not sparse.product(counts, weights[:, :5]).grad_fn.name().startswith("_Product")
    counts.view(-1)[20] = -2
    assert not sparse.product(counts, weights).grad_fn.name().startswith("_Product")


@pytest.mark.parametrize("links", [FEED_FORWARD, EVERYTHING], ids=["feed-forward", "everything"])
@pytest.mark.parametrize("seed", range(4))
def test_networks_train_to_the_same_bits_and_gradients_as_by_dense_products(always, monkeypatch, seed, links):
    model = random_model(seed, links, "saturate")
    spikes = torch.as_tensor(random_spikes(model, seed))
    for given in (spikes, spikes[:, :1].expand(spikes.shape)):
        values, gradients, _ = passed(model, given, True)
        monkeypatch.setattr(sparse, "LEAST_WORK", 1 << 60)
        expected, close, _ = passed(model, given, True)
        monkeypatch.setattr(sparse, "LEAST_WORK", 0)
        assert all(torch.equal(a, b) for a, b in zip(values, expected, strict=True))
        torch.testing.assert_close(gradients, close, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("real", REALS)
@pytest.mark.parametrize("sources", [3, 8, 21])
def test_counts_of_bytes_are_multiplied_as_they_are(always, real, sources):
    counts = random_counts((5, 4, sources)).abs().to(torch.uint8)
    counts[0] = 255
    weights = integers(sources, 6, real=real).requires_grad_()
    result = sparse.product(counts, weights)
    (found,) = torch.autograd.grad(result, weights, torch.ones_like(result))
    assert torch.equal(result, counts.to(real) @ weights)
    assert torch.equal(found, counts.to(real).sum((0, 1))[:, None].expand(sources, 6))
