"""Whether it matters to a network which profile computes it: where two part first, and by which writes."""

import re

import bitspike as bs
import numpy as np
import pytest
from bitspike.dispute import LEGEND, Dispute, parting
from bitspike.errors import InputError, OverflowRefusedError
from bitspike.word import Word
from builders import edited, generic
from dialects import ALL_SPIKE, BRIAN2, LAVA, NENGO, one_layer, random_lava, undelayed, wrapping
from event_cores import REFERENCE, core, spike


@pytest.fixture(scope="module")
def found():
    return bs.dispute(wrapping(), (LAVA, NENGO), ALL_SPIKE, engine="oracle")


@pytest.mark.parametrize("seed", range(3))
def test_where_nothing_overflows_the_profiles_agree(seed):
    net = undelayed(random_lava(seed))
    spikes = np.random.default_rng(seed).integers(0, 2, (2, 8, net.inputs))
    found = bs.dispute(net, (LAVA, NENGO), spikes, engine="array")
    assert (found.comparison.equal, found.writes, found.decisive) == (True, ([], []), (None, None))
    assert str(found) == str(found.comparison)
    assert str(found).startswith("equal: ")


def test_the_first_difference_names_step_neuron_and_register(found):
    first = found.comparison.first
    place = (first.step, first.layer, first.neuron, first.register, first.sample)
    assert place == (1, "a", 1, "current", 0)
    assert first.values == (8 * 254 * 32 * 64, 8 * 254 * 32 * 64 - (1 << 22))


def test_the_neuron_that_stays_within_22_bits_agrees(found):
    only = one_layer(LAVA, np.full((3, 1), 254), du=4095, vth=100000, link_parameters={"weight_exp": 5})
    assert bs.dispute(only, (LAVA, NENGO), ALL_SPIKE[:, :, :3], engine="oracle").comparison.equal
    assert found.comparison.first.neuron == 1


def test_the_decisive_writes_name_stage_operands_and_results(found):
    lava, nengo = (writes[at] for writes, at in zip(found.writes, found.decisive, strict=True))
    assert (lava.register, lava.cause, lava.after) == ("current", "add, current = 0, addend = 4161536", 4161536)
    assert (nengo.register, nengo.cause, nengo.after) == ("current", "add, current = 0, arrived = -32768", -32768)


def test_the_order_of_the_profiles_is_the_order_of_what_is_told(found):
    turned = bs.dispute(wrapping(), (NENGO, LAVA), ALL_SPIKE, engine="oracle")
    assert turned.names == found.names[::-1]
    assert turned.writes == found.writes[::-1]
    assert turned.comparison.first.values == found.comparison.first.values[::-1]


def test_the_text_marks_what_was_agreed_what_parts_them_and_what_was_lost_before(found):
    blocks = str(found).split("\n\n")
    assert blocks[0] == str(found.comparison)
    assert [line.split(": ")[0] for line in blocks[1].splitlines()] == [
        "they part by:",
        "  loihi-lava",
        "  loihi-nengo",
    ]
    marks = [[line[:1].strip() for line in block.splitlines()[1:]] for block in blocks[2:4]]
    assert [block.splitlines()[0] for block in blocks[2:4]] == ["loihi-lava:", "loihi-nengo:"]
    assert [[mark for mark in each if mark] for each in marks] == [[">"], ["!", ">"]]
    wrapped = next(line for line in blocks[3].splitlines() if line.startswith("!"))
    assert "arrived: 2080768 -> 2600960, wrapped to -1593344" in wrapped
    assert "synapses: input[4] 1 x 520192" in wrapped
    assert blocks[4] == LEGEND


def test_a_network_of_a_third_profile_is_rebound_to_both():
    net = one_layer(BRIAN2, delays=1)
    spikes = np.ones((1, 5, 1), int)
    assert bs.dispute(net, (LAVA, NENGO), spikes, engine="oracle").comparison.equal


def test_only_registers_that_both_share_are_compared():
    found = bs.dispute(one_layer(LAVA), (LAVA, BRIAN2), np.ones((1, 5, 1), int), engine="oracle")
    assert found.comparison.left_out == ("a.current",)
    assert found.comparison.values == 2 * 5


def test_a_difference_of_spikes_alone_is_told():
    quiet = edited(LAVA, ("title", "never fires"), ("neurons.neuron.step.17.fire.branches.0.emit", 0))
    net = one_layer(LAVA, vth=1, dv=4096)
    found = bs.dispute(net, (LAVA, quiet), np.ones((1, 4, 1), int), engine="oracle")
    assert found.comparison.first.register == "spikes"
    loud = found.writes[0][found.decisive[0]]
    assert (loud.register, loud.cause, loud.after) == ("spikes", "emitted", 1)
    assert found.decisive[1] is None
    assert found.writes[1][found.agreed[1]].after == 0
    assert f"{found.names[1]}: no further write of it" in str(found)


def test_profiles_of_one_name_are_told_apart_by_their_digests():
    other = edited(LAVA, ("neurons.neuron.step.17.fire.branches.0.when", ["membrane", ">=", "threshold"]))
    found = bs.dispute(one_layer(LAVA), (LAVA, other), np.zeros((1, 2, 1), int), engine="oracle")
    assert found.names == tuple(f"loihi-lava ({profile.digest[:12]})" for profile in (LAVA, other))


def test_the_profile_that_does_not_take_the_spikes_is_named():
    message = "under profile 'loihi-brian2': spikes: sample 0, step 0, input 0: found 2; allowed: 0 to 1"
    with pytest.raises(InputError, match=f"^{re.escape(message)}$"):
        bs.dispute(one_layer(LAVA), (LAVA, BRIAN2), [[2]], engine="oracle")


def test_the_profile_without_a_rule_is_named():
    narrow = edited(BRIAN2, ("neurons.neuron.registers.membrane", "s4.refuse"))
    message = "under profile 'loihi-brian2': sample 0, step 1, layer a, membrane: 128 does not fit s4.refuse, -8 to 7"
    with pytest.raises(OverflowRefusedError, match=f"^{re.escape(message)}$"):
        bs.dispute(one_layer(LAVA), (LAVA, narrow), np.ones((3, 1), int), engine="oracle")


def test_profiles_that_share_nothing_are_refused():
    message = r"^profile 'generic-w8-v16': shares nothing with other profiles \(key 'shared'\)$"
    alone = edited(generic().profile, ("shared", None))
    with pytest.raises(bs.NetworkError, match=message):
        bs.dispute(generic(profile=alone), (alone,) * 2, [[1, 1]], engine="oracle")


def writes(register, *values, start=0):
    """A write of `register` for each value, the first from `start`."""
    before = (start, *values)
    return [bs.Write("stage", register, Word.parse("s16.wrap"), a, b, b) for a, b in zip(before, values, strict=False)]


@pytest.mark.parametrize(
    ("a", "b", "agreed", "decisive"),
    [
        ((5,), (6,), (None, None), (0, 0)),
        ((5, 9), (5, 8), (0, 0), (1, 1)),
        ((5, 9, 1), (5, 8, 2), (0, 0), (1, 1)),  # the first write that parts, not the last
        ((5, 5, 9), (5, 8), (0, 0), (2, 1)),  # a write that changes nothing
        ((5, 9), (5,), (0, 0), (1, None)),  # one side leaves it
        ((5, 0), (6,), (None, None), (0, 0)),  # one side fires
        ((1, 2, 3, 7), (3, 8), (2, 0), (3, 1)),  # source by source against their sum
        ((3, 8), (1, 2, 3, 7), (0, 2), (1, 3)),
        ((4,), (), (None, None), (0, None)),
    ],
)
def test_the_first_write_by_which_two_sides_part(a, b, agreed, decisive):
    found = parting(writes("x", *a), writes("y", *b), ("x", "y"))
    assert tuple(side[0] for side in found) == agreed
    assert tuple(side[1] for side in found) == decisive


def test_what_is_lost_after_the_parting_is_no_cause_of_it():
    lost = bs.Write("late", "other", Word.parse("s4.wrap"), 0, 9, -7)
    sides = [lost, *writes("x", 5), lost], [*writes("y", 6), lost]
    comparison = bs.compare(*(bs.run(one_layer(LAVA), [[1]], engine="oracle"),) * 2)
    lines = str(Dispute(("one", "other"), comparison, sides, ("x", "y"))).splitlines()
    assert [line[0] for line in lines[lines.index("one:") + 1 :] if line[1:2] == " "] == ["!", ">", " ", ">", " ", "="]


def test_writes_of_other_registers_are_passed_over():
    a = [*writes("other", 1, 2), *writes("x", 5)]
    b = [*writes("y", 6), *writes("x", 5)]
    assert parting(a, b, ("x", "y")) == ((None, 2), (None, 0))


def shared_core(title, **changes):
    """A core that shares everything under another title."""
    quantities = {name: {"of": name} for name in ("threshold", "leak", "disabled")}
    neuron = {"as": "n", "quantities": quantities, "registers": {"membrane": "membrane"}}
    link = {"as": "c", "weight": {}, "quantities": {}, "keeps": {}}
    shared = {"neurons": {"neuron": neuron}, "connections": {"crossbar": link}}
    return edited("tinyodin", ("title", title), ("shared", shared), *changes.items())


def shared_network(profile, weights, **parameters):
    plain = core(weights, **parameters)
    return bs.Network(profile, plain.inputs, plain.populations, plain.projections)


def test_event_clocked_profiles_are_compared_event_by_event():
    one, other = shared_core("one"), shared_core("other", **{"neurons.neuron.registers.membrane": "s4.saturate"})
    net = shared_network(one, np.full((2, 2), 7), threshold=100)
    stream = bs.Events.of([spike(0), REFERENCE, spike(1)])
    found = bs.dispute(net, (one, other), stream, engine="oracle")
    first = found.comparison.first
    assert (first.clock, first.step, first.neuron, first.values) == ("event", 2, 0, (14, 7))
    assert [side[at].after for side, at in zip(found.writes, found.decisive, strict=True) if at is not None] == [14]


def test_a_queue_that_drops_is_a_difference():
    one, other = shared_core("one"), shared_core("other", **{"queue.depth": 3})
    weights = np.zeros((6, 6), int)
    weights[0] = 3  # a spike of 0 makes 1 to 5 fire, whose own spikes do nothing
    net = shared_network(one, weights, threshold=[4, 3, 3, 3, 3, 3])
    found = bs.dispute(net, (one, other), bs.Events.of([spike(0)]), engine="oracle")
    assert found.comparison.first is None
    assert found.comparison.overflows == ("dropped (sample 0) 0 against 3",)
    assert not found.comparison.equal
