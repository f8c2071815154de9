"""What a graph becomes on a profile: scales, leaks, thresholds and biases; what is refused, and what falls silent."""

from __future__ import annotations

import json

import bitspike as bs
import nir
import numpy as np
import pytest
from bitspike.exchange.nir.plan import plan
from bitspike.exchange.nir.quantize import quantize
from bitspike.exchange.nir.simulate import simulate
from bitspike.exchange.nir.target import grids, leak_choices, targets
from command_line import bitspike
from nir_graphs import FOLDER, chain, fused, lif, written

SUBTRACT = {"reset": "subtract"}


def refusal(graph, profile, **options):
    """The one line with which a graph is refused."""
    with pytest.raises(bs.NetworkError) as caught:
        bs.import_nir(graph, profile, **options)
    (line,) = caught.value.faults
    return line


def quantized(graph, profile, **options):
    chip = bs.load_profile(profile)
    net = fused(graph, **SUBTRACT)
    return net, quantize(net, plan(net, chip), chip, **options)


@pytest.mark.parametrize("per", ["channel", "layer"])
def test_weights_and_thresholds_stand_on_one_grid(per):
    rng = np.random.default_rng(0)
    weights = rng.normal(0, 1, (5, 8)) * np.arange(1, 6)[:, None]
    net, made = quantized(
        chain(nir.Linear(weights), lif(5, threshold=2.0), inputs=8, outputs=5), "generic-w8-v16", per=per
    )
    (population,), (projection,) = made.network.populations, made.network.projections
    scale = np.broadcast_to(made.layers["n1"].scale, 5)
    stored = np.asarray(projection.weights, int)[:, :, 0]
    assert np.array_equal(stored, np.rint(weights.T * scale))
    assert np.array_equal(population.parameters["threshold"], np.rint(2.0 * scale))
    assert (np.abs(stored).max(axis=0) >= 127).all() == (per == "channel")
    assert np.abs(stored).max() in (127, 128)
    assert len(set(scale)) == (5 if per == "channel" else 1)
    assert net.layers["n1"].threshold.tolist() == [2.0] * 5


@pytest.mark.parametrize(
    ("profile", "name"), [("xylo-audio-2", "dash_mem"), ("generic-w8-v16", "leak"), ("loihi-nengo", "decay_v")]
)
def test_a_leak_is_the_nearest_that_the_register_holds(profile, name):
    chip = bs.load_profile(profile)
    taus = np.array([2.1, 3, 7, 20, 150, 1000]) * 1e-4
    options = {"reset": "value"} if profile == "loihi-nengo" else SUBTRACT
    neurons = lif(6, tau=taus, r=taus / 1e-4)
    imported = bs.import_nir(chain(nir.Linear(np.eye(6)), neurons, inputs=6, outputs=6), chip, **options)
    (population,) = imported.network.populations
    kept = np.asarray(population.parameters[name])
    target = targets(chip)[str(population.neuron)]
    _, choices, keeps = leak_choices(target, target.lif.leak, chip)
    wanted = 1 - 1e-4 / taus
    assert kept.tolist() == [int(choices[np.argmin(np.abs(keeps - each))]) for each in wanted]


def test_the_grid_of_weights_is_what_the_format_makes_of_them():
    """Mixed signs cost Lava's weights their lowest bit; an exponent doubles what each adds."""
    fine, coarse = grids(bs.load_profile("loihi-lava"), "dense", (True, True))[:2]
    assert (fine.added[0], fine.added[-1]) == (-256 * 64, 254 * 64)
    assert set(np.diff(fine.added)) == {128.0}
    assert np.array_equal(coarse.added, 2 * fine.added)
    (one_sign, *_) = grids(bs.load_profile("loihi-lava"), "dense", (False, True))
    assert set(np.diff(one_sign.added)) == {64.0}
    stored, made = fine.round(np.array([100.0, 64 * 255.0, -1e9]))
    assert made.tolist() == [128.0, 254 * 64.0, -256 * 64.0]
    assert (stored % 2 == 0).all()


def test_a_scale_node_and_a_pool_are_fused_into_the_weights():
    rng = np.random.default_rng(1)
    before, factors, after = rng.normal(size=(4, 6)), rng.normal(size=4), rng.normal(size=(3, 4))
    nodes = (nir.Linear(before), nir.Scale(factors), nir.Linear(after), lif(3))
    (link,) = fused(chain(*nodes, inputs=6, outputs=3)).links
    np.testing.assert_allclose(link.operator.matrix(), (after @ np.diag(factors) @ before).T)
    pool = nir.AvgPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0]))
    flat = nir.Flatten(np.array([1, 2, 2]), 0, -1)
    graph = chain(pool, flat, nir.Linear(np.arange(8.0).reshape(2, 4)), lif(2), inputs=[1, 4, 4])
    (link,) = fused(graph).links
    matrix = link.operator.matrix().reshape(4, 4, 2)
    np.testing.assert_allclose(matrix[0, 1], np.array([0, 4]) / 4)
    np.testing.assert_allclose(matrix[3, 2], np.array([3, 7]) / 4)


def test_a_bias_lands_on_the_grid_or_is_refused_by_node():
    graph = chain(nir.Affine(np.eye(2), np.array([0.5, -0.25])), lif(2))
    made = bs.import_nir(graph, "xylo-audio-2", **SUBTRACT)
    scale = made.layers[0]["scale"][1]
    assert np.asarray(made.network.populations[0].parameters["bias"]).tolist() == [round(scale / 2), round(-scale / 4)]
    line = refusal(graph, "generic-w8-v16", **SUBTRACT)
    assert line.startswith("node 'n1': bias[0]: found 0.5; allowed on generic-w8-v16: none")


def test_a_channel_of_ones_carries_biases():
    graph = chain(nir.Affine(np.eye(2), np.array([0.3, 0.0])), lif(2))
    made = bs.import_nir(graph, "generic-w8-v16", bias="channel", **SUBTRACT)
    assert made.network.inputs == 3
    quiet = np.zeros((1, 40, 3), np.uint8)
    assert not bs.run(made.network, quiet).spikes.any()
    quiet[:, :, 2] = 1
    spikes = bs.run(made.network, quiet).spikes
    assert spikes[..., 0].any()
    assert not spikes[..., 1].any()


def test_a_channel_of_ones_and_delays_of_synapses_go_together():
    current = nir.CubaLIF(np.full(2, 5e-4), np.full(2, 1e-3), np.full(2, 10.0), np.zeros(2), np.ones(2), np.zeros(2),
                          np.full(2, 5.0))  # fmt: skip
    graph = chain(nir.Affine(np.full((2, 3), 0.2), np.full(2, 0.05)), current, inputs=3)
    made = bs.import_nir(graph, "loihi-brian2", bias="channel")
    assert made.network.inputs == 4
    (layer,) = made.layers
    assert abs(layer["spikes_after"] - layer["spikes_before"]) <= 0.05 * layer["spikes_before"]


@pytest.mark.parametrize(("dialect", "spikes"), [("nir", 0), ("spikingjelly", 3)])
@pytest.mark.parametrize(("profile", "reset"), [("generic-w8-v16", "subtract"), ("loihi-nengo", "value")])
def test_a_membrane_that_equals_the_threshold_does_what_the_framework_says(profile, reset, dialect, spikes):
    """generic-w8-v16 fires where the threshold is reached, loihi-nengo where it is exceeded."""
    graph = chain(nir.Linear(np.eye(2)), lif(2, tau=1e-4, r=1.0))  # a step leaves nothing
    given = np.zeros((1, 60, 2), np.uint8)
    given[0, [0, 20, 40], 0] = 1
    net = fused(graph, dialect=dialect, reset=reset)
    assert simulate(net, given).spikes["n1"].sum() == spikes
    imported = bs.import_nir(graph, profile, dialect=dialect, reset=reset)
    assert bs.run(imported.network, given).spikes.sum() == spikes


REFUSED = [
    (chain(nir.Linear(np.eye(2)), lif(2)), "xylo-audio-2",
     "node 'n1': found a reset to the resting potential; allowed on xylo-audio-2: by subtraction"),
    (chain(nir.Linear(np.eye(2)), lif(2, v_reset=np.full(2, 0.5))), "loihi-lava",
     "node 'n1': found a reset to another value; allowed on loihi-lava: to the resting potential"),
    (chain(nir.Linear(np.eye(2)), lif(2, tau=1e9)), "spiker", None),
    (chain(nir.Linear(np.eye(2)), lif(2, tau=1e6)), "loihi-lava",
     "node 'n1': membrane[0]: found a time constant of 1e+10 steps; allowed on loihi-lava: 0 steps to no leak"),
    (chain(nir.Linear(np.eye(2)), lif(2)), "speck-sinabs",
     "node 'n1': membrane[0]: found a time constant of 9.491 steps; allowed on speck-sinabs: no leak"),
    (chain(nir.Linear(np.ones((2, 17))), lif(2, v_reset=None), inputs=17), "xylo-audio-2", None),
    (chain(nir.Linear(np.eye(2)), nir.LI(np.full(2, 1e-3), np.full(2, 10.0), np.zeros(2)), lif(2)), "loihi-lava",
     "node 'n1': found a LI, which never spikes, before 'n2'; allowed: as an output of the graph"),
    (chain(lif(2), nir.Linear(np.eye(2))), "loihi-lava",
     "node 'n1': found a Linear before the output; allowed: a neuron, whose spikes leave"),
]  # fmt: skip


@pytest.mark.parametrize(("graph", "profile", "message"), REFUSED)
def test_what_a_profile_cannot_hold_is_refused_by_node(graph, profile, message):
    if message is None:
        with pytest.raises(bs.NetworkError, match=r"^node '(n1|input)': "):
            bs.import_nir(graph, profile, **SUBTRACT if profile.startswith("xylo") else {})
    else:
        assert refusal(graph, profile).startswith(message)


def test_a_profile_that_reads_as_no_neuron_is_refused():
    line = refusal(chain(nir.Linear(np.eye(2)), lif(2)), "ranc")
    assert line.startswith("profile 'ranc': found no class that reads as leaky integrate-and-fire")


def test_a_layer_that_falls_silent_is_named_with_its_cause(capsys, tmp_path):
    """Five of eight bits go to one outlier: the rest rounds to 0, and so nothing reaches the threshold."""
    weights = np.full((2, 4), 0.3)
    weights[:, 3] = 200.0
    path = written(tmp_path, chain(nir.Linear(weights), lif(2), nir.Linear(np.eye(2)), lif(2), inputs=4))
    spikes = np.ones((1, 20, 4), np.uint8)
    spikes[:, :, 3] = 0
    np.save(tmp_path / "spikes.npy", spikes)
    ran = bitspike(capsys, "import", path, "--profile", "generic-w8-v16", "--reset", "subtract", "--calibrate",
                   tmp_path / "spikes.npy", "-o", tmp_path / "net.npz")  # fmt: skip
    assert ran.status == 0
    assert ran.errors == [
        "warning: node 'n1' is silent: the membrane reaches 0 after a step, the threshold is 1",
        "warning: node 'n3' is silent: 'n1' before it is silent",
    ]
    assert "node 'n1': 75% of the weights round to 0" in ran.out


def test_calibration_brings_rates_nearer():
    with np.load(FOLDER / "snntorch_recurrent.npz") as file:
        spikes = file["input"]
    path = FOLDER / "snntorch_recurrent.nir"
    given = bs.import_nir(path, "xylo-audio-2", calibrate=spikes).layers[0]
    plain = bs.run(bs.import_nir(path, "xylo-audio-2").network, spikes)["rec_lif"].spikes.sum()
    assert abs(given["spikes_after"] - given["spikes_before"]) < 0.2 * abs(int(plain) - given["spikes_before"])


@pytest.mark.parametrize(
    ("spikes", "message"),
    [
        (np.zeros((2, 3, 7), int), r"calibrate: found shape \(2, 3, 7\); allowed: \[sample, step, 12\]"),
        (np.zeros((2, 3, 12)), "calibrate: found float64 values; allowed: integers"),
        (np.full((2, 3, 12), 256), "calibrate: found 256 to 256; allowed: 0 to 255"),
        (np.zeros((0, 3, 12), int), "calibrate: found shape"),
    ],
)
def test_spikes_that_do_not_fit_are_refused(spikes, message):
    with pytest.raises(bs.InputError, match=message):
        bs.import_nir(FOLDER / "snntorch_dense.nir", "xylo-audio-2", calibrate=spikes)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dialect": "sntorch"}, "dialect: found 'sntorch'; allowed: auto, nir, snntorch.*Did you mean 'snntorch'"),
        ({"dt": -1.0}, "dt: found -1.0; allowed: a number above 0"),
        ({"reset": "zero"}, "reset: found 'zero'; allowed: value, subtract"),
        ({"per": "net"}, "per: found 'net'; allowed: channel, layer"),
        ({"bias": "drop"}, "bias: found 'drop'; allowed: refuse, channel"),
    ],
)
def test_options_are_checked(options, message):
    with pytest.raises(bs.InputError, match=message):
        bs.import_nir(FOLDER / "snntorch_dense.nir", "xylo-audio-2", **options)


def test_the_report_is_json_for_programs(capsys, tmp_path):
    ran = bitspike(capsys, "import", FOLDER / "snntorch_dense.nir", "--profile", "xylo-audio-2", "--json", "-o",
                   tmp_path / "net.npz")  # fmt: skip
    report = json.loads(ran.out)
    assert [layer["node"] for layer in report["layers"]] == ["1", "3"]
    assert report["layers"][0]["membrane_keeps"] == pytest.approx(
        {"graph": 0.9, "chip": 0.875, "error": 0.025}, abs=1e-6
    )
    assert report["conventions"].startswith("snntorch")
