"""What a schema cannot say about a profile: every name exists, every value has a place, every step is computable."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..document.nodes import KEYS, Fault, Path
from ..word import MAX_BITS
from .analysis import widest
from .check_connection import connection_faults
from .check_events import event_faults
from .check_neuron import neuron_faults
from .check_shared import shared_faults
from .check_stages import Needs, reserved, unknown
from .schema import INPUT, Profile, Value
from .walk import words


class ProfileWarning(UserWarning):
    """Something in a profile that computes, but is hardly meant."""


def find_faults(profile: Profile) -> list[Fault]:
    """Everything that keeps a profile of the right shape from being run; empty if nothing does."""
    faults = [*_class_name_faults(profile), *_clock_faults(profile), *_value_faults(profile), *_limit_faults(profile)]
    for name, neuron in profile.neurons.items():
        faults += neuron_faults(("neurons", name), profile, neuron, _deliveries(profile, name))
    for name, connection in profile.connections.items():
        faults += connection_faults(("connections", name), connection, profile)
    faults += shared_faults(profile)
    faults += event_faults(profile)
    faults += _width_faults(profile, {fault.path[:2] for fault in faults})
    return faults


def _class_name_faults(profile: Profile) -> Iterator[Fault]:
    if INPUT in profile.neurons:
        yield Fault(("neurons", INPUT), "names a network's input channels; choose another name", key=True)


def _clock_faults(profile: Profile) -> Iterator[Fault]:
    if profile.clock == "step" and profile.input is None:
        yield Fault(
            (), "missing key 'input': the word of what an input channel carries in a step", needs=(("clock",), (KEYS,))
        )
    if profile.input is not None and 0 not in profile.input:
        yield Fault(("input",), f"found {profile.input}; allowed: a word that holds 0, a channel without a spike")


def _value_faults(profile: Profile) -> Iterator[Fault]:
    yield from reserved(("values",), profile.values)
    for name, value in profile.values.items():
        ends = (("values", name, "min"), ("values", name, "max"))
        if value.min > value.max:
            yield Fault(ends[1], f"found {value.max}; allowed: {value.min} or more, as 'min' is", needs=ends[:1])
        elif not value.min <= value.value <= value.max:
            found = f"found {value.value}; allowed: {value.min} to {value.max}"
            yield Fault(("values", name, "value"), found, needs=ends)
    for place, word in words(profile):
        if word.width is not None and word.width not in profile.values:
            yield from unknown(place, word.width, profile.values, (("values", KEYS),))
        elif word.width is not None and not _is_width(profile.values[word.width]):
            message = f"is a number of bits; allowed: min and max from 1 to {MAX_BITS}"
            ends = (("values", word.width, "min"), ("values", word.width, "max"))
            yield Fault(("values", word.width), message, key=True, needs=(place, *ends))


def _is_width(value: Value) -> bool:
    return value.min >= 1 and value.max <= MAX_BITS


def _limit_faults(profile: Profile) -> Iterator[Fault]:
    limits = profile.limits
    yield from _unknown_limits("neurons", limits.neurons, profile.neurons, ("neurons", KEYS))
    for kind in ("fan_in", "sources", "targets"):
        yield from _unknown_limits(kind, getattr(limits, kind), profile.connections, ("connections", KEYS))


def _unknown_limits(kind: str, limited: Collection[str], names: Collection[str], of: Path) -> Iterator[Fault]:
    for name in limited:
        yield from unknown(("limits", kind, name), name, names, (of,), key=True)


def _width_faults(profile: Profile, faulty: set[Path]) -> Iterator[Fault]:
    """Classes whose step does not fit the integers it is computed in; what is faulty already is left out."""
    for name in profile.neurons:
        reaching = {key: c for key, c in profile.connections.items() if c.target == name}
        needed: set[Path] = {("neurons", name), *(("connections", key) for key in reaching)}
        needed |= {("neurons", source) for c in reaching.values() for source in c.sources}
        needed |= {("values", value) for value in profile.values} | {("events", event) for event in profile.events}
        bits = 0 if needed & faulty else widest(profile, name).bits
        if bits > MAX_BITS:
            message = f"a step can need {bits} bits; allowed: at most {MAX_BITS}"
            yield Fault(("neurons", name), message, key=True, needs=(*needed, *_deliveries(profile, name)))


def _deliveries(profile: Profile, class_name: str) -> Needs:
    """Where the connections and events say which registers of a class they write."""
    targets = (("connections", name, "to") for name in profile.connections)
    reaching = (name for name, c in profile.connections.items() if c.target == class_name)
    into = (("connections", name, "into") for name in reaching)
    return (("neurons", KEYS), ("connections", KEYS), *targets, *into, *((("events",),) if profile.events else ()))
