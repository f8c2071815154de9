"""The shipped layouts by name, and any layout by path."""

from __future__ import annotations

import os
from importlib import resources
from pathlib import Path

from ...document import read_document
from ...document.nodes import Fault
from ...errors import DocumentError, suggest
from ...profile.catalogue import load_profile, profile_names
from ...profile.schema import Profile
from .check import find_faults
from .schema import Layout

_SHIPPED = "bitspike.hwconfigs"
_FOLDER = "layouts"


def layout_names() -> list[str]:
    """The names of the shipped layouts, in alphabetical order."""
    files = (Path(entry.name) for entry in (resources.files(_SHIPPED) / _FOLDER).iterdir())
    return sorted(file.stem for file in files if file.suffix == ".yaml")


def load_layout(name_or_path: str | os.PathLike[str], profile: Profile | None = None) -> Layout:
    """A shipped layout by its name, or the layout in a YAML file, checked against the profiles that it names.

    profile: one that stands for the shipped profile of its name. Raises DocumentError with every fault.
    """
    text = os.fspath(name_or_path)
    if text.lower().endswith((".yaml", ".yml")) or Path(text).name != text:
        return _read(text, profile)
    if text not in layout_names():
        allowed = f"{', '.join(layout_names())}, or the path of a .yaml file"
        raise DocumentError([f"layout: found {text!r}; allowed: {allowed}{suggest(text, layout_names())}"])
    with resources.as_file(resources.files(_SHIPPED) / _FOLDER / f"{text}.yaml") as file:
        return _read(os.fspath(file), profile)


def _read(path: str, given: Profile | None) -> Layout:
    layout, _ = read_document(path, Layout, lambda layout: _faults(layout, given))
    return layout


def _faults(layout: Layout, given: Profile | None) -> list[Fault]:
    faults: list[Fault] = []
    for place, name in enumerate(layout.profiles):
        if given is not None and name == given.name:
            faults += find_faults(layout, given)
        elif name in profile_names():
            faults += find_faults(layout, load_profile(name))
        elif given is None:
            allowed = ", ".join(profile_names())
            faults.append(
                Fault(("profiles", place), f"found '{name}'; allowed: {allowed}{suggest(name, profile_names())}")
            )
    return faults
