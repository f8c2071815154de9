"""`bitspike explain`: list every write of one neuron in one step, or in one event."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import Any

from ..engine import Write, explain
from ..network import load_network
from .common import add_data, add_json, load_input, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("network", help="a network file, .npz")
    add_data(parser)
    parser.add_argument("--sample", type=int, default=0)
    parser.add_argument("--layer", required=True)
    parser.add_argument("--neuron", type=int, required=True)
    parser.add_argument("--step", type=int, required=True, help="with clock: event the number of an event")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print a line a write."""
    network = load_network(args.network)
    spikes = load_input(network, args.data, args.samples, args.data_dir).spikes
    writes = explain(network, spikes, layer=args.layer, neuron=args.neuron, step=args.step, sample=args.sample)
    if args.json:
        print_json(as_json(writes))
        return 0
    print(f"layer {args.layer}, neuron {args.neuron}, {network.profile.clock} {args.step}, sample {args.sample}")
    for write in writes:
        print(f"  {write}")
    return 0


def as_json(writes: Iterable[Write]) -> list[dict[str, Any]]:
    """Writes for a program to read."""
    return [
        {"cause": w.cause, "register": w.register, "word": str(w.word), "before": w.before, "raw": w.raw,
         "after": w.after, "effect": w.effect}
        for w in writes
    ]  # fmt: skip
