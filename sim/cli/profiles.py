"""`bitspike profiles`: list the shipped hardware profiles."""

from __future__ import annotations

import argparse

from ..profile import load_profile, profile_names
from .common import add_json, print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print a line a profile."""
    profiles = [load_profile(name) for name in profile_names()]
    if args.json:
        print_json([{"name": p.name, "title": p.title, "source": p.source.model_dump()} for p in profiles])
    else:
        rows = [(p.name, p.title, f"{p.source.name} {p.source.version}") for p in profiles]
        print_table("", ("profile", "chip", "follows"), rows)
    return 0
