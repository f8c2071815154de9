"""Faults of what a network may set, of the words whose widths follow it, and of words narrower than their bits."""

from __future__ import annotations

from pathlib import Path

import bitspike as bs
import pytest
from bad_profiles import accepted, refusals
from bitspike.errors import InputError

WIDTH = "potential_width: {value: 9, min: 2, max: 32"
WIDTHS = "potential_width, weight_width, leak_width, threshold_width"
NEARBY = f"allowed: {WIDTHS}. Did you mean"
BITS = "is a number of bits; allowed: min and max from 1 to 63"

VALUES = [
    (WIDTH, "potential_width: {value: @33, min: 2, max: 32",
     "values.potential_width.value: found 33; allowed: 2 to 32"),
    (WIDTH, "potential_width: {value: @1, min: 2, max: 32", "values.potential_width.value: found 1; allowed: 2 to 32"),
    (WIDTH, "potential_width: {value: 9, min: 32, max: @2",
     "values.potential_width.max: found 2; allowed: 32 or more, as 'min' is"),
    (WIDTH, "potential_width: {value: @9.5, min: 2, max: 32",
     "values.potential_width.value: found 9.5; allowed: an integer"),
    (WIDTH, "@potential_width: {min: 2, max: 32", "values.potential_width: missing key 'value'"),
    (WIDTH, "@potential_width: {value: 9, min: 0, max: 32", f"values.potential_width: {BITS}"),
    (WIDTH, "@potential_width: {value: 9, min: 2, max: 64", f"values.potential_width: {BITS}"),
    (WIDTH, f"@spikes: {{value: 1, min: 0, max: 1, note: x}}\n  {WIDTH}",
     "values.spikes: is a reserved name; choose another"),
]  # fmt: skip

WORDS = [
    ("membrane: s<potential_width>.wrap", "membrane: @s<potental_width>.wrap",
     f"neurons.neuron.registers.membrane: found 'potental_width'; {NEARBY} 'potential_width'?"),
    ("weight0: s<weight_width>", "weight0: @s<weigh_width>",
     f"neurons.neuron.parameters.weight0: found 'weigh_width'; {NEARBY} 'weight_width'?"),
    ("value: weight0, word: s<weight_width>.refuse", "value: weight0, word: @s<weight_with>.refuse",
     f"connections.crossbar.weight.format[0].set.word: found 'weight_with'; {NEARBY} 'weight_width'?"),
    ("u4(0..14)", "@u<slots>", f"connections.route.delay.word: found 'slots'; allowed: {WIDTHS}"),
    ("input: u8", "input: @u<nothing>", f"input: found 'nothing'; allowed: {WIDTHS}"),
    ("membrane: s<potential_width>.wrap", "membrane: @s<potential_width>(-1..1).saturate",
     "neurons.neuron.registers.membrane: found 's<potential_width>(-1..1).saturate'; allowed: no range, as its bits "
     "are the value 'potential_width'"),
    ("u4(0..14)", "@u4(0..16)",
     "connections.route.delay.word: found 'u4(0..16)'; allowed: a range from 0 to 15 at most, the lower end first"),
    ("u4(0..14)", "@u4(14..0)",
     "connections.route.delay.word: found 'u4(14..0)'; allowed: a range from 0 to 15 at most, the lower end first"),
    ("u4(0..14)", "@u4(-1..14)",
     "connections.route.delay.word: found 'u4(-1..14)'; allowed: a range from 0 to 15 at most, the lower end first"),
    ("{arrived: u1.saturate}", "{arrived: @u4(0..3).wrap}",
     "neurons.axon.registers.arrived: found 'u4(0..3).wrap'; allowed: no range, as a word that wraps has the range of "
     "its bits"),
    ("input: u8", "input: @u8(1..9)", "input: found u8(1..9); allowed: a word that holds 0, a channel without a spike"),
    ("input: u8", "input: @u8.wrap", "input: found 'u8.wrap'; allowed: u8"),
    ("input: u8", "input: @8", "input: found 8; allowed: a word such as u4"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), [*VALUES, *WORDS])
def test_a_bad_value_or_word_is_refused_at_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert refusals(tmp_path, "ranc", (old, new)) == [message]


def test_a_name_has_one_meaning(tmp_path: Path) -> None:
    edits = [(WIDTH, f"leak: {{value: 1, min: 0, max: 1, note: x}}\n  {WIDTH}"), ("      leak: s<", "      @leak: s<")]
    message = "neurons.neuron.parameters.leak: is a value of the profile already; choose another name"
    assert refusals(tmp_path, "ranc", *edits) == [message]


def test_a_register_holds_0_which_it_starts_from(tmp_path: Path) -> None:
    edits = [
        ("{arrived: u1.saturate}", "{arrived: @u4(1..3).saturate}"),
        ("{into: arrived, value: 0}", "{into: arrived, value: @0}"),
    ]
    assert refusals(tmp_path, "ranc", *edits) == [
        "neurons.axon.registers.arrived: found u4(1..3).saturate; allowed: a range that holds 0, which it starts from",
        "neurons.axon.step[0].fire.branches[0].do[0].set.value: found 0; allowed: 1 to 3",
    ]


def test_an_input_word_is_needed_where_time_passes_in_steps(tmp_path: Path) -> None:
    message = "missing key 'input': the word of what an input channel carries in a step"
    assert refusals(tmp_path, "ranc", ("schema: 1", "@schema: 1"), ("input: u8\n", "")) == [message]


def test_no_number_of_digits_is_too_long_to_be_refused(tmp_path: Path) -> None:
    (message,) = refusals(tmp_path, "ranc", ("u4(0..14)", f"@u4(0..{'9' * 6000})"))
    assert message.endswith("allowed: s or u, 1 to 63 bits, and for a register its overflow: s16.saturate")


def test_a_stage_must_compute_for_every_value_that_a_network_may_set(tmp_path: Path) -> None:
    edits = [("shift: {value: 4, min: 1", "shift: {value: 4, min: -3"), ("by: shift", "by: @shift")]
    assert refusals(tmp_path, "spiker", *edits) == [
        "neurons.neuron.step[1].decay.by: found 'shift', which holds -3 to 31; allowed: 0 to 63"
    ]


def test_every_bad_value_and_word_is_found_in_one_round(tmp_path: Path) -> None:
    edits = [
        ("leak_width: {value: 9, min: 2, max: 32", "leak_width: {value: 9, min: 10, max: @2"),
        (WIDTH, "potential_width: {value: @33, min: 2, max: 32"),
        ("{arrived: u1.saturate}", "{arrived: @u1(2..3).saturate}"),
        ("threshold: s<threshold_width>", "threshold: @s<threshold>"),
        ("input: u8", "input: @u8(1..9)"),
    ]
    assert [message.split(":")[0] for message in refusals(tmp_path, "ranc", *edits)] == [
        "values.potential_width.value",
        "values.leak_width.max",
        "neurons.axon.registers.arrived",
        "neurons.neuron.parameters.threshold",
        "input",
    ]


def test_a_width_follows_its_value_wherever_the_word_stands(tmp_path: Path) -> None:
    profile, _ = accepted(tmp_path, "ranc", ("input: u8", "input: u<leak_width>"))
    wider = profile.with_values(leak_width=12, weight_width=20)
    formatted = profile.connections["crossbar"].weight.format[0].stage.word
    assert (profile.input.bits, formatted.bits) == (9, 9)
    assert wider.input.bits == wider.neurons["neuron"].parameters["leak"].bits == 12
    assert wider.connections["crossbar"].weight.format[0].stage.word.bits == 20


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"potential_width": 33}, "value 'potential_width': found 33; allowed: 2 to 32"),
        ({"potential_width": 9.0}, "value 'potential_width': found 9.0; allowed: 2 to 32"),
        ({"potential_width": True}, "value 'potential_width': found True; allowed: 2 to 32"),
        ({"potental_width": 9}, f"value: found 'potental_width'; allowed: {WIDTHS}. Did you mean 'potential_width'?"),
    ],
)
def test_a_value_that_is_not_allowed_is_not_set(values: dict[str, int], message: str) -> None:
    with pytest.raises(InputError) as caught:
        bs.load_profile("ranc").with_values(**values)
    assert str(caught.value) == message


def test_a_value_is_not_set_where_a_stage_would_not_compute(tmp_path: Path) -> None:
    edit = ("{into: membrane, value: -reset}", "{into: membrane, value: -200}")
    profile, _ = accepted(tmp_path, "ranc", edit)
    assert profile.with_values(potential_width=9) == profile
    with pytest.raises(InputError) as caught:
        profile.with_values(potential_width=8)
    assert str(caught.value) == (
        "with potential_width = 8: neurons.neuron.step[1].fire.branches[3].do[0].set.value: found -200; "
        "allowed: -128 to 127"
    )
