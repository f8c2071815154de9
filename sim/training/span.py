"""The widest value that a network can meet in training, whatever its weights: which float is exact for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ..datapath import ANY, NONZERO, Cap
from ..engine.vectorised import deliver_at_once, registers_of, updated
from ..engine.wiring import Incoming, Layer, wire
from ..errors import InputError
from ..network.geometry import Pooling
from ..network.network import Network
from ..network.weights import format_weights
from ..ops.interval import Interval, IntervalOps
from ..profile.analysis import WEIGHT_MAX, WEIGHT_MIN, derived, held, weight_scope
from ..profile.schema import INPUT, SPIKES
from ..word import Word
from .projections import most_sources

_EXACT = ((torch.float32, 24), (torch.float64, 53))  # every integer of so many bits is exact
_PATIENCE = 8  # steps after which a register that still grows is taken to reach all of its word

Spans = dict[str, dict[str, Interval]]  # registers and spikes, by population


def exact_float(
    network: Network, max_input: int, weight_bits: int = 8, given: Mapping[str, Interval] | None = None
) -> torch.dtype:
    """The float that holds every value of the forward pass, whatever the weights. Raises InputError.

    `max_input`: the most spikes of an input channel in a step; `weight_bits`: of the trained weights; `given`: what
    layers emit that are not computed, by name.
    """
    widest = widest_value(network, max_input, weight_bits, given or {})
    bits = max(abs(end) for end in widest).bit_length()
    for dtype, exact in _EXACT:
        if bits <= exact:
            return dtype
    found = f"training under {network.profile.name} can need {bits} bits"
    raise InputError(f"profile: {found}; allowed: {exact}, all that is exact")


def widest_value(network: Network, max_input: int, weight_bits: int, given: Mapping[str, Interval]) -> Interval:
    """Contains every value of every step, partial sums included: the datapath on intervals, until nothing grows."""
    ops = IntervalOps()
    layers = [_on_intervals(ops, network, layer, weight_bits) for group in wire(network) for layer in group]
    found: Spans = {layer.name: dict.fromkeys((*layer.neuron.registers, SPIKES), Interval(0, 0)) for layer in layers}
    found[INPUT] = {SPIKES: Interval(0, max_input)}
    for name, emitted in given.items():
        found[name][SPIKES] = emitted
    fan_in = [most_sources(network, place) for place in range(len(network.projections))]
    step = 0
    while True:
        before = {name: dict(held_by) for name, held_by in found.items()}
        for layer in layers:
            _step(ops, layer, found, fan_in)
        grown = [(name, r) for name, held_by in found.items() for r in held_by if held_by[r] != before[name][r]]
        if not grown:
            return ops.widest
        if step >= _PATIENCE:
            for name, register in grown:
                layer = next(each for each in layers if each.name == name)
                found[name][register] = found[name][register].join(_whole(network, layer, register))
        step += 1


def _step(ops: IntervalOps, layer: Layer, found: Spans, fan_in: Sequence[int]) -> None:
    """Widen what the registers and the spikes of a layer can be by what a step makes of them.

    fan_in: the most sources of a neuron, by projection.
    """
    state = {register: found[layer.name][register] for register in layer.neuron.registers}
    regs = registers_of(ops, layer, state)
    for incoming in layer.incoming:
        counts = _acting(found[incoming.source][SPIKES], incoming.cap)
        for register, weight in incoming.synapses:
            total = ops.mul(ops.mul(counts, weight).join(Interval(0, 0)), Interval(0, fan_in[incoming.projection]))
            if incoming.sum is None:
                regs.write(register, ops.add(regs[register], total))
            else:
                deliver_at_once(regs, incoming, register, total)
    emitted = updated(layer, regs, state, Interval(0, 0))
    for register, span in (*state.items(), (SPIKES, emitted)):
        found[layer.name][register] = found[layer.name][register].join(span)


def _on_intervals(ops: IntervalOps, network: Network, layer: Layer, weight_bits: int) -> Layer:
    """The layer with what its parameters and weights can be: they may be trained, so whatever their words hold."""
    own = held(network.profile, layer.neuron, ops)
    incoming = [_weighted(ops, network, each, weight_bits) for each in layer.incoming]
    parameters = {name: own[name] for name in layer.parameters}
    fixed: Any = {name: Interval(value, value) for name, value in layer.constants.items()}
    return replace(layer, incoming=tuple(incoming), parameters=parameters, constants=fixed)


def _weighted(ops: IntervalOps, network: Network, incoming: Incoming, weight_bits: int) -> Incoming:
    projection, profile = network.projections[incoming.projection], network.profile
    connection = network.connection(projection)
    word = Word(min(weight_bits, connection.weight.word.bits), connection.weight.word.signed)
    raw = _ends(projection.weights) if isinstance(projection.shape, Pooling) else Interval(word.min, word.max)
    own: dict[str, Any] = {name: _ends(projection.parameters[name]) for name in connection.parameters}
    own |= {name: Interval(value, value) for name, value in profile.constants.items()}
    own |= derived(ops, connection, own | {WEIGHT_MIN: raw, WEIGHT_MAX: raw})
    weight = format_weights(ops, connection, raw, weight_scope(profile, connection, ops) | own)
    synapses = tuple((register, weight) for register, _ in incoming.synapses)
    return replace(incoming, synapses=synapses, values=own)


def _acting(counts: Interval, cap: Cap) -> Interval:
    """What spikes of one source act as, none among them."""
    counts = counts.join(Interval(0, 0))
    if cap == NONZERO:
        return Interval(0, 1)
    return counts if cap == ANY else Interval(counts.lo, min(counts.hi, int(cap)))


def _whole(network: Network, layer: Layer, register: str) -> Interval:
    """All that a register, or the spikes, can ever hold."""
    if register == SPIKES:
        return Interval(*layer.neuron.emission)
    return held(network.profile, layer.neuron)[register]


def _ends(values: Any) -> Interval:
    array = np.asarray(values)
    return Interval(int(array.min()), int(array.max())) if array.size else Interval(0, 0)
