"""Writes the files of a layout, and a manifest that says where every bit of the network is."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...archive import write_folder
from ...engine.given import check_state, initial_state
from ...errors import InputError, NetworkError
from ...network.added import synapses_of
from ...network.file import network_header
from ...network.geometry import Sparse
from ...network.network import Network
from ..image import MANIFEST, sha256
from .catalogue import load_layout
from .names import ALIASES, DELAY, ENDS, KERNEL, TARGET, WEIGHT
from .part import State
from .render import Rendered, render
from .schema import Layout

KIND = "bitspike-layout"
SCHEMA = 1


def write_layout(
    network: Network,
    folder: str | os.PathLike[str],
    layout: str | os.PathLike[str],
    state: State | None = None,
) -> list[str]:
    """Write the files of a shipped layout, or of one in a YAML file; returns their names.

    state: registers at the start, as `initial_state` gives them for one sample. Raises DocumentError, InputError for
    a layout of other profiles, NetworkError for what does not fit, FileError. Nothing is written after a fault.
    """
    loaded = _fitting(network, layout)
    registers = {} if state is None else _registers(network, loaded, state)
    files = list(render(network, loaded, registers))
    texts = {file.name: file.text for file in files}
    texts[MANIFEST] = json.dumps(_manifest(network, loaded, files), indent=1) + "\n"
    write_folder(folder, texts)
    return list(texts)


def memory_bits(network: Network, layout: str | os.PathLike[str]) -> dict[str, tuple[int, int]]:
    """By file, bits that a network uses of a layout's memories, and bits that these have. Raises as `write_layout`."""
    files = render(network, _fitting(network, layout), {})
    return {file.name: file.bits for file in files if file.form is not None}


def _fitting(network: Network, layout: str | os.PathLike[str]) -> Layout:
    """The layout, which has a place for all that the network has."""
    loaded = load_layout(layout, network.profile)
    if network.profile.name not in loaded.profiles:
        found, allowed = f"found a network of profile '{network.profile.name}'", ", ".join(loaded.profiles)
        raise InputError(f"layout '{loaded.name}': {found}; allowed: {allowed}")
    missing = list(_without_place(network, loaded))
    if missing:
        raise NetworkError([f"layout '{loaded.name}': has no place for {what}" for what in missing])
    return loaded


def _without_place(network: Network, layout: Layout) -> Iterator[str]:
    """What the network has and no file holds."""
    references = [slot.reference for file in layout.files.values() for slot in file.slots.values()]
    held = {(reference.owner, reference.name) for reference in references if reference is not None}
    for layer in network.populations:
        names = [*layer.parameters, *([ALIASES] if layer.aliases is not None else [])]
        yield from (f"'{name}' of layer '{layer.name}'" for name in names if (layer.neuron, name) not in held)
    for projection in network.projections:
        via, connection = str(projection.via), network.connection(projection)
        place = f"projection '{projection.source}' to '{projection.target}'"
        if via in layout.one_to_one:
            if not _is_identity(np.asarray(projection.weights), projection.shape):
                yield f"{place}, which is not one to one with weights of 1"
            continue
        if projection.shape is not None and (via, KERNEL) not in held:
            used = synapses_of(connection, projection, network.size(projection.source)).index
            unused = np.size(projection.weights) - len(np.unique(used))
            if unused:
                yield f"{unused} weights of {place} that no synapse uses"
        if not any(all((via, name) in held for name in names) for names in ((WEIGHT,), (KERNEL,), (TARGET, ENDS))):
            yield f"'{WEIGHT}' of {place}"
        names = [*connection.parameters, *connection.source_parameters, *connection.synapse_parameters]
        names += [DELAY] if connection.delay is not None else []
        yield from (f"'{name}' of {place}" for name in names if (via, name) not in held)


def _is_identity(weights: Any, shape: Any) -> bool:
    return shape is None and np.array_equal(weights[:, :, 0], np.eye(len(weights)))


def _registers(network: Network, layout: Layout, state: State) -> State:
    """The registers at the start. Raises InputError for what is not 0 and has no place."""
    checked, start = check_state(state, network, 1), initial_state(network)
    references = [slot.reference for file in layout.files.values() for slot in file.slots.values()]
    held = {(reference.owner, reference.name) for reference in references if reference is not None}
    for layer, registers in checked.items():
        neuron = next((p.neuron for p in network.populations if p.name == layer), None)
        for register, values in registers.items():
            if (neuron, register) not in held and np.any(np.asarray(values) != np.asarray(start[layer][register])):
                raise InputError(
                    f"state: {layer}.{register}: found values other than 0; '{layout.name}' has no place for it"
                )
    return checked


def _manifest(network: Network, layout: Layout, files: list[Rendered]) -> dict[str, Any]:
    arrays = network.arrays()
    lists: dict[str, Any] = {}
    for index, projection in enumerate(network.projections):
        if isinstance(projection.shape, Sparse):
            lists |= {f"{end}-{index}": arrays[f"{end}-{index}"].tolist() for end in ("pre", "post")}
    return {
        "format": KIND,
        "schema": SCHEMA,
        **network_header(network),
        "layout": json.loads(layout.model_dump_json(by_alias=True, exclude_none=True)),
        "arrays": {name: list(array.shape) for name, array in arrays.items() if name not in lists},
        "synapses": lists,
        "files": [_entry(file) for file in files],
    }


def _entry(file: Rendered) -> dict[str, Any]:
    """What the manifest says of a file: its checksum, and the word, shape and place of all that it holds."""
    form = file.form
    slots: dict[str, Any] = {}
    for name, word in file.words.items():
        slots[name] = {"word": str(word), "shape": list(file.shapes[name])}
        if form is not None:
            slots[name] |= {"at": form.places[name].at, "lanes": form.places[name].lanes}
    memory = {} if form is None else {"axes": form.axes, "bits": form.bits, "entries": form.entries}
    return {"file": file.name, "sha256": sha256(file.text), **memory, "holds": slots}
