"""Cores that fill vectors of neurons, or a part of one, and wire lists that fill up: as the oracle, bit for bit."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import event_run
from bitspike.errors import InputError, OverflowRefusedError
from builders import edited
from event_cores import ENGINES, REFERENCE, core, membranes, reference, run, spike, virtual

SIZES = [1, 31, 32, 33, 64, 65, 100]


def lasts(size):
    """The last neuron that is reached: at the edges of vectors, and of the core."""
    return sorted({last for last in (0, 30, 31, 32, 63, size - 2, size - 1, 255) if last >= 0})


def events_of(rng, size, length=12):
    """Every kind of event."""
    each = {
        "spike": lambda: spike(int(rng.integers(size))),
        "all": lambda: REFERENCE,
        "one": lambda: reference(int(rng.integers(size))),
        "virtual": lambda: virtual(int(rng.integers(size)), int(rng.integers(-8, 8))),
    }
    return [each[kind]() for kind in rng.choice(list(each), length, p=[0.5, 0.1, 0.1, 0.3])]


def found(net, events, engine, membrane):
    """Whatever a run says."""
    try:
        trace = run(net, events, engine, membrane)
    except InputError as error:
        return str(error)
    return membranes(trace), trace.spikes.tolist(), trace.wire.tolist(), trace.dropped.tolist(), trace.overflows


@pytest.mark.parametrize("size", SIZES)
def test_in_open_loop_every_size_and_reach_equal_the_oracle(size):
    rng = np.random.default_rng(size)
    for last in lasts(size):
        threshold = rng.choice([0, 1, 40, 2047, 4095], size)  # 0 fires at every event, as would a neuron that is none
        options = {"leak": rng.integers(0, 128, size), "disabled": rng.integers(0, 2, size)}
        net = core(rng.integers(-8, 8, (size, size)), threshold, open_loop=1, last_neuron=last, **options)
        events, membrane = events_of(rng, size), rng.choice([-2048, -2045, -1, 0, 2040, 2047], size)
        compiled, oracle = (found(net, events, engine, membrane) for engine in ENGINES)
        assert compiled == oracle


@pytest.mark.parametrize("size", SIZES)
def test_in_closed_loop_every_size_and_reach_equal_the_oracle(size):
    rng, idle = np.random.default_rng(size), 0
    for last in lasts(size):
        queue = {"depth": 7, "limit": 40, "head_keeps_slot": bool(rng.integers(2))}
        net = core(rng.integers(-8, 5, (size, size)), rng.integers(8, 40, size), last_neuron=last, queue=queue)
        events, membrane = events_of(rng, size), rng.integers(-20, 8, size)
        compiled, oracle = (found(net, events, engine, membrane) for engine in ENGINES)
        assert compiled == oracle
        idle += not isinstance(oracle, str)
    assert idle


def chain(size):
    """Neuron 0 fires all others, each of them its next one, until the last, which never fires: one event is many."""
    weights = 7 * np.eye(size, k=1, dtype=int)
    weights[0, 1:] = 7
    return core(weights, [7] * (size - 1) + [4095], queue={"depth": size, "limit": size**2})


@pytest.mark.parametrize("room", [1, 50])
def test_a_wire_list_that_is_full_within_an_event_is_emptied_before_what_follows(monkeypatch, room):
    monkeypatch.setattr(event_run, "_ROOM", room)
    events = [spike(0), virtual(5, 7), REFERENCE, spike(30)]
    compiled, oracle = (found(chain(34), events, engine, 0) for engine in ENGINES)
    assert compiled == oracle
    assert len(oracle[2]) > 10 * 34


def test_a_wire_list_that_is_full_between_two_events_is_emptied():
    size = 34
    events = [REFERENCE] * (event_run._ROOM // size + 20)
    trace = run(core(None, [0] * size, open_loop=1), events)
    assert trace.wire.tolist() == [[0, event, neuron] for event in range(len(events)) for neuron in range(size)]
    assert np.all(trace.spikes == 1)


def test_a_core_that_is_never_idle_is_given_up_at_its_limit_though_its_wire_list_was_full(monkeypatch):
    monkeypatch.setattr(event_run, "_ROOM", 1)
    net = core(np.full((3, 3), 7), [5, 4095, 4095], queue={"limit": 50})
    messages = {found(net, [spike(1)], engine, 0) for engine in ENGINES}
    assert messages == {"sample 0, event 0: the core is not idle after 50 queued events (queue.limit)"}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("last", [0, 31, 32, 38])
def test_only_a_neuron_that_is_reached_can_refuse(engine, last):
    profile = edited("tinyodin", ("neurons.neuron.registers.membrane", "s12.refuse")).with_values(last_neuron=last)
    population = bs.Population("core", 40, {"threshold": 4095, "leak": 0, "disabled": 0})
    net = bs.Network(profile, 40, [population], [bs.Projection("core", "core", np.full((40, 40), 7))])
    membrane = np.where(np.arange(40) > last, 2047, 0)
    assert membranes(run(net, [spike(0)], engine, membrane))[0] == np.where(membrane, 2047, 7).tolist()
    membrane[last] = 2041 - 7
    with pytest.raises(OverflowRefusedError, match=r"^sample 0, event 1, layer core, membrane: 2048 does"):
        run(net, [spike(0)] * 3, engine, membrane)


@pytest.mark.parametrize("engine", ENGINES)
def test_what_an_event_writes_beyond_its_register_is_fitted_by_whatever_reads_it_later(engine):
    copy = {"set": {"into": "copy", "value": "membrane"}}
    fire = {"branches": [{"when": ["copy", ">", 99], "emit": 1, "repeat": 1, "do": []}]}
    wide = {"into": "membrane", "terms": ["weight_in*weight_in"], "word": "s7.saturate"}
    profile = edited(
        "tinyodin",
        ("neurons.neuron.registers", {"membrane": "s5.saturate", "copy": "s5.saturate"}),
        ("neurons.neuron.step", [copy, {"fire": fire}]),
        ("events.virtual.do", [{"add": wide}]),
        ("events.reference.do", []),
    )
    population = bs.Population("core", 1, {"threshold": 0, "leak": 0, "disabled": 0})
    trace = run(bs.Network(profile, 1, [population], []), [virtual(0, 7), REFERENCE], engine)
    assert membranes(trace) == [[49], [49]]
    assert trace["core"].registers["copy"][0].tolist() == [[15], [15]]
    assert trace.overflows == {"core": {"membrane": 0, "copy": 2}}
