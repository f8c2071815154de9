"""Shipped profiles after edits of their text, an @ before each place where a fault is expected."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bitspike.errors import DocumentError
from bitspike.profile import Profile, check_profile

HWCONFIGS = Path(__file__).parent.parent / "hwconfigs"
MARK = "@"

Edit = tuple[str, str]


def edited_text(name: str, *edits: Edit) -> str:
    """The text of a shipped profile, each edit made once, its marks still in it."""
    text = (HWCONFIGS / f"{name}.yaml").read_text(encoding="utf-8")
    assert MARK not in text
    for old, new in edits:
        assert old in text.replace(MARK, ""), old
        text = text.replace(old, new, 1)
    return text


def refusals(folder: Path, name: str, *edits: Edit) -> list[str]:
    """The faults after these edits, without file and place: the places are the marks, or the first of the file."""
    marked = edited_text(name, *edits)
    file = folder / "my.yaml"
    file.write_text(marked.replace(MARK, ""), encoding="utf-8")
    with pytest.raises(DocumentError) as caught:
        check_profile(file)
    found = [re.fullmatch(rf"{re.escape(str(file))}:(\d+):(\d+): (.+)", fault) for fault in caught.value.faults]
    assert all(found)
    places = dict.fromkeys((int(match[1]), int(match[2])) for match in found if match)
    assert list(places) == _marks(marked)
    return [match[3] for match in found if match]


def accepted(folder: Path, name: str, *edits: Edit) -> tuple[Profile, list[str]]:
    """The profile after these edits, and its warnings without file and place: the places are the marks."""
    marked = edited_text(name, *edits)
    file = folder / "my.yaml"
    file.write_text(marked.replace(MARK, ""), encoding="utf-8")
    profile, warnings = check_profile(file)
    found = [warning.removeprefix(f"{file}:").split(":", 2) for warning in warnings]
    assert list(dict.fromkeys((int(line), int(column)) for line, column, _ in found)) == _marks(marked)
    return profile, [message.strip() for _, _, message in found]


def _marks(text: str) -> list[tuple[int, int]]:
    """Line and column of each mark, as if the marks before it were not there."""
    lines = enumerate(text.splitlines(), 1)
    return [
        (number, match.start() + 1 - line[: match.start()].count(MARK))
        for number, line in lines
        for match in re.finditer(re.escape(MARK), line)
    ]
