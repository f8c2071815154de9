"""`bitspike profiles`: list the shipped hardware profiles, or say what differs between two on paper."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ..profile import load_profile, profile_names
from ..profile.difference import ProfileDifference, Section, profile_difference
from .common import add_json, print_json, print_table

_WIDE = 60  # characters of a value that still make a table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options, and `diff`."""
    add_json(parser)
    verbs = parser.add_subparsers(dest="which", metavar="diff", title="to compare two")
    summary = "say what differs between two profiles on paper"
    diff = verbs.add_parser("diff", help=summary, description=f"{summary}; the exit status is 1 if anything does")
    diff.add_argument("a", help="a shipped profile, or a profile's .yaml")
    diff.add_argument("b", help="another")
    add_json(diff, default=argparse.SUPPRESS)  # else it would undo one given before 'diff'


def act(args: argparse.Namespace) -> int:
    """Print a line a profile; or what differs between two, and 1 if anything does."""
    if args.which == "diff":
        return _diff(args)
    profiles = [load_profile(name) for name in profile_names()]
    if args.json:
        print_json([{"name": p.name, "title": p.title, "source": p.source.model_dump()} for p in profiles])
    else:
        rows = [(p.name, p.title, f"{p.source.name} {p.source.version}") for p in profiles]
        print_table("", ("profile", "chip", "follows"), rows)
    return 0


def _diff(args: argparse.Namespace) -> int:
    found = profile_difference(load_profile(args.a), load_profile(args.b))
    if args.json:
        print_json(asdict(found))
    else:
        _print(found)
    return 0 if found.equal else 1


def _print(found: ProfileDifference) -> None:
    a, b = found.names
    if found.equal:
        print(f"equal: {a} and {b} say the same")
        return
    print(f"--- {a}\n+++ {b}")
    for section in found.sections:
        print(f"\n@@ {_both(*section.place)}")
        _print_entries(section, found.names)
        for mark, line in section.lines:
            print(f"{mark} {line}")
    alike = "no bit depends on it" if found.computes_alike else "they compute differently"
    count = f"{len(found.sections)} place{'s differ' if len(found.sections) > 1 else ' differs'}"
    print(f"\n{count}: {alike}")


def _print_entries(section: Section, names: tuple[str, str]) -> None:
    """A table where the values are short, else a line a value."""
    entries = section.entries
    if any(len(value) > _WIDE for entry in entries for value in entry.values if value is not None):
        for side, mark in enumerate("-+"):
            for entry in entries:
                if entry.values[side] is not None:
                    print(f"{mark} {entry.key[side]}: {entry.values[side]}")
    elif entries:
        rows = [(_both(*entry.key), *("" if value is None else value for value in entry.values)) for entry in entries]
        print_table("", ("", *names), rows)


def _both(one: str, other: str) -> str:
    """What both profiles call something, once if it is the same."""
    return one if one == other else f"{one}, {other}"
