"""`bitspike verify`: check a profile against recorded vectors, or a dump against them, to the first differing bit."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict
from typing import Any

from ..engine.run import ENGINES
from ..errors import InputError, OverflowRefusedError
from ..exchange import Verification, load_vectors, verify, verify_dump
from ..profile import Profile, load_profile, profile_names
from .common import add_json, print_json
from .explain import as_json

_USAGE = """bitspike verify [--engine ENGINE] [--no-limits] [--json] PROFILE VECTORS [VECTORS ...]
       bitspike verify [--json] FOLDER DUMP [DUMP ...]"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.usage = _USAGE
    profile = "a shipped profile's name or a .yaml file; or a folder that `bitspike vectors` wrote"
    parser.add_argument("profile", metavar="PROFILE | FOLDER", help=profile)
    recorded = "recorded vectors, .npz (for their keys see hwconfigs/README.md); or what a simulator dumped: a folder, "
    recorded += "or files LAYER.REGISTER with .hex, .bin or .csv (see hwconfigs/BENCHES.md)"
    parser.add_argument("vectors", metavar="VECTORS | DUMP", nargs="+", help=recorded)
    parser.add_argument("--engine", choices=ENGINES, help="of a profile; equal in every bit (default compiled)")
    parser.add_argument("--no-limits", action="store_true", help="check a network that is larger than the chip, too")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print a result a file; 1 if one differs."""
    if os.path.isdir(args.profile) and args.profile not in profile_names():
        return _verify_dump(args)
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


def _verify_dump(args: argparse.Namespace) -> int:
    """A dump against the vectors of a folder."""
    if args.engine or args.no_limits:
        option = "--engine" if args.engine else "--no-limits"
        raise InputError(f"{option}: allowed only with a profile; '{args.profile}' is a folder of vectors")
    found = verify_dump(args.profile, *args.vectors)
    if args.json:
        print_json({"dump": args.vectors, **_as_json(found)})
    else:
        print(f"{', '.join(args.vectors)}: {found}")
    return 0 if found.equal else 1


def _verified(path: str, profile: Profile, args: argparse.Namespace) -> Verification:
    """One file. What stops its run names it."""
    vectors = load_vectors(path, profile, limits=not args.no_limits)
    try:
        return verify(vectors, engine=args.engine or ENGINES[0])
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
