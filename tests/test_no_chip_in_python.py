"""A chip is a YAML file: the package's Python names none."""

import re
from pathlib import Path

import bitspike as bs
import pytest

PACKAGE = Path(bs.__file__).parent
SOURCES = sorted(PACKAGE.rglob("*.py"))
CHIPS = (
    "brian2",
    "dynapcnn",
    "lava",
    "loihi",
    "nengo",
    "odin",
    "ranc",
    "sinabs",
    "speck",
    "spiker",
    "truenorth",
    "xylo",
)
FRAMEWORKS = {"exchange/nir/conventions.py": ["sinabs"]}  # a program whose files are read, not a chip
GENERIC = {"generic", "conv", "w4", "v12", "w8", "v16", "audio", "imu", "core", "1", "2", "3"}


def named(text):
    return [
        chip for chip in CHIPS if re.search(rf"(?<![a-z]){chip}(?![a-z])", text.lower().replace("tinyodin", "odin"))
    ]


def test_every_shipped_profile_is_looked_for():
    parts = {part.removeprefix("tiny") for name in bs.profile_names() for part in name.split("-")} - GENERIC
    assert parts <= set(CHIPS)


def test_a_name_would_be_found():
    assert named("if name == 'tinyodin' or Xylo_2: # encoding") == ["odin", "xylo"]


@pytest.mark.parametrize("path", [path.relative_to(PACKAGE).as_posix() for path in SOURCES])
def test_no_chip_is_named_in_python(path):
    assert named((PACKAGE / path).read_text()) == FRAMEWORKS.get(path, [])
