"""Torch tensors for training: exact integers forward, gradients backward.

Floats hold the integers, float32 only while every value stays below 2**24, else float64. Shifts pass
their slope 1/2**k, a register that saturated blocks the gradient, one that wrapped passes it, and a spike
has the gradient that the caller chose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from functools import cache
from typing import Protocol

import torch
from torch import Tensor

from ..word import Overflow, Word
from .base import Crossing, Flag, Registers, Relation, Repeated, Rounding, Value, crossing
from .integer import IntegerOps
from .operators import RefusedWriteError
from .torch_ops import TorchOps, alike, any_tensor, as_like

_INTEGERS = IntegerOps()
_FLAGGED_AT_ONCE = 1 << 22  # contributions held at a time while neurons are run in order


class SpikeGradient(Protocol):
    """The derivative that a spike is given in training."""

    def __call__(self, u: Tensor, threshold: Tensor, word: Word, repeat: int) -> Tensor:
        """d(spikes)/du at register values `u`, per LSB, for `u >= threshold` taken up to `repeat` times."""


class Weights(Protocol):
    """What the sources of a projection add to a register, as `accumulate` asks for it."""

    @property
    def fan_in(self) -> int:
        """The most sources of a neuron."""

    def total(self, counts: Tensor) -> Tensor:
        """The exact sum of all sources: counts [..., source] to [..., neuron]."""

    @property
    def reach(self) -> tuple[float, float]:
        """The least and the most that one spike of each source, or of some of them, adds to any neuron."""

    def ends(self, counts: Tensor) -> tuple[Tensor, Tensor]:
        """The least and the most that all sources, or some of them, add: counts [..., source] to [..., neuron]."""

    def taps(self, counts: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        """What each source adds to neurons `columns` of samples `rows`: counts [sample, source] to [neuron, source]."""


class TensorOps(TorchOps):
    """Values are float tensors of integers, flags bool tensors."""

    def __init__(
        self,
        gradient: SpikeGradient,
        reset_share: float = 1.0,
        scale: float = 1.0,
        quotients: Container[tuple[str | int, ...]] = (),
    ) -> None:
        """`reset_share` (0 to 1): the share rho of the spike's gradient that passes through the reset.

        `scale`: every spike's gradient is multiplied by it. `quotients`: (register, dividend, divisor) of the registers
        that hold one; where it is emitted, each crossing of a multiple of the divisor is a spike.
        """
        self.quotients = quotients
        self._fire: Registers | None = None
        self._claimed: dict[Crossing, Flag] = {}
        self.gradient = gradient
        self.scale = scale
        self.reset_share = reset_share
        self._unbounded = False

    def shift_left(self, a: Value, by: Value) -> Value:
        """a * 2**by"""
        return a * _power_of_two(by, 1, a) if isinstance(a, Tensor) else _INTEGERS.shift_left(a, by)

    def shift_right(self, a: Value, by: Value, rounding: Rounding) -> Value:
        """Floor or truncation of a / 2**by; slope 1/2**by."""
        if not isinstance(a, Tensor):
            return _INTEGERS.shift_right(a, by, rounding)
        quotient = a * _power_of_two(by, -1, a)
        whole = torch.floor if rounding is Rounding.FLOOR else torch.trunc
        return _straight_through(whole(quotient.detach()), quotient)

    def divide(self, a: Value, b: Value) -> Value:
        """The floor of a / b; slope 1/b."""
        if not any_tensor(a, b):
            return _INTEGERS.divide(a, b)
        a, b = alike(a, b)
        return _straight_through(torch.div(a.detach(), b.detach(), rounding_mode="floor"), a / b)

    def fit(self, a: Value, word: Word) -> Value:
        """Clip (no gradient where it clips), wrap (gradient passes), or leave (see `observe`)."""
        if self._unbounded or not isinstance(a, Tensor):
            return a
        if word.overflow is Overflow.SATURATE:
            return torch.clamp(a, word.min, word.max)
        if word.overflow is Overflow.WRAP:
            return _straight_through(_wrapped(a.detach(), word), a)
        return a

    def observe(self, register: str, raw: Value, fitted: Value, word: Word, when: Flag) -> None:
        """Raise RefusedWriteError with the first value that the word refuses."""
        if word.overflow is Overflow.REFUSE and isinstance(raw, Tensor) and not self._unbounded:
            beyond = ((raw < word.min) | (raw > word.max)) & when
            if beyond.any():
                raise RefusedWriteError(register, int(raw[beyond][0]), word)

    def repeat(
        self, branch: Repeated, regs: Registers, again: Callable[[], Flag], body: Callable[[Flag], None]
    ) -> None:
        """The exact rounds, then the gradient of the spikes, through `spikes` and through the reset."""
        before, most = dict(regs.values), branch.repeat
        decides = crossing(branch.crossing, regs.words) if torch.is_grad_enabled() else None
        emit = branch.emit
        if decides and (emit, decides[0], decides[2]) in self.quotients and decides[1] is Relation.GE:
            emitted = regs[emit].detach()  # the gradient is that of the crossings, not that of the quotient
            regs.values[str(emit)], before[str(emit)] = emitted, torch.ones_like(emitted)
            emit, most = 1, max(1, int(emitted.max()) + 1)
        super().repeat(branch, regs, again, body)
        if decides and isinstance(emit, str):
            self._take_where_nothing_changes(branch, regs, before, body)
        elif decides and emit:
            self._attach(branch, int(emit), most, decides, regs, before, body)

    def _take_where_nothing_changes(
        self, branch: Repeated, regs: Registers, before: dict[str, Value], body: Callable[[Flag], None]
    ) -> None:
        """Let the gradient pass through a branch that is not taken, but would change no value: one that emits a 0."""
        taken = self._unfitted(regs, before, body)
        same = torch.as_tensor(True)
        for name in branch.writes:
            same = same & (as_like(taken[name], regs[name]) == regs[name])
        for name in branch.writes:
            regs.values[name] = torch.where(same, taken[name], regs[name])

    def _attach(
        self,
        branch: Repeated,
        emit: int,
        most: int,
        decides: Crossing,
        regs: Registers,
        before: dict[str, Value],
        body: Callable[[Flag], None],
    ) -> None:
        """Let d(spikes)/du reach `spikes`, and `reset_share` of it every register that the reset writes.

        `most`: crossings of a step. None where another condition keeps the branch from being taken.
        """
        register, relation, operand = decides
        at_start = Registers(self, regs.words, before)
        u, threshold = at_start[register], at_start[operand]
        with torch.no_grad():
            word = regs.words[str(register)]
            slope = self.slope(emit, relation, word, most, u, as_like(threshold, u))
            possible = self._possible(branch, decides, regs, at_start)
            slope = slope if possible is True else slope * possible
            jumps = self._jumps(branch, regs, before, body) if self.reset_share else {}
        distance = u - threshold
        change = slope * (distance - distance.detach())  # 0 forward, the spike's gradient backward
        regs.values["spikes"] = regs.values["spikes"] + change
        for name, jump in jumps.items():
            regs.values[name] = regs.values[name] + (self.reset_share * emit * jump) * change

    def _possible(self, branch: Repeated, decides: Crossing, regs: Registers, at_start: Registers) -> Flag:
        """Where the comparison alone decides, and no earlier branch of the same step takes the same one."""
        if self._fire is not regs:
            self._fire, self._claimed = regs, {}
        own, claimed = branch.besides(at_start), self._claimed.get(decides)
        self._claimed[decides] = own if claimed is None or own is True else own | claimed
        return own if claimed is None else self.both(torch.as_tensor(own), ~torch.as_tensor(claimed))

    def slope(self, emit: int, relation: Relation, word: Word, repeat: int, u: Tensor, threshold: Tensor) -> Tensor:
        """d(spikes)/du of a branch that emits `emit` while `u relation threshold`, `repeat` times at most."""
        return self.scale * emit * _times_taken(self.gradient, u, relation, threshold, word, repeat)

    def _jumps(
        self, branch: Repeated, regs: Registers, before: dict[str, Value], body: Callable[[Flag], None]
    ) -> dict[str, Tensor]:
        """What one spike changes in each register, were its word wide enough."""
        after = self._unfitted(regs, before, body)
        return {name: after[name] - before[name] for name in branch.writes if name != "spikes"}

    def _unfitted(self, regs: Registers, before: dict[str, Value], body: Callable[[Flag], None]) -> dict[str, Value]:
        """The values after the branch is taken once everywhere, were all words wide enough."""
        after, regs.values = regs.values, dict(before)
        self._unbounded = True
        try:
            body(True)
            return dict(regs.values)
        finally:
            regs.values, self._unbounded = after, False

    def accumulate(
        self, regs: Registers, register: str, counts: Tensor, weights: Weights, arrived: Tensor | None = None
    ) -> None:
        """Deliver every source in ascending order: counts [sample, source].

        arrived: `weights.total(counts)`, where it is known already. The weights bound every partial sum of a neuron,
        or else its own sums do; only neurons that could overflow are run in order.
        """
        word, start = regs.words[register], regs[register]
        total = start + (weights.total(counts) if arrived is None else arrived)
        if word.overflow is Overflow.WRAP:  # the low bits do not depend on the order
            regs.write(register, total)
            return
        with torch.no_grad():
            flagged = None
            if not _roomy(word, as_like(start, total), counts, weights):
                lowest, highest = weights.ends(counts)
                flagged = (start + highest > word.max) | (start + lowest < word.min)
        if flagged is None or not flagged.any():
            regs.values[register] = total
            return
        rows, columns = flagged.nonzero(as_tuple=True)
        start = start + torch.zeros_like(total)
        size = max(1, _FLAGGED_AT_ONCE // weights.fan_in)
        parts = [
            self._in_order(register, word, start[row, column], weights.taps(counts, row, column))
            for row, column in zip(torch.split(rows, size), torch.split(columns, size), strict=True)
        ]
        regs.values[register] = total.index_put((rows, columns), torch.cat(parts))

    def _in_order(self, register: str, word: Word, start: Tensor, contributions: Tensor) -> Tensor:
        """Add contributions [neuron, source] one by one; the gradient reaches those after the last clip."""
        with torch.no_grad():
            value, last = start, torch.full_like(start, -1)
            for source in range(contributions.shape[1]):
                raw = self.add(value, contributions[:, source])
                value = self.fit(raw, word)
                self.observe(register, raw, value, word, True)
                last = torch.where(raw != value, source, last)
            order = torch.arange(contributions.shape[1], device=start.device)
            reaches = order > last[:, None]
        passing = (contributions * reaches).sum(1) + start * (last < 0)
        return _straight_through(value, passing)


def _times_taken(
    gradient: SpikeGradient, u: Tensor, relation: Relation, threshold: Tensor, word: Word, repeat: int
) -> Tensor:
    """How often `u relation threshold` is taken, differentiated by u; of `<=` and `<` the first time only."""
    u = u.clamp(word.min, word.max)
    if relation is Relation.GT and repeat > 1:  # the m-th spike needs u > m * threshold
        return gradient((u - 1).clamp(min=word.min), threshold, word, repeat)
    if relation in (Relation.GT, Relation.LE):
        threshold = threshold + 1
    if relation in (Relation.GE, Relation.GT):
        return gradient(u, threshold, word, repeat)
    return -gradient(u, threshold, word, 1)


def _roomy(word: Word, start: Tensor, counts: Tensor, weights: Weights) -> bool:
    """Whether no partial sum can leave the word, were every source as active as the most active one."""
    lowest, highest = weights.reach
    (least, most), (low, high) = ((float(end) for end in torch.aminmax(each)) for each in (counts, start))
    least, most = min(least, 0.0), max(most, 0.0)
    below, above = most * lowest + least * highest, most * highest + least * lowest
    return low + below >= word.min and high + above <= word.max


def _straight_through(value: Tensor, through: Tensor) -> Tensor:
    """`value` exactly, with the gradient of `through`."""
    if not torch.is_grad_enabled():
        return value
    return value + (through - through.detach())


def _wrapped(value: Tensor, word: Word) -> Tensor:
    """`value` modulo the word, by steps that need no more bits than `value` and the result."""
    rest, turn = torch.fmod(value, 1 << word.bits), 1 << word.bits
    return torch.where(rest > word.max, rest - turn, torch.where(rest < word.min, rest + turn, rest))


def _power_of_two(by: Value, sign: int, like: Tensor) -> Value:
    """2**(sign * by), exact: by an int, or a tensor of ints from 0 to 63, whose gradient is that of the power."""
    if not isinstance(by, Tensor):
        return 2.0 ** (sign * by)
    power = _powers_of_two(sign, like.dtype, like.device)[by.long()]
    return _straight_through(power, sign * math.log(2) * power * by) if by.requires_grad else power


@cache
def _powers_of_two(sign: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor([2.0 ** (sign * k) for k in range(64)], dtype=dtype, device=device)
