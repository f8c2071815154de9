"""The oracle: one sample, one step, one neuron, one source at a time, in unbounded Python integers.

Slow and obviously right; the other engines are held to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..datapath import clip_count, deliver
from ..errors import OverflowRefusedError
from ..ops.base import Registers
from ..ops.integer import IntegerOps
from ..ops.operators import RefusedWriteError
from ..profile.schema import INPUT, SPIKES
from ..trace import Integers, State
from .wiring import Incoming, Layer

Row = list[int]


class RefusedOverflowError(OverflowRefusedError):
    """Raised by a faster engine: a register overflowed that refuses to, in `sample` or a later one.

    The oracle, run from that sample, names the place.
    """

    def __init__(self, sample: int) -> None:
        self.sample = sample
        super().__init__(f"sample {sample}: a register overflowed that refuses to")


class Watch(Protocol):
    """Told what one neuron is about to write; see `explain`."""

    def registers(self, layer: str, step: int, neuron: int, regs: Registers) -> Registers:
        """The registers to use for this neuron in this step: `regs`, or a view that records its writes."""

    def arriving(self, incoming: Incoming, source: int, count: int, weight: int) -> None:
        """The next write delivers these spikes."""

    def stage(self, stage: Any, regs: Registers) -> None:
        """The next writes are this stage's."""


@dataclass
class _Running:
    """A layer of one sample: its neurons' registers and weights as Python ints."""

    layer: Layer
    neurons: list[Registers]
    weights: list[list[tuple[str, list[Row]]]]
    ops: IntegerOps


def simulate(
    groups: Sequence[Sequence[Layer]],
    spikes: Integers,
    state: State,
    outputs: Mapping[str, Integers],
    recorded: Mapping[str, Mapping[str, Integers]],
    overflows: Mapping[str, Integers],
    watch: Watch | None = None,
    first: int = 0,
) -> None:
    """Run `spikes` [sample, step, input], from sample `first` on, from `state`, which is brought to the end.

    Writes `outputs` [sample, step, neuron], `recorded` registers of the same shape, and adds to
    `overflows` [register] of each layer. Raises OverflowRefusedError with the place.
    """
    layers = [layer for group in groups for layer in group]
    for sample in range(first, spikes.shape[0]):
        running = [_start(layer, state, sample) for layer in layers]
        before = {name: _row(values[SPIKES][sample]) for name, values in state.items()}
        for step in range(spikes.shape[1]):
            now: dict[str, Row] = {INPUT: _row(spikes[sample, step])}
            for run in running:
                name = run.layer.name
                try:
                    now[name] = _step(run, now, before, step, watch)
                except RefusedWriteError as error:
                    raise OverflowRefusedError(f"sample {sample}, step {step}, layer {name}, {error}") from None
                outputs[name][sample, step] = now[name]
                for register, values in recorded[name].items():
                    values[sample, step] = [regs[register] for regs in run.neurons]
            before = now
        for run in running:
            _finish(run, state, sample, overflows)
        for name, row in before.items():
            state[name][SPIKES][sample] = row


def _row(values: Integers) -> Row:
    return [int(value) for value in values]


def _start(layer: Layer, state: State, sample: int) -> _Running:
    ops, words = IntegerOps(), layer.neuron.registers
    neurons = []
    for neuron in range(layer.size):
        values = {name: int(np.asarray(array)[neuron]) for name, array in layer.parameters.items()}
        values |= {register: int(state[layer.name][register][sample, neuron]) for register in words}
        neurons.append(Registers(ops, words, values))
    weights = [[(register, matrix.tolist()) for register, matrix in i.synapses] for i in layer.incoming]
    return _Running(layer, neurons, weights, ops)


def _finish(run: _Running, state: State, sample: int, overflows: Mapping[str, Integers]) -> None:
    layer = run.layer
    for place, register in enumerate(layer.neuron.registers):
        state[layer.name][register][sample] = [regs[register] for regs in run.neurons]
        overflows[layer.name][place] += run.ops.overflows[register]


def _step(run: _Running, now: Mapping[str, Row], before: Mapping[str, Row], step: int, watch: Watch | None) -> Row:
    """One step of one layer: deliver, then every neuron's stages in ascending order. Returns the spikes."""
    layer = run.layer
    neurons = run.neurons
    if watch is not None:
        neurons = [watch.registers(layer.name, step, index, regs) for index, regs in enumerate(neurons)]
    for incoming, synapses in zip(layer.incoming, run.weights, strict=True):
        row = before[incoming.source] if incoming.lag else now[incoming.source]
        _deliver(run.ops, incoming, synapses, row, neurons, watch)
    emitted = [0] * layer.size
    for neuron, regs in enumerate(neurons):
        regs.values[SPIKES] = emitted[neuron]
        for stage in layer.neuron.stages:
            if watch is not None:
                watch.stage(stage, regs)
            stage.run(regs)
        emitted[neuron] = regs[SPIKES]
        _relay(layer, neuron, emitted)
    return emitted


def _deliver(
    ops: IntegerOps,
    incoming: Incoming,
    synapses: Sequence[tuple[str, list[Row]]],
    row: Row,
    neurons: Sequence[Registers],
    watch: Watch | None,
) -> None:
    for source, spikes in enumerate(row):
        if not spikes:
            continue
        count = clip_count(ops, spikes, incoming.cap)
        for register, weights in synapses:
            for regs, weight in zip(neurons, weights[source], strict=True):
                if weight:
                    if watch is not None:
                        watch.arriving(incoming, source, count, weight)
                    deliver(regs, register, count, weight)


def _relay(layer: Layer, neuron: int, emitted: Row) -> None:
    """Copy a neuron's spikes to its aliases, which never exceed the relay's cap."""
    if layer.aliases is None or layer.neuron.relay is None:
        return
    spikes = emitted[neuron]
    for alias in layer.aliases[neuron]:
        if alias >= 0:
            emitted[alias] = min(layer.neuron.relay.cap, emitted[alias] + spikes)
