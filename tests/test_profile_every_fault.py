"""One round reports every fault of a bad profile, of shape and of meaning, and accuses nothing else."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bitspike.errors import DocumentError
from bitspike.profile import check_profile
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = (Path(__file__).parent.parent / "hwconfigs" / "xylo-audio-2.yaml").read_text(encoding="utf-8")
LINES = re.sub(r"(?s)\nshared:.*?(?=\nquirks:)", "", TEXT).splitlines()  # shared names have faults of their own

Edit = tuple[int, str, str]  # the line, what it says, what it says instead

PLAIN: list[Edit] = [
    (2, "schema: 1", "schema: yes"),
    (6, "simulator", "simulater"),
    (10, "clock: step", "clock: !tick step"),
    (16, "s16.saturate", "s16.saturat"),
    (21, "u4", "u64"),
    (26, "by: dash_syn0", "by: dash_sin0"),
    (27, "rounding: floor", "rounding: flor"),
    (28, "into: delta", "into: dleta"),
    (29, "[isyn0, isyn1]", "[isyn0, isyn9]"),
    (30, "add: {into: delta, terms: [bias]}", "set: {into: delta, value: 40000}"),
    (31, "terms: [delta]", "terms: {delta: 1}"),
    (34, "[membrane, ", "[membrain, "),
    (36, "31", "031"),
    (39, "cap: 31", "cap: 300"),
    (43, "delta: s16.saturate", "delta: &d s16.saturate"),
    (48, "threshold: s16", "threshold: s16.wrap"),
    (51, "by: dash_syn0", "by: -1"),
    (53, "add: {into: delta, terms: [isyn0]}", "ad: {into: delta, terms: [isyn0]}"),
    (54, "{into: delta, ", "{into: delta, into: delta, "),
    (58, '">="', '"=>"'),
    (62, "s16.wrap", "s16.wrap, trems: []"),
    (60, "1", "0"),
    (66, "[input]", "[input, input]"),
    (67, "hidden", "hiden"),
    (72, "15", "3.0"),
    (80, "[hidden]", "hidden"),
    (82, "isyn1", "isyn"),
    (92, "weight_shift: u4", "weight_shift: u4, weight: u4"),
    (95, "to: output", "to: Output"),
    (105, "by: weight_shift", "by: 64"),
    (110, "hidden: 1000", "hiden: 1000"),
]  # fmt: skip

HIDING: list[Edit] = [
    (12, "neurons:", "neuron:"),
    (13, "hidden", "Hidden"),
    (14, "registers", "registres"),
    (15, "isyn0", "Isyn0"),
    (18, "membrane", "delta"),
    (22, "dash_mem", "on"),
    (25, "step:", "step: &s"),
    (32, "fire", "fir"),
    (37, "do:", "does:"),
    (40, "output", "2"),
    (64, "connections", "conections"),
    (55, "add: {into: membrane, terms: [delta]}", "fire: {branches: []}"),
    (76, "format:", "format: !f"),
    (79, "recurrent", "input"),
    (94, "[hidden]", "[]"),
    (108, "limits:", "limit:"),
]  # fmt: skip


def found(folder: Path, edits: list[Edit]) -> list[str]:
    """The faults after these edits, without the file's name."""
    lines = list(LINES)
    for number, old, new in edits:
        assert lines[number - 1].count(old) >= 1
        lines[number - 1] = lines[number - 1].replace(old, new, 1)
    file = folder / "my.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    try:
        check_profile(file)
    except DocumentError as error:
        return [fault.removeprefix(f"{file}:") for fault in error.faults]
    return []


def place(fault: str) -> tuple[int, int]:
    line, column, _ = fault.split(":", 2)
    return int(line), int(column)


def accusation(fault: str) -> tuple[int, int, str]:
    """Where and what, without the path: another edit may have changed a key on the way."""
    return *place(fault), fault.split(": ", 2)[-1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("profiles")


@pytest.fixture(scope="module")
def alone(folder: Path) -> dict[Edit, list[str]]:
    """What each edit is found to be on its own."""
    return {edit: found(folder, [edit]) for edit in PLAIN + HIDING}


def test_faults_of_many_kinds_are_reported_in_one_round(folder: Path) -> None:
    names = "isyn0, isyn1, delta, membrane, dash_syn0, dash_syn1, dash_mem, threshold, bias, an integer"
    assert found(folder, [edit for edit in PLAIN if edit[0] in (2, 16, 21, 26, 27, 28, 36, 53, 54, 62, 67, 110)]) == [
        '2:9: schema: found yes; write true or "yes"',
        "16:14: neurons.hidden.registers.isyn1: found 's16.saturat'; allowed: s16.saturate, s16.wrap, s16.refuse. "
        "Did you mean 's16.saturate'?",
        "21:18: neurons.hidden.parameters.dash_syn1: found 'u64'; allowed: s or u, 1 to 63 bits, and for a register "
        "its overflow: s16.saturate",
        f"26:58: neurons.hidden.step[0].decay.by: found 'dash_sin0'; allowed: {names}. Did you mean 'dash_syn0'?",
        "27:79: neurons.hidden.step[1].decay.rounding: found 'flor'; allowed: floor, zero. Did you mean 'floor'?",
        "28:23: neurons.hidden.step[2].decay.into: found 'dleta'; allowed: isyn0, isyn1, delta, membrane. "
        "Did you mean 'delta'?",
        "36:23: neurons.hidden.step[6].fire.branches[0].repeat: found 031; write 31, or 25 if it is octal",
        "53:9: neurons.output.step[2]: unknown stage 'ad'; allowed: decay, add, set, shift, scale, clip, shrink, "
        "divide, fire. Did you mean 'add'?",
        "54:28: neurons.output.step[3].add.into: found the key twice; it is in line 54 already",
        "62:78: neurons.output.step[5].fire.branches[0].do[0].add.trems: unknown key; allowed: into, word, when, "
        "terms. Did you mean 'terms'?",
        "67:9: connections.input.to: found 'hiden'; allowed: hidden, output. Did you mean 'hidden'?",
        "110:13: limits.neurons.hiden: found 'hiden'; allowed: hidden, output. Did you mean 'hidden'?",
    ]


def test_each_plain_edit_is_one_fault_in_its_line(alone: dict[Edit, list[str]]) -> None:
    assert [[place(fault)[0] for fault in alone[edit]] for edit in PLAIN] == [[edit[0]] for edit in PLAIN]


def test_all_plain_edits_together_are_all_their_faults(folder: Path, alone: dict[Edit, list[str]]) -> None:
    assert found(folder, PLAIN) == sorted({f for edit in PLAIN for f in alone[edit]}, key=place)


@settings(max_examples=40, deadline=None)
@given(edits=st.lists(st.sampled_from(PLAIN), unique=True))
def test_any_plain_edits_together_are_all_their_faults(
    folder: Path, alone: dict[Edit, list[str]], edits: list[Edit]
) -> None:
    assert found(folder, edits) == sorted({f for edit in edits for f in alone[edit]}, key=place)


@settings(max_examples=60, deadline=None)
@given(edits=st.lists(st.sampled_from(PLAIN + HIDING), unique=True))
def test_what_hides_a_name_leads_to_no_false_accusation(
    folder: Path, alone: dict[Edit, list[str]], edits: list[Edit]
) -> None:
    assert {*map(accusation, found(folder, edits))} <= {accusation(f) for edit in edits for f in alone[edit]}


def test_a_refused_key_keeps_quiet_about_names_but_not_about_words(folder: Path) -> None:
    edits = [(15, "isyn0", "Isyn0"), (26, "by: dash_syn0", "by: 64"), (27, "into: isyn1", "into: isyn")]
    assert found(folder, edits) == [
        "15:7: neurons.hidden.registers.Isyn0: found the key 'Isyn0'; allowed: text that matches [a-z][a-z0-9_]*",
        "26:58: neurons.hidden.step[0].decay.by: found 64; allowed: 0 to 63",
    ]


def test_an_unknown_stage_may_be_the_missing_fire_and_may_write_any_register(folder: Path) -> None:
    assert found(folder, [(29, "add", "ad"), (32, "fire", "fir"), (68, ", isyn1", ""), (82, ", isyn1", "")]) == [
        "29:9: neurons.hidden.step[3]: unknown stage 'ad'; allowed: decay, add, set, shift, scale, clip, shrink, "
        "divide, fire. Did you mean 'add'?",
        "32:9: neurons.hidden.step[6]: unknown stage 'fir'; allowed: decay, add, set, shift, scale, clip, shrink, "
        "divide, fire. Did you mean 'fire'?",
    ]


def test_a_register_that_nothing_writes_is_found_beside_a_misspelt_rounding(folder: Path) -> None:
    unwritten = [(27, "isyn1, of", "isyn0, of"), (68, ", isyn1", ""), (82, ", isyn1", "")]
    message = "16:7: neurons.hidden.registers.isyn1: is read, but no stage and no connection writes it"
    assert found(folder, unwritten) == [message]
    assert found(folder, [*unwritten, (26, "floor", "flor")])[0] == message


def test_the_width_of_a_class_is_reported_beside_a_fault_of_another(folder: Path) -> None:
    wide = found(folder, [(44, "s16", "s63")])
    assert wide == ["40:3: neurons.output: a step can need 64 bits; allowed: at most 63"]
    assert set(wide) <= set(found(folder, [(44, "s16", "s63"), (109, "16", "0")]))
    assert not set(wide) & set(found(folder, [(44, "s16", "s63"), (43, "s16", "s17_")]))
