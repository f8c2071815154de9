"""The guide `hwconfigs/README.md` in pieces: its fenced blocks, its prose and its sections."""

from __future__ import annotations

import re
from dataclasses import dataclass

from command_line import HWCONFIGS

GUIDE = HWCONFIGS / "README.md"
TEXT = GUIDE.read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, what else its first line says, and its text."""

    language: str
    info: str
    text: str


BLOCKS = [Block(language, info.strip(), text) for language, info, text in FENCE.findall(TEXT)]
PROSE = FENCE.sub("", TEXT)


def section(title: str, level: str = "##") -> str:
    """The prose under a heading, to the next one of its level or above."""
    found = re.search(
        rf"^{level} {re.escape(title)}$(.*?)(?=^#{{2,{len(level)}}} |\Z)", PROSE, re.DOTALL | re.MULTILINE
    )
    assert found, f"no heading {level} {title}"
    return found[1]


def spans(text: str) -> list[tuple[str, bool]]:
    """Everything in backticks, with whether a star follows it."""
    return [(code, star == "*") for code, star in re.findall(r"`([^`\n]+)`(\*?)", text)]
