"""The samples of a training: split for validation, shuffled, augmented and encoded a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..errors import InputError
from .augment import Augmentation, augmented
from .data import DataSet
from .encoding import AnyEncoding, Constant, encode
from .processes import Processes

_SPLIT = 0  # in place of an epoch's number, which counts from 1


def random_of(seed: int, epoch: int) -> np.random.Generator:
    """What decides an epoch, whatever came before it: a training resumes to the same bits."""
    return np.random.default_rng([seed, epoch])


@dataclass(frozen=True)
class Batch:
    """This process' part: spikes [sample, step, channel], labels, and its share of the whole batch's samples."""

    spikes: Tensor
    labels: Tensor
    share: float


@dataclass(frozen=True)
class Samples:
    """Images [sample, row, column] with values 0 to `top`, their labels and their encoding."""

    images: NDArray[np.uint8]
    labels: NDArray[np.int64]
    encoding: AnyEncoding
    top: int

    def __len__(self) -> int:
        return len(self.images)

    def batches(
        self,
        size: int,
        processes: Processes,
        rng: np.random.Generator | None = None,
        augment: Augmentation | None = None,
    ) -> Iterator[Batch]:
        """All samples, `size` for each process at a time; shuffled and augmented by `rng`, in order without.

        What is drawn belongs to the sample, not to the process that computes it.
        """
        order = np.arange(len(self)) if rng is None else rng.permutation(len(self))
        whole = size * processes.count
        for first in range(0, len(self), whole):
            rows = order[first : first + whole]
            mine = slice(processes.rank, None, processes.count)
            images = self.images[rows[mine]]
            if rng is not None and augment is not None:
                sources = augment.draw(rng, len(rows), *self.images.shape[1:])
                images = augmented(images, *(lines[mine] for lines in sources))
            spikes = as_tensor(images, self.encoding, self.top)
            yield Batch(spikes, torch.as_tensor(self.labels[rows[mine]]), len(images) / len(rows))


def as_tensor(images: NDArray[np.uint8], encoding: AnyEncoding, top: int) -> Tensor:
    """Encoded images [sample, step, channel]; what is the same in every step is held once, and expanded."""
    if isinstance(encoding, Constant):
        once = encode(images, encoding.model_copy(update={"steps": 1}), top)
        return torch.as_tensor(once).expand(-1, encoding.steps, -1)
    return torch.as_tensor(encode(images, encoding, top))


def split(data: DataSet, encoding: AnyEncoding, validation: int, seed: int) -> tuple[Samples, Samples | None]:
    """The training samples, less as many as `validation` that `seed` chooses, and those; None for 0 of them.

    Raises InputError where none is left.
    """
    samples = Samples(data.train, data.train_labels, encoding, data.top)
    check_validation(data, validation)
    if not validation:
        return samples, None
    order = random_of(seed, _SPLIT).permutation(len(samples))
    held, kept = np.sort(order[:validation]), np.sort(order[validation:])
    parts = (Samples(data.train[rows], data.train_labels[rows], encoding, data.top) for rows in (kept, held))
    return next(parts), next(parts)


def check_validation(data: DataSet, validation: int) -> None:
    """Raise InputError unless training samples are left."""
    samples = len(data.train)
    if validation >= samples:
        allowed = f"0 to {samples - 1} of the {samples} training samples"
        raise InputError(f"validation: found {validation}; allowed: {allowed}")
