"""What each kind of event does to the neurons that it reaches."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.errors import OverflowRefusedError
from bitspike.events import Events
from builders import edited
from event_cores import ENGINES, REFERENCE, core, membranes, reference, run, sent, spike, start, virtual

pytestmark = pytest.mark.parametrize("engine", ENGINES)


def unsigned_core(weights, sign=0, mapped=1, threshold=200, leak=0, leak_enable=0, **values):
    """A core 'core' of unsigned neurons whose synapses are mapped or not."""
    profile = bs.load_profile("odin").with_values(**values)
    parameters = {"threshold": threshold, "leak": leak, "leak_enable": leak_enable, "disabled": 0}
    population = bs.Population("core", len(weights), parameters)
    link = bs.Projection("core", "core", weights, parameters={"sign": sign, "mapped": mapped})
    return bs.Network(profile, len(weights), [population], [link])


def test_a_spike_event_adds_the_weights_of_its_source(engine):
    assert membranes(run(core([[1, -2], [7, -8]]), [spike(1), spike(0)], engine)) == [[7, -8], [8, -10]]


def test_a_neuron_fires_at_its_threshold_and_not_below(engine):
    trace = run(core([[5, 5], [0, 0]], threshold=[5, 6], open_loop=1), [spike(0)], engine)
    assert sent(trace) == [(0, 0)]
    assert membranes(trace) == [[0, 5]]
    assert trace.spikes[0].tolist() == [[1, 0]]


def test_the_threshold_is_checked_though_the_weight_is_0(engine):
    assert sent(run(core([[0]], threshold=7, open_loop=1), [spike(0)], engine, membrane=7)) == [(0, 0)]


def test_the_threshold_is_checked_where_there_is_no_synapse_at_all(engine):
    assert sent(run(core(None, threshold=[7, 8], open_loop=1), [spike(0)], engine, membrane=7)) == [(0, 0)]


def test_the_threshold_is_checked_after_a_leak(engine):
    assert sent(run(core([[0]], threshold=3, leak=2), [REFERENCE], engine, membrane=5)) == [(0, 0)]
    assert sent(run(core([[0]], threshold=4, leak=2), [REFERENCE], engine, membrane=5)) == []


def test_a_threshold_of_0_does_not_fire_below_0(engine):
    net = core([[0, 0]] * 2, threshold=0, open_loop=1)
    assert sent(run(net, [spike(0)], engine, membrane=[-1, 0])) == [(0, 1)]


def test_a_threshold_beyond_the_membrane_never_fires(engine):
    trace = run(core([[7, 7]] * 2, threshold=[2047, 2048], open_loop=1), [spike(0)], engine, membrane=2047)
    assert sent(trace) == [(0, 0)]
    assert membranes(trace) == [[0, 2047]]


def test_the_spikes_of_an_event_leave_in_ascending_order(engine):
    net = core(np.full((9, 9), 5), threshold=[5, 9, 5, 5, 9, 9, 5, 9, 5], open_loop=1)
    assert sent(run(net, [spike(4)], engine)) == [(0, neuron) for neuron in (0, 2, 3, 6, 8)]


def test_a_time_reference_moves_membranes_towards_0_and_not_past_it(engine):
    trace = run(core(np.zeros((4, 4), int), leak=[3, 3, 9, 9]), [REFERENCE], engine, membrane=[10, -10, 5, -5])
    assert membranes(trace) == [[7, -7, 0, 0]]


def test_spikes_and_time_references_reach_the_last_neuron_and_not_the_next(engine):
    net = core(np.ones((4, 4), int), leak=2, last_neuron=1)
    assert membranes(run(net, [spike(3), REFERENCE], engine, membrane=9)) == [[10, 10, 9, 9], [8, 8, 9, 9]]


def test_a_time_reference_for_one_neuron_reaches_one_beyond_the_last(engine):
    net = core(np.ones((4, 4), int), leak=2, last_neuron=1)
    assert membranes(run(net, [reference(3)], engine, membrane=9)) == [[9, 9, 9, 7]]


def test_a_virtual_event_adds_its_own_weight_to_one_neuron(engine):
    net = core(np.ones((3, 3), int), threshold=5)
    trace = run(net, [virtual(1, -8), virtual(2, 5)], engine)
    assert membranes(trace) == [[0, -8, 0], [1, -7, 1]]
    assert sent(trace) == [(1, 2)]


def test_a_disabled_neuron_resets_but_its_spike_does_not_leave(engine):
    net = core(np.full((2, 2), 5), threshold=5, disabled=[1, 0], open_loop=1)
    trace = run(net, [spike(0)], engine)
    assert membranes(trace) == [[0, 0]]
    assert sent(trace) == [(0, 1)]
    assert trace.spikes[0].tolist() == [[0, 1]]


def test_an_unsigned_neuron_fires_at_its_threshold_and_not_below(engine):
    net = unsigned_core([[4, 4], [0, 0]], threshold=[204, 205], open_loop=1)
    assert sent(run(net, [spike(0)], engine, membrane=200)) == [(0, 0)]


def test_inhibitory_sources_subtract_down_to_0(engine):
    net = unsigned_core([[3, 7], [3, 7]], sign=[0, 1])
    assert membranes(run(net, [spike(0), spike(1), spike(1)], engine, membrane=2)) == [[5, 9], [2, 2], [0, 0]]


def test_an_unmapped_synapse_counts_only_where_the_chip_is_told_so(engine):
    weights, mapped = [[3, 7], [3, 7]], [[1, 0], [0, 1]]
    assert membranes(run(unsigned_core(weights, mapped=mapped), [spike(0)], engine)) == [[3, 0]]
    assert membranes(run(unsigned_core(weights, mapped=mapped, unmapped=1), [spike(0)], engine)) == [[3, 7]]


def test_a_single_synapse_event_reaches_one_neuron_over_its_synapse(engine):
    net = unsigned_core([[1, 2], [3, 4]], sign=[0, 1], mapped=[[1, 0], [1, 1]])
    events = [{"kind": "synapse", "source": s, "neuron": n} for s, n in ((0, 0), (0, 1), (1, 1))]
    assert membranes(run(net, events, engine, membrane=9)) == [[10, 9], [10, 9], [10, 5]]


def test_a_virtual_event_with_the_leak_bit_leaks_and_ignores_its_weight(engine):
    event = {"kind": "virtual", "neuron": 0, "weight_in": 7, "sign_in": 0, "leak_in": 1}
    assert membranes(run(unsigned_core([[0]], leak=2, leak_enable=1), [event], engine, membrane=9)) == [[7]]
    assert membranes(run(unsigned_core([[0]], leak=2, leak_enable=0), [event], engine, membrane=9)) == [[9]]


def test_a_virtual_event_ignores_the_mapping_bit(engine):
    events = [{"kind": "virtual", "neuron": 0, "weight_in": 7, "sign_in": sign, "leak_in": 0} for sign in (0, 1, 1)]
    assert membranes(run(unsigned_core([[0]], mapped=0), events, engine, membrane=2)) == [[9], [2], [0]]


def test_each_write_that_does_not_fit_is_counted(engine):
    net = core([[7, -8], [1, 0]], threshold=4095, open_loop=1)
    trace = run(net, [spike(0), spike(0), spike(1)], engine, membrane=[2046, -2047])
    assert membranes(trace) == [[2047, -2048]] * 3
    assert trace.overflows == {"core": {"membrane": 5}}


def test_a_write_that_the_profile_has_no_rule_for_is_named(engine):
    profile = edited("tinyodin", ("neurons.neuron.registers.membrane", "s12.refuse"))
    population = bs.Population("core", 2, {"threshold": 4095, "leak": 0, "disabled": 0})
    net = bs.Network(profile, 2, [population], [bs.Projection("core", "core", [[0, 7], [1, 1]])])
    events = [Events.of([spike(1)] * 4), Events.of([spike(1), spike(0), spike(1), spike(0)])]
    state = bs.initial_state(net, 2)
    state["core"]["membrane"][...] = 2038
    with pytest.raises(OverflowRefusedError, match=r"^sample 1, event 3, layer core, .*2054"):
        bs.run(net, events, engine=engine, state=state)


def test_a_run_that_is_continued_equals_one_in_a_piece(engine):
    rng = np.random.default_rng(3)
    net = core(rng.integers(-8, 8, (9, 9)), threshold=20, leak=1)
    events = [spike(int(source)) for source in rng.integers(0, 9, 40)]
    whole = run(net, events, engine, membrane=5)
    first = run(net, events[:17], engine, membrane=5)
    second = bs.run(net, Events.of(events[17:]), record="all", engine=engine, state=first.state)
    assert membranes(first) + membranes(second) == membranes(whole)
    assert second.state["core"]["membrane"].tolist() == [membranes(whole)[-1]]


def test_the_state_to_start_from_is_left_as_it_is(engine):
    net = core([[5]])
    state = start(net, 3)
    bs.run(net, Events.of([spike(0)]), engine=engine, state=state)
    assert state["core"]["membrane"].tolist() == [[3]]


def test_samples_do_not_see_each_other(engine):
    rng = np.random.default_rng(4)
    net = core(np.triu(rng.integers(0, 8, (5, 5)), 1), threshold=[9, 5, 5, 6, 7], queue={"depth": 2})
    streams = [[spike(int(source)) for source in sources] for sources in rng.integers(0, 5, (4, 12))]
    together = bs.run(net, [Events.of(stream) for stream in streams], record="all", engine=engine)
    assert together.spikes.shape == (4, 12, 5)
    assert together.dropped.any()
    for sample, stream in enumerate(streams):
        alone = run(net, stream, engine)
        assert together["core"].registers["membrane"][sample].tolist() == membranes(alone)
        assert [(e, n) for s, e, n in together.wire.tolist() if s == sample] == sent(alone)
        assert together.dropped[sample] == alone.dropped[0]


def test_only_what_is_asked_for_is_recorded(engine):
    trace = bs.run(core([[1]]), Events.of([spike(0)]), engine=engine)
    assert trace["core"].registers == {}
