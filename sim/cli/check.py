"""`bitspike check`: find every fault of a profile, a layout or a network file."""

from __future__ import annotations

import argparse

from ..document import top_keys
from ..errors import BitspikeError
from ..exchange.layout import load_layout
from ..network import load_network
from ..profile import check_profile
from .common import add_json, faults_of, note, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="profiles and layouts (.yaml, or a shipped profile's name) or networks (.npz)",
    )
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print what was found; 2 if any file has a fault."""
    results = {file: _check(file) for file in args.files}
    if args.json:
        print_json({file: {"faults": faults, "warnings": doubts} for file, (faults, doubts) in results.items()})
    for file, (faults, doubts) in results.items():
        if not args.json:
            for line in faults:
                note(line)
            for line in doubts:
                note(f"warning: {line}")
            print(f"{file}: {_count(faults, 'fault')}, {_count(doubts, 'warning')}")
    return 2 if any(faults for faults, _ in results.values()) else 0


def _check(file: str) -> tuple[list[str], list[str]]:
    try:
        if file.endswith(".npz"):
            load_network(file)
            return [], []
        if {"memories", "tables"} & set(top_keys(file)):
            load_layout(file)
            return [], []
        return [], check_profile(file)[1]
    except BitspikeError as error:
        return list(faults_of(error)), []


def _count(lines: list[str], what: str) -> str:
    return f"{len(lines) or 'no'} {what}{'' if len(lines) == 1 else 's'}"
