"""Layers in the order they are computed: a layer alone runs all steps at once, layers in a loop step by step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

import torch
from torch import Tensor

from ..engine.wiring import Incoming, Layer
from .arrivals import Arrival, arrivals, late
from .compiled import LayerScanner, Scanner
from .recurrence import recurrence
from .scan import Scanned
from .trajectory import courses_of

Spikes = Mapping[str, Tensor]  # of the populations that are computed already, [sample, step, neuron]


def run_group(
    scanner: Scanner, group: Sequence[Layer], before: Spikes, record: Collection[str], real: torch.dtype
) -> dict[str, Scanned]:
    """All steps of layers that reach each other, or of one, from registers of 0, as floats of a type.

    record: registers to keep.
    """
    loop = _Loop(scanner, group, before, record, real)
    if not any(loop.inside(incoming) for layer in group for incoming in layer.incoming):
        return {layer.name: loop.at_once(layer) for layer in group}
    return loop.alone() or loop.step_by_step()


class _Loop:
    """Layers that are computed together."""

    def __init__(
        self, scanner: Scanner, group: Sequence[Layer], before: Spikes, record: Collection[str], real: torch.dtype
    ) -> None:
        self.scanner, self.group, self.before, self.record = scanner, group, before, record
        self.sizes = {layer.name: layer.size for layer in group}
        one = next(iter(before.values()))
        self.samples, self.steps = one.shape[:2]
        self.like = one.new_empty(0, dtype=real)
        courses = courses_of(scanner.ops, group)
        self.runners = {each.name: courses.get(each.name) or scanner.of(each, self.like) for each in group}

    def inside(self, incoming: Incoming) -> bool:
        """Whether a projection comes from these layers."""
        return incoming.source in self.sizes

    def at_once(self, layer: Layer) -> Scanned:
        """All steps of a layer to which nothing comes back."""
        given = [arrival for incoming in layer.incoming for arrival in self._arrivals(incoming)]
        return self._scanned(layer, given, None, range(self.steps))

    def alone(self) -> dict[str, Scanned] | None:
        """All steps of a layer that only itself reaches; None where there are more, or a step has to be by itself."""
        layer = self.group[0]
        scanner = self.runners[layer.name]
        if len(self.group) > 1 or not isinstance(scanner, LayerScanner) or scanner.fixed is None:
            return None
        outer = {place: self._arrivals(each) for place, each in enumerate(layer.incoming) if not self.inside(each)}
        found = recurrence(scanner.fixed, outer, self._silent(layer), self.steps, self._recorded(layer))
        return None if found is None else {layer.name: found}

    def step_by_step(self) -> dict[str, Scanned]:
        """One step of every layer after the other."""
        given = {layer.name: [self._by_step(incoming) for incoming in layer.incoming] for layer in self.group}
        state: dict[str, Spikes] = {
            layer.name: dict.fromkeys(layer.neuron.registers, self._silent(layer)) for layer in self.group
        }
        rows: dict[str, list[Scanned]] = {layer.name: [] for layer in self.group}
        for step in range(self.steps):
            for layer in self.group:
                arriving = []
                for incoming, outer in zip(layer.incoming, given[layer.name], strict=True):
                    arriving += [next(each) for each in outer] if outer else self._returning(incoming, rows, step)
                one = self._scanned(layer, arriving, state[layer.name], range(step, step + 1))
                state[layer.name] = one.state
                rows[layer.name].append(one)
        return {name: _joined(scanned) for name, scanned in rows.items()}

    def _scanned(self, layer: Layer, given: Sequence[Arrival], state: Spikes | None, steps: range) -> Scanned:
        return self.runners[layer.name].run(given, self._silent(layer), state, steps, self._recorded(layer))

    def _recorded(self, layer: Layer) -> list[str]:
        return [register for register in layer.neuron.registers if register in self.record]

    def _arrivals(self, incoming: Incoming) -> list[Arrival]:
        return arrivals(self.scanner.ops, incoming, late(self.before[incoming.source], incoming.lag))

    def _by_step(self, incoming: Incoming) -> list[Iterator[Arrival]]:
        """For each register; none of a projection from inside, which is not known yet."""
        return [] if self.inside(incoming) else [arrival.by_step() for arrival in self._arrivals(incoming)]

    def _returning(self, incoming: Incoming, rows: Mapping[str, Sequence[Scanned]], step: int) -> list[Arrival]:
        """What arrives from inside, by what was emitted so far."""
        emitted = rows[incoming.source]
        if step < incoming.lag:
            nothing = self.like.new_zeros(self.samples, 1, self.sizes[incoming.source])
            return arrivals(self.scanner.ops, incoming, nothing)
        return arrivals(self.scanner.ops, incoming, emitted[step - incoming.lag].spikes)

    def _silent(self, layer: Layer) -> Tensor:
        return self.like.new_zeros(self.samples, layer.size)


def _joined(rows: Sequence[Scanned]) -> Scanned:
    """Steps one behind the other."""
    registers = {name: torch.cat([row.registers[name] for row in rows], 1) for name in rows[0].registers}
    return Scanned(torch.cat([row.spikes for row in rows], 1), registers, rows[-1].state)
