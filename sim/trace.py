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
from .word import Word

SCHEMA = 1

Integers = NDArray[np.integer[Any]]
State = dict[str, dict[str, Integers]]
"""Registers by layer and name, [sample, neuron], and under 'spikes' what each emitted in the last step.

Where spikes are delayed further, 'past' holds those of the steps before it, [sample, step, neuron], the oldest first.
"""
PAST = "past"
WIRE, DROPPED = "wire", "dropped"  # arrays of a file, whose other names have a dot


@dataclass(frozen=True, eq=False)
class LayerTrace:
    """One layer of a run.

    spikes: [sample, step, neuron], emitted in each step (event clock: sent during each event from outside).
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
    """A run under a network of digest `network`; `state` continues it (see `run`).

    Of an event-clocked run, whose steps are the events from outside:
    wire: [n, 3] of sample, event, neuron: the spikes that left the core, in the order in which they did.
    dropped: [sample], how many of them the queue had no room for.
    """

    layers: Mapping[str, LayerTrace]
    network: str
    state: State = field(default_factory=dict)
    wire: Integers | None = None
    dropped: Integers | None = None

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
        write_trace(path, self)


def write_trace(path: str | os.PathLike[str], trace: Trace, compressed: bool = True) -> None:
    """Write a trace's file, whole or not at all. Raises FileError."""
    header = {
        "schema": SCHEMA,
        "network": trace.network,
        "layers": [
            {"name": name, "overflows": dict(layer.overflows), "words": dict(layer.words)}
            for name, layer in trace.layers.items()
        ],
    }
    arrays = {f"{name}.spikes": layer.spikes for name, layer in trace.layers.items()}
    for name, layer in trace.layers.items():
        arrays |= {f"{name}.{register}": values for register, values in layer.registers.items()}
    if trace.wire is not None and trace.dropped is not None:
        arrays |= {WIRE: trace.wire, DROPPED: trace.dropped}
    write_archive(path, "trace", header, arrays, compressed)


def load_trace(path: str | os.PathLike[str], *, verify: bool = True) -> Trace:
    """Read what `Trace.save` or `run(record_to=...)` wrote, verified. Raises FileError.

    Large arrays that were streamed stay in the file, which is read as they are needed. verify: whether its checksum
    is computed, for which the whole file is read once.
    """
    header, arrays = read_archive(path, "trace", SCHEMA, mapped=True, verify=verify)
    try:
        layers = {layer["name"]: _layer(layer, arrays) for layer in header["layers"]}
        if len({layer.spikes.shape[:2] for layer in layers.values()}) != 1:
            raise ValueError("its layers are none, or differ in samples or steps")
        return Trace(layers, header["network"], {}, *_order(arrays, next(iter(layers.values())).spikes.shape))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileError(f"{os.fspath(path)}: its header is incomplete: {type(error).__name__} {error}") from None


def _order(arrays: Mapping[str, Integers], shape: tuple[int, ...]) -> tuple[Integers, Integers] | tuple[()]:
    """Wire order and dropped spikes, where they were recorded."""
    if WIRE not in arrays and DROPPED not in arrays:
        return ()
    wire, dropped = arrays[WIRE], arrays[DROPPED]
    if wire.ndim != 2 or wire.shape[1] != 3 or dropped.shape != shape[:1]:
        raise ValueError("its wire order is not [n, 3], or its dropped spikes are not [sample]")
    if wire.size and (wire.min() < 0 or (wire.max(axis=0) >= shape).any()):
        raise ValueError("its wire order names a sample, event or neuron that it does not have")
    return wire, dropped


def _layer(header: Mapping[str, Any], arrays: Mapping[str, Integers]) -> LayerTrace:
    name, words = header["name"], {register: str(Word.parse(word)) for register, word in header["words"].items()}
    spikes, registers = arrays[f"{name}.spikes"], {register: arrays[f"{name}.{register}"] for register in words}
    if spikes.ndim != 3 or any(values.shape != spikes.shape for values in registers.values()):
        raise ValueError(f"layer {name} has arrays that are not [sample, step, neuron]")
    overflows = {register: int(count) for register, count in header["overflows"].items()}
    return LayerTrace(spikes, registers, overflows, words)
