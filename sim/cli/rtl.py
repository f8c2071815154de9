"""`bitspike rtl`: write a profile's datapath as SystemVerilog with a test bench, and count its cells."""

from __future__ import annotations

import argparse
from typing import Any

from ..exchange.systemverilog import Module, area_of, modules, report, write_circuits
from ..profile import load_profile
from .common import add_json, add_settings, note, print_json, print_table, settings_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("profile", help="a shipped profile, or a profile's .yaml")
    parser.add_argument("-o", "--output", help="the folder that is written; absent: only the report")
    add_settings(parser, "a value of the profile")
    parser.add_argument("--vectors", type=int, default=1000, help="how many vectors test each module")
    parser.add_argument("--area", action="store_true", help="count the cells that Yosys makes of each module")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Write the folder, where one is named, and print a line a module."""
    profile, values = load_profile(args.profile), settings_of(args)
    profile = profile.with_values(**values) if values else profile
    files = write_circuits(profile, args.output, args.vectors) if args.output else []
    made = modules(profile, {})
    found = report(profile, made)
    if args.area:
        for module, entry in zip(made, found["modules"], strict=True):
            note(f"yosys: {module.name}")
            area = area_of(module)
            entry |= {"cells": area.cells, "transistors": area.transistors}
    if args.json:
        print_json(found | {"files": files})
        return 0
    columns = ("module", "bits in", "bits out", "widest", *(("cells", "transistors") if args.area else ()), "")
    print_table("", columns, [_row(*pair) for pair in zip(made, found["modules"], strict=True)])
    if files:
        print(f"{args.output}: {len(files)} files, {args.vectors:,} vectors a module")
    return 0


def _row(module: Module, entry: dict[str, Any]) -> tuple[str, ...]:
    bits = (sum(port.word.bits for port in ports) for ports in (module.inputs, module.outputs))
    numbers = (*bits, module.widest, *(entry[key] for key in ("cells", "transistors") if key in entry))
    return (module.name, *(f"{number:,}" for number in numbers), module.unit.title)
