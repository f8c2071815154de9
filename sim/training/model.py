"""A network in training: its forward pass is the datapath, on the integers that will be exported."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from ..datapath import Divide
from ..engine.given import check_spikes
from ..engine.wiring import Incoming, Layer, wire
from ..errors import InputError
from ..network.network import Network
from ..ops.tensor import SpikeGradient, TensorOps
from ..ops.torch_threads import threads_for
from ..profile.schema import INPUT, Profile, register_word
from ..report.findings import Finding
from ..trace import LayerTrace, Trace
from .arrivals import is_steady
from .compiled import Scanner
from .groups import run_group
from .layers import Synapses
from .parameters import Trained, TrainedParameters
from .projections import TrainedProjection
from .span import exact_float
from .trajectory import TrajectoryGradient, check_trajectory


class Control(Protocol):
    """What keeps the weights in training from letting registers overflow."""

    def penalty(self) -> Tensor | None:
        """What is added to the loss; None: nothing."""

    def after_step(self) -> None:
        """Bring back the weights that a step of the optimizer took too far."""

    def findings(self) -> Iterable[Finding]:
        """What the user should know of it."""

    def prove(self, network: Network) -> None:
        """Check the exported integers."""


class SpikingNetwork(nn.Module):
    """Trainable weights, and parameters where asked for, over a Network.

    Made from a `Network` whose weights are only shapes: every projection but a pool gets Brevitas weights of
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
        train: Trained | None = None,
        parameter_rates: Mapping[str, float] | None = None,
    ) -> None:
        """`gain`: standard deviation of an initial weighted sum of independent inputs, in LSB.

        `reset_share`: the share of the spike's gradient that passes the reset; 1 for a trajectory. `scale`: what the
        gradient is multiplied by; below 1 it keeps gradients through many layers and steps from growing. `max_input`:
        the most spikes that an input channel will have in a step; with it, float32 is chosen where it is exact.
        `train`: by layer, the parameters that are trained too, and whether each has a value a 'neuron' or one a
        'layer'; they begin with the template's. `parameter_rates`: by layer, their learning rate's factor.
        Raises InputError for what cannot be trained.
        """
        super().__init__()
        refuse_what_cannot_be_trained(template)
        if isinstance(gradient, TrajectoryGradient):
            check_trajectory(gradient, template, reset_share)
        self.template = template
        self.max_input = max_input
        self.dtype = exact_float(template, max_input, weight_bits)
        self.ops = TensorOps(gradient, reset_share, scale, _quotients(template.profile))
        self.scanner = Scanner(template.profile, self.ops)
        self.groups = wire(template)
        self.layers = [layer for group in self.groups for layer in group]
        self.trained = nn.ModuleList(
            TrainedProjection(template, place, self.ops, weight_bits, gain)
            for place in range(len(template.projections))
        )
        self.control: Control | None = None
        rates = parameter_rates or {}
        self.neurons = nn.ModuleList(
            TrainedParameters(template, each, (train or {}).get(each.name, {}), rates.get(each.name, 1.0))
            for each in template.populations
        )

    @property
    def parameters_of(self) -> dict[str, TrainedParameters]:
        """The trained parameters by layer."""
        names = (population.name for population in self.template.populations)
        return {
            name: each for name, each in zip(names, self.neurons, strict=True) if isinstance(each, TrainedParameters)
        }

    def after_step(self) -> None:
        """To be called after each step of an optimizer: parameters stay within their words, weights under control."""
        for parameters in self.parameters_of.values():
            for each in parameters.each:
                each.keep_in_word()
        if self.control is not None:
            self.control.after_step()

    @property
    def projections(self) -> list[TrainedProjection]:
        """The projections, in the template's order."""
        return [each for each in self.trained if isinstance(each, TrainedProjection)]

    @property
    def synapses(self) -> list[list[Synapses]]:
        """The trained weights, by projection, then by synapse; none of a pool."""
        return [each.trained for each in self.projections]

    @property
    def weights(self) -> int:
        """How many weights are trained."""
        return sum(parameter.numel() for parameter in self.parameters())

    @property
    def device(self) -> torch.device:
        """Where the weights are, and the forward pass is computed."""
        return next((parameter.device for parameter in self.parameters()), torch.device("cpu"))

    def forward(
        self, spikes: Tensor, record: Iterable[str] = (), rounded: bool = True
    ) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
        """Spikes by layer, and the recorded registers by layer and name, all [sample, step, neuron].

        spikes: counts [sample, step, input] of any type, 0 to `max_input`. `rounded` False runs the float
        weights. Raises InputError, and OverflowRefusedError where the profile has no rule.
        """
        emitted, registers = self.run(self.groups, {INPUT: self._checked(spikes)}, record, rounded)
        return {name: spikes for name, spikes in emitted.items() if name != INPUT}, registers

    def run(
        self,
        groups: Sequence[Sequence[Layer]],
        emitted: Mapping[str, Tensor],
        record: Iterable[str] = (),
        rounded: bool = True,
    ) -> tuple[dict[str, Tensor], dict[str, dict[str, Tensor]]]:
        """Some of the groups behind what others have `emitted`, in `dtype`: those spikes and theirs; registers."""
        spikes, wanted = dict(emitted), frozenset(record)
        scanner = self.scanner if rounded else Scanner(self.template.profile, self.ops, compiles=False)
        registers: dict[str, dict[str, Tensor]] = {}
        for group in groups:
            layers = [self.with_weights(layer, rounded) for layer in group]
            for name, scanned in run_group(scanner, layers, spikes, wanted, self.dtype).items():
                spikes[name], registers[name] = scanned.spikes, dict(scanned.registers)
        return spikes, registers

    def _checked(self, spikes: Tensor) -> Tensor:
        inputs = self.template.inputs
        if spikes.ndim != 3 or spikes.shape[2] != inputs or 0 in spikes.shape:
            raise InputError(f"spikes: found shape {tuple(spikes.shape)}; allowed: [sample, step, {inputs}]")
        once = spikes[:, :1] if is_steady(spikes) else spikes
        real = spikes.dtype if spikes.dtype == torch.uint8 else self.dtype  # products read bytes faster
        arriving = once.to(self.device, real).expand(spikes.shape)
        least, most = once.aminmax()
        if least < 0 or most > self.max_input or (spikes.is_floating_point() and (once != once.floor()).any()):
            beyond = (arriving < 0) | (arriving > self.max_input) | (arriving != arriving.floor())
            raise InputError(f"spikes: found {arriving[beyond][0]:g}; allowed: integers 0 to {self.max_input}")
        return arriving

    def with_weights(self, layer: Layer, rounded: bool = True) -> Layer:
        """The layer with tensors: this step's weights and its parameters."""
        like = torch.empty(0, dtype=self.dtype, device=self.device)
        incoming: list[Incoming] = []
        for place, delays in groupby(layer.incoming, key=lambda each: each.projection):
            incoming += self.projections[place].incoming(delays, rounded, like)
        parameters = {
            name: torch.as_tensor(np.asarray(values, np.float64), dtype=like.dtype, device=like.device)
            for name, values in layer.parameters.items()
        }
        trained = self.parameters_of[layer.name]
        if len(trained):
            parameters = trained.values(self.ops, layer, parameters, self.dtype)
        return replace(layer, incoming=tuple(incoming), parameters=parameters)

    def export(self, task: Mapping[str, Any] | None = None) -> Network:
        """The integer network: the template with the trained weights and parameters."""
        template = self.template
        projections = [
            replace(p, weights=each.integers()) for p, each in zip(template.projections, self.projections, strict=True)
        ]
        populations = [
            replace(p, parameters={**p.parameters, **self.parameters_of[p.name].integers()})
            for p in template.populations
        ]
        return Network(
            template.profile,
            template.inputs,
            populations,
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


def refuse_what_cannot_be_trained(template: Network) -> None:
    """Raises InputError for the first feature of the network that training does not cover."""
    if template.profile.clock != "step":
        raise InputError(f"profile '{template.profile.name}': found clock: event; only clock: step is trained")
    for population in template.populations:
        if population.aliases is not None:
            raise InputError(f"layer '{population.name}': aliases cannot be trained")


def _quotients(profile: Profile) -> set[tuple[str | int, ...]]:
    """(register, dividend, divisor) of every division that a neuron makes."""
    stages = [stage for neuron in profile.neurons.values() for stage in neuron.stages]
    return {(stage.into, stage.of, stage.by) for stage in stages if isinstance(stage, Divide)}


def _integers(parts: list[Tensor]) -> NDArray[np.int64]:
    """Floats that hold integers, as integers; anything else would be an inexact forward pass."""
    values = torch.cat(parts).double().cpu().numpy()
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        raise AssertionError("the training forward pass left the integers")
    return whole
