"""Recipes: the shipped ones load; whatever is wrong with one is said with its file, line and column."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest
from bitspike.errors import DocumentError
from bitspike.profile import profile_names

pytest.importorskip("torch")
from bitspike.training.data import DATA_SETS
from bitspike.training.recipe import build, load_recipe
from data_files import mnist, spoken_digits

GOOD = """\
schema: 1
name: digits-small
title: A small network
profile: generic-w8-v16
data: digits
encoding: {kind: rate, steps: 8}
readout: {kind: per_class}
layers:
  - {name: hidden, neuron: neuron, size: 12, parameters: {threshold: 512, leak: 4}}
  - {name: output, neuron: neuron, size: 10, parameters: {threshold: 512, leak: 4}}
connections:
  - {source: input, target: hidden, via: forward, synapses: 1, parameters: {}}
  - {source: hidden, target: output, via: forward, synapses: 1, parameters: {}}
weight_bits: 8
gain: 256.0
gradient:
  kind: boolean
  options: {k: 7, p: 1.0, dither: true}
  scale: 1.0
  reset_share: 0.0
epochs: 2
batch: 50
learning_rate: 0.01
logit_scale: 1.0
"""
SHIPPED = [file for file in resources.files("bitspike.models").iterdir() if file.name.endswith(".yaml")]


def written(folder: Path, text: str) -> Path:
    file = folder / "my.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def faults(folder: Path, *edits: tuple[str, str]) -> list[str]:
    """The faults of the good recipe after some edits of its text, without the file's name."""
    text = GOOD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    file = written(folder, text)
    with pytest.raises(DocumentError) as caught:
        load_recipe(file)
    assert all(fault.startswith(f"{file}:") for fault in caught.value.faults)
    return [fault.removeprefix(f"{file}:") for fault in caught.value.faults]


def code(*words: str) -> str:
    return f"readout: {{kind: code, words: [{', '.join(repr(word) for word in words)}]}}"


WORDS = [format(1 << bit, "010b") for bit in range(10)]


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Files of the data sets that are not embedded, with as many samples as recipes keep for validation."""
    folder = tmp_path_factory.mktemp("data")
    mnist(folder, 6001, 1)
    spoken_digits(folder, 101, 1)
    return folder


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_a_shipped_recipe_loads_and_builds(file, data_dir):
    with resources.as_file(file) as path:
        recipe, template = load_recipe(path, data_dir)
    assert recipe.name == path.stem
    assert [population.name for population in template.populations] == [layer.name for layer in recipe.layers]
    assert template.task["recipe"] == recipe.name
    model = build(recipe, template, max_input=16)
    assert model.export().describe() == template.describe()


def test_the_generic_chip_and_xylo_have_a_recipe():
    assert {file.name for file in SHIPPED} >= {"digits-xylo.yaml", "digits.yaml"}


def test_a_recipe_says_what_is_built(tmp_path):
    recipe, template = load_recipe(written(tmp_path, GOOD))
    assert template.inputs == 64
    assert template.profile.name == "generic-w8-v16"
    assert [(p.name, p.size) for p in template.populations] == [("hidden", 12), ("output", 10)]
    assert np.asarray(template.populations[0].parameters["threshold"]).tolist() == [512] * 12
    assert [(p.source, p.target, p.via) for p in template.projections] == [
        ("input", "hidden", "forward"),
        ("hidden", "output", "forward"),
    ]
    assert (recipe.epochs, recipe.batch, recipe.learning_rate) == (2, 50, 0.01)


def test_a_profile_may_lie_beside_the_recipe(tmp_path):
    text = (resources.files("bitspike.hwconfigs") / "generic-w8-v16.yaml").read_text(encoding="utf-8")
    (tmp_path / "chips").mkdir()
    (tmp_path / "chips" / "chip.yaml").write_text(text.replace("name: generic-w8-v16", "name: mine"), encoding="utf-8")
    _, template = load_recipe(written(tmp_path, GOOD.replace("generic-w8-v16", "chips/chip.yaml")))
    assert template.profile.name == "mine"


TWO_OUTPUTS = "  - {source: hidden, target: output, via: forward, synapses: 1, parameters: {}}\n"

ENCODINGS = "rate, constant, lines, frames, deltas"
FAULTS = [
    ("profile: generic-w8-v16", "profile: generic-w8-v61",
     f"4:10: profile: found 'generic-w8-v61'; allowed: {', '.join(profile_names())}, or the path of a .yaml file. "
     "Did you mean 'generic-w8-v16'?"),
    ("data: digits", "data: digit",
     f"5:7: data: found 'digit'; allowed: {', '.join(DATA_SETS)}. Did you mean 'digits'?"),
    ("steps: 8", "steps: 0", "6:31: encoding.steps: found 0; allowed: an integer from 1 to 10000"),
    ("kind: rate", "kind: rat", f"6:18: encoding.kind: found 'rat'; allowed: {ENCODINGS}. Did you mean 'rate'?"),
    ("size: 12", "size: 1025", "9:3: layers: limits.neurons: 'neuron' needs 1035; allowed: 1024"),
    ("size: 12", "size: 0", "9:42: layers[0].size: found 0; allowed: an integer from 1 to 1048576"),
    ("size: 12", "size: 12.0", "9:42: layers[0].size: found 12.0; allowed: an integer from 1 to 1048576"),
    ("neuron: neuron", "neuron: neurn",
     "9:5: layers[0]: layer 'hidden': neuron class: found 'neurn'; allowed: neuron. Did you mean 'neuron'?"),
    ("threshold: 512", "threshold: 32768",
     "9:5: layers[0]: layer 'hidden': threshold: found 32768; allowed: 0 to 32767 (u15)"),
    ("threshold: 512", "threshold: 512.0",
     "9:70: layers[0].parameters.threshold: found 512.0; allowed: an integer"),
    ("leak: 4", "leek: 4",
     "9:5: layers[0]: layer 'hidden': parameter: found 'leek'; allowed: threshold, leak. Did you mean 'leak'?|"
     "9:5: layers[0]: layer 'hidden': parameter 'leak' is missing (u4, 0 to 15)"),
    ("name: output", "name: hidden", "9:3: layers: layer 'hidden': the name is taken"),
    ("via: forward", "via: forwrad",
     "12:5: connections[0]: projection 'input' to 'hidden': connection: found 'forwrad'; allowed: forward. "
     "Did you mean 'forward'?"),
    ("target: output", "target: outptu",
     "13:5: connections[1]: found 'outptu'; allowed: input, hidden, output. Did you mean 'output'?"),
    ("source: hidden", "source: hiden",
     "13:5: connections[1]: found 'hiden'; allowed: input, hidden, output. Did you mean 'hidden'?"),
    ("synapses: 1", "synapses: 2",
     "12:5: connections[0]: projection 'input' to 'hidden': weights have 2 synapses; allowed: 1 to 1"),
    ("synapses: 1", "synapses: 1000000", "12:5: connections[0]: found 768,000,000 weights; allowed: 67,108,864"),
    ("parameters: {}", "parameters: {shift: 1}",
     "12:5: connections[0]: projection 'input' to 'hidden': parameter: found 'shift'; allowed: none"),
    (TWO_OUTPUTS, TWO_OUTPUTS + TWO_OUTPUTS.replace("hidden, target: output", "output, target: hidden"),
     "12:3: connections: network: a loop without a delay: hidden -> output -> hidden"),
    ("weight_bits: 8", "weight_bits: 9", "14:14: weight_bits: found 9; allowed: an integer from 2 to 8"),
    ("weight_bits: 8", "weight_bits: 8.0", "14:14: weight_bits: found 8.0; allowed: an integer from 2 to 8"),
    ("gain: 256.0", "gain: 0.0", "15:7: gain: found 0.0; allowed: a number of at most 1000000.0 above 0"),
    ("kind: boolean", "kind: boolaen",
     "17:9: gradient.kind: found 'boolaen'; allowed: boolean, float_boolean, trajectory, arctan, fast_sigmoid, "
     "triangle, boxcar. Did you mean 'boolean'?"),
    ("dither: true", "dithr: true",
     "18:12: gradient.options: gradient boolean: option: found 'dithr'; allowed: k, p, dither, sign_bit, clamp, "
     "aligned, top. Did you mean 'dither'?"),
    ("k: 7", "k: 15",
     "18:12: gradient.options: boolean gradient: k: found 15; allowed for s16.saturate: 0 to 14"),
    ("k: 7, p: 1.0, dither: true", "k: 10, aligned: true",
     "9:70: layers[0].parameters.threshold: found 512; allowed with aligned: true, k: 10: every 1024, next to it 0 and "
     "1024|10:70: layers[1].parameters.threshold: found 512; allowed with aligned: true, k: 10: every 1024, next to it "
     "0 and 1024"),
    ("kind: boolean\n  options: {k: 7, p: 1.0, dither: true}",
     "kind: float_boolean\n  options: {format: float16, fraction: 15}",
     "18:12: gradient.options: float_boolean gradient: fraction: found 15; allowed for s16.saturate as float16: "
     "0 to 14"),
    ("kind: boolean\n  options: {k: 7, p: 1.0, dither: true}", "kind: trajectory\n  options: {k: 8, steps: 3}",
     "18:12: gradient.options: reset_share: found 0.0; allowed with a trajectory gradient: 1.0, it is simulated"),
    ("k: 7", "k: 7.0", "18:12: gradient.options: boolean gradient: k: found 7.0; allowed: an integer, 0 or more"),
    ("reset_share: 0.0", "reset_share: 1.5", "20:16: gradient.reset_share: found 1.5; allowed: a number from 0 to 1"),
    ("epochs: 2\n", "", "1:1: missing key 'epochs'"),
    ("batch: 50", "bach: 50",
     "1:1: missing key 'batch'|22:1: bach: unknown key; allowed: schema, name, title, profile, data, encoding, "
     "readout, layers, connections, weight_bits, gain, gradient, epochs, batch, learning_rate, logit_scale, "
     "augment, validation, patience, weight_decay, label_smoothing, overflow. Did you mean 'batch'?"),
    ("batch: 50", "batch: 50\nvalidation: 1200",
     "23:13: validation: found 1200; allowed: 0 to 1199 of the 1200 training samples"),
    ("batch: 50", "batch: 50\npatience: 0", "23:11: patience: found 0; allowed: an integer of at least 1"),
    ("batch: 50", "batch: 50\naugment: {move_rows: 8, move_columns: 0, hide_rows: 0, hide_columns: 0}",
     "23:10: augment: move_rows: found 8; allowed: 0 to 7, of 8 rows"),
    ("batch: 50", "batch: 50\naugment: {move_rows: 1}", "|".join(
        f"23:1: augment: missing key '{key}'" for key in ("hide_columns", "hide_rows", "move_columns"))),
    ("readout: {kind: per_class}", code(*WORDS[:9]), "7:10: readout: 9 different words; allowed: 10, one a class"),
    ("readout: {kind: per_class}", code(*WORDS[:9], WORDS[0]),
     "7:10: readout: 9 different words; allowed: 10, one a class"),
    ("readout: {kind: per_class}", code(*WORDS[:9], "1"),
     "7:10: readout: found 1; allowed: 10 bits, 1 of them 1"),
    ("readout: {kind: per_class}", code(*WORDS[:9], "1000000001"),
     "7:10: readout: found 1000000001; allowed: 10 bits, 1 of them 1"),
    ("readout: {kind: per_class}", code("01x"),
     "7:31: readout.words[0]: found '01x'; allowed: text that matches [01]+"),
    ("output, neuron: neuron, size: 10", "output, neuron: neuron, size: 9",
     "7:10: readout: 9 outputs for 10 classes; allowed: one a class, or kind: code"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "expected"), FAULTS, ids=[f"{new[:40]}" for _, new, _ in FAULTS])
def test_a_fault_is_named_with_its_place_what_was_found_and_what_is_allowed(tmp_path, old, new, expected):
    assert faults(tmp_path, (old, new)) == expected.split("|")


def test_faults_of_several_layers_are_found_at_once(tmp_path):
    found = faults(tmp_path, ("threshold: 512", "threshold: -1"), ("leak: 4}}\nconn", "leak: 16}}\nconn"))
    assert [line.split(": ")[0] for line in found] == ["9:5", "10:5"]


def test_weights_narrower_than_weight_bits_are_refused(tmp_path):
    text = (resources.files("bitspike.hwconfigs") / "generic-w8-v16.yaml").read_text(encoding="utf-8")
    (tmp_path / "chip.yaml").write_text(text.replace("{word: s8,", "{word: s4,"), encoding="utf-8")
    found = faults(tmp_path, ("profile: generic-w8-v16", "profile: chip.yaml"))
    assert found == ["14:14: weight_bits: found 8; allowed: 2 to 4 (s4)"]


def test_a_profile_with_faults_names_both_places(tmp_path):
    text = (resources.files("bitspike.hwconfigs") / "generic-w8-v16.yaml").read_text(encoding="utf-8")
    (tmp_path / "chip.yaml").write_text(text.replace("clock: step", "clock: stp"), encoding="utf-8")
    (fault,) = faults(tmp_path, ("profile: generic-w8-v16", "profile: chip.yaml"))
    assert fault.startswith(f"4:10: profile: {tmp_path / 'chip.yaml'}:10:8: clock: found 'stp'; allowed: step")


def test_a_profile_that_is_not_there_is_said(tmp_path):
    (fault,) = faults(tmp_path, ("profile: generic-w8-v16", "profile: no.yaml"))
    assert fault == f"4:10: profile: {tmp_path / 'no.yaml'}: there is no such file"


def test_a_profile_too_wide_to_train_exactly_is_refused(tmp_path):
    text = (resources.files("bitspike.hwconfigs") / "generic-w8-v16.yaml").read_text(encoding="utf-8")
    (tmp_path / "chip.yaml").write_text(text.replace("membrane: s16", "membrane: s60"), encoding="utf-8")
    (fault,) = faults(tmp_path, ("profile: generic-w8-v16", "profile: chip.yaml"))
    assert fault == "4:10: profile: training under generic-w8-v16 can need 60 bits; allowed: 53, all that is exact"


def test_a_recipe_that_is_not_there_is_said(tmp_path):
    with pytest.raises(DocumentError, match="there is no such file"):
        load_recipe(tmp_path / "no.yaml")
