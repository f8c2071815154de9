"""`hwconfigs/README.md` is complete and true: its blocks run, print what is shown, and every key is explained."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import shlex
from pathlib import Path

import bitspike as bs
import pytest
from bitspike.datapath import stages
from bitspike.errors import DocumentError
from bitspike.ops.base import Relation, Rounding
from bitspike.profile import check_profile
from bitspike.profile.schema import Profile
from bitspike.word import Overflow
from command_line import HWCONFIGS, bitspike
from guide import BLOCKS, GUIDE, PROSE, section, spans


def names(text: str) -> set[str]:
    """Every word in backticks."""
    return {word for code, _ in spans(text) for word in re.findall(r"\w+", code)}


def marked(text: str) -> set[tuple[str, bool]]:
    """Every name in backticks, with whether it is said that it may be left out."""
    return {(word, star) for code, star in spans(text) for word in re.findall(r"^\{?(\w+)", code)}


# --- its blocks run ------------------------------------------------------------------------------------------------


def test_every_block_runs_and_prints_what_is_shown(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    space: dict[str, object] = {}
    printed, shown = "", 0
    for block in BLOCKS:
        if block.language == "output":
            assert printed.strip() == block.text.strip()
            shown += 1
        elif block.info.endswith(".yaml"):
            Path(block.info).write_text(block.text, encoding="utf-8")
        elif block.language == "python":
            with contextlib.redirect_stdout(io.StringIO()) as out:
                exec(compile(block.text, GUIDE, "exec"), space)
            printed = out.getvalue()
        elif block.text.startswith("bitspike "):
            ran = [bitspike(capsys, *shlex.split(line)[1:]) for line in block.text.splitlines()]
            assert not any(each.err for each in ran)
            printed = "".join(each.out for each in ran)
    assert shown >= 5


def test_the_fault_that_is_shown_is_reported(tmp_path):
    (fault,) = (line for block in BLOCKS for line in block.text.splitlines() if "Did you mean" in line)
    line = int(fault.split(":")[1])
    (good,) = (block.text for block in BLOCKS if block.info == "mychip.yaml")
    lines = good.splitlines()
    assert "saturate" in lines[line - 1]
    lines[line - 1] = lines[line - 1].replace("saturate", "saturat")
    path = tmp_path / "mychip.yaml"
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(DocumentError) as refused:
        check_profile(path)
    assert [text.replace(str(path), path.name) for text in refused.value.faults] == [fault]


# --- every key is explained ----------------------------------------------------------------------------------------

MODELS = {
    "The profile": ("Profile", "Source", "Value", "Limits"),
    "A class of neurons": ("NeuronClass", "Relay"),
    "Stages": ("Fire", "Branch"),
    "A connection": ("Connection", "Weight", "Sum", "Delay"),
    "Events and queue": ("EventKind", "Until", "Queue"),
    "Shared quantities": (
        "Quantity",
        "Shared",
        "SharedClass",
        "Lif",
        "Leak",
        "Current",
        "SharedConnection",
        "SharedWeight",
    ),
}
STAGES = {each.__name__: each for each in vars(stages).values() if inspect.isclass(each) and hasattr(each, "key")}
SCHEMA = Profile.model_json_schema(by_alias=True)
DEFINED = {name: model for name, model in {"Profile": SCHEMA, **SCHEMA["$defs"]}.items() if "properties" in model}
COMMON = {"into", "word", "when"}  # of every stage; explained above their table


def is_explained(key: str, model: str, text: str) -> None:
    optional = key not in DEFINED[model].get("required", [])
    assert (key, optional) in marked(text), f"`{key}`{'*' * optional} of {model} is not explained"


def keys_of(models: tuple[str, ...] | dict[str, object]) -> list[tuple[str, str]]:
    return [(model, key) for model in models for key in DEFINED[model]["properties"]]


def test_every_model_of_the_schema_has_a_section():
    known = {model for models in MODELS.values() for model in models} | STAGES.keys()
    items = {name for name in DEFINED if name.endswith("Item")}
    assert known == DEFINED.keys() - items


@pytest.mark.parametrize(
    ("title", "model", "key"), [(title, *pair) for title, models in MODELS.items() for pair in keys_of(models)]
)
def test_every_key_is_explained_in_its_section(title, model, key):
    is_explained(key, model, section(title, "###"))


@pytest.mark.parametrize(("model", "key"), keys_of(STAGES))
def test_every_key_of_a_stage_is_in_its_row(model, key):
    text = section("Stages", "###")
    (row,) = re.findall(rf"^\| `{STAGES[model].key}` \|.*$", text, re.MULTILINE)
    is_explained(key, model, text.partition("| stage |")[0] if key in COMMON else row)


def choices(schema: object) -> set[str]:
    """Every word that the schema offers to choose from."""
    if isinstance(schema, list):
        return {word for each in schema for word in choices(each)}
    if not isinstance(schema, dict):
        return set()
    own = {*schema.get("enum", []), schema.get("const")} if "properties" not in schema else set()
    return {str(word) for word in own if isinstance(word, str)} | choices(list(schema.values()))


@pytest.mark.parametrize("word", sorted({*choices(SCHEMA), *Rounding, *Overflow} - {*Relation}))
def test_every_word_to_choose_is_explained(word):
    assert word in names(section("The vocabulary"))


@pytest.mark.parametrize("relation", Relation)
def test_every_relation_is_listed_in_quotes(relation):
    assert f'`"{relation}"`' in section("Words, operands, conditions", "###")


@pytest.mark.parametrize("name", bs.profile_names())
def test_every_shipped_profile_is_in_the_table(name):
    assert f"| `{name}` |" in section("The shipped profiles")


def test_every_key_of_a_vector_file_is_explained():
    from bitspike.exchange import vectors

    documented = re.findall(r"^    ((?:[A-Z]+(?:-[A-Z]+)?\.|[a-z]+\.|input)\S*)", vectors.__doc__ or "", re.MULTILINE)
    assert len(documented) > 20
    text = section("Vector files")
    missing = [key for key in documented if not {re.split(r"\W", key)[-1]} <= names(text)]
    assert not missing


def test_its_links_lead_to_headings_and_the_front_page_leads_to_it():
    headings = {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in re.findall("^#+ (.*)$", PROSE, re.M)}
    links = re.findall(r"\]\(#([^)]+)\)", PROSE)
    assert links
    assert set(links) <= headings
    assert "(hwconfigs/README.md)" in (HWCONFIGS.parent / "README.md").read_text(encoding="utf-8")
