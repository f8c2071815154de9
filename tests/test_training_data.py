"""Data sets, the encodings that make spikes of images, and the readouts that make classes of spikes."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from bitspike.errors import InputError
from bitspike.training import data as sets
from bitspike.training.data import Code, Lines, PerClass, Rate, encode, load_data, most_spikes, predict, readout_matrix

pytest.importorskip("torch")
pytest.importorskip("sklearn")


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
    with pytest.raises(InputError, match=r"^data: found 'digit'; allowed: digits$"):
        load_data("digit")


def test_a_missing_scikit_learn_is_said_with_its_remedy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "sklearn.datasets", None)
    with pytest.raises(InputError, match=r"scikit-learn: pip install 'bitspike\[train\]'$"):
        load_data("digits")


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


def test_per_class_reads_one_output_a_class_and_ignores_the_rest():
    matrix = readout_matrix(PerClass(kind="per_class"), 4, 3)
    assert matrix.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    with pytest.raises(InputError, match=r"^readout: 2 outputs for 3 classes; allowed: one a class, or kind: code$"):
        readout_matrix(PerClass(kind="per_class"), 2, 3)


def code(*words):
    return Code(kind="code", words=words)


def test_a_code_reads_the_outputs_of_each_word():
    assert readout_matrix(code("110", "011"), 3, 2).tolist() == [[1, 0], [1, 1], [0, 1]]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("110", "011"), "readout: 2 different words; allowed: 3, one a class"),
        (("110", "011", "101", "110"), "readout: 3 different words; allowed: 3, one a class"),
        (("110", "011", "110"), "readout: 2 different words; allowed: 3, one a class"),
        (("110", "011", "1010"), "readout: found 1010; allowed: 3 bits, 2 of them 1"),
        (("110", "011", "111"), "readout: found 111; allowed: 3 bits, 2 of them 1"),
        (("000", "011", "101"), "readout: found 000; allowed: 3 bits, 1 of them 1"),
    ],
)
def test_words_of_the_wrong_number_length_or_weight_are_refused(words, message):
    with pytest.raises(InputError) as error:
        readout_matrix(code(*words), 3, 3)
    assert str(error.value) == message


def test_the_class_with_most_spikes_wins_and_the_first_of_equals():
    spikes = np.zeros((3, 4, 3), np.uint8)
    spikes[0, :, 2] = 1
    spikes[1, 0] = [0, 200, 200]
    spikes[1, 1] = [0, 100, 0]
    assert predict(spikes, PerClass(kind="per_class"), 3).tolist() == [2, 1, 0]
    assert predict(spikes, code("110", "011"), 2).tolist() == [1, 1, 0]


def test_accuracy_is_the_share_of_right_classes_of_the_samples_taken():
    readout = PerClass(kind="per_class")
    test = sets.TestSet(np.zeros((4, 1, 2), np.uint8), np.array([0, 1, 1, 0]), readout, 2)
    spikes = np.array([[[1, 0]], [[0, 1]], [[1, 0]], [[0, 1]]])
    assert test.accuracy(spikes) == 0.5
    assert test.first(2).accuracy(spikes[:2]) == 1.0
    assert len(test.first(2).spikes) == 2


def test_a_test_set_is_encoded_as_the_task_says():
    task = {
        "data": "digits",
        "encoding": {"kind": "lines", "most": 15, "rest": 4},
        "readout": {"kind": "per_class"},
        "recipe": "x",
    }
    test = sets.test_set(task, "digits")
    assert np.array_equal(test.spikes, encode(load_data("digits").test, Lines(kind="lines", most=15, rest=4), 16))
    assert (test.spikes.shape, test.classes) == ((597, 12, 16), 10)


@pytest.mark.parametrize("task", [{}, {"data": "digits"}, {"encoding": {"kind": "lines"}}])
def test_a_network_that_does_not_say_how_it_takes_data_is_refused(task):
    with pytest.raises(InputError, match=r"does not say how 'digits' is encoded; give spikes as .npy$"):
        sets.test_set(task, "digits")


def test_every_data_set_that_is_offered_loads():
    for name in sets.DATA_SETS:
        data = load_data(name)
        assert max(data.train.max(), data.test.max()) <= data.top
        assert data.train_labels.max() < data.classes
