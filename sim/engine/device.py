"""The clocked engine on a device of torch, a GPU or the CPU: whole layers at once, all samples together.

The datapath's stages run on integers (`ops.integer_tensor`). The loop over steps and layers is Python's; what is
recorded stays on the device for a block of steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from ..datapath import ANY, NONZERO, Cap
from ..errors import InputError
from ..network.lists import Listed
from ..ops.integer_tensor import NARROW_BITS, IntegerTensorOps
from ..ops.interval import Interval
from ..ops.operators import RefusedWriteError
from ..ops.torch_threads import threads_for
from ..profile.analysis import widest
from ..profile.schema import INPUT, SPIKES, Profile
from ..trace import PAST, Integers, State
from .device_delivery import Synapses, accumulate, total
from .device_weights import Lists, Matrix
from .oracle import RefusedOverflowError
from .vectorised import SpikesOf, earlier_spikes, step_layer, steps
from .wiring import Array, Incoming, Layer, Relays

BLOCK = 1 << 28  # bytes of what is recorded, kept on the device before they leave it

Ranges = Mapping[str, Interval]


def device_of(name: str) -> torch.device:
    """The device of a name: cpu, cuda, or cuda:1 where there are several. Raises InputError."""
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    known = ["cpu", *(["cuda", *(f"cuda:{number}" for number in range(count))] if count else [])]
    if name not in known:
        raise InputError(
            f"device: found {name!r}; allowed: {', '.join(known)}{'' if count else ' (torch sees no GPU)'}"
        )
    return torch.device(name)


def simulate(
    device: torch.device,
    profile: Profile,
    groups: Sequence[Sequence[Layer]],
    spikes: Integers,
    state: State,
    outputs: Mapping[str, Integers],
    recorded: Mapping[str, Mapping[str, Integers]],
    overflows: Mapping[str, Integers],
) -> None:
    """As `oracle.simulate`, on a device. Raises RefusedOverflowError."""
    sent = _sent(groups, spikes, state)
    types, layers = {INPUT: _integers(sent[INPUT].bits)}, []
    for layer in (layer for group in groups for layer in group):
        types[layer.name], on_device = _running(layer, profile, sent, device)
        layers.append(on_device)
    adds = len(spikes) * sum(_synapses(layer) for layer in layers)
    with torch.inference_mode(), torch.autocast(device.type, enabled=False), threads_for(adds):
        values = {n: {r: _tensor(array, types[n], device) for r, array in given.items()} for n, given in state.items()}
        past = {name: earlier_spikes(registers) for name, registers in values.items()}
        ops = {layer.name: IntegerTensorOps() for layer in layers}

        def step_of(layer: Layer, spikes_of: SpikesOf) -> Tensor:
            silent = torch.zeros_like(past[layer.name][-1])
            own = ops[layer.name], layer, values[layer.name]
            spikes: Tensor = step_layer(*own, spikes_of, silent, accumulate, total)
            return spikes

        kept = _Kept(outputs, recorded, device)
        try:
            for now in steps(layers, past, _arriving(spikes, kept.block, types[INPUT], device), step_of):
                kept.step(now, values)
        except RefusedWriteError:
            raise RefusedOverflowError(0) from None
        kept.flush()
        for layer in layers:
            overflows[layer.name][:] += [int(ops[layer.name].overflows[name]) for name in layer.neuron.registers]
        _keep(state, values, past)


def _synapses(layer: Layer) -> int:
    return sum(each.weights.weights.numel() for incoming in layer.incoming for _, each in incoming.synapses)


def _keep(state: State, values: Mapping[str, dict[str, Tensor]], past: Mapping[str, Sequence[Tensor]]) -> None:
    """Bring the state to the end of the run."""
    for name, rows in past.items():
        registers = {**values[name], SPIKES: rows[-1]}
        if PAST in state[name]:
            registers[PAST] = torch.stack(list(rows[:-1]), 1)
        for register, tensor in registers.items():
            state[name][register][...] = tensor.cpu().numpy()


def _integers(bits: int) -> torch.dtype:
    return torch.int32 if bits <= NARROW_BITS else torch.int64


def _tensor(array: Array, dtype: torch.dtype, device: torch.device) -> Tensor:
    return torch.tensor(array, device=device).to(dtype)


def _arriving(spikes: Integers, block: int, dtype: torch.dtype, device: torch.device) -> Iterator[Tensor]:
    """The input's spikes of each step, [sample, input], brought to the device in blocks of steps."""
    for first in range(0, spikes.shape[1], block):
        yield from _tensor(spikes[:, first : first + block], dtype, device).unbind(1)


class _Kept:
    """What a run keeps of every step, on its way from the device to the arrays of the trace."""

    def __init__(
        self, outputs: Mapping[str, Integers], recorded: Mapping[str, Mapping[str, Integers]], device: torch.device
    ) -> None:
        self.arrays = {(name, SPIKES): array for name, array in outputs.items()}
        self.arrays |= {(name, r): array for name, registers in recorded.items() for r, array in registers.items()}
        size = sum(array[:, :1].nbytes for array in self.arrays.values())
        self.block = max(1, min(BLOCK // size, next(iter(outputs.values())).shape[1]))
        self.rows = {
            key: torch.empty((len(a), self.block, a.shape[2]), dtype=getattr(torch, a.dtype.name), device=device)
            for key, a in self.arrays.items()
        }
        self.first = self.count = 0

    def step(self, spikes: Mapping[str, Tensor], registers: Mapping[str, Mapping[str, Tensor]]) -> None:
        """Keep a step's spikes and registers, by population."""
        for (name, register), rows in self.rows.items():
            rows[:, self.count] = spikes[name] if register == SPIKES else registers[name][register]
        self.count += 1
        if self.count == self.block:
            self.flush()

    def flush(self) -> None:
        """Bring what is on the device to the arrays."""
        last = self.first + self.count
        for key, rows in self.rows.items():
            self.arrays[key][:, self.first : last] = rows[:, : self.count].cpu().numpy()
        self.first, self.count = last, 0


def _sent(groups: Sequence[Sequence[Layer]], spikes: Integers, state: State) -> Ranges:
    """What each population, and the input of this run, can send in a step."""
    given = [Interval(int(values.min()), int(values.max())) for values in (spikes, *state[INPUT].values())]
    ends = {layer.name: Interval(*layer.neuron.emission) for group in groups for layer in group}
    return ends | {INPUT: reduce(Interval.join, given)}


def _acting(incoming: Incoming, sent: Ranges) -> Interval:
    """What the spikes of a source in a step of this run act as, and 0."""
    low, high = sent[incoming.source]
    if incoming.cap == NONZERO:
        return incoming.acting
    return Interval(max(incoming.acting.lo, min(low, 0)), min(incoming.acting.hi, max(high, 0)))


def _cap(incoming: Incoming, sent: Ranges) -> Cap:
    """The cap, where a source can exceed it."""
    return ANY if isinstance(incoming.cap, int) and sent[incoming.source].hi <= incoming.cap else incoming.cap


def _running(layer: Layer, profile: Profile, sent: Ranges, device: torch.device) -> tuple[torch.dtype, Layer]:
    """The layer with tensors as its arrays, and their type, which holds every value of this run."""
    placed = _placed(layer, device)
    arriving = list(zip(placed.weights, (_acting(incoming, sent) for incoming in layer.incoming), strict=True))
    most = max((each.reach * max(-acts.lo, acts.hi) for weights, acts in arriving for each in weights), default=0)
    dtype = _integers(1 + max(widest(profile, layer.kind).bits, most.bit_length() + 1))
    made = [[Synapses(each, acts, dtype) for each in weights] for weights, acts in arriving]
    incoming = tuple(
        replace(each, cap=_cap(each, sent), synapses=tuple(zip((r for r, _ in each.synapses), weights, strict=True)))
        for each, weights in zip(layer.incoming, made, strict=True)
    )
    parameters = {name: values.to(dtype) for name, values in placed.parameters.items()}
    return dtype, replace(layer, incoming=incoming, parameters=parameters, relays=placed.relays)


@dataclass(frozen=True)
class _Placed:
    """A layer's arrays on a device. weights: of each incoming projection, by register."""

    weights: list[list[Matrix | Lists]]
    parameters: Mapping[str, Tensor]
    relays: Relays | None


_PLACED: WeakKeyDictionary[Layer, dict[torch.device, _Placed]] = WeakKeyDictionary()


def _placed(layer: Layer, device: torch.device) -> _Placed:
    """Brought to the device once, for every run there."""
    known = _PLACED.setdefault(layer, {})
    if device not in known:
        weights = [[_weights(each, layer.size, device) for _, each in i.synapses] for i in layer.incoming]
        parameters = {name: _tensor(array, torch.int64, device) for name, array in layer.parameters.items()}
        relays = None
        if layer.relays is not None:
            later = tuple(_indices(group, device) for group in layer.relays.later)
            relays = Relays(later, _indices(layer.relays.earlier, device))
        known[device] = _Placed(weights, parameters, relays)
    return known[device]


def _weights(weights: Array | Listed, size: int, device: torch.device) -> Matrix | Lists:
    return Lists(weights, size, device) if isinstance(weights, Listed) else Matrix(np.asarray(weights), device)


def _indices(group: tuple[Array, Array, Array], device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    neurons, sources, counted = (torch.tensor(array, device=device) for array in group)
    return neurons, sources, counted
