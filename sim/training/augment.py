"""Augmentation: training images that are moved, and lines of which are hidden, anew in every epoch."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..datapath import Model
from ..errors import InputError

Lines = Annotated[int, Field(ge=0, le=10_000)]
Integers = NDArray[np.int64]


class Augmentation(Model):
    """How far an image may be moved either way, and how many neighbouring lines hidden; what is absent is 0.

    Distances and numbers of lines are uniform from none to these; SpecAugment (Park et al., Interspeech 2019)
    hides rows (time) and columns (frequency) of spectrograms in this way.
    """

    move_rows: Lines
    move_columns: Lines
    hide_rows: Lines
    hide_columns: Lines

    def check(self, rows: int, columns: int) -> None:
        """Raise InputError unless images of this size can be augmented so."""
        for name, lines in (("rows", rows), ("columns", columns)):
            for option in (f"move_{name}", f"hide_{name}"):
                found = getattr(self, option)
                if found >= lines:
                    raise InputError(f"augment: {option}: found {found}; allowed: 0 to {lines - 1}, of {lines} {name}")

    def draw(self, rng: np.random.Generator, samples: int, rows: int, columns: int) -> tuple[Integers, Integers]:
        """Which row each row of each sample is taken from, and which column: [sample, line], -1 where hidden."""
        return (
            _sources(rng, (samples, rows), self.move_rows, self.hide_rows),
            _sources(rng, (samples, columns), self.move_columns, self.hide_columns),
        )


def _sources(rng: np.random.Generator, shape: tuple[int, int], move: int, hide: int) -> Integers:
    samples, lines = shape
    each = (samples, 1)
    here = np.arange(lines)
    source = here - rng.integers(-move, move + 1, each)
    hidden = rng.integers(0, hide + 1, each)
    first = rng.integers(0, lines + 1 - hidden, each)
    absent = (source < 0) | (source >= lines) | ((here >= first) & (here < first + hidden))
    return np.where(absent, -1, source)


def augmented(images: NDArray[np.uint8], rows: Integers, columns: Integers) -> NDArray[np.uint8]:
    """The images [sample, row, column] with their lines taken from where `Augmentation.draw` says."""
    sample = np.arange(len(images))[:, None, None]
    there = (rows >= 0)[:, :, None] & (columns >= 0)[:, None, :]
    return np.where(there, images[sample, rows[:, :, None], columns[:, None, :]], 0).astype(np.uint8)
