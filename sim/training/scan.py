"""A layer's neurons, step after step: what arrived in, spikes and registers out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, MutableMapping, Sequence
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


@dataclass(frozen=True)
class Arrived:
    """What a projection brings to a register in one step: counts [sample, source], total [sample, neuron]."""

    arrival: Arrival
    counts: Tensor
    total: Tensor


Update = Callable[[Layer, Registers, MutableMapping[str, Tensor], Tensor, Sequence[Arrived]], Tensor]


def interpreted(
    ops: TensorOps,
    layer: Layer,
    given: Sequence[Arrival],
    state: Mapping[str, Tensor],
    steps: range,
    record: Sequence[str] = (),
    update: Update | None = None,
) -> Scanned:
    """So many steps, one after the other, from the registers `state` [sample, neuron].

    update: what computes a step once all has arrived, instead of `engine.vectorised.updated`. Raises
    OverflowRefusedError with the first value that a word refuses.
    """
    registers, silent = dict(state), torch.zeros_like(next(iter(state.values())))
    emitted: list[Tensor] = []
    kept: dict[str, list[Tensor]] = {register: [] for register in record}
    arriving = [zip(each.counts.unbind(1), each.total.unbind(1), strict=True) for each in given]
    for step in steps:
        regs = registers_of(ops, layer, registers)
        try:
            arrived = [Arrived(arrival, *next(by_step)) for arrival, by_step in zip(given, arriving, strict=True)]
            for each in arrived:
                deliver(ops, each, regs)
            if update is None:
                emitted.append(updated(layer, regs, registers, silent))
            else:
                emitted.append(update(layer, regs, registers, silent, arrived))
        except RefusedWriteError as error:
            raise OverflowRefusedError(f"training, step {step}, layer {layer.name}, {error}") from None
        for register, values in kept.items():
            values.append(registers[register] + silent)  # a literal becomes a tensor
    recorded = {register: torch.stack(values, 1) for register, values in kept.items()}
    return Scanned(torch.stack(emitted, 1), recorded, {name: value + silent for name, value in registers.items()})


def deliver(ops: TensorOps, arrived: Arrived, regs: Registers) -> None:
    """Write what arrived to its register."""
    arrival = arrived.arrival
    if arrival.incoming.sum is None:
        ops.accumulate(regs, arrival.register, arrived.counts, arrival.weights, arrived.total)
    else:
        deliver_at_once(regs, arrival.incoming, arrival.register, arrived.total)
