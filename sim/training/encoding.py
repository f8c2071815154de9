"""Encodings: how samples of a data set become input spikes."""

from __future__ import annotations

from typing import Annotated, Literal, assert_never

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..datapath import Model
from ..errors import InputError

Steps = Annotated[int, Field(ge=1, le=10_000)]
Rest = Annotated[int, Field(ge=0, le=10_000, description="silent steps at the end, in which the network finishes")]
Most = Annotated[int, Field(ge=1, le=255, description="the most spikes of a channel in a step")]
Channels = Annotated[int, Field(ge=1, le=1 << 20, description="groups of neighbouring columns, each its rounded mean")]


class Rate(Model):
    """One channel a pixel; a pixel of value v is v * steps / top spikes, rounded (halves up), evenly spread.

    Until step t, that included, it has fired t * v / top times, rounded alike (t counts from 1).
    """

    kind: Literal["rate"]
    steps: Steps


class Constant(Model):
    """One channel a pixel; in every step a pixel of value v is v * most / top spikes, rounded (halves up)."""

    kind: Literal["constant"]
    steps: Steps
    most: Most


class Lines(Model):
    """Step by step the image's rows on one half of the channels and its columns on the other.

    A pixel of value v is v spikes, `most` at the most.
    """

    kind: Literal["lines"]
    most: Most
    rest: Rest


class Frames(Model):
    """A row a step, as the frames of a spectrogram; value v is v * most / top spikes, rounded (halves up)."""

    kind: Literal["frames"]
    channels: Channels
    most: Most
    rest: Rest


class Deltas(Model):
    """A row a step; a spike is a change by `change` from the row before: rises, then as many channels of falls.

    The value followed starts at 0 and moves by `change` a spike; what `most` leaves over waits for later steps.
    """

    kind: Literal["deltas"]
    channels: Channels
    change: Annotated[int, Field(ge=1, le=255, description="in units of the data")]
    most: Most
    rest: Rest


AnyEncoding = Rate | Constant | Lines | Frames | Deltas
Encoding = Annotated[AnyEncoding, Field(discriminator="kind")]


def encode(images: NDArray[np.uint8], encoding: AnyEncoding, top: int) -> NDArray[np.uint8]:
    """Input spikes [sample, step, channel] of images [sample, row, column] with values 0 to `top`.

    Raises InputError where there are fewer columns than channels.
    """
    match encoding:
        case Rate():
            so_far = _level(np.arange(top + 1), np.arange(encoding.steps + 1)[:, None], top)
            return _looked_up(images, np.diff(so_far, axis=0))
        case Constant():
            counts = _level(np.arange(top + 1), encoding.most, top)
            return _looked_up(images, np.broadcast_to(counts, (encoding.steps, top + 1)))
        case Lines():
            lines = np.concatenate([images, images.transpose(0, 2, 1)], axis=2)
            return _rested(np.minimum(lines, encoding.most), encoding.rest)
        case Frames():
            return _rested(_level(_grouped(images, encoding.channels), encoding.most, top), encoding.rest)
        case Deltas():
            return _rested(_changes(_grouped(images, encoding.channels), encoding), encoding.rest)
    assert_never(encoding)


def most_spikes(encoding: AnyEncoding, top: int) -> int:
    """The most spikes that `encode` gives a channel in one step, whatever the image."""
    match encoding:
        case Rate():
            return 1
        case Constant() | Frames():
            return encoding.most
        case Lines():
            return min(encoding.most, top)
        case Deltas():
            return min(encoding.most, top // encoding.change)
    assert_never(encoding)


def _level(values: NDArray[np.int64], most: int | NDArray[np.int64], top: int) -> NDArray[np.int64]:
    """values * most / top, rounded (halves up)."""
    return (2 * values * most + top) // (2 * top)


def _looked_up(images: NDArray[np.uint8], table: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Pixels [sample, row, column] by a table [step, value], as [sample, step, pixel]."""
    pixels = images.reshape(len(images), images.shape[1] * images.shape[2]).astype(np.intp)
    return np.stack([counts.take(pixels) for counts in table.astype(np.uint8)], axis=1)


def _grouped(images: NDArray[np.uint8], channels: int) -> NDArray[np.int64]:
    """[sample, row, channel]: the means of groups of neighbouring columns, rounded (halves up)."""
    columns = images.shape[2]
    if channels > columns:
        raise InputError(f"encoding: channels: found {channels}; allowed: 1 to {columns}, the data's columns")
    bounds: NDArray[np.int64] = np.arange(channels + 1) * columns // channels
    sizes = np.diff(bounds)
    sums: NDArray[np.int64] = np.add.reduceat(images, bounds[:-1], axis=2, dtype=np.int64)
    means: NDArray[np.int64] = (2 * sums + sizes) // (2 * sizes)
    return means


def _changes(frames: NDArray[np.int64], encoding: Deltas) -> NDArray[np.int64]:
    """[sample, row, 2 * channel]: spikes for rises, then for falls."""
    followed = np.zeros_like(frames[:, 0])
    steps = []
    for row in range(frames.shape[1]):
        missing = frames[:, row] - followed
        spikes = np.sign(missing) * np.minimum(abs(missing) // encoding.change, encoding.most)
        followed += spikes * encoding.change
        steps.append(np.concatenate([spikes.clip(min=0), (-spikes).clip(min=0)], axis=1))
    return np.stack(steps, axis=1)


def _rested(counts: NDArray[np.integer], rest: int) -> NDArray[np.uint8]:
    return np.pad(counts.astype(np.uint8), ((0, 0), (0, rest), (0, 0)))
