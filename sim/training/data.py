"""Data sets by name, split into training and test, and the encodings that turn them into input spikes."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..datapath import Model
from ..errors import InputError

DATA_SETS = ("digits",)
_DIGITS_TRAINED = 1200  # of 1,797; the rest are the test set


@dataclass(frozen=True)
class DataSet:
    """Images [sample, row, column] with values 0 to `top`, and labels 0 to `classes` - 1."""

    train: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    test: NDArray[np.uint8]
    test_labels: NDArray[np.int64]
    top: int
    classes: int


def load_data(name: str) -> DataSet:
    """A data set by name. Raises InputError where it is unknown, or its package is not installed.

    digits: scikit-learn's 1,797 images of 8 x 8, split by `numpy.random.default_rng(0).permutation(1797)`
    into 1,200 for training and 597 for the test.
    """
    if name not in DATA_SETS:
        raise InputError(f"data: found {name!r}; allowed: {', '.join(DATA_SETS)}")
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError("data: 'digits' comes with scikit-learn: pip install 'bitspike[train]'") from None
    digits = load_digits()
    order = np.random.default_rng(0).permutation(len(digits.target))
    images, labels = digits.images[order].astype(np.uint8), digits.target[order].astype(np.int64)
    n = _DIGITS_TRAINED
    return DataSet(images[:n], labels[:n], images[n:], labels[n:], top=16, classes=10)


class Rate(Model):
    """One channel a pixel; a pixel of value v is v * steps / top spikes, rounded (halves up), evenly spread.

    Until step t, that included, it has fired t * v / top times, rounded alike (t counts from 1).
    """

    kind: Literal["rate"]
    steps: Annotated[int, Field(ge=1, le=10_000)]


class Lines(Model):
    """Step by step the image's rows on one half of the channels and its columns on the other.

    A pixel of value v is v spikes, `most` at the most. `rest` silent steps follow, in which the network
    finishes.
    """

    kind: Literal["lines"]
    most: Annotated[int, Field(ge=1, le=255)]
    rest: Annotated[int, Field(ge=0, le=10_000)]


Encoding = Annotated[Rate | Lines, Field(discriminator="kind")]


def encode(images: NDArray[np.uint8], encoding: Rate | Lines, top: int) -> NDArray[np.uint8]:
    """Input spikes [sample, step, channel] of images [sample, row, column] with values 0 to `top`."""
    if isinstance(encoding, Rate):
        step = np.arange(encoding.steps + 1)[:, None]
        so_far = (step * images.reshape(len(images), 1, -1).astype(np.int64) * 2 + top) // (2 * top)
        return np.diff(so_far, axis=1).astype(np.uint8)
    lines = np.concatenate([images, images.transpose(0, 2, 1)], axis=2)
    return np.pad(np.minimum(lines, encoding.most), ((0, 0), (0, encoding.rest), (0, 0)))


def most_spikes(encoding: Rate | Lines, top: int) -> int:
    """The most spikes that `encode` gives a channel in one step, whatever the image."""
    return 1 if isinstance(encoding, Rate) else min(encoding.most, top)


class PerClass(Model):
    """Output neuron c stands for class c."""

    kind: Literal["per_class"]


class Code(Model):
    """A class is a set of output neurons, for chips with fewer outputs than classes.

    words: one a class, as many bits as outputs; all with equally many ones, so that scores compare.
    """

    kind: Literal["code"]
    words: Annotated[tuple[Annotated[str, Field(pattern="^[01]+$")], ...], Field(min_length=1)]


Readout = Annotated[PerClass | Code, Field(discriminator="kind")]


def readout_matrix(readout: PerClass | Code, outputs: int, classes: int) -> NDArray[np.int64]:
    """0 and 1, [output, class]: which outputs' spikes count for which class. Raises InputError."""
    if isinstance(readout, PerClass):
        if outputs < classes:
            raise InputError(f"readout: {outputs} outputs for {classes} classes; allowed: one a class, or kind: code")
        return np.eye(outputs, classes, dtype=np.int64)
    words = readout.words
    if len(words) != classes or len(set(words)) != classes:
        raise InputError(f"readout: {len(set(words))} different words; allowed: {classes}, one a class")
    ones = max(1, words[0].count("1"))
    for word in words:
        if len(word) != outputs or word.count("1") != ones:
            raise InputError(f"readout: found {word}; allowed: {outputs} bits, {ones} of them 1")
    return np.array([[int(bit) for bit in word] for word in words], np.int64).T


def predict(spikes: NDArray[Any], readout: PerClass | Code, classes: int) -> NDArray[np.int64]:
    """The class whose outputs fired most in each sample, the first of equals. spikes: [sample, step, output]."""
    counts = spikes.sum(axis=1, dtype=np.int64)
    return np.asarray((counts @ readout_matrix(readout, counts.shape[1], classes)).argmax(axis=1))


class Task(Model):
    """What a network's inputs and outputs mean; kept in its file."""

    data: str
    encoding: Encoding
    readout: Readout
    recipe: str


@dataclass(frozen=True)
class TestSet:
    """Encoded test samples, [sample, step, channel], their labels and how to read the outputs."""

    spikes: NDArray[np.uint8]
    labels: NDArray[np.int64]
    readout: PerClass | Code
    classes: int

    def accuracy(self, spikes: NDArray[Any]) -> float:
        """The share of samples that output spikes [sample, step, output] classify rightly."""
        return float(np.mean(predict(spikes, self.readout, self.classes) == self.labels))

    def first(self, samples: int) -> TestSet:
        """Only so many samples, from the first."""
        return replace(self, spikes=self.spikes[:samples], labels=self.labels[:samples])


def test_set(task: dict[str, Any], name: str) -> TestSet:
    """The test samples of data set `name`, as a network with this task takes them. Raises InputError."""
    try:
        known = Task.model_validate_json(json.dumps(task))
    except ValueError:
        raise InputError(f"data: the network does not say how '{name}' is encoded; give spikes as .npy") from None
    data = load_data(name)
    return TestSet(encode(data.test, known.encoding, data.top), data.test_labels, known.readout, data.classes)
