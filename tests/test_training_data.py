"""Data sets by name: how they are split, and what is said where a file is absent or wrong."""

from __future__ import annotations

import re

import numpy as np
import pytest
from bitspike.errors import FileError, InputError
from bitspike.training.data import DATA_DIR, load_data
from data_files import SPEAKERS, mnist, spoken_digits


def test_digits_are_split_by_the_permutation_that_the_docstring_names():
    from sklearn.datasets import load_digits

    digits, order = load_digits(), np.random.default_rng(0).permutation(1797)
    data = load_data("digits")
    assert (data.top, data.classes) == (16, 10)
    assert data.train.shape == (1200, 8, 8)
    assert data.test.shape == (597, 8, 8)
    assert np.array_equal(data.train, digits.images[order[:1200]])
    assert np.array_equal(data.test, digits.images[order[1200:]])
    assert np.array_equal(data.train_labels, digits.target[order[:1200]])
    assert np.array_equal(data.test_labels, digits.target[order[1200:]])


def test_an_unknown_data_set_is_refused():
    with pytest.raises(
        InputError,
        match=r"^data: found 'digit'; allowed: digits, mnist, fsdd, fsdd-held-out-SPEAKER. Did you mean 'digits'",
    ):
        load_data("digit")


def test_a_missing_scikit_learn_is_said_with_its_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(InputError, match=r"scikit-learn: pip install 'bitspike\[train\]'$"):
        load_data("digits")


def test_mnist_is_read_from_the_folder_given_or_from_the_environment(tmp_path, monkeypatch):
    arrays = mnist(tmp_path, train=5, test=3)
    monkeypatch.setenv(DATA_DIR, str(tmp_path / "other"))
    given = load_data("mnist", tmp_path)
    monkeypatch.setenv(DATA_DIR, str(tmp_path))
    for data in (given, load_data("mnist")):
        assert (data.top, data.classes) == (255, 10)
        assert np.array_equal(data.train, arrays["xtr"])
        assert np.array_equal(data.test, arrays["xte"])
        assert data.train_labels.dtype == data.test_labels.dtype == np.int64
        assert np.array_equal(data.train_labels, arrays["ytr"])
        assert np.array_equal(data.test_labels, arrays["yte"])


def test_mnist_as_keras_keeps_it_is_the_same(tmp_path):
    arrays = mnist(tmp_path, train=5, test=3)
    names = {"xtr": "x_train", "ytr": "y_train", "xte": "x_test", "yte": "y_test"}
    ours = load_data("mnist", tmp_path)
    np.savez(tmp_path / "mnist.npz", **{names[key]: array for key, array in arrays.items()})
    theirs = load_data("mnist", tmp_path)
    assert np.array_equal(theirs.train, ours.train)
    assert np.array_equal(theirs.test_labels, ours.test_labels)


def test_spoken_digits_are_split_as_their_file_says(tmp_path):
    arrays = spoken_digits(tmp_path)
    data = load_data("fsdd", tmp_path)
    assert np.array_equal(data.train, arrays["xtr"])
    assert np.array_equal(data.test, arrays["xte"])
    assert data.train.shape[1:] == (40, 40)


@pytest.mark.parametrize("speaker", SPEAKERS)
def test_a_speaker_held_out_is_in_the_test_set_with_every_recording_and_nowhere_else(tmp_path, speaker):
    arrays = spoken_digits(tmp_path)
    whole = {key: np.concatenate([arrays[f"{key}tr"], arrays[f"{key}te"]]) for key in ("x", "y", "sp")}
    held = whole["sp"] == speaker
    data = load_data(f"fsdd-held-out-{speaker}", tmp_path)
    assert np.array_equal(data.test, whole["x"][held])
    assert np.array_equal(data.test_labels, whole["y"][held])
    assert np.array_equal(data.train, whole["x"][~held])
    assert np.array_equal(data.train_labels, whole["y"][~held])


def test_a_speaker_who_is_not_there_is_refused_with_those_who_are(tmp_path):
    spoken_digits(tmp_path)
    names = ", ".join(f"fsdd-held-out-{speaker}" for speaker in SPEAKERS)
    with pytest.raises(InputError) as error:
        load_data("fsdd-held-out-theodor", tmp_path)
    allowed = f"data: found 'fsdd-held-out-theodor'; allowed: {names}. Did you mean 'fsdd-held-out-theo'?"
    assert str(error.value) == allowed


HOLDS = "an .npz of uint8 xtr and xte [sample, 28, 28] and labels ytr and yte [sample]"


def test_without_a_folder_it_is_said_which_file_is_needed_and_how_to_name_its_folder(monkeypatch):
    monkeypatch.delenv(DATA_DIR, raising=False)
    with pytest.raises(InputError) as error:
        load_data("mnist")
    remedy = "name the folder that has it with --data-dir or the environment variable BITSPIKE_DATA"
    assert str(error.value) == f"data: 'mnist' needs the file mnist.npz, {HOLDS}; {remedy}"


def test_a_file_that_is_absent_is_named_with_what_it_holds(tmp_path):
    with pytest.raises(InputError) as error:
        load_data("mnist", tmp_path)
    path = tmp_path / "mnist.npz"
    assert str(error.value) == f"data: 'mnist' needs the file {path}, which is not there: {HOLDS}"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"xte": None}, "found no xte; it has xtr, ytr, yte"),
        ({"xtr": np.zeros((5, 28, 27), np.uint8)}, "xtr: found uint8 [5, 28, 27]; allowed: uint8 [sample, 28, 28]"),
        ({"xtr": np.zeros((5, 28, 28))}, "xtr.npy: found float64 values"),
        ({"xtr": np.zeros((5, 28, 28), int)}, "xtr: found int64 [5, 28, 28]; allowed: uint8 [sample, 28, 28]"),
        ({"xtr": np.zeros((0, 28, 28), np.uint8)}, "xtr: found uint8 [0, 28, 28]; allowed: uint8 [sample, 28, 28]"),
        ({"ytr": np.zeros(4, int)}, "ytr: found int64 [4]; allowed: one label for each of the 5 samples of xtr"),
        ({"ytr": np.array(["a"] * 5)}, "ytr: found <U1 [5]; allowed: one label for each of the 5 samples of xtr"),
        ({"yte": np.array([0, 10, 0])}, "yte[1]: found 10; allowed: 0 to 9"),
        ({"yte": np.array([0, 0, -1])}, "yte[2]: found -1; allowed: 0 to 9"),
    ],
)
def test_arrays_that_are_not_the_data_set_are_refused_by_name(tmp_path, change, message):
    mnist(tmp_path, train=5, test=3, **change)
    with pytest.raises(FileError, match=f"^{re.escape(str(tmp_path / 'mnist.npz'))}: {re.escape(message)}"):
        load_data("mnist", tmp_path)


def test_speakers_that_are_missing_are_refused(tmp_path):
    spoken_digits(tmp_path, spte=None)
    with pytest.raises(FileError, match=r"fsdd_mel.npz: found no spte; it has xtr, "):
        load_data("fsdd", tmp_path)


def test_a_damaged_file_is_refused(tmp_path):
    (tmp_path / "mnist.npz").write_bytes(b"PK, but no archive")
    with pytest.raises(FileError, match=r"mnist.npz: damaged, or not an .npz file$"):
        load_data("mnist", tmp_path)
