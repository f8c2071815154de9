"""A layer's neurons, step after step: what arrived in, spikes and registers out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..engine.vectorised import deliver_at_once, registers_of, updated
from ..engine.wiring import Layer
from ..errors import OverflowRefusedError
from ..ops.base import Registers
from ..ops.operators import RefusedWriteError
from ..ops.tensor import TensorOps
from .arrivals import Arrival


@dataclass(frozen=True)
class Scanned:
    """Of several steps: spikes, and the recorded registers by name, [sample, step, neuron]; the registers after."""

    spikes: Tensor
    registers: Mapping[str, Tensor]
    state: Mapping[str, Tensor]


def interpreted(
    ops: TensorOps,
    layer: Layer,
    given: Sequence[Arrival],
    state: Mapping[str, Tensor],
    steps: range,
    record: Sequence[str] = (),
) -> Scanned:
    """So many steps, one after the other, from the registers `state` [sample, neuron].

    Raises OverflowRefusedError with the first value that a word refuses.
    """
    registers, silent = dict(state), torch.zeros_like(next(iter(state.values())))
    emitted: list[Tensor] = []
    kept: dict[str, list[Tensor]] = {register: [] for register in record}
    arriving = [zip(each.counts.unbind(1), each.total.unbind(1), strict=True) for each in given]
    for step in steps:
        regs = registers_of(ops, layer, registers)
        try:
            for arrival, by_step in zip(given, arriving, strict=True):
                _deliver(ops, arrival, *next(by_step), regs)
            emitted.append(updated(layer, regs, registers, silent))
        except RefusedWriteError as error:
            raise OverflowRefusedError(f"training, step {step}, layer {layer.name}, {error}") from None
        for register, values in kept.items():
            values.append(registers[register] + silent)  # a literal becomes a tensor
    recorded = {register: torch.stack(values, 1) for register, values in kept.items()}
    return Scanned(torch.stack(emitted, 1), recorded, {name: value + silent for name, value in registers.items()})


def _deliver(ops: TensorOps, arrival: Arrival, counts: Tensor, total: Tensor, regs: Registers) -> None:
    if arrival.incoming.sum is None:
        ops.accumulate(regs, arrival.register, counts, arrival.weights, total)
    else:
        deliver_at_once(regs, arrival.incoming, arrival.register, total)
