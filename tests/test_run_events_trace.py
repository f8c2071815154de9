"""What a trace of an event-clocked run keeps besides registers: wire order and dropped spikes."""

import re
from dataclasses import replace

import bitspike as bs
import numpy as np
import pytest
from builders import rewrite
from event_cores import core, run, spike

WEIGHTS = np.zeros((6, 6), int)
WEIGHTS[0, 1:] = 5
NET = core(WEIGHTS, threshold=5, queue={"depth": 3})
TRACE = run(NET, [spike(0), spike(1), spike(0)])


def test_the_wire_order_lists_every_spike_that_left():
    assert TRACE.wire.tolist() == [[0, event, neuron] for event in (0, 2) for neuron in (1, 2, 3, 4, 5)]
    assert TRACE.dropped.tolist() == [6]


def test_a_neuron_that_spikes_often_during_one_event_is_counted():
    net = core([[0, 1], [5, 0]], threshold=[5, 1000])
    trace = run(net, [spike(1)], membrane=[0, 999])
    assert trace.spikes[0].tolist() == [[2, 1]]
    assert [n for _, _, n in trace.wire.tolist()] == [0, 1, 0]


def test_a_trace_that_is_written_and_read_is_the_same(tmp_path):
    TRACE.save(tmp_path / "trace.npz")
    read = bs.load_trace(tmp_path / "trace.npz")
    assert read.wire.tolist() == TRACE.wire.tolist()
    assert read.dropped.tolist() == TRACE.dropped.tolist()
    assert bs.compare(read, TRACE).equal


@pytest.mark.parametrize(
    "change",
    [
        lambda header, arrays: arrays.pop("wire"),
        lambda header, arrays: arrays.pop("dropped"),
        lambda header, arrays: arrays.update(wire=arrays["wire"][:, :2]),
        lambda header, arrays: arrays.update(dropped=np.zeros(2, np.int64)),
        lambda header, arrays: arrays.update(wire=arrays["wire"] + [0, 0, 1]),
        lambda header, arrays: arrays.update(wire=arrays["wire"] - [1, 0, 0]),
    ],
)
def test_a_file_whose_wire_order_fits_nothing_is_refused(tmp_path, change):
    path = tmp_path / "trace.npz"
    TRACE.save(path)
    rewrite(path, change)
    with pytest.raises(bs.FileError, match=rf"^{re.escape(str(path))}: its header is incomplete: "):
        bs.load_trace(path)


def test_engines_compare_equal():
    assert bs.compare(TRACE, run(NET, [spike(0), spike(1), spike(0)], "oracle")).equal


def test_another_wire_order_is_a_difference_though_all_values_are_equal():
    other = TRACE.wire.copy()
    other[[7, 8]] = other[[8, 7]]
    comparison = bs.compare(TRACE, replace(TRACE, wire=other))
    assert str(comparison).startswith(
        "first difference at event 2, layer core, neuron 4, register wire[2] (sample 0): "
        "3 (00000011) against 4 (00000100); 2 values differ; "
    )
    with pytest.raises(bs.MismatchError):
        comparison.check()


def test_a_spike_that_is_missing_on_the_wire_is_a_difference():
    comparison = bs.compare(TRACE, replace(TRACE, wire=TRACE.wire[:-1]))
    assert (
        str(comparison.first)
        == "event 2, layer core, neuron 5, register wire[4] (sample 0): 5 (00000101) against -1 (none)"
    )
    assert comparison.differing == (0,)


def test_a_value_that_differs_is_named_before_the_wire_of_its_event():
    spikes = TRACE.spikes.copy()
    spikes[0, 2, 5] = 0
    other = replace(TRACE, layers={"core": replace(TRACE["core"], spikes=spikes)}, wire=TRACE.wire[:-1])
    assert bs.compare(TRACE, other).first.register == "spikes"


def test_an_earlier_wire_is_named_before_a_later_value():
    spikes, wire = TRACE.spikes.copy(), TRACE.wire.copy()
    spikes[0, 2, 5] = 0
    wire[[0, 1]] = wire[[1, 0]]
    other = replace(TRACE, layers={"core": replace(TRACE["core"], spikes=spikes)}, wire=wire)
    assert bs.compare(TRACE, other).first.register == "wire[0]"


def test_another_count_of_dropped_spikes_is_a_difference():
    comparison = bs.compare(TRACE, replace(TRACE, dropped=TRACE.dropped + 1))
    assert not comparison.equal
    assert "dropped (sample 0) 6 against 7" in str(comparison)


def test_a_trace_without_wire_order_leaves_it_out():
    comparison = bs.compare(TRACE, replace(TRACE, wire=None, dropped=None))
    assert comparison.equal
    assert comparison.left_out == ("wire",)


def test_many_spikes_of_one_event_are_shown_with_all_their_bits():
    spikes = TRACE.spikes.astype(np.uint32)
    spikes[0, 0, 1] = 257
    other = replace(TRACE, layers={"core": replace(TRACE["core"], spikes=spikes)})
    assert bs.compare(other, TRACE).first.bits[0].endswith("100000001")
