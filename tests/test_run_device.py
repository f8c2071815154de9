"""`run(device=...)`: the engine of torch computes the bits, counts and states of the oracle, or refuses in one line."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import memory
from builders import random_generic, random_spikes, random_xylo
from invented_chips import random_event, random_events, random_exponents, random_graded, random_ternary
from test_run_engines import assert_same_state

torch = pytest.importorskip("torch")


def assert_equals_the_oracle(network, spikes):
    golden, found = (bs.run(network, spikes, record="all", **how) for how in ({"engine": "oracle"}, {"device": "cpu"}))
    comparison = bs.compare(found, golden)
    comparison.check()
    assert not comparison.left_out
    assert_same_state(found.state, golden.state)


@pytest.mark.parametrize("make", [random_generic, random_xylo])
def test_random_networks_are_computed_bit_for_bit(make):
    for seed in range(12):
        network = make(seed)
        assert_equals_the_oracle(network, random_spikes(network, seed))


@pytest.mark.parametrize("make", [random_ternary, random_exponents])
def test_invented_chips_are_computed_bit_for_bit(make):
    for seed in range(12):
        network = make(seed)
        assert_equals_the_oracle(network, random_graded(network, seed))


def test_chunks_and_files_change_no_bit(tmp_path, monkeypatch):
    network = random_xylo(2)
    spikes = random_spikes(network, 2)
    golden = bs.run(network, spikes, record="all", engine="oracle")
    monkeypatch.setattr(memory, "CHUNK", 1)
    for options in ({}, {"record_to": tmp_path / "t.npz"}):
        found = bs.run(network, spikes, record="all", device="cpu", **options)
        bs.compare(found, golden).check()
        assert_same_state(found.state, golden.state)
    bs.compare(bs.load_trace(tmp_path / "t.npz"), golden).check()


def test_a_device_that_torch_does_not_see_is_refused():
    network = random_generic(0)
    for name in ("gpu", "cuda:99", "", "meta"):
        with pytest.raises(bs.InputError, match=f"^device: found '{name}'; allowed: cpu"):
            bs.run(network, random_spikes(network, 0), device=name)


def test_an_event_clocked_profile_refuses_a_device():
    network = random_event(0)
    with pytest.raises(bs.InputError) as caught:
        bs.run(network, random_events(network, 0), device="cpu")
    assert str(caught.value) == "device: found 'cpu'; allowed: none, as 'invented-event' has clock: event"


@pytest.mark.parametrize("engine", ["array", "oracle"])
def test_a_device_is_an_engine_of_its_own(engine):
    network = random_generic(0)
    with pytest.raises(bs.InputError, match=f"^device: found 'cpu' with engine '{engine}'; allowed: one of them$"):
        bs.run(network, np.zeros((1, network.inputs), int), engine=engine, device="cpu")
