"""What `bitspike train` writes while it trains, how it resumes, and what it keeps when it fails."""

from __future__ import annotations

import csv
import json

import bitspike as bs
import pytest
from bitspike.training.history import Epoch
from command_line import beside_findings, bitspike, contents, recipe, refused, train_on_few

torch = pytest.importorskip("torch")
course = pytest.importorskip("bitspike.training.course")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

REMEDY = "try a smaller learning_rate, gradient.scale or gain"


@pytest.fixture(autouse=True)
def few(monkeypatch):
    train_on_few(monkeypatch)


@pytest.fixture
def three(tmp_path):
    """A recipe of three epochs."""
    return recipe(tmp_path / "three.yaml", ("epochs: 1", "epochs: 3"))


@pytest.fixture
def net(tmp_path):
    return tmp_path / "net.npz"


def in_epoch(monkeypatch, number, action):
    """Do something at the end of an epoch, before its result is known."""
    real = course.Course.epoch

    def epoch(self, model, optimizer, now):
        done = real(self, model, optimizer, now)
        if now == number:
            action()
        return done

    monkeypatch.setattr(course.Course, "epoch", epoch)


def interrupt():
    raise KeyboardInterrupt


def rows(path):
    return list(csv.DictReader(path.read_text().splitlines()))


def test_the_log_has_a_row_an_epoch_and_curves_are_drawn(capsys, tmp_path, three, net):
    log, curves = tmp_path / "log.csv", tmp_path / "curves.png"
    options = ("--csv", log, "--curves", curves, "--validation", 20, "--json")
    ran = bitspike(capsys, "train", three, "-o", net, *options)
    assert curves.read_bytes().startswith(b"\x89PNG\r\n\x1a\n")
    result, written = json.loads(ran.out), rows(log)
    assert [(row["number"], row["of"]) for row in written] == [("1", "3"), ("2", "3"), ("3", "3")]
    best = written[result["best_epoch"] - 1]
    assert float(best["validation_accuracy"]) == result["validation_accuracy"]
    assert result["validation_accuracy"] == max(float(row["validation_accuracy"]) for row in written)


def test_a_resumed_training_ends_in_the_same_network_and_log(capsys, tmp_path, three, net, monkeypatch):
    whole, log = tmp_path / "whole.npz", tmp_path / "log.csv"
    bitspike(capsys, "train", three, "-o", whole, "--csv", tmp_path / "whole.csv")
    with monkeypatch.context() as patch:
        in_epoch(patch, 2, interrupt)
        ran = bitspike(capsys, "train", three, "-o", net, "--csv", log)
    assert ran.status == 130
    assert beside_findings(ran.errors)[0] == "interrupted: the best network so far is kept; --resume continues"
    checkpoint = tmp_path / "net.npz.checkpoint"
    assert checkpoint.exists()
    assert len(rows(log)) == 1
    assert bitspike(capsys, "train", three, "-o", net, "--csv", log, "--resume").status == 0
    assert bs.load_network(net) == bs.load_network(whole)
    kept = [{key: value for key, value in row.items() if key != "seconds"} for row in rows(log)]
    assert kept == [{key: row[key] for key in kept[0]} for row in rows(tmp_path / "whole.csv")]
    assert not checkpoint.exists()


def test_without_a_checkpoint_there_is_nothing_to_resume(capsys, tmp_path, three, net):
    (line,) = refused(capsys, tmp_path, "train", three, "-o", net, "--resume")
    assert line == f"{net}.checkpoint: no such file"


def test_another_recipe_does_not_resume(capsys, tmp_path, three, net, monkeypatch):
    with monkeypatch.context() as patch:
        in_epoch(patch, 2, interrupt)
        bitspike(capsys, "train", three, "-o", net)
    (line,) = refused(capsys, tmp_path, "train", three, "-o", net, "--resume", "--epochs", 9)
    assert line == f"{net}.checkpoint: a checkpoint of another training (recipe 'tiny'): epochs: found 3; allowed: 9"


def test_a_failure_keeps_the_best_network_before_it_and_the_checkpoint(capsys, tmp_path, three, net, monkeypatch):
    backward = course.Course._backward
    batches = iter(range(1, 100))

    def spoilt(self, model, batch):
        sums = backward(self, model, batch)
        if next(batches) > 2:  # two epochs of one batch each
            model.synapses[0][0].linear.weight.grad.mul_(float("nan"))
        return sums

    monkeypatch.setattr(course.Course, "_backward", spoilt)
    ran = bitspike(capsys, "train", three, "-o", net)
    assert (ran.status, ran.out) == (2, "")
    assert beside_findings(ran.errors) == [
        f"{net}: the best network before the failure, of epoch 2",
        f"epoch 3, batch 1, layer hidden, weights from input: found a gradient not finite; {REMEDY}",
    ]
    assert set(contents(tmp_path)) == {str(three), str(net), f"{net}.checkpoint"}
    assert bs.load_network(net).task["recipe"] == "tiny"


@pytest.mark.parametrize(("option", "kind"), [("--csv", ".csv"), ("--curves", ".png")])
def test_a_log_that_cannot_be_written_is_refused_before_the_training(capsys, tmp_path, three, net, option, kind):
    lines = refused(capsys, tmp_path, "train", three, "-o", net, option, tmp_path / "log.txt")
    assert lines == [f"{option}: found '{tmp_path / 'log.txt'}'; allowed: a name that ends in {kind}"]
    missing = tmp_path / "no" / f"log{kind}"
    lines = refused(capsys, tmp_path, "train", three, "-o", net, option, missing)
    assert lines == [f"{missing}: cannot be written: no such folder"]


def test_tensorboard_shows_every_epoch_once(capsys, tmp_path, three, net, monkeypatch):
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder, log = tmp_path / "board", tmp_path / "log.csv"
    options = ("--tensorboard", folder, "--csv", log, "--validation", 20)
    with monkeypatch.context() as patch:
        in_epoch(patch, 2, interrupt)
        bitspike(capsys, "train", three, "-o", net, *options)
    assert bitspike(capsys, "train", three, "-o", net, *options, "--resume").status == 0
    shown = accumulator.EventAccumulator(str(folder)).Reload()
    tags = {"loss/training": "loss", "accuracy/validation": "validation_accuracy", "learning rate": "learning_rate"}
    for tag, column in tags.items():
        scalars = shown.Scalars(tag)
        assert [scalar.step for scalar in scalars] == [1, 2, 3]
        assert [scalar.value for scalar in scalars] == pytest.approx([float(row[column]) for row in rows(log)])


def test_without_tensorboard_it_is_said_how_to_install_it(capsys, tmp_path, three, net, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "torch.utils.tensorboard", None)
    lines = refused(capsys, tmp_path, "train", three, "-o", net, "--tensorboard", tmp_path / "board")
    assert lines == ["--tensorboard: TensorBoard is missing: pip install 'bitspike[tensorboard]'"]


def test_tensorboard_refuses_a_folder_that_is_a_file(capsys, tmp_path, three, net):
    pytest.importorskip("tensorboard")
    (line,) = refused(capsys, tmp_path, "train", three, "-o", net, "--tensorboard", three)
    assert line.startswith(f"{three}: cannot be written: ")


def test_the_bar_moves_with_the_batches(monkeypatch):
    import io
    import sys

    from bitspike.cli.epochs import Logs, watched

    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    with watched(Logs(), "tiny", 4) as told:
        told["on_batch"](1.5)
        told["on_epoch"](Epoch(2, 4, 0.5, 0.25, 1.0, 0.75, 0.125, 0.01, 1.0))
    text = terminal.getvalue()
    assert "2/4" in text
    assert "loss 0.500  train 25.0%  validation 75.0%  0.125 spikes/neuron/step" in text
