"""The oracle of event-clocked cores: one event, one neuron at a time, in unbounded Python integers."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import numpy as np

from ..errors import InputError, OverflowRefusedError
from ..events import Events
from ..ops.base import Registers
from ..ops.integer import IntegerOps
from ..ops.operators import RefusedWriteError
from ..profile.events import NEURON, SOURCE
from ..profile.schema import SPIKES
from ..trace import Integers
from .event_core import NO_NEURON, Core, Kind, Record, Watch, leaving, update


class NeverIdleError(Exception):
    """More events followed one from outside than the profile's limit."""


def never_idle(sample: int, event: int, core: Core) -> InputError:
    """The closed loop of an event that is given up."""
    assert core.queue is not None
    limit = core.queue.limit
    return InputError(f"sample {sample}, event {event}: the core is not idle after {limit} queued events (queue.limit)")


def simulate(
    core: Core,
    streams: Sequence[Events],
    state: Mapping[str, Integers],
    record: Record,
    first: int = 0,
    watch: Watch | None = None,
) -> None:
    """Run streams of events, from sample `first` on, from `state` (registers [sample, neuron]), which is brought to
    the end. Raises InputError where a core is never idle, OverflowRefusedError with the place.
    """
    for sample in range(first, len(streams)):
        running, stream = _Sample(core, state, sample, watch), streams[sample]
        rows = [dict(zip(stream.values, row, strict=True)) for row in zip(*_lists(stream), strict=True)]
        wire: list[tuple[int, int]] = []
        for number, kind in enumerate(stream.kind.tolist()):
            try:
                emitted = running.enter(number, core.kinds[kind], rows[number] if rows else {})
            except RefusedWriteError as error:
                place = f"sample {sample}, event {number}, layer {core.layer.name}"
                raise OverflowRefusedError(f"{place}, {error}") from None
            except NeverIdleError:
                raise never_idle(sample, number, core) from None
            wire += [(number, neuron) for neuron in emitted]
            record.spikes[sample, number] = np.bincount(emitted, minlength=core.layer.size)
            for register, values in record.registers.items():
                values[sample, number] = [regs[register] for regs in running.neurons]
        record.wire[sample] = np.array(wire, np.int32).reshape(-1, 2)
        record.dropped[sample] = running.dropped
        for index, register in enumerate(core.layer.neuron.registers):
            state[register][sample] = [regs[register] for regs in running.neurons]
            record.overflows[sample, index] = running.ops.overflows[register]


def _lists(stream: Events) -> list[list[int]]:
    return [column.tolist() for column in stream.values.values()]


class _Sample:
    """One core while it runs."""

    def __init__(self, core: Core, state: Mapping[str, Integers], sample: int, watch: Watch | None) -> None:
        self.core, self.ops, self.dropped, self.watch = core, IntegerOps(), 0, watch
        self.neurons = [self._neuron(state, sample, neuron) for neuron in range(core.layer.size)]
        self.weights = {k.name: [(register, w.tolist()) for register, w in k.synapses] for k in core.kinds}
        self.queue: deque[int] = deque()

    def _neuron(self, state: Mapping[str, Integers], sample: int, neuron: int) -> Registers:
        layer = self.core.layer
        values = dict(layer.constants)
        values |= {name: int(array[neuron]) for name, array in layer.parameters.items()}
        values |= {register: int(state[register][sample, neuron]) for register in layer.neuron.registers}
        return Registers(self.ops, layer.neuron.registers, values)

    def enter(self, number: int, kind: Kind, values: Mapping[str, int]) -> list[int]:
        """Process an event and all that follow it, until the core is idle. Returns who spiked, in order."""
        self._tell(number, kind, values, follows=False)
        emitted = self._process(kind, values, self.core.held(kind))
        queue, followed = self.core.queue, 0
        while queue is not None and self.queue:
            if followed == queue.limit:
                raise NeverIdleError
            followed += 1
            spike, requeued = {SOURCE: self.queue[0]}, self.core.kinds[self.core.requeued]
            if not queue.head_keeps_slot:
                self.queue.popleft()
            self._tell(number, requeued, spike, follows=True)
            emitted += self._process(requeued, spike, 0)
            if queue.head_keeps_slot:
                self.queue.popleft()
        return emitted

    def _process(self, kind: Kind, values: Mapping[str, int], held: int) -> list[int]:
        """One event, to its neurons in ascending order; `held` slots of the queue are taken by no queued spike."""
        emitted = []
        reached = [values[NEURON]] if kind.last == NO_NEURON else range(kind.last + 1)
        for neuron in reached:
            regs = self.neurons[neuron] if self.watch is None else self.watch.registers(neuron, self.neurons[neuron])
            regs.values.update({name: values[name] for name in kind.event.fields})
            weights = [(register, matrix[values[SOURCE]][neuron]) for register, matrix in self.weights[kind.name]]
            update(regs, kind.event, weights, self.core.layer.neuron, self.watch)
            left = bool(leaving(regs, self.core.layer.neuron))
            queued = left and self._push(neuron, held)
            if left:
                emitted.append(neuron)
            if self.watch is not None and regs[SPIKES]:
                self.watch.spiked(regs, left, queued)
        return emitted

    def _push(self, neuron: int, held: int) -> bool:
        """Queue a spike, or drop it. Returns whether it waits in the queue."""
        if self.core.queue is None:
            return False
        if len(self.queue) + held < self.core.queue.depth:
            self.queue.append(neuron)
            return True
        self.dropped += 1
        return False

    def _tell(self, number: int, kind: Kind, values: Mapping[str, int], follows: bool) -> None:
        if self.watch is not None:
            self.watch.entered(number, kind, values, follows)
