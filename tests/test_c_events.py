"""An event-clocked core as C equals the engine: every register, spike and drop of every event."""

from __future__ import annotations

import subprocess

import bitspike as bs
import numpy as np
import pytest
from bitspike.events import Events
from c_programs import FLAGS, assert_events_equal, needs_gcc, random_state, run_events
from invented_chips import EVENT, chip, random_event, random_events

pytestmark = needs_gcc
REFUSED = 11  # how the program ends
DROPS = 55  # a seed whose queue is full now and then


@pytest.mark.parametrize("seed", [*range(8), DROPS])
def test_the_invented_chip_equals_the_engine_from_random_states(seed, tmp_path):
    network = random_event(seed)
    state = random_state(network, np.random.default_rng(seed))
    trace = assert_events_equal(network, tmp_path, random_events(network, seed), state)
    assert seed != DROPS or trace.dropped[0] > 0


@pytest.mark.parametrize("seed", range(12))
def test_a_write_that_is_refused_is_refused_at_the_same_event(seed, tmp_path):
    """Closed loop and open, some neurons muted; before the refusal, all is equal."""
    made = random_event(seed)
    profile = chip(EVENT.replace("membrane: s9.wrap", "membrane: s9.refuse")).with_values(open_loop=seed % 2)
    network = bs.Network(profile, made.inputs, made.populations, made.projections)
    state, events = random_state(network, np.random.default_rng(seed)), random_events(network, seed)
    ended, found = run_events(network, tmp_path, events, state)
    if ended.returncode != REFUSED:
        assert_events_equal(network, tmp_path, events, state)
        return
    with pytest.raises(bs.OverflowRefusedError, match=f"event {len(found)}\\b"):
        bs.run(network, events, state=state)
    if found:
        assert_events_equal(network, tmp_path, first(events, len(found)), state)


def first(events, count):
    """So many of a stream."""
    return Events(events.names, events.kind[:count], {name: values[:count] for name, values in events.values.items()})


def test_a_core_that_is_never_idle_is_given_up_as_by_the_engine(tmp_path):
    network = random_event(0)
    state = random_state(network, np.random.default_rng(0))
    ended, found = run_events(network, tmp_path, random_events(network, 0), state)
    assert (ended.returncode, ended.stderr, len(found)) == (14, b"500 queued events\n", 1)
    with pytest.raises(bs.InputError, match="event 1: the core is not idle after 500 queued events"):
        bs.run(network, random_events(network, 0), state=state)


def test_what_an_event_may_not_carry_is_refused_and_changes_nothing(tmp_path):
    network = random_event(3)
    bs.export(network, tmp_path / "net", format="c")
    (tmp_path / "net" / "main.c").write_text(f"""#include <string.h>
#include "net.h"
static net_state state, before;
static int refused(int kind, int source, int neuron, int by) {{
    int32_t spikes[net_neurons];
    net_input event = {{0}};
    event.kind = kind;
    event.source = source;
    event.neuron = neuron;
    event.field_by = by;
    before = state;
    return net_event(&state, &event, spikes) == net_bad_input && memcmp(&before, &state, sizeof state) == 0;
}}
int main(void) {{
    const int size = net_neurons;
    if (size != {network.inputs}) return 1;
    net_reset(&state);
    if (!refused(-1, 0, 0, 0) || !refused(3, 0, 0, 0)) return 2;
    if (!refused(net_kind_spike, size, 0, 0) || !refused(net_kind_spike, -1, 0, 0)) return 3;
    if (!refused(net_kind_kick, 0, size, 0) || !refused(net_kind_kick, 0, -1, 0)) return 4;
    if (!refused(net_kind_kick, 0, 0, 256) || !refused(net_kind_kick, 0, 0, -257)) return 5;
    return refused(net_kind_kick, size, size - 1, 255) || refused(net_kind_kick, size, 0, -256);
}}
""")
    subprocess.run(["gcc", *FLAGS, "-o", "run", "net.c", "main.c"], cwd=tmp_path / "net", check=True)
    assert subprocess.run([tmp_path / "net" / "run"], check=False).returncode == 0
