"""Augmentation: what is drawn, what becomes of an image, and that it belongs to the sample."""

from __future__ import annotations

import numpy as np
import pytest
from bitspike.errors import InputError
from bitspike.training.augment import Augmentation, augmented

NOTHING = {"move_rows": 0, "move_columns": 0, "hide_rows": 0, "hide_columns": 0}


def augmentation(**options):
    return Augmentation(**{**NOTHING, **options})


def draw(samples, rows, columns, **options):
    return augmentation(**options).draw(np.random.default_rng(0), samples, rows, columns)


def test_lines_are_taken_from_where_the_draw_says_and_are_0_where_hidden():
    image = np.array([[[1, 2, 3], [4, 5, 6]]], np.uint8)
    moved = augmented(image, np.array([[1, -1]]), np.array([[-1, 0, 1]]))
    assert moved.dtype == np.uint8
    assert moved.tolist() == [[[0, 4, 5], [0, 0, 0]]]


def test_without_moves_and_bands_an_image_stays():
    images = np.random.default_rng(1).integers(0, 256, (5, 4, 6), dtype=np.uint8)
    assert np.array_equal(augmented(images, *draw(5, 4, 6)), images)


def test_every_move_up_to_the_most_is_drawn_equally_often():
    rows, columns = draw(6000, 9, 7, move_rows=2)
    shifts = 4 - rows[:, 4]  # the middle row is never moved beyond the edge
    assert np.array_equal(columns, np.tile(np.arange(7), (6000, 1)))
    assert np.all(abs(np.bincount(shifts + 2, minlength=5) - 1200) < 150)
    for row, shift in zip(rows, shifts, strict=True):
        source = np.arange(9) - shift
        assert np.array_equal(row, np.where((source < 0) | (source > 8), -1, source))


def test_a_band_of_every_width_up_to_the_most_lies_everywhere():
    _, columns = draw(6000, 5, 8, hide_columns=3)
    hidden = columns < 0
    widths = hidden.sum(axis=1)
    assert np.all(abs(np.bincount(widths, minlength=4) - 1500) < 150)
    edges = np.diff(np.pad(hidden, ((0, 0), (1, 1))).astype(int), axis=1)
    assert np.all((edges == 1).sum(axis=1) == (widths > 0))  # one band
    firsts = (edges == 1).argmax(axis=1)[widths == 3]
    assert np.all(np.bincount(firsts, minlength=6) > 150)  # of some 250 each, from 0 to 8 - 3


def test_samples_are_drawn_independently():
    rows, columns = draw(50, 9, 9, move_rows=4, move_columns=4)
    assert len({(*row, *column) for row, column in zip(rows.tolist(), columns.tolist(), strict=True)}) > 20


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"move_rows": 8}, "augment: move_rows: found 8; allowed: 0 to 7, of 8 rows"),
        ({"hide_columns": 6}, "augment: hide_columns: found 6; allowed: 0 to 5, of 6 columns"),
    ],
)
def test_more_lines_than_the_images_have_are_refused(options, message):
    with pytest.raises(InputError) as error:
        augmentation(**options).check(8, 6)
    assert str(error.value) == message


def test_all_lines_but_one_are_allowed():
    augmentation(move_rows=7, hide_rows=7, move_columns=5, hide_columns=5).check(8, 6)
