"""What a network's inputs and outputs mean: readouts, and the test set as a network takes it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..datapath import Model
from ..errors import InputError
from .data import Folder, load_data
from .encoding import Encoding, encode


class _Counted(Model):
    """Spikes of outputs are counted. discount: a spike counts so many times what one a step earlier does."""

    discount: Annotated[float, Field(gt=0, le=1, description="below 1, early spikes decide")] = 1.0


class PerClass(_Counted):
    """Output neuron c stands for class c."""

    kind: Literal["per_class"]


class Code(_Counted):
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


def step_weights(readout: PerClass | Code, steps: int) -> NDArray[np.float64]:
    """As how much a spike of each step counts; 1 in the mean."""
    weights = readout.discount ** np.arange(steps, dtype=np.float64)
    return np.asarray(weights * (steps / weights.sum()))


def predict(spikes: NDArray[Any], readout: PerClass | Code, classes: int) -> NDArray[np.int64]:
    """The class whose outputs fired most in each sample, the first of equals. spikes: [sample, step, output]."""
    return np.asarray(_scores(spikes, readout, classes).sum(axis=1).argmax(axis=1))


def decided_after(spikes: NDArray[Any], readout: PerClass | Code, classes: int) -> NDArray[np.int64]:
    """After how many steps each sample has the class that it keeps. spikes: [sample, step, output]."""
    so_far = _scores(spikes, readout, classes).cumsum(axis=1).argmax(axis=2)
    others = so_far != so_far[:, -1:]
    same = others[:, ::-1].argmax(axis=1)  # steps at the end, where any differs
    return np.where(others.any(axis=1), others.shape[1] - same + 1, 1)


def _scores(spikes: NDArray[Any], readout: PerClass | Code, classes: int) -> NDArray[np.float64]:
    """What every step adds to the classes, [sample, step, class]."""
    matrix = readout_matrix(readout, spikes.shape[2], classes).astype(np.float64)
    return np.asarray(spikes @ matrix) * step_weights(readout, spikes.shape[1])[:, None]


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

    def decided_after(self, spikes: NDArray[Any]) -> float:
        """After how many steps a sample has the class that it keeps, in the mean. spikes: as of `accuracy`."""
        return float(decided_after(spikes, self.readout, self.classes).mean())

    def first(self, samples: int) -> TestSet:
        """Only so many samples, from the first."""
        return replace(self, spikes=self.spikes[:samples], labels=self.labels[:samples])


def test_set(task: dict[str, Any], name: str, folder: Folder = None) -> TestSet:  # noqa: PT028
    """The test samples of data set `name`, as a network with this task takes them; folder: see `load_data`.

    Raises InputError, FileError.
    """
    try:
        known = Task.model_validate_json(json.dumps(task))
    except ValueError:
        raise InputError(f"data: the network does not say how '{name}' is encoded; give spikes as .npy") from None
    data = load_data(name, folder)
    return TestSet(encode(data.test, known.encoding, data.top), data.test_labels, known.readout, data.classes)
