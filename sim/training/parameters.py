"""Thresholds, leaks and biases in training: floats behind the integers of their words, straight through."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ..engine.wiring import Layer
from ..errors import InputError, suggest
from ..network.network import Network
from ..network.parts import Population
from ..ops.base import Ops, Registers, crossing, names_in
from ..profile.schema import NeuronClass
from ..profile.walk import listed, stage_operands, writes
from ..word import Word

Sharing = Literal["neuron", "layer"]  # a value for each neuron, or one for all of them
Trained = Mapping[str, Mapping[str, Sharing]]  # by layer and parameter


class TrainedParameter(nn.Module):
    """A parameter of a layer: an integer of its word for each neuron, or one for all of them."""

    def __init__(self, name: str, word: Word, initial: NDArray[np.int64], sharing: Sharing, rate: float) -> None:
        """`initial`: [neuron]. `rate`: the learning rate's factor.

        What the optimizer moves is the way from `initial`, 0 at first, in units of the square root of the word's
        range: so a step of the optimizer is neither nothing to a threshold nor everything to a leak.
        """
        super().__init__()
        self.name, self.word = name, word
        start = initial if sharing == "neuron" else initial[:1]
        if np.any(initial != start):
            raise InputError(f"train.{name}: found layer; allowed: neuron, as its neurons begin with different values")
        self.size, self.unit = len(initial), rate * 2.0 ** (word.bits / 2)
        self.start: Tensor
        self.register_buffer("start", torch.tensor(start.tolist(), dtype=torch.float64))
        self.way = nn.Parameter(torch.zeros(len(start)))

    def forward(self, dtype: torch.dtype) -> Tensor:
        """The integers [neuron] in LSB, with the gradient of what is rounded."""
        exact = self.start + self.unit * self.way.double()
        rounded = exact.detach().round().clamp(self.word.min, self.word.max)
        value: Tensor = rounded + (exact - exact.detach())
        return value.to(dtype).expand(self.size)

    def integers(self) -> NDArray[np.int64]:
        """The values [neuron] that the chip loads."""
        return np.asarray(self(torch.float64).detach().cpu().numpy(), np.int64)

    @torch.no_grad()
    def keep_in_word(self) -> None:
        """Bring back what an optimizer's step took beyond the word, so that the next one counts."""
        low, high = ((end - self.start) / self.unit for end in (self.word.min, self.word.max))
        self.way.copy_(torch.minimum(torch.maximum(self.way.double(), low), high))


class TrainedParameters(nn.ModuleList):
    """The trained parameters of one layer."""

    def __init__(self, network: Network, population: Population, trained: Mapping[str, Sharing], rate: float) -> None:
        """Raises InputError for a parameter that the class does not have, or that has no gradient."""
        neuron = network.neuron_class(population)
        for name in trained:
            _refuse_without_gradient(network, population, name)
        values = {name: np.broadcast_to(np.asarray(population.parameters[name], np.int64), population.size)
                  for name in trained}  # fmt: skip
        super().__init__(
            TrainedParameter(name, neuron.parameters[name], values[name], sharing, rate)
            for name, sharing in trained.items()
        )
        self.neuron = neuron

    @property
    def each(self) -> list[TrainedParameter]:
        """The parameters."""
        return [one for one in self if isinstance(one, TrainedParameter)]

    def integers(self) -> dict[str, NDArray[np.int64]]:
        """What the chip loads, [neuron], by name."""
        return {one.name: one.integers() for one in self.each}

    def values(self, ops: Ops, layer: Layer, fixed: Mapping[str, Tensor], dtype: torch.dtype) -> dict[str, Tensor]:
        """Parameters and derived values [neuron] by name; `fixed`: those of the template."""
        values: dict[str, Any] = {**layer.constants, **fixed, **{one.name: one(dtype) for one in self.each}}
        names = {*self.neuron.parameters}
        if self.neuron.prepare:
            regs = Registers(ops, self.neuron.derived, values)
            for name in self.neuron.derived:
                regs.values[name] = next(iter(fixed.values())).new_zeros(layer.size)
            for item in self.neuron.prepare:
                item.stage.run(regs)
            names |= {*self.neuron.derived}
        return {name: values[name] for name in names}


def _refuse_without_gradient(network: Network, population: Population, name: str) -> None:
    neuron, place = network.neuron_class(population), f"layer '{population.name}': train"
    with_gradient = [each for each in neuron.parameters if _has_gradient(neuron, each)]
    if name not in with_gradient:
        allowed = ", ".join(with_gradient) or "none"
        why = ", which only conditions read" if name in neuron.parameters else ""
        raise InputError(f"{place}: found '{name}'{why}; allowed: {allowed}{suggest(name, with_gradient)}")
    for projection in network.projections:
        format = network.connection(projection).weight.format
        if projection.target == population.name and name in {n for at, s in listed((), format)
                                                             for _, n in stage_operands(at, s)}:  # fmt: skip
            raise InputError(f"{place}: found '{name}', which the weights' format reads; allowed: what neurons read")


def _has_gradient(neuron: NeuronClass, parameter: str) -> bool:
    """Whether a value that a step computes depends on the parameter, other than by a condition."""
    carries = {parameter}
    for item in neuron.prepare:
        if carries & _computed_from(item.stage):
            carries.add(item.stage.into)
    read = {name for _, stage in writes((), neuron) for name in _computed_from(stage)}
    for branch in neuron.fire.branches:
        decides = crossing(branch.crossing, neuron.registers)
        if decides and branch.emit:
            read |= set(names_in(decides[2]))
    return bool(carries & read)


def _computed_from(stage: Any) -> set[str]:
    """The names that the value a stage writes is computed from."""
    return {name for operand in stage.operands() for name in names_in(operand)}
