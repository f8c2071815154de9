"""`bitspike vectors`: write stimuli, and the spikes and registers that must come out, for a test bench."""

from __future__ import annotations

import argparse

from ..exchange import write_bench
from ..network import load_network
from .common import add_choice, add_data_dir, add_json, chosen_layers, load_input, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("network", help="a network file, .npz")
    parser.add_argument("input", help="what `run` takes as --data")
    parser.add_argument("-o", "--output", required=True, help="the folder to write")
    parser.add_argument("--samples", type=int, help="only so many samples, from the first")
    parser.add_argument("--sample", type=int, action="append", help="only the sample of that number; may be repeated")
    add_data_dir(parser)
    add_choice(parser)
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Write the folder and say what is in it."""
    network = load_network(args.network)
    given = load_input(network, args.input, args.samples, args.data_dir)
    files = write_bench(
        args.output,
        network,
        given.spikes,
        layers=chosen_layers(args.layer),
        registers=args.register,
        samples=args.sample,
    )
    if args.json:
        print_json({"output": args.output, "files": files})
    else:
        print(f"{args.output}: {', '.join(files)}")
    return 0
