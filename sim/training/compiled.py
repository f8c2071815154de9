"""A layer's scan by machine code made from its stages, and its adjoint.

What the kernels do not cover, and batches where the order of the sources decides what a register holds, are run by the
torch interpreter.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from ..engine.wiring import Layer
from ..ops.base import crossing
from ..ops.interval import Interval
from ..ops.tensor import TensorOps
from ..profile.schema import NeuronClass, Profile
from ..word import Overflow
from .arrivals import Arrival
from .fixed import Fixed, Kernels
from .parallel import call, parts
from .scan import Scanned, interpreted

LOG = logging.getLogger(__name__)
"""Told at INFO, once a layer, why the interpreter runs it."""

MOST_ROUNDS = 32  # of a step's branches together: they are written out one behind the other
NEURON_AND_STEP = 3  # nanoseconds


class UnsureError(Exception):
    """The order of the sources may decide what a register holds, or a word refuses a value."""


class Scanner:
    """Runs layers of one profile under one spike gradient. interpreted: why layers were, by name."""

    def __init__(self, profile: Profile, ops: TensorOps, compiles: bool = True) -> None:
        self.ops, self.compiles, self.kernels = ops, compiles, Kernels(profile)
        self.interpreted: dict[str, str] = {}

    def of(self, layer: Layer, like: Tensor) -> LayerScanner:
        """What runs a layer with the weights and parameters of a batch. like: a tensor of its type and device."""
        return LayerScanner(self, layer, like)


class LayerScanner:
    """Runs a layer, in one call or in one a step."""

    def __init__(self, scanner: Scanner, layer: Layer, like: Tensor) -> None:
        self.scanner, self.layer = scanner, layer
        self.reason = uncovered(layer.neuron, like) if scanner.compiles else "its weights are no integers"
        self.fixed = Fixed(scanner.kernels, scanner.ops, layer, like.dtype) if self.reason is None else None

    def run(
        self,
        given: Sequence[Arrival],
        silent: Tensor,
        state: Mapping[str, Tensor] | None,
        steps: range,
        record: Sequence[str] = (),
    ) -> Scanned:
        """So many steps from the registers `state` [sample, neuron]; None: from 0, and what is left is not wanted.

        silent: 0 for each neuron of each sample. Raises OverflowRefusedError.
        """
        reason = self.reason or "the order of the sources may decide what a register holds"
        if self.fixed is not None:
            with suppress(UnsureError):
                return _Call(self.fixed, given, silent, state, len(steps), record).run()
        if self.layer.name not in self.scanner.interpreted:
            LOG.info("layer %s is run by the interpreter: %s", self.layer.name, reason)
            self.scanner.interpreted[self.layer.name] = reason
        full = dict.fromkeys(self.layer.neuron.registers, silent) if state is None else state
        return interpreted(self.scanner.ops, self.layer, given, full, steps, record)


def uncovered(neuron: NeuronClass, like: Tensor) -> str | None:
    """Why a class of neurons cannot be compiled, if it cannot."""
    if like.device.type != "cpu":
        return f"its tensors are on {like.device.type}"
    branches = [branch for stage in neuron.stages for branch in getattr(stage, "branches", ())]
    if any(isinstance(branch.emit, str) and crossing(branch.crossing, neuron.registers) for branch in branches):
        return "a branch emits what a register or parameter holds"
    rounds = sum(branch.repeat for branch in branches)
    if rounds > MOST_ROUNDS:
        return f"a step has up to {rounds} rounds of branches; compiled are {MOST_ROUNDS}"
    return None


class _Call:
    """One call: the arrays of both kernels."""

    def __init__(
        self,
        fixed: Fixed,
        given: Sequence[Arrival],
        silent: Tensor,
        state: Mapping[str, Tensor] | None,
        steps: int,
        record: Sequence[str],
    ) -> None:
        self.fixed, self.layer, self.given, self.state, self.recorded = fixed, fixed.layer, given, state, tuple(record)
        self.samples, self.size, self.steps = len(silent), fixed.layer.size, steps
        self.bounds = _bounds(fixed.resting, self.layer.neuron, given, state is not None)

    def run(self) -> Scanned:
        """Forward, differentiable. Raises UnsureError."""
        tensors = [each.total for each in self.given]
        tensors += [self.state[name] for name in self.fixed.kept] if self.state is not None else []
        tensors += [self.layer.parameters[name] for name in self.fixed.trained]
        spikes, *others = _Scan.apply(self, *tensors)  # type: ignore[no-untyped-call]
        recorded = dict(zip(self.recorded, others, strict=False))
        if self.state is None:
            return Scanned(spikes, recorded, {})
        ends = dict(zip(self.fixed.kept, others[len(recorded) :], strict=True))
        resting = dict.fromkeys(self.layer.neuron.registers, spikes.new_zeros(self.samples, self.size))
        return Scanned(spikes, recorded, resting | ends)

    def empty(self, *shape: int) -> Tensor:
        """Room for floats."""
        return torch.empty(shape, dtype=self.fixed.real)

    def over_steps(self) -> Tensor:
        """Room for a float of every neuron in every step."""
        return self.empty(self.samples, self.steps, self.size)

    def inputs(self, tensors: Sequence[Tensor]) -> dict[str, Any]:
        """What both kernels read."""
        arrays: dict[str, Any] = {f"a{k}": tensors[k].contiguous() for k in range(len(self.given))}
        for k, bounds in enumerate(self.bounds):
            if bounds is not None:
                arrays |= {f"low{k}": bounds[0].contiguous(), f"high{k}": bounds[1].contiguous()}
        if self.state is not None:
            starts = tensors[len(self.given) :]
            arrays |= {f"s_{name}": start.contiguous() for name, start in zip(self.fixed.kept, starts, strict=False)}
        return arrays | self.fixed.parameters

    def forward(self, tensors: Sequence[Tensor]) -> dict[str, Any]:
        """Every array of the forward kernel. Raises UnsureError."""
        arrays = self.inputs(tensors)
        for name in self.fixed.kept:
            arrays[f"r_{name}"] = np.empty((self.samples, self.steps, self.size), self.fixed.dtypes[name])
        arrays |= {name: self.over_steps() for name in self.fixed.written(self.recorded)}
        arrays["failed"] = np.zeros(1, np.int64)
        if self.state is not None:
            arrays |= {f"e_{name}": self.empty(self.samples, self.size) for name in self.fixed.kept}
        self.call(False, arrays)
        if arrays["failed"][0]:
            raise UnsureError
        return arrays

    def backward(self, arrays: dict[str, Any], above: Sequence[Tensor]) -> list[Tensor]:
        """Derivatives by arrivals, by registers at the start and by trained parameters."""
        spikes, *others = (each.contiguous() for each in above)
        arrays = {**arrays, **self.fixed.tables, **self.fixed.slopes(arrays), "g_out": spikes}
        arrays |= {f"gk_{name}": vector for name, vector in zip(self.recorded, others, strict=False)}
        found = {f"ga{k}": self.over_steps() for k in range(len(self.given))}
        if self.state is not None:
            ends = others[len(self.recorded) :]
            arrays |= {f"ge_{name}": vector for name, vector in zip(self.fixed.kept, ends, strict=True)}
            found |= {f"gs_{name}": self.empty(self.samples, self.size) for name in self.fixed.kept}
        found |= {f"gp_{name}": self.empty(self.samples, self.size) for name in self.fixed.trained}
        self.call(True, arrays | found)
        for name in self.fixed.trained:
            found[f"gp_{name}"] = self.fixed.by_parameter(name, found[f"gp_{name}"])
        return list(found.values())

    def call(self, backward: bool, arrays: Mapping[str, Any]) -> None:
        """Run a kernel, the samples split over torch's threads."""
        checked = tuple(bounds is not None for bounds in self.bounds)
        kernel, names = self.fixed.kernel(self.given, checked, self.state is not None, self.recorded, backward)
        split = parts(self.samples, NEURON_AND_STEP * self.samples * self.steps * self.size)
        call(kernel, names, {"steps": self.steps, "size": self.size, **arrays}, split)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, call: _Call, *tensors: Tensor) -> tuple[Tensor, ...]:
        arrays = call.forward(tensors)
        ctx.call, ctx.arrays = call, arrays  # type: ignore[attr-defined]
        results = [arrays["out"], *(arrays[f"k_{name}"] for name in call.recorded)]
        results += [arrays[f"e_{name}"] for name in call.fixed.kept] if call.state is not None else []
        for name in ("out", "failed", *(f"k_{n}" for n in call.recorded), *(f"e_{n}" for n in call.fixed.kept)):
            arrays.pop(name, None)
        return tuple(results)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *above: Tensor) -> tuple[Tensor | None, ...]:
        return (None, *ctx.call.backward(ctx.arrays, above))  # type: ignore[attr-defined]


@torch.no_grad()
def _bounds(
    resting: Mapping[str, Interval], neuron: NeuronClass, given: Sequence[Arrival], looped: bool
) -> list[tuple[Tensor, Tensor] | None]:
    """For each arrival the bounds of its partial sums, None where no partial sum can leave the word.

    looped: a step of many, for which one kernel does: where no sum can leave the word, its total stands for its bounds.
    """
    found: list[tuple[Tensor, Tensor] | None] = []
    for each, fits in zip(given, partial_sums_fit(resting, neuron, given), strict=True):
        if each.incoming.sum is not None or neuron.registers[each.register].overflow is Overflow.WRAP:
            found.append(None)
        elif fits:
            found.append((each.total, each.total) if looped else None)
        else:
            found.append(each.ends())
    return found


def partial_sums_fit(resting: Mapping[str, Interval], neuron: NeuronClass, given: Sequence[Arrival]) -> list[bool]:
    """Of each arrival in turn, whether no partial sum can leave its register's word, or none is looked at."""
    spans, found = dict(resting), []
    for each in given:
        word, span = neuron.registers[each.register], spans[each.register]
        if each.incoming.sum is not None or word.overflow is Overflow.WRAP:
            spans[each.register] = Interval(word.min, word.max)
            found.append(True)
            continue
        lowest, highest = each.weights.reach
        least, most = min(each.least, 0.0), max(each.most, 0.0)
        low, high = most * lowest + least * highest, most * highest + least * lowest
        found.append(span.lo + low >= word.min and span.hi + high <= word.max)
        spans[each.register] = Interval(max(word.min, int(span.lo + low)), min(word.max, int(span.hi + high)))
    return found
