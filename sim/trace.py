"""What a run recorded: spikes, the registers asked for, and how often each register overflowed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .archive import read_archive, write_archive
from .errors import FileError

SCHEMA = 1

Integers = NDArray[np.integer[Any]]
State = dict[str, dict[str, Integers]]
"""Registers by layer and name, [sample, neuron], and under 'spikes' what each emitted in the last step."""


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer of a run.

    spikes: [sample, step, neuron], emitted in each step.
    registers: by name, [sample, step, neuron], at the end of each step.
    overflows: by register, how many writes did not fit, over all samples, steps and neurons.
    words: the word of each recorded register, for its bit patterns.
    """

    spikes: Integers
    registers: Mapping[str, Integers]
    overflows: Mapping[str, int]
    words: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Trace:
    """A run under a network of digest `network`; `state` continues it (see `run`)."""

    layers: Mapping[str, LayerTrace]
    network: str
    state: State = field(default_factory=dict)

    @property
    def spikes(self) -> Integers:
        """Spikes of the last layer, [sample, step, neuron]."""
        return self.layers[list(self.layers)[-1]].spikes

    @property
    def overflows(self) -> dict[str, dict[str, int]]:
        """By layer and register, how many writes did not fit."""
        return {name: dict(layer.overflows) for name, layer in self.layers.items()}

    def __getitem__(self, layer: str) -> LayerTrace:
        return self.layers[layer]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an `.npz` file, whole or not at all; the state to continue from is left out. Raises FileError."""
        header = {
            "schema": SCHEMA,
            "network": self.network,
            "layers": [
                {"name": name, "overflows": dict(layer.overflows), "words": dict(layer.words)}
                for name, layer in self.layers.items()
            ],
        }
        arrays = {f"{name}.spikes": layer.spikes for name, layer in self.layers.items()}
        for name, layer in self.layers.items():
            arrays |= {f"{name}.{register}": values for register, values in layer.registers.items()}
        write_archive(path, "trace", header, arrays)


def load_trace(path: str | os.PathLike[str]) -> Trace:
    """Read what `Trace.save` wrote, verified. Raises FileError."""
    header, arrays = read_archive(path, "trace", SCHEMA)
    try:
        layers = {}
        for layer in header["layers"]:
            name, words = layer["name"], dict(layer["words"])
            registers = {register: arrays[f"{name}.{register}"] for register in words}
            layers[name] = LayerTrace(arrays[f"{name}.spikes"], registers, dict(layer["overflows"]), words)
        return Trace(layers, header["network"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"{os.fspath(path)}: its header is incomplete: {type(error).__name__} {error}") from None
