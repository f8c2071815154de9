"""Every case of the ODIN Verilog's neuron: membrane, sign, weight and threshold in full, and its leak."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.datapath import SPIKES
from bitspike.engine.event_core import update
from bitspike.events import Events
from bitspike.ops.array import ArrayOps
from bitspike.ops.base import Registers
from vectors import check_found, files, load

TABLE = "exhaustive_*.npz"
FILES = files("odin", TABLE)
CASES = 1_114_112
BYTE = np.arange(256)


def test_the_table_is_there():
    check_found("odin", TABLE)


@pytest.fixture(scope="module")
def table():
    if not FILES:
        pytest.skip("no table of the neuron")
    found = load(FILES[0])
    assert len(found["state"]) == CASES
    return found


def rows(table, leak):
    chosen = table["is_tref"] == leak
    return {name: values[chosen].astype(np.int64) for name, values in table.items()}


def core(threshold, weights=None, **parameters):
    """Neurons, and what is left to say of them, in open loop."""
    profile = bs.load_profile("odin").with_values(open_loop=1)
    given = {"leak": 0, "leak_enable": 0, "disabled": 0} | parameters
    population = bs.Population("core", len(threshold), {"threshold": threshold, **given})
    links = [] if weights is None else [bs.Projection("core", "core", **weights)]
    return bs.Network(profile, len(threshold), [population], links, limits=False)


def reached(net, events, membranes, engine):
    """Membranes and spikes [sample, neuron] after one event in each sample."""
    state = bs.initial_state(net, len(membranes))
    state["core"]["membrane"][...] = membranes
    trace = bs.run(net, [Events.of([event]) for event in events], engine=engine, state=state)
    return trace.state["core"]["membrane"], trace.spikes[:, 0]


@pytest.mark.parametrize(("engine", "before"), [("compiled", BYTE), ("oracle", np.union1d(BYTE[::2], BYTE[-1:]))])
def test_spikes_lead_to_the_membrane_of_the_verilog(table, engine, before):
    # source sign << 3 | w spikes; neuron n has threshold n; a sample for each membrane before and each source
    cases, source = rows(table, leak=False), np.arange(16)
    matrix = np.zeros((256, 256), int)
    matrix[:16] = (source & 7)[:, None]
    sign = np.zeros(256, int)
    sign[:16] = source >> 3
    net = core(BYTE, {"weights": matrix, "parameters": {"sign": sign, "mapped": np.ones((256, 256), int)}})
    events = [{"kind": "spike", "source": int(each)} for each in np.tile(source, len(before))]
    states = np.repeat(before, 16)[:, None] * np.ones(256, int)
    membranes, spikes = (found.reshape(-1, 16, 256) for found in reached(net, events, states, engine))
    chosen = np.isin(cases["state"], before)
    place = tuple(values[chosen] for values in (np.searchsorted(before, cases["state"]), cases["param"], cases["thr"]))
    assert len(np.unique(np.ravel_multi_index(place, membranes.shape))) == membranes.size
    assert np.array_equal(membranes[place], cases["next"][chosen])
    assert np.array_equal(spikes[place], cases["spike"][chosen])


@pytest.mark.parametrize("engine", ["compiled", "oracle"])
def test_time_references_lead_to_the_membrane_of_the_verilog(table, engine):
    cases = rows(table, leak=True)  # a neuron for each
    net = core(cases["thr"], leak=cases["param"] & 127, leak_enable=cases["param"] >> 7)
    membranes, spikes = reached(net, [{"kind": "reference"}], cases["state"][None], engine)
    assert np.array_equal(membranes[0], cases["next"])
    assert np.array_equal(spikes[0], cases["spike"])


def test_the_same_stages_on_arrays_do_it_at_once(table):
    profile = bs.load_profile("odin")
    neuron, found = profile.neurons["neuron"], {}
    for name, leak in (("spike", False), ("reference", True)):
        cases = rows(table, leak)
        weights = [] if leak else [("membrane", np.where(cases["param"] >> 3, -1, 1) * (cases["param"] & 7))]
        values = {"membrane": cases["state"], "threshold": cases["thr"]}
        values |= {"leak": cases["param"] & 127, "leak_enable": cases["param"] >> 7, "disabled": 0}
        regs = Registers(ArrayOps(), neuron.registers, values)
        update(regs, profile.events[name], weights, neuron)
        assert np.array_equal(regs["membrane"], cases["next"])
        assert np.array_equal(regs[SPIKES], cases["spike"])
        found[name] = len(cases["state"])
    assert sum(found.values()) == CASES
