"""A recipe: the YAML that says which network is trained, on what, and how."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from math import prod
from pathlib import Path
from typing import Annotated, Literal

import torch
from pydantic import Field

from ..datapath import Model, Name
from ..document import Positions, read_document
from ..errors import BitspikeError, DocumentError
from ..network.geometry import Pooling
from ..network.network import Network
from ..profile.catalogue import load_profile
from ..profile.decision import decisions
from ..profile.schema import INPUT, Profile
from .augment import Augmentation
from .batches import check_validation
from .crossing import BitGradient
from .data import Folder, load_data
from .encoding import Encoding, encode, most_spikes
from .gradient import make_gradient
from .layers import weight_quantizer
from .model import SpikingNetwork
from .overflow import Allow, Overflow, control
from .parameters import TrainedParameters
from .span import exact_float
from .task import Readout, Task, readout_matrix
from .topology import ConnectionSpec, LayerSpec, Picture, projection
from .trajectory import TrajectoryGradient, check_trajectory

Positive = Annotated[float, Field(gt=0, le=1e6, allow_inf_nan=False)]
Option = bool | int | float | str


class GradientSpec(Model):
    """The derivative of a spike, what it is multiplied by, and the share of it that passes through the reset."""

    kind: Literal["boolean", "float_boolean", "trajectory", "arctan", "fast_sigmoid", "triangle", "boxcar"]
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
    augment: Augmentation | None = None
    validation: Annotated[int, Field(ge=0, description="training samples kept to choose the best epoch by")] = 0
    patience: Annotated[int, Field(ge=1, description="epochs without a better one that end the training")] | None = None
    weight_decay: Annotated[float, Field(ge=0, le=1, description="of AdamW")] = 0.0
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] = 0.0
    overflow: Annotated[Overflow, Field(description="of registers, by what the weights can add up to")] = Allow(
        kind="allow"
    )


class _Faults:
    """Collects what is wrong with a recipe, each with the place of what it is about."""

    def __init__(self, positions: Positions) -> None:
        self.positions = positions
        self.lines: list[str] = []

    @contextmanager
    def at(self, *place: str | int) -> Iterator[None]:
        """What goes wrong inside is a fault of this place."""
        try:
            yield
        except BitspikeError as error:
            for line in str(error).splitlines():
                self.lines.append(self.positions.fault(place, line.removeprefix(f"{place[0]}: ")))

    def check(self) -> None:
        """Raise DocumentError if there were any."""
        if self.lines:
            raise DocumentError(self.lines)


def load_recipe(path: str | os.PathLike[str], data_dir: Folder = None) -> tuple[Recipe, Network]:
    """A recipe and the network it trains, every weight 1; data_dir: the folder of `load_data`. Raises DocumentError.

    Whatever would stop the training is found here: the profile, the data, the network's fit, the gradient.
    """
    recipe, positions = read_document(path, Recipe)
    faults = _Faults(positions)
    with faults.at("profile"):
        profile = load_profile(_profile_path(recipe.profile, Path(path).parent))
    with faults.at("data"):
        data = load_data(recipe.data, data_dir)
    faults.check()
    with faults.at("validation"):
        check_validation(data, recipe.validation)
    with faults.at("augment"):
        if recipe.augment is not None:
            recipe.augment.check(*data.train.shape[1:])
    with faults.at("encoding"):
        channels = encode(data.test[:1], recipe.encoding, data.top).shape[2]
    faults.check()
    picture = data.test.shape[1:]  # unless steps or groups of channels make something else of it
    shape = (1, *picture) if prod(picture) == channels else (1, 1, channels)
    template = _template(recipe, profile, shape, faults)
    for index, layer in enumerate(recipe.layers):
        with faults.at("layers", index, "train"):
            TrainedParameters(template, template.populations[index], layer.train, layer.train_rate)
    with faults.at("readout"):
        readout_matrix(recipe.readout, template.populations[-1].size, data.classes)
    with faults.at("weight_bits"):
        for each in template.projections:
            if not isinstance(each.shape, Pooling):
                weight_quantizer(template.connection(each), recipe.weight_bits)
    with faults.at("profile"):
        exact_float(template, most_spikes(recipe.encoding, data.top), recipe.weight_bits)
    with faults.at("gradient", "options"):
        gradient = make_gradient(recipe.gradient.kind, **recipe.gradient.options)
        _try_gradient(gradient, template, faults)
        if isinstance(gradient, TrajectoryGradient):
            check_trajectory(gradient, template, recipe.gradient.reset_share)
    faults.check()
    if not isinstance(recipe.overflow, Allow):
        with faults.at("overflow"):
            build(recipe, template, most_spikes(recipe.encoding, data.top))
    faults.check()
    return recipe, template


def _profile_path(name: str, folder: Path) -> str:
    is_path = name.lower().endswith((".yaml", ".yml")) or Path(name).name != name
    return str(folder / name) if is_path else name


def _try_gradient(gradient: BitGradient, template: Network, faults: _Faults) -> None:
    """Call it once for every register that decides a spike, so that it refuses before training."""
    for index, population in enumerate(template.populations):
        for decision in decisions(template.neuron_class(population)):
            for threshold in decision.thresholds(population.parameters):
                with faults.at("layers", index, "parameters", str(decision.operand)):
                    gradient.check_threshold(threshold, decision.above)
            gradient(torch.zeros(1), torch.zeros(1), decision.word, decision.branch.repeat)


def _template(recipe: Recipe, profile: Profile, shape: Picture, faults: _Faults) -> Network:
    """The network; its trained weights are 1, so that the profile's limits count every synapse. shape: the input's."""
    populations, inputs = [], prod(shape)
    for index, layer in enumerate(recipe.layers):
        with faults.at("layers", index):
            populations.append(layer.population)
            Network(profile, inputs, populations[-1:], [], limits=False)
    faults.check()
    with faults.at("layers"):
        Network(profile, inputs, populations, [])
    faults.check()
    shapes = {INPUT: shape, **{layer.name: layer.shape or layer.neurons for layer in recipe.layers}}
    projections = []
    for index, connection in enumerate(recipe.connections):
        with faults.at("connections", index):
            projections.append(projection(connection, shapes))
            Network(profile, inputs, populations, projections[-1:], limits=False)
    faults.check()
    task = Task(data=recipe.data, encoding=recipe.encoding, readout=recipe.readout, recipe=recipe.name)
    with faults.at("connections"):
        template = Network(profile, inputs, populations, projections, task=task.model_dump(mode="json"))
    faults.check()
    return template


def build(recipe: Recipe, template: Network, max_input: int) -> SpikingNetwork:
    """The network to train, with fresh weights drawn from torch's generator."""
    gradient = make_gradient(recipe.gradient.kind, **recipe.gradient.options)
    model = SpikingNetwork(
        template,
        gradient,
        weight_bits=recipe.weight_bits,
        gain=recipe.gain,
        reset_share=recipe.gradient.reset_share,
        scale=recipe.gradient.scale,
        max_input=max_input,
        train={layer.name: layer.train for layer in recipe.layers},
        parameter_rates={layer.name: layer.train_rate for layer in recipe.layers},
    )
    model.control = control(model, recipe.overflow)
    return model
