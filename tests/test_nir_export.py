"""A network written as NIR reads back as itself, and other readers of NIR see its integers."""

from __future__ import annotations

from itertools import pairwise

import bitspike as bs
import h5py
import nir
import numpy as np
import pytest
from builders import generic
from command_line import bitspike
from nir_graphs import FOLDER

IMPORTED = [
    ("snntorch_recurrent", "xylo-audio-2", {}),
    ("snntorch_picture", "loihi-lava", {}),
    ("sinabs_pictures", "speck-sinabs", {}),
    ("spikingjelly_mixed", "loihi-brian2", {}),
    ("spikingjelly_currents", "loihi-nengo", {}),
    ("sinabs_leaky", "generic-w8-v16", {"bias": "channel"}),
]


@pytest.mark.parametrize(("name", "profile", "options"), IMPORTED)
def test_a_network_comes_back_as_it_left(tmp_path, name, profile, options):
    net = bs.import_nir(FOLDER / f"{name}.nir", profile, **options).network
    assert bs.export(net, tmp_path / "net.nir", format="nir") == ["net.nir"]
    back = bs.import_nir(tmp_path / "net.nir").network
    assert back == net
    assert back.profile.digest == net.profile.digest
    assert back.task == net.task
    assert isinstance(nir.read(tmp_path / "net.nir"), nir.NIRGraph)  # the reference reader accepts it, types and all


def test_other_readers_find_the_integers_that_a_spike_adds(tmp_path):
    bs.export(generic(weights=((5, -3), (2, 7)), threshold=9, leak=2), tmp_path / "net.nir", format="nir")
    graph = nir.read(tmp_path / "net.nir")
    (weights,) = (node for node in graph.nodes.values() if isinstance(node, nir.Linear))
    assert np.array_equal(weights.weight, [[5, 2], [-3, 7]])
    (neurons,) = (node for node in graph.nodes.values() if isinstance(node, nir.LIF))
    assert np.array_equal(neurons.v_threshold, [9, 9])
    np.testing.assert_allclose(1 - 1e-4 / neurons.tau, 0.75)


def test_layers_may_have_the_names_that_a_graph_gives_its_own_nodes(tmp_path):
    names = ["weights_0", "output", "output_", "weights_1"]
    layers = [bs.Population(name, 2, {"threshold": 9, "leak": 2}) for name in names]
    links = [bs.Projection(a, b, np.array([[5, -3], [2, 7]]), "forward") for a, b in pairwise(["input", *names])]
    net = bs.Network(bs.load_profile("generic-w8-v16"), 2, layers, links)
    bs.export(net, tmp_path / "net.nir", format="nir")
    assert bs.import_nir(tmp_path / "net.nir").network == net
    assert len(nir.read(tmp_path / "net.nir").nodes) == 2 + 4 + 4


def test_the_command_writes_reads_back_and_compares(capsys, tmp_path):
    bs.save_network(generic(), tmp_path / "net.npz")
    ran = bitspike(capsys, "export", tmp_path / "net.npz", "--format", "nir", "-o", tmp_path / "net.nir")
    assert (ran.status, ran.out.splitlines()[1]) == (0, "read back: equal, 8 integers compared")
    ran = bitspike(capsys, "import", tmp_path / "net.nir", "-o", tmp_path / "again.npz")
    assert ran.status == 0
    assert bs.load_network(tmp_path / "again.npz") == generic()


def test_integers_that_changed_are_refused(tmp_path):
    bs.export(generic(), tmp_path / "net.nir", format="nir")
    with h5py.File(tmp_path / "net.nir", "r+") as file:
        file["node/nodes/weights_0/metadata/bitspike/arrays/weights-0"][0] += 1
    with pytest.raises(bs.FileError, match="the network does not have the hash it was written with"):
        bs.import_nir(tmp_path / "net.nir")


@pytest.mark.parametrize("key", ["node/metadata/bitspike/network", "node/nodes/weights_0/metadata/bitspike/words"])
def test_damaged_metadata_is_refused(tmp_path, key):
    bs.export(generic(), tmp_path / "net.nir", format="nir")
    with h5py.File(tmp_path / "net.nir", "r+") as file:
        del file[key]
        file[key] = "{"
    with pytest.raises(bs.FileError, match=r"net.nir: metadata: damaged"):
        bs.import_nir(tmp_path / "net.nir")


def test_another_profile_than_the_file_s_is_refused(tmp_path):
    bs.export(generic(), tmp_path / "net.nir", format="nir")
    with pytest.raises(bs.FileError, match="holds integers for profile 'generic-w8-v16'; allowed: that profile"):
        bs.import_nir(tmp_path / "net.nir", "xylo-audio-2")


def test_a_profile_without_a_reading_is_refused(tmp_path):
    net = bs.Network(bs.load_profile("ranc"), 1, [bs.Population("axon", 1, {}, "axon")], [])
    with pytest.raises(bs.InputError, match="layer 'axon': class 'axon' of 'ranc' does not read as leaky"):
        bs.export(net, tmp_path / "net.nir", format="nir")
    assert not list(tmp_path.iterdir())
