"""Faults of what is computed once, before a run: derived values and the stages of `prepare`."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_profiles import refusals

NEURON = "neurons.neuron"
DENSE = "connections.dense"
GIVEN = "du, dv, vth, bias_mant, bias_exp, ternary, vth_low, reset_interval, reset_phase"
DERIVED = "current_loss, current_keep, membrane_keep, threshold, threshold_low, bias"
LINK = "weight_exp, num_weight_bits, sign_mode, weight_min, weight_max"
BAD = [
    ("value: du}", "value: @dw}",
     f"{NEURON}.prepare[0].set.value: found 'dw'; allowed: {GIVEN}, an integer"),
    ("value: du}", "value: @current_keep}",
     f"{NEURON}.prepare[0].set.value: found 'current_keep'; allowed: {GIVEN}, an integer"),
    ("value: du}", "value: @membrane}",
     f"{NEURON}.prepare[0].set.value: found 'membrane'; allowed: {GIVEN}, an integer"),
    ("value: du}", "value: @weight_min}",
     f"{NEURON}.prepare[0].set.value: found 'weight_min'; allowed: {GIVEN}, an integer"),
    ("value: du}", 'value: du, when: [@membrane, ">", 0]}',
     f"{NEURON}.prepare[0].set.when[0]: found 'membrane'; allowed: {GIVEN}, an integer"),
    ("{into: bias, value: bias_mant}", "{into: @du, value: bias_mant}",
     f"{NEURON}.prepare[10].set.into: found 'du'; allowed: {DERIVED}"),
    ("{into: bias, value: bias_mant}", "{into: @membrane, value: bias_mant}",
     f"{NEURON}.prepare[10].set.into: found 'membrane'; allowed: {DERIVED}. Did you mean 'membrane_keep'?"),
    ("{into: current_keep, value: 4096}", "{into: current_keep, value: @409600}",
     f"{NEURON}.prepare[2].set.value: found 409600; allowed: -65536 to 65535"),
    ("by: bias_exp, rounding: floor", "by: @bias_exp",
     f"{NEURON}.prepare[11].shift.by: found 'bias_exp', which holds -24 to 15; allowed: 0 to 63; below 0 with the key "
     "'rounding'"),
    ("    derived:\n", "    derived:\n      @unset: s8.wrap\n",
     f"{NEURON}.derived.unset: no stage of 'prepare' writes it"),
    ("bias: s32.refuse", "bias: @s32",
     f"{NEURON}.derived.bias: found 's32'; allowed: s32.saturate, s32.wrap, s32.refuse"),
    ("    prepare:\n", "    prepare:\n      - @sett: {into: bias, value: 0}\n",
     f"{NEURON}.prepare[0]: unknown stage 'sett'; allowed: decay, add, set, shift, scale, clip, shrink, divide. "
     "Did you mean 'set'?"),
    ("value: 1, when: [sign_mode", "value: 1, when: [@weight",
     f"{DENSE}.prepare[0].set.when[0]: found 'weight'; allowed: {LINK}, an integer. Did you mean 'weight_min'?"),
    ("{into: lowest, value: 0}", "{into: @sign_mode, value: 0}",
     f"{DENSE}.prepare[5].set.into: found 'sign_mode'; allowed: mixed, side, lowest, dropped. Did you mean 'side'?"),
    ("{into: weight, low: lowest, high: 255", "{into: weight, low: @weight_min, high: 255",
     f"{DENSE}.weight.format[1].clip.low: found 'weight_min'; allowed: weight_exp, num_weight_bits, sign_mode, mixed, "
     f"side, lowest, dropped, weight, {GIVEN}, {DERIVED}, an integer. Did you mean 'weight'?"),
    ("{into: sum, by: weight_exp", "{into: sum, by: @weight_max",
     f"{DENSE}.sum.then[0].shift.by: found 'weight_max'; allowed: weight_exp, num_weight_bits, sign_mode, mixed, side, "
     f"lowest, dropped, {GIVEN}, {DERIVED}, sum, an integer. Did you mean 'weight_exp'?"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), BAD)
def test_a_bad_stage_of_prepare_is_refused_at_its_place(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert refusals(tmp_path, "loihi-lava", (old, new)) == [message]


def test_a_derived_value_is_written_before_it_is_read(tmp_path: Path) -> None:
    threshold = "      - set: {into: threshold, value: vth}\n      - shift: {into: threshold, by: 6}\n"
    swapped = "      - shift: {into: threshold, by: @threshold_low}\n      - set: {into: threshold, value: vth}\n"
    known = f"{GIVEN}, current_loss, current_keep, membrane_keep, an integer"
    assert refusals(tmp_path, "loihi-lava", (threshold, swapped)) == [
        f"{NEURON}.prepare[6].shift.by: found 'threshold_low'; allowed: {known}. Did you mean 'vth_low'?"
    ]


def test_a_derived_value_has_a_name_of_its_own(tmp_path: Path) -> None:
    assert refusals(tmp_path, "loihi-lava", ("    derived:\n", "    derived:\n      @du: s8.wrap\n")) == [
        f"{NEURON}.derived.du: is a parameter already; choose another name",
        f"{NEURON}.derived.du: no stage of 'prepare' writes it",
    ]


def test_what_prepare_cannot_compute_accuses_no_stage_that_reads_it(tmp_path: Path) -> None:
    edit = ("terms: [-num_weight_bits, mixed]", "terms: [@-number_of_bits, mixed]")
    (message,) = refusals(tmp_path, "loihi-lava", edit)
    assert message.startswith(
        f"{DENSE}.prepare[8].add.terms[0]: found 'number_of_bits'; allowed: {LINK}, mixed, side, "
    )


def test_a_step_counts_with_what_prepare_can_make_of_a_derived_value(tmp_path: Path) -> None:
    edit = ("- shift: {into: addend, by: 6}", "- shift: {into: addend, by: @membrane_keep}")
    assert refusals(tmp_path, "loihi-lava", edit) == [
        f"{NEURON}.step[9].shift.by: found 'membrane_keep', which holds 0 to 4096; allowed: 0 to 63"
    ]


def test_prepare_computes_within_63_bits(tmp_path: Path) -> None:
    edits = [
        ("  neuron:\n    registers", "  @neuron:\n    registers"),
        ("{into: threshold, by: 6}", "{into: threshold, by: 60}"),
    ]
    assert refusals(tmp_path, "loihi-lava", *edits) == [f"{NEURON}: a step can need 80 bits; allowed: at most 63"]


def test_every_bad_stage_of_prepare_is_found_in_one_round(tmp_path: Path) -> None:
    edits = [
        ("value: du}", "value: @dw}"),
        ("{into: membrane_keep, terms: [-dv]}", "{into: @keep, terms: [-dv]}"),
        ("bias: s32.refuse", "bias: @s32"),
        ("{into: side, value: 1}", "{into: side, value: @7}"),
    ]
    assert [message.split(":")[0] for message in refusals(tmp_path, "loihi-lava", *edits)] == [
        f"{NEURON}.derived.bias",
        f"{NEURON}.prepare[0].set.value",
        f"{NEURON}.prepare[5].add.into",
        f"{DENSE}.prepare[2].set.value",
    ]


def test_a_class_without_derived_values_prepares_nothing(tmp_path: Path) -> None:
    edit = ("    step:\n", "    prepare:\n      - set: {into: @membrane, value: 0}\n    step:\n")
    assert refusals(tmp_path, "generic-w8-v16", edit) == [
        f"{NEURON}.prepare[0].set.into: found 'membrane'; allowed: none, as there are none"
    ]
