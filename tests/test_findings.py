"""What is said of a network: each finding by a network that has it, its share, its proof; nothing of a healthy one."""

from __future__ import annotations

import subprocess
import sys

import bitspike as bs
import numpy as np
import pytest
from bitspike.report.findings import KINDS, findings
from builders import GENERIC, edited, generic
from event_cores import core

REGISTERS = "neurons.neuron.registers"


def healthy():
    """Four neurons that each spike now and then; their weights are spread over their word."""
    return generic(np.array([[90, 40, 70, 15], [-20, 60, 35, 88], [33, -45, 8, 50]]), threshold=140, leak=2)


def samples(seed=0, network=None, most=1):
    inputs = 3 if network is None else network.inputs
    return np.random.default_rng(seed).integers(0, most + 1, (5, 40, inputs)).astype(np.uint8)


def found(network, spikes=None, **options):
    """Findings by kind."""
    return {finding.kind: finding for finding in findings(network, spikes, **options)}


def assert_found(finding, layer, count, of, text, proved):
    assert finding.kind in KINDS
    assert (finding.layer, finding.count, finding.of, finding.proved) == (layer, count, of, proved)
    assert text in str(finding)
    assert str(finding).startswith(f"layer {layer}: ")
    assert finding.change in str(finding)
    assert finding.json()["share"] == (None if count is None else count / of)


def test_nothing_is_said_of_a_healthy_network():
    assert findings(healthy(), samples(), most_input=1) == []
    assert findings(healthy()) == []


def test_a_threshold_above_what_inputs_reach():
    network = generic(np.array([[20, 40], [10, 30]]), threshold=[300, 130], leak=2)
    unreachable = found(network, most_input=1)["unreachable"]
    text = "never spike, for any input of at most 1 a channel and step: membrane reaches "
    assert_found(unreachable, "a", 1, 2, text, True)
    assert "threshold is 300 (neuron 0, the nearest)" in str(unreachable)
    assert "unreachable" not in found(network)  # 255 spikes of a channel reach it


@pytest.mark.parametrize(("threshold", "spikes"), [(120, 1), (124, None)])
def test_a_threshold_that_constant_input_reaches_is_not_said_to_be_unreachable(threshold, spikes):
    network = generic([[30]], threshold, 2)
    trace = bs.run(network, np.ones((1, 100, 1), np.uint8))
    assert trace.spikes.any() == (spikes is not None)
    assert ("unreachable" not in found(network, most_input=1)) == (spikes is not None)


def test_neurons_that_only_weights_of_0_reach_are_not_called_unreachable_too():
    kinds = found(generic(np.array([[90, 0], [-20, 0], [33, 0]]), 100, 2), most_input=1)
    assert_found(kinds["unconnected"], "a", 1, 2, "receive only weights of 0", True)
    assert "unreachable" not in kinds


def xylo(dash=(1, 1), shift=0, weights=((60,),), threshold=100, bias=0):
    hidden = {"dash_syn0": dash, "dash_syn1": 1, "dash_mem": 2, "threshold": threshold, "bias": bias}
    return bs.Network(
        bs.load_profile("xylo-audio-2"), len(weights), [bs.Population("hidden", 2, hidden, "hidden")],
        [bs.Projection("input", "hidden", np.repeat(weights, 2, axis=1), "input", {"weight_shift": shift})],
    )  # fmt: skip


def test_a_leak_that_makes_a_neuron_deaf():
    kinds = found(xylo(dash=(1, 0)), most_input=1)
    text = "lose all that arrives in isyn0 before it is used; set dash_syn0 above 0"
    assert_found(kinds["deaf"], "hidden", 1, 2, text, True)
    assert set(kinds) == {"deaf"}


def test_neurons_that_spike_on_every_step_are_proved_or_seen():
    seen = found(generic([[100, 60]], 50, 2), np.ones((2, 30, 1), np.uint8))["always"]
    assert_found(seen, "a", 2, 2, "spike on every step of these samples", False)
    proof = found(generic([[1, 1]], [0, 5], 0), most_input=0)["always"]
    assert_found(proof, "a", 1, 2, "spike on every step, whatever the input", True)


def test_silent_neurons():
    network = generic(np.array([[90, 9], [-20, -5], [33, 3]]), 100, 2)
    assert_found(found(network, samples())["silent"], "a", 1, 2, "never spike on these samples", False)


def test_neurons_that_are_proved_to_be_silent_are_not_also_seen_to_be():
    network = generic(np.array([[90, 9], [-20, -5], [33, 3]]), 100, 2)
    assert {"unreachable"} == set(found(network, samples(), most_input=1))


def test_registers_that_overflow():
    profile = edited(GENERIC, (f"{REGISTERS}.accumulator", "s8.saturate"))
    network = generic(np.array([[100, 9], [90, 80]]), 100, 2, profile)
    seen = found(network, samples(network=network))["overflow"]
    assert_found(seen, "a", 1, 2, "overflow in accumulator on these samples", False)
    writes = bs.run(network, samples(network=network)).overflows["a"]["accumulator"]
    assert f"({writes:,} writes in all)" in str(seen)


def test_overflows_after_the_samples_that_are_looked_at_are_said_without_a_share():
    profile = edited(GENERIC, (f"{REGISTERS}.accumulator", "s8.saturate"))
    network = generic(np.array([[100], [90]]), 100, 2, profile)
    spikes = np.zeros((20, 3, 2), np.uint8)
    spikes[18] = 1
    assert_found(found(network, spikes)["overflow"], "a", None, 1, "accumulator overflowed (3 writes in all)", False)


def test_a_cap_on_the_spikes_of_a_step():
    seen = found(generic([[120, 30]], 50, 15), np.ones((1, 20, 1), np.uint8))
    assert_found(seen["capped"], "a", 1, 2, "send 1 spike, all that a step holds, in more than 10%", False)
    assert "membrane is still beyond threshold" in str(seen["capped"])


def test_a_connection_that_counts_fewer_spikes_than_are_sent():
    spikes = np.array([[[16], [3]]], np.uint8)
    seen = found(xylo(threshold=30000), spikes)["cut"]
    text = "sent up to 16 spikes in a step, of which connection input counts at most 15"
    assert_found(seen, "input", 1, 1, text, False)
    assert "channels" in str(seen)
    assert "cut" not in found(xylo(threshold=30000), spikes - 1)


def test_weights_that_are_mostly_0_or_at_the_ends_of_their_range():
    mostly = generic(np.array([[0, 0, 90], [0, 90, -20], [0, 33, 0]]), 100, 2)
    assert_found(found(mostly)["zero_weights"], "a", 5, 9, "weights (56%) from input are 0", True)
    ends = generic(np.array([[127, -128, 90], [1, 90, -20], [5, 33, 9]]), 100, 2)
    assert_found(found(ends)["end_weights"], "a", 2, 9, "from input are -128 or 127, the ends", True)
    coarse = generic(np.array([[7, -8, 5], [1, 5, -2], [5, 3, 4]]), 10, 2)
    assert_found(found(coarse, weight_bits=4)["end_weights"], "a", 2, 9, "from input are -8 or 7, the ends", True)
    assert found(coarse) == {}


def test_weights_that_their_format_cuts():
    kinds = found(xylo(shift=10, weights=[[64], [3]]), most_input=0)
    assert_found(kinds["lost_weights"], "hidden", 2, 4, "from input are not 0 but add 0", True)
    assert_found(kinds["cut_weights"], "hidden", None, 4, "2 of the format's writes of weights from input", True)


def test_an_event_clocked_core_is_only_told_of_its_weights():
    network = core(np.zeros((256, 256), int))
    assert {finding.kind for finding in findings(network)} == {"zero_weights"}


def test_no_torch_is_needed():
    code = "import sys, bitspike.report.findings, bitspike.report.proved; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
