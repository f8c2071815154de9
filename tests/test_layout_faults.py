"""Layouts that cannot be written: every fault at its line and column, in one round."""

from __future__ import annotations

import json

import bitspike as bs
import pytest
import yaml
from bitspike.exchange.layout import load_layout
from command_line import HWCONFIGS, bitspike

LAYOUT = """\
schema: 1
name: mine
title: Mine
source: me
profiles: [tinyodin]
memories:
  neurons:
    file: neurons.mem
    radix: hex
    axes: {neuron: 16}
    word: 32
    fields:
      disable: {value: "neuron.disabled[neuron]", word: u1, at: 31}
      leak: {value: "neuron.leak[neuron]", word: u7, at: 24}
      threshold: {value: "neuron.threshold[neuron]", word: u12, at: 12}
  synapses:
    file: synapses.mem
    radix: hex
    axes: {pre: 16, post: 16}
    word: 32
    pack: {entries: 8, first: least}
    fields:
      weight: {value: "crossbar.weight[pre, post]", word: s4, at: 0}
"""


def layout(folder, *edits):
    text = LAYOUT
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "mine.yaml").write_text(text)
    return folder / "mine.yaml"


def refused(folder, *edits):
    with pytest.raises(bs.DocumentError) as caught:
        load_layout(layout(folder, *edits))
    return [fault.removeprefix(f"{folder}/mine.yaml:") for fault in caught.value.faults]


@pytest.mark.parametrize("name", bs.layout_names())
def test_every_shipped_layout_has_its_name_and_no_fault(name):
    assert load_layout(name).name == name


def test_the_schema_of_layouts_allows_what_is_shipped_and_no_more(tmp_path):
    jsonschema = pytest.importorskip("jsonschema")
    folder = HWCONFIGS / "layouts"
    validator = jsonschema.Draft202012Validator(json.loads((folder / "layout.schema.json").read_text(encoding="utf-8")))
    for name in bs.layout_names():
        assert validator.is_valid(yaml.safe_load((folder / f"{name}.yaml").read_text(encoding="utf-8")))
    for edit in (
        ("radix: hex", "radix: octal"),
        ("word: u7", "word: u99"),
        ("title:", "titel:"),
        ("pre: 16", "pre: 0"),
    ):
        assert not validator.is_valid(yaml.safe_load(layout(tmp_path, edit).read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("at: 24}", "at: 23}", "15:69: {thr}.at: found bits 23 to 12; allowed: bits that 'leak' does not have"),
        ("at: 31}", "at: 32}", "13:65: {dis}.at: found bits 32 to 32; allowed: 31 to 0, the bits of an entry"),
        (
            "word: u12, at: 12",
            "word: u21, at: 12",
            "15:69: {thr}.at: found bits 32 to 12; allowed: 31 to 0, the bits of",
        ),
        (
            "word: s4, at: 0",
            "word: s5, at: 0",
            "23:67: memories.synapses.fields.weight.at: found bits 4 to 0; allowed: 3",
        ),
        (
            "neuron.leak[",
            "neuron.leek[",
            "14:21: {leak}.value: found 'neuron.leek'; allowed: threshold, leak, disabled, me",
        ),
        (
            "neuron.leak[",
            "neurn.leak[",
            "14:21: {leak}.value: found 'neurn'; allowed: neuron, crossbar, value. Did you",
        ),
        (
            "leak[neuron]",
            "leak[neurons]",
            "14:21: {leak}.value: found 'neurons'; allowed: neuron. Did you mean 'neuron'?",
        ),
        ("leak[neuron]", "leak", "14:21: {leak}.value: found 0 axes; allowed: 1 for 'neuron.leak'"),
        (
            "pre, post]",
            "pre, pre]",
            "23:23: memories.synapses.fields.weight.value: found an axis twice; allowed: 2 for",
        ),
        ("word: u7", "word: u99", "14:50: {leak}.word: found 'u99'; allowed: a word of 1 to 63 bits"),
        ("word: u7", "word: i7", "14:50: {leak}.word: found 'i7'; allowed: a word of 1 to 63 bits such"),
        ("at: 24}", "at: 24, absent: 128}", "14:70: {leak}.absent: found 128; allowed: 0 to 127 (u7)"),
        (
            "at: 24}",
            "at: 24, lanes: {axis: neuron, size: 2, first: least}}",
            "14:76: {leak}.lanes.axis: found 'neuron'; ",
        ),
        ("radix: hex", "radix: octal", "9:12: memories.neurons.radix: found 'octal'; allowed: hex, binary"),
        (
            "file: synapses.mem",
            "file: neurons.mem",
            "17:11: memories.synapses.file: found 'neurons.mem'; allowed: a name o",
        ),
        (
            "file: synapses.mem",
            "file: manifest.json",
            "17:11: memories.synapses.file: found 'manifest.json'; allowed: a n",
        ),
        (
            "file: synapses.mem",
            "file: ../x.mem",
            "17:11: memories.synapses.file: found '../x.mem'; allowed: text that mat",
        ),
        (
            "entries: 8",
            "entries: 5",
            "21:21: memories.synapses.pack.entries: found 5; allowed: a divisor of the 32 bits",
        ),
        (
            "axes: {pre: 16",
            "axes: {pre: 0",
            "19:17: memories.synapses.axes.pre: found 0; allowed: an integer of 1 or more",
        ),
        (
            "axes: {pre: 16",
            "axes: {x: all, pre: 16",
            "19:15: memories.synapses.axes.x: found 'all'; allowed: a number, as ",
        ),
        (
            "[tinyodin]",
            "[tinyodn]",
            "5:12: profiles[0]: found 'tinyodn'; allowed: generic-conv-w8-v16, generic-w4-v12, generic-w8-v16, ",
        ),
        (
            "    word: 32\n    pack",
            "    pack",
            "16:3: memories.synapses: missing key 'word', the bits of a line, as fields",
        ),
        (", at: 24", "", "14:7: {leak}: missing key 'at', which other fields have"),
        ("title: Mine", "titel: Mine", "3:1: titel: unknown key; allowed: "),
    ],
)
def test_a_fault_is_named_at_its_place(tmp_path, old, new, fault):
    places = {name: f"memories.neurons.fields.{key}" for name, key in (("dis", "disable"), ("thr", "threshold"))}
    expected = fault.format(leak="memories.neurons.fields.leak", **places)
    found = refused(tmp_path, (old, new))
    assert [line for line in found if line.startswith(expected)], found


def test_every_fault_is_found_in_one_round(tmp_path):
    found = refused(tmp_path, ("at: 24}", "at: 23}"), ("neuron.leak[", "neuron.leek["), ("hex", "hax"))
    assert [line.split(": ")[0] for line in found] == ["9:12", "14:21", "15:69"]


def test_the_guides_layout_is_one(tmp_path):
    guide = (HWCONFIGS / "layouts" / "README.md").read_text(encoding="utf-8")
    (tmp_path / "mychip.yaml").write_text(guide.split("```yaml\n")[1].split("```")[0])
    assert set(load_layout(tmp_path / "mychip.yaml").files) == {"synapses", "neurons", "registers"}


def test_an_unknown_layout_is_refused_with_the_nearest():
    with pytest.raises(bs.DocumentError, match=r"^layout: found 'odn'; allowed: .*loihi, .* Did you mean 'odin'\?$"):
        load_layout("odn")


def test_the_command_line_checks_a_layout(capsys, tmp_path):
    ran = bitspike(capsys, "check", layout(tmp_path))
    assert (ran.status, ran.out) == (0, f"{tmp_path / 'mine.yaml'}: no faults, no warnings\n")
    ran = bitspike(capsys, "check", layout(tmp_path, ("neuron.leak[", "neuron.leek[")))
    assert (ran.status, len(ran.errors)) == (2, 1)
    assert ran.errors[0].startswith(f"{tmp_path / 'mine.yaml'}:14:21: memories.neurons.fields.leak.value: found")


def test_words_of_fields_that_follow_each_other_fill_the_word(tmp_path):
    text = LAYOUT.replace(", at: 31", "").replace(", at: 24", "").replace(", at: 12", "")
    (tmp_path / "mine.yaml").write_text(text)
    with pytest.raises(
        bs.DocumentError, match=r"11:11: memories\.neurons\.word: found 32 bits an entry; allowed: 20, those"
    ):
        load_layout(tmp_path / "mine.yaml")
