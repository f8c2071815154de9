"""A NIR graph, checked: nodes of known types with finite real parameters, and edges between nodes that exist.

Subgraphs are laid open: their nodes are named `subgraph.node`, their inputs and outputs become plain junctions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import NetworkError, suggest
from .tree import MAX_DEPTH, Tree

Floats = NDArray[np.float64]

JUNCTION = "Junction"  # the inputs and outputs of a subgraph
SPIKING = ("LIF", "CubaLIF", "IF", "Threshold")
SILENT = ("LI", "CubaLI", "I")  # neurons that never spike: their membrane is what they put out
NEURONS = (*SPIKING, *SILENT)

_NEURON = {
    "LIF": ("tau", "r", "v_leak", "v_threshold"),
    "CubaLIF": ("tau_syn", "tau_mem", "r", "v_leak", "v_threshold"),
    "IF": ("r", "v_threshold"),
    "LI": ("tau", "r", "v_leak"),
    "CubaLI": ("tau_syn", "tau_mem", "r", "v_leak"),
    "I": ("r",),
    "Threshold": ("threshold",),
}
_OPTIONAL = {"LIF": ("v_reset",), "CubaLIF": ("v_reset", "w_in"), "IF": ("v_reset",), "CubaLI": ("w_in",)}
_WINDOW = ("stride", "padding", "dilation")
_REST = {
    "Affine": ("weight", "bias"),
    "Linear": ("weight",),
    "Conv1d": ("weight", "bias", "groups", *_WINDOW),
    "Conv2d": ("weight", "bias", "groups", *_WINDOW),
    "SumPool2d": ("kernel_size", "stride", "padding"),
    "AvgPool2d": ("kernel_size", "stride", "padding"),
    "Scale": ("scale",),
    "Delay": ("delay",),
    "Flatten": ("start_dim", "end_dim"),
    "Input": ("shape",),
    "Output": ("shape",),
}
FIELDS: Mapping[str, tuple[str, ...]] = {**_NEURON, **_REST}
_COUNTS = {"stride", "padding", "dilation", "groups", "kernel_size", "start_dim", "end_dim", "shape", "input_shape"}
_POSITIVE = {"tau", "tau_syn", "tau_mem"}
_DIMENSIONS = {("Affine", "weight"): 2, ("Linear", "weight"): 2, ("Conv1d", "weight"): 3, ("Conv2d", "weight"): 4}


@dataclass(frozen=True)
class Node:
    """One node: its type, its parameters as arrays (or 'same', 'valid'), and whatever its metadata says.

    single: some time constant or r was written in 32 bits, a mark of its exporter.
    """

    name: str
    kind: str
    values: Mapping[str, Any]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    single: bool = False


@dataclass(frozen=True)
class Graph:
    """Nodes by name, edges in the file's order, and the metadata of the whole."""

    nodes: Mapping[str, Node]
    edges: tuple[tuple[str, str], ...]
    metadata: Mapping[str, Any]

    def sources(self, name: str) -> list[str]:
        """The nodes with an edge to a node."""
        return [source for source, target in self.edges if target == name]

    def targets(self, name: str) -> list[str]:
        """The nodes that a node has an edge to."""
        return [target for source, target in self.edges if source == name]

    def of_kind(self, *kinds: str) -> list[Node]:
        """The nodes of these types."""
        return [node for node in self.nodes.values() if node.kind in kinds]


def read_graph(tree: Tree) -> Graph:
    """The graph of a tree. Raises NetworkError with every fault, each with the node it is about."""
    faults: list[str] = []
    if tree.get("type") != "NIRGraph":
        raise NetworkError([f"graph: found type {_shown(tree.get('type'))}; allowed: NIRGraph"])
    nodes: dict[str, Node] = {}
    edges: list[tuple[str, str]] = []
    _lay_open(tree, "", 0, nodes, edges, faults)
    if not faults:
        faults += _ends(nodes, edges)
    if faults:
        raise NetworkError(faults)
    metadata = tree.get("metadata")
    return Graph(nodes, tuple(edges), metadata if isinstance(metadata, dict) else {})


def _lay_open(
    tree: Tree, prefix: str, depth: int, nodes: dict[str, Node], edges: list[tuple[str, str]], faults: list[str]
) -> None:
    """Add a graph's nodes and edges, those of its subgraphs under the subgraph's name."""
    place = f"graph '{prefix[:-1]}'" if prefix else "graph"
    if depth > MAX_DEPTH:
        faults.append(f"{place}: found subgraphs within subgraphs; allowed: {MAX_DEPTH} deep")
        return
    given, listed = tree.get("nodes"), tree.get("edges")
    if not isinstance(given, dict) or not given:
        faults.append(f"{place}: nodes: found none; allowed: one or more")
        return
    gates: dict[str, tuple[list[str], list[str]]] = {}  # of a subgraph: the junctions that spikes enter and leave by
    for name, node in given.items():
        full = f"{prefix}{name}"
        kind = node.get("type") if isinstance(node, dict) else None
        if not _is_name(name):
            faults.append(f"node {full!r}: found a name with separators, controls or '..'; allowed: letters, digits, "
                          "'_', '-', '.' and spaces, 1 to 200 of them")  # fmt: skip
        elif kind == "NIRGraph":
            _lay_open(node, f"{full}.", depth + 1, nodes, edges, faults)
            gates[name] = _gates(full, node.get("nodes"), faults)
        elif kind not in FIELDS:
            known = ", ".join((*FIELDS, "NIRGraph"))
            faults.append(f"node '{full}': found type {_shown(kind)}; allowed: {known}{suggest(kind, FIELDS)}")
        elif full in nodes:
            faults.append(f"node '{full}': the name is taken")
        else:
            nodes[full] = _node(full, str(kind), node, faults)
    if prefix:
        for name in given:
            full = f"{prefix}{name}"
            if full in nodes and nodes[full].kind in ("Input", "Output"):
                nodes[full] = Node(full, JUNCTION, {})
    _add_edges(place, listed, set(given), gates, prefix, edges, faults)


def _gates(full: str, given: Any, faults: list[str]) -> tuple[list[str], list[str]]:
    """The junctions by which spikes enter and leave a subgraph."""
    ways: dict[str, list[str]] = {"Input": [], "Output": []}
    for name, node in given.items() if isinstance(given, dict) else ():
        if isinstance(node, dict) and node.get("type") in ways:
            ways[node["type"]].append(f"{full}.{name}")
    for kind, found in ways.items():
        if len(found) != 1:
            faults.append(f"node '{full}': found {len(found)} nodes of type {kind}; allowed: 1 in a subgraph")
    return ways["Input"], ways["Output"]


def _add_edges(
    place: str,
    listed: Any,
    names: set[str],
    gates: Mapping[str, tuple[list[str], list[str]]],
    prefix: str,
    edges: list[tuple[str, str]],
    faults: list[str],
) -> None:
    if listed is None or (isinstance(listed, np.ndarray) and listed.size == 0):
        listed = []
    if not isinstance(listed, list) or not all(isinstance(pair, list) and len(pair) == 2 for pair in listed):
        faults.append(f"{place}: edges: found no list of pairs; allowed: pairs of node names")
        return
    seen = set()
    for source, target in listed:
        edge = f"{place}: edge {source!r} to {target!r}"
        unknown = [end for end in (source, target) if end not in names]
        if unknown:
            faults.append(f"{edge}: found no node {unknown[0]!r}{suggest(unknown[0], names)}")
        elif (source, target) in seen:
            faults.append(f"{edge}: found twice; allowed: once")
        else:
            seen.add((source, target))
            starts = gates[source][1] if source in gates else [f"{prefix}{source}"]
            ends = gates[target][0] if target in gates else [f"{prefix}{target}"]
            edges += [(start, end) for start in starts for end in ends]


def _is_name(name: str) -> bool:
    return (
        0 < len(name) <= 200
        and name.isprintable()
        and not any(mark in name for mark in ("/", "\\", "..", ":"))
        and name.strip() == name
        and not name.startswith(("-", "~"))
    )


def _shown(value: Any) -> str:
    text = repr(value) if isinstance(value, str) else "none" if value is None else "no text"
    return text if len(text) < 60 else f"{text[:57]}..."


def _node(name: str, kind: str, tree: Tree, faults: list[str]) -> Node:
    """A node with its parameters as arrays of float64 (counts: int64)."""
    values: dict[str, Any] = {}
    for key in (*FIELDS[kind], *_OPTIONAL.get(kind, ()), "input_shape"):
        if key not in tree:
            if key in FIELDS[kind]:
                faults.append(f"node '{name}': {key}: missing; allowed: an array")
            continue
        if key == "padding" and isinstance(tree[key], str):
            if tree[key] not in ("same", "valid"):
                faults.append(f"node '{name}': padding: found {_shown(tree[key])}; allowed: 'same', 'valid', integers")
            values[key] = tree[key]
            continue
        array = _array(f"node '{name}': {key}", key, tree[key], faults)
        if array is not None:
            values[key] = array
    if not any(fault.startswith(f"node '{name}': ") for fault in faults):
        faults.extend(_shape_faults(name, kind, values))
    metadata = tree.get("metadata")
    single = any(getattr(tree.get(key), "dtype", None) == np.float32 for key in (*_POSITIVE, "r"))
    return Node(name, kind, values, metadata if isinstance(metadata, dict) else {}, single)


def _array(place: str, key: str, value: Any, faults: list[str]) -> NDArray[Any] | None:
    """A parameter as an array of finite numbers; None after a fault."""
    array = np.asarray(value) if not isinstance(value, dict | str | list) else None
    if array is None or array.dtype.kind not in "biufc":
        faults.append(f"{place}: found no numbers; allowed: an array of real numbers")
        return None
    if array.dtype.kind == "c":
        faults.append(f"{place}: found {array.dtype} values; allowed: real numbers")
        return None
    finite = np.isfinite(array)
    if not finite.all():
        index = np.unravel_index(int(np.argmin(finite)), array.shape)
        at = "".join(f"[{i}]" for i in index)
        faults.append(f"{place}{at}: found {array[index]}; allowed: finite numbers")
        return None
    if key in _COUNTS:
        if array.size > 16 or np.any(array != np.floor(array)) or np.any(np.abs(array.astype(float)) > 1 << 31):
            faults.append(f"{place}: found {array.ravel()[:4].tolist()}; allowed: integers")
            return None
        return np.asarray(array, np.int64)
    if key in _POSITIVE and array.size and array.min() <= 0:
        index = np.unravel_index(int(np.argmin(array)), array.shape)
        faults.append(f"{place}{''.join(f'[{i}]' for i in index)}: found {array[index]}; allowed: above 0")
        return None
    return np.asarray(array, np.float64)


def _shape_faults(name: str, kind: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Parameters of wrong axes, or that do not fit each other."""
    wanted = _DIMENSIONS.get((kind, "weight"))
    if wanted is not None:
        weight = values["weight"]
        if weight.ndim != wanted or not weight.size:
            yield f"node '{name}': weight: found shape {weight.shape}; allowed: {wanted} axes, none of them empty"
        elif "bias" in values and values["bias"].shape not in ((weight.shape[0],), ()):
            found = values["bias"].shape
            yield f"node '{name}': bias: found shape {found}; allowed: ({weight.shape[0]},), one an output"
    if kind in _NEURON:
        names = [key for key in (*_NEURON[kind], *_OPTIONAL.get(kind, ())) if key in values]
        sizes = {values[key].size for key in names} - {1}
        if 0 in sizes or len(sizes) > 1:
            found = ", ".join(f"{key} {values[key].shape}" for key in names)
            yield f"node '{name}': found {found}; allowed: one shape for all parameters"
    counts = {"stride": 1, "dilation": 1, "groups": 1, "kernel_size": 1, "padding": 0, "shape": 1, "input_shape": 1}
    for key, least in counts.items():
        if isinstance(values.get(key), np.ndarray) and values[key].size and values[key].min() < least:
            yield f"node '{name}': {key}: found {values[key].tolist()}; allowed: {least} or more"
    if kind == "Delay" and values["delay"].size and values["delay"].min() < 0:
        yield f"node '{name}': delay: found {values['delay'].min()}; allowed: 0 or more"


def _ends(nodes: Mapping[str, Node], edges: list[tuple[str, str]]) -> Iterator[str]:
    """A graph has one input, an output, and neurons between them that edges join."""
    kinds = [node.kind for node in nodes.values()]
    if kinds.count("Input") != 1:
        yield f"graph: found {kinds.count('Input')} nodes of type Input; allowed: 1"
    if kinds.count("Output") < 1:
        yield "graph: found no node of type Output; allowed: one or more"
    if not any(kind in NEURONS for kind in kinds):
        yield f"graph: found no neurons; allowed: {', '.join(NEURONS)}"
    ends = {end for edge in edges for end in edge}
    for name, node in nodes.items():
        if name not in ends and node.kind != JUNCTION:
            yield f"node '{name}': found no edge to or from it; allowed: nodes of one graph"
