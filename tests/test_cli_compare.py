"""`bitspike compare`, `explain` and `export`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import bitspike as bs
import numpy as np
import pytest
from bitspike.exchange import FORMATS, Format, Option
from builders import generic, rewrite
from command_line import bitspike, refused, small, spikes


@pytest.fixture
def net(tmp_path):
    return small(tmp_path / "net.npz")


@pytest.fixture
def counts(tmp_path):
    return spikes(tmp_path / "in.npy")


@pytest.fixture
def trace(tmp_path, net, counts):
    bs.run(bs.load_network(net), np.load(counts), record="all").save(tmp_path / "a.npz")
    return tmp_path / "a.npz"


@pytest.fixture
def other(tmp_path, trace):
    """The same trace but for one bit of a membrane and one later spike."""
    path = tmp_path / "b.npz"
    path.write_bytes(trace.read_bytes())

    def change(header, arrays):
        arrays["a.membrane"][1, 2, 1] ^= 1
        arrays["a.spikes"][2, 3, 0] ^= 1

    rewrite(path, change)
    return path


def test_equal_traces_say_how_many_values_were_compared(capsys, trace):
    ran = bitspike(capsys, "compare", trace, trace)
    assert (ran.status, ran.out, ran.err) == (0, "equal: 72 values of 3 samples compared\n", "")


def test_a_difference_names_its_place_both_values_and_their_bits(capsys, trace, other):
    value = int(bs.load_trace(trace)["a"].registers["membrane"][1, 2, 1])
    ran = bitspike(capsys, "compare", trace, other)
    assert (ran.status, ran.err) == (1, "")
    assert ran.out == (
        "first difference at step 2, layer a, neuron 1, register membrane (sample 1): "
        f"{value} ({value & 0xFFFF:016b}) against {value ^ 1} ({(value ^ 1) & 0xFFFF:016b}); "
        "2 values differ; 72 values of 3 samples compared\n"
    )


def test_compare_as_json(capsys, trace, other):
    ran = bitspike(capsys, "compare", trace, other, "--json")
    found = json.loads(ran.out)
    assert (ran.status, found["equal"], found["values"], found["different"]) == (1, False, 72, 2)
    assert found["differing"] == [1, 2]
    assert set(found["first"]) == {"step", "layer", "neuron", "register", "sample", "values", "bits", "clock"}
    equal = json.loads(bitspike(capsys, "compare", trace, trace, "--json").out)
    assert (equal["equal"], equal["first"]) == (True, None)


def test_registers_that_only_one_recorded_are_named(capsys, tmp_path, net, counts, trace):
    bs.run(bs.load_network(net), np.load(counts)).save(tmp_path / "spikes.npz")
    ran = bitspike(capsys, "compare", trace, tmp_path / "spikes.npz")
    assert ran.status == 0
    assert ran.out == (
        "equal: 24 values of 3 samples compared; recorded in one only: a.accumulator, a.membrane\n"
    )  # fmt: skip


def test_a_missing_trace_is_refused(capsys, tmp_path, trace):
    path = tmp_path / "no.npz"
    assert refused(capsys, tmp_path, "compare", trace, path) == [f"{path}: no such file"]


def test_a_network_is_no_trace(capsys, tmp_path, net, trace):
    lines = refused(capsys, tmp_path, "compare", trace, net)
    assert lines == [f"{net}: not a bitspike trace file: it says 'bitspike-network'"]


def test_traces_of_other_shapes_are_refused(capsys, tmp_path, net, counts, trace):
    bs.run(bs.load_network(net), np.load(counts)[:2]).save(tmp_path / "short.npz")
    (line,) = refused(capsys, tmp_path, "compare", trace, tmp_path / "short.npz")
    assert line == "layer a, spikes: shapes (3, 4, 2) and (2, 4, 2) cannot be compared"


def test_explain_lists_every_write_in_order(capsys, net, counts):
    place = ["--layer", "a", "--neuron", "1", "--step", "0", "--sample", "1"]
    ran = bitspike(capsys, "explain", net, "--data", counts, *place)
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.splitlines() == [
        "layer a, neuron 1, step 0, sample 1",
        "  accumulator: 0 -> -9 (1111111111110111)  [s16.saturate]  forward: input[0] 3 x -3",
        "  accumulator: -9 -> -2 (1111111111111110)  [s16.saturate]  forward: input[1] 1 x 7",
        "  membrane: 0 -> 0 (0000000000000000)  [s16.saturate]  decay, membrane = 0, leak = 2",
        "  membrane: 0 -> -2 (1111111111111110)  [s16.saturate]  add, membrane = 0, accumulator = -2",
        "  accumulator: -2 -> 0 (0000000000000000)  [s16.saturate]  set",
        "  spikes: 0 -> 0 (00000000)  [u8]  emitted",
    ]


def test_explain_ends_with_what_the_trace_recorded(capsys, net, counts, trace):
    recorded = bs.load_trace(trace)["a"]
    place = ["--layer", "a", "--neuron", "1", "--step", "2", "--sample", "2"]
    writes = json.loads(bitspike(capsys, "explain", net, "--data", counts, *place, "--json").out)
    assert all(set(w) == {"cause", "register", "word", "before", "raw", "after", "effect"} for w in writes)
    last = {write["register"]: write["after"] for write in writes}
    assert last["membrane"] == recorded.registers["membrane"][2, 2, 1]
    assert last["spikes"] == recorded.spikes[2, 2, 1]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--layer", "b", "layer: found 'b'; allowed: a"),
        ("--neuron", "2", "neuron: found 2; allowed: 0 to 1"),
        ("--step", "-1", "step: found -1; allowed: 0 to 3"),
        ("--sample", "3", "sample: found 3; allowed: 0 to 2"),
    ],
)
def test_explain_refuses_a_place_that_is_not_there(capsys, tmp_path, net, counts, option, value, message):
    place = {"--layer": "a", "--neuron": "0", "--step": "0", "--sample": "0", option: value}
    options = [f"{name}={setting}" for name, setting in place.items()]
    assert refused(capsys, tmp_path, "explain", net, "--data", counts, *options) == [message]


FOOTPRINT = [
    "memory, weights 32 bits",
    "memory, neuron parameters 38 bits",
    "memory, registers 64 bits",
    "memory, all 134 bits",
    "neurons, neuron 2 of 1,024 (0.2%)",
    "fan-in, forward 2 of 1,024 (0.2%)",
    "fan-in, recurrent 0 of 1,024 (0.0%)",
    "most sources of a neuron, a 2",
    "most targets of a source, input 2",
    "accumulator, a.accumulator needs s12 (has s16.saturate)",
]


def test_a_folder_of_memory_images_reads_back_as_the_network(capsys, tmp_path, net):
    folder = tmp_path / "new" / "images"
    ran = bitspike(capsys, "export", net, "--format", "readmemh", "-o", folder)
    assert (ran.status, ran.err) == (0, "")
    assert [" ".join(line.split()) for line in ran.out.splitlines() if line.strip()] == [
        f"{folder}: weights-0.accumulator.mem, a.threshold.mem, a.leak.mem, manifest.json",
        "read back: equal, 8 integers compared",
        *FOOTPRINT,
    ]
    assert (folder / "weights-0.accumulator.mem").read_text() == "05\nfd\n02\n07\n"
    assert bs.read_images(folder) == bs.load_network(net)


def test_an_npz_reads_back_as_the_network(capsys, tmp_path, net):
    copy = tmp_path / "copy.npz"
    ran = bitspike(capsys, "export", net, "--format", "npz", "-o", copy)
    assert ran.status == 0
    assert bs.load_network(copy) == bs.load_network(net)


def test_export_as_json(capsys, tmp_path, net):
    ran = bitspike(capsys, "export", net, "--format", "npz", "-o", tmp_path / "copy.npz", "--json")
    found = json.loads(ran.out)
    assert (found["files"], found["values_read_back"]) == (["copy.npz"], 8)
    assert found["footprint"]["memory_bits"] == {"weights": 32, "neuron parameters": 38, "registers": 64, "total": 134}


def test_an_export_with_input_counts_its_synaptic_operations(capsys, tmp_path, net, counts):
    arguments = ("export", net, "--format", "npz", "-o", tmp_path / "copy.npz", "--data", counts)
    ran = bitspike(capsys, *arguments)
    assert "synaptic operations a sample" in ran.out
    ran = bitspike(capsys, *arguments, "--samples", 2, "--json")
    assert len(json.loads(ran.out)["footprint"]["synaptic_operations"]) == 2


def test_an_export_whose_input_cannot_be_read_writes_nothing(capsys, tmp_path, net):
    lines = refused(capsys, tmp_path, "export", net, "--format", "npz", "-o", tmp_path / "c.npz", "--data", "no.npy")
    assert lines == ["no.npy: no such file"]


def test_a_layout_is_chosen_by_name(capsys, tmp_path, net):
    lines = refused(capsys, tmp_path, "export", net, "--format", "readmemh", "--layout", "odin", "-o", tmp_path / "x")
    assert lines == ["layout 'odin': found a network of profile 'generic-w8-v16'; allowed: odin"]
    lines = refused(capsys, tmp_path, "export", net, "--format", "readmemh", "--layout", "odi", "-o", tmp_path / "x")
    assert lines[0].endswith("Did you mean 'odin'?")
    lines = refused(capsys, tmp_path, "export", net, "--format", "npz", "--layout", "odin", "-o", tmp_path / "x")
    assert lines == ["option: found 'layout'; allowed: none, as npz has no options"]


def test_an_export_that_reads_back_differently_ends_with_status_1(capsys, tmp_path, net, monkeypatch):
    other = replace(FORMATS["readmemh"], read=lambda folder: generic(threshold=10))
    monkeypatch.setitem(FORMATS, "readmemh", other)
    ran = bitspike(capsys, "export", net, "--format", "readmemh", "-o", tmp_path / "images")
    assert (ran.status, ran.out) == (1, "")
    assert ran.errors == [f"{tmp_path / 'images'}: what was written does not read back as the same network"]


def test_an_unknown_format_is_refused(capsys, tmp_path, net):
    lines = refused(capsys, tmp_path, "export", net, "--format", "pickle", "-o", tmp_path / "x")
    assert lines == [f"format: found 'pickle'; allowed: {', '.join(FORMATS)}"]


def listing(network, path, order="name"):
    Path(path).write_text(order)
    return [order]


LISTING = Format("listing", "a list", listing, options=(Option("order", "how it is sorted", choices=("name", "size")),))


def test_a_format_brings_its_options(capsys, tmp_path, net, monkeypatch):
    monkeypatch.setitem(FORMATS, "listing", LISTING)
    ran = bitspike(capsys, "export", net, "--format", "listing", "-o", tmp_path / "x", "--order", "size")
    assert (ran.status, ran.out.splitlines()[0]) == (0, f"{tmp_path / 'x'}: size")
    assert "listing: how it is sorted" in bitspike(capsys, "export", "--help").out


def test_an_option_of_another_format_is_refused(capsys, tmp_path, net, monkeypatch):
    monkeypatch.setitem(FORMATS, "listing", LISTING)
    lines = refused(capsys, tmp_path, "export", net, "--format", "npz", "-o", tmp_path / "x", "--order", "size")
    assert lines == ["option: found 'order'; allowed: none, as npz has no options"]
    lines = refused(capsys, tmp_path, "export", net, "--format", "listing", "-o", tmp_path / "x", "--order", "age")
    assert "invalid choice: 'age'" in lines[-1]
