"""`bitspike gradient`: each spike gradient over the register, and how much of a network it reaches."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from ..archive import can_write
from ..errors import InputError
from ..events import Events
from ..network import Network, load_network
from ..profile import Profile, load_profile
from ..profile.decision import decisions
from .common import add_data, add_json, extra, load_input, note, print_json, print_table
from .train import read_recipe, train_recipe

SAMPLES = 200
_COLUMNS = ("gradient", "peak, spikes/LSB", "reach, LSB", "nonzero", "participation", "overshoot", "undershoot")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("profile", help="a shipped profile, or a profile's .yaml")
    parser.add_argument("--network", help="a network's .npz, whose registers are looked at; with --data")
    parser.add_argument("--recipe", help="a recipe to train for it instead; --epochs and --seed as for train")
    add_data(parser, required=False, use="with --network: ")
    parser.add_argument("--epochs", type=int, help="instead of the recipe's")
    parser.add_argument("--seed", type=int, default=0, help="of the recipe's training (default 0)")
    parser.add_argument("--neuron", help="a class of neurons (default: the first that decides by a register)")
    parser.add_argument("--threshold", type=int, help="default: the most frequent of the network's")
    parser.add_argument("-o", "--output", help="the figure to write, .png")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print a row for each gradient, and draw the figure."""
    measure = extra("training.participation")
    if args.output:
        extra("report.canvas").check_png(args.output)
        can_write(args.output)
    profile = load_profile(args.profile)
    kind, decision = _decision(profile, args.neuron)
    network = _network(args, profile)
    layer, threshold, values = _registers(args, network, kind, decision) if network else ("", args.threshold, None)
    if threshold is None:
        raise InputError("--threshold: found none; allowed without --network and --recipe: an integer")
    if not decision.word.min < threshold <= decision.word.max:
        allowed = f"{decision.word.min + 1} to {decision.word.max}, which {decision.register} can reach and miss"
        raise InputError(f"--threshold: found {threshold}; allowed: {allowed}")
    members = list(measure.family(decision, threshold))
    found = [measure.participation(each.gradient, decision, threshold, values) for each in members]
    place = f"{profile.name}, {kind}" + (f", layer {layer}" if layer else "")
    title = f"{place}: {decision.register} {decision.relation} {threshold}"
    if args.json:
        rows = [{"kind": m.kind, "options": m.options, **f.json()} for m, f in zip(members, found, strict=True)]
        print_json({"profile": profile.name, "neuron": kind, "layer": layer or None, "threshold": threshold,
                    **_spread(threshold, values), "gradients": rows})  # fmt: skip
    else:
        _print(title, members, found, _spread(threshold, values))
    if args.output:
        curves = {
            m.name if f.ratio is None else f"{m.name}: participation {f.ratio:.1%}, overshoot {_share(f.overshoot)}":
            (lambda points, gradient=m.gradient: measure.slopes(gradient, decision, threshold, points))
            for m, f in zip(members, found, strict=True)
        }  # fmt: skip
        word = decision.word
        extra("report.gradients").gradient_family(curves, word, threshold, values, args.output, f"Gradients: {title}")
    return 0


def _decision(profile: Profile, name: str | None) -> tuple[str, Any]:
    """The class of neurons, and how it decides. Raises InputError."""
    found = {kind: next(decisions(neuron), None) for kind, neuron in profile.neurons.items()}
    decides = {kind: decision for kind, decision in found.items() if decision is not None}
    if not decides:
        raise InputError(f"profile '{profile.name}': no class of neurons compares a register with a threshold")
    kind = next(iter(decides)) if name is None else name
    if kind not in decides:
        raise InputError(f"--neuron: found {kind!r}; allowed: {', '.join(decides)}")
    return kind, decides[kind]


def _network(args: argparse.Namespace, profile: Profile) -> Network | None:
    """What --network or --recipe names. Raises InputError."""
    if args.network and args.recipe:
        raise InputError("--recipe: found beside --network; allowed: one of them")
    if not args.network and not args.recipe:
        note("no --network or --recipe: gradients are drawn, nothing takes part")
        return None
    if args.network:
        network, where = load_network(args.network), "--network"
        if not args.data:
            raise InputError("--data: found none; allowed with --network: a data set or an .npy file")
    else:
        recipe, template = read_recipe(args)
        network, where = template, "--recipe"
    if network.profile.digest != profile.digest:
        raise InputError(f"{where}: found profile '{network.profile.name}'; allowed: '{profile.name}'")
    if args.recipe:
        network = train_recipe(recipe, template, args).network
    return network


def _registers(args: argparse.Namespace, network: Network, kind: str, decision: Any) -> tuple[str, int, Any]:
    """A layer of the class, its threshold, and its registers before their reset. Raises InputError."""
    from ..engine.decided import decided_registers

    population = next((each for each in network.populations if each.neuron == kind), None)
    if population is None:
        raise InputError(f"--neuron: found {kind!r}; allowed: a class of which the network has a layer")
    data = args.data or network.task["data"]
    spikes = load_input(network, data, SAMPLES if args.samples is None else args.samples, args.data_dir).spikes
    if isinstance(spikes, Events):
        raise InputError("--network: found clock: event; allowed: clock: step, whose registers can be looked at")
    values = decided_registers(network, spikes)[population.name]
    known = decision.thresholds(population.parameters)
    if args.threshold is not None:
        return population.name, args.threshold, values
    if not known:
        raise InputError(f"--threshold: found none; allowed: an integer, as '{decision.operand}' is a register")
    own = np.broadcast_to(np.asarray(population.parameters.get(decision.operand, known[0])), population.size)
    threshold = int(max(known, key=lambda each: int((own == each).sum())))
    return population.name, threshold, values[..., own == threshold]


def _spread(threshold: int, values: Any) -> dict[str, Any]:
    """How far the registers are from their threshold, on both sides."""
    if values is None:
        return {}
    above, below = values[values >= threshold] - threshold, threshold - values[values < threshold]
    return {
        "registers": int(values.size),
        "beyond": float(np.mean(values >= threshold)),
        "median_overshoot": float(np.median(above)) if above.size else None,
        "median_undershoot": float(np.median(below)) if below.size else None,
    }


def _print(title: str, members: Any, found: Any, spread: dict[str, Any]) -> None:
    columns = _COLUMNS if spread else _COLUMNS[:3]
    rows = [
        (m.name, f"{f.peak:.3g}", f.reach, *map(_share, (f.nonzero, f.ratio, f.overshoot, f.undershoot)))
        for m, f in zip(members, found, strict=True)
    ]
    print_table(title, columns, [row[: len(columns)] for row in rows])
    if spread:
        print(
            f"{spread['registers']:,} registers: {spread['beyond']:.1%} at or beyond the threshold, in the median by "
            f"{_lsb(spread['median_overshoot'])}; the others are below it by {_lsb(spread['median_undershoot'])}"
        )


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _lsb(value: float | None) -> str:
    return "-" if value is None else f"{value:,.0f} LSB"
