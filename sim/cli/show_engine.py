"""`bitspike show --engine`: which code the compiled engine runs, and why."""

from __future__ import annotations

from dataclasses import asdict

from ..engine import choice
from ..network import Network
from ..profile import Profile
from .common import print_json, print_table


def show(what: Profile | Network, as_json: bool) -> None:
    """Print what runs for each class and connection of a profile, or layer and projection of a network."""
    network = what if isinstance(what, Network) else None
    profile = what.profile if isinstance(what, Network) else what
    stages, deliveries = choice.of_profile(profile) if network is None else choice.of_network(network)
    if as_json:
        rows = {"stages": [asdict(each) for each in stages], "deliveries": [asdict(each) for each in deliveries]}
        print_json({"profile": profile.name, "clock": profile.clock, **rows})
        return
    print(f"{profile.name}, clock: {profile.clock}, on the compiled engine\n")
    computed = [(each.layer or each.neuron, each.kernel, _lanes(each.lanes), each.widest, each.why) for each in stages]
    print_table("Stages", ("layer" if network else "class", "kernel", "lanes, bits", "widest", "why"), computed)
    arrive = [
        (
            f"{each.source} to {each.layer}" if each.layer else each.connection,
            each.register,
            each.form,
            each.kernel,
            each.write,
            each.lanes or "",
            each.weights,
            each.why,
        )
        for each in deliveries
    ]
    place = "projection" if network and profile.clock == "step" else "connection"
    columns = (place, "register", "from", "kernel", "one write", "lanes", "weights", "why")
    print_table("Deliveries", columns, arrive)


def _lanes(lanes: dict[str, int]) -> str:
    """Registers by the width of their lanes: `16: membrane, accumulator`."""
    widths = sorted(set(lanes.values()))
    return "; ".join(f"{width}: {', '.join(name for name in lanes if lanes[name] == width)}" for width in widths)
