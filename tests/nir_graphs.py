"""NIR graphs for the tests: those of real exporters under tests/nir, and small ones written with `nir` itself."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
from bitspike.exchange.nir.conventions import conventions_for
from bitspike.exchange.nir.fusion import fuse
from bitspike.exchange.nir.graph import read_graph
from bitspike.exchange.nir.layers import FloatNetwork
from bitspike.exchange.nir.tree import read_file, read_object

FOLDER = Path(__file__).parent / "nir"
NAMES = sorted(path.stem for path in FOLDER.glob("*.nir"))


def recorded(name: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """Input spikes, and what the framework computed, by layer."""
    with np.load(FOLDER / f"{name}.npz") as file:
        return file["input"], [file[f"layer{index}"] for index in range(len(file.files) - 1)]


def fused(source, **options) -> FloatNetwork:
    """The float network of a file of tests/nir, by name, or of a graph."""
    tree = read_file(FOLDER / f"{source}.nir") if isinstance(source, str) else read_object(source)
    graph = read_graph(tree)
    return fuse(graph, conventions_for(graph, **options))


def lif(size=2, tau=1e-3, r=None, threshold=1.0, **changes):
    """LIF neurons of float64 parameters whose inputs count 1 at a step of 1e-4."""
    full = np.full
    values = {
        "tau": full(size, tau),
        "r": full(size, tau / 1e-4 if r is None else r),
        "v_leak": np.zeros(size),
        "v_threshold": full(size, threshold),
        "v_reset": np.zeros(size),
    }
    return nir.LIF(**{**values, **changes})


def chain(*nodes, inputs=2, outputs=None, metadata=None):
    """Input, the nodes in a row, Output."""
    named = {f"n{index}": node for index, node in enumerate(nodes)}
    names = ["input", *named, "output"]
    size = outputs if outputs is not None else 2
    ends = {"input": nir.Input(np.atleast_1d(inputs)), "output": nir.Output(np.atleast_1d(size))}
    return nir.NIRGraph({**ends, **named}, list(pairwise(names)), metadata or {}, type_check=False)


def written(folder: Path, graph) -> Path:
    """The graph as a file."""
    path = folder / "graph.nir"
    nir.write(path, graph)
    return path
