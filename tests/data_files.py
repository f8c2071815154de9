"""Files of the form that data sets have, with few samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SPEAKERS = ("george", "theo", "yweweler")


def mnist(folder: Path, train: int, test: int, **change: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    """Write mnist.npz, arrays replaced, or left out where None; random strokes that a network can tell apart."""
    return _write(folder / "mnist.npz", _images(28, train, test), change)


def spoken_digits(
    folder: Path, train: int = 4, test: int = 2, **change: NDArray[Any] | None
) -> dict[str, NDArray[Any]]:
    """Write fsdd_mel.npz: so many recordings of every speaker for training and for the test."""
    speakers = {"sptr": np.repeat(SPEAKERS, train), "spte": np.repeat(SPEAKERS, test)}
    counts = (len(names) for names in speakers.values())
    return _write(folder / "fsdd_mel.npz", {**_images(40, *counts), **speakers}, change)


def _images(size: int, train: int, test: int) -> dict[str, NDArray[Any]]:
    """Noise, and a bright square at a place that depends on the label."""
    rng = np.random.default_rng(size)
    arrays: dict[str, NDArray[Any]] = {}
    for part, samples in (("tr", train), ("te", test)):
        labels = np.arange(samples) % 10
        images = rng.integers(0, 100, (samples, size, size), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            row, column = divmod(int(label), 4)
            image[8 * row + 2 : 8 * row + 8, 6 * column + 2 : 6 * column + 8] = 255
        arrays |= {f"x{part}": images, f"y{part}": labels.astype(np.uint8)}
    return arrays


def _write(
    path: Path, arrays: dict[str, NDArray[Any]], change: dict[str, NDArray[Any] | None]
) -> dict[str, NDArray[Any]]:
    changed = {key: array for key, array in {**arrays, **change}.items() if array is not None}
    np.savez(path, **changed)
    return changed
