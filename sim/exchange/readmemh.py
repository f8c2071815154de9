"""Memory images for `$readmemh`: a word a line in hex, and a manifest that says what each file holds.

Files are written aside and renamed into place, the manifest last: a folder with a manifest is whole.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np

from ..archive import write_folder
from ..errors import FileError, InputError
from ..network.file import network_from, network_header
from ..network.geometry import Convolution, Pooling, Sparse
from ..network.network import Integers, Network
from ..network.parts import Projection
from ..word import Word
from .format import Format, Option
from .image import MANIFEST, Image, read_image, read_text
from .layout import read_layout, write_layout
from .layout.write import KIND as LAYOUT_KIND

KIND = "bitspike-readmemh"
SCHEMA = 1


def images(network: Network) -> Iterator[Image]:
    """Every memory of a network."""
    for index, projection in enumerate(network.projections):
        yield from _of_projection(network, index, projection)
    for population in network.populations:
        neuron = network.neuron_class(population)
        for name, values in population.parameters.items():
            holds = f"{name} of {population.name}"
            yield Image(f"{population.name}.{name}", holds, neuron.parameters[name], ("neuron",), np.asarray(values))
        if population.aliases is not None:
            holds = f"neurons that receive copies of the spikes of {population.name}, -1: none"
            aliases = np.asarray(population.aliases)
            yield Image(f"{population.name}-aliases", holds, Word(32, True), ("neuron", "slot"), aliases)


def _of_projection(network: Network, index: int, projection: Projection) -> Iterator[Image]:
    """The weights of a projection, then whatever else its connection has for sources, synapses and delays."""
    connection, shape = network.connection(projection), projection.shape
    weights, via = np.asarray(projection.weights), f"{projection.source} to {projection.target} over {projection.via}"
    axes = _AXES[type(shape)]
    if shape is None:
        for synapse in range(weights.shape[2]):
            holds, name = (
                f"weights of {via}, into {connection.into[synapse]}",
                f"weights-{index}.{connection.into[synapse]}",
            )
            yield Image(name, holds, connection.weight.word, axes, weights[:, :, synapse])
    else:
        yield Image(f"weights-{index}", f"weights of {via}", connection.weight.word, axes, weights)
    if isinstance(shape, Sparse):
        for end, values in (("pre", shape.pre), ("post", shape.post)):
            yield Image(
                f"{end}-{index}", f"neurons that synapses of {via} join", Word(32, False), axes, np.asarray(values)
            )
    words = {**connection.source_parameters, **connection.synapse_parameters}
    for name, word in words.items():
        of = ("pre",) if name in connection.source_parameters else axes
        values = np.asarray(projection.parameters[name])
        yield Image(f"parameter-{index}-{name}", f"{name} of {via}", word, of, values)
    if connection.delay is not None:
        delays = np.asarray(projection.delays)
        of = axes if connection.delay.per == "synapse" else ("pre",)
        yield Image(f"delays-{index}", f"delays of {via}", connection.delay.word, of[: delays.ndim], delays)


_AXES: dict[type, tuple[str, ...]] = {
    NoneType: ("pre", "post"),
    Convolution: ("output channel", "input channel", "height", "width"),
    Pooling: ("all",),
    Sparse: ("synapse",),
}


def write_images(network: Network, folder: str | os.PathLike[str]) -> list[str]:
    """Write every memory and the manifest; returns the files' names. Raises FileError."""
    texts = image_texts(network)
    write_folder(folder, texts)
    return list(texts)


def image_texts(network: Network) -> dict[str, str]:
    """Every file by name, the manifest last."""
    memories = list(images(network))
    files = [image.entry for image in memories]
    manifest = {"format": KIND, "schema": SCHEMA, **network_header(network), "files": files}
    return {**{image.file: image.text for image in memories}, MANIFEST: json.dumps(manifest, indent=1) + "\n"}


def read_images(folder: str | os.PathLike[str]) -> Network:
    """The network of a folder that `export` wrote, by a layout or without, every file verified. Raises FileError."""
    root, place = Path(folder), os.fspath(Path(folder) / MANIFEST)
    try:
        manifest = json.loads(read_text(root / MANIFEST))
        if manifest["format"] == LAYOUT_KIND:
            return read_layout(folder)
        if manifest["format"] != KIND or manifest["schema"] != SCHEMA:
            raise FileError(
                f"{place}: found {manifest['format']} schema {manifest['schema']}; allowed: {KIND} {SCHEMA}"
            )
        arrays = _joined({entry["array"]: read_image(root, root / MANIFEST, entry) for entry in manifest["files"]})
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileError(f"{place}: damaged: {type(error).__name__} {error}") from None
    return network_from(manifest, arrays, place)


def _joined(arrays: dict[str, Integers]) -> dict[str, Integers]:
    """Arrays as a network names them: the synapses of a projection stacked."""
    joined: dict[str, Integers] = {}
    synapses: dict[str, list[Integers]] = {}
    for name, values in arrays.items():
        if name.startswith("weights-") and "." in name:
            synapses.setdefault(name.rsplit(".", 1)[0], []).append(values)
        else:
            joined[name] = values
    return joined | {name: np.stack(parts, axis=2) for name, parts in synapses.items()}


def _write(network: Network, folder: str | os.PathLike[str], layout: str | None = None, **options: Any) -> list[str]:
    if layout is None:
        if options:
            raise InputError(f"option: found '{next(iter(options))}'; allowed: only with a layout")
        return write_images(network, folder)
    return write_layout(network, folder, layout, **options)


FORMAT = Format(
    "readmemh",
    "a folder of memory images for $readmemh, of every array or by a chip's layout",
    _write,
    read_images,
    (
        Option("layout", "a shipped layout, or a layout.yaml: the files that the chip loads"),
        Option("state", "registers at the start", kind=None),
    ),
)
