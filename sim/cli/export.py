"""`bitspike export`: write a network in the form that something else loads."""

from __future__ import annotations

import argparse

from ..errors import MismatchError
from ..exchange import FORMATS, export, read_images
from ..network import load_network
from .common import add_json, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("network", help="a network file, .npz")
    parser.add_argument("--format", choices=FORMATS, required=True)
    parser.add_argument("-o", "--output", required=True, help="a folder (readmemh) or a file (npz)")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Write, read back, compare, and list the files."""
    network = load_network(args.network)
    files = export(network, args.output, args.format)
    back = read_images(args.output) if args.format == "readmemh" else load_network(args.output)
    if back != network:
        raise MismatchError(f"{args.output}: what was written does not read back as the same network")
    values = sum(array.size for array in network.arrays().values())
    if args.json:
        print_json({"files": files, "values_read_back": values})
    else:
        print(f"{args.output}: {', '.join(files)}")
        print(f"read back: equal, {values:,} integers compared")
    return 0
