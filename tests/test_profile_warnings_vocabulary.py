"""Warnings of values, events and conditions: what nothing reads, and what decides nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_profiles import Edit, accepted

FIRE = "neurons.neuron.step[2].fire.branches"
BOTH = 'when: [[membrane, ">", threshold], [reset_kind, "==", 0]]'
UNUSED = "nothing reads it"


@pytest.mark.parametrize(
    ("name", "old", "new", "warnings"),
    [
        ("spiker", "values:\n", "values:\n  @spare: {value: 4, min: 1, max: 9, note: x}\n",
         [f"values.spare: {UNUSED}"]),
        ("spiker", "values:\n", "values:\n  @inputs: {value: 4, min: 1, max: 9, note: a width in a note only}\n",
         [f"values.inputs: {UNUSED}"]),
        ("odin", "fields: {weight_in: u3,", "fields: {weight_in: u3, @spare: u3,",
         [f"events.virtual.fields.spare: {UNUSED}"]),
        ("odin", "source_parameters: {sign: u1}", "source_parameters: {sign: u1, @spare: u1}",
         [f"connections.crossbar.source_parameters.spare: {UNUSED}"]),
        ("odin", "synapse_parameters: {mapped: u1}", "synapse_parameters: {@spare: u1, mapped: u1}",
         [f"connections.crossbar.synapse_parameters.spare: {UNUSED}"]),
    ],
)  # fmt: skip
def test_what_nothing_reads_is_a_warning(tmp_path: Path, name: str, old: str, new: str, warnings: list[str]) -> None:
    assert accepted(tmp_path, name, (old, new))[1] == warnings


def test_a_derived_value_that_is_only_written_is_a_warning(tmp_path: Path) -> None:
    edits = [
        ("    derived:\n", "    derived:\n      @spare: s16.wrap\n"),
        ("    prepare:\n", "    prepare:\n      - set: {into: spare, value: du}\n"),
    ]
    assert accepted(tmp_path, "loihi-lava", *edits)[1] == [f"neurons.neuron.derived.spare: {UNUSED}"]


def test_a_value_that_only_sizes_a_word_is_read(tmp_path: Path) -> None:
    edits = [
        ("values:\n", "values:\n  arriving: {value: 1, min: 1, max: 8, note: bits}\n"),
        ("input: u1", "input: u<arriving>"),
    ]
    assert accepted(tmp_path, "spiker", *edits)[1] == []


def test_a_connection_that_no_event_goes_over_is_a_warning(tmp_path: Path) -> None:
    queue = ", unless: open_loop, limit: 100000}"
    edits: list[Edit] = [
        *((f"    over: crossbar\n    queued: {queued}", f"    queued: {queued}") for queued in ("true", "false")),
        ("  crossbar:\n", "  @crossbar:\n"),
        ("queue: {event: spike, depth: 32, head_keeps_slot: true, when_full: drop" + queue, ""),
        ("  open_loop: {", "  @open_loop: {"),
    ]
    assert accepted(tmp_path, "odin", *edits)[1] == [
        f"values.open_loop: {UNUSED}",
        "connections.crossbar: no event goes over it",
    ]


@pytest.mark.parametrize(
    ("name", "old", "new", "warning"),
    [
        ("spiker", '[reset_kind, "==", 1]', '@[reset_kind, "==", 3]',
         f"{FIRE}[1].when[1]: is never true: reset_kind holds 0 to 2"),
        ("spiker", '[reset_kind, "==", 1]', '@[reset_kind, ">=", 0]',
         f"{FIRE}[1].when[1]: is always true: reset_kind holds 0 to 2"),
        ("spiker", "value: membrane}", 'value: membrane, when: @[shift, ">", 31]}',
         "neurons.neuron.step[0].set.when: is never true: shift holds 1 to 31"),
        ("spiker", "value: reset}", 'value: reset, when: [[leak, "<", 0], @[threshold, "<=", 127]]}',
         f"{FIRE}[0].do[0].set.when[1]: is always true: threshold holds -128 to 127"),
        ("spiker", "value: reset}", 'value: reset, when: @[threshold*reset, ">", 16384]}',
         f"{FIRE}[0].do[0].set.when: is never true: threshold holds -128 to 127, reset holds -128 to 127"),
        ("odin", '[sign_in, "==", 1]]', '@[sign_in, "==", 2]]',
         "events.virtual.do[1].add.when[1]: is never true: sign_in holds 0 to 1"),
        ("odin", '[mapped, "==", 0]', '@[mapped, "<", 0]',
         "connections.crossbar.weight.format[0].set.when[0]: is never true: mapped holds 0 to 1"),
        ("loihi-lava", '[weight_min, "<", 0]', '@[weight_min, "<", -32768]',
         "connections.dense.prepare[1].set.when[1]: is never true: weight_min holds -32768 to 32767"),
        ("loihi-lava", "{into: bias, value: bias_mant}", '{into: bias, value: bias_mant, when: @[ternary, "!=", 2]}',
         "neurons.neuron.prepare[10].set.when: is always true: ternary holds 0 to 1"),
        ("speck-sinabs", "sum: {word: s32.refuse, then: []}",
         'sum: {word: s32.refuse, then: [set: {into: sum, value: 0, when: @[sum, ">", 2147483647]}]}',
         "connections.convolution.sum.then[0].set.when: is never true: sum holds -2147483648 to 2147483647"),
    ],
)  # fmt: skip
def test_a_condition_that_decides_nothing_is_a_warning(
    tmp_path: Path, name: str, old: str, new: str, warning: str
) -> None:
    assert accepted(tmp_path, name, (old, new))[1] == [warning]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("odin", 'when: [sign, "==", 1]', 'when: [[sign, "==", 1], [weight, ">", 6]]'),
        ("loihi-lava", "    prepare:\n",
         "    prepare:\n      - set: {into: membrane_keep, value: -5}\n"
         '      - set: {into: bias, value: 1, when: [membrane_keep, "<", 0]}\n'),
        ("speck-sinabs", "sum: {word: s32.refuse, then: []}",
         "sum: {word: s8.refuse, then: [shift: {into: sum, by: 8, word: s20.wrap}, "
         'set: {into: sum, value: 0, when: [sum, ">", 300]}]}'),
    ],
)  # fmt: skip
def test_what_a_stage_before_may_have_written_counts(tmp_path: Path, name: str, old: str, new: str) -> None:
    assert accepted(tmp_path, name, (old, new))[1] == []


def test_a_branch_after_one_that_asks_for_less_is_never_reached(tmp_path: Path) -> None:
    subtracts = 'when: [[membrane, ">", threshold], [reset_kind, "==", 1]]'
    adds = 'when: [membrane, ">", threshold]'
    edits = [(adds, adds.replace("[", "@[")), (BOTH, adds), (subtracts, subtracts.replace(" [[", " @[["))]
    assert accepted(tmp_path, "spiker", *edits)[1] == [
        f"{FIRE}[1].when: is never reached: branches[0] takes whatever it could",
        f"{FIRE}[2].when: is never reached: branches[0] takes whatever it could",
    ]


def test_the_order_of_conditions_hides_no_branch_that_is_never_reached(tmp_path: Path) -> None:
    again = 'when: @[[reset_kind, "==", 0], [membrane, ">", threshold]]'
    edits = [('when: [[membrane, ">", threshold], [reset_kind, "==", 1]]', again)]
    assert accepted(tmp_path, "spiker", *edits)[1] == [
        f"{FIRE}[1].when: is never reached: branches[0] takes whatever it could"
    ]


def test_a_branch_that_takes_over_once_another_may_not_repeat_is_reached(tmp_path: Path) -> None:
    branch = '            - {when: [membrane, ">=", threshold], emit: 0, repeat: 1, do: []}\n    relay:'
    assert accepted(tmp_path, "xylo-audio-2", ("    relay:", branch))[1] == []
