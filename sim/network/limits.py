"""What fits the chip: the neurons, fan-ins, sources and targets that a network needs, held to the profile's limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..profile.schema import INPUT, Profile
from .added import synapses_of
from .faults import Faults
from .parts import Projection


class Used(NamedTuple):
    """How much of a limit a network needs: `kind` and `name` as in the profile's `limits`."""

    kind: str
    name: str
    needs: int
    allowed: int


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
    for used in limits_used(profile, sizes, classes, projections):
        if used.needs > used.allowed:
            faults.add(f"limits.{used.kind}", f"'{used.name}' needs {used.needs}; allowed: {used.allowed}")


def limits_used(
    profile: Profile, sizes: Mapping[str, int], classes: Mapping[str, str], projections: Sequence[Projection]
) -> Iterator[Used]:
    """Every limit of the profile and what the network needs of it; the arguments of `check_limits`."""
    limits = profile.limits
    if limits.inputs:
        yield Used("inputs", "inputs", sizes[INPUT], limits.inputs)
    for name, most in limits.neurons.items():
        yield Used("neurons", name, sum(sizes[p] for p, neuron in classes.items() if neuron == name), most)
    for kind in ("fan_in", "sources", "targets"):
        for name, most in getattr(limits, kind).items():
            needs = _reach(kind, [p for p in projections if p.via == name], profile, sizes)
            yield Used(kind, name, needs, most)


def _reach(kind: str, projections: Sequence[Projection], profile: Profile, sizes: Mapping[str, int]) -> int:
    """The fan-in of the fullest neuron, or how many neurons of one side have a weight other than 0."""
    counts: dict[str, NDArray[Any]] = {}
    for projection in projections:
        side = projection.source if kind == "sources" else projection.target
        ends = ends_of(projection, profile, sizes[projection.source])[0 if kind == "sources" else 1]
        degree = np.bincount(ends, minlength=sizes[side])
        counts[side] = counts.get(side, 0) + degree
    if kind == "fan_in":
        return max((int(count.max()) for count in counts.values()), default=0)
    return sum(int(np.count_nonzero(count)) for count in counts.values())


def ends_of(projection: Projection, profile: Profile, sources: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Source and target of every pair of neurons with a weight other than 0."""
    weights = np.asarray(projection.weights)
    if projection.shape is None:
        pre, post = np.nonzero(np.any(weights != 0, axis=2))
        return pre, post
    synapses = synapses_of(profile.connections[str(projection.via)], projection, sources)
    linked = weights.ravel()[synapses.index] != 0
    return synapses.sources[linked], synapses.targets[linked]
