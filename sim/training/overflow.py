"""Overflow under control: penalised, or forbidden with a proof that no input makes a register overflow.

The weights of a neuron may bring at most a budget to a register in a step, up and down: the sum of the positive
parts times the most counts, and that of the negative parts (the bound of A2Q, Colbert et al., ICCV 2023, in
integers). The budget is the largest with which the chip's whole step, its leaks and what registers keep from step to
step included, is proved never to overflow.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field
from torch import Tensor

from ..datapath import ANY, NONZERO, SUM, Model
from ..engine.reach import Reach, reach, settle
from ..engine.span_arrivals import arrive
from ..engine.wiring import Incoming, Layer
from ..errors import InputError
from ..network.network import Network
from ..ops.base import Registers
from ..ops.spans import Span
from ..profile.schema import INPUT
from ..report.findings import Finding
from .layers import Synapses
from .model import SpikingNetwork

Of = Literal["accumulators", "all"]
Integers = NDArray[np.int64]

_HALVINGS = 14  # of the interval that a threshold of weights is looked for in: to a hundredth of an LSB


class Allow(Model):
    """Train through what the chip does where a register overflows."""

    kind: Literal["allow"]


class _Controlled(Model):
    of: Annotated[Of, Field(description="registers that spikes reach, or all, membranes among them")]


class Penalise(_Controlled):
    """Add to the loss what the weights bring beyond the budget, in budgets, mean over neurons, times `strength`."""

    kind: Literal["penalise"]
    strength: Annotated[float, Field(gt=0, le=1e6)]


class Forbid(_Controlled):
    """Bring the weights back within the budget after each step."""

    kind: Literal["forbid"]


Overflow = Annotated[Allow | Penalise | Forbid, Field(discriminator="kind")]


@dataclass(frozen=True)
class _Budget:
    """What a layer's weights may bring to each register in a step: at most `up` and `down`, [neuron]."""

    layer: Layer
    up: Integers
    down: Integers


class OverflowControl:
    """The budgets of a network in training, and how far its weights are beyond them."""

    def __init__(self, model: SpikingNetwork, spec: Penalise | Forbid) -> None:
        """Raises InputError where no weights are within the budget, or none of them bring a neuron to its threshold."""
        self.model, self.spec = model, spec
        self.budgets = [self._budget(layer) for layer in model.layers if layer.incoming]
        if isinstance(spec, Forbid):
            self.after_step()

    def penalty(self) -> Tensor | None:
        """What is added to the loss; None: nothing."""
        if not isinstance(self.spec, Penalise):
            return None
        beyond = [relative.clamp(min=0).mean() for budget in self.budgets for relative in self._relative(budget)]
        return self.spec.strength * torch.stack(beyond).sum()

    @torch.no_grad()
    def after_step(self) -> None:
        """Bring the weights of every neuron that is beyond its budget back, the small ones to 0 first."""
        if isinstance(self.spec, Forbid):
            for budget in self.budgets:
                self._bring_back(budget)

    def prove(self, network: Network) -> None:
        """Check on the integers that no input makes a register overflow. Raises AssertionError: that is a bug."""
        if isinstance(self.spec, Forbid):
            for name, one in reach(network, self.model.max_input).items():
                layer = next(each for each in self.model.layers if each.name == name)
                if _overflowing(one, self._registers(layer)).any():
                    raise AssertionError(f"layer {name}: the bound let through weights that can overflow")

    def findings(self) -> Iterator[Finding]:
        """Layers in which few weights can be other than 0 at once."""
        for budget in self.budgets:
            fan_in, units = 0, 0
            for incoming in self.model.with_weights(budget.layer).incoming:
                for _, weights in incoming.synapses:
                    fan_in += weights.fan_in
                    units = max(units, *self._counts(incoming))
            most = int((budget.up // max(1, units) + budget.down // max(1, units)).min())
            if most < fan_in:
                bound = f"as sums are at most {budget.up.min():,}"
                what = f"of a neuron can be other than 0 at once if no register is to overflow, {bound}"
                change = "use fewer inputs, a wider register, or overflow: penalise"
                yield Finding("tight_weights", budget.layer.name, "overflow", most, fan_in, what, change, True)

    def _registers(self, layer: Layer) -> set[str]:
        into = {register for each in layer.incoming for register, _ in each.synapses} | {SUM}
        return into if self.spec.of == "accumulators" else into | {*layer.neuron.registers}

    def _budget(self, layer: Layer) -> _Budget:
        place = f"overflow: layer '{layer.name}'"
        if len(self.model.parameters_of[layer.name]):
            raise InputError(f"{place}: found {self.spec.kind} with trained parameters; allowed: allow")
        if any(each.sum is not None and each.sum.then for each in layer.incoming):
            raise InputError(f"{place}: found {self.spec.kind}, but stages change its sums; allowed: allow")
        same, which = _distinct(layer)
        into = sorted({register for each in layer.incoming for register, _ in each.synapses})
        words = [layer.neuron.registers[register] for register in into]
        words += [each.sum.word for each in layer.incoming if each.sum is not None]
        signed, registers = all(word.signed for word in words), self._registers(layer)

        def settled(most: Integers) -> Reach:
            span = Span(-most if signed else 0 * most, most)

            def arrivals(regs: Registers) -> None:
                for register in into:
                    arrive(regs, register, span, span)

            return settle(same, arrivals)

        low, high = np.full(same.size, -1), np.full(same.size, min(word.max for word in words) + 1)
        while (high - low > 1).any():
            middle = (low + high) // 2
            beyond = _overflowing(settled(middle), registers)
            low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
        if (low <= 0).any():
            found = f"found {self.spec.kind} of {self.spec.of}, which overflow whatever the weights"
            raise InputError(f"{place}: {found}; allowed: allow{', or of: accumulators' * (self.spec.of == 'all')}")
        if isinstance(self.spec, Forbid) and (settled(low).spikes.hi <= 0).all():
            found = f"found forbid of {self.spec.of}: sums of at most {low.max():,} bring no neuron to its threshold"
            raise InputError(f"{place}: {found}; allowed: a lower threshold, a wider register, penalise, allow")
        return _Budget(layer, low[which], low[which] if signed else 0 * low[which])

    def _counts(self, incoming: Incoming) -> tuple[int, int]:
        """The least and the most that one source's spikes of a step act as, whatever the weights."""
        template = self.model.template
        if incoming.source == INPUT:
            low, high = 0, self.model.max_input
        else:
            low, high = template.neuron_class(template.population(incoming.source)).emission
        return (
            (0, 1) if incoming.cap == NONZERO else (low, high if incoming.cap == ANY else min(high, int(incoming.cap)))
        )

    def _relative(self, budget: _Budget) -> list[Tensor]:
        """By register and side, how far what arrives can be beyond the budget, in budgets, [neuron]."""
        ends: dict[str, list[Tensor]] = {}
        for incoming in self.model.with_weights(budget.layer).incoming:
            size = self.model.template.size(incoming.source)
            for register, weights in incoming.synapses:
                for most in self._counts(incoming):
                    counts = torch.full((1, size), float(most), dtype=self.model.dtype, device=self.model.device)
                    found = [end[0] for end in weights.ends(counts)]
                    before = ends.get(register, [torch.zeros_like(end) for end in found])
                    ends[register] = [a + b for a, b in zip(before, found, strict=True)]
        up, down = (
            torch.as_tensor(side, dtype=self.model.dtype, device=self.model.device) for side in (budget.up, budget.down)
        )
        sides = [pair for low, high in ends.values() for pair in ((-low, down), (high, up))]
        return [(found - allowed) / allowed.clamp(min=1) for found, allowed in sides]

    def _beyond(self, budget: _Budget) -> Tensor:
        """Whether a neuron's weights are beyond its budget, [neuron]."""
        return torch.stack(self._relative(budget)).amax(0) > 0

    def _bring_back(self, budget: _Budget) -> None:
        """Shrink the weights of neurons beyond their budgets by the least amount that brings the integers within it."""
        beyond = self._beyond(budget)
        if not beyond.any():
            return
        synapses = [each for place in sorted({i.projection for i in budget.layer.incoming})
                    for each in self.model.projections[place].trained]  # fmt: skip
        before = [each.linear.weight.detach().clone() for each in synapses]
        most = max(float(weight.abs().max()) / each.scale for weight, each in zip(before, synapses, strict=True))
        low, high = torch.zeros(len(beyond), device=beyond.device), torch.where(beyond, most + 1, 0.0)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            _shrink(synapses, before, middle)
            beyond = self._beyond(budget)
            low, high = torch.where(beyond, middle, low), torch.where(beyond, high, middle)
        _shrink(synapses, before, high)


def _shrink(synapses: Sequence[Synapses], weights: Sequence[Tensor], by: Tensor) -> None:
    """Move weights towards 0 by so many LSB of their target, [neuron]; what neurons share by the most of theirs."""
    for each, weight in zip(synapses, weights, strict=True):
        rows = len(weight)
        amount = by if rows == len(by) else by.reshape(rows, -1).amax(1)
        amount = amount.reshape(-1, *[1] * (weight.ndim - 1)) * each.scale
        each.linear.weight.copy_(weight.sign() * (weight.abs() - amount).clamp(min=0))


def _overflowing(one: Reach, registers: set[str]) -> NDArray[np.bool_]:
    flags = [flags for register, flags in one.overflows.items() if register in registers]
    return np.asarray(np.any(flags, axis=0))


def _distinct(layer: Layer) -> tuple[Layer, Integers]:
    """A layer of the neurons whose parameters differ, to which nothing comes; and which of them each neuron is."""
    names = sorted(layer.parameters)
    table = np.stack([np.broadcast_to(layer.parameters[name], layer.size) for name in names] or [np.zeros(layer.size)])
    rows, which = np.unique(table.T, axis=0, return_inverse=True)
    parameters = {name: rows[:, column].astype(np.int64) for column, name in enumerate(names)}
    return replace(layer, size=len(rows), parameters=parameters, incoming=()), which.ravel()


def control(model: SpikingNetwork, spec: Allow | Penalise | Forbid) -> OverflowControl | None:
    """What keeps to a recipe's choice; None where overflow is allowed. Raises InputError."""
    return None if isinstance(spec, Allow) else OverflowControl(model, spec)
