"""`bitspike trace`: write chosen neurons of a run as a VCD, for a waveform viewer such as GTKWave."""

from __future__ import annotations

import argparse

from ..archive import can_write
from ..engine import run
from ..exchange.selection import Layers, choose, registers_of
from ..exchange.vcd import TIMESCALE, write_vcd
from ..network import load_network
from ..profile.schema import SPIKES
from ..trace import Trace, load_trace
from .common import add_choice, add_data_dir, add_json, chosen_layers, load_input, print_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("source", metavar="NETWORK | TRACE", help="a network file; or, without an input, a trace; .npz")
    parser.add_argument("input", metavar="INPUT", nargs="?", help="what `run` takes as --data")
    parser.add_argument("--vcd", required=True, metavar="OUT", help="the file to write, .vcd")
    parser.add_argument("--sample", type=int, default=0, help="the number of the sample (default 0)")
    parser.add_argument("--timescale", default=TIMESCALE, help=f"of a step or event, such as '1 ms' ({TIMESCALE})")
    add_data_dir(parser)
    add_choice(parser)
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Write the file and say what is in it."""
    can_write(args.vcd)
    layers = chosen_layers(args.layer)
    trace = load_trace(args.source) if args.input is None else _run(args, layers)
    signals = write_vcd(
        args.vcd, trace, layers=layers, registers=args.register, sample=args.sample, timescale=args.timescale
    )
    steps, clock = trace.spikes.shape[1], "steps" if trace.wire is None else "events"
    if args.json:
        print_json({"output": args.vcd, "signals": signals, clock: steps})
    else:
        print(f"{args.vcd}: {signals:,} signals, {steps:,} {clock}")
    return 0


def _run(args: argparse.Namespace, layers: Layers) -> Trace:
    """A run that records what was chosen."""
    network = load_network(args.source)
    chosen = choose(registers_of(network), layers, args.register)
    given = load_input(network, args.input, None, args.data_dir).spikes
    record = dict.fromkeys(name for each in chosen.values() for name in each.registers if name != SPIKES)
    return run(network, given, record=record)
