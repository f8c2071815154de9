"""A recipe: the YAML that says which network is trained, on what, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import Field

from ..datapath import Model, Name
from ..document import read_document
from ..errors import BitspikeError, DocumentError, InputError
from ..network.network import Network, Population, Projection
from ..profile.catalogue import load_profile
from ..profile.schema import INPUT, Count
from .data import Encoding, Readout, Task, encode, load_data, readout_matrix
from .gradient import make_gradient
from .layers import weight_quantizer
from .model import SpikingNetwork

Positive = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Option = bool | int | float


class LayerSpec(Model):
    """A population: its neurons and their parameters, one value for all of them."""

    name: Name
    neuron: Annotated[Name, Field(description="the profile's neuron class")]
    size: Count
    parameters: dict[Name, int]


class ConnectionSpec(Model):
    """A projection whose weights are trained; `synapses` of the registers that the connection reaches."""

    source: Annotated[Name, Field(description="a layer, or 'input'")]
    target: Name
    via: Annotated[Name, Field(description="the profile's connection")]
    synapses: Count
    parameters: dict[Name, int]


class GradientSpec(Model):
    """The derivative of a spike, what it is multiplied by, and the share of it that passes through the reset."""

    kind: Literal["boolean", "arctan", "fast_sigmoid", "triangle", "boxcar"]
    options: dict[Name, Option]
    scale: Positive
    reset_share: Annotated[float, Field(ge=0, le=1)]


class Recipe(Model):
    """Everything a training run depends on, but the seed."""

    schema_version: Annotated[Literal[1], Field(alias="schema")]
    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    title: str
    profile: Annotated[str, Field(description="a shipped profile, or a path from the recipe's folder")]
    data: Annotated[str, Field(description="a data set")]
    encoding: Encoding
    readout: Readout
    layers: Annotated[tuple[LayerSpec, ...], Field(min_length=1)]
    connections: Annotated[tuple[ConnectionSpec, ...], Field(min_length=1)]
    weight_bits: Annotated[int, Field(ge=2, le=8)]
    gain: Annotated[Positive, Field(description="deviation of an initial weighted sum of unit inputs, LSB")]
    gradient: GradientSpec
    epochs: Annotated[int, Field(ge=1, le=100_000)]
    batch: Annotated[int, Field(ge=1, le=1_000_000)]
    learning_rate: Positive
    logit_scale: Annotated[Positive, Field(description="logits are the spike counts of a class times this")]


def load_recipe(path: str | os.PathLike[str]) -> tuple[Recipe, Network]:
    """A recipe and the network it trains, weights still 0. Raises DocumentError and other BitspikeErrors.

    Whatever would stop the training is found here: the profile, the data, the network's fit, the gradient.
    """
    recipe, positions = read_document(path, Recipe)

    @contextmanager
    def at(*place: str | int) -> Iterator[None]:
        try:
            yield
        except DocumentError:
            raise
        except BitspikeError as error:
            raise DocumentError([positions.fault(place, line) for line in str(error).splitlines()]) from None

    with at("profile"):
        profile = load_profile(_profile_path(recipe.profile, Path(path).parent))
    with at("data"):
        data = load_data(recipe.data)
    inputs = encode(data.test[:1], recipe.encoding, data.top).shape[2]
    with at("layers"):
        template = _template(recipe, profile, inputs)
    with at("readout"):
        readout_matrix(recipe.readout, template.populations[-1].size, data.classes)
    with at("weight_bits"):
        for projection in template.projections:
            weight_quantizer(template.connection(projection), recipe.weight_bits)
    with at("gradient"):
        gradient = make_gradient(recipe.gradient.kind, **recipe.gradient.options)
        _try_gradient(gradient, template)
    return recipe, template


def _profile_path(name: str, folder: Path) -> str:
    return str(folder / name) if name.endswith((".yaml", ".yml")) else name


def _try_gradient(gradient: Any, template: Network) -> None:
    """Call it once for every register that decides a spike, so that it refuses before training."""
    import torch

    for population in template.populations:
        neuron = template.neuron_class(population)
        for branch in neuron.fire.branches:
            register = branch.when[0]
            if isinstance(register, str) and register in neuron.registers:
                gradient(torch.zeros(1), torch.ones(1), neuron.registers[register], branch.repeat)


def _template(recipe: Recipe, profile: Any, inputs: int) -> Network:
    sizes = {INPUT: inputs, **{layer.name: layer.size for layer in recipe.layers}}
    for index, connection in enumerate(recipe.connections):
        for name in (connection.source, connection.target):
            if name not in sizes:
                raise InputError(f"connections[{index}]: found '{name}'; allowed: {', '.join(sizes)}")
    return Network(
        profile,
        inputs,
        [Population(layer.name, layer.size, layer.parameters, layer.neuron) for layer in recipe.layers],
        [
            Projection(
                c.source, c.target, np.zeros((sizes[c.source], sizes[c.target], c.synapses), int), c.via, c.parameters
            )
            for c in recipe.connections
        ],
        task=Task(data=recipe.data, encoding=recipe.encoding, readout=recipe.readout, recipe=recipe.name).model_dump(
            mode="json"
        ),
    )


def build(recipe: Recipe, template: Network, max_input: int) -> SpikingNetwork:
    """The network to train, with fresh weights drawn from torch's generator."""
    gradient = make_gradient(recipe.gradient.kind, **recipe.gradient.options)
    return SpikingNetwork(
        template,
        gradient,
        weight_bits=recipe.weight_bits,
        gain=recipe.gain,
        reset_share=recipe.gradient.reset_share,
        scale=recipe.gradient.scale,
        max_input=max_input,
    )
