"""The values of a network by the names that a layout gives them, and the axes of each."""

from __future__ import annotations

from collections.abc import Iterator

from ...profile.connection import Connection
from ...profile.schema import Profile
from .schema import VALUE

PRE, POST = "pre", "post"
WEIGHT, ADDED, KERNEL, DELAY, TARGET, ENDS = "weight", "added", "kernel", "delay", "target", "ends"
ALIASES = "aliases"
COMPUTED = (ADDED, ENDS)  # what others determine: written, and checked when it is read


def values_of(profile: Profile, owner: str) -> dict[str, int]:
    """By name, how many axes each value of an owner has; empty where there is no such owner."""
    if owner == VALUE:
        return dict.fromkeys(profile.values, 0)
    if owner in profile.neurons:
        neuron = profile.neurons[owner]
        relayed = {ALIASES: 2} if neuron.relay is not None else {}
        return dict.fromkeys((*neuron.parameters, *neuron.registers), 1) | relayed
    if owner in profile.connections:
        return dict(_of_connection(profile.connections[owner]))
    return {}


def _of_connection(connection: Connection) -> Iterator[tuple[str, int]]:
    """weight and added [pre, post] or [pre, post, synapse]; kernel: a convolution's, in its own four axes.

    target: the one neuron that a source reaches [pre]; ends: 1 where it reaches none [pre].
    """
    pairs = 2 + (len(connection.into) > 1)
    yield from ((WEIGHT, pairs), (ADDED, pairs))
    yield from ((name, 0) for name in connection.parameters)
    yield from ((name, 1) for name in connection.source_parameters)
    yield from ((name, 2) for name in connection.synapse_parameters)
    if connection.delay is not None:
        yield DELAY, {"projection": 0, "source": 1, "synapse": 2}[connection.delay.per]
    if connection.kernel is not None:
        yield KERNEL, 4
    if pairs == 2:
        yield from ((TARGET, 1), (ENDS, 1))


def owners(profile: Profile) -> list[str]:
    """Everything that has values."""
    return [*profile.neurons, *profile.connections, *([VALUE] if profile.values else [])]
