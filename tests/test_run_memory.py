"""Runs in chunks of samples, and traces that stay in a file, have the bits of one run in memory."""

import os

import bitspike as bs
import numpy as np
import pytest
from bitspike import archive
from bitspike.engine import memory
from builders import generic, random_spikes, random_xylo


@pytest.mark.parametrize("engine", ["compiled", "array"])
def test_chunks_and_files_change_no_bit(tmp_path, monkeypatch, engine):
    network = random_xylo(2)
    spikes = random_spikes(network, 2)
    whole = bs.run(network, spikes, record="all", engine=engine)
    monkeypatch.setattr(memory, "CHUNK", 1)
    monkeypatch.setattr(archive, "_MAPPED", 1)
    bs.compare(bs.run(network, spikes, record="all", engine=engine), whole).check()
    streamed = bs.run(network, spikes, record="all", engine=engine, record_to=tmp_path / "t.npz")
    bs.compare(streamed, whole).check()
    bs.compare(bs.load_trace(tmp_path / "t.npz"), whole).check()
    assert os.listdir(tmp_path) == ["t.npz"]


def test_a_trace_that_memory_cannot_hold_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr(memory, "CHUNK", 1)
    monkeypatch.setattr(memory, "available_memory", lambda: 1)
    memory._FREE.clear()  # blocks of earlier runs are room, too
    with pytest.raises(bs.InputError, match=r"record: found a trace of 2 bytes; allowed: 1 that are free.*record_to="):
        bs.run(generic(), [[1, 1]])


@pytest.mark.parametrize("threads", [0, True, 1.5])
def test_threads_are_a_number(threads):
    with pytest.raises(bs.InputError, match=r"threads: found .*; allowed: None, or 1 or more"):
        bs.run(generic(), [[1, 1]], threads=threads)


def test_a_trace_keeps_its_spikes_while_anything_refers_to_them(monkeypatch):
    monkeypatch.setattr(memory, "_LARGE", 1)
    network = random_xylo(2)
    first, second = random_spikes(network, 2), random_spikes(network, 3)
    kept = {name: bs.run(network, first)[name].spikes[1:, 3:] for name in [p.name for p in network.populations]}
    expected = {name: spikes.copy() for name, spikes in kept.items()}
    bs.run(network, second)
    bs.run(network, second)
    for name, spikes in kept.items():
        np.testing.assert_array_equal(spikes, expected[name])


def test_the_memory_of_a_trace_that_nobody_has_is_used_again(monkeypatch):
    monkeypatch.setattr(memory, "_LARGE", 1)
    memory._FREE.clear()
    first = memory.empty((3, 5), np.dtype("uint8"))
    where = first.ctypes.data
    del first
    assert memory.empty((7, 2), np.dtype("uint8")).ctypes.data == where


@pytest.mark.parametrize("size", [1, 1000, memory._LARGE + 5])
def test_an_array_begins_with_a_cache_line(size):
    arrays = [memory.empty((size,), np.dtype("uint8")) for _ in range(3)]
    assert {array.ctypes.data % memory.CACHE_LINE for array in arrays} == {0}


def test_no_more_than_a_bound_waits_to_be_used_again(monkeypatch):
    monkeypatch.setattr(memory, "_LARGE", 1)
    around = memory.SLACK + memory.CACHE_LINE
    monkeypatch.setattr(memory, "MOST_KEPT", around + 10)
    memory._FREE.clear()
    arrays = [memory.empty((6,), np.dtype("uint8")) for _ in range(3)]
    arrays.clear()
    assert [len(block) for block in memory._FREE.values()] == [around + 6]
