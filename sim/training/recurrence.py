"""A layer that reaches only itself: all its steps in one call, without a graph of torch's for each of them.

A step is a matrix product of what the layer emitted and a call of the kernel that `compiled` has for a step. Backwards,
the steps are in turn, and the gradient of the weights is one product over all of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable

from ..engine.cache import Kernel
from ..engine.wiring import Incoming
from ..profile.rest import emission
from .arrivals import Arrival, within
from .compiled import NEURON_AND_STEP, UnsureError, partial_sums_fit
from .fixed import Fixed
from .parallel import calls, parts, run
from .scan import Scanned
from .sparse import by_weights
from .weights import Matrix

Arrays = Mapping[str, Any]  # tensors, and arrays of registers


@dataclass(frozen=True)
class Returning:
    """What the layer brings to itself: its place among the arrivals, in steps its lag, weights [neuron, neuron].

    checked: whether the least and the most that its sources can add up to is to be looked at.
    """

    place: int
    lag: int
    weights: Tensor
    checked: bool


def recurrence(
    fixed: Fixed, outer: Mapping[int, Sequence[Arrival]], silent: Tensor, steps: int, record: Sequence[str]
) -> Scanned | None:
    """All steps of a layer from registers of 0; None where they have to be run one after the other.

    outer: what arrives from elsewhere, by the place of its projection in `layer.incoming`; the others come from the
    layer. silent: 0 for each neuron of each sample.
    """
    layer = fixed.layer
    most = emission(fixed.kernels.profile, layer.neuron)
    if most.lo < 0:
        return None
    given: list[Arrival] = []
    own: dict[int, tuple[Incoming, Matrix]] = {}
    for place, incoming in enumerate(layer.incoming):
        if place in outer:
            given += outer[place]
            continue
        for register, weights in incoming.synapses:
            if not isinstance(weights, Matrix) or not within(most.lo, most.hi, incoming.cap):
                return None
            own[len(given)] = incoming, weights
            given.append(Arrival(incoming, register, silent[:, None], 0.0, float(most.hi), weights, silent[:, None]))
    fit = partial_sums_fit(fixed.resting, layer.neuron, given)
    returning = [
        Returning(place, incoming.lag, weights.weights, not fit[place]) for place, (incoming, weights) in own.items()
    ]
    with suppress(UnsureError):
        return _Course(fixed, given, fit, returning, len(silent), steps, tuple(record)).run()
    return None


class _Course:
    """One call: the arrays of all steps, [step, sample, neuron], and the two kernels' arguments in each of them."""

    def __init__(
        self,
        fixed: Fixed,
        given: Sequence[Arrival],
        fit: Sequence[bool],
        returning: Sequence[Returning],
        samples: int,
        steps: int,
        record: tuple[str, ...],
    ) -> None:
        self.fixed, self.given, self.fit, self.returning, self.record = fixed, given, fit, returning, record
        self.shape = steps, samples, fixed.layer.size
        self.steps = steps
        self.outer = [place for place in range(len(given)) if place not in {each.place for each in returning}]

    def run(self) -> Scanned:
        """Forward, differentiable. Raises UnsureError."""
        tensors = [self.given[place].total for place in self.outer]
        tensors += [each.weights for each in self.returning]
        tensors += [self.fixed.layer.parameters[name] for name in self.fixed.trained]
        spikes, *recorded = _Recurrence.apply(self, *tensors)  # type: ignore[no-untyped-call]
        return Scanned(spikes, dict(zip(self.record, recorded, strict=True)), {})

    def forward(self) -> dict[str, Any]:
        """Every array of the forward kernel. Raises UnsureError."""
        arrays = self._arrivals()
        arrays |= {f"r_{name}": np.empty(self.shape, self.fixed.dtypes[name]) for name in self.fixed.kept}
        arrays |= {name: self._empty() for name in self.fixed.written(self.record)}
        starts = {name: self._empty(1).zero_() for name in self.fixed.kept}
        arrays |= {f"s_{name}": each[:-1] for name, each in starts.items()}
        arrays |= {f"e_{name}": each[1:] for name, each in starts.items()}
        arrays["failed"] = np.zeros((self.steps, 1), np.int64)
        signs = {each.place: (each.weights.clamp(max=0), each.weights.clamp(min=0)) for each in self.returning
                 if each.checked}  # fmt: skip
        kernel, rows = self._calls(False, arrays)
        for now in range(self.steps):
            for each in self.returning:
                if now < each.lag:
                    continue
                spikes = arrays["out"][now - each.lag]
                torch.mm(spikes, each.weights, out=arrays[f"a{each.place}"][now])
                if each.checked:
                    for end, weights in zip(("low", "high"), signs[each.place], strict=True):
                        torch.mm(spikes, weights, out=arrays[f"{end}{each.place}"][now])
            run(kernel, rows[now])
        if arrays["failed"].any():
            raise UnsureError
        return arrays

    def backward(self, arrays: dict[str, Any], above: Sequence[Tensor]) -> list[Tensor]:
        """Derivatives by what arrives from elsewhere, by the own weights and by trained parameters."""
        fixed, (spikes, *others) = self.fixed, [_by_step(each) for each in above]
        arrays = {**arrays, **fixed.slopes(arrays), "g_out": spikes}
        arrays |= {f"gk_{name}": each for name, each in zip(self.record, others, strict=True)}
        arrays |= {f"ga{k}": self._empty() for k in range(len(self.given))}
        ends = {name: self._empty(1).zero_() for name in fixed.kept}
        arrays |= {f"gs_{name}": each[:-1] for name, each in ends.items()}
        arrays |= {f"ge_{name}": each[1:] for name, each in ends.items()}
        arrays |= {f"gp_{name}": self._empty() for name in fixed.trained}
        kernel, rows = self._calls(True, arrays)
        for now in reversed(range(self.steps)):
            for each in self.returning:
                if now + each.lag < self.steps:
                    spikes[now].addmm_(arrays[f"ga{each.place}"][now + each.lag], each.weights.t())
            run(kernel, rows[now])
        found = [arrays[f"ga{place}"].transpose(0, 1) for place in self.outer]
        found += [self._by_weights(each, arrays) for each in self.returning]
        return found + [fixed.by_parameter(name, arrays[f"gp_{name}"].flatten(0, 1)) for name in fixed.trained]

    def _by_weights(self, each: Returning, arrays: Arrays) -> Tensor:
        """The derivative by own weights, of all steps at once."""
        emitted = arrays["out"][: max(0, self.steps - each.lag)].flatten(0, 1)
        return by_weights(emitted, arrays[f"ga{each.place}"][each.lag :].flatten(0, 1))

    def _arrivals(self) -> dict[str, Any]:
        """What is known to arrive, and room for what is not; with the bounds of partial sums where they count."""
        arrays: dict[str, Any] = {}
        for place, (each, fits) in enumerate(zip(self.given, self.fit, strict=True)):
            names = [f"a{place}", *([] if fits else [f"low{place}", f"high{place}"])]
            if place in self.outer:
                known = [each.total, *([] if fits else each.ends())]
                arrays |= {name: _by_step(tensor) for name, tensor in zip(names, known, strict=True)}
            else:
                arrays |= {name: self._empty().zero_() for name in names}
        return arrays

    def _calls(self, backward: bool, arrays: Arrays) -> tuple[Kernel, NDArray[np.int64]]:
        checked = tuple(not fits for fits in self.fit)
        kernel, names = self.fixed.kernel(self.given, checked, True, self.record, backward)
        _, samples, size = self.shape
        steady = {"steps": 1, "size": size, **self.fixed.parameters, **(self.fixed.tables if backward else {})}
        return kernel, calls(names, steady, arrays, parts(samples, NEURON_AND_STEP * samples * size))

    def _empty(self, more: int = 0) -> Tensor:
        steps, *rest = self.shape
        return torch.empty((steps + more, *rest), dtype=self.fixed.real)


class _Recurrence(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, call: _Course, *tensors: Tensor) -> tuple[Tensor, ...]:
        arrays = call.forward()
        ctx.call, ctx.arrays = call, arrays  # type: ignore[attr-defined]
        return tuple(arrays[name].transpose(0, 1) for name in ("out", *(f"k_{n}" for n in call.record)))

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, *above: Tensor) -> tuple[Tensor | None, ...]:
        return (None, *ctx.call.backward(ctx.arrays, above))  # type: ignore[attr-defined]


def _by_step(tensor: Tensor) -> Tensor:
    """A copy [step, sample, neuron] of a tensor [sample, step, neuron]."""
    return tensor.detach().transpose(0, 1).clone(memory_format=torch.contiguous_format)
