"""Runs in chunks of samples, and traces that stay in a file, have the bits of one run in memory."""

import os
import sys

import bitspike as bs
import numpy as np
import pytest
from bitspike import archive
from bitspike.engine import memory
from builders import GENERIC, edited, generic, random_spikes, random_xylo


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


def test_samples_run_in_equal_parts_of_the_memory_that_they_need(monkeypatch):
    monkeypatch.setattr(memory, "CHUNK", 50)
    assert memory.chunks(16, 10) == [slice(0, 4), slice(4, 8), slice(8, 12), slice(12, 16)]  # not 5, 5, 5 and 1
    assert memory.chunks(5, 10) == [slice(0, 5)]
    assert memory.chunks(3, 51) == [slice(0, 1), slice(1, 2), slice(2, 3)]


def test_only_a_run_that_makes_arrays_of_its_own_is_cut(monkeypatch, tmp_path):
    run = sys.modules["bitspike.engine.run"]  # the package has a function of this name
    parts, simulate = [], run._simulate
    monkeypatch.setattr(
        run, "_simulate", lambda job, counts, *more: parts.append(len(counts)) or simulate(job, counts, *more)
    )
    network, spikes = generic([[5] * 8]), np.ones((6, 5, 1), np.uint8)
    later = generic([[5] * 8], profile=edited(GENERIC, ("connections.forward.timing", "next_step")))
    monkeypatch.setattr(memory, "CHUNK", 6)
    for given in (spikes, bs.Raster.of(spikes)):
        parts.clear()
        bs.run(network, given)
        assert parts == [6]
    packed = bs.Raster.of_bits(np.packbits(spikes, axis=2), 1)
    own = {"engine": "array"}, {"record_to": tmp_path / "t.npz"}, {}, {}
    for net, given, options in zip(
        (network, network, network, later), (spikes, spikes, packed, spikes), own, strict=True
    ):
        parts.clear()
        bs.run(net, given, **options)
        assert parts == [1] * 6


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
