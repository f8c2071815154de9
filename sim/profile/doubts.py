"""What computes, but is hardly meant: a neuron that never fires, a register or a class that nothing uses."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import chain

from ..document.nodes import Fault, Path
from ..ops.base import names_in
from .connection import Connection
from .doubts_when import when_doubts
from .schema import Profile
from .walk import branches, condition_operands, crossings, leaves, listed, stage_operands, words, writes


def find_doubts(profile: Profile) -> list[Fault]:
    """Everything in a profile without faults that deserves a warning."""
    doubts = [*_unread_values(profile), *when_doubts(profile)]
    for name in profile.neurons:
        path: Path = ("neurons", name)
        doubts += _unread_of_class(path, profile, name)
        if all(connection.target != name for connection in profile.connections.values()):
            doubts.append(Fault(path, "no connection reaches it", key=True))
    for name, connection in profile.connections.items():
        doubts += _unread_of_connection(("connections", name), connection)
    return [*doubts, *_event_doubts(profile)]


def _unread_values(profile: Profile) -> Iterator[Fault]:
    """Values of the profile that no word and no stage uses."""
    texts = chain(*(leaves(part) for part in (profile.neurons, profile.connections, profile.events, profile.queue)))
    read = {name for _, text in texts if isinstance(text, str) for name in names_in(text)}
    read |= {word.width for _, word in words(profile) if word.width is not None}
    yield from _unread(("values",), profile.values, read)


def _unread_of_class(path: Path, profile: Profile, name: str) -> Iterator[Fault]:
    """Registers, parameters and derived values that no stage reads, but for a register's own writes."""
    neuron, read = profile.neurons[name], set[str]()
    items = [*neuron.prepare, *(item for event in profile.events.values() for item in event.do)]
    for connection in profile.connections.values():
        if connection.target == name:
            items += [*connection.weight.format, *(connection.sum.then if connection.sum else ())]
    for place, stage in [*writes(path, neuron), *listed(path, items)]:
        read.update(operand for _, operand in stage_operands(place, stage) if operand != stage.into)
    for place, condition in crossings(path, neuron):
        read.update(operand for _, operand in condition_operands(place, condition))
    read.update(branch.emit for _, branch in branches(path, neuron) if isinstance(branch.emit, str))
    if neuron.output_unless is not None:
        read.update(names_in(neuron.output_unless))
    for kind in ("registers", "parameters", "derived"):
        yield from _unread((*path, kind), getattr(neuron, kind), read)


def _unread_of_connection(path: Path, connection: Connection) -> Iterator[Fault]:
    items = [*connection.prepare, *connection.weight.format, *(connection.sum.then if connection.sum else ())]
    read = {operand for place, stage in listed(path, items) for _, operand in stage_operands(place, stage)}
    for kind in ("parameters", "source_parameters", "synapse_parameters", "derived"):
        yield from _unread((*path, kind), getattr(connection, kind), read)


def _event_doubts(profile: Profile) -> Iterator[Fault]:
    """Fields of events that nothing reads, and connections that no event goes over."""
    for name, event in profile.events.items():
        path: Path = ("events", name)
        read = {operand for place, stage in listed(path, event.do) for _, operand in stage_operands(place, stage)}
        yield from _unread((*path, "fields"), event.fields, read)
    if profile.clock == "event":
        for name in profile.connections.keys() - {event.over for event in profile.events.values()}:
            yield Fault(("connections", name), "no event goes over it", key=True)


def _unread(path: Path, names: Collection[str], read: Collection[str]) -> Iterator[Fault]:
    for name in names:
        if name not in read:
            yield Fault((*path, name), "nothing reads it", key=True)
