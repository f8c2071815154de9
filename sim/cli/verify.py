"""`bitspike verify`: check a profile against recorded vectors, to the first differing bit."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from ..engine.run import ENGINES
from ..errors import InputError, OverflowRefusedError
from ..exchange import Verification, load_vectors, verify
from ..profile import Profile, load_profile
from .common import add_json, print_json
from .explain import as_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("profile", help="a shipped profile's name, or a .yaml file")
    parser.add_argument("vectors", nargs="+", help="recorded vectors, .npz; for their keys see hwconfigs/README.md")
    parser.add_argument("--engine", choices=ENGINES, default="compiled", help="equal in every bit (default compiled)")
    parser.add_argument("--no-limits", action="store_true", help="check a network that is larger than the chip, too")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print a result a file; 1 if one differs."""
    profile, found = load_profile(args.profile), []
    for path in args.vectors:
        found.append(_verified(path, profile, args))
        if not args.json:
            print(f"{path}: {found[-1]}")
    equal = all(each.equal for each in found)
    if args.json:
        files = [{"file": path, **_as_json(each)} for path, each in zip(args.vectors, found, strict=True)]
        print_json({"equal": equal, "files": files})
    return 0 if equal else 1


def _verified(path: str, profile: Profile, args: argparse.Namespace) -> Verification:
    """One file. What stops its run names it."""
    vectors = load_vectors(path, profile, limits=not args.no_limits)
    try:
        return verify(vectors, engine=args.engine)
    except (InputError, OverflowRefusedError) as error:
        raise type(error)(f"{path}: {error}") from None


def _as_json(found: Verification) -> dict[str, Any]:
    comparison, first = found.comparison, found.comparison.first
    return {
        "equal": found.equal,
        "values": comparison.values,
        "different": comparison.different,
        "samples": found.samples,
        "steps": found.steps,
        "clock": found.clock,
        "recorded": found.recorded,
        "differing_samples": comparison.differing,
        "first": None if first is None else {**asdict(first), "differing_bits": found.bits},
        "writes": as_json(found.writes),
    }
