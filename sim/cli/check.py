"""`bitspike check`: find every fault of a profile or a layout, and what would keep a network from working."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field

from ..document import top_keys
from ..errors import BitspikeError, InputError
from ..exchange.layout import load_layout
from ..network import load_network
from ..profile import check_profile
from ..report.findings import Finding, findings
from ..report.registers import COLUMNS, RegisterBound, register_bounds
from ..word import MAX_BITS
from .common import add_data, add_json, faults_of, load_input, note, print_json, print_table


@dataclass
class _Checked:
    """What was found in a file."""

    faults: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    findings: list[Finding] | None = None  # of a network
    registers: list[RegisterBound] = field(default_factory=list)  # of a clocked network


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="profiles and layouts (.yaml, or a shipped profile's name) or networks (.npz)",
    )
    add_data(parser, required=False, use="what networks do on samples, too: ", alias="--input")
    parser.add_argument(
        "--most-input", type=int, metavar="N", help="no input channel has more spikes in a step (default: its word)"
    )
    parser.add_argument("--weight-bits", type=int, metavar="N", help="the weights were made in so many bits of theirs")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print what was found; 2 if any file has a fault."""
    if args.most_input is not None and args.most_input < 0:
        raise InputError(f"--most-input: found {args.most_input}; allowed: 0 or more")
    if args.weight_bits is not None and not 1 <= args.weight_bits <= MAX_BITS:
        raise InputError(f"--weight-bits: found {args.weight_bits}; allowed: 1 to {MAX_BITS}")
    results = {file: _check(file, args) for file in args.files}
    if args.json:
        print_json({file: _json(checked) for file, checked in results.items()})
    for file, checked in results.items():
        if not args.json:
            for line in checked.faults:
                note(line)
            for line in checked.warnings:
                note(f"warning: {line}")
            print(f"{file}: {_count(checked.faults, 'fault')}, {_count(checked.warnings, 'warning')}")
            if checked.registers:
                print_table("", COLUMNS, [bound.row() for bound in checked.registers])
    return 2 if any(checked.faults for checked in results.values()) else 0


def _json(checked: _Checked) -> dict[str, object]:
    told: dict[str, object] = {"faults": checked.faults, "warnings": checked.warnings}
    if checked.findings is not None:
        told["findings"] = [finding.json() for finding in checked.findings]
        told["registers"] = [bound.json() for bound in checked.registers]
    return told


def _check(file: str, args: argparse.Namespace) -> _Checked:
    try:
        if file.endswith(".npz"):
            return _check_network(file, args)
        if {"memories", "tables"} & set(top_keys(file)):
            load_layout(file)
            return _Checked()
        return _Checked(warnings=check_profile(file)[1])
    except BitspikeError as error:
        return _Checked(list(faults_of(error)))


def _check_network(file: str, args: argparse.Namespace) -> _Checked:
    network = load_network(file)
    spikes = None
    if args.data is not None and network.profile.clock == "step":
        spikes = load_input(network, args.data, args.samples, args.data_dir).spikes
    found = findings(network, spikes, args.most_input, args.weight_bits)  # type: ignore[arg-type]
    bounds = register_bounds(network, args.most_input) if network.profile.clock == "step" else []
    return _Checked([], [f"{file}: {finding}" for finding in found], found, bounds)


def _count(lines: list[str], what: str) -> str:
    return f"{len(lines) or 'no'} {what}{'' if len(lines) == 1 else 's'}"
