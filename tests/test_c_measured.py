"""The C of a network is measured: bytes by a compiler, the time of a step by running it; what cannot be is said."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest
from bitspike.exchange import c_measure
from builders import generic, random_generic, random_spikes, random_xylo
from c_programs import needs_gcc
from command_line import bitspike, small, spikes
from invented_chips import random_event, random_events


def cortex_m_is_missing(monkeypatch):
    monkeypatch.setattr(c_measure, "CORTEX_M", ("no-such-gcc",))


@needs_gcc
def test_what_a_compiler_makes_holds_the_tables_and_the_state(monkeypatch):
    cortex_m_is_missing(monkeypatch)
    network = random_xylo(0)
    program = bs.measure_c(network)
    (size,) = program.sizes
    assert size.compiler == "gcc"
    assert size.code > 100
    assert program.constants <= size.constants <= program.constants + 256  # the compiler adds a few, and pads
    assert program.state <= size.state <= program.state + 16
    assert (program.times, program.unmeasured) == (None, ("time of a step: no input is given",))


@needs_gcc
def test_more_weights_are_more_bytes_and_longer_steps(monkeypatch):
    cortex_m_is_missing(monkeypatch)
    rng = np.random.default_rng(0)
    measured = []
    for inputs in (8, 512):
        spikes = np.ones((2, 20, inputs), np.uint8)
        measured.append(bs.measure_c(generic(rng.integers(-9, 9, (inputs, 16))), spikes))
    few, many = measured
    assert (few.synapses, many.synapses, few.updates, many.updates) == (8 * 16, 512 * 16, 16, 16)
    assert many.sizes[0].constants - few.sizes[0].constants == 504 * 16
    assert (few.times.steps, many.times.steps) == (40, 40)
    assert many.times.nanoseconds[0] > 10 * few.times.nanoseconds[0] > 0
    for program in measured:
        mean, longest = program.times.nanoseconds
        assert mean <= longest
        if program.times.cycles is not None:
            assert program.times.cycles[1] / program.times.cycles[0] == pytest.approx(longest / mean)


@needs_gcc
def test_an_event_is_timed_with_all_that_follows_it(monkeypatch):
    cortex_m_is_missing(monkeypatch)
    network = random_event(55)
    program = bs.measure_c(network, random_events(network, 55))
    size = network.populations[0].size
    assert (program.unit, program.times.steps) == ("event", len(random_events(network, 55)))
    assert (program.synapses, program.updates) == (size, size)
    assert program.unmeasured == ()


@needs_gcc
def test_a_step_that_is_refused_is_not_timed(monkeypatch):
    cortex_m_is_missing(monkeypatch)
    network = random_generic(0, "refuse")
    program = bs.measure_c(network, random_spikes(network, 0, steps=60))
    assert program.times is None
    assert program.unmeasured == ("./main: ended with 8: a step was refused",)
    assert len(program.sizes) == 1


def test_without_a_compiler_bytes_are_counted_from_the_arrays(monkeypatch):
    monkeypatch.setenv("PATH", "")
    program = bs.measure_c(generic(), np.ones((1, 2, 2), np.uint8))
    assert (program.constants, program.synapses, program.updates) == (4, 4, 2)
    spikes, registers, rows = 2 * 2 * 2, 2 * 2 * 2, 2 * 4  # two rows of 8 bits, in and out; of 16 bits; row numbers
    assert program.state == spikes + registers + rows
    assert (program.sizes, program.times) == ((), None)
    assert program.unmeasured == ("found no C compiler for this machine; allowed: gcc, clang, cc",)


@needs_gcc
def test_a_compiler_without_size_is_said_and_time_is_still_measured(monkeypatch, tmp_path):
    cortex_m_is_missing(monkeypatch)
    monkeypatch.setattr(c_measure, "SIZE", "no-such-size")
    program = bs.measure_c(generic(), np.ones((1, 2, 2), np.uint8))
    assert program.unmeasured == ("no-such-size: found no such program",)
    assert program.times.steps == 2


@needs_gcc
def test_an_export_reports_what_was_measured(capsys, tmp_path, monkeypatch):
    cortex_m_is_missing(monkeypatch)
    net, counts = small(tmp_path / "net.npz"), spikes(tmp_path / "in.npy")
    arguments = ("export", net, "--format", "c", "-o", tmp_path / "c", "--data", counts)
    found = json.loads(bitspike(capsys, *arguments, "--json").out)["measured"]
    assert found["constants"] == 4
    assert found["sizes"][0]["code"] > 0
    assert found["times"]["steps"] == 12
    lines = [line.split() for line in bitspike(capsys, *arguments).out.splitlines()]
    assert ["C,", "constants", "4", "bytes"] in lines
    assert any(line[:5] == ["C,", "gcc", "-Os", "code", f"{found['sizes'][0]['code']:,},"] for line in lines)
    assert any(line[:5] == ["C,", "time", "of", "a", "step"] for line in lines)


def test_an_export_without_a_compiler_says_so(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    ran = bitspike(capsys, "export", small(tmp_path / "net.npz"), "--format", "c", "-o", tmp_path / "c")
    assert ran.status == 0
    assert "C, not measured" in ran.out
    assert "found no C compiler for this machine; allowed: gcc, clang, cc" in ran.out


def test_input_that_does_not_fit_is_refused():
    with pytest.raises(bs.InputError, match="found shape"):
        bs.measure_c(generic(), np.ones((1, 2, 3), np.uint8))
