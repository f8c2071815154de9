"""`bitspike explain`: list every write of one neuron in one step."""

from __future__ import annotations

import argparse

from ..engine import explain
from ..network import load_network
from .common import add_data, add_json, load_input, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("network", help="a network file, .npz")
    add_data(parser)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--layer", required=True)
    parser.add_argument("--neuron", type=int, required=True)
    parser.add_argument("--step", type=int, required=True)
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print a line a write."""
    network = load_network(args.network)
    spikes = load_input(network, args.data, args.samples).spikes
    writes = explain(network, spikes, layer=args.layer, neuron=args.neuron, step=args.step, sample=args.sample)
    if args.json:
        print_json(
            [
                {"cause": w.cause, "register": w.register, "word": str(w.word), "before": w.before, "raw": w.raw,
                 "after": w.after, "effect": w.effect}
                for w in writes
            ]
        )  # fmt: skip
        return 0
    print(f"layer {args.layer}, neuron {args.neuron}, step {args.step}, sample {args.sample}")
    for write in writes:
        print(f"  {write}")
    return 0
