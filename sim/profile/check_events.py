"""What can be wrong with the events of a profile, and with what else an event clock needs."""

from __future__ import annotations

from collections.abc import Iterator

from ..document.nodes import KEYS, Fault, Path
from ..document.wording import found_but
from .analysis import held, spans
from .check_stages import Scope, reserved, set_faults, stage_faults, unknown
from .events import NEURON, SOURCE, EventKind, Until
from .schema import NeuronClass, Profile, storage
from .walk import Operand, listed

_CLOCK: Path = ("clock",)


def event_faults(profile: Profile) -> Iterator[Fault]:
    """Every fault of events and queue, and of classes and connections that an event clock cannot run."""
    if profile.clock == "step":
        for key in ("events", "queue"):
            if getattr(profile, key):
                yield Fault((key,), "is for clock: event", key=True, needs=(_CLOCK,))
        return
    if not profile.events:
        yield Fault((), "missing key 'events': the kinds of events", needs=(_CLOCK, (KEYS,)))
    if profile.input is not None:
        yield Fault(("input",), "is for clock: step; an event says what it carries", key=True, needs=(_CLOCK,))
    yield from _class_faults(profile)
    yield from _connection_faults(profile)
    for name, event in profile.events.items():
        yield from _kind_faults(("events", name), profile, event)
    yield from _queue_faults(profile)


def _class_faults(profile: Profile) -> Iterator[Fault]:
    """One class, whose neurons emit one spike or none, and for themselves."""
    for name in list(profile.neurons)[1:]:
        message = f"found {len(profile.neurons)} classes; allowed: 1 with clock: event"
        yield Fault(("neurons", name), message, key=True, needs=(_CLOCK, ("neurons", KEYS)))
    for name, neuron in profile.neurons.items():
        path: Path = ("neurons", name)
        if neuron.relay is not None:
            yield Fault((*path, "relay"), "is for clock: step", key=True, needs=(_CLOCK,))
        elif _fires(neuron) and not 0 <= neuron.emission[0] <= neuron.emission[1] <= 1:
            low, high = neuron.emission
            message = f"found spikes {low} to {high}; allowed: 0 or 1 with clock: event"
            yield Fault((*path, "step"), message, key=True, needs=(_CLOCK, (*path, "registers"), (*path, "parameters")))


def _fires(neuron: NeuronClass) -> bool:
    """Whether what a neuron emits is known: one fire, of numbers or of names that exist."""
    fires = [stage for stage in neuron.stages if stage.key == "fire"]
    known = {name for name, _ in neuron.stored()}
    return len(fires) == 1 and all(isinstance(b.emit, int) or b.emit in known for b in fires[0].branches)


def _connection_faults(profile: Profile) -> Iterator[Fault]:
    """Spikes act at once, each for itself, and come from the neurons of the core."""
    for name, connection in profile.connections.items():
        path: Path = ("connections", name)
        for index, source in enumerate(connection.sources):
            if source != connection.target:
                found = f"found '{source}'; allowed: {connection.target} with clock: event"
                yield Fault((*path, "from", index), found, needs=(_CLOCK, (*path, "to")))
        if connection.timing != "same_step":
            yield Fault((*path, "timing"), "found 'next_step'; allowed: same_step with clock: event", needs=(_CLOCK,))
        if connection.fit_per != "source":
            yield Fault((*path, "fit_per"), "found 'step'; allowed: source with clock: event", needs=(_CLOCK,))
        if connection.delay is not None:
            yield Fault((*path, "delay"), "is for clock: step", key=True, needs=(_CLOCK,))


def _kind_faults(path: Path, profile: Profile, event: EventKind) -> Iterator[Fault]:
    if event.over is not None:
        yield from unknown((*path, "over"), event.over, profile.connections, (("connections", KEYS),))
    if isinstance(event.reaches, Until):
        yield from _value_faults((*path, "reaches", "last"), event.reaches.last, profile, least=0)
    class_name, neuron = next(iter(profile.neurons.items()))
    yield from _field_faults((*path, "fields"), profile, event, neuron)
    place: Path = ("neurons", class_name)
    ranges = held(profile, neuron) | {name: spans(word) for name, word in event.fields.items()}
    declared = (*((*place, kind, KEYS) for kind in ("registers", "parameters", "derived")), (*path, "fields", KEYS))
    scope = Scope(ranges, declared, lambda name: ((*path, "fields", name), place))
    for at, stage in listed((*path, "do"), event.do):
        yield from unknown((*at, "into"), stage.into, neuron.registers, ((*place, "registers", KEYS),))
        yield from stage_faults(at, stage, scope)
        yield from set_faults(at, stage, neuron.registers.get(stage.into), (*place, "registers", stage.into))
        if stage.word is not None and stage.into in neuron.registers:
            stored = spans(storage(neuron, stage.into))
            if spans(stage.word).join(stored) != stored:
                allowed = f"{stored.lo} to {stored.hi} at most, what the class's step writes"
                yield Fault((*at, "word"), f"found {stage.word}; allowed: {allowed}", needs=((*at, "into"), place))


def _field_faults(path: Path, profile: Profile, event: EventKind, neuron: NeuronClass) -> Iterator[Fault]:
    """Names that mean something else already."""
    yield from reserved(path, event.fields)
    for name in event.fields:
        if name in (SOURCE, NEURON, "kind"):
            yield Fault((*path, name), "is a reserved name; choose another", key=True)
        elif name in held(profile, neuron):
            message = "names a register, a parameter or a value already; choose another name"
            yield Fault((*path, name), message, key=True, needs=(("neurons",), ("values",)))


def _queue_faults(profile: Profile) -> Iterator[Fault]:
    queue = profile.queue
    if queue is None:
        return
    path: Path = ("queue", "event")
    yield from unknown(path, queue.event, profile.events, (("events", KEYS),))
    if queue.event in profile.events:
        event, needs = profile.events[queue.event], (("events", queue.event),)
        if event.addresses != (SOURCE,) or event.fields:
            message = f"found '{queue.event}'; allowed: an event with a source ('over') and nothing else to carry"
            yield Fault(path, message, needs=needs)
    if queue.unless is not None:
        yield from _value_faults(("queue", "unless"), queue.unless, profile)


def _value_faults(path: Path, operand: Operand, profile: Profile, least: int | None = None) -> Iterator[Fault]:
    """An operand that is known before a run: an integer or a value of the profile."""
    if isinstance(operand, str) and operand not in profile.values:
        allowed = ", ".join([*profile.values, "an integer"])
        yield Fault(path, found_but(operand, allowed), needs=(("values", KEYS),))
        return
    low = operand if isinstance(operand, int) else profile.values[operand].min
    if least is not None and low < least:
        found = operand if isinstance(operand, int) else f"'{operand}', which may be {low}"
        needs = () if isinstance(operand, int) else (("values", operand),)
        yield Fault(path, f"found {found}; allowed: {least} or more", needs=needs)
