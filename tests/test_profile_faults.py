"""Each kind of bad profile is refused with its place, what was found and what is allowed."""

from __future__ import annotations

from pathlib import Path

import pytest
from bitspike.errors import DocumentError
from bitspike.profile import check_profile
from hypothesis import given, settings
from hypothesis import strategies as st

GOOD = (Path(__file__).parent.parent / "hwconfigs" / "generic-w8-v16.yaml").read_text(encoding="utf-8")
DECAY = "decay: {into: membrane, of: membrane, kind: shift, by: leak, rounding: floor, least: 0, result: remaining}"
SET = "set: {into: accumulator, value: 0}"
WHEN = '[membrane, ">=", threshold]'
WEIGHT = "weight: {word: s8, narrow: false, format: []}\n    parameters: {}\n  recurrent"


def faults(folder: Path, *edits: tuple[str, str]) -> list[str]:
    """The faults of the good profile after some edits of its text, without the file's name."""
    text = GOOD
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    file = folder / "my.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        check_profile(file)
    return [fault.removeprefix(f"{file}:") for fault in caught.value.faults]


def weight(word: str = "s8", narrow: str = "false", stages: str = "", parameters: str = "k: u4") -> tuple[str, str]:
    """An edit of the weight of the forward connection."""
    first = f"weight: {{word: {word}, narrow: {narrow}, format: [{stages}]}}"
    return WEIGHT, f"{first}\n    parameters: {{{parameters}}}\n  recurrent"


SHAPE = [
    ("membrane: s16.saturate", "membrane: s16.saturat",
     "16:17: neurons.neuron.registers.membrane: found 's16.saturat'; allowed: s16.saturate, s16.wrap, s16.refuse. "
     "Did you mean 's16.saturate'?"),
    ("membrane: s16.saturate", "membrane: s16",
     "16:17: neurons.neuron.registers.membrane: found 's16'; allowed: s16.saturate, s16.wrap, s16.refuse"),
    ("leak: u4", "leak: u4.wrap", "19:13: neurons.neuron.parameters.leak: found 'u4.wrap'; allowed: u4"),
    ("leak: u4", "leak: 4", "19:13: neurons.neuron.parameters.leak: found 4; allowed: a word such as u4"),
    ("leak: u4", "leak:", "19:12: neurons.neuron.parameters.leak: found nothing; allowed: a word such as u4"),
    ("schema: 1", "schema: 2", "2:9: schema: found 2; allowed: 1"),
    ("schema: 1", "schema: true", "2:9: schema: found true; allowed: 1"),
    ("clock: step", "clock: stp", "10:8: clock: found 'stp'; allowed: step, event. Did you mean 'step'?"),
    ("clock: step\n", "", "2:1: missing key 'clock'"),
    (WHEN, '[1, ">=", 2]', "26:21: neurons.neuron.step[3].fire.branches[0].when: found a list of 3; "
     "allowed: a register or a parameter on one side of the relation"),
    ('version: "1"', "version: 1", "8:12: source.version: found 1; allowed: text, in quotes"),
    ("quirks: {}", "quirk: {}", "2:1: missing key 'quirks'|"
     "69:1: quirk: unknown key; allowed: schema, name, title, source, clock, input, values, neurons, connections, "
     "events, queue, shared, limits, quirks. Did you mean 'quirks'?"),
    ("of: membrane, ", "", "21:9: neurons.neuron.step[0].decay: missing key 'of'"),
    ("rounding: floor", "rounding: flor",
     "21:80: neurons.neuron.step[0].decay.rounding: found 'flor'; allowed: floor, zero. Did you mean 'floor'?"),
    ("least: 0", "least: 0.0", "21:94: neurons.neuron.step[0].decay.least: found 0.0; allowed: 0, 1"),
    (SET, "sett: {}", "23:9: neurons.neuron.step[2]: unknown stage 'sett'; allowed: decay, add, set, shift, scale, "
     "clip, shrink, divide, fire. Did you mean 'set'?"),
    (SET, "set:\n        into: accumulator\n        value: 0",
     "23:9: neurons.neuron.step[2]: found the keys set, into, value; allowed: one of decay, add, set, shift, scale, "
     "clip, shrink, divide, fire, "
     "with its own keys indented below it|23:13: neurons.neuron.step[2].set: found nothing; allowed: a mapping with "
     "the keys into, word, when, value"),
    (SET, "set", "23:9: neurons.neuron.step[2]: found 'set'; allowed: one of decay, add, set, shift, scale, clip, "
     "shrink, divide, fire, with its own keys indented below it"),
    ("terms: [accumulator]", "terms: []",
     "22:38: neurons.neuron.step[1].add.terms: found an empty list; allowed: a list of at least 1 item"),
    ("value: 0", "value: [0]",
     "23:41: neurons.neuron.step[2].set.value: found a list of 1; allowed: a register, a parameter or an integer; "
     "-name and name*name compute"),
    (WHEN, '[membrane, ">="]',
     "26:21: neurons.neuron.step[3].fire.branches[0].when: found a list of 2; allowed: [left, relation, right] or a "
     "list of such conditions"),
    (WHEN, '[membrane, "=>", threshold]',
     "26:32: neurons.neuron.step[3].fire.branches[0].when[1]: found '=>'; allowed: >=, >, <=, <, ==, !=. "
     "Did you mean '>'?"),
    ("emit: 1", "emit: 2",
     "27:21: neurons.neuron.step[3].fire.branches[0].emit: found 2; allowed: -1, 0, 1, or the register or parameter "
     "whose value is emitted"),
    ("repeat: 1", "repeat: 256",
     "28:23: neurons.neuron.step[3].fire.branches[0].repeat: found 256; allowed: an integer from 1 to 255"),
    ("emit: 1\n              repeat: 1", "emit: 0\n              repeat: 2",
     "28:23: neurons.neuron.step[3].fire.branches[0].repeat: found 2; allowed: 1, as only a branch that emits 1 "
     "repeats"),
    ("- add: {into: membrane, terms: [-threshold]}", "- fire: {branches: []}",
     "30:19: neurons.neuron.step[3].fire.branches[0].do[0]: unknown stage 'fire'; allowed: decay, add, set, shift, "
     "scale, clip, shrink, divide"),
    ("cap: 255", "cap: 3.0",
     "40:10: connections.forward.cap: found 3.0; allowed: an integer from 1 to 255, none (graded spikes) or nonzero "
     "(any spike acts as one)"),
    ("from: [input, neuron]", "from: input", "34:11: connections.forward.from: found 'input'; allowed: a list of at "
     "least 1 item"),
    ("neurons: {neuron: 1024}", "neurons: {Neuron: 1024}",
     "55:13: limits.neurons.Neuron: found the key 'Neuron'; allowed: text that matches [a-z][a-z0-9_]*"),
]  # fmt: skip

SENSE = [
    (DECAY, DECAY.replace("into: membrane", "into: membran"),
     "21:23: neurons.neuron.step[0].decay.into: found 'membran'; allowed: accumulator, membrane. "
     "Did you mean 'membrane'?"),
    (DECAY, DECAY.replace("into: membrane", "into: leak"),
     "21:23: neurons.neuron.step[0].decay.into: found 'leak'; allowed: accumulator, membrane"),
    (DECAY, DECAY.replace("by: leak", "by: leek"),
     "21:64: neurons.neuron.step[0].decay.by: found 'leek'; allowed: accumulator, membrane, threshold, leak, an "
     "integer. Did you mean 'leak'?"),
    (DECAY, DECAY.replace("by: leak", "by: -1"), "21:64: neurons.neuron.step[0].decay.by: found -1; allowed: 0 to 63"),
    (DECAY, DECAY.replace("by: leak", "by: accumulator"),
     "21:64: neurons.neuron.step[0].decay.by: found 'accumulator', which holds -32768 to 32767; allowed: 0 to 63"),
    ("leak: u4", "leak: s4",
     "21:64: neurons.neuron.step[0].decay.by: found 'leak', which holds -8 to 7; allowed: 0 to 63"),
    ("terms: [accumulator]", "terms: [accumulator, -thresh]",
     "22:52: neurons.neuron.step[1].add.terms[1]: found 'thresh'; allowed: accumulator, membrane, threshold, leak, an "
     "integer. Did you mean 'threshold'?"),
    (SET, SET.replace("0", "spikes"), "23:41: neurons.neuron.step[2].set.value: found 'spikes'; allowed: accumulator, "
     "membrane, threshold, leak, an integer"),
    (SET, SET.replace("0", "40000"), "23:41: neurons.neuron.step[2].set.value: found 40000; allowed: -32768 to 32767"),
    (SET, SET.replace("0", "200, word: u7.wrap"),
     "23:41: neurons.neuron.step[2].set.value: found 200; allowed: 0 to 127"),
    (WHEN, '[membrane, ">=", -threshhold]',
     "26:38: neurons.neuron.step[3].fire.branches[0].when[2]: found 'threshhold'; allowed: accumulator, membrane, "
     "threshold, leak, an integer. Did you mean 'threshold'?"),
    ("value: 0}", 'value: 0, when: [noise, "<", 3]}',
     "23:51: neurons.neuron.step[2].set.when[0]: found 'noise'; allowed: accumulator, membrane, threshold, leak, an "
     "integer"),
    ("leak: u4", "leak: u4\n      membrane: u4",
     "20:7: neurons.neuron.parameters.membrane: is a register already; choose another name"),
    ("leak: u4", "leak: u4\n      spikes: u4",
     "20:7: neurons.neuron.parameters.spikes: is a reserved name; choose another"),
    ("membrane: s16.saturate", "membrane: s16.saturate\n      weight: s8.wrap",
     "17:7: neurons.neuron.registers.weight: is a reserved name; choose another"),
    ("  neuron:\n    registers", "  input:\n    registers",
     "13:3: neurons.input: names a network's input channels; choose another name|34:19: connections.forward.from[1]: "
     "found 'neuron'; allowed: input|35:9: connections.forward.to: found 'neuron'; allowed: input|44:12: "
     "connections.recurrent.from[0]: found 'neuron'; allowed: input|45:9: connections.recurrent.to: found 'neuron'; "
     "allowed: input|55:13: limits.neurons.neuron: found 'neuron'; allowed: input|59:5: shared.neurons.neuron: found "
     "'neuron'; allowed: input"),
    ("terms: [accumulator]}", "terms: [accumulator, noise]}",
     "22:52: neurons.neuron.step[1].add.terms[1]: found 'noise'; allowed: accumulator, membrane, threshold, leak, an "
     "integer"),
    ("- fire:\n", "- fire: {branches: [{when: [membrane, '>', 3], emit: 1, repeat: 1, do: []}]}\n      - fire:\n",
     "25:9: neurons.neuron.step[4].fire: found another fire; allowed: one in a step"),
    ("[input, neuron]", "[input, neurn]",
     "34:19: connections.forward.from[1]: found 'neurn'; allowed: input, neuron. Did you mean 'neuron'?"),
    ("[input, neuron]", "[input, input]", "34:19: connections.forward.from[1]: found 'input' twice; allowed: once"),
    ("to: neuron", "to: input", "35:9: connections.forward.to: found 'input'; allowed: neuron"),
    ("into: [accumulator]", "into: [threshold]",
     "36:12: connections.forward.into[0]: found 'threshold'; allowed: accumulator, membrane"),
    ("into: [accumulator]", "into: [accumulator, accumulator]",
     "36:25: connections.forward.into[1]: found 'accumulator' twice; allowed: once"),
    (*weight(word="u8", narrow="true", parameters=""),
     "41:32: connections.forward.weight.narrow: found true; allowed: false, as u8 holds nothing below 0"),
    (*weight(parameters="weight: u4"),
     "42:18: connections.forward.parameters.weight: is a reserved name; choose another"),
    (*weight(stages="shift: {into: membrane, by: k, word: s16.wrap}"),
     "41:62: connections.forward.weight.format[0].shift.into: found 'membrane'; allowed: weight"),
    (*weight(stages="shift: {into: weight, by: noise, word: s16.wrap}"),
     "41:74: connections.forward.weight.format[0].shift.by: found 'noise'; allowed: k, weight, "
     "threshold, leak, an integer"),
    (*weight(stages="shift: {into: weight, by: k}"),
     "41:48: connections.forward.weight.format[0].shift: missing key 'word': a weight has no overflow of its own"),
    ("neurons: {neuron: 1024}", "neurons: {nuron: 1024}",
     "55:13: limits.neurons.nuron: found 'nuron'; allowed: neuron. Did you mean 'neuron'?"),
    ("fan_in: {forward: 1024, recurrent: 1024}", "targets: {foward: 1024}",
     "56:13: limits.targets.foward: found 'foward'; allowed: forward, recurrent. Did you mean 'forward'?"),
    ("membrane: s16.saturate", "membrane: s63.saturate",
     "13:3: neurons.neuron: a step can need 64 bits; allowed: at most 63"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), SHAPE)
def test_a_profile_of_the_wrong_shape_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert faults(tmp_path, (old, new)) == message.split("|")


@pytest.mark.parametrize(("old", "new", "message"), SENSE)
def test_a_profile_without_sense_is_refused(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert faults(tmp_path, (old, new)) == message.split("|")


def test_a_register_that_is_read_must_be_written(tmp_path: Path) -> None:
    assert faults(
        tmp_path,
        ("membrane: s16.saturate", "membrane: s16.saturate\n      noise: s4.wrap"),
        ("terms: [accumulator]", "terms: [accumulator, noise]"),
    ) == ["17:7: neurons.neuron.registers.noise: is read, but no stage and no connection writes it"]


def test_a_step_without_fire_is_refused(tmp_path: Path) -> None:
    fire = GOOD[GOOD.index("      - fire:") : GOOD.index("connections:")]
    assert faults(tmp_path, (fire, "")) == ["20:5: neurons.neuron.step: found no fire; allowed: one in a step"]


def test_a_step_beyond_63_bits_is_refused_though_each_word_fits(tmp_path: Path) -> None:
    assert faults(
        tmp_path,
        ("accumulator: s16.saturate", "accumulator: s63.saturate"),
        ("membrane: s16.saturate", "membrane: s63.saturate"),
        (WHEN, '[membrane, ">=", 5]'),
    ) == ["13:3: neurons.neuron: a step can need 64 bits; allowed: at most 63"]


def test_many_faults_are_reported_together_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert faults(
        tmp_path, ("leak: u4", "leak: s4"), ("to: neuron", "to: nobody"), (SET, SET.replace("0", "-40000"))
    ) == [
        "21:64: neurons.neuron.step[0].decay.by: found 'leak', which holds -8 to 7; allowed: 0 to 63",
        "23:41: neurons.neuron.step[2].set.value: found -40000; allowed: -32768 to 32767",
        "35:9: connections.forward.to: found 'nobody'; allowed: neuron",
    ]


def test_a_trap_of_yaml_hides_no_other_fault(tmp_path: Path) -> None:
    assert faults(tmp_path, ("least: 0", "least: 00"), ("clock: step", "clock: 5"), ("cap: 255", "cap: 0xff")) == [
        "10:8: clock: found 5; allowed: step, event",
        "21:94: neurons.neuron.step[0].decay.least: found 00; write 0",
        "40:10: connections.forward.cap: found 0xff; write 255",
    ]


LINES = GOOD.splitlines()


@settings(deadline=None)
@given(st.data())
def test_a_mutated_profile_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    lines = list(LINES)
    for _ in range(data.draw(st.integers(1, 3))):
        index = data.draw(st.integers(0, len(lines) - 1))
        line, at = lines[index], data.draw(st.integers(0, len(lines[index])))
        piece = data.draw(st.sampled_from(LINES) | st.text("ab019-_:{}[],\"' .&*!~\t\0", max_size=3))
        lines[index] = data.draw(st.sampled_from([line[:at] + piece + line[at:], line[:at], piece, line[at:]]))
    file = tmp_path_factory.mktemp("mutated") / "my.yaml"
    file.write_bytes("\n".join(lines).encode())
    _read_or_refused(file)


@settings(deadline=None)
@given(st.integers(0, len(GOOD) - 1), st.binary(min_size=1, max_size=3))
def test_a_profile_with_other_bytes_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, at: int, other: bytes
) -> None:
    file = tmp_path_factory.mktemp("bytes") / "my.yaml"
    raw = GOOD.encode()
    file.write_bytes(raw[:at] + other + raw[at + len(other) :])
    _read_or_refused(file)


def _read_or_refused(file: Path) -> None:
    try:
        check_profile(file)
    except DocumentError as error:
        faults = error.faults
    else:
        return
    assert faults
    assert all(fault.startswith(f"{file}:") and "\n" not in fault for fault in faults)
