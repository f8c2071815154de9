"""The encodings that make spikes of images."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from bitspike.errors import InputError
from bitspike.training.encoding import Constant, Deltas, Frames, Lines, Rate, encode, most_spikes


def rounded_half_up(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2))


@pytest.mark.parametrize("steps", [1, 2, 3, 8, 16, 17, 100])
@pytest.mark.parametrize("top", [1, 3, 16])
def test_rate_spreads_the_rounded_number_of_spikes_evenly(steps, top):
    values = np.arange(top + 1, dtype=np.uint8).reshape(1, 1, -1)
    spikes = encode(values, Rate(kind="rate", steps=steps), top)
    assert spikes.dtype == np.uint8
    assert spikes.shape == (1, steps, top + 1)
    so_far = spikes[0].cumsum(axis=0)
    for value in range(top + 1):
        line = [rounded_half_up(Fraction(step * value, top)) for step in range(1, steps + 1)]
        assert so_far[:, value].tolist() == line
    assert so_far[-1].tolist() == [rounded_half_up(Fraction(value * steps, top)) for value in range(top + 1)]
    assert spikes.max() == most_spikes(Rate(kind="rate", steps=steps), top) == 1


def test_rate_has_one_channel_a_pixel_row_by_row():
    images = np.array([[[0, 4], [8, 16]], [[16, 0], [0, 0]]], np.uint8)
    counts = encode(images, Rate(kind="rate", steps=4), 16).sum(axis=1)
    assert counts.tolist() == [[0, 1, 2, 4], [4, 0, 0, 0]]


def test_lines_gives_a_row_and_a_column_a_step_then_rests():
    image = np.array([[[1, 2, 3], [4, 5, 6], [7, 8, 9]]], np.uint8)
    spikes = encode(image, Lines(kind="lines", most=255, rest=2), 9)
    assert spikes.dtype == np.uint8
    assert spikes[0].tolist() == [
        [1, 2, 3, 1, 4, 7],
        [4, 5, 6, 2, 5, 8],
        [7, 8, 9, 3, 6, 9],
        [0] * 6,
        [0] * 6,
    ]


@pytest.mark.parametrize(("most", "greatest"), [(7, 7), (15, 9)])
def test_lines_caps_a_pixel(most, greatest):
    image = np.array([[[9, 7], [8, 2]]], np.uint8)
    lines = Lines(kind="lines", most=most, rest=0)
    spikes = encode(image, lines, 9)
    assert spikes[0, 0].tolist() == [min(v, most) for v in (9, 7, 9, 8)]
    assert spikes.max() == most_spikes(lines, 9) == greatest


def test_constant_gives_every_pixel_its_rounded_share_in_every_step():
    image = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    constant = Constant(kind="constant", steps=3, most=5)
    spikes = encode(image, constant, 255)
    levels = [rounded_half_up(Fraction(value * 5, 255)) for value in range(256)]
    assert spikes.dtype == np.uint8
    assert spikes[0].tolist() == [levels] * 3
    assert spikes.max() == most_spikes(constant, 255) == 5


@pytest.mark.parametrize(
    ("encoding", "shape"),
    [
        (Rate(kind="rate", steps=2), (0, 2, 16)),
        (Constant(kind="constant", steps=2, most=3), (0, 2, 16)),
        (Lines(kind="lines", most=1, rest=1), (0, 5, 8)),
        (Frames(kind="frames", channels=2, most=1, rest=1), (0, 5, 2)),
        (Deltas(kind="deltas", channels=2, change=1, most=1, rest=1), (0, 5, 4)),
    ],
)
def test_no_images_are_no_spikes(encoding, shape):
    assert encode(np.zeros((0, 4, 4), np.uint8), encoding, 255).shape == shape


def test_frames_gives_a_row_a_step_with_its_rounded_levels_then_rests():
    image = np.array([[[0, 17, 255], [128, 127, 26]]], np.uint8)
    frames = Frames(kind="frames", channels=3, most=15, rest=1)
    spikes = encode(image, frames, 255)
    assert spikes.dtype == np.uint8
    assert spikes[0].tolist() == [[0, 1, 15], [8, 7, 2], [0, 0, 0]]
    assert most_spikes(frames, 255) == 15


def test_frames_of_fewer_channels_average_neighbouring_columns():
    image = np.array([[[10, 20, 31, 100, 255]]], np.uint8)  # columns 0 and 1, 2 to 4
    spikes = encode(image, Frames(kind="frames", channels=2, most=255, rest=0), 255)
    assert spikes[0].tolist() == [[15, 129]]  # 128.67, rounded


def test_columns_that_no_number_of_channels_divides_fall_in_nearly_equal_groups():
    image = np.arange(40, dtype=np.uint8).reshape(1, 1, 40)
    spikes = encode(image, Frames(kind="frames", channels=16, most=255, rest=0), 255)
    bounds = [c * 40 // 16 for c in range(17)]
    means = [Fraction(sum(range(a, b)), b - a) for a, b in pairwise(bounds)]
    assert spikes[0, 0].tolist() == [rounded_half_up(mean) for mean in means]


@pytest.mark.parametrize("kind", ["frames", "deltas"])
def test_more_channels_than_columns_are_refused(kind):
    options = {"channels": 4, "most": 1, "rest": 0}
    encoding = Frames(kind=kind, **options) if kind == "frames" else Deltas(kind=kind, change=1, **options)
    with pytest.raises(InputError, match=r"^encoding: channels: found 4; allowed: 1 to 3, the data's columns$"):
        encode(np.zeros((1, 2, 3), np.uint8), encoding, 255)


def test_deltas_spikes_for_rises_and_falls_and_keeps_what_is_left_over():
    image = np.array([[[25, 9], [31, 60], [9, 60], [0, 60]]], np.uint8)
    deltas = Deltas(kind="deltas", channels=2, change=10, most=3, rest=1)
    spikes = encode(image, deltas, 255)
    assert spikes.dtype == np.uint8
    rises_then_falls = [[2, 0, 0, 0], [1, 3, 0, 0], [0, 3, 2, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert spikes[0].tolist() == rises_then_falls  # 60 is reached in two steps, of 3 spikes at the most


@pytest.mark.parametrize(("most", "change", "greatest"), [(3, 10, 3), (200, 10, 25), (5, 255, 1)])
def test_the_most_spikes_of_deltas_are_what_it_allows_and_the_data_can_change(most, change, greatest):
    deltas = Deltas(kind="deltas", channels=1, change=change, most=most, rest=0)
    assert most_spikes(deltas, 255) == greatest
    assert encode(np.array([[[255]]], np.uint8), deltas, 255).max() == greatest
