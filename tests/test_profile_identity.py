"""A profile and its JSON are one; its digest follows whatever it says."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bitspike as bs
import odd_profiles
import pytest
import yaml
from pydantic import ValidationError

Place = tuple[str | int, ...]

SAMPLED = 60  # values of one profile
SETTLED = ("schema", "order", "when_full", "kind", "repeat", "emit", "used")  # nothing else may stand for these
FILES = {file.stem: file for file in odd_profiles.FILES}


def leaves(data: Any) -> Iterator[Place]:
    """The place of every scalar, and of every empty list or mapping."""
    return (path for path in odd_profiles.places(data) if not isinstance(odd_profiles.at(data, path), dict | list))


def changed(value: Any) -> list[Any]:
    """Other values that may be allowed in its place."""
    if isinstance(value, bool):
        return [not value]
    if isinstance(value, int):
        return [value + 1, value - 1]
    words = [value.replace("saturate", "wrap"), value.replace("wrap", "refuse"), value.replace("refuse", "saturate")]
    words += [re.sub(r"\(.*\)", "", value), value.replace("u", "s", 1), value.replace("s", "u", 1)]
    names = [f"{value}x", f"-{value}", value.removeprefix("-"), "-x"]
    others = ["floor", "zero", "remaining", "minus_amount", "source", "step", "same_step", "next_step", "synapse", ">="]
    others += ["<", "correlation", "convolution", "all", "one", "rtl", "document", "event", "none", "nonzero"]
    return [other for other in (*words, *names, *others) if other != value]


def of(data: Any) -> bs.Profile | None:
    """The profile that the data are, if they are one."""
    try:
        return bs.Profile.from_json(json.dumps(data))
    except ValidationError:
        return None


@pytest.mark.parametrize("name", FILES)
def test_json_and_back_is_the_same_profile(name: str) -> None:
    profile = bs.load_profile(name)
    again = bs.Profile.from_json(profile.to_json())
    assert again == profile
    assert again.digest == profile.digest
    assert again.to_json() == profile.to_json()


@pytest.mark.parametrize("name", FILES)
def test_the_file_and_its_json_say_the_same(name: str, tmp_path: Path) -> None:
    file = tmp_path / "written.yaml"
    file.write_text(odd_profiles.text(json.loads(bs.load_profile(name).to_json())), encoding="utf-8")
    assert bs.load_profile(file) == bs.load_profile(name)


@pytest.mark.parametrize("name", FILES)
def test_a_comment_and_the_layout_of_the_file_leave_the_digest(name: str, tmp_path: Path) -> None:
    file, text = tmp_path / "laid-out.yaml", FILES[name].read_text(encoding="utf-8")
    file.write_text(f"# one more comment\n{odd_profiles.text(yaml.safe_load(text))}\n# and another\n", encoding="utf-8")
    assert bs.load_profile(file).digest == bs.load_profile(name).digest


@pytest.mark.parametrize("name", FILES)
def test_the_digest_follows_whatever_value(name: str) -> None:
    profile = bs.load_profile(name)
    data, seen = json.loads(profile.to_json()), {profile.digest}
    places = list(leaves(data))
    for path in random.Random(name).sample(places, min(SAMPLED, len(places))):
        others = (of(odd_profiles.replaced(data, path, value)) for value in changed(odd_profiles.at(data, path)))
        other = next((other for other in others if other is not None), None)
        assert other is not None or path[-1] in SETTLED, path
        if other is not None:
            assert other.digest not in seen, path
            seen.add(other.digest)


@pytest.mark.parametrize("name", ["odin", "ranc"])
def test_the_digest_follows_every_key_and_every_item_that_may_be_left_out(name: str) -> None:
    profile = bs.load_profile(name)
    data, left_out = json.loads(profile.to_json()), 0
    for path in odd_profiles.places(data):
        other = of(odd_profiles.without(data, path)) if path else None
        if other is not None:
            left_out += 1
            assert (other.digest == profile.digest) == (other == profile), path
    assert left_out > 20


@pytest.mark.parametrize("name", ["loihi-lava", "odin", "ranc"])
def test_the_digest_follows_the_order_of_stages_and_connections(name: str) -> None:
    profile = bs.load_profile(name)
    data, swapped = json.loads(profile.to_json()), 0
    for path in odd_profiles.places(data):
        value = odd_profiles.at(data, path)
        if isinstance(value, list) and len(value) > 1 and value[0] != value[1]:
            other = of(odd_profiles.replaced(data, path, [value[1], value[0], *value[2:]]))
            assert other is None or other.digest != profile.digest, path
            swapped += other is not None
    assert swapped
    turned = of(data | {"connections": dict(reversed(data["connections"].items()))})
    assert turned is not None
    assert (turned.digest == profile.digest) == (len(data["connections"]) == 1)
