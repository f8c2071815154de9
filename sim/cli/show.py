"""`bitspike show`: what a profile computes, in words and stages."""

from __future__ import annotations

import argparse
import json
from typing import Any

from ..network import load_network
from ..profile import Profile, load_profile
from .common import add_json, print_json, print_table


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("profile", help="a shipped profile, a profile's .yaml, or a network's .npz")
    add_json(parser)


def act(args: argparse.Namespace) -> int:
    """Print the profile."""
    network = load_network(args.profile) if args.profile.endswith(".npz") else None
    profile = network.profile if network else load_profile(args.profile)
    if args.json:
        print_json({"profile": json.loads(profile.to_json()), **({"network": network.describe()} if network else {})})
        return 0
    if network is not None:
        rows = [("input", "", network.inputs), *((p.name, p.neuron, p.size) for p in network.populations)]
        print_table(f"Network {network.digest[:12]}", ("layer", "class", "neurons"), rows)
    _print_profile(profile)
    return 0


def _print_profile(profile: Profile) -> None:
    print(f"{profile.name}: {profile.title}")
    print(f"follows {profile.source.name} {profile.source.version} ({profile.source.kind}). {profile.source.note}")
    for name, neuron in profile.neurons.items():
        rows = [(register, word, f"{word.min} to {word.max}") for register, word in neuron.registers.items()]
        print_table(f"Neuron class {name}: registers", ("register", "word", "range"), rows)
        rows = [(parameter, word, f"{word.min} to {word.max}") for parameter, word in neuron.parameters.items()]
        print_table("Parameters", ("parameter", "word", "range"), rows)
        steps = [(number, item.stage.key, _keys(item.stage)) for number, item in enumerate(neuron.step, 1)]
        print_table("Every step", ("", "stage", ""), steps)
    connections = [
        (name, f"{', '.join(c.sources)} to {c.target}", ", ".join(c.into), c.timing, c.cap, c.weight.word)
        for name, c in profile.connections.items()
    ]
    print_table("Connections, in order", ("connection", "from, to", "into", "timing", "cap", "weight"), connections)
    print_table("Limits", ("limit", "at most"), _limits(profile))
    if profile.quirks:
        print_table("Quirks", ("quirk", ""), list(profile.quirks.items()))


def _keys(stage: Any) -> str:
    """A stage's keys as the profile writes them."""
    values = stage.model_dump(mode="json", exclude_none=True)
    return json.dumps(values).replace('"', "")[1:-1]


def _limits(profile: Profile) -> list[tuple[str, int]]:
    limits: list[tuple[str, int]] = []
    for kind, bound in profile.limits.model_dump(exclude_none=True).items():
        limits += (
            [(f"{kind} {name}", most) for name, most in bound.items()] if isinstance(bound, dict) else [(kind, bound)]
        )
    return limits
