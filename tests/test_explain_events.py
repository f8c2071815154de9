"""Every write of one neuron in one event and in those that follow it: what it was, and what became of its spikes."""

import re

import bitspike as bs
import numpy as np
import pytest
from bitspike.events import Events
from builders import edited
from event_cores import REFERENCE, core, reference, spike, start, virtual
from hypothesis import given, settings
from hypothesis import strategies as st
from invented_chips import random_event, random_events

LOOP = core([[0, 5, 5], [4, 0, -3], [0, 0, 0]], threshold=[9, 5, 6], leak=[1, 0, 2])
DROPPING = core([[0, 5, 5], [0, 0, 0], [0, 0, 0]], threshold=5, queue={"depth": 2})
FIRE = "fire: membrane >= 0 and membrane >= threshold"


def told(net, events, neuron, event, **options):
    """The writes as lines; words, which are those of the profile, left out of all but the first."""
    writes = bs.explain(net, Events.of(events), layer="core", neuron=neuron, step=event, **options)
    return [re.sub(r" \([01]+\)  \[\S+\]", "", str(write)) for write in writes]


def test_a_spike_is_followed_from_its_weight_to_its_place_in_the_queue():
    """Neuron 1 reaches 5, spikes, and hears its own queued spike, whose weight is 0."""
    assert told(LOOP, [spike(0)], neuron=1, event=0) == [
        "membrane: 0 -> 5  event 0, spike from 0: crossbar: core[0] 1 x 5",
        f"membrane: 5 -> 0  event 0, spike from 0: {FIRE}, membrane = 5, threshold = 5",
        "spikes: 0 -> 1  event 0, spike from 0: spiked, left the core, queued",
        "membrane: 0 -> 0  event 0, queued spike of 1: crossbar: core[1] 1 x 0",
        "spikes: 0 -> 1  event 0: emitted in all",
    ]


def test_a_neuron_is_written_by_the_queued_spikes_of_others():
    assert told(LOOP, [REFERENCE, spike(0)], neuron=2, event=1) == [
        "membrane: 0 -> 5  event 1, spike from 0: crossbar: core[0] 1 x 5",
        "membrane: 5 -> 2  event 1, queued spike of 1: crossbar: core[1] 1 x -3",
        "spikes: 0 -> 0  event 1: emitted in all",
    ]


def test_only_the_writes_of_the_event_are_listed():
    """Membranes of neuron 0: 4 after the first spike of neuron 1, 3 after the leak."""
    assert told(LOOP, [spike(0), REFERENCE, spike(0)], neuron=0, event=1) == [
        "membrane: 4 -> 3  event 1, reference: shrink, membrane = 4, leak = 1",
        "spikes: 0 -> 0  event 1: emitted in all",
    ]


def test_an_event_for_one_neuron_writes_no_other():
    events = [virtual(2, -3), reference(2)]
    assert told(LOOP, events, neuron=2, event=0) == [
        "membrane: 0 -> -3  event 0, virtual to 2: add, membrane = 0, weight_in = -3",
        "spikes: 0 -> 0  event 0: emitted in all",
    ]
    assert told(LOOP, events, neuron=2, event=1) == [
        "membrane: -3 -> -1  event 1, reference_one to 2: shrink, membrane = -3, leak = 2",
        "spikes: 0 -> 0  event 1: emitted in all",
    ]
    for event in (0, 1):
        assert told(LOOP, events, neuron=1, event=event) == [f"spikes: 0 -> 0  event {event}: emitted in all"]


def test_an_event_of_one_synapse_names_both_neurons():
    parameters = {"threshold": 200, "leak": 0, "leak_enable": 0, "disabled": 0}
    link = bs.Projection("core", "core", [[1, 2], [3, 4]], parameters={"sign": [0, 1], "mapped": 1})
    net = bs.Network(bs.load_profile("odin"), 2, [bs.Population("core", 2, parameters)], [link])
    events = [{"kind": "synapse", "source": 1, "neuron": 0}]
    assert told(net, events, neuron=0, event=0, state=start(net, 9))[0] == (
        "membrane: 9 -> 6  event 0, synapse from 1 to 0: crossbar: core[1] 1 x -3"
    )


def test_the_word_and_what_it_kept_are_told():
    state = start(LOOP, -2046)
    write = bs.explain(LOOP, Events.of([virtual(0, -5)]), layer="core", neuron=0, step=0, state=state)[0]
    assert (write.effect, write.raw, write.after) == ("clipped", -2051, -2048)
    assert str(write) == (
        "membrane: -2046 -> -2051, clipped to -2048 (100000000000)  [s12.saturate]  "
        "event 0, virtual to 0: add, membrane = -2046, weight_in = -5"
    )


def fate(net, neuron=0):
    """The lines of register 'spikes' after an event to which the neurons answer."""
    return [line for line in told(net, [spike(0)], neuron, event=0) if line.startswith("spikes")]


def test_a_spike_whose_output_is_off_is_told_as_kept():
    assert fate(core([[5]], threshold=5, disabled=1)) == [
        "spikes: 0 -> 0  event 0, spike from 0: spiked, kept from leaving, disabled = 1",
        "spikes: 0 -> 0  event 0: emitted in all",
    ]


def test_in_open_loop_a_spike_leaves_and_is_not_queued():
    assert fate(core([[5]], threshold=5, open_loop=1)) == [
        "spikes: 0 -> 1  event 0, spike from 0: spiked, left the core",
        "spikes: 0 -> 1  event 0: emitted in all",
    ]


def test_a_spike_that_the_full_queue_drops_leaves_and_is_told_as_dropped():
    """The event itself holds one of two slots, the spike of neuron 1 the other."""
    assert fate(DROPPING, neuron=1)[0].endswith("spiked, left the core, queued")
    assert fate(DROPPING, neuron=2) == [
        "spikes: 0 -> 1  event 0, spike from 0: spiked, left the core, dropped by the full queue",
        "spikes: 0 -> 1  event 0: emitted in all",
    ]


def test_a_neuron_that_spikes_twice_in_an_event_is_told_both_times():
    """Neurons 0 and 1 answer the event; the queued spike of neuron 1 makes neuron 0 spike once more."""
    net = core([[0, 0, 0], [5, 0, 0], [5, 5, 0]], threshold=[5, 5, 9])
    assert told(net, [spike(2)], neuron=0, event=0) == [
        "membrane: 0 -> 5  event 0, spike from 2: crossbar: core[2] 1 x 5",
        f"membrane: 5 -> 0  event 0, spike from 2: {FIRE}, membrane = 5, threshold = 5",
        "spikes: 0 -> 1  event 0, spike from 2: spiked, left the core, queued",
        "membrane: 0 -> 0  event 0, queued spike of 0: crossbar: core[0] 1 x 0",
        "membrane: 0 -> 5  event 0, queued spike of 1: crossbar: core[1] 1 x 5",
        f"membrane: 5 -> 0  event 0, queued spike of 1: {FIRE}, membrane = 5, threshold = 5",
        "spikes: 0 -> 1  event 0, queued spike of 1: spiked, left the core, queued",
        "membrane: 0 -> 0  event 0, queued spike of 0: crossbar: core[0] 1 x 0",
        "spikes: 0 -> 2  event 0: emitted in all",
    ]


def assert_replays(net, streams, state=None):
    """From event to event, each neuron's writes lead from what the run recorded to what it recorded next."""
    trace = bs.run(net, streams, record="all", state=state)
    registers, dropped, met = trace["core"].registers, np.zeros(len(streams), int), set()
    for sample, event, neuron in np.ndindex(trace.spikes.shape):
        place = {"layer": "core", "neuron": neuron, "step": event, "sample": sample}
        *writes, total = bs.explain(net, streams, **place, state=state)
        spikes = [write for write in writes if write.register == "spikes"]
        now = {r: state["core"][r][sample, neuron] if state else 0 for r in registers}
        if event:
            now = {r: values[sample, event - 1, neuron] for r, values in registers.items()}
        for write in writes:
            if write.register != "spikes":
                assert write.before == now[write.register]
                now[write.register] = write.after
        assert now == {r: values[sample, event, neuron] for r, values in registers.items()}
        assert total.after == sum(write.after for write in spikes) == trace.spikes[sample, event, neuron]
        dropped[sample] += sum("dropped" in write.cause for write in spikes)
        met |= {write.cause.rpartition("spiked, ")[2].partition(",")[0] for write in spikes}
        met |= {write.effect for write in writes} | {"dropped" for write in spikes if "dropped" in write.cause}
    assert dropped.tolist() == trace.dropped.tolist()
    return met


def assert_explained(seed):
    """A random core; where an event of its stream never ends, no event from there on can be explained."""
    net = random_event(seed)
    events = random_events(net, seed, 8)
    try:
        return assert_replays(net, [events])
    except bs.InputError as error:
        with pytest.raises(bs.InputError, match=f"^{re.escape(str(error))}$"):
            bs.explain(net, events, layer="core", neuron=0, step=7)
        return {"is not idle" if "is not idle after 500 queued events" in str(error) else str(error)}


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_the_writes_of_a_core_replay_to_what_was_recorded(seed):
    assert_explained(seed)


def test_replays_meet_every_fate_of_a_spike():
    met = set().union(*(assert_explained(seed) for seed in range(12)))
    met |= assert_replays(DROPPING, [Events.of([spike(0), virtual(1, 7), spike(0)])])
    assert met == {"kept", "wrapped", "kept from leaving", "left the core", "dropped", "is not idle"}


def test_samples_are_explained_each_from_its_own_state():
    rng = np.random.default_rng(3)
    net = core(np.triu(rng.integers(2, 8, (4, 4)), 1), threshold=[5, 5, 6, 9], leak=1, queue={"depth": 3})
    streams = [[spike(0), REFERENCE, virtual(2, 6)], [virtual(1, 7), spike(1), spike(0)]]
    streams = [Events.of(stream) for stream in streams]
    state = bs.run(net, streams).state
    state["core"]["membrane"][:] = [[3, 0, -2, 8], [0, 4, 5, -9]]
    before = state["core"]["membrane"].copy()
    assert assert_replays(net, streams, state) >= {"left the core"}
    assert np.array_equal(state["core"]["membrane"], before)


def test_a_write_that_has_no_rule_is_named_with_its_sample():
    profile = edited("tinyodin", ("neurons.neuron.registers.membrane", "s4.refuse"))
    layer = bs.Population("core", 1, {"threshold": 9, "leak": 0, "disabled": 0})
    net = bs.Network(profile, 1, [layer], [])
    streams = [Events.of([virtual(0, weight), virtual(0, 6)]) for weight in (1, 2)]
    with pytest.raises(bs.OverflowRefusedError, match=r"^sample 1, event 1, layer core, .*membrane: 8 does not fit"):
        bs.explain(net, streams, layer="core", neuron=0, step=1, sample=1)
    assert len(bs.explain(net, streams, layer="core", neuron=0, step=1, sample=0)) == 2


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ({"layer": "a"}, "layer: found 'a'; allowed: core"),
        ({"neuron": 3}, "neuron: found 3; allowed: 0 to 2"),
        ({"neuron": -1}, "neuron: found -1; allowed: 0 to 2"),
        ({"step": 2}, "step: found 2; allowed: 0 to 1"),
        ({"step": "0"}, "step: found '0'; allowed: 0 to 1"),
        ({"sample": 1}, "sample: found 1; allowed: 0 to 0"),
    ],
)
def test_a_place_that_the_run_does_not_have_is_refused(place, message):
    with pytest.raises(bs.InputError) as caught:
        bs.explain(LOOP, Events.of([spike(0)] * 2), **{"layer": "core", "neuron": 0, "step": 0, **place})
    assert str(caught.value) == message


def test_spike_counts_are_no_events():
    with pytest.raises(bs.InputError, match=r"^events: found ndarray; allowed: Events, or a list of them"):
        bs.explain(LOOP, np.ones((2, 3), int), layer="core", neuron=0, step=0)
