"""The circuits of a profile: every update that a chip makes, each with what goes in, what comes out, and its stages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from ...datapath import SPIKES, SUM, WEIGHT, clip_count, deliver, deliver_sum, relayed
from ...engine.event_core import leaving, update
from ...ops.base import Registers
from ...ops.interval import Interval, IntervalOps
from ...profile.analysis import (
    derived,
    effective_weight,
    given,
    given_connection,
    held,
    spans,
    sum_scope,
    weight_scope,
)
from ...profile.connection import Connection
from ...profile.events import EventKind
from ...profile.schema import INPUT, NeuronClass, Profile, Relay, holding
from ...profile.text import stage_lines
from ...word import MAX_BITS, Overflow, Word

FAN_IN = 1024  # sources of a neuron whose sum fits the accumulator, where the profile sets no limit
RECEIVED = "received"


@dataclass(frozen=True)
class Unit:
    """One update as a circuit.

    words: of the registers that `run` fits writes into. inputs: what goes in, with its word. constants: the profile's
    values. zeros: registers that start from 0. results: what may come out, with its word. stages: comments for each
    part of `run`, the functions that make the update, in order.
    """

    name: str
    title: str
    words: Mapping[str, Word]
    inputs: Mapping[str, Word]
    results: Mapping[str, Word]
    run: tuple[tuple[str, Callable[[Registers], None]], ...]
    constants: Mapping[str, int] = field(default_factory=dict)
    zeros: tuple[str, ...] = ()


def units(profile: Profile, fan_in: Mapping[str, int]) -> list[Unit]:
    """Every circuit of a profile, in the order of the file.

    fan_in: by connection, how many sources a sum of a step must hold; absent: the profile's limit, or FAN_IN.
    """
    most = {**profile.limits.fan_in, **fan_in}
    found: list[Unit] = []
    for name, neuron in profile.neurons.items():
        found += _of_class(profile, name, neuron)
    for name, connection in profile.connections.items():
        found += _of_connection(profile, name, connection, most.get(name, FAN_IN))
    found += [_event(profile, name, event) for name, event in profile.events.items()]
    return found


def _of_class(profile: Profile, name: str, neuron: NeuronClass) -> Iterator[Unit]:
    if neuron.derived:
        title = f"derived values of a neuron of class {name}"
        yield _prepare(profile, f"{name}_prepare", title, neuron, given(profile, neuron))
    if profile.clock == "step":
        yield _step(profile, name, neuron)
    if neuron.relay is not None:
        yield _relay(name, neuron, neuron.relay)


def _of_connection(profile: Profile, name: str, connection: Connection, sources: int) -> Iterator[Unit]:
    if connection.derived:
        start = given_connection(profile, connection)
        yield _prepare(profile, f"{name}_prepare", f"derived values of a projection over {name}", connection, start)
    if connection.weight.format:
        yield _weight(profile, name, connection)
    if profile.clock == "event":
        return
    if connection.sum is None:
        yield _deliver(profile, name, connection)
    else:
        total = _total(profile, connection, sources)
        yield _accumulate(profile, name, connection, total)
        yield _settle(profile, name, connection, total)


def _step(profile: Profile, name: str, neuron: NeuronClass) -> Unit:
    inputs = _state(profile, neuron)
    if neuron.relay is not None:
        inputs[SPIKES] = holding(0, neuron.relay.cap)
    return Unit(
        f"{name}_step",
        f"one time step of a neuron of class {name}",
        neuron.registers,
        inputs,
        _registers(profile, neuron) | {SPIKES: holding(*neuron.emission)},
        tuple((_text(item), item.stage.run) for item in neuron.step),
        profile.constants,
        () if neuron.relay is not None else (SPIKES,),
    )


def _event(profile: Profile, name: str, event: EventKind) -> Unit:
    neuron = next(iter(profile.neurons.values()))
    inputs = _state(profile, neuron) | dict(event.fields)
    arriving = []
    if event.over is not None:
        connection = profile.connections[event.over]
        arriving = [(register, f"{WEIGHT}.{register}") for register in connection.into]
        inputs |= {key: port_word(effective_weight(profile, connection)) for _, key in arriving}

    def whole(regs: Registers) -> None:
        update(regs, event, [(register, regs.values[key]) for register, key in arriving], neuron)
        regs.values[SPIKES] = leaving(regs, neuron)

    return Unit(
        f"{name}_event",
        f"what an event '{name}' does to a neuron that it reaches",
        neuron.registers,
        inputs,
        _registers(profile, neuron) | {SPIKES: holding(*neuron.emission)},
        ((_text(*event.do, *neuron.step), whole),),
        profile.constants,
    )


def _relay(name: str, neuron: NeuronClass, relay: Relay) -> Unit:
    def copy(regs: Registers) -> None:
        regs.values[RECEIVED] = relayed(regs.ops, regs[RECEIVED], regs[SPIKES], relay.cap)

    words = {RECEIVED: holding(0, relay.cap), SPIKES: holding(*neuron.emission)}
    text = f"received, and spikes of another neuron: {relay.cap} at most"
    title = f"spikes of a neuron of class {name} that another one gets copies of"
    return Unit(f"{name}_relay", title, {}, words, {RECEIVED: words[RECEIVED]}, ((text, copy),))


def _prepare(
    profile: Profile, name: str, title: str, place: NeuronClass | Connection, start: Mapping[str, Interval]
) -> Unit:
    ranges = derived(IntervalOps(), place, start)
    inputs = {key: port_word(span) for key, span in start.items() if key not in profile.constants}
    inputs |= {key: word for key, word in place.parameters.items() if key in inputs}
    results = {key: port_word(ranges[key]) for key in place.derived}
    run = tuple((_text(item), item.stage.run) for item in place.prepare)
    return Unit(name, title, place.derived, inputs, results, run, profile.constants, tuple(place.derived))


def _weight(profile: Profile, name: str, connection: Connection) -> Unit:
    scope = weight_scope(profile, connection)
    inputs = {key: port_word(span) for key, span in scope.items() if key not in profile.constants}
    run = tuple((_text(item), item.stage.run) for item in connection.weight.format)
    results = {WEIGHT: port_word(effective_weight(profile, connection))}
    title = f"what a weight of connection {name} adds"
    return Unit(f"{name}_weight", title, {WEIGHT: connection.weight.word}, inputs, results, run, profile.constants)


def _deliver(profile: Profile, name: str, connection: Connection) -> Unit:
    neuron = profile.neurons[connection.target]
    registers = {key: word for key, word in _registers(profile, neuron).items() if key in connection.into}
    weights = {f"{WEIGHT}.{register}": port_word(effective_weight(profile, connection)) for register in connection.into}

    def arrive(regs: Registers) -> None:
        count = clip_count(regs.ops, regs[SPIKES], connection.cap)
        for register, key in zip(connection.into, weights, strict=True):
            deliver(regs, register, count, regs.values[key])

    return Unit(
        f"{name}_deliver",
        f"the spikes of one source arrive over connection {name}",
        neuron.registers,
        {**registers, SPIKES: _emitted(profile, connection), **weights},
        registers,
        ((f"{', '.join(connection.into)} + spikes * weight, of {connection.cap} spikes at most", arrive),),
    )


def _accumulate(profile: Profile, name: str, connection: Connection, total: Word) -> Unit:
    weight = port_word(effective_weight(profile, connection))

    def collect(regs: Registers) -> None:
        deliver(regs, SUM, clip_count(regs.ops, regs[SPIKES], connection.cap), regs[WEIGHT])

    inputs = {SUM: total, SPIKES: _emitted(profile, connection), WEIGHT: weight}
    text = f"sum + spikes * weight, of {connection.cap} spikes at most"
    title = f"the spikes of one source enter the sum of a step over connection {name}"
    words = {SUM: replace(total, overflow=Overflow.REFUSE)}
    return Unit(f"{name}_accumulate", title, words, inputs, {SUM: total}, ((text, collect),))


def _settle(profile: Profile, name: str, connection: Connection, total: Word) -> Unit:
    assert connection.sum is not None
    neuron, stages = profile.neurons[connection.target], connection.sum.then
    word = connection.sum.word
    sums = {register: f"{SUM}.{register}" for register in connection.into}
    ranges = sum_scope(profile, connection)
    scope = {key: port_word(span) for key, span in ranges.items() if key not in (SUM, *profile.constants)}
    heading = f"sum: {word}\n{_text(*stages)}\n".replace("\n\n", "\n")

    def settle(regs: Registers, register: str) -> None:
        regs.values[SUM] = regs.ops.constant(0)
        regs.write(SUM, regs.values[sums[register]])
        for item in stages:
            item.stage.run(regs)
        deliver_sum(regs, register)

    return Unit(
        f"{name}_settle",
        f"the sum of a step over connection {name} reaches a neuron",
        {**neuron.registers, SUM: word},
        {**_registers(profile, neuron), **scope, **dict.fromkeys(sums.values(), total)},
        {key: each for key, each in _registers(profile, neuron).items() if key in connection.into},
        tuple((f"{heading}{key} + sum", partial(settle, register=key)) for key in connection.into),
        profile.constants,
    )


def _total(profile: Profile, connection: Connection, sources: int) -> Word:
    """Holds every partial sum of a step, of so many sources."""
    ops, weight = IntervalOps(), effective_weight(profile, connection)
    count = clip_count(ops, spans(_emitted(profile, connection)), connection.cap)
    return Word(min(ops.mul(ops.mul(count, weight), Interval(0, sources)).bits, MAX_BITS), True)


def _emitted(profile: Profile, connection: Connection) -> Word:
    """What the sources of a connection send in a step."""
    ends = [profile.neurons[name].emission for name in connection.sources if name != INPUT]
    if INPUT in connection.sources:
        ends += [(profile.input.min, profile.input.max) if profile.input else (0, 1)]
    return holding(min(low for low, _ in ends), max(high for _, high in ends))


def _state(profile: Profile, neuron: NeuronClass) -> dict[str, Word]:
    """Registers, parameters and derived values, each with a word that holds what it can hold."""
    ranges = held(profile, neuron)
    derived_words = {name: port_word(ranges[name]) for name in neuron.derived}
    return _registers(profile, neuron) | dict(neuron.parameters) | derived_words


def _registers(profile: Profile, neuron: NeuronClass) -> dict[str, Word]:
    ranges = held(profile, neuron)
    wide = {name: port_word(ranges[name]) for name, word in neuron.registers.items() if ranges[name] != spans(word)}
    return neuron.registers | wide


def port_word(span: Interval) -> Word:
    """The narrowest word of an interval."""
    return replace(holding(*span), low=span.lo, high=span.hi)


def _text(*items: Any) -> str:
    """Stages as the profile writes them."""
    return "\n".join(stage_lines([item.model_dump(mode="json", exclude_none=True) for item in items]))
