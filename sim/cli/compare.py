"""`bitspike compare`: say that two traces are equal, or one network under two profiles, or where they part first."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ..compare import compare
from ..dispute import dispute
from ..engine.run import ENGINES
from ..errors import InputError
from ..network import load_network
from ..profile import load_profile
from ..trace import load_trace
from .common import add_data_dir, add_json, load_input, print_json
from .explain import as_json

_USAGE = """bitspike compare [--json] TRACE TRACE
       bitspike compare --profiles PROFILE PROFILE [--samples N] [--engine ENGINE] [--data-dir FOLDER]
                        [--json] NETWORK INPUT"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.usage = _USAGE
    parser.add_argument("a", metavar="TRACE | NETWORK", help="a trace; with --profiles a network file; .npz")
    parser.add_argument("b", metavar="TRACE | INPUT", help="another trace; with --profiles what `run` takes as --data")
    parser.add_argument(
        "--profiles", nargs=2, metavar="PROFILE", help="rebind the network to these two profiles, run both and compare"
    )
    parser.add_argument("--samples", type=int, help="with --profiles: only so many samples, from the first")
    parser.add_argument("--engine", choices=ENGINES, help="with --profiles: equal in every bit (default compiled)")
    add_data_dir(parser)
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print the comparison; 1 if the traces, or what the profiles compute, differ."""
    if args.profiles:
        return _compare_profiles(args)
    for option in ("samples", "engine", "data_dir"):
        if getattr(args, option) is not None:
            needs = "allowed only with --profiles, which runs a network; traces are compared as they are"
            raise InputError(f"--{option.replace('_', '-')}: {needs}")
    comparison = compare(load_trace(args.a), load_trace(args.b))
    if args.json:
        print_json({"equal": comparison.equal, **asdict(comparison)})
    else:
        print(comparison)
    return 0 if comparison.equal else 1


def _compare_profiles(args: argparse.Namespace) -> int:
    """One network, run under two profiles."""
    a, b = (load_profile(name) for name in args.profiles)
    network = load_network(args.a)
    given = load_input(network, args.b, args.samples, args.data_dir)
    found = dispute(network, (a, b), given.spikes, engine=args.engine or ENGINES[0])
    if args.json:
        sides = zip(found.names, found.registers, found.writes, found.agreed, found.decisive, strict=True)
        print_json(
            {
                "equal": found.comparison.equal,
                **asdict(found.comparison),
                "profiles": [
                    {
                        "name": name,
                        "register": register,
                        "writes": as_json(writes),
                        "agreed": agreed,
                        "decisive": decisive,
                    }
                    for name, register, writes, agreed, decisive in sides
                ],
            }
        )
    else:
        print(found)
    return 0 if found.comparison.equal else 1
