"""`bitspike place`: put a network's layers on one core of a chip, one after the other."""

from __future__ import annotations

import argparse

from ..archive import can_write
from ..exchange.move import moved
from ..exchange.place import place
from ..network import load_network, save_network
from ..profile import load_profile
from .common import add_json, add_settings, note, print_json, print_table, settings_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("network", help="a network file, .npz, of several layers")
    parser.add_argument("--profile", help="the chip, if not the network's own: a shipped profile, or a .yaml")
    parser.add_argument("-o", "--output", required=True, help="the network on the core, .npz")
    add_settings(parser, "a parameter that the chip has and the network does not, of all layers")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Place, write, and print where each layer is."""
    can_write(args.output)
    network = load_network(args.network)
    chip = network.profile if args.profile is None else load_profile(args.profile)
    populations, projections = moved(network, chip, settings_of(args))
    placed = place(chip, network.inputs, populations, projections, task=network.task)
    save_network(placed.network, args.output)
    if chip.digest != network.profile.digest:
        note(f"integers as they were under '{network.profile.name}'; what they compute is now what '{chip.name}' does")
    addresses = {name: [ends.start, ends.stop - 1] for name, ends in placed.addresses.items()}
    if args.json:
        print_json({"profile": chip.name, "addresses": addresses})
        return 0
    print_table("", ("layer", "first", "last"), [(name, *ends) for name, ends in addresses.items()])
    print(f"{args.output}: {sum(layer.size for layer in placed.network.populations)} neurons of {chip.name}")
    return 0
