"""`bitspike run`: what it prints and writes, and the input that it refuses."""

from __future__ import annotations

import importlib
import json
import os

import bitspike as bs
import numpy as np
import pytest
from bitspike.training.data import DATA_SETS
from builders import GENERIC, XYLO, edited
from command_line import bitspike, digits, refused, small, spikes
from event_cores import core


@pytest.fixture
def net(tmp_path):
    return small(tmp_path / "net.npz")


@pytest.fixture
def counts(tmp_path):
    return spikes(tmp_path / "in.npy")


def test_run_prints_what_each_layer_did(capsys, net, counts):
    ran = bitspike(capsys, "run", net, "--data", counts)
    trace = bs.run(bs.load_network(net), np.load(counts))
    assert (ran.status, ran.err) == (0, "")
    rows = [line.split() for line in ran.out.splitlines()]
    assert ["a", str(trace.spikes.sum()), f"{trace.spikes.mean():.4f}", "0", "none"] in rows
    assert ran.out.endswith("\n3 samples of 4 steps\n")


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_every_engine_writes_the_trace_that_the_library_computes(capsys, tmp_path, net, counts, engine):
    out = tmp_path / "trace.npz"
    ran = bitspike(capsys, "run", net, "--data", counts, "--record", "all", "--engine", engine, "-o", out)
    assert (ran.status, ran.err) == (0, "")
    expected = bs.run(bs.load_network(net), np.load(counts), record="all")
    comparison = bs.compare(bs.load_trace(out), expected)
    assert (comparison.equal, comparison.left_out, comparison.values) == (True, (), 72)


def test_a_trace_that_memory_cannot_hold_is_streamed_to_its_file(capsys, tmp_path, monkeypatch, net, counts):
    command = importlib.import_module("bitspike.cli.run")
    streamed = []

    def watched(*args, record_to, **options):
        streamed.append(record_to)
        return bs.run(*args, record_to=record_to, **options)

    monkeypatch.setattr(command, "run", watched)
    for name, left in {"held": 1 << 40, "streamed": 1}.items():
        monkeypatch.setattr(command, "available_memory", lambda left=left: left)
        out = tmp_path / f"{name}.npz"
        assert bitspike(capsys, "run", net, "--data", counts, "--record", "all", "-o", out).status == 0
    assert streamed == [None, str(tmp_path / "streamed.npz")]
    bs.compare(*(bs.load_trace(tmp_path / f"{name}.npz") for name in ("streamed", "held"))).check()


def test_only_the_registers_asked_for_are_recorded(capsys, tmp_path, net, counts):
    out = tmp_path / "trace.npz"
    bitspike(capsys, "run", net, "--data", counts, "--record", "membrane", "-o", out)
    assert list(bs.load_trace(out)["a"].registers) == ["membrane"]


def test_run_as_json(capsys, net, counts):
    ran = bitspike(capsys, "run", net, "--data", counts, "--samples", "2", "--json")
    result = json.loads(ran.out)
    assert (ran.status, ran.err) == (0, "")
    assert (result["samples"], result["steps"], set(result)) == (2, 4, {"samples", "steps", "layers"})
    assert set(result["layers"]["a"]) == {"spikes", "rate", "silent", "overflows"}


def test_a_data_set_gives_the_accuracy_and_when_it_is_decided(capsys, tmp_path):
    net = digits(tmp_path / "net.npz")
    result = json.loads(bitspike(capsys, "run", net, "--data", "digits", "--samples", "5", "--json").out)
    assert result["samples"] == 5
    assert 0 <= result["accuracy"] <= 1
    assert 1 <= result["decided_after"] <= result["steps"]
    told = bitspike(capsys, "run", net, "--data", "digits", "--samples", "5").out
    assert f", accuracy {result['accuracy']:.2%}, decided after {result['decided_after']:.1f} steps\n" in told


def test_overflows_are_counted_and_shown(capsys, tmp_path):
    layer = bs.Population("a", 1, {"threshold": 32767, "leak": 15})
    network = bs.Network(bs.load_profile(GENERIC), 1, [layer], [bs.Projection("input", "a", [[-128]], "forward")])
    bs.save_network(network, tmp_path / "net.npz")
    np.save(tmp_path / "in.npy", np.full((1, 3, 1), 255))
    ran = bitspike(capsys, "run", tmp_path / "net.npz", "--data", tmp_path / "in.npy", "--json")
    assert json.loads(ran.out)["layers"]["a"] == {
        "spikes": 0, "rate": 0.0, "silent": 1, "overflows": {"membrane": 2}
    }  # fmt: skip


def test_spikes_of_one_sample_need_no_sample_axis(capsys, net, tmp_path):
    np.save(tmp_path / "in.npy", np.ones((5, 2), np.uint8))
    assert bitspike(capsys, "run", net, "--data", tmp_path / "in.npy").out.endswith("1 sample of 5 steps\n")


def test_a_network_of_the_profile_asked_for_runs(capsys, net, counts):
    assert bitspike(capsys, "run", net, "--data", counts, "--profile", GENERIC).status == 0


def test_a_network_of_another_profile_is_refused(capsys, tmp_path, net, counts):
    (line,) = refused(capsys, tmp_path, "run", net, "--data", counts, "--profile", XYLO)
    assert line.startswith(f"{net}: made for profile '{GENERIC}' (")


def test_a_missing_network_is_refused(capsys, tmp_path, counts):
    path = tmp_path / "no.npz"
    assert refused(capsys, tmp_path, "run", path, "--data", counts) == [f"{path}: no such file"]


def test_a_trace_is_no_network(capsys, tmp_path, net, counts):
    trace = tmp_path / "trace.npz"
    bs.run(bs.load_network(net), np.load(counts)).save(trace)
    for verb in (["run", trace, "--data", counts], ["show", trace], ["export", trace, "--format", "npz", "-o", "x"]):
        lines = refused(capsys, tmp_path, *verb)
        assert lines == [f"{trace}: not a bitspike network file: it says 'bitspike-trace'"]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and no more", b"name: yaml\n", os.urandom(300)])
def test_a_file_that_is_no_network_is_refused(capsys, tmp_path, counts, content):
    path = tmp_path / "net.npz"
    path.write_bytes(content)
    assert refused(capsys, tmp_path, "run", path, "--data", counts) == [f"{path}: damaged, or not an .npz file"]


def test_missing_spikes_are_refused(capsys, tmp_path, net):
    path = tmp_path / "no.npy"
    assert refused(capsys, tmp_path, "run", net, "--data", path) == [f"{path}: no such file"]


NEEDED = "allowed: [sample, step, 2] or [step, 2]"


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 4, 5), np.uint8), f"spikes: found shape (3, 4, 5); {NEEDED}"),
        (np.zeros(2, np.uint8), f"spikes: found shape (2,); {NEEDED}"),
        (np.uint8(1), f"spikes: found shape (); {NEEDED}"),
        (np.zeros((0, 4, 2), np.uint8), "spikes: found shape (0, 4, 2); at least one sample and one step are needed"),
        (np.zeros((3, 4, 2)), "spikes: found float64 values; integers 0 to 255 are needed"),
        (np.full((1, 2, 2), "a"), "spikes: found <U1 values; integers 0 to 255 are needed"),
        (np.full((1, 2, 2), -1), "spikes: sample 0, step 0, input 0: found -1; allowed: 0 to 255"),
        (np.full((1, 2, 2), 256), "spikes: sample 0, step 0, input 0: found 256; allowed: 0 to 255"),
    ],
)
def test_spikes_that_do_not_fit_are_refused(capsys, tmp_path, net, array, message):
    np.save(tmp_path / "in.npy", array)
    assert refused(capsys, tmp_path, "run", net, "--data", tmp_path / "in.npy") == [message]


def test_pickled_spikes_are_never_unpickled(capsys, tmp_path, net):
    path = tmp_path / "in.npy"
    np.save(path, np.array([[{"a": 1}]], object), allow_pickle=True)
    lines = refused(capsys, tmp_path, "run", net, "--data", path)
    assert lines == [f"{path}: damaged, or not an .npy file of integers"]


HUGE = b"\x93NUMPY\x01\x00\x46\x00{'descr': '|u1', 'fortran_order': False, 'shape': (%s,)}"
DAMAGED = {
    "empty": b"",
    "a zip": b"PK\x03\x04 and no more",
    "text": b"1, 2, 3\n",
    "a header cut off": b"\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fort",
    "nested brackets": b"\x93NUMPY\x02\x00\x70\x17\x00\x00" + b"(" * 6000,
    "a negative shape": (HUGE % b"-4").ljust(80),
    "a shape beyond memory": (HUGE % b"9999999999999999").ljust(80),
    "a shape beyond 64 bits": (HUGE % (b"9" * 22)).ljust(80),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_file_of_spikes_is_refused(capsys, tmp_path, net, content):
    path = tmp_path / "in.npy"
    path.write_bytes(content)
    lines = refused(capsys, tmp_path, "run", net, "--data", path)
    assert lines == [f"{path}: damaged, or not an .npy file of integers"]


def test_spikes_that_were_cut_off_are_refused(capsys, tmp_path, net, counts):
    counts.write_bytes(counts.read_bytes()[:-3])
    lines = refused(capsys, tmp_path, "run", net, "--data", counts)
    assert lines == [f"{counts}: damaged, or not an .npy file of integers"]


def test_spikes_beyond_a_sensible_size_are_not_read(capsys, tmp_path, net):
    path = tmp_path / "in.npy"
    with open(path, "wb") as file:
        file.truncate((1 << 32) + 1)  # sparse: it takes no room
    ran = bitspike(capsys, "run", net, "--data", path)
    assert (ran.status, ran.err) == (2, f"{path}: larger than 4,294,967,296 bytes\n")


@pytest.mark.parametrize("samples", [0, -1])
def test_no_samples_are_refused(capsys, tmp_path, net, counts, samples):
    lines = refused(capsys, tmp_path, "run", net, "--data", counts, "--samples", samples)
    assert lines == [f"--samples: found {samples}; allowed: 1 or more"]


def test_an_unknown_data_set_is_refused(capsys, tmp_path):
    net = digits(tmp_path / "net.npz")
    (line,) = refused(capsys, tmp_path, "run", net, "--data", "digit")
    assert line == f"data: found 'digit'; allowed: {', '.join(DATA_SETS)}. Did you mean 'digits'?"


def test_a_network_that_does_not_say_how_data_is_encoded_needs_spikes(capsys, tmp_path, net):
    lines = refused(capsys, tmp_path, "run", net, "--data", "digits")
    assert lines == ["data: the network does not say how 'digits' is encoded; give spikes as .npy"]


def test_an_unknown_register_is_refused_with_the_nearest(capsys, tmp_path, net, counts):
    lines = refused(capsys, tmp_path, "run", net, "--data", counts, "--record", "membran")
    assert lines == ["record: found 'membran'; allowed: accumulator, membrane, or 'all'. Did you mean 'membrane'?"]


def test_a_device_writes_the_trace_that_the_engine_computes(capsys, tmp_path, net, counts):
    pytest.importorskip("torch")
    for name, options in {"engine": [], "device": ["--device", "cpu"]}.items():
        bitspike(capsys, "run", net, "--data", counts, "--record", "all", *options, "-o", tmp_path / f"{name}.npz")
    found, golden = (bs.load_trace(tmp_path / f"{name}.npz") for name in ("device", "engine"))
    bs.compare(found, golden).check()


def test_a_device_that_is_not_there_is_refused(capsys, tmp_path, net, counts):
    pytest.importorskip("torch")
    (line,) = refused(capsys, tmp_path, "run", net, "--data", counts, "--device", "cuda:99")
    assert line.startswith("device: found 'cuda:99'; allowed: cpu")


def test_an_unknown_engine_is_refused(capsys, tmp_path, net, counts):
    lines = refused(capsys, tmp_path, "run", net, "--data", counts, "--engine", "fast")
    assert "invalid choice: 'fast'" in lines[-1]


def test_an_overflow_that_the_profile_refuses_names_its_place(capsys, tmp_path, counts):
    profile = edited(GENERIC, ("neurons.neuron.registers.membrane", "s4.refuse"))
    layer = bs.Population("a", 2, {"threshold": 9, "leak": 2})
    network = bs.Network(profile, 2, [layer], [bs.Projection("input", "a", [[50, 0], [50, 0]], "forward")])
    bs.save_network(network, tmp_path / "net.npz")
    lines = refused(capsys, tmp_path, "run", tmp_path / "net.npz", "--data", counts)
    assert lines == ["sample 0, step 0, layer a, membrane: 150 does not fit s4.refuse, -8 to 7"]


@pytest.fixture
def event_net(tmp_path):
    """A core of five neurons, all of which a spike of neuron 0 makes fire, and whose queue holds two of them."""
    weights = np.zeros((5, 5), int)
    weights[0] = 3
    bs.save_network(core(weights, threshold=[4, 3, 3, 3, 3], queue={"depth": 3}), tmp_path / "core.npz")
    return tmp_path / "core.npz"


@pytest.fixture
def events(tmp_path):
    (tmp_path / "events.csv").write_text("kind,source\nspike,0\nreference,\nspike,1\n")
    return tmp_path / "events.csv"


def test_a_core_runs_a_file_of_events(capsys, event_net, events):
    ran = bitspike(capsys, "run", event_net, "--data", events)
    assert (ran.status, ran.err) == (0, "")
    rows = [line.split() for line in ran.out.splitlines()]
    assert rows[1] == ["layer", "spikes", "per", "neuron", "and", "event", "silent", "neurons", "overflows"]
    assert ["core", "4", f"{4 / 15:.4f}", "1", "none"] in rows
    assert ran.out.endswith("\n1 sample of 3 events, 2 spikes dropped\n")


def test_a_run_of_events_as_json(capsys, event_net, events):
    result = json.loads(bitspike(capsys, "run", event_net, "--data", events, "--json").out)
    assert (result["samples"], result["events"], result["dropped"]) == (1, 3, 2)
    assert set(result) == {"samples", "events", "dropped", "layers"}
    assert result["layers"]["core"]["spikes"] == 4


def test_events_that_the_library_saved_run_too(capsys, tmp_path, event_net, events):
    network = bs.load_network(event_net)
    bs.read_event_file(events, network).save(tmp_path / "events.npz")
    shown = [bitspike(capsys, "run", event_net, "--data", data).out for data in (events, tmp_path / "events.npz")]
    assert shown[0] == shown[1]


def test_traces_of_events_are_compared(capsys, tmp_path, event_net, events):
    for engine in ("compiled", "oracle"):
        out = tmp_path / f"{engine}.npz"
        options = ["--record", "all", "--engine", engine, "-o", out]
        assert bitspike(capsys, "run", event_net, "--data", events, *options).status == 0
    ran = bitspike(capsys, "compare", tmp_path / "compiled.npz", tmp_path / "oracle.npz")
    assert (ran.status, ran.out) == (0, "equal: 30 values of 1 samples compared\n")
    assert list(bs.load_trace(out)["core"].registers) == ["membrane"]


def test_traces_of_other_events_differ_at_the_event(capsys, tmp_path, event_net, events):
    bitspike(capsys, "run", event_net, "--data", events, "-o", tmp_path / "a.npz")
    events.write_text("kind,source\nspike,0\nspike,0\nspike,1\n")
    bitspike(capsys, "run", event_net, "--data", events, "-o", tmp_path / "b.npz")
    ran = bitspike(capsys, "compare", tmp_path / "a.npz", tmp_path / "b.npz")
    assert ran.status == 1
    assert ran.out.startswith("first difference at event 1, layer core, neuron 0, register spikes (sample 0): 0 (")


def test_an_event_at_fault_is_refused_with_file_and_line(capsys, tmp_path, event_net, events):
    events.write_text("kind,source\nspike,0\nspike,5\n")
    lines = refused(capsys, tmp_path, "run", event_net, "--data", events)
    assert lines == [f"{events}:3: source: found 5; allowed: 0 to 4"]


def test_saved_events_at_fault_are_refused_with_their_place(capsys, tmp_path, event_net):
    bs.Events.of([{"kind": "spike", "source": 5}]).save(tmp_path / "events.npz")
    lines = refused(capsys, tmp_path, "run", event_net, "--data", tmp_path / "events.npz")
    assert lines == ["event 0: source: found 5; allowed: 0 to 4"]


@pytest.mark.parametrize("data", ["in.npy", "digits", "events.txt"])
def test_a_core_takes_nothing_but_events(capsys, tmp_path, event_net, data):
    lines = refused(capsys, tmp_path, "run", event_net, "--data", data)
    assert lines == [f"data: found '{data}'; allowed: a .csv or .npz file of events, as 'tinyodin' has clock: event"]


@pytest.mark.parametrize("data", ["events.csv", "events.npz"])
def test_a_clocked_network_takes_no_events(capsys, tmp_path, net, data):
    (line,) = refused(capsys, tmp_path, "run", net, "--data", data)
    allowed = f"a data set ({', '.join(DATA_SETS)}) or an .npy file, as 'generic-w8-v16' has clock: step"
    assert line == f"data: found '{data}'; allowed: {allowed}"


def test_an_engine_that_runs_no_events_is_refused(capsys, tmp_path, event_net, events):
    lines = refused(capsys, tmp_path, "run", event_net, "--data", events, "--engine", "array")
    assert lines == ["engine: found 'array'; allowed with clock: event: compiled, oracle"]


def test_an_unknown_register_of_a_core_is_refused(capsys, tmp_path, event_net, events):
    lines = refused(capsys, tmp_path, "run", event_net, "--data", events, "--record", "membran")
    assert lines == ["record: found 'membran'; allowed: membrane, or 'all'. Did you mean 'membrane'?"]
