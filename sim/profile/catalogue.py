"""The shipped profiles by name, and any profile by path."""

from __future__ import annotations

import os
import warnings
from importlib import resources
from pathlib import Path

from ..document import read_document
from ..errors import DocumentError, suggest
from .check import ProfileWarning, find_faults
from .doubts import find_doubts
from .schema import Profile

_SHIPPED = "bitspike.hwconfigs"


def profile_names() -> list[str]:
    """The names of the shipped profiles, in alphabetical order."""
    files = (Path(entry.name) for entry in resources.files(_SHIPPED).iterdir())
    return sorted(file.stem for file in files if file.suffix == ".yaml")


def load_profile(name_or_path: str | os.PathLike[str]) -> Profile:
    """A shipped profile by its name, or the profile in a YAML file.

    Raises DocumentError with every fault; what is doubtful is issued as a ProfileWarning.
    """
    profile, doubts = check_profile(name_or_path)
    for doubt in doubts:
        warnings.warn(doubt, ProfileWarning, stacklevel=2)
    return profile


def check_profile(name_or_path: str | os.PathLike[str]) -> tuple[Profile, list[str]]:
    """The profile and its warnings, a line each. Raises DocumentError with every fault."""
    if _is_path(name_or_path):
        return _read(name_or_path)
    name = os.fspath(name_or_path)
    if name not in profile_names():
        allowed = f"{', '.join(profile_names())}, or the path of a .yaml file"
        raise DocumentError([f"profile: found {name!r}; allowed: {allowed}{suggest(name, profile_names())}"])
    with resources.as_file(resources.files(_SHIPPED) / f"{name}.yaml") as file:
        return _read(file)


def _is_path(name_or_path: str | os.PathLike[str]) -> bool:
    if not isinstance(name_or_path, str):
        return True
    return name_or_path.lower().endswith((".yaml", ".yml")) or Path(name_or_path).name != name_or_path


def _read(path: str | os.PathLike[str]) -> tuple[Profile, list[str]]:
    profile, positions = read_document(path, Profile, find_faults)
    return profile, positions.lines(find_doubts(profile))
