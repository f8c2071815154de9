"""Every write of one neuron in one step: operands, result, and what the fit did to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ..datapath import SUM, Fire, conditions
from ..errors import InputError
from ..network.network import Network
from ..ops.base import Registers, names_in
from ..ops.integer import IntegerOps
from ..profile.schema import SPIKES, holding
from ..trace import Integers, State
from ..word import Overflow, Word
from . import oracle
from .run import check_spikes, check_state, initial_state
from .wiring import Incoming, Layer, wire


@dataclass(frozen=True)
class Write:
    """One register write: `cause` names the stage or the source that it comes from, with its operands.

    before, raw, after: the register, the unbounded result, and what the word kept of it.
    """

    cause: str
    register: str
    word: Word
    before: int
    raw: int
    after: int

    @property
    def effect(self) -> str:
        """What the fit did: 'kept', 'clipped' or 'wrapped'."""
        if self.raw == self.after:
            return "kept"
        return "clipped" if self.word.overflow is Overflow.SATURATE else "wrapped"

    def __str__(self) -> str:
        kept = f"{self.after} ({self.word.pattern(self.after)})"
        fitted = f"{self.raw}, {self.effect} to {kept}" if self.effect != "kept" else kept
        return f"{self.register}: {self.before} -> {fitted}  [{self.word}]  {self.cause}"


class _Log(IntegerOps):
    """The oracle's operations, recording each write of one neuron in one step."""

    def __init__(self, layer: str, neuron: int, step: int) -> None:
        super().__init__()
        self.place = (layer, neuron, step)
        self.writes: list[Write] = []
        self.watched: Registers | None = None
        self.cause = ""
        self.total = 0

    def registers(self, layer: str, step: int, neuron: int, regs: Registers) -> Registers:
        """The same registers, under these operations, if they are the watched neuron's."""
        if (layer, neuron, step) != self.place:
            return regs
        self.watched = Registers(self, regs.words, regs.values)
        return self.watched

    def arriving(self, incoming: Incoming, source: int, count: int, weight: int) -> None:
        """Name the source of the next write."""
        self.cause = f"{incoming.via}: {incoming.source}[{source}] {count} x {weight}"

    def summed(self, incoming: Incoming, total: int) -> None:
        """Name the sum of the next write; a sum starts from 0."""
        self.total = 0
        self.cause = f"{incoming.via}: the sum of the step, {total}"

    def stage(self, stage: Any, regs: Registers) -> None:
        """Name the stage of the next writes, with what it reads."""
        if regs.ops is not self:
            return
        if isinstance(stage, Fire):
            branches = [
                " and ".join(f"{a} {relation} {b}" for _, (a, relation, b) in conditions(b.when))
                for b in stage.branches
            ]
            self.cause = f"fire: {'; '.join(branches)}{_values(_compared(stage), regs)}"
        else:
            self.cause = f"{stage.key}{_values(stage.operands(), regs)}"

    def observe(self, register: str, raw: int, fitted: int, word: Word, when: bool) -> None:
        """Record the write."""
        super().observe(register, raw, fitted, word, when)
        if when and self.watched is not None:
            before = self.total if register == SUM else self.watched[register]
            if register == SUM:
                self.total = fitted
            self.writes.append(Write(self.cause, register, word, before, raw, fitted))


def _compared(fire: Fire) -> list[str | int]:
    compared = (condition for branch in fire.branches for _, condition in conditions(branch.when))
    return [operand for condition in compared for operand in (condition[0], condition[2])]


def _values(operands: list[str | int], regs: Registers) -> str:
    named = dict.fromkeys(name for operand in operands for name in names_in(operand))
    return "".join(f", {name} = {regs[name]}" for name in named)


def explain(
    network: Network,
    spikes: ArrayLike,
    *,
    layer: str,
    neuron: int,
    step: int,
    sample: int = 0,
    state: State | None = None,
) -> list[Write]:
    """Every write of one neuron in one step, in order; the last entry is what it emitted.

    spikes, state: as for `run`. Raises InputError for a place that the run does not have.
    """
    counts = check_spikes(spikes, network)
    groups = wire(network)
    layers = {each.name: each for group in groups for each in group}
    if layer not in layers:
        raise InputError(f"layer: found {layer!r}; allowed: {', '.join(layers)}")
    for name, value, size in (
        ("sample", sample, counts.shape[0]),
        ("step", step, counts.shape[1]),
        ("neuron", neuron, layers[layer].size),
    ):
        if not isinstance(value, int | np.integer) or not 0 <= value < size:
            raise InputError(f"{name}: found {value!r}; allowed: 0 to {size - 1}")
    start = initial_state(network, len(counts)) if state is None else check_state(state, network, len(counts))
    one = slice(sample, sample + 1)
    start = {name: {r: values[one] for r, values in registers.items()} for name, registers in start.items()}
    log = _Log(layer, neuron, step)
    emitted = _run_until(layers, groups, counts[one, : step + 1], start, log)
    byte = Word(8, emitted < 0)
    word = byte if emitted in byte else holding(emitted, emitted)
    log.writes.append(Write("emitted", SPIKES, word, 0, emitted, emitted))
    return log.writes


def _run_until(layers: dict[str, Layer], groups: list[list[Layer]], counts: Integers, start: State, log: _Log) -> int:
    """What the watched neuron emitted in the last step of one sample, run by the oracle under `log`."""
    steps = counts.shape[1]
    outputs = {name: np.zeros((1, steps, each.size), np.int64) for name, each in layers.items()}
    overflows = {name: np.zeros(len(each.neuron.registers), np.int64) for name, each in layers.items()}
    oracle.simulate(groups, counts, start, outputs, {name: {} for name in layers}, overflows, log)
    name, neuron, step = log.place
    return int(outputs[name][0, step, neuron])
