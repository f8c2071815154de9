"""Every membrane after every event, and every output spike in wire order, against the ODIN Verilog."""

import numpy as np
import odin_adapter as adapter
import pytest
import slow_odin
from vectors import check_found, files, load

FILES = files("odin", "run_*.npz")


def assert_equal(vectors, membranes, wire):
    wrong = np.argwhere(membranes != vectors["v"])
    assert membranes.shape == vectors["v"].shape
    assert not len(wrong), f"{len(wrong)} membranes differ, first at [event, neuron] {wrong[0].tolist()}"
    assert np.array_equal(wire, np.stack([vectors["spk_event"], vectors["spk_addr"]], axis=1))


def test_there_are_vectors():
    check_found("odin", "run_*.npz", "exhaustive_lif.npz")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
@pytest.mark.parametrize("engine", ["compiled", "oracle"])
def test_every_engine_equals_the_verilog(engine, path):
    vectors = load(path)
    trace = adapter.run(vectors, engine)
    assert_equal(vectors, trace["core"].registers["membrane"][0], trace.wire[:, 1:])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_slow_model_equals_the_verilog(path):
    vectors = load(path)
    membranes, wire, _ = slow_odin.Odin(adapter.facts(vectors)).run(adapter.events(vectors))
    assert_equal(vectors, np.array(membranes), np.array(wire).reshape(-1, 2))


@pytest.mark.parametrize("path", FILES[:1], ids=lambda path: path.stem)
def test_a_changed_bit_or_order_would_be_noticed(path):
    vectors = load(path)
    wire = np.stack([vectors["spk_event"], vectors["spk_addr"]], axis=1)
    for membranes, order in ((vectors["v"] ^ 1, wire), (vectors["v"], wire[::-1]), (vectors["v"], wire[:-1])):
        with pytest.raises(AssertionError):
            assert_equal(vectors, membranes, order)
