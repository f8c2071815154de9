"""Gradients that are not finite: the training stops, says where, and keeps what there was."""

from __future__ import annotations

import pytest
from bitspike.archive import read_arrays
from bitspike.errors import DivergedError

torch = pytest.importorskip("torch")
from bitspike.training import course  # noqa: E402
from bitspike.training.loop import train  # noqa: E402
from training_small import few_digits, small_recipe, train_thresholds  # noqa: E402

REMEDY = "try a smaller learning_rate, gradient.scale or gain"


@pytest.fixture
def small(tmp_path, monkeypatch):
    few_digits(monkeypatch, 40)
    return small_recipe(tmp_path)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_loss_that_is_not_finite_stops_before_the_weights_change(small, monkeypatch, bad):
    monkeypatch.setattr(course, "cross_entropy", lambda logits, labels, **_: (logits * bad).sum())
    with pytest.raises(DivergedError) as error:
        train(*small)
    place = "epoch 1, batch 1, layer output, weights from hidden"
    assert str(error.value) == f"{place}: found a gradient not finite; {REMEDY}"
    assert error.value.trained.history == ()


def break_hidden(model, batch):
    """From this batch on no gradient of the hidden layer's weights is finite, but the output's are."""
    calls = 0

    def hook(gradient):
        nonlocal calls
        calls += 1
        return gradient * float("nan") if calls >= batch else gradient

    model.synapses[0][0].linear.weight.register_hook(hook)


def test_trained_thresholds_are_named_where_only_their_gradient_is_not_finite(small, monkeypatch):
    train_thresholds(monkeypatch)
    backward = course.Course._backward

    def spoilt(self, model, batch):
        sums = backward(self, model, batch)
        next(model.neurons.parameters()).grad.fill_(float("inf"))
        return sums

    monkeypatch.setattr(course.Course, "_backward", spoilt)
    with pytest.raises(DivergedError, match=r"^epoch 1, batch 1, layer hidden, trained parameters: found a gradient"):
        train(*small)


def test_the_layer_where_it_arose_is_named_and_the_best_network_and_checkpoint_are_kept(small, monkeypatch, tmp_path):
    from bitspike.training import loop

    build = loop.build

    def broken(*arguments):
        model = build(*arguments)
        break_hidden(model, batch=4)  # 2 batches an epoch
        return model

    healthy = train(small[0].model_copy(update={"epochs": 1}), small[1])
    monkeypatch.setattr(loop, "build", broken)
    path = tmp_path / "c"
    with pytest.raises(DivergedError) as error:
        train(*small, checkpoint=path)
    place = "epoch 2, batch 2, layer hidden, weights from input"
    assert str(error.value) == f"{place}: found a gradient not finite; {REMEDY}"
    kept = error.value.trained
    assert (len(kept.history), kept.best) == (1, 1)
    assert all(torch.isfinite(weights).all() for weights in kept.model.parameters())
    assert kept.network == healthy.network
    name = "trained.0.0.linear.weight"
    stored = torch.as_tensor(read_arrays(path)[f"best.{name}"]).view(torch.float32)
    assert torch.equal(stored, kept.model.state_dict()[name])
