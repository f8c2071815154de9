"""Data sets by name, split into training and test."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..archive import read_arrays
from ..errors import FileError, InputError, suggest

DATA_DIR = "BITSPIKE_DATA"  # the environment variable that names the folder of the files
HELD_OUT = "fsdd-held-out-"  # followed by a speaker
DATA_SETS = ("digits", "mnist", "fsdd", f"{HELD_OUT}SPEAKER")
_DIGITS_TRAINED = 1200  # of 1,797; the rest are the test set
_CLASSES = 10  # of every data set so far
_KERAS = {"x_train": "xtr", "y_train": "ytr", "x_test": "xte", "y_test": "yte"}

Arrays = Mapping[str, NDArray[Any]]
Folder = str | os.PathLike[str] | None


@dataclass(frozen=True)
class DataSet:
    """Images [sample, row, column] with values 0 to `top`, and labels 0 to `classes` - 1."""

    train: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    top: int
    classes: int


def load_data(name: str, folder: Folder = None) -> DataSet:
    """A data set by name; `folder` has its file, as the environment variable BITSPIKE_DATA where it is None.

    digits: scikit-learn's 1,797 images of 8 x 8, split by `numpy.random.default_rng(0).permutation(1797)`
    into 1,200 for training and 597 for the test.
    mnist: `mnist.npz`: 60,000 images `xtr` of 28 x 28 and their labels `ytr`, for the test 10,000 `xte`, `yte`; also
    under Keras' names `x_train`, `y_train`, `x_test`, `y_test`.
    fsdd: the Free Spoken Digit Dataset, `fsdd_mel.npz`: log-mel spectrograms [recording, frame, mel] of 40 x 40
    under the same names, and the speakers `sptr`, `spte`; the test set has takes 0 to 4 of every speaker and digit.
    fsdd-held-out-SPEAKER: all the recordings of the speaker are the test set, and all others are for training.
    Raises InputError where the name is unknown or its package or file missing, FileError for a damaged file.
    """
    if name == "digits":
        return _digits()
    if name == "mnist":
        return _split(_read("mnist", folder, "mnist.npz", (28, 28)))
    if name == "fsdd" or name.startswith(HELD_OUT):
        arrays = _read(name, folder, "fsdd_mel.npz", (40, 40), speakers=True)
        return _split(arrays if name == "fsdd" else _held_out(arrays, name))
    raise InputError(f"data: found {name!r}; allowed: {', '.join(DATA_SETS)}{suggest(name, DATA_SETS)}")


def _digits() -> DataSet:
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError("data: 'digits' comes with scikit-learn: pip install 'bitspike[train]'") from None
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    images, labels = digits.images[order].astype(np.uint8), digits.target[order].astype(np.int64)
    n = _DIGITS_TRAINED
    return DataSet(images[:n], labels[:n], images[n:], labels[n:], top=16, classes=_CLASSES)


def _split(arrays: Arrays) -> DataSet:
    labels = arrays["ytr"].astype(np.int64), arrays["yte"].astype(np.int64)
    return DataSet(arrays["xtr"], labels[0], arrays["xte"], labels[1], top=255, classes=_CLASSES)


def _held_out(arrays: Arrays, name: str) -> Arrays:
    """Split anew: one speaker's recordings are the test set."""
    speakers = np.concatenate([arrays["sptr"], arrays["spte"]])
    test = speakers == name.removeprefix(HELD_OUT)
    if not test.any():
        names = [f"{HELD_OUT}{speaker}" for speaker in np.unique(speakers)]
        raise InputError(f"data: found {name!r}; allowed: {', '.join(names)}{suggest(name, names)}")
    images = np.concatenate([arrays["xtr"], arrays["xte"]])
    labels = np.concatenate([arrays["ytr"], arrays["yte"]])
    return {"xtr": images[~test], "ytr": labels[~test], "xte": images[test], "yte": labels[test]}


def _read(name: str, folder: Folder, file: str, size: tuple[int, int], speakers: bool = False) -> Arrays:
    """The arrays of a data set's file, checked. Raises InputError where it is absent, FileError where it is wrong."""
    rows, columns = size
    holds = f"an .npz of uint8 xtr and xte [sample, {rows}, {columns}] and labels ytr and yte [sample]"
    holds += ", speakers sptr and spte [sample]" if speakers else ""
    folder = folder or os.environ.get(DATA_DIR)
    if not folder:
        remedy = f"name the folder that has it with --data-dir or the environment variable {DATA_DIR}"
        raise InputError(f"data: '{name}' needs the file {file}, {holds}; {remedy}")
    path = Path(folder) / file
    if not path.exists():
        raise InputError(f"data: '{name}' needs the file {path}, which is not there: {holds}")
    arrays = {_KERAS.get(key, key): array for key, array in read_arrays(path, kinds="iuU").items()}
    for part in ("tr", "te"):
        _check(path, arrays, part, size, speakers)
    return arrays


def _check(path: Path, arrays: Arrays, part: str, size: tuple[int, int], speakers: bool) -> None:
    """Raise FileError unless images, labels and speakers of a part of the file are there and belong together."""
    images = _array(path, arrays, f"x{part}")
    if images.dtype != np.uint8 or images.shape[1:] != size or not len(images):
        rows, columns = size
        allowed = f"uint8 [sample, {rows}, {columns}]"
        raise FileError(f"{path}: x{part}: found {images.dtype} {list(images.shape)}; allowed: {allowed}")
    for key, kinds in [(f"y{part}", "iu"), *([(f"sp{part}", "U")] if speakers else [])]:
        array = _array(path, arrays, key)
        if array.dtype.kind not in kinds or array.shape != (len(images),):
            allowed = f"one {'label' if kinds == 'iu' else 'name'} for each of the {len(images)} samples of x{part}"
            raise FileError(f"{path}: {key}: found {array.dtype} {list(array.shape)}; allowed: {allowed}")
    labels = arrays[f"y{part}"]
    wrong = np.flatnonzero((labels < 0) | (labels >= _CLASSES))
    if wrong.size:
        raise FileError(f"{path}: y{part}[{wrong[0]}]: found {labels[wrong[0]]}; allowed: 0 to {_CLASSES - 1}")


def _array(path: Path, arrays: Arrays, key: str) -> NDArray[Any]:
    if key not in arrays:
        raise FileError(f"{path}: found no {key}; it has {', '.join(arrays) or 'no arrays'}")
    return arrays[key]
