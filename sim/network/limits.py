"""What fits the chip: the neurons, fan-ins, sources and targets that a network needs, held to the profile's limits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..profile.schema import INPUT, Profile
from .added import synapses_of
from .faults import Faults
from .parts import Projection


def check_limits(
    profile: Profile,
    sizes: Mapping[str, int],
    classes: Mapping[str, str],
    projections: Sequence[Projection],
    faults: Faults,
) -> None:
    """A fault for each limit that the network exceeds.

    sizes: inputs and neurons by population; classes: by population; projections: in their canonical form.
    """
    limits = profile.limits
    used = {"inputs": {"inputs": sizes[INPUT]}, "neurons": dict.fromkeys(limits.neurons, 0)}
    for population, neuron in classes.items():
        used["neurons"][neuron] = used["neurons"].get(neuron, 0) + sizes[population]
    for kind in ("fan_in", "sources", "targets"):
        used[kind] = {
            name: _reach(kind, [p for p in projections if p.via == name], profile, sizes)
            for name in getattr(limits, kind)
        }
    allowed = {"inputs": {"inputs": limits.inputs}} if limits.inputs else {}
    allowed |= {kind: getattr(limits, kind) for kind in ("neurons", "fan_in", "sources", "targets")}
    for kind, bounds in allowed.items():
        for name, most in bounds.items():
            if used[kind][name] > most:
                faults.add(f"limits.{kind}", f"'{name}' needs {used[kind][name]}; allowed: {most}")


def _reach(kind: str, projections: Sequence[Projection], profile: Profile, sizes: Mapping[str, int]) -> int:
    """The fan-in of the fullest neuron, or how many neurons of one side have a weight other than 0."""
    counts: dict[str, NDArray[Any]] = {}
    for projection in projections:
        side = projection.source if kind == "sources" else projection.target
        ends = _ends(projection, profile, sizes[projection.source])[0 if kind == "sources" else 1]
        degree = np.bincount(ends, minlength=sizes[side])
        counts[side] = counts.get(side, 0) + degree
    if kind == "fan_in":
        return max((int(count.max()) for count in counts.values()), default=0)
    return sum(int(np.count_nonzero(count)) for count in counts.values())


def _ends(projection: Projection, profile: Profile, sources: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Source and target of every pair of neurons with a weight other than 0."""
    weights = np.asarray(projection.weights)
    if projection.shape is None:
        pre, post = np.nonzero(np.any(weights != 0, axis=2))
        return pre, post
    synapses = synapses_of(profile.connections[str(projection.via)], projection, sources)
    linked = weights.ravel()[synapses.index] != 0
    return synapses.sources[linked], synapses.targets[linked]
