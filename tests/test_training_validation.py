"""Validation: cut from the training set by the seed; it chooses the best epoch and when to stop."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
from bitspike.training.batches import split  # noqa: E402
from bitspike.training.course import Course  # noqa: E402
from bitspike.training.history import Epoch, best_epoch, to_csv  # noqa: E402
from bitspike.training.loop import train  # noqa: E402
from training_small import few_digits, small_recipe  # noqa: E402


@pytest.fixture
def digits(monkeypatch):
    return few_digits(monkeypatch, 40)


@pytest.fixture
def small(tmp_path, digits):
    recipe, template = small_recipe(tmp_path)
    return recipe.model_copy(update={"validation": 15}), template


def codes(images):
    return sorted(image.tobytes() for image in images)


def test_validation_is_cut_from_the_training_set_and_nothing_is_lost(small, digits):
    training, held = split(digits, small[0].encoding, 15, seed=4)
    assert (len(training), len(held)) == (25, 15)
    assert codes([*training.images, *held.images]) == codes(digits.train)
    known = {image.tobytes(): label for image, label in zip(digits.train, digits.train_labels, strict=True)}
    for part in (training, held):
        assert [known[image.tobytes()] for image in part.images] == part.labels.tolist()


def test_the_seed_decides_which_samples_are_kept(small, digits):
    first, same, other = (codes(split(digits, small[0].encoding, 15, seed)[1].images) for seed in (1, 1, 2))
    assert first == same
    assert first != other


def test_without_validation_all_samples_train(small, digits):
    training, held = split(digits, small[0].encoding, 0, seed=4)
    assert held is None
    assert np.array_equal(training.images, digits.train)


def test_validation_accuracy_is_that_of_the_network_after_the_epoch(small, digits):
    trained = train(small[0].model_copy(update={"epochs": 1}), small[1])
    (epoch,) = trained.history
    _, held = split(digits, small[0].encoding, 15, seed=0)
    (batch,) = held.batches(15, processes=alone())
    emitted, _ = trained.model(batch.spikes)
    logits = emitted["output"].sum(1)
    assert epoch.validation_accuracy == pytest.approx(float((logits.argmax(1) == batch.labels).double().mean()))
    assert epoch.validation_loss == pytest.approx(
        float(torch.nn.functional.cross_entropy(logits, batch.labels).detach()), 1e-6
    )


def alone():
    from bitspike.training.processes import Processes

    return Processes(0, 1)


def test_validating_changes_nothing_in_the_training(small, monkeypatch):
    real = Course._validation
    once = train(*small)
    monkeypatch.setattr(Course, "_validation", lambda *each: real(*each) and real(*each))
    assert train(*small).network == once.network


@pytest.fixture
def scripted(monkeypatch):
    """Epochs that train, but report these results; the networks after each."""
    real, networks = Course.epoch, []

    def script(*results):
        def epoch(course, model, *rest):
            done = real(course, model, *rest)
            networks.append(model.export())
            return replace(done, **results[done.number - 1])

        monkeypatch.setattr(Course, "epoch", epoch)
        return networks

    return script


def results(*pairs):
    return [{"validation_accuracy": accuracy, "validation_loss": loss} for accuracy, loss in pairs]


@pytest.mark.parametrize(
    ("pairs", "best"),
    [
        ([(0.5, 1.0), (0.7, 2.0), (0.6, 0.5)], 2),  # accuracy first
        ([(0.5, 2.0), (0.5, 1.0), (0.5, 1.5)], 2),  # then the loss
        ([(0.5, 1.0), (0.5, 1.0), (0.5, 1.0)], 1),  # the first of equals
    ],
)
def test_the_network_of_the_best_validation_is_kept(small, scripted, pairs, best):
    networks = scripted(*results(*pairs))
    trained = train(*small)
    assert trained.best == best
    assert trained.network == networks[best - 1]
    assert networks[0] != networks[1] != networks[2]


RISES_TWICE = (0.1, 0.5, 0.4, 0.5, 0.6, 0.3, 0.2, 0.6)


@pytest.mark.parametrize(("patience", "epochs"), [(1, 3), (2, 4), (3, 8), (None, 8)])
def test_training_stops_when_patience_ends(small, scripted, patience, epochs):
    scripted(*results(*[(accuracy, 1.0) for accuracy in RISES_TWICE]))
    trained = train(small[0].model_copy(update={"epochs": 8, "patience": patience}), small[1])
    assert len(trained.history) == epochs


def test_patience_waits_on_the_training_loss_without_validation(small, scripted):
    scripted(*[{"loss": loss} for loss in (3.0, 2.0, 2.0, 2.5, 1.0)])
    recipe = small[0].model_copy(update={"epochs": 5, "patience": 2, "validation": 0})
    trained = train(recipe, small[1])
    assert (len(trained.history), trained.best) == (4, 2)


EPOCH = Epoch(1, 2, 0.5, 0.25, None, None, 0.125, 0.01, 3.5)


def test_the_log_has_a_row_an_epoch_and_nothing_where_nothing_was_measured():
    second = replace(EPOCH, number=2, validation_loss=1.5, validation_accuracy=0.75)
    assert to_csv([EPOCH, second]).splitlines() == [
        "number,of,loss,accuracy,validation_loss,validation_accuracy,rate,learning_rate,seconds",
        "1,2,0.5,0.25,,,0.125,0.01,3.5",
        "2,2,0.5,0.25,1.5,0.75,0.125,0.01,3.5",
    ]


def test_no_epoch_is_the_best_of_none():
    assert best_epoch([]) == 0
