"""What a profile allows of a network. Every fault is found, each named by layer, index, value and range."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

import numpy as np

from ..errors import NetworkError
from ..profile.schema import INPUT, Profile
from .check_population import check_population
from .check_projection import check_added, check_projection
from .faults import Faults
from .limits import check_limits
from .parts import Population, Projection


def check_network(
    profile: Profile, inputs: int, populations: Sequence[Population], projections: Sequence[Projection], limits: bool
) -> tuple[tuple[Population, ...], tuple[Projection, ...]]:
    """Canonical populations and projections. Raises NetworkError with every fault."""
    faults = Faults()
    if not isinstance(profile, Profile):
        raise NetworkError([f"profile: found {profile!r}; allowed: a Profile, as load_profile gives it"])
    _check_parts("populations", populations, Population)
    _check_parts("projections", projections, Projection)
    if not isinstance(inputs, int | np.integer) or inputs < 1:
        raise NetworkError([f"inputs: found {inputs!r}; allowed: 1 or more"])
    check_names([population.name for population in populations], faults)
    checked = tuple(check_population(profile, population, faults) for population in populations)
    if faults.found:
        raise NetworkError(faults.found)
    sizes = {INPUT: int(inputs), **{p.name: p.size for p in checked}}
    classes = {p.name: str(p.neuron) for p in checked}
    linked = tuple(check_projection(profile, projection, sizes, classes, faults) for projection in projections)
    if not faults.found:
        by_name = {p.name: p for p in checked}
        for projection in linked:
            check_added(profile, projection, sizes[projection.source], by_name[projection.target], faults)
    if not faults.found and profile.clock == "event":
        _check_core(sizes, faults)
    elif not faults.found:
        _check_loops(profile, linked, faults)
    if not faults.found and limits:
        check_limits(profile, sizes, classes, linked, faults)
    if faults.found:
        raise NetworkError(faults.found)
    return checked, _in_delivery_order(profile, checked, linked)


def _check_parts(name: str, parts: Any, kind: type) -> None:
    if not isinstance(parts, list | tuple):
        raise NetworkError([f"{name}: found {parts!r}; allowed: a list of {kind.__name__}"])
    wrong = [(place, part) for place, part in enumerate(parts) if not isinstance(part, kind)]
    if wrong:
        raise NetworkError([f"{name}[{place}]: found {part!r}; allowed: a {kind.__name__}" for place, part in wrong])


def check_names(names: Sequence[Any], faults: Faults) -> None:
    """A fault for each layer without a name of its own, and for a network without layers."""
    for place, name in enumerate(names):
        if not isinstance(name, str) or not name.isidentifier() or not name.isascii():
            faults.add(f"layer {name!r}", "allowed: a name of letters a to z, digits and underscores")
        elif name in (INPUT, *(taken for taken in names[:place] if isinstance(taken, str))):
            faults.add(f"layer '{name}'", "the name is taken")
    if not names:
        faults.add("network", "has no layers")


def _check_core(sizes: Mapping[str, int], faults: Faults) -> None:
    """An event-clocked network is one core, whose neurons are the sources of its events."""
    names = [name for name in sizes if name != INPUT]
    if len(names) > 1:
        faults.add("network", f"found {len(names)} layers; allowed: 1 with clock: event")
    elif sizes[INPUT] != sizes[names[0]]:
        faults.add("inputs", f"found {sizes[INPUT]}; allowed: {sizes[names[0]]}, a source for each neuron")


def _check_loops(profile: Profile, projections: Sequence[Projection], faults: Faults) -> None:
    """Within a step, no layer may wait for its own spikes."""
    prompt: dict[str, list[str]] = {}
    for projection in projections:
        lag = profile.connections[str(projection.via)].lag
        if lag == 0 and np.any(np.asarray(projection.delays) == 0):
            prompt.setdefault(projection.target, []).append(projection.source)
    try:
        TopologicalSorter(prompt).prepare()
    except CycleError as error:
        faults.add("network", f"a loop without a delay: {' -> '.join(error.args[1])}")


def _in_delivery_order(
    profile: Profile, populations: Sequence[Population], projections: Sequence[Projection]
) -> tuple[Projection, ...]:
    """By connection as the profile lists them, then by source: saturation makes the order part of the result."""
    connections = list(profile.connections)
    sources = [INPUT, *(population.name for population in populations)]
    return tuple(sorted(projections, key=lambda p: (connections.index(str(p.via)), sources.index(p.source))))
