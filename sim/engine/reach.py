"""What a network's registers can hold and its neurons emit, whatever the input: spans, neuron by neuron.

Every step that can follow a run's start (all registers 0) is taken at once on spans, until nothing is added; so what
lies outside is proved to be impossible. What lies inside need not be possible: the sum of independent sources in a
register that each step finds at 0 is, what a membrane keeps from step to step may not be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..datapath import SPIKES, Decay, Fire, holds
from ..errors import InputError
from ..network.network import Network
from ..ops.array import ArrayOps
from ..ops.base import Registers
from ..ops.spans import Line, Span, SpanOps
from ..profile.analysis import widest
from ..profile.schema import INPUT, storage
from ..profile.walk import stage_operands
from .span_arrivals import Array, Arrivals, Spans
from .wiring import Layer, wire

Arrive = Callable[[Registers], None]  # lets all arrive that can in a step

ROUNDS = 400  # steps after which a register is taken to hold all of its word
PATIENCE = 12  # steps before it is guessed where the registers settle
NARROWED = 128  # steps by which a guess that went too far is mended
MOST_WIDE = 24  # bits that registers are given beyond their words to find the width that would be enough


@dataclass(frozen=True)
class Reach:
    """What one layer can do, whatever the input.

    held: by register, what it holds between two steps. written: by register, every value before it was fitted.
    overflows: by register, whether a write of a neuron may not fit, [neuron]. spikes: what is emitted in a step.
    end: the magnitude at which it was no longer followed where registers were given more bits than they have.
    """

    held: Spans
    written: Spans
    overflows: Mapping[str, Array]
    spikes: Span
    end: int | None = None


def reach(network: Network, most_input: int | None = None, wide: bool = False) -> dict[str, Reach]:
    """What every layer of a clocked network can do, from registers that are 0.

    most_input: the most spikes of an input channel in a step; None: what the profile's input word holds.
    wide: as if no word had an end, up to 24 further bits. Raises InputError for clock: event.
    """
    if network.profile.clock != "step":
        raise InputError(f"profile '{network.profile.name}': found clock: event; allowed: step")
    spikes = {INPUT: _input(network, most_input)}
    found: dict[str, Reach] = {}
    for group in wire(network):
        found |= _settle(network, group, spikes, wide)
    return found


def _settle(network: Network, group: Sequence[Layer], spikes: Spans, wide: bool) -> dict[str, Reach]:
    """Layers that need each other, settled one after the other until none emits more. `spikes` gets what they emit."""
    found: dict[str, Reach] = {}
    spikes |= {layer.name: _zero(layer) for layer in group}
    for turn in range(ROUNDS):
        if turn == ROUNDS - 1:
            spikes |= {layer.name: _most_spikes(layer) for layer in group}
        before = {layer.name: spikes[layer.name] for layer in group}
        for layer in group:
            arrivals = Arrivals(layer, spikes)
            start = found[layer.name].held if layer.name in found else None
            found[layer.name] = settle(layer, arrivals, _room(network, layer) if wide else None, start)
            spikes[layer.name] = spikes[layer.name].join(found[layer.name].spikes)
        if all(spikes[name].within(span).all() for name, span in before.items()):
            break
    return found


def settle(layer: Layer, arrivals: Arrive, wide: int | None = None, start: Spans | None = None) -> Reach:
    """What a layer can do where `arrivals` is all that can arrive in a step.

    wide: bits that every register has. start: what its registers can hold with fewer arrivals, to begin with.
    """
    nothing = {register: _zero(layer) for register in layer.neuron.registers}
    state, guessed, settled = start or nothing, False, False
    growth: list[dict[str, tuple[Array, Array]]] = []
    for turn in range(ROUNDS):
        after = _joined(state, _step(SpanOps(layer.size, wide), layer, arrivals, state)[0])
        settled = all(after[name].within(span).all() for name, span in state.items())
        if settled:
            break
        growth = [*growth[-1:], {n: (span.lo - after[n].lo, after[n].hi - span.hi) for n, span in state.items()}]
        if turn >= PATIENCE and turn % 3 == 0:
            after, guessed = (
                _extrapolated(layer, after, growth, wide, PATIENCE << min(40, (turn - PATIENCE) // 3)),
                True,
            )
        state = after
    if not settled:
        state = {name: _whole(layer, name, wide) for name in state}
    for _ in range(NARROWED if guessed else 0):
        after = _joined(nothing, _step(SpanOps(layer.size, wide), layer, arrivals, state)[0])
        if all(span.within(after[name]).all() for name, span in state.items()):
            break
        state = after
    ops = SpanOps(layer.size, wide)
    spikes = _step(ops, layer, arrivals, state)[1]
    return Reach(state, ops.written, ops.overflows, spikes, None if wide is None else 1 << wide)


def _step(ops: SpanOps, layer: Layer, arrivals: Arrive, state: Spans) -> tuple[Spans, Span]:
    """One step: the registers at its end, and the spikes."""
    regs = _begun(ops, layer, arrivals, state)
    for stage in layer.neuron.stages:
        _run(stage, regs)
    most = _most_spikes(layer)
    spikes = Span(np.maximum(regs[SPIKES].lo, most.lo), np.minimum(regs[SPIKES].hi, most.hi))
    return {name: _each(layer, regs[name]) for name in state}, _each(layer, spikes)


def _begun(ops: SpanOps, layer: Layer, arrivals: Arrive, state: Spans) -> Registers:
    """The registers once all has arrived, before the first stage."""
    given = {name: Span.of(values) for name, values in (*layer.constants.items(), *layer.parameters.items())}
    copied = 0 if layer.aliases is None or layer.neuron.relay is None else layer.neuron.relay.cap
    spikes = Span(np.zeros(layer.size, np.int64), np.full(layer.size, copied))
    regs = Registers(ops, layer.neuron.registers, {**given, **state, SPIKES: spikes})
    arrivals(regs)
    return regs


def _run(stage: Any, regs: Registers) -> None:
    """One stage. A leak is a function of what leaks, and is followed as one: see `Line`."""
    by = regs[stage.by] if isinstance(stage, Decay) else None
    if by is None or np.any(by.lo != by.hi):
        stage.run(regs)
        return
    value, base = regs[stage.of], object()
    one, zero = np.array(1), np.array(0)
    followed = Span(value.lo, value.hi, Line(base, (value.lo, value.hi), (one, one), (zero, zero)))
    regs.values.update({name: followed for name, each in regs.values.items() if each is value})
    exact = {name: span.lo for name, span in regs.values.items()}
    ends = [stage.raw(Registers(ArrayOps(), regs.words, {**exact, stage.of: end})) for end in (value.lo, value.hi)]
    # whatever the rounding, amount and remainder both change by 0 to 1 where the value changes by 1
    slope = (zero, one) if stage.result == "remaining" else (-one, zero)
    line = Line(base, (ends[0], ends[1]), slope, (zero, zero))
    flag = True if stage.when is None else holds(stage.when, regs)
    regs.write(stage.into, Span.from_line(np.minimum(*ends), np.maximum(*ends), line), stage.word, flag)


def unheard(network: Network, found: Mapping[str, Reach], most_input: int | None = None) -> Iterator[Unheard]:
    """Registers that lose all that arrives before a stage uses it."""
    spikes = {INPUT: _input(network, most_input)} | {name: each.spikes for name, each in found.items()}
    for layer in (layer for group in wire(network) for layer in group):
        regs = _begun(SpanOps(layer.size), layer, Arrivals(layer, spikes), found[layer.name].held)
        waiting = {register for each in layer.incoming for register, _ in each.synapses}
        for stage in layer.neuron.stages:
            if isinstance(stage, Fire):
                break
            into, before = stage.into, regs[stage.into]
            read = {name for _, name in stage_operands((), stage)} - {into}
            _run(stage, regs)
            after = _each(layer, regs[into])
            lost = (after.lo == 0) & (after.hi == 0) & ((before.lo < 0) | (before.hi > 0))
            if into in waiting and lost.any():
                yield Unheard(layer.name, into, np.broadcast_to(lost, layer.size), stage)
            waiting -= {into, *read}


@dataclass(frozen=True)
class Unheard:
    """A register of a layer whose neurons (bool [neuron]) lose what arrives in `stage`, the first that touches it."""

    layer: str
    register: str
    neurons: Array
    stage: Any


def _input(network: Network, most: int | None) -> Span:
    word = network.input_word
    high = word.max if most is None else min(word.max, most)
    low = word.min if most is None else max(word.min, -most)
    return Span(np.full(network.inputs, low), np.full(network.inputs, high))


def _zero(layer: Layer) -> Span:
    return Span(np.zeros(layer.size, np.int64), np.zeros(layer.size, np.int64))


def _most_spikes(layer: Layer) -> Span:
    low, high = layer.neuron.emission
    return Span(np.full(layer.size, low), np.full(layer.size, high))


def _whole(layer: Layer, register: str, wide: int | None) -> Span:
    """Whatever a register may hold."""
    word = storage(layer.neuron, register)
    low, high = (word.min, word.max) if wide is None else (-(1 << wide), 1 << wide)
    return Span(np.full(layer.size, low), np.full(layer.size, high))


def _each(layer: Layer, span: Span) -> Span:
    """One span a neuron, of its own."""
    low, high = (np.broadcast_to(np.asarray(end, np.int64), layer.size) for end in (span.lo, span.hi))
    return Span(low, high)


def _joined(a: Spans, b: Spans) -> Spans:
    return {name: span.join(b[name]) for name, span in a.items()}


def _extrapolated(
    layer: Layer, state: Spans, growth: Sequence[dict[str, tuple[Array, Array]]], wide: int | None, steps: int
) -> Spans:
    """Where registers settle that grow ever less, as by a leak: a geometric series' sum; a guess, to be checked.

    steps: how many of those that grow as before are taken at once.
    """
    most = np.int64(1 << 60)
    guess = {}
    for name, span in state.items():
        ends = []
        for before, now in zip(growth[0][name], growth[-1][name], strict=True):
            slows = before > now
            few = np.minimum(now, 1 << 30)  # whose square is computed
            series = few * few // np.where(slows, before - now, 1) + 1
            as_before = np.where(now < most // steps, now * steps, most)
            ends.append(np.where(now > 0, np.where(slows, series, as_before), 0))
        whole = _whole(layer, name, wide)
        guess[name] = Span(np.maximum(span.lo - ends[0], whole.lo), np.minimum(span.hi + ends[1], whole.hi))
    return guess


def _room(network: Network, layer: Layer) -> int:
    """Bits that every register can be given so that no product of two of them passes 62."""
    free = max(0, 62 - widest(network.profile, layer.kind).bits) // 2
    return max(storage(layer.neuron, register).bits for register in layer.neuron.registers) + min(MOST_WIDE, free)
