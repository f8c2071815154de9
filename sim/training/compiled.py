"""A layer's scan by machine code made from its stages, and its adjoint; matrix products stay torch's.

The slopes of the spikes are the spike gradient's own, from the registers that decided. What the kernels do not cover,
and batches where the order of the sources decides what a register holds, are run by the torch interpreter.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from ..engine.cache import Kernel, compiled
from ..engine.scan import (
    Arriving,
    Scan,
    arguments,
    lanes_of,
    ranges_at_rest,
    remembered,
    scan_code,
    scan_key,
    sloped,
)
from ..engine.wiring import Layer
from ..ops.base import Registers, crossing
from ..ops.interval import Interval
from ..ops.tensor import TensorOps
from ..ops.torch_ops import as_like
from ..profile.schema import NeuronClass, Profile, storage
from ..word import Overflow
from .arrivals import Arrival
from .crossing import TABLE_BITS
from .parallel import call, parts
from .scan import Scanned, interpreted

LOG = logging.getLogger(__name__)
"""Told at INFO, once a layer, why the interpreter runs it."""

MOST_TABLES = 16
MOST_ROWS = 16  # thresholds of a layer for which slopes are tabulated
MOST_ROUNDS = 32  # of a step's branches together: they are written out one behind the other
_NEURON_AND_STEP = 3  # nanoseconds


class UnsureError(Exception):
    """The order of the sources may decide what a register holds, or a word refuses a value."""


class Scanner:
    """Runs layers of one profile under one spike gradient. interpreted: why layers were, by name."""

    def __init__(self, profile: Profile, ops: TensorOps, compiles: bool = True) -> None:
        self.ops, self.compiles, self.kernels = ops, compiles, Kernels(profile)
        self.interpreted: dict[str, str] = {}

    def run(
        self,
        layer: Layer,
        given: Sequence[Arrival],
        silent: Tensor,
        state: Mapping[str, Tensor] | None,
        steps: range,
        record: Sequence[str] = (),
    ) -> Scanned:
        """So many steps from the registers `state` [sample, neuron]; None: from 0, and what is left is not wanted.

        silent: 0 for each neuron of each sample. Raises OverflowRefusedError.
        """
        reason = uncovered(layer.neuron, silent) if self.compiles else "its weights are no integers"
        if reason is None:
            try:
                return _Layer(self.kernels, self.ops, layer, given, silent, state, len(steps), record).run()
            except UnsureError:
                reason = "the order of the sources may decide what a register holds"
        if layer.name not in self.interpreted:
            LOG.info("layer %s is run by the interpreter: %s", layer.name, reason)
            self.interpreted[layer.name] = reason
        full = dict.fromkeys(layer.neuron.registers, silent) if state is None else state
        return interpreted(self.ops, layer, given, full, steps, record)


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


@dataclass(frozen=True)
class _Rows:
    """Of a table of slopes by a register's values: a row a threshold, and where the row of each neuron begins."""

    thresholds: tuple[Any, ...]
    first: NDArray[np.int32]


class _Layer:
    """One call: the arrays of both kernels."""

    def __init__(
        self,
        kernels: Kernels,
        ops: TensorOps,
        layer: Layer,
        given: Sequence[Arrival],
        silent: Tensor,
        state: Mapping[str, Tensor] | None,
        steps: int,
        record: Sequence[str],
    ) -> None:
        self.kernels, self.ops, self.layer, self.given = kernels, ops, layer, given
        self.neuron, self.state = layer.neuron, state
        self.samples, self.size, self.steps, self.dtype = len(silent), layer.size, steps, silent.dtype
        resting = kernels.resting(layer.kind)
        self.kept = remembered(resting)
        self.rows = [self.rows_of(j) for j in range(len(sloped(self.neuron)))]
        self.bounds = _bounds(resting, self.neuron, given, state is not None)
        trained = tuple(name for name, value in layer.parameters.items() if value.requires_grad)
        arriving = tuple(
            Arriving(each.register, each.incoming.via, tuple(each.incoming.values.items()) if each.incoming.sum else (),
                     bounds is not None)
            for each, bounds in zip(given, self.bounds, strict=True)
        )  # fmt: skip
        real = str(self.dtype).removeprefix("torch.")
        self.scan = Scan(
            *(layer.kind, arriving, real, lanes_of(layer.size), state is not None, tuple(record), trained),
            tuple(rows is not None for rows in self.rows),
            ops.reset_share,
        )
        words = self.neuron.parameters | self.neuron.derived
        self.parameters = {
            name: np.ascontiguousarray(np.broadcast_to(layer.parameters[name].detach().numpy(), layer.size), word.dtype)
            for name, word in words.items()
        }

    def run(self) -> Scanned:
        """Forward, differentiable. Raises UnsureError."""
        tensors = [each.total for each in self.given]
        tensors += [self.state[name] for name in self.kept] if self.state is not None else []
        tensors += [self.layer.parameters[name] for name in self.scan.trained]
        spikes, *others = _Scan.apply(self, *tensors)  # type: ignore[no-untyped-call]
        recorded = dict(zip(self.scan.recorded, others, strict=False))
        if self.state is None:
            return Scanned(spikes, recorded, {})
        ends = dict(zip(self.kept, others[len(recorded) :], strict=True))
        resting = dict.fromkeys(self.neuron.registers, spikes.new_zeros(self.samples, self.size))
        return Scanned(spikes, recorded, resting | ends)

    def empty(self, *shape: int) -> Tensor:
        """Room for floats."""
        return torch.empty(shape, dtype=self.dtype)

    def over_steps(self) -> Tensor:
        """Room for a float of every neuron in every step."""
        return self.empty(self.samples, self.steps, self.size)

    def inputs(self, tensors: Sequence[Tensor]) -> dict[str, Any]:
        """What both kernels read."""
        arrays: dict[str, Any] = {f"a{k}": tensors[k] for k in range(len(self.given))}
        for k, bounds in enumerate(self.bounds):
            if bounds is not None:
                arrays |= {f"low{k}": bounds[0], f"high{k}": bounds[1]}
        if self.state is not None:
            arrays |= {f"s_{name}": tensors[len(self.given) + i] for i, name in enumerate(self.kept)}
        return arrays | {f"p_{name}": values for name, values in self.parameters.items()}

    def forward(self, tensors: Sequence[Tensor]) -> dict[str, Any]:
        """Every array of the forward kernel. Raises UnsureError."""
        arrays = self.inputs(tensors)
        arrays |= {
            f"r_{name}": np.empty((self.samples, self.steps, self.size), storage(self.neuron, name).dtype)
            for name in self.kept
        }
        arrays |= {"out": self.over_steps(), "failed": np.zeros(1, np.int64)}
        for j, decision in enumerate(sloped(self.neuron)):
            if self.rows[j] is not None:
                continue
            arrays |= {f"u{j}": self.over_steps(), **({f"t{j}": self.over_steps()} if decision.moving else {})}
        arrays |= {f"k_{name}": self.over_steps() for name in self.scan.recorded}
        if self.state is not None:
            arrays |= {f"e_{name}": self.empty(self.samples, self.size) for name in self.kept}
        self.call(False, arrays)
        if arrays["failed"][0]:
            raise UnsureError
        return arrays

    def backward(self, arrays: dict[str, Any], above: Sequence[Tensor]) -> list[Tensor]:
        """Derivatives by arrivals, by registers at the start and by trained parameters."""
        spikes, *others = above
        arrays = {**arrays, "g_out": spikes}
        arrays |= {f"gk_{name}": vector for name, vector in zip(self.scan.recorded, others, strict=False)}
        for j, rows in enumerate(self.rows):
            if rows is None:
                arrays[f"g{j}"] = self.slope(j, arrays)
            else:
                arrays[f"table{j}"] = self.kernels.table(self.ops, self.neuron, j, rows.thresholds, self.dtype)
                arrays[f"row{j}"] = rows.first
        found = {f"ga{k}": self.over_steps() for k in range(len(self.given))}
        if self.state is not None:
            ends = others[len(self.scan.recorded) :]
            arrays |= {f"ge_{name}": vector for name, vector in zip(self.kept, ends, strict=True)}
            found |= {f"gs_{name}": self.empty(self.samples, self.size) for name in self.kept}
        found |= {f"gp_{name}": self.empty(self.samples, self.size) for name in self.scan.trained}
        self.call(True, arrays | found)
        for name in self.scan.trained:
            found[f"gp_{name}"] = found[f"gp_{name}"].sum(0).sum_to_size(self.layer.parameters[name].shape)
        return list(found.values())

    def rows_of(self, j: int) -> _Rows | None:
        """What a table of a decision's slopes holds; None where it would be too large."""
        decision = sloped(self.neuron)[j]
        word = decision.word
        if decision.moving or word.bits > TABLE_BITS:
            return None
        thresholds, rows = np.unique(np.asarray(self.threshold(j)), return_inverse=True)
        if thresholds.size > MOST_ROWS:
            return None
        first = np.broadcast_to(rows.reshape(-1), self.size) * (word.max - word.min + 1)
        return _Rows(tuple(thresholds.tolist()), np.ascontiguousarray(first, np.int32))

    def threshold(self, j: int) -> Any:
        """The threshold of a decision, where it is no register: a number, or one for each neuron."""
        values = {**self.layer.constants, **{name: each.detach() for name, each in self.layer.parameters.items()}}
        return Registers(self.ops, {}, values)[sloped(self.neuron)[j].operand]

    def slope(self, j: int, arrays: Mapping[str, Any]) -> Tensor:
        """Of a decision d(spikes)/d(register)."""
        u = arrays[f"u{j}"]
        threshold = arrays[f"t{j}"] if f"t{j}" in arrays else as_like(self.threshold(j), u)
        return _slope(self.ops, self.neuron, j, u, threshold).expand(u.shape)

    def call(self, backward: bool, arrays: Mapping[str, Any]) -> None:
        """Run a kernel, the samples split over torch's threads."""
        kernel, names = self.kernels.ready(self.scan, backward)
        held = {name: each.contiguous() if isinstance(each, Tensor) else each for name, each in arrays.items()}
        split = parts(self.samples, _NEURON_AND_STEP * self.samples * self.steps * self.size)
        call(kernel, names, {"steps": self.steps, "size": self.size, **held}, split)


class _Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, call: _Layer, *tensors: Tensor) -> tuple[Tensor, ...]:
        arrays = call.forward(tensors)
        ctx.call, ctx.arrays = call, arrays  # type: ignore[attr-defined]
        results = [arrays["out"], *(arrays[f"k_{name}"] for name in call.scan.recorded)]
        results += [arrays[f"e_{name}"] for name in call.kept] if call.state is not None else []
        for name in ("out", "failed", *(f"k_{n}" for n in call.scan.recorded), *(f"e_{n}" for n in call.kept)):
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
    spans = dict(resting)
    found: list[tuple[Tensor, Tensor] | None] = []
    for each in given:
        word, span = neuron.registers[each.register], spans[each.register]
        if each.incoming.sum is not None or word.overflow is Overflow.WRAP:
            spans[each.register] = Interval(word.min, word.max)
            found.append(None)
            continue
        lowest, highest = each.weights.reach
        least, most = min(each.least, 0.0), max(each.most, 0.0)
        low, high = most * lowest + least * highest, most * highest + least * lowest
        proven = span.lo + low >= word.min and span.hi + high <= word.max
        spans[each.register] = Interval(max(word.min, int(span.lo + low)), min(word.max, int(span.hi + high)))
        held = (each.total, each.total) if looped else None
        found.append(held if proven else each.ends())
    return found


def _slope(ops: TensorOps, neuron: NeuronClass, j: int, u: Tensor, threshold: Tensor) -> Tensor:
    decision = sloped(neuron)[j]
    branch = decision.branch
    assert isinstance(branch.emit, int)
    return ops.slope(branch.emit, decision.relation, decision.word, branch.repeat, u, threshold)


class Kernels:
    """What is known of a profile's classes, their kernels and their tables of slopes, found once."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._tables: dict[Any, Tensor] = {}
        self._resting: dict[str, dict[str, Interval]] = {}
        self._ready: dict[tuple[Scan, bool], tuple[Kernel, list[str]]] = {}

    def resting(self, kind: str) -> dict[str, Interval]:
        """What the registers of a class can hold between two steps."""
        if kind not in self._resting:
            self._resting[kind] = ranges_at_rest(self.profile, self.profile.neurons[kind])
        return self._resting[kind]

    def table(
        self, ops: TensorOps, neuron: NeuronClass, j: int, thresholds: tuple[float, ...], dtype: torch.dtype
    ) -> Tensor:
        """The slopes of a decision at every value of its register, a row for each threshold."""
        word = sloped(neuron)[j].word
        key = (ops.gradient, ops.scale, sloped(neuron)[j], thresholds, dtype)
        if key not in self._tables:
            if len(self._tables) >= MOST_TABLES:
                self._tables.clear()
            values = torch.arange(word.min, word.max + 1, dtype=dtype)
            rows = [_slope(ops, neuron, j, values, torch.tensor(each, dtype=dtype)) for each in thresholds]
            self._tables[key] = torch.stack(rows)
        return self._tables[key]

    def ready(self, scan: Scan, backward: bool) -> tuple[Kernel, list[str]]:
        """A kernel, and the names of its arguments."""
        if (scan, backward) not in self._ready:
            key = scan_key(self.profile, scan, backward)
            kernel = compiled(key, lambda: scan_code(self.profile, scan, backward))
            self._ready[scan, backward] = kernel, arguments(self.profile, scan, backward)
        return self._ready[scan, backward]
