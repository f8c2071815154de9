"""`bitspike demo`: the whole job, and what it claims."""

from __future__ import annotations

import contextlib
import io
import json
import re
import sys

import bitspike as bs
import pytest
from bitspike.cli import demo as verb
from bitspike.cli import main
from bitspike.training import task
from command_line import HWCONFIGS, bitspike, recipe, refused, train_on_few

proof = pytest.importorskip("bitspike.training.proof")
course = pytest.importorskip("bitspike.training.course")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")

EXACT = re.compile(r"equal|verified|bit-exact")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(autouse=True, scope="module")
def few():
    with pytest.MonkeyPatch.context() as monkeypatch:
        train_on_few(monkeypatch)
        yield


@pytest.fixture(scope="module")
def demo(folder, few):
    """The demonstration, run once: (exit status, stdout, stderr)."""
    file = recipe(folder / "tiny.yaml")
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        status = main(["demo", "--epochs", "1", "--recipe", str(file), "-o", str(folder / "new" / "out")])
    return status, out.getvalue(), err.getvalue()


@pytest.fixture
def out(folder, demo):
    return folder / "new" / "out"


def test_the_demonstration_ends_well_and_says_what_it_does(demo):
    status, _, err = demo
    assert status == 0
    said = [line.split()[0] for line in err.splitlines()]
    assert [word for word in said if word != "warning:"] == ["Training", "Comparing"]


def test_the_summary_holds_the_figures(out):
    summary = json.loads((out / "summary.json").read_text())
    assert {"accuracy", "samples", "samples_bit_exact", "overflows", "silent_neurons", "seconds"} <= set(summary)
    assert summary["samples"] == summary["samples_bit_exact"] == 597
    assert 0 <= summary["accuracy"] <= 1
    assert set(summary["silent_neurons"]) == {"hidden", "output"}
    assert "hidden.membrane" in summary["overflows"]


def test_the_values_compared_are_every_register_and_spike_in_two_comparisons(out):
    summary = json.loads((out / "summary.json").read_text())
    neurons, steps, registers_and_spikes = 6 + 10, 2, 3
    assert summary["values_compared"] == 2 * 597 * steps * neurons * registers_and_spikes


def test_the_accuracy_is_that_of_the_network_written(capsys, out):
    run = json.loads(bitspike(capsys, "run", out / "network.npz", "--data", "digits", "--json").out)
    assert run["accuracy"] == json.loads((out / "summary.json").read_text())["accuracy"]


def test_both_exports_are_the_same_network(out):
    assert bs.read_images(out / "readmemh") == bs.load_network(out / "network.npz")


@pytest.mark.parametrize("picture", ["raster", "membrane", "gradient"])
def test_a_picture_is_drawn(out, picture):
    assert (out / f"{picture}.png").read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_nothing_is_called_exact_without_the_number_of_values_compared(demo, out):
    _, text, err = demo
    claims = [line for line in text.splitlines() if EXACT.search(line)]
    values = json.loads((out / "summary.json").read_text())["values_compared"]
    assert len(claims) == 2
    assert f"597 of 597 ({values:,} values compared)" in claims[0]
    assert re.search(r"equal, [\d,]+ integers compared", claims[1])
    assert not EXACT.search(err)


def test_the_figures_go_to_a_program_as_json(capsys, tmp_path, folder, demo, monkeypatch):
    test_set = task.test_set
    monkeypatch.setattr(task, "test_set", lambda *arguments: test_set(*arguments).first(3))
    monkeypatch.setattr(verb, "_draw", lambda *arguments: None)  # drawn once above
    ran = bitspike(capsys, "demo", "--recipe", folder / "tiny.yaml", "-o", tmp_path, "--json")
    assert ran.status == 0
    assert json.loads(ran.out) == json.loads((tmp_path / "summary.json").read_text())


@pytest.mark.parametrize(
    ("when", "pictures"),
    [
        ('[threshold, "<=", membrane]', {"raster.png", "membrane.png", "gradient.png"}),
        ('[membrane, ">=", 128]', {"raster.png", "membrane.png", "gradient.png"}),
        ('[membrane, ">=", accumulator]', {"raster.png"}),
    ],
)
def test_every_way_to_fire_is_drawn_as_far_as_it_has_a_threshold(capsys, tmp_path, monkeypatch, when, pictures):
    profile = (HWCONFIGS / "generic-w8-v16.yaml").read_text(encoding="utf-8")
    (tmp_path / "my.yaml").write_text(profile.replace('[membrane, ">=", threshold]', when), encoding="utf-8")
    test_set = task.test_set
    monkeypatch.setattr(task, "test_set", lambda *arguments: test_set(*arguments).first(3))
    file = recipe(tmp_path / "tiny.yaml", ("generic-w8-v16", "my.yaml"))
    ran = bitspike(capsys, "demo", "--recipe", file, "-o", tmp_path / "out")
    assert ran.status == 0
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == pictures
    assert ("its membrane is not drawn" in ran.err) == (len(pictures) == 1)


def test_a_single_different_bit_ends_the_demonstration(capsys, tmp_path, folder, demo, monkeypatch):
    real = proof.run

    def off_by_one(network, spikes, **options):
        trace = real(network, spikes[:3], **{**options, "engine": "array"})
        if options.get("engine") == "oracle":
            trace["hidden"].registers["membrane"][2, 1, 3] ^= 1
        return trace

    monkeypatch.setattr(proof, "run", off_by_one)
    monkeypatch.setattr(proof.SpikingNetwork, "trace", lambda model, spikes: real(model.export(), spikes[:3]))
    ran = bitspike(capsys, "demo", "--recipe", folder / "tiny.yaml", "-o", tmp_path)
    assert (ran.status, ran.out) == (1, "")
    assert "first difference at step 1, layer hidden, neuron 3, register membrane (sample 2): " in ran.errors[-1]
    assert "1 values differ" in ran.errors[-1]
    assert list(tmp_path.iterdir()) == []


def test_ctrl_c_keeps_the_network_and_claims_nothing(capsys, tmp_path, folder, demo, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(course.Course, "epoch", interrupted)
    ran = bitspike(capsys, "demo", "--recipe", folder / "tiny.yaml", "-o", tmp_path)
    assert (ran.status, ran.out) == (130, "")
    assert ran.errors[-1] == "interrupted: the best network so far is kept"
    assert [path.name for path in tmp_path.iterdir()] == ["network.npz"]
    assert bs.load_network(tmp_path / "network.npz").task["recipe"] == "tiny"


def test_without_matplotlib_the_demonstration_is_refused_before_the_training(capsys, tmp_path, folder, monkeypatch):
    monkeypatch.delitem(sys.modules, "bitspike.report.figures", raising=False)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    lines = refused(capsys, tmp_path, "demo", "--recipe", recipe(folder / "tiny.yaml"), "-o", tmp_path / "new")
    assert lines == ["training needs the extra 'train' (matplotlib is missing): pip install 'bitspike[train]'"]
