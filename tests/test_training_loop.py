"""The training loop: repeatable, keeps the best network, survives Ctrl-C, and says when it cannot go on."""

from __future__ import annotations

from dataclasses import replace

import bitspike as bs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from bitspike.training import loop, task, watch  # noqa: E402
from bitspike.training.course import Course  # noqa: E402
from bitspike.training.history import Epoch  # noqa: E402
from bitspike.training.loop import float_accuracy, train  # noqa: E402
from bitspike.training.recipe import load_recipe  # noqa: E402
from test_training_recipes import GOOD, written  # noqa: E402
from training_small import few_digits, small_recipe, train_thresholds  # noqa: E402


@pytest.fixture
def small(tmp_path, monkeypatch):
    few_digits(monkeypatch, 40)
    return small_recipe(tmp_path)


def integers(network):
    return np.concatenate([np.asarray(p.weights).ravel() for p in network.projections])


def test_equal_seeds_give_equal_integers_and_others_do_not(small):
    small = small[0].model_copy(update={"epochs": 2}), small[1]
    first, second, other = (train(*small, seed=seed) for seed in (7, 7, 8))
    assert first.network == second.network
    assert first.history == second.history
    assert not np.array_equal(integers(first.network), integers(other.network))


def test_the_history_has_every_epoch_and_on_epoch_is_told_of_each(small):
    told = []
    trained = train(*small, on_epoch=told.append)
    assert trained.history == tuple(told)
    assert [(epoch.number, epoch.of) for epoch in told] == [(1, 3), (2, 3), (3, 3)]
    assert told[-1].loss < told[0].loss
    assert all(0 <= epoch.accuracy <= 1 and 0 < epoch.rate < 1 for epoch in told)
    assert trained.seconds > 0
    assert not trained.interrupted


def test_training_changes_the_integers_and_the_model_is_the_network(small):
    trained = train(*small)
    assert trained.model.export() == trained.network
    assert trained.network.task == small[1].task
    start = train(small[0].model_copy(update={"learning_rate": 1e-9}), small[1])
    assert not np.array_equal(integers(start.network), integers(trained.network))


def test_a_network_trained_with_a_discount_is_right_earlier(tmp_path):
    recipe, template = load_recipe(written(tmp_path, GOOD.replace("epochs: 2", "epochs: 4")))
    right = []
    for discount in (1.0, 0.5):
        readout = task.PerClass(kind="per_class", discount=discount)
        network = train(recipe.model_copy(update={"readout": readout}), template).network
        test = task.test_set(template.task, "digits")
        right.append(test.accuracy(bs.run(network, test.spikes).spikes[:, :2]))
    assert right[1] > right[0] + 0.1


@pytest.fixture
def scripted(monkeypatch):
    """Epochs that train, but report these losses; the integers after each."""
    real, seen = Course.epoch, []

    def script(*losses):
        def epoch(course, model, *rest):
            done = real(course, model, *rest)
            seen.append(integers(model.export()))
            loss = losses[done.number - 1]
            if isinstance(loss, BaseException):
                raise loss
            return replace(done, loss=loss)

        monkeypatch.setattr(Course, "epoch", epoch)
        return seen

    return script


@pytest.mark.parametrize(("losses", "best"), [((3.0, 1.0, 2.0), 1), ((1.0, 1.0, 1.0), 0), ((3.0, 2.0, 1.0), 2)])
def test_the_network_of_the_least_loss_is_kept(small, scripted, losses, best):
    seen = scripted(*losses)
    trained = train(*small)
    assert np.array_equal(integers(trained.network), seen[best])
    assert not np.array_equal(seen[0], seen[1])
    assert len(trained.history) == 3


def test_ctrl_c_in_an_epoch_keeps_the_best_network_until_then(small, scripted):
    seen = scripted(1.0, 2.0, KeyboardInterrupt())
    trained = train(*small)
    assert trained.interrupted
    assert [epoch.loss for epoch in trained.history] == [1.0, 2.0]
    assert np.array_equal(integers(trained.network), seen[0])
    assert trained.model.export() == trained.network


def test_ctrl_c_between_epochs_keeps_the_epoch_that_was_done(small, scripted):
    def interrupt(epoch: Epoch) -> None:
        raise KeyboardInterrupt

    seen = scripted(1.0)
    trained = train(*small, on_epoch=interrupt)
    assert trained.interrupted
    assert len(trained.history) == 1
    assert np.array_equal(integers(trained.network), seen[0])


def test_ctrl_c_in_the_first_epoch_keeps_the_weights_it_began_with(small, scripted):
    seen = scripted(KeyboardInterrupt())
    trained = train(*small)
    assert trained.interrupted
    assert trained.history == ()
    torch.manual_seed(0)
    fresh = loop.build(*small, max_input=1).export()
    assert trained.network == fresh
    assert not np.array_equal(seen[0], integers(fresh))


def test_the_learning_rate_falls_by_half_a_cosine(small):
    trained = train(small[0].model_copy(update={"epochs": 4, "learning_rate": 0.1}), small[1])
    rates = [epoch.learning_rate for epoch in trained.history]
    assert rates == pytest.approx([0.1, 0.05 * (1 + 0.5**0.5), 0.05, 0.05 * (1 - 0.5**0.5)])


def after_one_step(small, **options):
    """Float weights before and after the only step of the optimiser."""
    recipe = small[0].model_copy(update={"epochs": 1, "batch": 40, "learning_rate": 0.01, **options})
    torch.manual_seed(0)
    before = [weights.detach().clone() for weights in loop.build(recipe, small[1], max_input=1).parameters()]
    trained = train(recipe, small[1])
    return before, [weights.detach() for weights in trained.model.parameters()], trained.history[0].loss


def test_weight_decay_takes_its_share_of_the_weights_in_every_step(small):
    before, plain, _ = after_one_step(small)
    _, decayed, _ = after_one_step(small, weight_decay=0.5)
    for start, without, with_decay in zip(before, plain, decayed, strict=True):
        assert torch.allclose(without - with_decay, 0.01 * 0.5 * start, atol=1e-6)
        assert not torch.equal(without, with_decay)


def test_weights_decay_and_thresholds_do_not(small, monkeypatch):
    train_thresholds(monkeypatch)
    recipe = small[0].model_copy(update={"weight_decay": 0.5})
    model = loop.build(recipe, small[1], max_input=1)
    (thresholds,) = model.neurons.parameters()
    weights = next(model.trained.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    with torch.no_grad():
        thresholds += 7
    before = thresholds.clone(), weights.clone()
    optimizer = loop._optimizer(recipe, model)
    for group in optimizer.param_groups:
        group["lr"] = 0.1
    optimizer.step()
    assert torch.equal(thresholds, before[0])
    assert torch.allclose(weights, 0.95 * before[1])


def test_smoothed_labels_count_every_class_a_little(small):
    losses = [after_one_step(small, label_smoothing=share)[2] for share in (0.0, 0.25, 0.5)]
    assert losses[1] != pytest.approx(losses[0], abs=1e-4)
    assert losses[1] == pytest.approx((losses[0] + losses[2]) / 2)  # linear in the share


def test_a_few_epochs_learn_the_digits(tmp_path):
    recipe, template = load_recipe(
        written(tmp_path, GOOD.replace("size: 12", "size: 64").replace("steps: 8", "steps: 3"))
    )
    trained = train(recipe.model_copy(update={"epochs": 5, "batch": 300, "learning_rate": 0.1}), template)
    test = task.test_set(trained.network.task, "digits")
    accuracy = test.accuracy(bs.run(trained.network, test.spikes, engine="array").spikes)
    assert accuracy > 0.8
    assert abs(float_accuracy(trained.model, test) - accuracy) < 0.05


def test_a_network_is_looked_at_after_epochs_1_4_16_and_so_on(tmp_path, monkeypatch):
    few_digits(monkeypatch, 20)
    looked, epochs = [], []
    monkeypatch.setattr(watch, "findings", lambda *arguments: looked.append(len(epochs)) or [])
    recipe, template = small_recipe(tmp_path)
    train(recipe.model_copy(update={"epochs": 17}), template, on_epoch=epochs.append, on_finding=looked.append)
    assert looked == [1, 4, 16]
