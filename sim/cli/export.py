"""`bitspike export`: write a network in the form that something else loads."""

from __future__ import annotations

import argparse

from ..errors import MismatchError
from ..exchange import FORMATS, Option, export, find_format
from ..network import load_network
from ..report.footprint import footprint
from .common import add_data, add_json, load_input, print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options, those of every format included."""
    parser.add_argument("network", help="a network file, .npz")
    written = "; ".join(f"{name}: {format.writes}" for name, format in FORMATS.items())
    parser.add_argument("--format", required=True, metavar="FORMAT", help=written)
    parser.add_argument("-o", "--output", required=True, help="the file or the folder that is written")
    for option in _options().values():
        users = ", ".join(name for name, format in FORMATS.items() if option in format.options)
        parser.add_argument(
            option.flag,
            dest=option.name,
            type=option.kind or str,
            choices=option.choices,
            help=f"{users}: {option.help}",
        )
    add_data(parser, required=False, use="for the synaptic operations: ")
    add_json(parser)


def _options() -> dict[str, Option]:
    """The options of all formats that the command line has, by name."""
    options = (option for format in FORMATS.values() for option in format.options)
    return {option.name: option for option in options if option.kind is not None}


def act(args: argparse.Namespace) -> int:
    """Write, read back and compare where the format reads back, list the files and what the network needs."""
    format = find_format(args.format)
    network = load_network(args.network)
    given = {name: getattr(args, name) for name in _options() if getattr(args, name) is not None}
    format.check(given)
    spikes = None if args.data is None else load_input(network, args.data, args.samples, args.data_dir).spikes
    needs = footprint(network, spikes, given.get("layout"))
    files = export(network, args.output, args.format, **given)
    if format.read is not None and format.read(args.output) != network:
        raise MismatchError(f"{args.output}: what was written does not read back as the same network")
    report = None if format.report is None else format.report(network, spikes)
    values = sum(array.size for array in network.arrays().values()) if format.read is not None else 0
    if args.json:
        found = {"files": files, "values_read_back": values, "footprint": needs.json()}
        print_json(found | ({} if report is None else {"measured": report.json()}))
    else:
        print(f"{args.output}: {', '.join(files)}")
        if format.read is not None:
            print(f"read back: equal, {values:,} integers compared")
        print_table("", ("", ""), [*needs.rows(), *([] if report is None else report.rows())])
    return 0
