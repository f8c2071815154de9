"""`bitspike train`: training, Ctrl-C, progress, and what is refused before it starts."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import bitspike as bs
import numpy as np
import pytest
from command_line import HWCONFIGS, beside_compiling, beside_findings, bitspike, contents, recipe, refused, train_on_few

loop = pytest.importorskip("bitspike.training.loop")
course = pytest.importorskip("bitspike.training.course")
pytest.importorskip("sklearn")


EPOCHS = {"epochs", "best_epoch", "validation_accuracy"}


@pytest.fixture(autouse=True)
def few(monkeypatch):
    train_on_few(monkeypatch)


@pytest.fixture
def tiny(tmp_path):
    return recipe(tmp_path / "tiny.yaml")


@pytest.fixture
def net(tmp_path):
    return tmp_path / "net.npz"


def interrupt_at(monkeypatch, epoch, losses=(1.0,)):
    """Ctrl-C in an epoch, after its weights have moved, and these losses before; the network after each epoch."""
    real, networks = course.Course.epoch, []

    def epoch_of(self, model, *arguments):
        done = real(self, model, *arguments)
        networks.append(model.export())
        if done.number == epoch:
            raise KeyboardInterrupt
        return replace(done, loss=losses[done.number - 1])

    monkeypatch.setattr(course.Course, "epoch", epoch_of)
    return networks


def test_train_writes_a_network_and_tells_its_accuracy(capsys, tmp_path, tiny, net):
    ran = bitspike(capsys, "train", tiny, "-o", net, "--json")
    result = json.loads(ran.out)
    assert (ran.status, beside_findings(ran.errors)) == (0, [])
    told = {"overflows", "silent_neurons", "findings", "registers", *EPOCHS}
    assert set(result) == {"output", "accuracy", "samples", "seconds", *told}
    assert (result["output"], result["samples"], result["epochs"]) == (str(net), 597, 1)
    assert bs.load_network(net).task["recipe"] == "tiny"
    assert set(contents(tmp_path)) == {str(tiny), str(net)}
    run = json.loads(bitspike(capsys, "run", net, "--data", "digits", "--json").out)
    assert run["accuracy"] == result["accuracy"]


def test_the_result_is_a_line_and_what_a_user_should_know_goes_to_stderr(capsys, tmp_path, net):
    silent = recipe(tmp_path / "silent.yaml", ("threshold: 128", "threshold: 32767"))
    ran = bitspike(capsys, "train", silent, "-o", net)
    assert ran.status == 0
    accuracy, _, samples = ran.out.removeprefix(f"{net}: test accuracy ").partition(" on ")
    assert (accuracy[-1], samples) == ("%", "597 samples\n")
    never = "layer hidden: 6 of 6 neurons (100%) never spike, for any input of at most 1 a channel and step"
    assert [line.startswith("warning: epoch 1:") for line in ran.errors if never in line] == [True, False]


def test_equal_seeds_give_equal_integers(capsys, tmp_path, tiny):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        bitspike(capsys, "train", tiny, "-o", tmp_path / name, "--seed", seed)
    a, b, c = (bs.load_network(tmp_path / name) for name in "abc")
    assert a == b
    assert a != c


def test_epochs_may_be_set_on_the_command_line(capsys, tiny, net):
    assert json.loads(bitspike(capsys, "train", tiny, "-o", net, "--epochs", 2, "--json").out)["epochs"] == 2


def test_a_shipped_recipe_is_found_by_its_name(capsys, net, monkeypatch):
    monkeypatch.setattr(course.Course, "epoch", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    assert bitspike(capsys, "train", "digits", "-o", net).status == 130
    assert bs.load_network(net).task["recipe"] == "digits"


@pytest.mark.parametrize(("losses", "best"), [((2.0, 1.0), 1), ((1.0, 2.0), 0)])
def test_ctrl_c_keeps_the_best_network_so_far(capsys, tmp_path, net, monkeypatch, losses, best):
    networks = interrupt_at(monkeypatch, 3, losses)
    ran = bitspike(capsys, "train", recipe(tmp_path / "five.yaml", ("epochs: 1", "epochs: 5")), "-o", net, "--json")
    assert (ran.status, beside_findings(ran.errors)) == (
        130,
        ["interrupted: the best network so far is kept; --resume continues"],
    )
    assert json.loads(ran.out)["epochs"] == 2
    assert [bs.load_network(net) == network for network in networks] == [place == best for place in range(3)]


def test_ctrl_c_in_the_first_epoch_keeps_the_network_it_started_from(capsys, tiny, net, monkeypatch):
    networks = interrupt_at(monkeypatch, 1)
    ran = bitspike(capsys, "train", tiny, "-o", net)
    assert (ran.status, ran.errors[0]) == (130, "interrupted: the best network so far is kept")
    kept = bs.load_network(net)
    assert np.any(kept.projections[0].weights)
    assert [kept] != networks


def test_ctrl_c_before_there_is_a_network_writes_nothing(capsys, tmp_path, tiny, net, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(loop, "load_data", interrupted)
    ran = bitspike(capsys, "train", tiny, "-o", net)
    assert (ran.status, ran.out, ran.err) == (130, "", "interrupted\n")
    assert not net.exists()


def test_in_a_pipe_there_is_no_progress_bar_and_no_warning(tmp_path, net):
    loud = recipe(tmp_path / "loud.yaml", ("threshold: 128", "threshold: 0"), ("threshold: 128", "threshold: 0"))
    program = [Path(sys.executable).with_name("bitspike"), "train", loud, "-o", net]
    ran = subprocess.run(program, capture_output=True, text=True, check=False)
    assert (ran.returncode, beside_findings(beside_compiling(ran.stderr).splitlines())) == (0, [])
    assert ran.stdout.startswith(f"{net}: test accuracy ")
    assert ran.stdout.rstrip("\n").isprintable()


def test_on_a_terminal_there_is_a_progress_bar(capsys, tiny, net, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    ran = bitspike(capsys, "train", tiny, "-o", net)
    assert ran.status == 0
    assert "\x1b" not in ran.out
    assert "tiny" in terminal.getvalue()
    assert "1/1" in terminal.getvalue()
    assert "\x1b[" in terminal.getvalue()


def test_an_unknown_recipe_is_refused_with_the_nearest(capsys, tmp_path, net):
    (line,) = refused(capsys, tmp_path, "train", "digit", "-o", net)
    assert line.startswith("recipe: found 'digit'; allowed: digits, ")
    assert line.endswith("or the path of a .yaml file. Did you mean 'digits'?")


def test_a_missing_recipe_is_refused(capsys, tmp_path, net):
    path = tmp_path / "no.yaml"
    assert refused(capsys, tmp_path, "train", path, "-o", net) == [f"{path}: there is no such file"]


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--seed", -1, f"--seed: found -1; allowed: 0 to {2**63 - 1}"),
        ("--seed", 2**63, f"--seed: found {2**63}; allowed: 0 to {2**63 - 1}"),
        ("--epochs", 0, "--epochs: found 0; allowed: 1 or more"),
        ("--validation", 0, "--validation: found 0; allowed: 1 or more"),
        ("--validation", 60, "validation: found 60; allowed: 0 to 59 of the 60 training samples"),
    ],
)
def test_an_option_out_of_range_is_refused(capsys, tmp_path, tiny, net, option, value, message):
    assert refused(capsys, tmp_path, "train", tiny, "-o", net, option, value) == [message]


WORDS = "kind: code, words: [" + ", ".join(f'"{1 << bit:010b}"' for bit in range(9)) + "]"
FAULTS = [
    ("an unknown key", ("batch:", "batsh:"), "22:1: batsh: unknown key; allowed: ", "Did you mean 'batch'?"),
    ("a value of another type", ("epochs: 1", "epochs: one"), "21:9: epochs: found 'one'; allowed: ", ""),
    ("an unknown profile", ("generic-w8-v16", "generic-w8-v61"), "4:10: profile: found 'generic-w8-v61'", "Did you"),
    ("a missing profile", ("generic-w8-v16", "my.yaml"), "4:10: profile: ", "my.yaml: there is no such file"),
    (
        "unknown data",
        ("data: digits", "data: minst"),
        "5:7: data: found 'minst'; allowed: digits",
        "Did you mean 'mnist'",
    ),
    ("an unknown parameter", ("leak: 4", "leek: 4"), "9:5: layers[0]: ", "leek"),
    ("a parameter out of range", ("leak: 4", "leak: 16"), "9:5: layers[0]: ", "found 16; allowed: 0 to 15 (u4)"),
    ("too many neurons", ("size: 6", "size: 1015"), "9:3: layers: limits.neurons: ", "needs 1025; allowed: 1024"),
    ("an unknown layer", ("source: hidden", "source: hiden"), "13:5: connections[1]: found 'hiden'", "'hidden'?"),
    ("an unknown connection", ("via: forward", "via: foward"), "12:5: connections[0]: ", "found 'foward'"),
    ("too many bits", ("weight_bits: 8", "weight_bits: 9"), "14:14: weight_bits: found 9; allowed: ", "2 to 8"),
    ("a bit beyond the word", ("k: 7", "k: 15"), "18:12: gradient.options: ", "found 15; allowed for s16.saturate"),
    ("an unknown option", ("p: 1.0", "q: 1.0"), "18:12: gradient.options: ", "found 'q'; allowed: k, p, dither"),
    ("too few outputs", ("size: 10", "size: 9"), "7:10: readout: ", "9 outputs for 10 classes"),
    ("a discount of 0", ("per_class", "per_class, discount: 0"), "7:38: readout.discount: found 0; ", "at most 1"),
    ("too few words", ("kind: per_class", WORDS), "7:10: readout: ", "9 different words; allowed: 10, one a class"),
]


@pytest.mark.parametrize(("edit", "start", "also"), [fault[1:] for fault in FAULTS], ids=[fault[0] for fault in FAULTS])
def test_a_fault_of_a_recipe_is_placed(capsys, tmp_path, net, edit, start, also):
    file = recipe(tmp_path / "bad.yaml", edit)
    lines = refused(capsys, tmp_path, "train", file, "-o", net)
    assert all(line.startswith(f"{file}:") for line in lines)
    assert any(line.startswith(f"{file}:{start}") and also in line for line in lines)


def test_every_fault_of_a_recipe_is_printed_at_once(capsys, tmp_path, net):
    file = recipe(tmp_path / "bad.yaml", ("epochs: 1", "epochs: 0"), ("gain: 256.0", "gain: -1.0"))
    lines = refused(capsys, tmp_path, "train", file, "-o", net)
    assert [line.removeprefix(f"{file}:").split(": ")[1] for line in lines] == ["gain", "epochs"]


def test_more_inputs_than_the_profile_has_are_refused(capsys, tmp_path, net):
    profile = (HWCONFIGS / "generic-w8-v16.yaml").read_text(encoding="utf-8")
    narrow = profile.replace("forward: 1024", "forward: 63")
    assert narrow != profile
    (tmp_path / "narrow.yaml").write_text(narrow, encoding="utf-8")
    file = recipe(tmp_path / "bad.yaml", ("generic-w8-v16", "narrow.yaml"))
    lines = refused(capsys, tmp_path, "train", file, "-o", net)
    assert all(line.startswith(f"{file}:") for line in lines)
    assert any("64" in line and "63" in line for line in lines)


def test_a_profile_is_looked_for_beside_the_recipe(capsys, tmp_path, net):
    text = (HWCONFIGS / "generic-w8-v16.yaml").read_text(encoding="utf-8")
    (tmp_path / "my.yaml").write_text(text.replace("name: generic-w8-v16", "name: my-chip"), encoding="utf-8")
    file = recipe(tmp_path / "tiny.yaml", ("generic-w8-v16", "my.yaml"))
    assert bitspike(capsys, "train", file, "-o", net).status == 0
    assert bs.load_network(net).profile.name == "my-chip"
