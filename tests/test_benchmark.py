"""`tools/benchmark.py`, each sub-command end to end with tiny runs, as a user types it."""

import json

import benchmark
import bitspike as bs
import numpy as np
import pytest
from benchmarks import cores, exchange, machine, native, networks, roofline, scaling, training, xylo
from benchmarks.networks import GENERIC

TINY = ("--steps", "3", "--seconds", "0")
KEYS = {"name", "ratio", "figure", "unit", "spread", "others", "ours", "theirs", "threads", "target", "verdict"}
KEYS |= {"refused", "machine"}


def measured(capsys, *arguments):
    """The rows of a run, as JSON."""
    assert benchmark.main([*arguments, *TINY, "--json"]) == 0
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def check(row, *facts):
    """It has every key, and a figure or the reason why it has none."""
    assert set(row) >= KEYS | set(facts), row
    assert (row["figure"] is None) == (row["refused"] is not None)
    assert row["ours"] > 0
    assert row["machine"] == machine.machine()


def test_engine(capsys):
    pytest.importorskip("torch")
    (row,) = measured(capsys, "engine", "--only", "ff saturate 5% B=64 from dense")
    check(row, "rates", "density", "T", "B", "synops/s")
    assert (row["target"], row["T"], row["B"]) == (">= 10", 3, 64)
    assert row["theirs"] > 0


def test_peers_that_are_not_installed_are_said(capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.peers.installed", lambda name: None if name == "snntorch" else "1")
    monkeypatch.setattr("benchmarks.xylo.installed", lambda name: None)
    for only, missing in (("B=64 hot, snntorch", "snntorch"), ("16-63-8 T=30 B=1,", "xylosim")):
        (row,) = measured(capsys, "peers", "--only", only)
        assert row["refused"] == f"{missing} is not installed"
        assert row["figure"] is row["verdict"] is None
        assert set(row) >= KEYS
    assert benchmark.main(["peers", "--only", "16-63-8", *TINY]) == 0
    assert capsys.readouterr().out.count("xylosim is not installed") == 2


def test_peers(capsys):
    (row,) = measured(capsys, "peers", "--only", "64-128-10 20% B=1, thrindex")
    check(row, "rates", "density", "T", "B")
    assert row["theirs"] == 9.7e-6


@pytest.mark.parametrize("only", ["B=1 hot, snntorch", "B=1 hot, spikingjelly"])
@pytest.mark.filterwarnings("ignore")  # theirs
def test_peers_that_are_installed(capsys, only):
    pytest.importorskip(only.split()[-1])
    (row,) = measured(capsys, "peers", "--only", f"ff 5% {only}")
    check(row, "rates", "synops/s")
    assert row["theirs"] > 0


def test_xylosim_computes_the_same_spikes(capsys):
    pytest.importorskip("xylosim")
    rows = measured(capsys, "peers", "--only", "B=1, xylosim")
    assert len(rows) == 2
    for row in rows:
        check(row, "rates", "synops/s")


def test_a_spike_that_xylosim_has_not_is_an_error():
    pytest.importorskip("xylosim")
    network = networks.with_thresholds(xylo.plan(xylo.SHAPES[0]), 2, 0.05)
    dense = networks.spikes(16, 0.05, 1, 60)
    trace, theirs = bs.run(network, dense), xylo.simulated(network, dense[0])
    xylo.check_equal(trace, theirs)
    trace["l0"].spikes[0, 59, 3] ^= 1
    with pytest.raises(AssertionError, match="l0: xylosim's spikes differ"):
        xylo.check_equal(trace, theirs)


@pytest.mark.parametrize(
    ("only", "unit"),
    [
        ("machine's own adds", "x"),
        ("ff B=1024, two threads", "x"),
        ("time over samples", ""),
        ("ff xylo-audio-2", "x"),
        ("odin, neuron updates", "M/s"),
    ],
)
def test_scaling(capsys, only, unit):
    for row in measured(capsys, "scaling", "--only", only):
        if row["refused"] != "one processor":
            check(row)
            assert row["unit"] == unit


def test_a_million_neurons_are_run_in_a_process_of_their_own(capsys, monkeypatch):
    def fewer(command, **options):
        return run([*command, "2000"], **options)

    run = scaling.subprocess.run
    monkeypatch.setattr(scaling.subprocess, "run", fewer)
    (row,) = measured(capsys, "scaling", "--only", "1,000,000")
    check(row, "synops/s", "neurons", "rates") if row["refused"] is None else pytest.fail(row["refused"])
    assert row["neurons"] == 2000
    assert 0 < row["figure"] < 8


def test_what_a_million_neurons_fail_with_is_said(capsys, monkeypatch):
    monkeypatch.setattr(scaling, "__file__", "/nowhere/scaling.py")
    (row,) = measured(capsys, "scaling", "--only", "1,000,000")
    assert "million.py" in row["refused"]


def test_an_exponent_is_that_of_the_power_of_which_times_are():
    sizes = np.array([1, 2, 4, 8])
    assert scaling.slope(sizes, 3 * sizes**2.0) == pytest.approx(2)
    assert scaling.slope(sizes, [5, 5, 5, 5]) == pytest.approx(0)


@pytest.mark.parametrize(("name", "bits"), [(GENERIC, 16), ("xylo-audio-2", 16), ("loihi-lava", 53)])
def test_a_profile_is_as_wide_as_its_widest_register(name, bits):
    assert scaling.widest(networks.profile_of(name)) == bits


@pytest.mark.parametrize("name", list(cores.cores()))
def test_every_event_reaches_every_neuron_of_a_core(name):
    network, events = cores.network(name), cores.stream(500)
    assert set(np.unique(events.kind)) == {0, 1}
    trace = scaling.bs.run(network, events, record=["membrane"])
    assert trace.dropped.sum() == 0  # an open loop queues nothing
    assert 0 < np.mean(trace.spikes != 0) < 0.1


def test_roofline(capsys, monkeypatch):
    monkeypatch.setattr(roofline, "NETWORKS", {"ff": 20})
    rows = measured(capsys, "roofline")
    assert [row["unit"] for row in rows] == ["G adds/s"] * 2 + ["%"] * 4
    for row in rows:
        assert set(row) >= KEYS
        if native.compiler():
            check(row)


def test_no_compiler_is_said(capsys, monkeypatch):
    monkeypatch.setattr(roofline, "kernels", lambda: "no C++ compiler")
    rows = measured(capsys, "roofline")
    assert len(rows) == 7
    assert {row["refused"] for row in rows} == {"no C++ compiler"}


def test_the_kernel_in_cpp_saturates_after_every_event_in_order():
    if isinstance(native.kernels(), str):
        pytest.skip(native.kernels())
    rng = np.random.default_rng(0)
    matrix = rng.integers(-128, 128, (50, 256)).astype(np.int8)
    kernel = roofline.Native.ready(matrix)
    events = networks.raster(50, 0.4, 4, 40)
    start = rng.choice([-32768, -32700, 0, 32700, 32767], 256)
    kernel.sums[:] = start
    assert kernel.accumulate(events) == len(events.index) * 256
    expected, unbounded = start.astype(int), start.astype(int)
    for source in events.index:
        expected = np.clip(expected + matrix[source], -32768, 32767)
        unbounded = unbounded + matrix[source]
    assert np.array_equal(kernel.sums, expected)
    assert not np.array_equal(expected, np.clip(unbounded, -32768, 32767))  # the order mattered


def test_exchange(capsys):
    (row,) = measured(capsys, "exchange", "--only", "generic")
    check(row, "files")
    assert (row["target"], row["unit"]) == ("<= 0.3", "s")
    assert sum(exchange.SIZES["generic-w8-v16"][1:]) == sum(exchange.SIZES["xylo-audio-2"][1:]) == 138


def test_training_that_has_no_peer_is_said(capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.training.installed", lambda name: None if name == "snntorch" else "1")
    for row in measured(capsys, "training"):
        assert row["refused"] == "snntorch is not installed"
        assert row["target"] is None


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(training, "SIZES", (20, 12, 9, 4))
    monkeypatch.setattr(training, "BATCH", 6)
    monkeypatch.setattr(training, "DENSITY", 0.9)


@pytest.mark.usefixtures("small")
@pytest.mark.filterwarnings("ignore")  # Brevitas' and snnTorch's
def test_training(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("snntorch")
    (row,) = measured(capsys, "training", "--only", "T=8")
    check(row, "samples/s", "their samples/s", "matrix products")
    assert row["target"] == ">= 5"
    assert row["theirs"] > 0


@pytest.mark.usefixtures("small")
def test_a_step_of_training_that_is_timed_trains():
    pytest.importorskip("torch")
    step = training.our_step(*training.batch(8))
    losses = [step() for _ in range(60)]
    assert min(losses[-10:]) < losses[0]
    assert 0 < training.share_of_products(step) < 1


def test_a_name_that_no_row_has_is_refused(capsys):
    assert benchmark.main(["engine", "--only", "fast"]) == 2
    assert capsys.readouterr().err == "--only: found 'fast'; allowed: a part of a row's name\n"


@pytest.mark.parametrize("steps", ["0", "-1", "many"])
def test_steps_are_counted_from_one(capsys, steps):
    with pytest.raises(SystemExit) as stopped:
        benchmark.main(["engine", "--steps", steps])
    assert stopped.value.code == 2
    assert "--steps" in capsys.readouterr().err


@pytest.mark.parametrize("command", list(benchmark.COMMANDS))
def test_rows_have_names_of_their_own(command):
    for full in (False, True):
        settings = scaling.Settings(full=full)
        names = [bench.name for bench in benchmark.COMMANDS[command].benches(settings)]
        assert len(set(names)) == len(names) > 0
