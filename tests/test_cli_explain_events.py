"""`bitspike explain` of an event-clocked network: a stream of events from a file, and one event of it told."""

from __future__ import annotations

import json

import bitspike as bs
import pytest
from bitspike.events import Events
from command_line import bitspike, refused
from event_cores import REFERENCE, core, spike, virtual

EVENTS = [spike(0), REFERENCE, virtual(1, 3)]
PLACE = ["--layer", "core", "--neuron", "1", "--step", "0"]


@pytest.fixture
def net(tmp_path):
    bs.save_network(core([[0, 5], [4, 0]], threshold=[9, 5], leak=[1, 0]), tmp_path / "net.npz")
    return tmp_path / "net.npz"


@pytest.fixture(params=["csv", "npz"])
def stream(request, tmp_path):
    path = tmp_path / f"events.{request.param}"
    if request.param == "npz":
        Events.of(EVENTS).save(path)
    else:
        path.write_text("kind,source,neuron,weight_in\nspike,0,,\nreference,,,\nvirtual,,1,3\n")
    return path


def test_explain_lists_every_write_of_an_event_and_of_what_follows_it(capsys, net, stream):
    ran = bitspike(capsys, "explain", net, "--data", stream, *PLACE)
    assert (ran.status, ran.err) == (0, "")
    fire = "fire: membrane >= 0 and membrane >= threshold, membrane = 5, threshold = 5"
    assert ran.out.splitlines() == [
        "layer core, neuron 1, event 0, sample 0",
        "  membrane: 0 -> 5 (000000000101)  [s12.saturate]  event 0, spike from 0: crossbar: core[0] 1 x 5",
        f"  membrane: 5 -> 0 (000000000000)  [s12.saturate]  event 0, spike from 0: {fire}",
        "  spikes: 0 -> 1 (00000001)  [u8]  event 0, spike from 0: spiked, left the core, queued",
        "  membrane: 0 -> 0 (000000000000)  [s12.saturate]  event 0, queued spike of 1: crossbar: core[1] 1 x 0",
        "  spikes: 0 -> 1 (00000001)  [u8]  event 0: emitted in all",
    ]


def test_explain_as_json_ends_with_what_a_run_records(capsys, net, stream):
    trace = bs.run(bs.load_network(net), Events.of(EVENTS), record="all")["core"]
    for event in range(3):
        place = ["--layer", "core", "--neuron", "1", "--step", event, "--json"]
        writes = json.loads(bitspike(capsys, "explain", net, "--data", stream, *place).out)
        last = {write["register"]: write["after"] for write in writes}
        assert last["spikes"] == trace.spikes[0, event, 1]
        assert last["membrane"] == trace.registers["membrane"][0, event, 1]


def test_an_event_that_is_not_there_is_refused(capsys, tmp_path, net, stream):
    place = [*PLACE[:-1], "3"]
    message = "step: found 3; allowed: 0 to 2"
    assert refused(capsys, tmp_path, "explain", net, "--data", stream, *place) == [message]


def test_a_loop_that_never_ends_is_refused_and_named(capsys, tmp_path, stream):
    path = tmp_path / "loop.npz"
    bs.save_network(core([[5, 5], [5, 5]], threshold=5, queue={"limit": 40}), path)
    message = "sample 0, event 0: the core is not idle after 40 queued events (queue.limit)"
    assert refused(capsys, tmp_path, "explain", path, "--data", stream, *PLACE) == [message]
