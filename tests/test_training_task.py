"""Readouts, which make classes of spikes, and test sets as a network takes them."""

from __future__ import annotations

import numpy as np
import pytest
from bitspike.errors import InputError
from bitspike.training import task as tasks
from bitspike.training.data import load_data
from bitspike.training.encoding import Lines, encode
from bitspike.training.task import Code, PerClass, decided_after, predict, readout_matrix, step_weights


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


def test_with_a_discount_early_spikes_win_over_more_of_them():
    spikes = np.zeros((2, 4, 3), np.uint8)
    spikes[0, 0, 1], spikes[0, 1:, 2] = 1, 1  # 1 against 7/8
    spikes[1, 0, 1], spikes[1, 1:, 2] = 1, [2, 0, 1]  # 1 against 9/8
    discounted = PerClass(kind="per_class", discount=0.5)
    assert predict(spikes, discounted, 3).tolist() == [1, 2]
    assert predict(spikes, PerClass(kind="per_class"), 3).tolist() == [2, 2]
    assert predict(spikes, Code(kind="code", words=("010", "001"), discount=0.5), 2).tolist() == [0, 1]


def test_a_discount_leaves_the_mean_weight_of_a_step_at_1():
    plain, discounted = PerClass(kind="per_class"), PerClass(kind="per_class", discount=0.5)
    assert step_weights(plain, 3).tolist() == [1, 1, 1]
    assert step_weights(discounted, 3) == pytest.approx([12 / 7, 6 / 7, 3 / 7])


def test_a_sample_is_decided_once_its_class_no_longer_changes():
    spikes = np.zeros((4, 3, 2), np.uint8)
    spikes[0, 2, 1] = 1  # until then the first of equals
    spikes[1, 0, 1] = 1
    spikes[2, :2, 1], spikes[2, 1, 0], spikes[2, 2, 0] = 1, 1, 2
    readout = PerClass(kind="per_class")
    assert decided_after(spikes, readout, 2).tolist() == [3, 1, 3, 1]
    test = tasks.TestSet(spikes, np.zeros(4, np.int64), readout, 2)
    assert test.decided_after(spikes) == 2.0


def test_accuracy_is_the_share_of_right_classes_of_the_samples_taken():
    readout = PerClass(kind="per_class")
    test = tasks.TestSet(np.zeros((4, 1, 2), np.uint8), np.array([0, 1, 1, 0]), readout, 2)
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
    test = tasks.test_set(task, "digits")
    assert np.array_equal(test.spikes, encode(load_data("digits").test, Lines(kind="lines", most=15, rest=4), 16))
    assert (test.spikes.shape, test.classes) == ((597, 12, 16), 10)


@pytest.mark.parametrize("task", [{}, {"data": "digits"}, {"encoding": {"kind": "lines"}}])
def test_a_network_that_does_not_say_how_it_takes_data_is_refused(task):
    with pytest.raises(InputError, match=r"does not say how 'digits' is encoded; give spikes as .npy$"):
        tasks.test_set(task, "digits")
