"""`bitspike gradient`: the family over the register, what of a network takes part, and what is refused."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine.decided import decided_registers
from command_line import bitspike

pytest.importorskip("torch")
from bitspike.profile.decision import decisions
from bitspike.training.gradient import make_gradient
from bitspike.training.participation import participation

THRESHOLD = 70


@pytest.fixture(scope="module")
def network():
    rng = np.random.default_rng(2)
    layers = [bs.Population(name, size, {"threshold": THRESHOLD, "leak": 2}) for name, size in (("a", 9), ("b", 3))]
    links = [
        bs.Projection("input", "a", rng.integers(-40, 60, (6, 9)), via="forward"),
        bs.Projection("a", "b", rng.integers(-40, 60, (9, 3)), via="forward"),
    ]
    return bs.Network(bs.load_profile("generic-w8-v16"), 6, layers, links)


@pytest.fixture(scope="module")
def spikes():
    return np.random.default_rng(4).integers(0, 2, (5, 7, 6), dtype=np.uint8)


@pytest.fixture
def files(tmp_path, network, spikes):
    bs.save_network(network, tmp_path / "net.npz")
    np.save(tmp_path / "in.npy", spikes)
    return ("--network", tmp_path / "net.npz", "--data", tmp_path / "in.npy")


def test_what_decides_is_the_register_before_its_reset(network, spikes):
    trace = bs.run(network, spikes, record=["membrane"])
    for name, values in decided_registers(network, spikes).items():
        before = trace[name].registers["membrane"] + THRESHOLD * trace[name].spikes.astype(int)
        assert trace[name].spikes.any()
        np.testing.assert_array_equal(values, before)


def test_participation_is_what_its_definition_says(network, spikes):
    decision = next(decisions(network.profile.neurons["neuron"]))
    values = decided_registers(network, spikes)["a"]
    found = participation(make_gradient("boxcar", width=0.5), decision, THRESHOLD, values)
    distance = abs(values - THRESHOLD)
    inside = distance <= THRESHOLD / 2
    assert found.peak == pytest.approx(1 / THRESHOLD)
    assert found.reach == THRESHOLD // 2
    assert found.nonzero == found.ratio == pytest.approx(inside.mean())  # all that have one have the same
    assert found.overshoot == pytest.approx(np.mean(~inside[values >= THRESHOLD]))
    assert found.undershoot == pytest.approx(np.mean(~inside[values < THRESHOLD]))
    assert 0 < found.overshoot < 1


def test_potentials_jump_over_the_peak_of_the_papers_gradient(network, spikes):
    decision = next(decisions(network.profile.neurons["neuron"]))
    values = decided_registers(network, spikes)["a"]
    kinds = [make_gradient("boolean"), make_gradient("boolean", k=4, dither=True)]
    paper, coarse = (participation(each, decision, THRESHOLD, values) for each in kinds)
    assert paper.overshoot > coarse.overshoot
    assert paper.ratio < coarse.ratio


def test_a_row_for_every_gradient_and_a_figure(capsys, tmp_path, files):
    figure = tmp_path / "figure.png"
    ran = bitspike(capsys, "gradient", "generic-w8-v16", *files, "-o", figure, "--json")
    result = json.loads(ran.out)
    assert (ran.status, ran.err) == (0, "")
    assert (result["neuron"], result["layer"], result["threshold"]) == ("neuron", "a", THRESHOLD)
    assert result["registers"] == 5 * 7 * 9
    kinds = {row["kind"] for row in result["gradients"]}
    assert kinds == {"boolean", "float_boolean", "trajectory", "arctan", "fast_sigmoid", "triangle", "boxcar"}
    assert all(0 < row["ratio"] <= row["nonzero"] <= 1 for row in result["gradients"])
    assert figure.read_bytes().startswith(b"\x89PNG")


def test_without_a_network_the_gradients_alone_are_printed(capsys):
    ran = bitspike(capsys, "gradient", "xylo-audio-2", "--threshold", 100)
    assert ran.status == 0
    assert "boolean k 4, dither" in ran.out
    assert "participation" not in ran.out
    assert ran.err == "no --network or --recipe: gradients are drawn, nothing takes part\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["odin", "--threshold", 300], "--threshold: found 300; allowed: 1 to 255, which membrane can reach and miss"),
        (["odin"], "--threshold: found none; allowed without --network and --recipe: an integer"),
        (["odin", "--threshold", 9, "--neuron", "nerve"], "--neuron: found 'nerve'; allowed: neuron"),
        (["odin", "--threshold", 9, "-o", "figure.pdf"], "figure.pdf: found '.pdf'; allowed: .png"),
        (["odin", "--network", "a", "--recipe", "b"], "--recipe: found beside --network; allowed: one of them"),
        (["odin", "--recipe", "digits"], "--recipe: found profile 'generic-w8-v16'; allowed: 'odin'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(capsys, arguments, message):
    assert bitspike(capsys, "gradient", *arguments).err.splitlines()[-1] == message


def test_a_network_needs_data_and_the_profile_that_is_named(capsys, files):
    assert "--data: found none" in bitspike(capsys, "gradient", "generic-w8-v16", *files[:2]).err
    ran = bitspike(capsys, "gradient", "odin", *files)
    assert (ran.status, ran.err) == (2, "--network: found profile 'generic-w8-v16'; allowed: 'odin'\n")
