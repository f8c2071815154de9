"""Where a graph goes on a profile: when spikes act, which leaks are near enough, and how much arrives."""

from __future__ import annotations

import bitspike as bs
import nir
import numpy as np
import pytest
from bitspike.exchange.nir.plan import plan
from nir_graphs import chain, fused, lif


def skipping(steps=None):
    """Two layers, the second of which also reads the input, `steps` later if that is given."""
    nodes = {
        "input": nir.Input(np.array([2])),
        "in": nir.Linear(np.eye(2)),
        "a": lif(),
        "on": nir.Linear(np.eye(2)),
        "b": lif(),
        "past": nir.Linear(np.eye(2)),
        "output": nir.Output(np.array([2])),
    }
    edges = [("input", "in"), ("in", "a"), ("a", "on"), ("on", "b"), ("past", "b"), ("b", "output")]
    if steps is None:
        return nir.NIRGraph(nodes, [*edges, ("input", "past")], type_check=False)
    nodes["wait"] = nir.Delay(np.full(2, steps * 1e-4))
    return nir.NIRGraph(nodes, [*edges, ("input", "wait"), ("wait", "past")], type_check=False)


def planned(graph, profile, reset="value"):
    found = plan(fused(graph, reset=reset), bs.load_profile(profile))
    delays = {(link.source, link.target): link.delay for link in found.links}
    return delays, {name: placed.shift for name, placed in found.layers.items()}, found.notes


def test_where_every_hop_takes_a_step_a_way_with_fewer_of_them_gets_a_delay():
    delays, shifts, notes = planned(skipping(), "loihi-lava")
    assert delays == {("input", "a"): 0, ("a", "b"): 0, ("input", "b"): 1}
    assert shifts == {"a": 1, "b": 2}
    assert not notes


def test_a_delay_of_the_graph_comes_on_top():
    delays, shifts, notes = planned(skipping(steps=3), "loihi-lava")
    assert delays == {("input", "a"): 0, ("a", "b"): 0, ("input", "b"): 4}
    assert shifts == {"a": 1, "b": 2}
    assert not notes


def test_where_the_profile_has_no_delays_it_says_what_acts_early():
    delays, shifts, notes = planned(skipping(), "loihi-nengo")
    assert set(delays.values()) == {0}
    assert shifts == {"a": 1, "b": 2}
    assert notes == ("node 'b': spikes of 'input' act 1 step early beside its others",)


def test_where_spikes_act_in_their_own_step_nothing_is_late():
    delays, shifts, notes = planned(skipping(), "generic-w8-v16", reset="subtract")
    assert set(delays.values()) == {0}
    assert set(shifts.values()) == {0}
    assert not notes


@pytest.mark.parametrize(("times", "fits"), [(1.99, True), (2.01, False)])
def test_a_leak_may_be_twice_as_large_as_the_graph_s_and_no_larger(times, fits):
    """The least that generic-w8-v16 has is a shift by 15."""
    tau = times * 2**15 * 1e-4
    graph = chain(nir.Linear(np.eye(2)), lif(tau=tau))
    if fits:
        planned(graph, "generic-w8-v16", reset="subtract")
        return
    with pytest.raises(bs.NetworkError, match=r"^node 'n1': membrane\[0\]: found a time constant of 6\.\d+e\+04 steps"):
        planned(graph, "generic-w8-v16", reset="subtract")


def test_w_in_and_r_multiply_what_reaches_the_membrane():
    """By NIR's equations, a step of Euler: dt / tau_syn * w_in into the current, dt / tau_mem * r from there."""
    tau_syn, tau, r, w_in = np.array([5e-4, 4e-4]), np.array([1e-3, 2e-3]), np.array([2.0, 5.0]), np.array([3.0, 0.5])
    neurons = nir.CubaLIF(tau_syn, tau, r, np.zeros(2), np.ones(2), np.zeros(2), w_in)
    net = fused(chain(nir.Linear(np.eye(2)), neurons), dialect="nir")
    np.testing.assert_allclose(net.links[0].operator.matrix(), np.diag(w_in * r * 1e-4 / tau * 1e-4 / tau_syn))
