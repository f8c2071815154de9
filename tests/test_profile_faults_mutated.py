"""Whatever YAML can say in the place of something else is read or refused with places within the file."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path
from typing import Any

import odd_profiles
import pytest
from bitspike.errors import DocumentError
from bitspike.profile import check_profile
from hypothesis import given, settings
from hypothesis import strategies as st

SECONDS = 0.4  # for each shipped profile
WRITTEN = {file.stem: odd_profiles.profile(file) for file in odd_profiles.FILES}


def read_or_refused(file: Path, data: Any) -> bool:
    """Whether the document is a profile. Every fault of one that is not stands in its file."""
    text = odd_profiles.text(data)
    file.write_text(text, encoding="utf-8")
    try:
        check_profile(file)
    except DocumentError as error:
        faults = error.faults
    else:
        return True
    lines = [*text.splitlines(), ""]
    assert faults
    for fault in faults:
        place = re.fullmatch(rf"{re.escape(str(file))}:(\d+):(\d+): .+", fault)
        assert place, fault
        line, column = map(int, place.groups())
        assert 1 <= line <= len(lines), fault
        assert 1 <= column <= len(lines[line - 1]) + 1, fault
    return False


def test_a_profile_written_anew_is_read(tmp_path: Path) -> None:
    assert all(read_or_refused(tmp_path / "my.yaml", data) for data in WRITTEN.values())


@pytest.mark.parametrize("name", WRITTEN)
def test_a_profile_with_odd_places_is_read_or_refused(tmp_path: Path, name: str) -> None:
    rng, end, refused = random.Random(name), time.monotonic() + SECONDS, 0
    while time.monotonic() < end:
        data = odd_profiles.mutant(WRITTEN[name], rng)
        if isinstance(data, dict) and rng.random() < 0.3:
            data = odd_profiles.mutant(data, rng)
        refused += not read_or_refused(tmp_path / "my.yaml", data)
    assert refused


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(odd_profiles.ODD[12:36]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcxyz"), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=30, deadline=None)
@given(data=st.data(), value=ANYTHING)
def test_a_profile_with_anything_anywhere_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject, value: Any
) -> None:
    document = WRITTEN[data.draw(st.sampled_from(sorted(WRITTEN)))]
    path = data.draw(st.sampled_from(list(odd_profiles.places(document))))
    file = tmp_path_factory.getbasetemp() / "anything.yaml"
    read_or_refused(file, odd_profiles.replaced(document, path, value))
