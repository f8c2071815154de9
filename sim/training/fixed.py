"""What all calls of a compiled layer share: its kernels, parameters and tables of slopes.

The slopes of the spikes are the spike gradient's own, from the registers that decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..engine.cache import Kernel, compiled
from ..engine.scan import Arriving, Scan, arguments, lanes_of, sloped
from ..engine.scan_kernel import scan_code, scan_key
from ..engine.wiring import Layer
from ..ops.base import Registers
from ..ops.interval import Interval
from ..ops.tensor import TensorOps
from ..ops.torch_ops import as_like
from ..profile.decision import Decision
from ..profile.rest import ranges_at_rest, remembered
from ..profile.schema import Profile, storage
from .arrivals import Arrival
from .crossing import TABLE_BITS

MOST_TABLES = 16
MOST_ROWS = 16  # thresholds of a layer for which slopes are tabulated


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

    def table(self, ops: TensorOps, decision: Decision, thresholds: tuple[float, ...], real: torch.dtype) -> Tensor:
        """The slopes of a decision at every value of its register, a row for each threshold."""
        key = (ops.gradient, ops.scale, decision, thresholds, real)
        if key not in self._tables:
            if len(self._tables) >= MOST_TABLES:
                self._tables.clear()
            values = torch.arange(decision.word.min, decision.word.max + 1, dtype=real)
            rows = [_slope(ops, decision, values, torch.tensor(each, dtype=real)) for each in thresholds]
            self._tables[key] = torch.stack(rows)
        return self._tables[key]

    def ready(self, scan: Scan, backward: bool) -> tuple[Kernel, list[str]]:
        """A kernel, and the names of its arguments."""
        if (scan, backward) not in self._ready:
            key = scan_key(self.profile, scan, backward)
            kernel = compiled(key, lambda: scan_code(self.profile, scan, backward))
            self._ready[scan, backward] = kernel, arguments(self.profile, scan, backward)
        return self._ready[scan, backward]


@dataclass(frozen=True)
class Rows:
    """Of a table of slopes by a register's values: a row a threshold, and where the row of each neuron begins."""

    thresholds: tuple[Any, ...]
    first: NDArray[np.int32]


class Fixed:
    """Of a layer with the weights and parameters of a batch.

    kept: registers that are not always 0 between two steps; trained: parameters whose derivatives are wanted;
    rows: for each decision, None where its slopes are not tabulated.
    """

    def __init__(self, kernels: Kernels, ops: TensorOps, layer: Layer, real: torch.dtype) -> None:
        self.kernels, self.ops, self.layer, self.real = kernels, ops, layer, real
        self.resting = kernels.resting(layer.kind)
        self.kept = remembered(self.resting)
        self.dtypes = {name: storage(layer.neuron, name).dtype for name in self.kept}
        self.decisions = sloped(layer.neuron)
        self.trained = tuple(name for name, value in layer.parameters.items() if value.requires_grad)
        words = layer.neuron.parameters | layer.neuron.derived
        self.parameters = {
            f"p_{name}": np.ascontiguousarray(
                np.broadcast_to(layer.parameters[name].detach().numpy(), layer.size), word.dtype
            )
            for name, word in words.items()
        }
        self.rows = [self._rows(decision) for decision in self.decisions]
        self._kernels: dict[Any, tuple[Kernel, list[str]]] = {}

    def kernel(
        self, given: Sequence[Arrival], checked: tuple[bool, ...], started: bool, recorded: tuple[str, ...], back: bool
    ) -> tuple[Kernel, list[str]]:
        """The kernel for what arrives, and the names of its arguments; the others: see `Scan`."""
        key = checked, started, recorded, back
        if key not in self._kernels:
            arriving = tuple(
                Arriving(each.register, each.incoming.via,
                         tuple(each.incoming.values.items()) if each.incoming.sum else (), looked_at)
                for each, looked_at in zip(given, checked, strict=True)
            )  # fmt: skip
            real, lanes = str(self.real).removeprefix("torch."), lanes_of(self.layer.size)
            tabulated = tuple(rows is not None for rows in self.rows)
            scan = Scan(
                *(self.layer.kind, arriving, real, lanes, started, recorded, self.trained, tabulated),
                self.ops.reset_share,
            )
            self._kernels[key] = self.kernels.ready(scan, back)
        return self._kernels[key]

    @cached_property
    def tables(self) -> dict[str, Any]:
        """The tables of slopes and the rows of the neurons, as the backward kernel reads them."""
        found: dict[str, Any] = {}
        for j, (decision, rows) in enumerate(zip(self.decisions, self.rows, strict=True)):
            if rows is not None:
                found[f"table{j}"] = self.kernels.table(self.ops, decision, rows.thresholds, self.real)
                found[f"row{j}"] = rows.first
        return found

    def written(self, recorded: Sequence[str]) -> list[str]:
        """The arrays of a float for every neuron and step that the forward kernel writes."""
        names = ["out"]
        for j, decision in enumerate(self.decisions):
            if self.rows[j] is None:
                names += [f"u{j}", *([f"t{j}"] if decision.moving else [])]
        return [*names, *(f"k_{name}" for name in recorded)]

    def slopes(self, arrays: Mapping[str, Any]) -> dict[str, Tensor]:
        """The slopes of the decisions that no table holds, by what the forward kernel wrote."""
        found = {}
        for j, (decision, rows) in enumerate(zip(self.decisions, self.rows, strict=True)):
            if rows is None:
                u = arrays[f"u{j}"]
                threshold = arrays[f"t{j}"] if decision.moving else as_like(self._threshold(decision), u)
                found[f"g{j}"] = _slope(self.ops, decision, u, threshold).expand(u.shape).contiguous()
        return found

    def by_parameter(self, name: str, by_sample: Tensor) -> Tensor:
        """The derivative by a trained parameter, from those [sample, neuron]."""
        return by_sample.sum(0).sum_to_size(self.layer.parameters[name].shape)

    def _rows(self, decision: Decision) -> Rows | None:
        """What a table of a decision's slopes holds; None where it would be too large."""
        word = decision.word
        if decision.moving or word.bits > TABLE_BITS:
            return None
        thresholds, rows = np.unique(np.asarray(self._threshold(decision)), return_inverse=True)
        if thresholds.size > MOST_ROWS:
            return None
        first = np.broadcast_to(rows.reshape(-1), self.layer.size) * (word.max - word.min + 1)
        return Rows(tuple(thresholds.tolist()), np.ascontiguousarray(first, np.int32))

    def _threshold(self, decision: Decision) -> Any:
        """The threshold of a decision, where it is no register: a number, or one for each neuron."""
        parameters: Mapping[str, Any] = {name: each.detach() for name, each in self.layer.parameters.items()}
        return Registers(self.ops, {}, {**self.layer.constants, **parameters})[decision.operand]


def _slope(ops: TensorOps, decision: Decision, u: Tensor, threshold: Tensor) -> Tensor:
    branch = decision.branch
    assert isinstance(branch.emit, int)
    return ops.slope(branch.emit, decision.relation, decision.word, branch.repeat, u, threshold)
