"""Hostile and damaged NIR files are refused with their place, and leave nothing behind."""

from __future__ import annotations

import h5py
import nir
import numpy as np
import pytest
from bitspike.exchange.nir.tree import read_file
from command_line import bitspike
from nir_graphs import FOLDER, chain, lif, written

GRAPH = FOLDER / "snntorch_dense.nir"


def refused(capsys, folder, path, *options):
    """The lines with which the command refuses a file; nothing is written."""
    ran = bitspike(capsys, "import", path, "--profile", "xylo-audio-2", "-o", folder / "net.npz", *options)
    assert (ran.status, ran.out) == (2, "")
    assert not [entry for entry in folder.iterdir() if entry.name.endswith((".npz", ".partial"))]
    return [line.removeprefix(f"{path}: ") for line in ran.errors]


def with_weight(values, **changes):
    return chain(nir.Linear(values), lif(**changes))


def test_what_is_no_nir_file_is_refused(capsys, tmp_path):
    path = tmp_path / "graph.nir"
    assert refused(capsys, tmp_path, path) == ["no such file"]
    path.write_bytes(b"not HDF5")
    assert refused(capsys, tmp_path, path) == ["damaged, or not a NIR file (HDF5)"]
    assert refused(capsys, tmp_path, tmp_path) == ["found no regular file; allowed: a NIR file"]
    with h5py.File(path, "w") as file:
        file["version"] = "1.0.8"
    assert refused(capsys, tmp_path, path) == ["node: found no group; allowed: a graph"]


def test_a_file_cut_short_anywhere_is_refused(capsys, tmp_path):
    whole, path = GRAPH.read_bytes(), tmp_path / "graph.nir"
    for length in [*range(0, 4000, 397), *range(4000, len(whole) - 1, 4001)]:
        path.write_bytes(whole[:length])
        assert len(refused(capsys, tmp_path, path)) == 1, length


def test_bytes_that_changed_are_refused_or_read_as_a_graph(capsys, tmp_path):
    whole, path, random = GRAPH.read_bytes(), tmp_path / "graph.nir", np.random.default_rng(0)
    for _ in range(40):
        damaged = bytearray(whole)
        for place in random.integers(0, len(whole), 30):
            damaged[place] = random.integers(256)
        path.write_bytes(damaged)
        ran = bitspike(capsys, "import", path, "--profile", "xylo-audio-2", "-o", tmp_path / "net.npz")
        assert ran.status in (0, 2)
        assert "Traceback" not in ran.err


@pytest.mark.parametrize("version", ["2.0.0", "", "one", None])
def test_another_version_is_refused(capsys, tmp_path, version):
    path = written(tmp_path, with_weight(np.eye(2)))
    with h5py.File(path, "r+") as file:
        del file["version"]
        if version is not None:
            file["version"] = version
    (line,) = refused(capsys, tmp_path, path)
    found = "none" if version is None else repr(version)
    assert line == f"version: found {found}; allowed: a version 0 or 1 of NIR"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (np.array([[1, np.nan], [0, 1]]), "weight[0][1]: found nan; allowed: finite numbers"),
        (np.array([[1, 0], [-np.inf, 1]]), "weight[1][0]: found -inf; allowed: finite numbers"),
        (np.eye(2) * 1j, "weight: found complex128 values; allowed: real numbers"),
        (np.zeros((0, 2)), "weight: found shape (0, 2); allowed: 2 axes, none of them empty"),
        (np.zeros((1, 2, 2)), "weight: found shape (1, 2, 2); allowed: 2 axes, none of them empty"),
        (np.zeros((2, 3)), "found 2 values entering, shape (2,); allowed: 3"),
    ],
)
def test_a_weight_that_is_no_matrix_of_real_numbers_is_refused_by_node(capsys, tmp_path, value, message):
    assert refused(capsys, tmp_path, written(tmp_path, with_weight(value))) == [f"node 'n0': {message}"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tau": np.array([1e-3, 0.0])}, "tau[1]: found 0.0; allowed: above 0"),
        ({"tau": np.array([1e-3, -1.0])}, "tau[1]: found -1.0; allowed: above 0"),
        ({"v_threshold": np.array([1.0, np.inf])}, "v_threshold[1]: found inf; allowed: finite numbers"),
        ({"tau": np.array([1e-3, 1e-5])}, "tau[1]: found 1e-05; allowed: a step (dt 0.0001) or more"),
        ({"v_threshold": np.array([1.0, -1.0])}, "v_threshold[1]: found -1; allowed: above v_leak, 0"),
    ],
)
def test_a_neuron_that_cannot_be_is_refused_by_node(capsys, tmp_path, changes, message):
    graph = with_weight(np.eye(2), **changes)
    assert refused(capsys, tmp_path, written(tmp_path, graph), "--dialect", "nir") == [f"node 'n1': {message}"]


def test_parameters_of_different_shapes_are_refused(capsys, tmp_path):
    path = written(tmp_path, with_weight(np.eye(2)))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n1/tau"]
        file["node/nodes/n1/tau"] = np.ones(3)
    (line,) = refused(capsys, tmp_path, path)
    assert line.startswith("node 'n1': found tau (3,), r (2,)")
    assert line.endswith("allowed: one shape for all parameters")


@pytest.mark.parametrize("name", ["..x", "a\\b", "a:b", "-rf", " x", "a\nb", "~x", "x" * 201])
def test_a_name_that_could_leave_a_folder_is_refused(capsys, tmp_path, name):
    graph = nir.NIRGraph(
        {
            "input": nir.Input(np.array([2])),
            name: nir.Linear(np.eye(2)),
            "n": lif(),
            "output": nir.Output(np.array([2])),
        },
        [("input", name), (name, "n"), ("n", "output")],
        {},
        type_check=False,
    )
    (line,) = refused(capsys, tmp_path, written(tmp_path, graph))
    assert "found a name with separators, controls or '..'" in line


def test_a_loop_without_state_is_refused_by_its_nodes(capsys, tmp_path):
    nodes = {"input": nir.Input(np.array([2])), "a": nir.Linear(np.eye(2)), "b": nir.Linear(np.eye(2)), "n": lif(),
             "output": nir.Output(np.array([2]))}  # fmt: skip
    edges = [("input", "a"), ("a", "b"), ("b", "a"), ("b", "n"), ("n", "output")]
    (line,) = refused(capsys, tmp_path, written(tmp_path, nir.NIRGraph(nodes, edges, {}, type_check=False)))
    assert "found a loop without state: " in line
    assert line.startswith(("node 'a'", "node 'b'"))


def test_an_edge_to_no_node_is_refused(capsys, tmp_path):
    graph = with_weight(np.eye(2))
    graph.edges.append(("n1", "n7"))
    (line,) = refused(capsys, tmp_path, written(tmp_path, graph))
    assert line.startswith("graph: edge 'n1' to 'n7': found no node 'n7'")


def test_an_unknown_type_is_refused_with_the_nearest(capsys, tmp_path):
    path = written(tmp_path, with_weight(np.eye(2)))
    with h5py.File(path, "r+") as file:
        del file["node/nodes/n1/type"]
        file["node/nodes/n1/type"] = "CubaLiF"
    (line,) = refused(capsys, tmp_path, path)
    assert line.startswith("node 'n1': found type 'CubaLiF'; allowed: LIF, CubaLIF,")
    assert line.endswith("Did you mean 'CubaLIF'?")


def test_links_out_of_the_file_are_refused(capsys, tmp_path):
    path = written(tmp_path, with_weight(np.eye(2)))
    with h5py.File(path, "r+") as file:
        file["node/nodes/n0/more"] = h5py.ExternalLink("/etc/hostname", "/")
    assert refused(capsys, tmp_path, path) == [
        "/node/nodes/n0/more: found a link; allowed: what lies in the file itself"
    ]


def test_an_array_that_unpacks_beyond_measure_is_refused_unread(capsys, tmp_path):
    path = written(tmp_path, with_weight(np.eye(2)))
    with h5py.File(path, "r+") as file:
        file.create_dataset("node/nodes/n0/bomb", (1 << 20, 1 << 20), "f8", chunks=(1, 1024))
    (line,) = refused(capsys, tmp_path, path)
    assert line.startswith("/node/nodes/n0/bomb: found more than")


def test_a_graph_in_memory_is_read_as_its_file_is(tmp_path):
    graph = with_weight(np.eye(2))
    from bitspike.exchange.nir.graph import read_graph
    from bitspike.exchange.nir.tree import read_object

    one, other = read_graph(read_object(graph)), read_graph(read_file(written(tmp_path, graph)))
    assert one.edges == other.edges
    assert one.nodes.keys() == other.nodes.keys()
    for name, node in one.nodes.items():
        for key, value in node.values.items():
            assert np.array_equal(value, other.nodes[name].values[key]), (name, key)
