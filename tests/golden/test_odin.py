"""Every membrane after every event, and every output spike in wire order, against the Verilog of both ODIN cores."""

import numpy as np
import odin_adapter
import pytest
import slow_odin
import tinyodin_adapter
from test_odin_neuron import TABLE
from vectors import check_found, files, load

ADAPTERS = {"odin": odin_adapter, "tinyodin": tinyodin_adapter}
MODELS = {"odin": slow_odin.Odin, "tinyodin": slow_odin.TinyOdin}


def runs(chip):
    """The files that hold a stream of events."""
    return [path for path in files(chip) if not path.match(TABLE)]


FILES = [pytest.param(chip, path, id=f"{chip}-{path.stem}") for chip in ADAPTERS for path in runs(chip)]


def assert_equal(vectors, membranes, wire):
    wrong = np.argwhere(membranes != vectors["v"])
    assert membranes.shape == vectors["v"].shape
    assert not len(wrong), f"{len(wrong)} membranes differ, first at [event, neuron] {wrong[0].tolist()}"
    assert np.array_equal(wire, np.stack([vectors["spk_event"], vectors["spk_addr"]], axis=1))


@pytest.mark.parametrize("chip", ADAPTERS)
def test_there_are_vectors(chip):
    check_found(chip, "*.npz")


@pytest.mark.parametrize(("chip", "path"), FILES)
@pytest.mark.parametrize("engine", ["compiled", "oracle"])
def test_every_engine_equals_the_verilog(engine, chip, path):
    vectors = load(path)
    trace = ADAPTERS[chip].run(vectors, engine)
    assert_equal(vectors, trace["core"].registers["membrane"][0], trace.wire[:, 1:])


@pytest.mark.parametrize(("chip", "path"), FILES)
def test_the_slow_model_equals_the_verilog(chip, path):
    vectors, adapter = load(path), ADAPTERS[chip]
    membranes, wire, _ = MODELS[chip](adapter.facts(vectors)).run(adapter.events(vectors))
    assert_equal(vectors, np.array(membranes), np.array(wire).reshape(-1, 2))


@pytest.mark.parametrize("chip", ADAPTERS)
def test_a_changed_bit_or_order_would_be_noticed(chip):
    for path in runs(chip)[:1]:
        vectors = load(path)
        wire = np.stack([vectors["spk_event"], vectors["spk_addr"]], axis=1)
        for membranes, order in ((vectors["v"] ^ 1, wire), (vectors["v"], wire[::-1]), (vectors["v"], wire[:-1])):
            with pytest.raises(AssertionError):
                assert_equal(vectors, membranes, order)
