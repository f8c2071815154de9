"""Faults of how spikes arrive: sums, caps, delays, kernels, and parameters of sources and synapses."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_profiles import accepted, refusals

CAP = "allowed: an integer from 1 to 255, none (graded spikes) or nonzero (any spike acts as one)"
TAKEN = "names a register or parameter of the target, or a value of the profile; choose another name"


BAD = [
    ("fit_per: source", "fit_per: @step",
     "connections.excitatory.fit_per: found 'step'; allowed with the key 'sum', the word of a step's sum"),
    ("fit_per: source", "fit_per: source\n    @sum: {word: s8.wrap, then: []}",
     "connections.excitatory.sum: is for fit_per: step"),
    ("fit_per: source", "fit_per: @each", "connections.excitatory.fit_per: found 'each'; allowed: source, step"),
    ("fit_per: source", "fit_per: step\n    sum: {word: @s8, then: []}",
     "connections.excitatory.sum.word: found 's8'; allowed: s8.saturate, s8.wrap, s8.refuse"),
    ("fit_per: source", "fit_per: step\n    sum: {word: s8.wrap, then: [shift: {into: @membrane, by: 1}]}",
     "connections.excitatory.sum.then[0].shift.into: found 'membrane'; allowed: sum"),
    ("fit_per: source", "fit_per: step\n    sum: {word: s8.wrap, then: [set: {into: sum, value: @128}]}",
     "connections.excitatory.sum.then[0].set.value: found 128; allowed: -128 to 127"),
    ("fit_per: source", "fit_per: step\n    sum: {word: s8.wrap, then: [set: {into: sum, value: @weight}]}",
     "connections.excitatory.sum.then[0].set.value: found 'weight'; allowed: membrane_width, excitatory_width, "
     "inhibitory_width, shift, reset_kind, threshold, reset, sum, an integer"),
    ("fit_per: source", "fit_per: step\n    sum: {word: s8.wrap, then: [divide: {into: sum, of: sum, by: "
     "@reset_kind}]}",
     "connections.excitatory.sum.then[0].divide.by: found 'reset_kind', which holds 0 to 2; allowed: 1 or more"),
    ("fit_per: source", "fit_per: step\n    sum:@",
     "connections.excitatory.sum: found nothing; allowed: a mapping with the keys word, then"),
    ("cap: 1", "cap: @0", f"connections.excitatory.cap: found 0; {CAP}"),
    ("cap: 1", "cap: @256", f"connections.excitatory.cap: found 256; {CAP}"),
    ("cap: 1", "cap: @true", f"connections.excitatory.cap: found true; {CAP}"),
    ("cap: 1", "cap: @non-zero", f"connections.excitatory.cap: found 'non-zero'; {CAP}"),
    ("cap: 1", "cap: @[1]", f"connections.excitatory.cap: found a list of 1; {CAP}"),
    ("cap: 1", "cap:@", f"connections.excitatory.cap: found nothing; {CAP}"),
    ("cap: 1", "cap: 1\n    kernel: @correlations",
     "connections.excitatory.kernel: found 'correlations'; allowed: correlation, convolution. Did you mean "
     "'correlation'?"),
    ("cap: 1", "cap: 1\n    kernel:@",
     "connections.excitatory.kernel: found nothing; allowed: correlation, convolution"),
    ("cap: 1", "cap: 1\n    @delay: {per: source}", "connections.excitatory.delay: missing key 'word'"),
    ("cap: 1", "cap: 1\n    delay: {per: @neuron, word: u4}",
     "connections.excitatory.delay.per: found 'neuron'; allowed: projection, source, synapse"),
    ("cap: 1", "cap: 1\n    delay: {per: source, word: @s4}",
     "connections.excitatory.delay.word: found s4; allowed: a word of values from 0 to 65535"),
    ("cap: 1", "cap: 1\n    delay: {per: source, word: @u17}",
     "connections.excitatory.delay.word: found u17; allowed: a word of values from 0 to 65535"),
    ("cap: 1", "cap: 1\n    delay: {per: source, word: @u4.wrap}",
     "connections.excitatory.delay.word: found 'u4.wrap'; allowed: u4"),
    ("cap: 1", "cap: 1\n    delay: @3",
     "connections.excitatory.delay: found 3; allowed: a mapping with the keys per, word"),
    ("cap: 1", "cap: 1\n    source_parameters: {@threshold: u1}",
     f"connections.excitatory.source_parameters.threshold: {TAKEN}"),
    ("cap: 1", "cap: 1\n    synapse_parameters: {@membrane: u1}",
     f"connections.excitatory.synapse_parameters.membrane: {TAKEN}"),
    ("cap: 1", "cap: 1\n    source_parameters: {@shift: u1}",
     f"connections.excitatory.source_parameters.shift: {TAKEN}"),
    ("cap: 1", "cap: 1\n    source_parameters: {@weight: u1}",
     "connections.excitatory.source_parameters.weight: is a reserved name; choose another"),
    ("cap: 1", "cap: 1\n    synapse_parameters: {@weight_max: u1}",
     "connections.excitatory.synapse_parameters.weight_max: is a reserved name; choose another"),
    ("cap: 1", "cap: 1\n    source_parameters: {a: u1}\n    synapse_parameters: {@a: u1}",
     "connections.excitatory.synapse_parameters.a: is a parameter already; choose another name"),
    ("cap: 1", "cap: 1\n    source_parameters: {a: @u1.wrap}",
     "connections.excitatory.source_parameters.a: found 'u1.wrap'; allowed: u1"),
    ("cap: 1", "cap: 1\n    source_parameters: {@A: u1}",
     "connections.excitatory.source_parameters.A: found the key 'A'; allowed: text that matches [a-z][a-z0-9_]*"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_a_bad_key_of_a_connection_is_refused_at_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert refusals(tmp_path, "spiker", (old, new)) == [message]


def test_a_format_sets_a_weight_to_what_its_word_holds(tmp_path: Path) -> None:
    edit = ("set: {into: weight, value: 0, when", "set: {into: weight, value: @8, when")
    assert refusals(tmp_path, "odin", edit) == [
        "connections.crossbar.weight.format[0].set.value: found 8; allowed: 0 to 7"
    ]


def test_a_source_parameter_is_no_operand_of_a_sum(tmp_path: Path) -> None:
    keys = "fit_per: step\n    source_parameters: {gain: u2}\n    synapse_parameters: {cut: u1}\n    sum: "
    stages = "[shift: {into: sum, by: @gain}, set: {into: sum, value: 0, when: [@cut, '==', 1]}]"
    messages = refusals(tmp_path, "spiker", ("fit_per: source", f"{keys}{{word: s8.wrap, then: {stages}}}"))
    assert [message.split(";")[0] for message in messages] == [
        "connections.excitatory.sum.then[0].shift.by: found 'gain'",
        "connections.excitatory.sum.then[1].set.when[0]: found 'cut'",
    ]


def test_every_bad_key_of_every_connection_is_found_in_one_round(tmp_path: Path) -> None:
    edits = [
        (
            "fit_per: source\n    cap: 1\n    weight: {word: s<excitatory_width>",
            "fit_per: @step\n    cap: @0\n    weight: {word: @s<excitatory>",
        ),
        (
            "fit_per: source\n    cap: 1\n    weight: {word: s<inhibitory_width>",
            "fit_per: source\n    cap: @-1\n    weight: {word: @s8.wrap",
        ),
    ]
    assert [message.split(";")[0].split(": ")[1] for message in refusals(tmp_path, "spiker", *edits)] == [
        "found 'step'", "found 0", "found 'excitatory'", "found -1", "found 's8.wrap'",
    ]  # fmt: skip


def test_a_register_that_each_source_writes_holds_no_more_than_the_word_of_that_write(tmp_path: Path) -> None:
    edits = [
        ("membrane: s<membrane_width>", "@membrane: s<membrane_width>"),
        ("{into: membrane, terms: [leak]}", "{into: membrane, terms: [leak], word: s12.saturate}"),
    ]
    assert refusals(tmp_path, "spiker", *edits) == [
        "neurons.neuron.registers.membrane: spikes arrive as s8.saturate, but a stage writes -2048 to 2047; allowed: "
        "-128 to 127"
    ]


@pytest.mark.parametrize("cap", ["1", "255", "none", "nonzero"])
def test_a_cap_is_a_number_or_one_of_two_words(tmp_path: Path, cap: str) -> None:
    profile, warnings = accepted(tmp_path, "spiker", ("cap: 1", f"cap: {cap}"))
    assert str(profile.connections["excitatory"].cap) == cap
    assert warnings == []
