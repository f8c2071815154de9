"""A network in training: its forward pass is the datapath, on the integers that will be exported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ..engine.given import check_spikes
from ..engine.wiring import Layer, wire
from ..errors import InputError, OverflowRefusedError
from ..network.network import Network
from ..network.parts import Population
from ..network.weights import connection_values, format_weights, neuron_values
from ..ops.interval import Interval, IntervalOps
from ..ops.operators import RefusedWriteError
from ..ops.tensor import SpikeGradient, TensorOps
from ..ops.torch_threads import threads_for
from ..profile.analysis import WEIGHT_MAX, WEIGHT_MIN, arriving, weight_scope, widest
from ..profile.schema import INPUT, register_word
from ..profile.walk import listed, stage_operands
from ..trace import LayerTrace, Trace
from .groups import run_group
from .layers import Synapses

_EXACT = ((torch.float32, 24), (torch.float64, 53))  # every integer of so many bits is exact


class SpikingNetwork(nn.Module):
    """Trainable weights over the fixed parameters of a Network.

    Made from a `Network` whose weights are only shapes: every projection gets Brevitas weights of
    `weight_bits`. `forward` computes what `bitspike.run` computes on `export()`, every bit.
    """

    def __init__(
        self,
        template: Network,
        gradient: SpikeGradient,
        *,
        weight_bits: int = 8,
        gain: float = 32.0,
        reset_share: float = 1.0,
        scale: float = 1.0,
        max_input: int = 255,
    ) -> None:
        """`gain`: standard deviation of an initial weighted sum of independent inputs, in LSB.

        `reset_share`: the share of the spike's gradient that passes the reset. `scale`: what the gradient is
        multiplied by; below 1 it keeps gradients through many layers and steps from growing. `max_input`: the most
        spikes that an input channel will have in a step; with it, float32 is chosen where it is exact.
        Raises InputError for what cannot be trained.
        """
        super().__init__()
        self.template = template
        self.max_input = max_input
        self.dtype = exact_float(template, max_input)
        self.ops = TensorOps(gradient, reset_share, scale)
        self.groups = wire(template)
        self.layers = [layer for group in self.groups for layer in group]
        _refuse_what_cannot_be_trained(template, self.layers)
        self.synapses: list[list[Synapses]] = []  # by projection, then by synapse
        for projection in template.projections:
            sources, targets, count = np.shape(projection.weights)
            connection = template.connection(projection)
            self.synapses.append([Synapses(connection, sources, targets, weight_bits, gain) for _ in range(count)])
        self.trained = nn.ModuleList(nn.ModuleList(each) for each in self.synapses)

    @property
    def weights(self) -> int:
        """How many weights are trained."""
        return sum(parameter.numel() for parameter in self.parameters())

    def forward(
        self, spikes: Tensor, record: Iterable[str] = (), rounded: bool = True
    ) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
        """Spikes by layer, and the recorded registers by layer and name, all [sample, step, neuron].

        spikes: counts [sample, step, input] of any type, 0 to `max_input`. `rounded` False runs the float
        weights. Raises InputError, and OverflowRefusedError where the profile has no rule.
        """
        counts, wanted = self._checked(spikes), frozenset(record)
        emitted, registers = {INPUT: counts}, {}
        for group in self.groups:
            layers = [self._with_weights(layer, rounded) for layer in group]
            for name, scanned in run_group(self.ops, layers, emitted, wanted).items():
                emitted[name], registers[name] = scanned.spikes, dict(scanned.registers)
        del emitted[INPUT]
        return emitted, registers

    def _checked(self, spikes: Tensor) -> Tensor:
        inputs = self.template.inputs
        if spikes.ndim != 3 or spikes.shape[2] != inputs or 0 in spikes.shape:
            raise InputError(f"spikes: found shape {tuple(spikes.shape)}; allowed: [sample, step, {inputs}]")
        arriving = spikes.to(self.dtype)
        least, most = spikes.aminmax()
        if least < 0 or most > self.max_input or (spikes.is_floating_point() and (spikes != spikes.floor()).any()):
            beyond = (arriving < 0) | (arriving > self.max_input) | (arriving != arriving.floor())
            raise InputError(f"spikes: found {arriving[beyond][0]:g}; allowed: integers 0 to {self.max_input}")
        return arriving

    def _with_weights(self, layer: Layer, rounded: bool) -> Layer:
        """The layer with tensors: this step's weights and its parameters."""
        own = [i for i, p in enumerate(self.template.projections) if p.target == layer.name]
        incoming = []
        for index, each in zip(own, layer.incoming, strict=True):
            registers = self.template.connection(self.template.projections[index]).into
            effective = [self._effective(index, weights(rounded)) for weights in self.synapses[index]]
            incoming.append(replace(each, synapses=tuple(zip(registers, effective, strict=False))))
        parameters = {
            name: torch.as_tensor(np.asarray(values, np.float64), dtype=self.dtype)
            for name, values in layer.parameters.items()
        }
        return replace(layer, incoming=tuple(incoming), parameters=parameters)

    def _effective(self, index: int, weights: Tensor) -> Tensor:
        """What the weights of a projection add to a register."""
        projection = self.template.projections[index]
        connection, profile = self.template.connection(projection), self.template.profile
        scope: dict[str, Any] = {**profile.constants, **connection_values(profile, projection)}
        target = neuron_values(profile, self.template.population(projection.target))
        arrays = {name: values[None, :] for name, values in target.items()}
        arrays |= {name: np.asarray(projection.parameters[name])[:, None] for name in connection.source_parameters}
        arrays |= {name: np.asarray(projection.parameters[name]) for name in connection.synapse_parameters}
        scope |= {name: torch.as_tensor(values.astype(np.float64), dtype=self.dtype) for name, values in arrays.items()}
        try:
            added: Tensor = format_weights(self.ops, connection, weights.to(self.dtype), scope)
        except RefusedWriteError as error:
            place = f"projection '{projection.source}' to '{projection.target}'"
            raise OverflowRefusedError(f"training, {place}, {error}") from None
        return added

    def export(self, task: Mapping[str, Any] | None = None) -> Network:
        """The integer network: the template with the trained weights."""
        template = self.template
        projections = [
            replace(p, weights=np.stack([weights.integers() for weights in synapses], axis=2))
            for p, synapses in zip(template.projections, self.synapses, strict=True)
        ]
        return Network(
            template.profile,
            template.inputs,
            template.populations,
            projections,
            limits=template.limits,
            task=template.task if task is None else task,
        )

    @torch.no_grad()
    def trace(self, spikes: ArrayLike, batch: int = 256) -> Trace:
        """The training forward pass as a Trace, every register recorded, to compare with `bitspike.run`.

        spikes: as `run` takes them, `max_input` at the most. Raises InputError, OverflowRefusedError.
        """
        registers = {register for layer in self.layers for register in layer.neuron.registers}
        counts = torch.as_tensor(check_spikes(spikes, self.template))
        with threads_for(batch * self.weights):
            parts = [self.forward(rows, registers) for rows in torch.split(counts, batch)]
        by_name = {layer.name: layer for layer in self.layers}
        layers = {}
        for population in self.template.populations:
            name, neuron = population.name, by_name[population.name].neuron
            recorded = {r: _integers([part[1][name][r] for part in parts]) for r in neuron.registers}
            words = {register: str(register_word(neuron, register)) for register in neuron.registers}
            layers[name] = LayerTrace(_integers([part[0][name] for part in parts]), recorded, {}, words)
        return Trace(layers, self.export().digest)


def exact_float(template: Network, max_input: int) -> torch.dtype:
    """The float that holds every value of the forward pass, whatever the weights. Raises InputError."""
    bits = max(_largest(template, population, max_input) for population in template.populations).bit_length()
    for dtype, exact in _EXACT:
        if bits <= exact:
            return dtype
    found = f"training under {template.profile.name} can need {bits} bits"
    raise InputError(f"profile: {found}; allowed: {exact}, all that is exact")


def _largest(template: Network, population: Population, max_input: int) -> int:
    """A bound on every value of a layer: the widest of its stages, plus all that can arrive in a step."""
    total, profile = 0, template.profile
    for projection in (p for p in template.projections if p.target == population.name):
        connection = template.connection(projection)
        scope = weight_scope(profile, connection)
        scope |= {name: Interval(v, v) for name, v in connection_values(profile, projection).items()}
        weight = format_weights(IntervalOps(), connection, Interval(*connection.weight.range), scope)
        counts = arriving(profile, connection)
        most = max(-counts.lo, min(counts.hi, max_input) if projection.source == INPUT else counts.hi)
        total += np.shape(projection.weights)[0] * most * max(abs(bound) for bound in weight)
    return total + max(abs(bound) for bound in widest(profile, str(population.neuron)))


def _refuse_what_cannot_be_trained(template: Network, layers: Iterable[Layer]) -> None:
    """Raises InputError for the first feature of the network that training does not cover."""
    if template.profile.clock != "step":
        raise InputError(f"profile '{template.profile.name}': found clock: event; only clock: step is trained")
    for layer in layers:
        if layer.aliases is not None:
            raise InputError(f"layer '{layer.name}': aliases cannot be trained")
    for projection in template.projections:
        place = f"projection '{projection.source}' to '{projection.target}'"
        connection = template.connection(projection)
        if projection.shape is not None:
            raise InputError(f"{place}: only dense projections are trained")
        if np.any(np.asarray(projection.delays)):
            raise InputError(f"{place}: delays cannot be trained")
        read = {name for at, stage in listed((), connection.prepare) for _, name in stage_operands(at, stage)}
        if read & {WEIGHT_MIN, WEIGHT_MAX}:
            raise InputError(f"{place}: '{projection.via}' derives values from its weights and cannot be trained")


def _integers(parts: list[Tensor]) -> NDArray[np.int64]:
    """Floats that hold integers, as integers; anything else would be an inexact forward pass."""
    values = torch.cat(parts).double().numpy()
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        raise AssertionError("the training forward pass left the integers")
    return whole
