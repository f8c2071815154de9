"""`bitspike run`: run a network bit for bit, and record it."""

from __future__ import annotations

import argparse
from typing import Any

from ..archive import can_write
from ..engine import run
from ..engine.memory import available_memory
from ..engine.run import ENGINES, trace_bytes
from ..events import Events
from ..network import Network, load_network
from ..profile import load_profile
from ..trace import Trace
from .common import Input, add_data, add_json, load_input, print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("network", help="a network file, .npz")
    add_data(parser)
    parser.add_argument("--record", action="append", default=[], help="a register to record, or 'all'; may be repeated")
    parser.add_argument("--engine", choices=ENGINES, default="compiled", help="equal in every bit (default compiled)")
    parser.add_argument("--device", help="cuda (a GPU) or cpu, equal in every bit; needs torch, and clock: step")
    parser.add_argument("--profile", help="refuse a network that was not made for this profile")
    parser.add_argument("-o", "--output", help="write the trace, .npz")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Run and print what the layers did."""
    if args.output:
        can_write(args.output)
    network = load_network(args.network, load_profile(args.profile) if args.profile else None)
    given = load_input(network, args.data, args.samples, args.data_dir)
    record = "all" if "all" in args.record else args.record
    streamed = args.output if args.output and not _fits(network, given, record) else None
    trace = run(network, given.spikes, record=record, engine=args.engine, device=args.device, record_to=streamed)
    if args.output and not streamed:
        trace.save(args.output)
    result = summary(trace, given)
    if args.json:
        print_json(result)
        return 0
    rows = [
        (name, f"{layer['spikes']:,}", f"{layer['rate']:.4f}", layer["silent"], layer["overflows"] or "none")
        for name, layer in result["layers"].items()
    ]
    clock = network.profile.clock
    print_table("", ("layer", "spikes", f"per neuron and {clock}", "silent neurons", "overflows"), rows)
    print(f"{_count(result['samples'], 'sample')} of {_count(result[clock + 's'], clock)}", end="")
    print(f", {_count(result['dropped'], 'spike')} dropped" if "dropped" in result else "", end="")
    if "accuracy" in result:
        print(f", accuracy {result['accuracy']:.2%}, decided after {result['decided_after']:.1f} {clock}s", end="")
    print()
    return 0


def _fits(network: Network, given: Input, record: str | list[str]) -> bool:
    """Whether memory holds the trace; of an event-clocked run, which is not streamed, it has to."""
    left = available_memory()
    if isinstance(given.spikes, Events) or left is None or given.spikes.ndim not in (2, 3):
        return True
    samples, steps = given.spikes.shape[:2] if given.spikes.ndim == 3 else (1, len(given.spikes))
    return trace_bytes(network, samples, steps, record) <= left


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def summary(trace: Trace, given: Input) -> dict[str, Any]:
    """What a run did, as JSON: by layer spikes, their rate, neurons that never spike, and overflows.

    Of an event-clocked run also how many spikes found the queue full. Of a test set, accuracy, and after how many
    steps a sample has the class that it keeps, in the mean.
    """
    samples, steps = trace.spikes.shape[:2]
    layers = {
        name: {
            "spikes": int(layer.spikes.sum(dtype="int64")),
            "rate": float(layer.spikes.mean()),
            "silent": int((layer.spikes.sum((0, 1)) == 0).sum()),
            "overflows": {register: count for register, count in layer.overflows.items() if count},
        }
        for name, layer in trace.layers.items()
    }
    clock = "steps" if trace.dropped is None else "events"
    result: dict[str, Any] = {"samples": samples, clock: steps, "layers": layers}
    if trace.dropped is not None:
        result["dropped"] = int(trace.dropped.sum())
    if given.test is not None:
        result["accuracy"] = given.test.accuracy(trace.spikes)
        result["decided_after"] = round(given.test.decided_after(trace.spikes), 2)
    return result
