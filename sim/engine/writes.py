"""Register writes as they are told to a user, and the logs that the oracles fill with those of one neuron."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..datapath import SUM, Fire, conditions
from ..ops.base import Registers, names_in
from ..ops.integer import IntegerOps
from ..profile.events import NEURON, SOURCE
from ..profile.schema import SPIKES, holding
from ..word import Overflow, Word
from .event_core import Core, Kind
from .wiring import Incoming


@dataclass(frozen=True)
class Write:
    """One register write: `cause` names the stage or the source that it comes from, with its operands.

    before, raw, after: the register, the unbounded result, and what the word kept of it. What a neuron emits is told
    as a write of 'spikes', too, which is 0 before.
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
    """The oracle's operations, recording every write that is made under them."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[Write] = []
        self.watched: Registers | None = None
        self.event = ""  # event clock: what every cause starts with
        self.cause = ""
        self.total = 0

    def view(self, regs: Registers) -> Registers:
        """The same registers under these operations: the watched neuron's."""
        self.watched = Registers(self, regs.words, regs.values)
        return self.watched

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
            self.writes.append(Write(f"{self.event}{self.cause}", register, word, before, raw, fitted))

    def emitted(self, cause: str, spikes: int) -> None:
        """Record what left the neuron, in a byte where that holds it."""
        byte = Word(8, spikes < 0)
        word = byte if spikes in byte else holding(spikes, spikes)
        self.writes.append(Write(f"{self.event}{cause}", SPIKES, word, 0, spikes, spikes))


class StepLog(_Log):
    """Records what one neuron of a layer does in one step."""

    def __init__(self, layer: str, neuron: int, step: int) -> None:
        super().__init__()
        self.place = (layer, neuron, step)

    def registers(self, layer: str, step: int, neuron: int, regs: Registers) -> Registers:
        """The same registers, under these operations, if they are the watched neuron's."""
        return self.view(regs) if (layer, neuron, step) == self.place else regs

    def arriving(self, incoming: Incoming, source: int, count: int, weight: int) -> None:
        """Name the source of the next write."""
        self.cause = f"{incoming.via}: {incoming.source}[{source}] {count} x {weight}"

    def summed(self, incoming: Incoming, total: int) -> None:
        """Name the sum of the next write; a sum starts from 0."""
        self.total = 0
        self.cause = f"{incoming.via}: the sum of the step, {total}"


class EventLog(_Log):
    """Records what one neuron of a core does in one event from outside and in those that follow it."""

    def __init__(self, core: Core, neuron: int, event: int) -> None:
        super().__init__()
        self.core, self.place = core, (event, neuron)
        self.now, self.source = -1, ""

    def entered(self, event: int, kind: Kind, values: Mapping[str, int], follows: bool) -> None:
        """Name the event that the next writes belong to."""
        source, neuron = (values.get(address) for address in (SOURCE, NEURON))
        self.now, self.source = event, f"{kind.event.over}: {self.core.layer.name}[{source}]"
        addresses = {SOURCE: f" {'of' if follows else 'from'} {source}", NEURON: f" to {neuron}"}
        carried = "".join(addresses[address] for address in kind.event.addresses)
        self.event = f"event {event}, {'queued ' if follows else ''}{kind.name}{carried}: "

    def registers(self, neuron: int, regs: Registers) -> Registers:
        """The same registers, under these operations, if they are the watched neuron's."""
        return self.view(regs) if (self.now, neuron) == self.place else regs

    def arriving(self, regs: Registers, weight: int) -> None:
        """Name the source of the next write."""
        if regs.ops is self:
            self.cause = f"{self.source} 1 x {weight}"

    def spiked(self, regs: Registers, left: bool, queued: bool) -> None:
        """Record a spike, and what became of it."""
        off = self.core.layer.neuron.output_unless
        if regs.ops is not self:
            return
        if not left and off is not None:
            self.emitted(f"spiked, kept from leaving{_values([off], regs)}", 0)
        elif self.core.queue is None:
            self.emitted("spiked, left the core", 1)
        else:
            self.emitted(f"spiked, left the core, {'queued' if queued else 'dropped by the full queue'}", 1)

    def ended(self, spikes: int) -> None:
        """Record how many spikes left the neuron in all."""
        self.event = f"event {self.place[0]}: "
        self.emitted("emitted in all", spikes)


def _compared(fire: Fire) -> list[str | int]:
    compared = (condition for branch in fire.branches for _, condition in conditions(branch.when))
    return [operand for condition in compared for operand in (condition[0], condition[2])]


def _values(operands: Iterable[str | int], regs: Registers) -> str:
    named = dict.fromkeys(name for operand in operands for name in names_in(operand))
    return "".join(f", {name} = {regs[name]}" for name in named)
