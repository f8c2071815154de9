"""Layers for modules of one's own: any forward that passes spikes from layer to layer trains, and is exported.

A layer is a population with what arrives at it, over the same stepping core as `SpikingNetwork`. Spikes are
[sample, step, neuron], or [sample, step, channel, height, width] of a layer with a shape.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError
from ..network.network import Network
from ..network.parts import Population, Projection
from ..ops.interval import Interval
from ..ops.tensor import SpikeGradient
from ..profile.catalogue import load_profile
from ..profile.schema import INPUT, Profile
from .model import SpikingNetwork
from .span import exact_float
from .topology import AnyConnection, ConvolutionSpec, DenseSpec, Picture, PoolSpec, projection

Pair = int | tuple[int, int]
Size = int | Picture

_LAYER = "layer"  # the name of a layer in its own small network
_CALLS: ContextVar[list[tuple[Layer, list[Any]]] | None] = ContextVar("calls", default=None)


@dataclass(frozen=True)
class Chip:
    """A profile, and how layers on it are trained: as the arguments of `SpikingNetwork`.

    profile: one that is loaded, a shipped name, or a path. max_input: the most spikes of a source in a step.
    """

    profile: Profile | str
    gradient: SpikeGradient
    weight_bits: int = 8
    gain: float = 32.0
    reset_share: float = 1.0
    scale: float = 1.0
    max_input: int = 255

    @property
    def loaded(self) -> Profile:
        """The profile itself."""
        return load_profile(self.profile) if isinstance(self.profile, str) else self.profile


@dataclass(frozen=True)
class Inlet:
    """What arrives at a layer over one connection: from `sources`, a size or a picture's shape."""

    sources: Size
    connect: Callable[[str, str], AnyConnection]  # by the names of source and target


def dense(sources: Size, via: str, synapses: int = 1, parameters: Mapping[str, int] | None = None) -> Inlet:
    """Trained weights from every source to every neuron, for so many of the registers that `via` reaches."""

    def connect(source: str, target: str) -> AnyConnection:
        return DenseSpec(source=source, target=target, via=via, synapses=synapses, parameters=dict(parameters or {}))

    return Inlet(sources, connect)


def convolution(
    sources: Picture, via: str, kernel: Pair, stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1, groups: int = 1,
    parameters: Mapping[str, int] | None = None,
) -> Inlet:  # fmt: skip
    """Trained kernels over a picture [channels, height, width], one for each channel of the layer."""

    def connect(source: str, target: str) -> AnyConnection:
        return ConvolutionSpec(
            kind="convolution", source=source, target=target, via=via, kernel=kernel, stride=stride, padding=padding,
            dilation=dilation, groups=groups, parameters=dict(parameters or {}),
        )  # fmt: skip

    return Inlet(sources, connect)


def pool(
    sources: Picture, via: str, window: Pair, weight: int, stride: Pair | None = None,
    parameters: Mapping[str, int] | None = None,
) -> Inlet:  # fmt: skip
    """Sums over windows of each channel, times a weight that is not trained."""

    def connect(source: str, target: str) -> AnyConnection:
        return PoolSpec(
            kind="pool", source=source, target=target, via=via, window=window, weight=weight, stride=stride,
            parameters=dict(parameters or {}),
        )  # fmt: skip

    return Inlet(sources, connect)


class Layer(nn.Module):
    """A population of `size` neurons, or of a picture's shape, called with the spikes of each inlet's sources."""

    def __init__(
        self,
        chip: Chip,
        neuron: str,
        size: Size,
        parameters: Mapping[str, int],
        *inlets: Inlet,
        recurrent: Inlet | None = None,
    ) -> None:
        """`neuron`: the profile's class; `parameters`: its parameters; `recurrent`: from the layer to itself.

        Raises InputError or NetworkError for what the profile does not hold or training does not cover.
        """
        super().__init__()
        self.chip, self.profile, self.size = chip, chip.loaded, size
        self.population = Population(_LAYER, _neurons(size), dict(parameters), neuron)
        self.inlets, self.recurrent = inlets, recurrent
        self.sources = [self._stand_in(place, inlet) for place, inlet in enumerate(inlets)]
        small = self._network()
        self.core = SpikingNetwork(
            small, chip.gradient, weight_bits=chip.weight_bits, gain=chip.gain, reset_share=chip.reset_share,
            scale=chip.scale, max_input=chip.max_input,
        )  # fmt: skip
        given = {name: Interval(0, chip.max_input) for name in self.sources if name != INPUT}
        self.core.dtype = exact_float(small, chip.max_input, chip.weight_bits, given)

    def forward(self, *spikes: Tensor) -> Tensor:
        """The layer's spikes, of its size or shape; spikes: of each inlet in order. Raises InputError."""
        emitted, _ = self.run(*spikes)
        shape = (self.size,) if isinstance(self.size, int) else self.size
        result = emitted.reshape(*emitted.shape[:2], *shape)
        calls = _CALLS.get()
        if calls is not None:
            calls.append((self, [_emitter(each) for each in spikes]))
        _say(result, self)
        return result

    def run(self, *spikes: Tensor, record: Sequence[str] = ()) -> tuple[Tensor, dict[str, Tensor]]:
        """Spikes and the registers wanted, [sample, step, neuron]."""
        if len(spikes) != len(self.inlets):
            raise InputError(f"layer: found {len(spikes)} tensors of spikes; allowed: {len(self.inlets)}, one an inlet")
        arriving = {name: self._checked(name, each) for name, each in zip(self.sources, spikes, strict=True)}
        group = [layer for layer in self.core.layers if layer.name == _LAYER]
        emitted, registers = self.core.run([group], arriving, record)
        return emitted[_LAYER], registers[_LAYER]

    def arriving(self, sources: Sequence[str], name: str) -> list[Projection]:
        """Its projections with their trained weights, for sources and a layer of these names."""
        trained = {each.projection.source: each.integers() for each in self.core.projections}
        named = dict(zip(self.sources, sources, strict=True)) | {_LAYER: name}
        small = self._projections()
        return [replace(p, source=named[p.source], target=name, weights=trained[p.source]) for p in small]

    def _network(self) -> Network:
        """The layer behind stand-ins for its sources."""
        inputs = 1
        populations = []
        for name, inlet in zip(self.sources, self.inlets, strict=True):
            if name == INPUT:
                inputs = _neurons(inlet.sources)
                continue
            via = self.profile.connections[inlet.connect(name, _LAYER).via]
            kind = next(source for source in via.sources if source != INPUT)
            words = self.profile.neurons[kind].parameters
            silent = {parameter: min(max(0, word.min), word.max) for parameter, word in words.items()}
            populations.append(Population(name, _neurons(inlet.sources), silent, kind))
        return Network(self.profile, inputs, [*populations, self.population], self._projections(), limits=False)

    def _projections(self) -> list[Projection]:
        shapes = {name: inlet.sources for name, inlet in zip(self.sources, self.inlets, strict=True)}
        shapes |= {_LAYER: self.size}
        found = [projection(i.connect(name, _LAYER), shapes) for name, i in zip(self.sources, self.inlets, strict=True)]
        return found if self.recurrent is None else [*found, projection(self.recurrent.connect(_LAYER, _LAYER), shapes)]

    def _stand_in(self, place: int, inlet: Inlet) -> str:
        """The name of an inlet's source in the small network: of a population, or the input where only that fits."""
        via = inlet.connect(INPUT, _LAYER).via
        if via not in self.profile.connections:
            raise InputError(f"layer: connection: found '{via}'; allowed: {', '.join(self.profile.connections)}")
        only_input = all(source == INPUT for source in self.profile.connections[via].sources)
        return INPUT if only_input else f"source{place}"

    def _checked(self, name: str, spikes: Tensor) -> Tensor:
        size = self.core.template.size(name)
        if spikes.ndim < 3 or prod(spikes.shape[2:]) != size or 0 in spikes.shape:
            raise InputError(f"layer: found spikes of shape {tuple(spikes.shape)}; allowed: [sample, step, {size}]")
        counts = spikes.flatten(2).to(self.core.dtype)
        with torch.no_grad():
            least, most = counts.aminmax()
            if least < 0 or most > self.chip.max_input or (counts != counts.floor()).any():
                allowed = f"integers 0 to {self.chip.max_input}"
                raise InputError(f"layer: found spikes from {least:g} to {most:g}; allowed: {allowed}")
        return counts


def export(module: nn.Module, inputs: Size, task: Mapping[str, Any] | None = None) -> Network:
    """The integer network of a module whose layers pass spikes on as they are; `inputs`: its input's size or shape.

    The module is called once, with silence. Layers have the names of their attributes. Raises InputError where spikes
    are changed between layers, or a layer is called twice; NetworkError for what the profile does not hold.
    """
    names = {id(each): _name(place) for place, each in module.named_modules() if isinstance(each, Layer)}
    calls, returned = _called(module, inputs)
    if not calls:
        raise InputError("export: found no call of a layer; allowed: a module that calls its layers")
    last = _emitter(returned)
    calls.sort(key=lambda call: call[0] is last)  # what is returned is the output
    populations: list[Population] = []
    projections: list[Projection] = []
    for place, (layer, emitters) in enumerate(calls):
        name = names[id(layer)]
        if layer in [each for each, _ in calls[:place]]:
            raise InputError(f"export: layer '{name}' is called twice; allowed: once")
        sources = []
        for number, emitter in enumerate(emitters):
            if emitter is None:
                found = f"spikes {number} are those of no layer: something changed them"
                raise InputError(f"export: layer '{name}': {found}; allowed: what a layer or the input emitted")
            sources.append(INPUT if emitter is INPUT else names[id(emitter)])
        populations.append(replace(layer.population, name=name))
        projections += layer.arriving(sources, name)
    return Network(calls[0][0].profile, _neurons(inputs), populations, projections, task=task)


@torch.no_grad()
def _called(module: nn.Module, inputs: Size) -> tuple[list[tuple[Layer, list[Any]]], Any]:
    """Every call of a layer with what emitted its spikes, and what the module returned."""
    shape = (inputs,) if isinstance(inputs, int) else inputs
    silence = torch.zeros(1, 1, *shape)
    _say(silence, INPUT)
    calls: list[tuple[Layer, list[Any]]] = []
    token = _CALLS.set(calls)
    try:
        returned = module(silence)
    finally:
        _CALLS.reset(token)
    return calls, returned


def _neurons(size: Size) -> int:
    return size if isinstance(size, int) else prod(size)


def _name(place: str) -> str:
    """The name of a layer, by where it is in its module: letters a to z, digits and underscores."""
    name = place.replace(".", "_").lower()
    return name if name[:1].isalpha() else f"layer_{name}".rstrip("_")


def _say(spikes: Tensor, emitter: Layer | str) -> None:
    """Remember who emitted spikes: a layer, or the input."""
    vars(spikes)["emitted_by"] = emitter


def _emitter(spikes: Any) -> Layer | str | None:
    """Who emitted them; None for what was computed from spikes."""
    found: Layer | str | None = getattr(spikes, "emitted_by", None)
    return found
