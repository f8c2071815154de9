"""Streams that do not fit the core are refused with the place; streams are written and read."""

import re

import bitspike as bs
import numpy as np
import pytest
from bitspike.errors import FileError, InputError, NetworkError
from bitspike.events import ABSENT, Events, load_events
from builders import rewrite
from event_cores import REFERENCE, core, run, spike, start, virtual

NET = core(np.zeros((5, 5), int))
GOOD = [spike(4), REFERENCE, virtual(0, -8)]


def refused(message, events, net=NET, **options):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        bs.run(net, events, **options)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        (spike(5), "source: found 5; allowed: 0 to 4"),
        (spike(-1), "source: found -1; allowed: 0 to 4"),
        ({"kind": "spike"}, "source: missing; allowed: 0 to 4"),
        ({"kind": "reference_one", "neuron": 300}, "neuron: found 300; allowed: 0 to 4"),
        (virtual(0, 8), "weight_in: found 8; allowed: -8 to 7"),
        ({"kind": "virtual", "neuron": 1}, "weight_in: missing; allowed: -8 to 7"),
        (REFERENCE | {"neuron": 1}, "neuron: not carried by 'reference', which carries nothing"),
        (spike(1) | {"weight_in": 1}, "weight_in: not carried by 'spike', which carries source"),
        (
            {"kind": "spikes", "source": 1},
            "kind: found 'spikes'; allowed: spike, reference, reference_one, virtual. Did you mean 'spike'?",
        ),
    ],
)
def test_an_event_that_the_core_does_not_allow_is_refused_with_its_place(event, message):
    refused(f"event 3: {message}", Events.of([*GOOD, event, spike(99)]))
    refused(f"sample 1, event 3: {message}", [Events.of([*GOOD, spike(0)]), Events.of([*GOOD, event])])


def test_the_first_event_at_fault_is_named():
    refused("event 1: weight_in: found 9; allowed: -8 to 7", Events.of([REFERENCE, virtual(0, 9), spike(5)]))


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ("spike", "found 'spike'; allowed: a mapping with a 'kind'"),
        ({"source": 1}, "kind: found None; allowed: the name of a kind of event"),
        ({"kind": 3}, "kind: found 3; allowed: the name of a kind of event"),
        (spike(1.5), "source: found 1.5; allowed: an integer of 63 bits"),
        (spike(True), "source: found True; allowed: an integer of 63 bits"),
        (spike("1"), "source: found '1'; allowed: an integer of 63 bits"),
        (spike(1 << 63), f"source: found {1 << 63}; allowed: an integer of 63 bits"),
        (spike(ABSENT), f"source: found {ABSENT}; allowed: an integer of 63 bits"),
    ],
)
def test_what_is_no_event_is_refused_when_the_stream_is_made(event, message):
    with pytest.raises(InputError, match=f"^{re.escape('event 1: ' + message)}$"):
        Events.of([spike(0), event])


@pytest.mark.parametrize(
    ("kind", "values", "message"),
    [
        ([0, 1], {}, "event 1: kind: found 1; allowed: 0 to 0"),
        ([-1], {}, "event 0: kind: found -1; allowed: 0 to 0"),
        ([0], {"source": [1, 2]}, "events: source: found 2 values; allowed: 1, one an event"),
        ([0.5], {}, "events: kind: found float64 (1,); allowed: integers [event]"),
        ([[0]], {}, "events: kind: found int64 (1, 1); allowed: integers [event]"),
        ([0], {"source": np.array([1], np.uint64)}, "events: source: found uint64 (1,); allowed: integers [event]"),
    ],
)
def test_arrays_that_are_no_stream_are_refused(kind, values, message):
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        Events(("spike",), kind, values)


def test_a_stream_of_arrays_is_the_stream_of_its_events():
    arrays = Events(("reference", "spike"), [1, 0, 1], {"source": [2, ABSENT, 3]})
    net = core(np.arange(25).reshape(5, 5) % 8, leak=1)
    expected = run(net, [spike(2), REFERENCE, spike(3)])
    assert bs.compare(bs.run(net, arrays, record="all"), expected).equal


def test_samples_of_different_length_are_refused():
    streams = [Events.of(GOOD), Events.of(GOOD[:2])]
    refused("sample 1: found 2 events; allowed: 3, as in sample 0", streams)


@pytest.mark.parametrize("events", [Events.of([]), [], [Events.of([])]])
def test_an_empty_stream_is_refused(events):
    refused("events: found none; at least one sample and one event are needed", events)


def test_spikes_of_a_clocked_network_are_refused():
    refused("events: found ndarray; allowed: Events, or a list of them (samples)", np.zeros((3, 5), np.uint8))
    refused("events: found dict; allowed: Events, or a list of them (samples)", [spike(0)])


def test_an_engine_that_runs_no_events_is_refused():
    refused("engine: found 'array'; allowed with clock: event: compiled, oracle", Events.of(GOOD), engine="array")


def test_a_register_that_does_not_exist_is_not_recorded():
    message = "record: found 'membran'; allowed: membrane, or 'all'. Did you mean 'membrane'?"
    refused(message, Events.of(GOOD), record="membran")


def test_a_state_beyond_its_word_is_refused():
    message = "state: core.membrane: found 0 to 2048; allowed: -2048 to 2047"
    refused(message, Events.of(GOOD), state=start(NET, [0, 0, 0, 0, 2048]))


def test_a_core_is_one_population():
    layer = {"threshold": 1, "leak": 1, "disabled": 0}
    with pytest.raises(NetworkError, match=r"^network: found 2 layers; allowed: 1 with clock: event$"):
        bs.Network(NET.profile, 2, [bs.Population(name, 2, layer) for name in "ab"], [])


def test_a_core_has_as_many_inputs_as_neurons():
    layer = bs.Population("a", 3, {"threshold": 1, "leak": 1, "disabled": 0})
    with pytest.raises(NetworkError, match=r"^inputs: found 2; allowed: 3, a source for each neuron$"):
        bs.Network(NET.profile, 2, [layer], [])


def test_a_stream_that_is_written_and_read_is_the_same(tmp_path):
    events = Events.of(GOOD)
    events.save(tmp_path / "events.npz")
    read = load_events(tmp_path / "events.npz")
    assert read.names == events.names
    assert np.array_equal(read.kind, events.kind)
    assert read.values.keys() == events.values.keys()
    assert all(np.array_equal(read.values[name], column) for name, column in events.values.items())


@pytest.mark.parametrize(
    "change",
    [
        lambda header, arrays: header.update(names=["spike", 3, "virtual"]),
        lambda header, arrays: header.update(names=["spike"]),
        lambda header, arrays: header.pop("names"),
        lambda header, arrays: arrays.pop("kind"),
        lambda header, arrays: arrays.update(other=arrays["kind"]),
        lambda header, arrays: arrays.update({"field-source": arrays["kind"][:1]}),
    ],
)
def test_a_file_that_makes_no_stream_is_refused(tmp_path, change):
    path = tmp_path / "events.npz"
    Events.of(GOOD).save(path)
    rewrite(path, change)
    with pytest.raises(FileError, match=rf"^{re.escape(str(path))}: its header is incomplete: "):
        load_events(path)
