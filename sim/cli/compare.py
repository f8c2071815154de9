"""`bitspike compare`: say that two traces are equal, or where they part first."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ..compare import compare
from ..trace import load_trace
from .common import add_json, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("a", help="a trace, .npz")
    parser.add_argument("b", help="another")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print the comparison; 1 if the traces differ."""
    comparison = compare(load_trace(args.a), load_trace(args.b))
    if args.json:
        print_json({"equal": comparison.equal, **asdict(comparison)})
    else:
        print(comparison)
    return 0 if comparison.equal else 1
