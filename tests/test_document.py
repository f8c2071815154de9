"""Reading YAML: every trap is refused with its place, and nothing but DocumentError comes out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import pytest
import yaml
from bitspike.datapath import Model
from bitspike.document import Positions, read_document
from bitspike.document.nodes import read_nodes
from bitspike.document.reader import MAX_BYTES
from bitspike.document.scalars import AmbiguousError, read_plain
from bitspike.errors import DocumentError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field


class Part(Model):
    kind: Literal["dense", "conv"]
    size: int = Field(default=1, ge=1, le=9)


class Recipe(Model):
    title: str
    rate: float = 0.5
    epochs: int = 1
    shuffle: bool = False
    level: Literal[0, 1] = 0
    tags: tuple[str, ...] = ()
    parts: dict[str, Part] = Field(default={})


def read(folder: Path, text: str | bytes) -> tuple[Recipe, Positions]:
    file = folder / "my.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_document(file, Recipe)


def faults(folder: Path, text: str | bytes) -> list[str]:
    with pytest.raises(DocumentError) as caught:
        read(folder, text)
    return [fault.removeprefix(f"{folder}{os.sep}") for fault in caught.value.faults]


def test_plain_values_keep_their_types(tmp_path: Path) -> None:
    recipe, _ = read(tmp_path, "title: a b\nrate: 0.25\nepochs: -3\nshuffle: true\ntags: ['010', \"on\", 0.1.3]\n")
    assert recipe == Recipe(title="a b", rate=0.25, epochs=-3, shuffle=True, tags=("010", "on", "0.1.3"))


def test_a_float_may_have_a_signed_exponent_and_an_integer_may_stand_for_it(tmp_path: Path) -> None:
    assert read(tmp_path, "title: x\nrate: 1.0e-3\n")[0].rate == 0.001
    assert read(tmp_path, "title: x\nrate: 2\n")[0].rate == 2.0


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    assert read(tmp_path, "\ufefftitle: x\n")[0].title == "x"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("010", "found 010; write 10, or 8 if it is octal"),
        ("09", "found 09; write 9"),
        ("0x10", "found 0x10; write 16"),
        ("0b101", "found 0b101; write 5"),
        ("0o17", "found 0o17; write 15"),
        ("1_000", "found 1_000; write 1000"),
        ("+5", "found +5; write 5"),
        ("1e3", "found 1e3; write 1000"),
        ("1e-3", "found 1e-3; write 0.001"),
        ("1.5e3", "found 1.5e3; write 1500"),
        (".5", "found .5; write 0.5"),
        ("5.", "found 5.; write 5"),
        ("12:30", 'found 12:30; write "12:30", or a number without colons'),
        ("yes", 'found yes; write true or "yes"'),
        ("Off", 'found Off; write false or "Off"'),
        ("n", 'found n; write false or "n"'),
        ("True", 'found True; write true or "True"'),
        ("2024-01-02", 'found 2024-01-02; write "2024-01-02"'),
        (".inf", "found .inf; allowed: finite numbers"),
        ("-.NaN", "found -.NaN; allowed: finite numbers"),
        ("1.0e+999", "found 1.0e+999; allowed: finite numbers"),
        ("9" * 20, f"found {'9' * 20}; allowed: {-(2**63)} to {2**63 - 1}"),
        ("!!int 5", "found !!int, a tag; write the value without it"),
        ("!!python/object:os.system x", "found !!python/object:os.system, a tag; write the value without it"),
        ("!foo x", "found !foo, a tag; write the value without it"),
        ("&a x", "found &a, an anchor; write every value out"),
        ("*a", "found *a, an alias; write the value out"),
        ('"\\0"', r"found the control character '\x00'; allowed: text"),
        ('"\\ud800"', r"found the control character '\ud800'; allowed: text"),
    ],
)
def test_an_ambiguous_value_is_refused_with_what_to_write(tmp_path: Path, value: str, message: str) -> None:
    assert faults(tmp_path, f"title: {value}\n") == [f"my.yaml:1:8: title: {message}"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("on: 1", '2:1: found on as a key; write "on"'),
        ("no: 1", '2:1: found no as a key; write "no"'),
        ("1: 1", '2:1: found 1 as a key; write "1"'),
        ("true: 1", '2:1: found true as a key; write "true"'),
        ("~: 1", '2:1: found ~ as a key; write "~"'),
        ("[a, {b: c}]: 1", "2:1: found a list or mapping as a key; a key is text"),
        ("<<: {rate: 1}", "2:1: found <<, a merge key; write the keys out"),
        ("*a : 1", "2:1: found *a, an alias; write the value out"),
        ("!!str rate: 1", "2:1: found !!str, a tag; write the value without it"),
        ("title: z", "2:1: title: found the key twice; it is in line 1 already"),
        ("titel: 1", "2:1: titel: unknown key; allowed: title, rate, epochs, shuffle, level, tags, parts. "
         "Did you mean 'title'?"),
        ("epochs: 3.0", "2:9: epochs: found 3.0; allowed: an integer"),
        ("epochs: true", "2:9: epochs: found true; allowed: an integer"),
        ("epochs: '3'", "2:9: epochs: found '3'; allowed: an integer"),
        ("epochs:", "2:8: epochs: found nothing; allowed: an integer"),
        ("epochs: ~", "2:9: epochs: found nothing; allowed: an integer"),
        ("rate: fast", "2:7: rate: found 'fast'; allowed: a number"),
        ("shuffle: 1", "2:10: shuffle: found 1; allowed: true or false"),
        ("level: true", "2:8: level: found true; allowed: 0, 1"),
        ("level: 1.0", "2:8: level: found 1.0; allowed: 0, 1"),
        ("level: 2", "2:8: level: found 2; allowed: 0, 1"),
        ("tags: [a, 0.1]", "2:11: tags[1]: found 0.1; allowed: text, in quotes"),
        ("tags: a", "2:7: tags: found 'a'; allowed: a list"),
        ("parts: {p: {kind: desne}}", "2:19: parts.p.kind: found 'desne'; allowed: dense, conv. Did you mean 'dense'?"),
        ("parts: {p: {size: 2}}", "2:9: parts.p: missing key 'kind'"),
        ("parts: {p: {kind: conv, size: 10}}", "2:31: parts.p.size: found 10; allowed: an integer from 1 to 9"),
        ("parts: {p: []}", "2:12: parts.p: found an empty list; allowed: a mapping with the keys kind, size"),
        ("---\ntitle: y", "2:1: found a second document; a file holds one"),
        ("\trate: 1", "2:1: found a tab; indent with spaces"),
        ("rate: @x", "2:7: not YAML: found character '@' that cannot start any token; put the text in quotes"),
        ("rate: 'x", "3:1: not YAML: found unexpected end of stream"),
        ("rate: \x07", r"2:7: found the control character '\x07'; allowed: text"),
    ],
)  # fmt: skip
def test_a_bad_line_is_one_fault_with_its_place(tmp_path: Path, line: str, message: str) -> None:
    assert faults(tmp_path, f"title: x\n{line}\n") == [f"my.yaml:{message}"]


def test_all_faults_come_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    assert faults(tmp_path, "epochs: 1.5\non: 2\nshuffle: yes\nparts: {p: {kind: x}}\n") == [
        "my.yaml:1:1: missing key 'title'",
        "my.yaml:1:9: epochs: found 1.5; allowed: an integer",
        'my.yaml:2:1: found on as a key; write "on"',
        'my.yaml:3:10: shuffle: found yes; write true or "yes"',
        "my.yaml:4:19: parts.p.kind: found 'x'; allowed: dense, conv",
    ]


def test_a_file_that_is_no_yaml_document_is_one_line(tmp_path: Path) -> None:
    root = "a mapping with the keys title, rate, epochs, shuffle, level, tags, parts"
    assert faults(tmp_path, "") == ["my.yaml: found nothing; the file is empty"]
    assert faults(tmp_path, "# nothing\n") == ["my.yaml:1:1: found nothing; the file is empty"]
    assert faults(tmp_path, "hello") == [f"my.yaml:1:1: found 'hello'; allowed: {root}"]
    assert faults(tmp_path, "- a") == [f"my.yaml:1:1: found a list of 1; allowed: {root}"]
    assert faults(tmp_path, b"title: \xff") == ["my.yaml: found byte 0xff at offset 7; allowed: UTF-8 text"]
    assert faults(tmp_path, b"title: x\0") == [r"my.yaml:1:9: found the control character '\x00'; allowed: text"]


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    size = MAX_BYTES + 1
    assert faults(tmp_path, b"#" * size) == [f"my.yaml: found {size} bytes; allowed: {MAX_BYTES} at most"]


@pytest.mark.parametrize("text", ["[" * 100_000, "{a: " * 5000, "- " * 5000, "? " * 5000], ids=["[", "{", "-", "?"])
def test_deep_nesting_is_refused(tmp_path: Path, text: str) -> None:
    assert len(faults(tmp_path, text)) <= 2


def test_the_place_of_deep_nesting_is_named(tmp_path: Path) -> None:
    assert faults(tmp_path, "[" * 100_000) == ["my.yaml:1:34: nested deeper than 32 levels"]


def test_numbers_that_python_cannot_convert_are_refused(tmp_path: Path) -> None:
    assert "out of range" in faults(tmp_path, 'title: "\\UFFFFFFFF"')[0]
    assert "out of range" in faults(tmp_path, "%YAML 1." + "9" * 5000 + "\n---\ntitle: x")[0]
    assert "found 1e999999999; write a decimal number" in faults(tmp_path, "title: 1e999999999")[0]
    assert "found 0xfff" in faults(tmp_path, "title: 0x" + "f" * 9000)[0]


def test_a_path_that_leads_to_no_file_is_one_line(tmp_path: Path) -> None:
    for path, message in [
        (str(tmp_path / "no.yaml"), "no.yaml: there is no such file"),
        (str(tmp_path), ": found a directory; allowed: a YAML file"),
        ("", "'': there is no such file"),
        ("a\0b", r"'a\x00b': cannot be read: embedded null byte"),
        ("x" * 5000, ": cannot be read: File name too long"),
    ]:
        with pytest.raises(DocumentError) as caught:
            read_document(path, Recipe)
        assert str(caught.value).endswith(message)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="only a user without rights is refused")
def test_an_unreadable_file_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text("title: x")
    file.chmod(0)
    with pytest.raises(DocumentError, match="cannot be read: Permission denied"):
        read_document(file, Recipe)


def test_the_file_is_named_as_the_user_gave_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "my.yaml").write_text("title: 3")
    with pytest.raises(DocumentError, match=r"^my\.yaml:1:8: title: found 3; allowed: text, in quotes$"):
        read_document("my.yaml", Recipe)


def test_later_checks_can_point_at_a_value_its_key_and_what_would_contain_it(tmp_path: Path) -> None:
    _, positions = read(tmp_path, "title: x\nparts:\n  p: {kind: conv}\n")
    file = tmp_path / "my.yaml"
    assert positions.fault(("parts", "p", "kind"), "bad") == f"{file}:3:13: parts.p.kind: bad"
    assert positions.fault(("parts", "p", "kind"), "bad", key=True) == f"{file}:3:7: parts.p.kind: bad"
    assert positions.fault(("parts", "p", "size"), "bad") == f"{file}:3:3: parts.p.size: bad"


SCALARS = st.text("0123456789+-_.:eExXobaftTZ ~<=nyosNYrul", min_size=1, max_size=12)


@given(SCALARS)
def test_what_is_not_refused_is_what_pyyaml_reads(text: str) -> None:
    try:
        value = read_plain(text)
    except AmbiguousError:
        return
    loader = yaml.SafeLoader("")
    tag = loader.resolve(yaml.ScalarNode, text, (True, False))
    if isinstance(value, str):
        assert tag == "tag:yaml.org,2002:str"
    else:
        assert loader.construct_object(yaml.ScalarNode(tag, text)) == value


@given(st.text("ab01:-?[]{},&*!|>'\"%@ \n\t#~<=.\\", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    root, faults = read_nodes(text)
    assert root is not None or faults
