"""The queue of a core's own spikes: order, depth, what is dropped, and a loop that never ends."""

import numpy as np
import pytest
from bitspike.errors import InputError
from event_cores import ENGINES, REFERENCE, core, membranes, reference, run, sent, spike, virtual

pytestmark = pytest.mark.parametrize("engine", ENGINES)

# source 0 makes neurons 1 to 6 fire at once; what they send adds 1 to neuron 0, and nothing fires again
FAN = np.zeros((7, 7), int)
FAN[0, 1:] = 5
FAN[1:, 0] = 1
FIRES = [100, 5, 5, 5, 5, 5, 5]


def fan(depth, **options):
    return core(FAN, threshold=FIRES, queue={"depth": depth, **options.pop("queue", {})}, **options)


def test_in_closed_loop_a_spike_is_an_event_of_its_neuron(engine):
    net = core([[0, 5, 0], [0, 0, 5], [3, 0, 0]], threshold=[9, 5, 5])
    trace = run(net, [spike(0)], engine)
    assert sent(trace) == [(0, 1), (0, 2)]
    assert membranes(trace) == [[3, 0, 0]]


def test_in_open_loop_a_spike_only_leaves(engine):
    net = core([[0, 5, 0], [0, 0, 5], [3, 0, 0]], threshold=[9, 5, 5], open_loop=1)
    trace = run(net, [spike(0)], engine)
    assert sent(trace) == [(0, 1)]
    assert membranes(trace) == [[0, 0, 0]]


def test_spikes_are_processed_in_the_order_in_which_they_came(engine):
    # 0 fires 1 and 2, 1 fires 3, 2 fires 4, 3 fires 5: breadth first, not depth first
    weights = np.zeros((6, 6), int)
    for source, target in ((0, 1), (0, 2), (1, 3), (2, 4), (3, 5)):
        weights[source, target] = 5
    assert [neuron for _, neuron in sent(run(core(weights, threshold=5), [spike(0)], engine))] == [1, 2, 3, 4, 5]


def test_the_core_is_idle_before_the_next_event_enters(engine):
    net = core([[0, 5, 0], [0, 0, 5], [1, 0, 0]], threshold=[9, 5, 5])
    trace = run(net, [spike(0), spike(0)], engine)
    assert sent(trace) == [(0, 1), (0, 2), (1, 1), (1, 2)]
    assert membranes(trace) == [[1, 0, 0], [2, 0, 0]]


def test_a_disabled_neuron_is_not_queued(engine):
    net = core(FAN, threshold=FIRES, disabled=[0, 1, 1, 0, 0, 0, 0])
    trace = run(net, [spike(0)], engine)
    assert len(sent(trace)) == 4
    assert membranes(trace)[0] == [4, 0, 0, 0, 0, 0, 0]


def test_a_full_queue_drops_the_spike_that_finds_no_room_though_it_leaves(engine):
    trace = run(fan(4), [spike(0)], engine)
    assert [neuron for _, neuron in sent(trace)] == [1, 2, 3, 4, 5, 6]
    assert membranes(trace)[0][0] == 3
    assert trace.dropped.tolist() == [3]


def test_the_first_come_stay_and_the_last_are_dropped(engine):
    weights = FAN.copy()
    weights[1:, 0] = [1, 2, 4, 7, 7, 7]
    trace = run(core(weights, threshold=FIRES, queue={"depth": 4}), [spike(0)], engine)
    assert membranes(trace)[0][0] == 1 + 2 + 4


def test_nothing_is_dropped_where_all_find_room(engine):
    assert run(fan(7), [spike(0)], engine).dropped.tolist() == [0]
    assert run(fan(6), [spike(0)], engine).dropped.tolist() == [1]


def test_an_event_from_outside_that_is_queued_holds_a_slot(engine):
    shot = virtual(0, 5)
    for event, room in ((shot, 0), (reference(0), 1)):
        net = core([[0]], threshold=5, leak=1, queue={"depth": 1})
        trace = run(net, [event], engine, membrane=6)
        assert sent(trace) == [(0, 0)]
        assert trace.dropped.tolist() == [1 - room]


def test_a_time_reference_leaves_the_whole_queue_to_the_spikes(engine):
    net = core(np.zeros((7, 7), int), threshold=3, queue={"depth": 5})
    assert run(net, [REFERENCE], engine, membrane=4).dropped.tolist() == [2]


def test_the_head_keeps_its_slot_while_it_is_processed(engine):
    # neuron 1 is queued and, processed, makes 2 and 3 fire: with depth 2 its own slot is taken
    weights = np.zeros((4, 4), int)
    weights[0, 1] = weights[1, 2] = weights[1, 3] = 5
    for kept, dropped in ((True, 1), (False, 0)):
        net = core(weights, threshold=5, queue={"depth": 2, "head_keeps_slot": kept})
        assert run(net, [spike(0)], engine).dropped.tolist() == [dropped]


def test_without_a_head_that_keeps_its_slot_an_event_from_outside_holds_none(engine):
    assert run(fan(6, queue={"head_keeps_slot": False}), [spike(0)], engine).dropped.tolist() == [0]
    assert run(fan(5, queue={"head_keeps_slot": False}), [spike(0)], engine).dropped.tolist() == [1]


def test_dropped_spikes_are_counted_over_all_events(engine):
    assert run(fan(4), [spike(0)] * 3, engine).dropped.tolist() == [9]


def test_a_loop_that_never_ends_stops_at_the_limit(engine):
    net = core([[0, 5], [5, 0]], threshold=5, queue={"limit": 1000})
    message = r"^sample 0, event 2: the core is not idle after 1000 queued events \(queue\.limit\)$"
    with pytest.raises(InputError, match=message):
        run(net, [reference(0), reference(1), spike(0), spike(1)], engine)


@pytest.mark.parametrize("limit", [2, 3])
def test_the_limit_counts_the_queued_events_of_one_event(engine, limit):
    weights = np.zeros((4, 4), int)
    weights[0, 1] = weights[1, 2] = weights[2, 3] = 5  # three queued events follow each spike of 0
    net = core(weights, threshold=5, queue={"limit": limit})
    if limit == 3:
        assert len(sent(run(net, [spike(0)] * 2, engine))) == 6
    else:
        with pytest.raises(InputError, match="event 0: the core is not idle after 2 queued events"):
            run(net, [spike(0)] * 2, engine)


def test_more_spikes_than_the_first_buffer_keep_their_order(engine):
    net = core(np.full((64, 64), 7), threshold=7, open_loop=1)
    trace = run(net, [spike(0)] * 40, engine)
    assert sent(trace) == [(event, neuron) for event in range(40) for neuron in range(64)]
