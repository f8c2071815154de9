"""`bitspike place`: a network's layers on one core, as `bs.place` puts them; what does not fit is refused by name."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest
from builders import GENERIC
from command_line import bitspike, refused

LEAST = {"disabled": 0}


def layers(path, inputs=6, sizes=(9, 4), low=-3, threshold=12):
    """A clocked network of layers in a row, weights of 4 bits."""
    rng, names = np.random.default_rng(0), [f"layer{at}" for at in range(len(sizes))]
    populations = [
        bs.Population(name, size, {"threshold": threshold, "leak": 1}) for name, size in zip(names, sizes, strict=True)
    ]
    projections, before, source = [], inputs, "input"
    for name, size in zip(names, sizes, strict=True):
        weights = rng.integers(low, 7, (before, size))
        projections.append(bs.Projection(source, name, weights, "forward"))
        before, source = size, name
    network = bs.Network(bs.load_profile(GENERIC), inputs, populations, projections)
    bs.save_network(network, path)
    return network


def test_layers_of_a_clocked_network_move_to_a_core(capsys, tmp_path):
    network = layers(tmp_path / "net.npz")
    arguments = ("place", tmp_path / "net.npz", "--profile", "tinyodin", "--set", "disabled=0")
    ran = bitspike(capsys, *arguments, "-o", tmp_path / "core.npz", "--json")
    assert json.loads(ran.out) == {
        "profile": "tinyodin",
        "addresses": {"layer0": [0, 8], "layer1": [9, 12], "input": [13, 18]},
    }
    assert ran.errors == [f"integers as they were under '{GENERIC}'; what they compute is now what 'tinyodin' does"]
    wanted = bs.place(
        bs.load_profile("tinyodin"),
        6,
        [bs.Population(p.name, p.size, p.parameters | LEAST) for p in network.populations],
        [bs.Projection(p.source, p.target, np.asarray(p.weights)[:, :, 0]) for p in network.projections],
    ).network
    found = bs.load_network(tmp_path / "core.npz")
    assert {k: v.tolist() for k, v in found.arrays().items()} == {k: v.tolist() for k, v in wanted.arrays().items()}


def test_a_core_with_parameters_of_synapses_takes_one_value_for_all(capsys, tmp_path):
    layers(tmp_path / "net.npz", low=0)
    sets = [word for name in ("disabled=0", "leak_enable=1", "sign=0", "mapped=1") for word in ("--set", name)]
    ran = bitspike(capsys, "place", tmp_path / "net.npz", "--profile", "odin", *sets, "-o", tmp_path / "core.npz")
    assert ran.status == 0, ran.err
    assert [line.split() for line in ran.out.splitlines() if line.strip().startswith(("layer", "input"))] == [
        ["layer", "first", "last"], ["layer0", "0", "8"], ["layer1", "9", "12"], ["input", "13", "18"],
    ]  # fmt: skip
    core = bs.load_network(tmp_path / "core.npz")
    images = bitspike(
        capsys, "export", tmp_path / "core.npz", "--format", "readmemh", "--layout", "odin", "-o", tmp_path / "out"
    )
    assert images.status == 0, images.err
    assert bs.read_images(tmp_path / "out") == core


def test_a_chip_whose_sources_are_of_several_kinds_is_no_single_core(capsys, tmp_path):
    layers(tmp_path / "net.npz")
    assert refused(capsys, tmp_path, "place", tmp_path / "net.npz", "-o", tmp_path / "core.npz") == [
        "connection 'forward': comes from input and neuron; allowed: one kind of sources, on one core"
    ]


@pytest.mark.parametrize(
    ("options", "made", "lines"),
    [
        ((), {}, ["layer 'layer0': missing parameter 'disabled'", "layer 'layer1': missing parameter 'disabled'"]),
        (("--set", "disabled"), {}, ["--set: found 'disabled'; allowed: NAME=VALUE, an integer"]),
        (("--set", "disabled=0", "--set", "disabled=1"), {}, ["--set: found 'disabled' twice; allowed: once"]),
        (("--set", "disabled=0", "--set", "disable=1"), {}, ["--set: found 'disable'; allowed: disabled. Did"]),
        (("--set", "disabled=0"), {"sizes": (200, 80)}, ["network: needs 286 addresses (layer0 200, layer1 80,"]),
        (("--set", "disabled=0"), {"low": -60}, ["projection 'input' to 'layer0': weights"]),
        (("--set", "disabled=0"), {"threshold": 9000}, ["layer 'layer0': threshold"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(options, made, lines, capsys, tmp_path):
    layers(tmp_path / "net.npz", **made)
    arguments = ("place", tmp_path / "net.npz", "--profile", "tinyodin", *options, "-o", tmp_path / "core.npz")
    errors = refused(capsys, tmp_path, *arguments)
    assert [error[: len(line)] for error, line in zip(errors, lines, strict=False)] == lines


def test_classes_connections_and_parameters_that_the_chip_does_not_have_are_refused(capsys, tmp_path):
    layers(tmp_path / "net.npz")
    arguments = ("place", tmp_path / "net.npz", "-o", tmp_path / "core.npz", "--profile")
    ranc = refused(capsys, tmp_path, *arguments, "ranc")
    assert "projection 'layer0' to 'layer1': found 'forward'; allowed: packets, route, crossbar" in ranc
    xylo = refused(capsys, tmp_path, *arguments, "xylo-audio-2")
    assert "layer 'layer0': found 'neuron'; allowed: hidden, output" in xylo
    assert any(line.startswith("layer 'layer0': found parameter 'leak'; allowed: dash_syn0") for line in xylo)
