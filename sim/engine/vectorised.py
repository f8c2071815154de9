"""Whole layers at once, [sample, neuron], under any interpreter of arrays: NumPy here, torch in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
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
from .wiring import Incoming, Layer

Accumulate = Callable[[Registers, str, Value, Value], None]


def deliver_in_order(regs: Registers, register: str, counts: Value, weights: Value) -> None:
    """Every source in ascending order: counts [sample, source], weights [source, neuron] or lists."""
    for source in np.flatnonzero(counts.any(axis=0)).tolist():
        deliver(regs, register, counts[:, source, None], _row(weights, source, regs[register].shape[-1]))


def _row(weights: Value, source: int, size: int) -> Value:
    return weights.row(source, size) if isinstance(weights, Listed) else weights[source]


def deliver_at_once(regs: Registers, incoming: Incoming, register: str, counts: Value, weights: Value) -> None:
    """The sum of all sources, its stages, and one write."""
    assert incoming.sum is not None
    values = {**regs.values, **incoming.values, SUM: 0 * regs[register]}
    summed = Registers(regs.ops, {**regs.words, SUM: incoming.sum.word}, values)
    summed.write(SUM, _total(counts, weights, regs[register].shape[-1]))
    for item in incoming.sum.then:
        item.stage.run(summed)
    deliver_sum(summed, register)
    regs.values[register] = summed[register]


def _total(counts: Value, weights: Value, size: int) -> Value:
    """The sum over all sources, [sample, neuron]."""
    if not isinstance(weights, Listed):
        return counts @ weights
    total = np.zeros((len(counts), size), np.int64)
    for source in np.flatnonzero(counts.any(axis=0)).tolist():
        total += counts[:, source, None] * weights.row(source, size)
    return total


def step_layer(
    ops: Ops,
    layer: Layer,
    state: MutableMapping[str, Value],
    spikes_of: Callable[[str, int], Value],
    silent: Value,
    accumulate: Accumulate = deliver_in_order,
) -> Value:
    """One step of one layer. `state` (registers) is replaced by its successors; `silent` is a zero of every
    neuron. `spikes_of(population, lag)` are the spikes [sample, neuron] of so many steps ago, 0: this step;
    `accumulate` says how the sources of a projection are delivered. Returns the spikes.
    """
    regs = Registers(ops, layer.neuron.registers, {**layer.constants, **layer.parameters, **state})
    for incoming in layer.incoming:
        counts = clip_count(ops, spikes_of(incoming.source, incoming.lag), incoming.cap)
        for register, weights in incoming.synapses:
            if incoming.sum is None:
                accumulate(regs, register, counts, weights)
            else:
                deliver_at_once(regs, incoming, register, counts, weights)
    regs.values[SPIKES] = silent
    for stage in layer.neuron.stages:
        if isinstance(stage, Fire) and layer.aliases is not None:
            _fire_in_order(ops, layer, stage, regs)
        else:
            stage.run(regs)
    state.update({register: regs[register] for register in layer.neuron.registers})
    return regs[SPIKES]


def _fire_in_order(ops: Ops, layer: Layer, fire: Fire, regs: Registers) -> None:
    """Fire neuron by neuron, because a spike may be copied to a neuron that fires later in the step."""
    assert layer.aliases is not None
    assert layer.neuron.relay is not None
    written = frozenset.union(*(branch.writes for branch in fire.branches))
    whole = {name: np.array(np.broadcast_to(regs[name], regs[SPIKES].shape)) for name in written}
    emitted = whole[SPIKES]
    for neuron in range(layer.size):
        values = {name: np.asarray(value)[..., neuron] for name, value in {**regs.values, **whole}.items()}
        one = Registers(ops, regs.words, values)
        fire.run(one)
        for name in written:
            whole[name][..., neuron] = one[name]
        own = emitted[..., neuron].copy()  # a neuron may be its own alias
        for alias in layer.aliases[neuron]:
            if alias >= 0:
                emitted[..., alias] = np.minimum(layer.neuron.relay.cap, emitted[..., alias] + own)
    regs.values.update(whole)


def simulate(
    groups: Sequence[Sequence[Layer]],
    spikes: Integers,
    state: State,
    outputs: Mapping[str, Integers],
    recorded: Mapping[str, Mapping[str, Integers]],
    overflows: Mapping[str, Integers],
) -> None:
    """Run a batch through NumPy, as `oracle.simulate` does it neuron by neuron. Raises RefusedOverflowError."""
    layers = [layer for group in groups for layer in group]
    values = {name: {r: to_array(v) for r, v in registers.items()} for name, registers in state.items()}
    past = {name: _rows(registers) for name, registers in values.items()}
    for step in range(spikes.shape[1]):
        now = {INPUT: to_array(spikes[:, step])}

        def spikes_of(population: str, lag: int, now: Mapping[str, Value] = now) -> Value:
            return past[population][-lag] if lag else now[population]

        for layer in layers:
            name, ops = layer.name, ArrayOps()
            try:
                now[name] = step_layer(ops, layer, values[name], spikes_of, np.zeros_like(past[name][-1]))
            except RefusedWriteError:
                raise RefusedOverflowError(0) from None
            outputs[name][:, step] = now[name]
            for register, values_of in recorded[name].items():
                values_of[:, step] = values[name][register]
            for place, register in enumerate(layer.neuron.registers):
                overflows[name][place] += ops.overflows[register]
        for name, row in now.items():
            past[name] = [*past[name][1:], row]
    for name, rows in past.items():
        state[name][SPIKES][...] = rows[-1]
        if PAST in state[name]:
            state[name][PAST][...] = np.stack(rows[:-1], axis=1)
        for register, value in values[name].items():
            state[name][register][...] = value


def _rows(registers: MutableMapping[str, Any]) -> list[Any]:
    """The spikes of the steps before the run, the last one last; taken out of the registers."""
    last, earlier = registers.pop(SPIKES), registers.pop(PAST, None)
    return [last] if earlier is None else [*np.moveaxis(earlier, 1, 0), last]
