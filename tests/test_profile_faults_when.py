"""Faults of conditions, one or a list of them, say what a condition looks like."""

from __future__ import annotations

from pathlib import Path

import pytest
from bad_profiles import refusals

BRANCH = "neurons.neuron.step[2].fire.branches[0].when"
WHEN = 'when: [[membrane, ">", threshold], [reset_kind, "==", 0]]'
CONDITION = "[left, relation, right]"
EITHER = f"allowed: {CONDITION} or a list of such conditions"
RELATIONS = "allowed: >=, >, <=, <, ==, !="
NAMES = (
    "membrane, leak, integrated, threshold, reset, membrane_width, excitatory_width, "
    "inhibitory_width, shift, reset_kind"
)
OPERAND = "a register, a parameter or an integer; -name and name*name compute"

BAD = [
    ("@[]", f"{BRANCH}: found an empty list; {EITHER}"),
    ("@{}", f"{BRANCH}: found an empty mapping; {EITHER}"),
    ("@always", f"{BRANCH}: found 'always'; {EITHER}"),
    ("@true", f"{BRANCH}: found true; {EITHER}"),
    ('@[membrane, ">"]', f"{BRANCH}: found a list of 2; {EITHER}"),
    ('@[membrane, ">", threshold, leak]', f"{BRANCH}: found a list of 4; {EITHER}"),
    ('[membrane, @"=>", threshold]', f"{BRANCH}[1]: found '=>'; {RELATIONS}. Did you mean '>'?"),
    ("[membrane, @[], threshold]", f"{BRANCH}[1]: found an empty list; {RELATIONS}"),
    ('[membrane, ">", @[threshold]]', f"{BRANCH}[2]: found a list of 1; allowed: {OPERAND}"),
    ('[membrane, ">", @2.5]', f"{BRANCH}[2]: found 2.5; allowed: {OPERAND}"),
    ('[membrane, ">", @nothing]', f"{BRANCH}[2]: found 'nothing'; allowed: {NAMES}, an integer"),
    ('@[1, ">", 2]', f"{BRANCH}: found a list of 3; allowed: a register or a parameter on one side of the relation"),
    ('[[membrane, ">", threshold], @[reset_kind, "=="]]', f"{BRANCH}[1]: found a list of 2; allowed: {CONDITION}"),
    ('[[membrane, ">", threshold], @[]]', f"{BRANCH}[1]: found an empty list; allowed: {CONDITION}"),
    ('[[membrane, ">", threshold], @reset_kind]', f"{BRANCH}[1]: found 'reset_kind'; allowed: {CONDITION}"),
    ('[[membrane, @">>", threshold], [leak, "<", 0]]', f"{BRANCH}[0][1]: found '>>'; {RELATIONS}. Did you mean '>'?"),
    ('[[membrane, ">", threshold], [@resetkind, "==", 0]]',
     f"{BRANCH}[1][0]: found 'resetkind'; allowed: {NAMES}, an integer. Did you mean 'reset_kind'?"),
    ('[[membrane, ">", threshold], @[0, "==", 0]]',
     f"{BRANCH}[1]: found a list of 3; allowed: a register or a parameter on one side of the relation"),
]  # fmt: skip


@pytest.mark.parametrize(("when", "message"), BAD)
def test_a_bad_condition_of_a_branch_is_refused_at_its_place(tmp_path: Path, when: str, message: str) -> None:
    assert refusals(tmp_path, "spiker", (WHEN, f"when: {when}")) == [message]


def test_a_list_that_begins_with_a_list_is_taken_for_a_list_of_conditions(tmp_path: Path) -> None:
    assert refusals(tmp_path, "spiker", (WHEN, 'when: [@[membrane], @">", @threshold]')) == [
        f"{BRANCH}[0]: found a list of 1; allowed: {CONDITION}",
        f"{BRANCH}[1]: found '>'; allowed: {CONDITION}",
        f"{BRANCH}[2]: found 'threshold'; allowed: {CONDITION}",
    ]


def test_a_bad_condition_of_a_stage_is_refused_at_its_place(tmp_path: Path) -> None:
    edit = ("value: membrane}", 'value: membrane, when: [[leak, "<", 0], [@leek, ">", 3, 4], @leak]}')
    assert refusals(tmp_path, "spiker", (edit[0], edit[1].replace("[@leek", "@[leek"))) == [
        f"neurons.neuron.step[0].set.when[1]: found a list of 4; allowed: {CONDITION}",
        f"neurons.neuron.step[0].set.when[2]: found 'leak'; allowed: {CONDITION}",
    ]


def test_a_bad_condition_hides_no_fault_of_the_conditions_beside_it(tmp_path: Path) -> None:
    when = 'when: [[@membran, ">", threshold], [reset_kind, @"=", 0], [leak, ">", @lek]]'
    assert [message.split(";")[0] for message in refusals(tmp_path, "spiker", (WHEN, when))] == [
        f"{BRANCH}[0][0]: found 'membran'",
        f"{BRANCH}[1][1]: found '='",
        f"{BRANCH}[2][2]: found 'lek'",
    ]


@pytest.mark.parametrize(
    ("emit", "found"), [("2", "2"), ("true", "true"), ("[1]", "a list of 1"), ("", "nothing"), ("1.0", "1.0")]
)
def test_what_a_branch_emits_is_said_in_one_way(tmp_path: Path, emit: str, found: str) -> None:
    edit = ("emit: 1", f"emit: @{emit}" if emit else "emit:@")
    assert refusals(tmp_path, "spiker", edit) == [
        f"neurons.neuron.step[2].fire.branches[0].emit: found {found}; allowed: -1, 0, 1, or the register or parameter "
        "whose value is emitted"
    ]


def test_what_a_branch_emits_by_name_exists(tmp_path: Path) -> None:
    assert refusals(tmp_path, "spiker", ("emit: 1", "emit: @leek")) == [
        "neurons.neuron.step[2].fire.branches[0].emit: found 'leek'; allowed: membrane, leak, integrated, threshold, "
        "reset. Did you mean 'leak'?"
    ]


def test_a_mapping_with_a_wrong_key_is_compared_with_the_keys_that_are_allowed(tmp_path: Path) -> None:
    edit = ("{value: 4, min: 1", "{value: 4, @least: 1, min: 1")
    assert refusals(tmp_path, "spiker", edit) == ["values.shift.least: unknown key; allowed: value, min, max, note"]
