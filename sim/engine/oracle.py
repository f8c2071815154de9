"""The oracle: one sample, one step, one neuron, one source at a time, in unbounded Python integers.

Slow and obviously right; the other engines are held to it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..datapath import SUM, clip_count, deliver, deliver_sum, relayed
from ..errors import OverflowRefusedError
from ..network.lists import Listed
from ..ops.base import Registers
from ..ops.integer import IntegerOps
from ..ops.operators import RefusedWriteError
from ..profile.schema import INPUT, SPIKES
from ..trace import PAST, Integers, State
from .wiring import Incoming, Layer

Row = list[int]
Past = Mapping[str, list[Row]]  # spikes by population, step after step, those before the run first
Synapses = list[list[tuple[int, int]]]  # by source: (target, weight)


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

    def summed(self, incoming: Incoming, total: int) -> None:
        """The next write is a step's sum, or delivers what its stages left of it."""

    def stage(self, stage: Any, regs: Registers) -> None:
        """The next writes are this stage's."""


@dataclass
class _Running:
    """A layer of one sample: its neurons' registers and weights as Python ints."""

    layer: Layer
    neurons: list[Registers]
    weights: list[list[tuple[str, Synapses]]]
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
    number: int = 0,
) -> None:
    """Run `spikes` [sample, step, input], from sample `first` on, from `state`, which is brought to the end.

    Writes `outputs` [sample, step, neuron], `recorded` registers of the same shape, and adds to
    `overflows` [register] of each layer. Raises OverflowRefusedError with the place,
    where sample 0 is called `number`.
    """
    layers = [layer for group in groups for layer in group]
    for sample in range(first, spikes.shape[0]):
        running = [_start(layer, state, sample) for layer in layers]
        past = {name: _rows(values, sample) for name, values in state.items()}
        for step in range(spikes.shape[1]):
            now: dict[str, Row] = {INPUT: _row(spikes[sample, step])}
            for run in running:
                name = run.layer.name
                try:
                    now[name] = _step(run, now, past, step, watch)
                except RefusedWriteError as error:
                    raise OverflowRefusedError(
                        f"sample {number + sample}, step {step}, layer {name}, {error}"
                    ) from None
                outputs[name][sample, step] = now[name]
                for register, values in recorded[name].items():
                    values[sample, step] = [regs[register] for regs in run.neurons]
            for name, row in now.items():
                past[name] = [*past[name][1:], row]
        for run in running:
            _finish(run, state, sample, overflows)
        for name, rows in past.items():
            state[name][SPIKES][sample] = rows[-1]
            if PAST in state[name]:
                state[name][PAST][sample] = rows[:-1]


def _rows(values: Mapping[str, Integers], sample: int) -> list[Row]:
    """The spikes of a population in the steps before the run, the last one last."""
    earlier = values[PAST][sample] if PAST in values else []
    return [*(_row(row) for row in earlier), _row(values[SPIKES][sample])]


def _row(values: Integers) -> Row:
    return [int(value) for value in values]


def _start(layer: Layer, state: State, sample: int) -> _Running:
    ops, words = IntegerOps(), layer.neuron.registers
    neurons = []
    for neuron in range(layer.size):
        values = dict(layer.constants)
        values |= {name: int(np.asarray(array)[neuron]) for name, array in layer.parameters.items()}
        values |= {register: int(state[layer.name][register][sample, neuron]) for register in words}
        neurons.append(Registers(ops, words, values))
    weights = [[(register, _synapses(each)) for register, each in i.synapses] for i in layer.incoming]
    return _Running(layer, neurons, weights, ops)


def _synapses(weights: Any) -> Synapses:
    """Every synapse of each source, in order of its target."""
    if isinstance(weights, Listed):
        pairs = (weights.of(source) for source in range(len(weights.pointers) - 1))
        return [list(zip(targets.tolist(), values.tolist(), strict=True)) for targets, values in pairs]
    return [list(enumerate(row)) for row in np.asarray(weights).tolist()]


def _finish(run: _Running, state: State, sample: int, overflows: Mapping[str, Integers]) -> None:
    layer = run.layer
    for place, register in enumerate(layer.neuron.registers):
        state[layer.name][register][sample] = [regs[register] for regs in run.neurons]
        overflows[layer.name][place] += run.ops.overflows[register]


def _step(run: _Running, now: Mapping[str, Row], past: Past, step: int, watch: Watch | None) -> Row:
    """One step of one layer: deliver, then every neuron's stages in ascending order. Returns the spikes."""
    layer = run.layer
    neurons = run.neurons
    if watch is not None:
        neurons = [watch.registers(layer.name, step, index, regs) for index, regs in enumerate(neurons)]
    for incoming, synapses in zip(layer.incoming, run.weights, strict=True):
        row = past[incoming.source][-incoming.lag] if incoming.lag else now[incoming.source]
        counts = [clip_count(run.ops, spikes, incoming.cap) for spikes in row]
        if incoming.sum is None:
            _deliver(incoming, synapses, counts, neurons, watch)
        else:
            _deliver_sums(incoming, synapses, counts, neurons, watch)
    emitted = [0] * layer.size
    for neuron, regs in enumerate(neurons):
        regs.values[SPIKES] = emitted[neuron]
        for stage in layer.neuron.stages:
            if watch is not None:
                watch.stage(stage, regs)
            stage.run(regs)
        emitted[neuron] = regs[SPIKES]
        _relay(run, neuron, emitted)
    return emitted


def _deliver(
    incoming: Incoming,
    synapses: Sequence[tuple[str, Synapses]],
    counts: Row,
    neurons: Sequence[Registers],
    watch: Watch | None,
) -> None:
    """Source after source, each a write of its own."""
    for source, count in enumerate(counts):
        if not count:
            continue
        for register, by_source in synapses:
            for target, weight in by_source[source]:
                if weight:
                    if watch is not None:
                        watch.arriving(incoming, source, count, weight)
                    deliver(neurons[target], register, count, weight)


def _deliver_sums(
    incoming: Incoming,
    synapses: Sequence[tuple[str, Synapses]],
    counts: Row,
    neurons: Sequence[Registers],
    watch: Watch | None,
) -> None:
    """All sources of the step at once: their sum, its stages, and one write, be the sum 0 or not."""
    assert incoming.sum is not None
    for register, by_source in synapses:
        totals = [0] * len(neurons)
        for source, count in enumerate(counts):
            for target, weight in by_source[source] if count else ():
                totals[target] += count * weight
        for regs, total in zip(neurons, totals, strict=True):
            if watch is not None:
                watch.summed(incoming, total)
            values = {**regs.values, **incoming.values, SUM: 0}
            summed = Registers(regs.ops, {**regs.words, SUM: incoming.sum.word}, values)
            summed.write(SUM, total)
            for item in incoming.sum.then:
                if watch is not None:
                    watch.stage(item.stage, summed)
                item.stage.run(summed)
            if watch is not None:
                watch.summed(incoming, summed[SUM])
            deliver_sum(summed, register)
            regs.values[register] = summed[register]


def _relay(run: _Running, neuron: int, emitted: Row) -> None:
    """Copy a neuron's spikes to its aliases, which never exceed the relay's cap."""
    layer = run.layer
    if layer.aliases is None or layer.neuron.relay is None:
        return
    spikes = emitted[neuron]
    for alias in layer.aliases[neuron]:
        if alias >= 0:
            emitted[alias] = relayed(run.ops, emitted[alias], spikes, layer.neuron.relay.cap)
