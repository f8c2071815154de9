"""Whole layers at once, [sample, neuron], under any interpreter of arrays: NumPy here, torch in training."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from typing import Any

import numpy as np

from ..datapath import SUM, Fire, clip_count, deliver, deliver_sum
from ..network.lists import Listed
from ..ops.array import ArrayOps, to_array
from ..ops.base import Ops, Registers, Value
from ..ops.operators import RefusedWriteError
from ..profile.schema import INPUT, SPIKES
from ..trace import PAST, Integers, State
from .oracle import RefusedOverflowError
from .wiring import Incoming, Layer, Relays

Accumulate = Callable[[Registers, str, Value, Value], None]
Total = Callable[[Value, Value, int], Value]
SpikesOf = Callable[[str, int], Value]


def deliver_in_order(regs: Registers, register: str, counts: Value, weights: Value) -> None:
    """Every source in ascending order: counts [sample, source], weights [source, neuron] or lists."""
    for source in np.flatnonzero(counts.any(axis=0)).tolist():
        deliver(regs, register, counts[:, source, None], _row(weights, source, regs[register].shape[-1]))


def _row(weights: Value, source: int, size: int) -> Value:
    return weights.row(source, size) if isinstance(weights, Listed) else weights[source]


def sum_of_sources(counts: Value, weights: Value, size: int) -> Value:
    """The sum over all sources, [sample, neuron]."""
    if not isinstance(weights, Listed):
        return counts @ weights
    total = np.zeros((len(counts), size), np.int64)
    for source in np.flatnonzero(counts.any(axis=0)).tolist():
        total += counts[:, source, None] * weights.row(source, size)
    return total


def deliver_at_once(regs: Registers, incoming: Incoming, register: str, total: Value) -> None:
    """The sum of all sources, its stages, and one write."""
    assert incoming.sum is not None
    values = {**regs.values, **incoming.values, SUM: total}
    summed = Registers(regs.ops, {**regs.words, SUM: incoming.sum.word}, values)
    summed.write(SUM, total)
    for item in incoming.sum.then:
        item.stage.run(summed)
    deliver_sum(summed, register)
    regs.values[register] = summed[register]


def step_layer(
    ops: Ops,
    layer: Layer,
    state: MutableMapping[str, Value],
    spikes_of: SpikesOf,
    silent: Value,
    accumulate: Accumulate = deliver_in_order,
    total: Total = sum_of_sources,
) -> Value:
    """One step of one layer. `state` (registers) is replaced by its successors; `silent` is a zero of every
    neuron. `spikes_of(population, lag)` are the spikes [sample, neuron] of so many steps ago, 0: this step;
    `accumulate` says how the sources of a projection are delivered, `total` how they are summed where a step has
    one write. Returns the spikes.
    """
    regs = registers_of(ops, layer, state)
    for incoming in layer.incoming:
        counts = clip_count(ops, spikes_of(incoming.source, incoming.lag), incoming.cap)
        for register, weights in incoming.synapses:
            if incoming.sum is None:
                accumulate(regs, register, counts, weights)
            else:
                deliver_at_once(regs, incoming, register, total(counts, weights, layer.size))
    return updated(layer, regs, state, silent)


def registers_of(ops: Ops, layer: Layer, state: Mapping[str, Value]) -> Registers:
    """The registers of a layer, with whatever its stages may read."""
    return Registers(ops, layer.neuron.registers, {**layer.constants, **layer.parameters, **state})


def updated(layer: Layer, regs: Registers, state: MutableMapping[str, Value], silent: Value) -> Value:
    """Every stage of a step once all has arrived; `state` is replaced by its successors. Returns the spikes."""
    regs.values[SPIKES] = silent
    for stage in layer.neuron.stages:
        if isinstance(stage, Fire) and layer.relays is not None:
            _fire_in_order(layer, layer.relays, stage, regs)
        else:
            stage.run(regs)
    state.update({register: regs[register] for register in layer.neuron.registers})
    return regs[SPIKES]


def _fire_in_order(layer: Layer, relays: Relays, fire: Fire, regs: Registers) -> None:
    """Fire group by group, because a spike may be copied to a neuron that fires later in the step."""
    assert layer.neuron.relay is not None
    cap, nothing = layer.neuron.relay.cap, 0 * regs[SPIKES]
    written = frozenset.union(*(branch.writes for branch in fire.branches))
    whole = {name: regs[name] + nothing for name in written}
    emitted = whole[SPIKES]
    for neurons, sources, counted in relays.later:
        every = {**regs.values, **whole}
        values = {name: value[..., neurons] if getattr(value, "ndim", 0) else value for name, value in every.items()}
        copied = _copied(emitted, sources, counted, nothing[..., neurons])
        values[SPIKES] = regs.ops.minimum(copied, cap)
        one = Registers(regs.ops, regs.words, values)
        fire.run(one)
        for name in written:
            whole[name][..., neurons] = one[name]
    neurons, sources, counted = relays.earlier
    copied = _copied(emitted, sources, counted, emitted[..., neurons])
    emitted[..., neurons] = regs.ops.minimum(copied, cap)
    regs.values.update(whole)


def _copied(emitted: Value, sources: Value, counted: Value, own: Value) -> Value:
    """What neurons emit by themselves and what is copied to them."""
    return sum((emitted[..., source] * counts for source, counts in zip(sources, counted, strict=True)), own)


def steps(
    layers: Sequence[Layer],
    past: MutableMapping[str, list[Value]],
    arriving: Iterable[Value],
    step: Callable[[Layer, SpikesOf], Value],
) -> Iterator[Mapping[str, Value]]:
    """What every population emits, step after step. `step` computes one of a layer.

    past: the spikes of the steps before, the last one last, by population; brought along. arriving: the input's.
    """
    for row in arriving:
        now = {INPUT: row}

        def spikes_of(population: str, lag: int, now: Mapping[str, Value] = now) -> Value:
            return past[population][-lag] if lag else now[population]

        for layer in layers:
            now[layer.name] = step(layer, spikes_of)
        yield now
        for name, spikes in now.items():
            past[name] = [*past[name][1:], spikes]


def simulate(
    groups: Sequence[Sequence[Layer]],
    spikes: Integers,
    state: State,
    outputs: Mapping[str, Integers],
    recorded: Mapping[str, Mapping[str, Integers]],
    overflows: Mapping[str, Integers],
    ops: Mapping[str, ArrayOps] | None = None,
) -> None:
    """Run a batch through NumPy, as `oracle.simulate` does it neuron by neuron. Raises RefusedOverflowError.

    ops: each layer's own, for who wants to watch.
    """
    layers = [layer for group in groups for layer in group]
    values = {name: {r: to_array(v) for r, v in registers.items()} for name, registers in state.items()}
    past = {name: earlier_spikes(registers) for name, registers in values.items()}
    ops = ops or {layer.name: ArrayOps() for layer in layers}

    def step_of(layer: Layer, spikes_of: SpikesOf) -> Value:
        silent = np.zeros_like(past[layer.name][-1])
        return step_layer(ops[layer.name], layer, values[layer.name], spikes_of, silent)

    arriving = (to_array(spikes[:, step]) for step in range(spikes.shape[1]))
    try:
        for step, now in enumerate(steps(layers, past, arriving, step_of)):
            for name, array in outputs.items():
                array[:, step] = now[name]
                for register, kept in recorded[name].items():
                    kept[:, step] = values[name][register]
    except RefusedWriteError:
        raise RefusedOverflowError(0) from None
    for layer in layers:
        overflows[layer.name][:] += [ops[layer.name].overflows[register] for register in layer.neuron.registers]
    for name, rows in past.items():
        state[name][SPIKES][...] = rows[-1]
        if PAST in state[name]:
            state[name][PAST][...] = np.stack(rows[:-1], axis=1)
        for register, value in values[name].items():
            state[name][register][...] = value


def earlier_spikes(registers: MutableMapping[str, Any]) -> list[Any]:
    """The spikes of the steps before the run, the last one last; taken out of the registers."""
    last, earlier = registers.pop(SPIKES), registers.pop(PAST, None)
    return [last] if earlier is None else [*(earlier[:, row] for row in range(earlier.shape[1])), last]
