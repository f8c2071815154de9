"""`models/README.md` explains every key of a recipe, every gradient and each of its options."""

import re
from dataclasses import fields
from pathlib import Path

import pytest

pytest.importorskip("torch")
from bitspike.training.gradient import GRADIENTS
from bitspike.training.recipe import Recipe

GUIDE = (Path(__file__).parents[1] / "models" / "README.md").read_text(encoding="utf-8")
NAMES = {word for code in re.findall(r"`([^`]+)`", GUIDE) for word in re.findall(r"\w+", code)}
SCHEMA = Recipe.model_json_schema(by_alias=True)
KEYS = {key for model in [SCHEMA, *SCHEMA["$defs"].values()] for key in model.get("properties", ())}
OPTIONS = {field.name for kind in GRADIENTS.values() for field in fields(kind)}


def test_every_key_and_option_is_explained():
    assert len(KEYS) > 40
    assert sorted((KEYS | OPTIONS | GRADIENTS.keys()) - NAMES) == []
