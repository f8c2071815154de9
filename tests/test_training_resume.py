"""Checkpoints: a training that continues ends in the same bits, and only where it is the same training."""

from __future__ import annotations

import json
from functools import partial

import numpy as np
import pytest
from bitspike.archive import read_arrays, write_archive
from bitspike.errors import FileError

torch = pytest.importorskip("torch")
from bitspike.training import checkpoint as module  # noqa: E402
from bitspike.training.augment import Augmentation  # noqa: E402
from bitspike.training.loop import train  # noqa: E402
from training_small import few_digits, small_recipe, train_thresholds  # noqa: E402

AUGMENT = Augmentation(move_rows=1, move_columns=1, hide_rows=1, hide_columns=0)
EVERYTHING = {
    "epochs": 4, "validation": 10, "augment": AUGMENT, "weight_decay": 0.1, "label_smoothing": 0.1, "patience": 4,
}  # fmt: skip


@pytest.fixture
def small(tmp_path, monkeypatch):
    few_digits(monkeypatch, 40)
    recipe, template = small_recipe(tmp_path)
    return recipe.model_copy(update=EVERYTHING), template


def stop_after(number):
    """Ctrl-C when an epoch has been told."""

    def interrupt(epoch):
        if epoch.number == number:
            raise KeyboardInterrupt

    return interrupt


@pytest.mark.parametrize("interrupted", [1, 3])
def test_a_resumed_training_equals_one_that_was_never_interrupted(small, tmp_path, interrupted):
    whole = train(*small, seed=3, checkpoint=tmp_path / "whole")
    path = tmp_path / "parts"
    first = train(*small, on_epoch=stop_after(interrupted), seed=3, checkpoint=path)
    assert first.interrupted
    assert first.history == whole.history[:interrupted]
    torch.manual_seed(99)  # whatever happened in between
    told = []
    second = train(*small, on_epoch=told.append, seed=3, checkpoint=path, resume=True)
    assert tuple(told) == second.history == whole.history
    assert (second.network, second.best, second.interrupted) == (whole.network, whole.best, False)
    for name, weights in whole.model.state_dict().items():
        assert torch.equal(weights, second.model.state_dict()[name])
    ended, continued = read_arrays(tmp_path / "whole"), read_arrays(path)
    assert ended.keys() == continued.keys()  # weights, best weights and the optimiser's moments
    assert all(np.array_equal(ended[name], continued[name]) for name in ended if name != "header")


def test_trained_thresholds_resume_to_the_same_bits(small, tmp_path, monkeypatch):
    train_thresholds(monkeypatch)
    whole = train(*small, checkpoint=tmp_path / "whole")
    train(*small, on_epoch=stop_after(2), checkpoint=tmp_path / "parts")
    resumed = train(*small, checkpoint=tmp_path / "parts", resume=True)
    assert resumed.network == whole.network
    assert np.ptp(np.asarray(whole.network.populations[0].parameters["threshold"])) > 0
    for name, weights in whole.model.state_dict().items():
        assert torch.equal(weights, resumed.model.state_dict()[name])


def test_a_finished_training_resumes_to_itself(small, tmp_path):
    done = train(*small, checkpoint=tmp_path / "c")
    again = train(*small, checkpoint=tmp_path / "c", resume=True)
    assert (again.network, again.history) == (done.network, done.history)


@pytest.fixture
def written(small, tmp_path):
    """A checkpoint after two epochs; a function that resumes from it."""
    path = tmp_path / "c"
    train(*small, on_epoch=stop_after(2), checkpoint=path)
    return path, partial(train, *small, checkpoint=path, resume=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch": 10}, "batch: found 20; allowed: 10"),
        ({"epochs": 9}, "epochs: found 4; allowed: 9"),
        ({"name": "other"}, "name: found 'digits-small'; allowed: 'other'"),
    ],
)
def test_a_checkpoint_of_another_recipe_is_refused_by_what_differs(small, written, tmp_path, change, message):
    path, _ = written
    with pytest.raises(FileError) as error:
        train(small[0].model_copy(update=change), small[1], checkpoint=path, resume=True)
    assert str(error.value) == f"{path}: a checkpoint of another training (recipe 'digits-small'): {message}"


def test_a_checkpoint_of_another_seed_is_refused(small, written):
    with pytest.raises(FileError, match=r"another training \(recipe 'digits-small'\): seed: found 0; allowed: 5$"):
        train(*small, seed=5, checkpoint=written[0], resume=True)


def test_a_checkpoint_of_another_version_is_refused(written, monkeypatch):
    monkeypatch.setattr(module, "version", lambda package: "9.9.9")
    with pytest.raises(FileError, match=r"bitspike: found '0\.1\.0'; allowed: '9\.9\.9'$"):
        written[1]()


def test_a_checkpoint_of_other_data_is_refused(small, written, monkeypatch):
    few_digits(monkeypatch, 50)
    with pytest.raises(FileError, match=r": samples: found '[0-9a-f]{64}'; allowed: '[0-9a-f]{64}'$"):
        written[1]()


def test_a_missing_checkpoint_is_refused(small, tmp_path):
    with pytest.raises(FileError, match=r"none: no such file$"):
        train(*small, checkpoint=tmp_path / "none", resume=True)


@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_damaged_checkpoint_is_refused(written, place):
    path, resume = written
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 0x40
    path.write_bytes(content)
    with pytest.raises(FileError, match=r"damaged|not what it was written"):
        resume()


def test_a_truncated_checkpoint_is_refused(written):
    path, resume = written
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(FileError, match=r"damaged, or not an .npz file$"):
        resume()


def test_a_pickle_is_refused_and_not_run(small, tmp_path):
    torch.save({"weights": torch.zeros(3)}, tmp_path / "c")
    with pytest.raises(FileError, match=r"which is no array$"):
        train(*small, checkpoint=tmp_path / "c", resume=True)


OUTPUT = "trained.1.0.linear.weight"


def edited(path, header=None, **arrays):
    """Write the checkpoint again, rightly signed, with these changes."""
    stored = read_arrays(path)
    known = json.loads(bytes(stored.pop("header")))
    kept = {name: array for name, array in {**stored, **arrays}.items() if array is not None}
    fields = {key: value for key, value in {**known, **(header or {})}.items() if key not in ("format", "checksum")}
    write_archive(path, "checkpoint", fields, kept)


@pytest.mark.parametrize(
    ("header", "arrays", "message"),
    [
        ({"history": [{"number": 1}]}, {}, "damaged: its history is not one"),
        ({"history": 3}, {}, "damaged: its history is not one"),
        ({"identity": {}}, {}, "damaged: it does not say which recipe it is of"),
        ({"identity": 3}, {}, "damaged: it does not say which recipe it is of"),
        ({"schema": 2}, {}, "schema"),
        ({}, {"optimizer.0.exp_avg": None}, "optimizer.0.exp_avg: found nothing; allowed: int32 [12, 64]"),
        (
            {},
            {"best.trained.1.0.linear.weight": np.zeros((3, 2), np.int32)},
            "found int32 [3, 2]; allowed: int32 [10, 12]",
        ),
        ({}, {f"model.{OUTPUT}": np.zeros((10, 12), np.int64)}, "found int64 [10, 12]; allowed: int32"),
    ],
)
def test_a_forged_checkpoint_is_refused(written, header, arrays, message):
    path, resume = written
    edited(path, header, **arrays)
    with pytest.raises(FileError) as error:
        resume()
    assert message in str(error.value)


def test_only_whole_checkpoints_are_written(small, tmp_path, monkeypatch):
    path = tmp_path / "c"
    train(*small, on_epoch=stop_after(1), checkpoint=path)
    before = path.read_bytes()

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match=r"cannot be written: No space left on device$"):
        train(*small, checkpoint=path, resume=True)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir() if "partial" in file.name] == []
