"""`bitspike import`: quantize a NIR graph onto a profile, and say what was lost."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..archive import can_write
from ..exchange.nir import Imported, import_nir
from ..exchange.nir.conventions import DIALECTS, RESETS
from ..exchange.nir.quantize import BIASES
from ..exchange.nir.scales import SCALES
from ..network import save_network
from .common import add_json, note, print_json, print_table, read_spikes

COLUMNS = ("node", "class", "neurons", "scale", "weight error", "membrane keeps", "current keeps", "threshold",
           "clipped", "saturated", "rate before", "after")  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("graph", help="a NIR file")
    parser.add_argument("--profile", help="what to quantize onto; may be left out for a file that bitspike exported")
    parser.add_argument("--calibrate", help="an .npy file of spikes [sample, step, input] to choose scales by")
    parser.add_argument(
        "--dialect", choices=("auto", *DIALECTS), default="auto", help="whose conventions (default auto)"
    )
    parser.add_argument("--dt", type=float, help="a time step, in the graph's unit of time")
    parser.add_argument("--reset", choices=RESETS, help="to v_reset, or by subtraction, which NIR cannot record")
    parser.add_argument("--per", choices=SCALES, default="channel", help="what shares a scale (default channel)")
    parser.add_argument("--bias", choices=BIASES, default="refuse",
                        help="where the profile has none: refuse, or an input channel that always spikes")  # fmt: skip
    parser.add_argument("-o", "--output", required=True, help="write the network, .npz")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Import, write, and print the report."""
    can_write(args.output)
    spikes = read_spikes(args.calibrate) if args.calibrate else None
    options = {name: getattr(args, name) for name in ("dialect", "dt", "reset", "per", "bias")}
    imported = import_nir(args.graph, args.profile, calibrate=spikes, **options)
    save_network(imported.network, args.output)
    for line in imported.silent:
        note(f"warning: {line}")
    if args.json:
        print_json(imported.describe())
        return 0
    _print(imported, args.output)
    return 0


def _print(imported: Imported, output: str) -> None:
    print(f"{imported.network.profile.name}, from {imported.conventions}")
    if imported.layers:
        print(f"rates on {imported.input}")
        print_table("", COLUMNS, [_row(layer) for layer in imported.layers])
    for line in (*_details(imported.layers), *imported.notes):
        print(f"note: {line}")
    print(f"{output}: {imported.network!r}")


def _row(layer: Mapping[str, Any]) -> Sequence[object]:
    low, high = layer["scale"]
    threshold = layer["threshold"]
    error = layer["weight_error"]
    return (
        layer["node"],
        layer["class"],
        f"{layer['neurons']:,}",
        _span(low, high),
        f"{error['rms']:.2%}, most {error['most']:.2%}",
        _kept(layer["membrane_keeps"]),
        _kept(layer["current_keeps"]),
        "" if threshold is None else f"{_whole(*threshold)} ({layer['threshold_error']:.2%})",
        layer["clipped"] or "none",
        ", ".join(f"{name} {count:,}" for name, count in layer["saturated"].items()) or "none",
        _rate(layer["rate_before"], None),
        _rate(layer["rate_after"], layer["membrane_error"]),
    )


def _span(low: float, high: float) -> str:
    return f"{low:.5g}" if low == high else f"{low:.5g} to {high:.5g}"


def _whole(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _kept(keeps: Mapping[str, float] | None) -> str:
    return "" if keeps is None else f"{keeps['graph']:.4f}, here {keeps['chip']:.4f}"


def _rate(rate: float | None, membrane_error: float | None) -> str:
    if rate is not None:
        return f"{rate:.4f}"
    return "membrane" if membrane_error is None else f"error {membrane_error:.2%}"


def _details(layers: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for layer in layers:
        for line in layer["notes"]:
            yield f"node '{layer['node']}': {line}"
        if layer["weight_error"]["rounded_to_0"] > 0.5:
            yield f"node '{layer['node']}': {layer['weight_error']['rounded_to_0']:.0%} of the weights round to 0"
