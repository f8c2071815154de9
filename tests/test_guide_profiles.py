"""What `hwconfigs/README.md` offers as stages are stages, and what it says is refused is refused."""

from __future__ import annotations

import json
import re

import pytest
import yaml
from bitspike.datapath import stages
from bitspike.errors import DocumentError
from bitspike.ops.base import Registers
from bitspike.ops.integer import IntegerOps
from bitspike.profile import check_profile
from bitspike.word import Word
from guide import BLOCKS, Block, section, spans
from pydantic import TypeAdapter

# --- its idioms are stages that a profile may have -----------------------------------------------------------------

IDIOMS = [block for block in BLOCKS if block.info in ("step", "format", "then")]
ANY_NAME = re.compile(r"[a-z]\w*")
FIRE = {"fire": {"branches": [{"when": ["own", ">", 0], "emit": 1, "repeat": 1, "do": []}]}}


def stages_in(items: object) -> list[dict]:
    """Every mapping that writes a register."""
    if isinstance(items, list):
        return [stage for item in items for stage in stages_in(item)]
    if not isinstance(items, dict):
        return []
    return [items] if "into" in items else stages_in(list(items.values()))


def operands_in(items: object, key: str = "") -> set[str]:
    """Every name that is read."""
    if isinstance(items, dict):
        return {name for k, value in items.items() for name in operands_in(value, k)}
    if isinstance(items, list):
        return {name for value in items for name in operands_in(value, key)}
    closed = key in ("kind", "rounding", "result", "word", "into")
    return set() if closed or not isinstance(items, str) else set(ANY_NAME.findall(items))


def profile_of(block: Block) -> dict:
    """A profile around an idiom: what it writes are registers, what else it names are parameters."""
    items = yaml.safe_load(block.text)
    written = {stage["into"] for stage in stages_in(items)}
    registers = dict.fromkeys({"own", *written} - {"weight", "sum"}, "s24.saturate")
    parameters = dict.fromkeys(operands_in(items) - {*registers, "weight", "sum"}, "u3(1..7)")
    own, common = (parameters, {}) if block.info == "step" else ({}, parameters)
    step = items if block.info == "step" else []
    fires = any("fire" in item for item in step)
    connection = {
        "from": ["input"],
        "to": "neuron",
        "into": ["own"],
        "timing": "same_step",
        "order": "ascending",
        "fit_per": "step" if block.info == "then" else "source",
        "cap": 1,
        "weight": {"word": "u4", "narrow": False, "format": items if block.info == "format" else []},
        "parameters": common,
    }
    if block.info == "then":
        connection["sum"] = {"word": "s24.refuse", "then": items}
    return {
        "schema": 1,
        "name": "idiom",
        "title": "An idiom",
        "source": {"kind": "synthetic", "name": "guide", "version": "1", "note": ""},
        "clock": "step",
        "input": "u1",
        "neurons": {"neuron": {"registers": registers, "parameters": own, "step": [*step, *([] if fires else [FIRE])]}},
        "connections": {"c": connection},
        "limits": {},
        "quirks": {},
    }


def test_there_are_idioms_of_every_kind():
    assert {block.info for block in IDIOMS} == {"step", "format", "then"}


@pytest.mark.parametrize("block", IDIOMS, ids=lambda block: block.text.splitlines()[0][:50])
def test_an_idiom_has_no_faults(block, tmp_path):
    path = tmp_path / "idiom.yaml"
    path.write_text(yaml.safe_dump(profile_of(block)), encoding="utf-8")
    check_profile(path)


def test_the_keys_of_the_table_of_sentences_are_those_of_a_connection(tmp_path):
    text = section("From sentence to stage")
    found = [yaml.safe_load(code) for code, _ in spans(text) if re.match(r"(weight|sum|delay|timing|fit_per): ", code)]
    assert len(found) > 4
    block = IDIOMS[0]
    for keys in found:
        data = profile_of(block)
        data["connections"]["c"].update(keys)
        if data["connections"]["c"]["fit_per"] == "step" or "sum" in keys:
            data["connections"]["c"].update(
                {"fit_per": "step", "sum": keys.get("sum", {"word": "s9.wrap", "then": []})}
            )
        path = tmp_path / "idiom.yaml"
        path.write_text(yaml.safe_dump(data), encoding="utf-8")
        check_profile(path)


def test_the_idioms_of_rounding_round_as_they_say():
    (block,) = (each for each in IDIOMS if "rounded to nearest" in each.text)
    found = TypeAdapter(list[stages.WriteItem]).validate_json(json.dumps(yaml.safe_load(block.text)))
    words = dict.fromkeys(("x", "up"), Word.parse("s12.refuse"))
    for x in range(-40, 41):
        nearest, up = (Registers(IntegerOps(), words, {"x": x, "up": 0}) for _ in range(2))
        for item in found[:3]:
            item.stage.run(nearest)
        for item in found[3:]:
            item.stage.run(up)
        assert nearest["x"] == (2 * x + 8) // 16
        assert up["up"] == -(-x // 8)


# --- what it says is refused is refused ----------------------------------------------------------------------------

UNWRITTEN = (
    "ref: u4.refuse\n    parameters:\n      vth: u11\n      leak: u3",
    "ref: u4.refuse\n      leak: u3.refuse\n    parameters:\n      vth: u11",
)
REFUSED = {
    "an unknown key": ("mychip", "emit: 0", "emits: 0", "unknown key"),
    "a missing key": ("mychip", "    order: ascending\n", "", "missing key 'order'"),
    "a name that does not exist": ("mychip", "terms: [acc]", "terms: [akk]", "found 'akk'"),
    "a step without fire": ("gnat", "- fire: {branches: [{when: [v,", "- set: {into: v, value: 0} # ", "found no fire"),
    "a step with two": ("mychip", "- set: {into: acc, value: 0}", FIRE, "found another fire"),
    "a register that nothing writes": ("mychip", *UNWRITTEN, "no connection writes it"),
    "a derived value that is not written": (
        "mychip",
        "    step:",
        "    derived: {twice: u9.refuse}\n    step:",
        "no stage of 'prepare' writes it",
    ),
    "a register that leaves its word": (
        "mychip",
        "acc, value: 0",
        "acc, value: 0, word: s9.saturate",
        "spikes arrive as s8.saturate",
    ),
    "a negative shift without rounding": (
        "mychip",
        "by: exponent, word",
        "by: -exponent, word",
        "with the key 'rounding'",
    ),
    "a quotient by 0": (
        "mychip",
        "- set: {into: acc, value: 0}",
        "- divide: {into: acc, of: acc, by: leak}",
        "allowed: 1 or more",
    ),
    "a literal beyond its register": ("mychip", "into: acc, value: 0", "into: acc, value: 128", "found 128"),
    "a register that cannot start at 0": ("mychip", "ref: u4.refuse", "ref: u4(1..8).refuse", "which it starts from"),
    "a step beyond 63 bits": ("mychip", "mem: s12.saturate", "mem: s63.saturate", "a step can need 64 bits"),
    "a format without word": ("mychip", "by: exponent, word: s7.refuse", "by: exponent", "missing key 'word'"),
    "a sum that has no word": ("mychip", "fit_per: source", "fit_per: step", "the key 'sum'"),
    "a narrow unsigned word": ("mychip", "word: s4", "word: u4", "narrow: found true"),
    "repeats of a branch that emits nothing": (
        "mychip",
        "emit: 0\n              repeat: 1",
        "emit: 0\n              repeat: 2",
        "repeat: found 2",
    ),
    "events in time steps": ("gnat", "clock: event", "clock: step\ninput: u1", "events: is for clock: event"),
    "input of an event clock": ("gnat", "clock: event", "clock: event\ninput: u1", "input: is for clock: step"),
    "a spike of an event clock that waits": (
        "gnat",
        "timing: same_step",
        "timing: next_step",
        "timing: found 'next_step'",
    ),
    "a name that YAML takes for true": ("gnat", "leak: u4", "y: u4", 'write "y"'),
    "a range of a word that wraps": ("mychip", "s12.saturate", "s12(-9..9).wrap", "allowed: no range"),
    "a relation without quotes": ("mychip", '">="', ">=", "put the text in quotes"),
}


@pytest.mark.parametrize(("name", "old", "new", "fault"), REFUSED.values(), ids=REFUSED)
def test_what_it_says_is_refused_is_refused(name, old, new, fault, tmp_path):
    (text,) = (block.text for block in BLOCKS if block.info == f"{name}.yaml")
    assert old in text
    path = tmp_path / "chip.yaml"
    path.write_text(text.replace(old, f"- {json.dumps(new)}" if isinstance(new, dict) else new, 1), encoding="utf-8")
    with pytest.raises(DocumentError, match=re.escape(fault)):
        check_profile(path)
