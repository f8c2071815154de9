"""Reads the files of a layout back: the network that they hold, proved by writing it again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from ...errors import BitspikeError, FileError
from ...network.file import network_from, shape_from
from ...network.network import Integers, Network
from ...network.parts import Population, Projection
from ...profile.schema import INPUT, Profile
from ...word import Word
from ..image import MANIFEST, read_text, sha256
from .bits import BadLineError, Place, take, unpacked, words_of
from .check import find_faults
from .part import Part, parts
from .render import render
from .restore import Values, restore
from .schema import Layout, Memory, Table

State = dict[str, dict[str, NDArray[Any]]]

_DAMAGED = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError, MemoryError)


def read_layout(folder: str | os.PathLike[str]) -> Network:
    """The network of a folder that `write_layout` wrote, every bit verified. Raises FileError."""
    return _read(folder)[0]


def read_state(folder: str | os.PathLike[str]) -> State:
    """The registers at the start that the files hold, as `initial_state` gives them. Raises FileError."""
    return _read(folder)[1]


def _read(folder: str | os.PathLike[str]) -> tuple[Network, State]:
    root, place = Path(folder), os.fspath(Path(folder) / MANIFEST)
    try:
        manifest = json.loads(read_text(root / MANIFEST))
        layout = Layout.model_validate_json(json.dumps(manifest["layout"]))
        profile = Profile.from_json(manifest["profile"])
        for fault in find_faults(layout, profile):
            raise FileError(f"{place}: its layout cannot be read: {fault}")
        arrays, registers = _arrays(root, manifest, layout, profile)
    except ValidationError:
        raise FileError(f"{place}: damaged: holds a layout or profile that this bitspike cannot read") from None
    except _DAMAGED as error:
        raise FileError(f"{place}: damaged: {type(error).__name__} {error}") from None
    network = network_from(manifest, arrays, place)
    state = _state(network, registers)
    _verify(root, network, layout, state)
    return network, state


def _state(network: Network, registers: Mapping[str, Mapping[str, Integers]]) -> State:
    from ...engine.given import initial_state

    state: State = initial_state(network)
    for layer, values in registers.items():
        for register, array in values.items():
            state[layer][register][0] = array
    return state


def _arrays(
    root: Path, manifest: Mapping[str, Any], layout: Layout, profile: Profile
) -> tuple[dict[str, Integers], dict[str, dict[str, Integers]]]:
    """Every array of the network by its name, and the registers of every layer."""
    layers = tuple(Population(p["name"], int(p["size"]), {}, p["neuron"]) for p in manifest["populations"])
    sizes = {INPUT: int(manifest["inputs"]), **{layer.name: layer.size for layer in layers}}
    arrays: dict[str, Integers] = {name: np.array(list_, np.int64) for name, list_ in manifest["synapses"].items()}
    projections = tuple(
        _skeleton(i, p, manifest["arrays"], dict(arrays)) for i, p in enumerate(manifest["projections"])
    )
    registers: dict[str, dict[str, Integers]] = {}
    entries = {entry["file"]: entry for entry in manifest["files"]}
    for name, file, part in _files(layout, profile, sizes[INPUT], layers, projections):
        values = _values(root / name, file, entries[name])
        restore(values, profile, part, manifest["arrays"], arrays, registers)
    for index, projection in enumerate(projections):
        if projection.via in layout.one_to_one:
            size = sizes[projection.source]
            arrays[f"weights-{index}"] = np.eye(size, dtype=np.int64)[:, :, None]
    return arrays, registers


def _skeleton(
    index: int, header: Mapping[str, Any], shapes: Mapping[str, Any], lists: dict[str, Integers]
) -> Projection:
    """A projection without its integers; its weights are zeros of the right shape."""
    shape = shape_from(index, header["shape"], lists)
    weights = np.broadcast_to(np.int64(0), tuple(shapes[f"weights-{index}"]))
    return Projection(header["source"], header["target"], weights, header["via"], header["parameters"], shape)


def _files(
    layout: Layout,
    profile: Profile,
    inputs: int,
    layers: tuple[Population, ...],
    projections: tuple[Projection, ...],
) -> Iterator[tuple[str, Memory | Table, Part]]:
    for file in layout.files.values():
        for part in parts(profile, inputs, layers, projections, file.each):
            yield part.numbered(file.file), file, part


def _values(path: Path, file: Memory | Table, entry: Mapping[str, Any]) -> Values:
    """What each slot of a file holds, by owner and name of the value."""
    text = read_text(path)
    if sha256(text) != entry["sha256"]:
        raise FileError(f"{path}: damaged: it does not have the checksum it was written with")
    decoded = _of_memory(path, text, file, entry) if isinstance(file, Memory) else _of_table(path, text, file)
    found: Values = {}
    for name, slot in file.slots.items():
        if slot.reference is not None:
            found[slot.reference[:2]] = decoded[name].reshape(tuple(entry["holds"][name]["shape"]))
    return found


def _of_table(path: Path, text: str, table: Table) -> dict[str, Integers]:
    try:
        data = json.loads(text)
        return {name: np.array(data[name], np.int64) for name in table.slots}
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FileError(f"{path}: damaged: {type(error).__name__} {error}") from None


def _of_memory(path: Path, text: str, memory: Memory, entry: Mapping[str, Any]) -> dict[str, Integers]:
    axes, count = entry["axes"], prod(entry["axes"].values())
    lines = text.splitlines()
    needed = -(-count // entry["entries"])
    if len(lines) != needed:
        raise FileError(f"{path}: found {len(lines)} words; {needed} are declared")
    try:
        words = words_of(lines, memory.radix, entry["bits"] * entry["entries"])
    except BadLineError as error:
        raise FileError(f"{path}:{error.number}: {error}") from None
    entries = unpacked(words, memory, count)
    decoded = {}
    for name, field in memory.fields.items():
        holds, reference = entry["holds"][name], field.reference
        if reference is None:
            continue
        place = Place(holds["at"], Word.parse(holds["word"]), holds["lanes"])
        order = [*axes, *([field.lanes.axis] if field.lanes else [])]
        values = take(entries, place, field).reshape([*axes.values(), *([holds["lanes"]] if field.lanes else [])])
        kept = tuple(slice(None) if axis in reference.axes else 0 for axis in order)
        left = [axis for axis in order if axis in reference.axes]
        turned = values[kept].transpose([left.index(axis) for axis in reference.axes])
        decoded[name] = turned[tuple(slice(0, size) for size in holds["shape"])]
    return decoded


def _verify(root: Path, network: Network, layout: Layout, state: State) -> None:
    """Every file is what writing the network again makes. Raises FileError at the first line that differs."""
    try:
        fresh = list(render(network, layout, state))
    except BitspikeError as error:
        raise FileError(f"{root / MANIFEST}: damaged: {error}") from None
    for file in fresh:
        found = read_text(root / file.name)
        if found == file.text:
            continue
        for number, (line, expected) in enumerate(zip(found.splitlines(), file.text.splitlines(), strict=False), 1):
            if line != expected:
                what = f"found {line[:80]!r}; allowed: {expected[:80]!r}, as the rest of the network has it"
                raise FileError(f"{root / file.name}:{number}: {what}")
        raise FileError(f"{root / file.name}: its length is not that of the network")
