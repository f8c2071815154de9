"""A network as a NIR file and back: integer weights for everyone, and all of it under `bitspike` in the metadata.

Nodes carry what a reader of NIR can use: `Linear` (or `Affine`) weights [target, source] are the integers that a spike
adds to the membrane or current, neurons are `IF`, `LIF` or `CubaLIF` in units of the membrane at a step of 1e-4. The
metadata is exact:

- of the graph, `bitspike/network`: JSON, as in a network file: the profile, its hash, populations, projections
- of a node, `bitspike/arrays/NAME`: integers as they are stored, flat; `bitspike/words`: JSON, by array its word, shape
  and meaning
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Container, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...archive import write_bytes
from ...errors import FileError, InputError
from ...network.added import added_weights
from ...network.file import network_from, network_header
from ...network.lists import Listed
from ...network.network import Network
from ...network.parts import Population, Projection
from ...network.quantities import quantity_of
from ...network.weights import connection_values, neuron_values
from ...profile.schema import INPUT
from ...profile.shared import Leak, SharedClass, SharedWeight
from ..format import Format
from .tree import read_file

if TYPE_CHECKING:
    import nir

KEY = "bitspike"
SCHEMA = 1
DT = 1e-4
MAX_MATRIX = 1 << 27  # entries of a matrix that is written out

Floats = NDArray[np.float64]


def write_nir(network: Network, path: str | os.PathLike[str]) -> list[str]:
    """Write a NIR file, whole or not at all; returns its name. Raises InputError, FileError."""
    import nir

    buffer = io.BytesIO()
    nir.write(buffer, nir_graph(network))
    write_bytes(path, buffer.getvalue())
    return [os.path.basename(os.fspath(path))]


def nir_graph(network: Network) -> nir.NIRGraph:
    """The network as a `nir.NIRGraph`. Raises InputError where its profile has no `lif` to read it by."""
    import nir

    arrays = network.arrays()
    nodes: dict[str, Any] = {INPUT: nir.Input(np.array([network.inputs]))}
    edges: list[tuple[str, str]] = []
    biased: set[str] = set()
    for population in network.populations:
        node = _neurons(network, population)
        words = {
            f"{population.name}.{name}": {"word": str(word), "holds": name}
            for name, word in network.neuron_class(population).parameters.items()
        } | {f"{population.name}-aliases": {"word": "s32", "holds": "aliases"}}
        node.metadata = _metadata({name: arrays[name] for name in words if name in arrays}, words)
        nodes[population.name] = node
    for index, projection in enumerate(network.projections):
        name = _free(f"weights_{index}", nodes)
        weight = _matrix(network, projection)
        bias = None if projection.target in biased else _bias(network, network.population(projection.target))
        biased.add(projection.target)
        node = nir.Linear(weight) if bias is None else nir.Affine(weight, bias)
        own = {key: array for key, array in arrays.items() if f"-{index}" in _tail(key)}
        word = str(network.connection(projection).weight.word)
        node.metadata = _metadata(own, {key: {"word": word, "holds": _tail(key)[1:]} for key in own})
        nodes[name] = node
        edges += [(projection.source, name), (name, projection.target)]
    end = _free("output", nodes)
    nodes[end] = nir.Output(np.array([network.size(network.output)]))
    edges.append((network.output, end))
    header = {"schema": SCHEMA, **network_header(network)}
    return nir.NIRGraph(nodes, edges, {KEY: {"network": json.dumps(header)}}, type_check=False)


def _free(name: str, taken: Container[str]) -> str:
    """The name, with as many underscores behind it as it takes to be no layer's."""
    while name in taken:
        name += "_"
    return name


def _tail(name: str) -> str:
    """The part of an array's name that says which projection it belongs to: `-0`, `-0-axon_type`; or nothing."""
    kind, dash, rest = name.partition("-")
    return f"-{rest}-" if dash and "." not in kind and kind in ("weights", "delays", "parameter", "pre", "post") else ""


def _metadata(arrays: Mapping[str, NDArray[Any]], words: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
    described = {name: {**words[name], "shape": list(np.shape(array))} for name, array in arrays.items()}
    flat = {name: np.asarray(array).reshape(-1) for name, array in arrays.items()}
    return {KEY: {"words": json.dumps(described), "arrays": flat}}


def _shared(network: Network, population: Population) -> SharedClass | None:
    shared = network.profile.shared
    return shared.neurons.get(str(population.neuron)) if shared is not None else None


def _quantity(network: Network, population: Population, name: str) -> Floats | None:
    shared = _shared(network, population)
    if shared is None or name not in shared.quantities:
        return None
    values = {key: np.asarray(array) for key, array in population.parameters.items()}
    return np.asarray(quantity_of(shared.quantities[name], values), np.float64)


def _bias(network: Network, population: Population) -> Floats | None:
    bias = _quantity(network, population, "bias")
    return bias if bias is not None and bias.any() else None


def _neurons(network: Network, population: Population) -> Any:
    """A population in NIR's terms; a class that only passes on what it gets as factors of 1."""
    import nir

    shared = _shared(network, population)
    if shared is None:
        allowed = "profiles with 'lif' under 'shared'"
        raise InputError(f"layer '{population.name}': class '{population.neuron}' of '{network.profile.name}' does not "
                         f"read as leaky integrate-and-fire; allowed: {allowed}")  # fmt: skip
    if shared.lif is None:
        return nir.Scale(np.ones(population.size))
    threshold = _quantity(network, population, "threshold")
    nothing = np.zeros(population.size)
    keep = _kept(network, population, shared.lif.leak)
    if not shared.lif.currents and (keep == 1).all():
        return nir.IF(np.full(population.size, 1 / DT), threshold, nothing)
    tau = DT / np.maximum(1 - keep, 1e-9)
    if not shared.lif.currents:
        return nir.LIF(tau, tau / DT, nothing, threshold, nothing)
    tau_syn = DT / np.maximum(1 - _kept(network, population, next(iter(shared.lif.currents.values()))), 1e-9)
    return nir.CubaLIF(tau_syn, tau, tau / DT, nothing, threshold, nothing, tau_syn / DT)


def _kept(network: Network, population: Population, leak: Leak) -> Floats:
    if leak.shift is not None:
        shift = _quantity(network, population, leak.shift)
        bits = np.full(population.size, network.profile.constants.get(leak.shift, 0)) if shift is None else shift
        return 1 - np.exp2(-np.asarray(bits, np.float64))
    if leak.loss is None or leak.parts is None:
        return np.ones(population.size)
    loss = _quantity(network, population, leak.loss)
    assert loss is not None
    return np.clip(1 - loss / leak.parts, 0, 1)


def _matrix(network: Network, projection: Projection) -> Floats:
    """What a spike adds, in units of the membrane, [target, source]; of several registers their sum."""
    profile, connection = network.profile, network.connection(projection)
    sources, target = network.size(projection.source), network.population(projection.target)
    if sources * target.size > MAX_MATRIX:
        raise InputError(f"projection '{projection.source}' to '{projection.target}': found {sources} x {target.size} "
                         f"synapses; allowed in a NIR file: {MAX_MATRIX:,}")  # fmt: skip
    values = connection_values(profile, projection) | profile.constants
    added = added_weights(connection, projection, values, neuron_values(profile, target), sources)
    planes = [each.dense(target.size) if isinstance(each, Listed) else each for each in added]
    shared = profile.shared.connections.get(str(projection.via)) if profile.shared is not None else None
    weight = shared.weight if shared is not None else SharedWeight()
    bits = weight.shift + (int(values[weight.exponent]) if weight.exponent else 0)
    return np.asarray(np.ldexp(np.sum(planes, axis=0, dtype=np.float64), bits).T)


def read_exported(path: str | os.PathLike[str]) -> Network:
    """The network of a file that `write_nir` wrote. Raises FileError."""
    network = network_of(read_file(path), os.fspath(path))
    if network is None:
        raise FileError(f"{os.fspath(path)}: found no integers; allowed: a NIR file that bitspike exported")
    return network


def network_of(tree: Mapping[str, Any], place: str) -> Network | None:
    """The network that a file's metadata holds; None where it holds none. Raises FileError where it is damaged."""
    metadata = tree.get("metadata")
    if not isinstance(metadata, dict) or KEY not in metadata:
        return None
    try:
        header = json.loads(metadata[KEY]["network"])
        if header["schema"] != SCHEMA:
            raise FileError(f"{place}: metadata: found schema {header['schema']!r}; allowed: {SCHEMA}")
        arrays: dict[str, NDArray[Any]] = {}
        for name, node in tree["nodes"].items():
            own: Any = node["metadata"][KEY] if KEY in node.get("metadata", {}) else {"words": "{}"}
            for key, described in json.loads(own["words"]).items():
                array = own["arrays"][key]
                if key in arrays or array.dtype.kind not in "iu":
                    raise FileError(f"{place}: node '{name}': metadata: found '{key}' twice, or no integers")
                arrays[key] = array.reshape(described["shape"])
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FileError(f"{place}: metadata: damaged: {type(error).__name__} {error}") from None
    return network_from(header, arrays, place)


FORMAT = Format("nir", "a NIR file with integer weights", write_nir, read_exported)
