"""The float network of a graph steps as the framework that exported it; its integers spike nearly as often."""

from __future__ import annotations

import bitspike as bs
import nir
import numpy as np
import pytest
from bitspike.exchange.nir.simulate import simulate
from nir_graphs import FOLDER, NAMES, chain, fused, recorded

ZERO = {"snntorch_zero": {"reset": "value"}}  # what its file cannot say

CLOSE = [  # graph, profile, options, how far the count of spikes of a layer may be off, in parts
    ("snntorch_dense", "xylo-audio-2", {}, 0.15),
    ("snntorch_dense", "generic-w8-v16", {}, 0.15),
    ("snntorch_recurrent", "xylo-audio-2", {}, 0.1),
    ("snntorch_recurrent", "loihi-lava", {"reset": "value"}, 0.05),
    ("snntorch_picture", "generic-w8-v16", {"bias": "channel", "per": "layer"}, 0.1),
    ("snntorch_picture", "loihi-lava", {"reset": "value"}, 0.05),
    ("snntorch_zero", "loihi-lava", {"reset": "value"}, 0.25),
    ("snntorch_zero", "loihi-nengo", {"reset": "value"}, 0.25),
    ("sinabs_pictures", "speck-sinabs", {}, 0.03),
    ("sinabs_leaky", "generic-w8-v16", {"bias": "channel"}, 0.05),
    ("sinabs_leaky", "xylo-audio-2", {}, 0.1),
    ("spikingjelly_mixed", "loihi-brian2", {}, 0.1),
    ("spikingjelly_currents", "loihi-lava", {}, 0.1),
    ("spikingjelly_currents", "loihi-brian2", {}, 0.1),
    ("norse_leaky", "loihi-lava", {}, 0.1),
    ("norse_currents", "loihi-lava", {}, 0.1),
    ("rockpool_dense", "xylo-audio-2", {}, 0.15),
]


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_equals_what_the_framework_computed(name):
    spikes, wanted = recorded(name)
    found = simulate(fused(name, **ZERO.get(name, {})), spikes).spikes
    assert len(found) == len(wanted)
    for (node, got), layer in zip(found.items(), wanted, strict=True):
        assert layer.any(), node
        if layer.dtype == np.uint8:
            assert np.array_equal(got, layer), node
        else:
            np.testing.assert_allclose(got, layer, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("name", "profile", "options", "part"), CLOSE)
def test_the_integers_spike_nearly_as_often(name, profile, options, part):
    spikes, _ = recorded(name)
    imported = bs.import_nir(FOLDER / f"{name}.nir", profile, calibrate=spikes, **options)
    assert not imported.silent
    for layer in imported.layers:
        assert abs(layer["spikes_after"] - layer["spikes_before"]) <= max(2, part * layer["spikes_before"]), layer
        assert layer["weight_error"]["rms"] < 0.01
        if layer["rate_before"] is None:
            assert layer["membrane_error"] < 0.1


@pytest.mark.parametrize(
    "name",
    ["snntorch_dense", "sinabs_pictures", "spikingjelly_currents", "norse_leaky", "norse_currents", "rockpool_dense"],
)
def test_the_exporter_is_recognised_by_its_marks(name):
    assert fused(name, **ZERO.get(name, {})).conventions.name == name.partition("_")[0]


def test_rockpool_s_formulas_give_its_step_and_decays():
    """Its exporter: r = tau exp(-dt / tau) / dt, w_in left at 1; a step keeps exp(-dt / tau)."""
    dt, tau, tau_syn = 2e-3, np.array([0.02, 0.03]), np.full(2, 0.01)
    neurons = nir.CubaLIF(tau_syn, tau, tau * np.exp(-dt / tau) / dt, np.zeros(2), np.ones(2))
    net = fused(chain(nir.Linear(np.eye(2)), neurons))
    assert net.conventions.name == "rockpool"
    assert net.conventions.dt == pytest.approx(dt, rel=1e-6)
    layer = net.layers["n1"]
    np.testing.assert_allclose(layer.keep, np.exp(-dt / tau))
    np.testing.assert_allclose(layer.keep_current, np.exp(-dt / tau_syn))
    spikes = np.zeros((1, 6, 2))
    spikes[0, 0] = 3
    current, membrane, seen = np.zeros(2), np.zeros(2), []
    for step in range(6):
        current = np.exp(-dt / tau_syn) * (current + spikes[0, step])
        membrane = np.exp(-dt / tau) * membrane + current
        many = np.floor(membrane) * (membrane >= 1)
        membrane = membrane - many
        seen.append(many)
    assert np.array_equal(simulate(net, spikes).spikes["n1"][0], seen)
    assert np.sum(seen) > 4


def test_norse_s_time_constants_are_read_at_its_step():
    """Its exporter at dt = 0.001 writes tau = 0.001 / tau_mem_inv; a step keeps 1 - 0.001 tau_mem_inv."""
    one = np.ones(2)
    net = fused(chain(nir.Linear(np.eye(2)), nir.LIF(tau=1e-5 * one, r=one, v_leak=0 * one, v_threshold=one)))
    assert net.conventions.name == "norse"
    np.testing.assert_allclose(net.layers["n1"].keep, 0.9)
    np.testing.assert_allclose(net.links[0].operator.matrix(), 0.1 * np.eye(2))
