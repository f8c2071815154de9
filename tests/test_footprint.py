"""What a network needs of its chip, against figures counted by hand and against what runs reach."""

from __future__ import annotations

import bitspike as bs
import numpy as np
import pytest
from bitspike.events import Events
from builders import edited, generic, random_generic, random_spikes, random_xylo
from event_cores import core, reference, spike
from test_readmemh import core_network, picture_network


def test_memory_is_counted_by_kind_at_the_width_of_its_word():
    needs = bs.footprint(core_network())
    assert needs.memory == {
        "weights": 4 + 6 + 6,  # packets, route and crossbar, a bit each
        "source parameters": 2 * 2,  # axon types
        "delays": 3 * 4,
        "neuron parameters": 3 * (4 * 9 + 9 + 2 * 9 + 9 + 1),
        "registers": 2 * 1 + 3 * 9,
    }
    assert needs.bits == sum(needs.memory.values())


def test_kernels_and_aliases_count_once():
    assert bs.footprint(picture_network()).memory["weights"] == (3 * 2 * 2 * 2 + 1 + 2) * 16
    network = random_xylo(1)
    hidden = network.size("hidden")
    assert bs.footprint(network).memory["aliases"] == hidden * 2 * (1 + max(1, (hidden - 1).bit_length()))


def test_limits_say_what_is_used():
    used = {(each.kind, each.name): (each.needs, each.allowed) for each in bs.footprint(random_xylo(1)).limits}
    network = random_xylo(1)
    assert used["inputs", "inputs"] == (network.inputs, 16)
    assert used["neurons", "hidden"] == (network.size("hidden"), 1000)


def test_fan_in_and_fan_out_count_weights_other_than_0():
    needs = bs.footprint(generic(((5, 0, 1), (0, 0, 7))))
    assert (needs.fan_in, needs.fan_out) == ({"a": 2}, {"input": 2})


def test_memories_of_a_layout_say_what_share_is_used():
    needs = bs.footprint(core(np.ones((3, 3), int)), layout="tinyodin")
    assert needs.images == {"synapses.mem": (36, 262144), "neurons.mem": (96, 8192)}


def accumulator(needs, register="accumulator"):
    (found,) = [each for each in needs.accumulators if each.register == register]
    return found


def test_the_accumulator_holds_every_weight_times_the_most_spikes():
    profile = edited("generic-w8-v16", ("input", "u1"))
    found = accumulator(bs.footprint(generic(((5, -3), (2, -120), (-1, 7)), profile=profile)))
    assert (found.layer, found.low, found.high, found.needed) == ("a", -123, 7, "s8")


@pytest.mark.parametrize(
    ("weights", "needed"),
    [((-64, -64), "s8"), ((-64, -65), "s9"), ((64, 63), "u7"), ((64, 64), "u8"), ((-1, 127), "s8"), ((-1, 0), "s1")],
)
def test_the_accumulator_has_no_bit_too_many_or_too_few(weights, needed):
    profile = edited("generic-w8-v16", ("input", "u1"))
    assert accumulator(bs.footprint(generic(np.reshape(weights, (2, 1)), profile=profile))).needed == needed


def reached(network, spikes, register):
    trace = bs.run(network, spikes, record=[register])
    values = trace["a"].registers[register]
    return int(values.min()), int(values.max())


def test_the_extremes_of_the_accumulator_are_reached_and_never_passed():
    """A wide register keeps every sum of a step: the input that drives each weight of one sign reaches the end."""
    wide = edited(
        "generic-w8-v16",
        ("neurons.neuron.registers.accumulator", "s40.saturate"),
        ("neurons.neuron.registers.membrane", "s40.saturate"),
        ("neurons.neuron.parameters.threshold", "u39"),
    )
    rng = np.random.default_rng(4)
    weights = rng.integers(-127, 128, (9, 3))
    network = generic(weights, threshold=(1 << 39) - 1, leak=0, profile=wide)
    found = accumulator(bs.footprint(network))
    most = min(network.input_word.max, *(c.cap for c in wide.connections.values() if isinstance(c.cap, int)), 1 << 40)
    up = np.where(weights.T > 0, most, 0)  # one sample a neuron: what drives it up alone
    down = np.where(weights.T < 0, most, 0)
    steps = np.concatenate([up, down])[:, None, :]
    ends = reached(network, steps, "membrane")
    assert ends == (found.low, found.high)


def lava(weights, via="dense", value="s4"):
    """One layer behind inputs of a signed word; weights [input, neuron]."""
    profile = edited("loihi-lava", ("input", value))
    common = {"du": 0, "dv": 0, "vth": 1000, "bias_mant": 0, "bias_exp": 0, "ternary": 0, "vth_low": 0}
    layer = bs.Population("a", np.shape(weights)[1], common | {"reset_interval": 0, "reset_phase": 0})
    exponents = {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 1}
    link = bs.Projection("input", "a", weights, via, exponents)
    return bs.Network(profile, len(weights), [layer], [link])


def test_negative_spikes_count_on_both_sides():
    found = bs.footprint(lava([[4], [-2]], "graded")).accumulators[0]
    assert (found.low, found.high) == (-(4 * 8 + 2 * 7), 4 * 7 + 2 * 8)
    found = bs.footprint(lava([[4], [-2]])).accumulators[0]  # where any spike acts as one
    assert (found.low, found.high) == (-2, 4)


def test_spikes_beyond_the_cap_do_not_act():
    network = random_xylo(1)
    link = bs.Projection(
        "input", "hidden", np.full((network.inputs, network.size("hidden")), 2), "input", {"weight_shift": 0}
    )
    capped = bs.Network(network.profile, network.inputs, network.populations, [link])
    assert accumulator(bs.footprint(capped), "isyn0").high == 15 * 2 * network.inputs
    spikes = np.full((1, 1, network.inputs), 40, np.uint8)
    assert bs.footprint(capped, spikes).synaptic_operations == (15 * network.inputs * network.size("hidden"),)


def test_projections_of_one_register_add():
    network = random_generic(1)
    found = [each for each in bs.footprint(network).accumulators if each.layer == "b"]
    forward, recurrent = (np.maximum(p.weights[:, :, 0].astype(int), 0) for p in network.projections if p.target == "b")
    cap = network.profile.connections["forward"].cap
    assert cap == "none" or isinstance(cap, int)
    assert [each.high for each in found] == [int((forward.sum(axis=0) + recurrent.sum(axis=0)).max())]


def test_a_sum_that_is_fitted_once_a_step_is_named_with_its_projection():
    names = [(each.layer, each.register) for each in bs.footprint(picture_network()).accumulators]
    assert ("b", "arrived, sum of projection 0") in names


def counted(network, spikes):
    """Operations, spike by spike: every source, synapse and step on its own."""
    trace, total = bs.run(network, spikes, record=[]), np.zeros(len(spikes), int)
    sent = {"input": spikes, **{p.name: trace[p.name].spikes for p in network.populations}}
    for projection in network.projections:
        connection = network.connection(projection)
        cap = connection.cap if isinstance(connection.cap, int) else 1 << 30
        for sample, step, source in np.argwhere(sent[projection.source]):
            if step + connection.lag < spikes.shape[1]:
                synapses = np.count_nonzero(np.asarray(projection.weights)[source])
                total[sample] += min(cap, int(sent[projection.source][sample, step, source])) * synapses
    return tuple(total.tolist())


@pytest.mark.parametrize("seed", range(4))
def test_synaptic_operations_are_spikes_that_arrive_over_weights(seed):
    network = random_generic(seed)
    spikes = random_spikes(network, seed)
    assert bs.footprint(network, spikes).synaptic_operations == counted(network, spikes)


def test_spikes_that_would_arrive_after_the_sample_are_no_operations():
    network = core_network()
    spikes = np.zeros((1, 3, 2), np.uint8)
    spikes[0, 2] = 1
    needs = bs.footprint(network, spikes)
    assert needs.synaptic_operations == (2 + 2 + 2,)  # two packets; two axons to two neurons each; no route any more


def test_delayed_spikes_are_operations_where_they_arrive_in_time():
    weights = {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 2}
    common = {"du": 0, "dv": 0, "vth": 1000, "bias_mant": 0, "bias_exp": 0, "ternary": 0, "vth_low": 0}
    layer = bs.Population("a", 2, common | {"reset_interval": 0, "reset_phase": 0})
    link = bs.Projection("input", "a", [[3, 4]], "dense", weights, delays=[[0, 2]])
    network = bs.Network(bs.load_profile("loihi-lava"), 1, [layer], [link])
    operations = [bs.footprint(network, np.ones((1, steps, 1), int)).synaptic_operations for steps in range(1, 6)]
    assert operations == [(0,), (1,), (2,), (4,), (6,)]


def test_operations_of_an_event_driven_core_include_its_own_spikes():
    network = core([[0, 7, 7], [0, 0, 5], [0, 0, 0]], threshold=[20, 7, 100])
    events = Events.of([spike(0), {"kind": "reference"}, reference(1), spike(2)])
    assert bs.footprint(network, events).synaptic_operations == (2 + 1 + 0,)
    assert bs.footprint(network, [events, Events.of([spike(2)] * 4)]).synaptic_operations == (3, 0)
    deaf = core([[0, 7, 7], [0, 0, 5], [0, 0, 0]], threshold=[20, 7, 100], open_loop=1)
    assert bs.footprint(deaf, events).synaptic_operations == (2,)
    first = core([[0, 7, 7], [0, 0, 5], [0, 0, 0]], threshold=[20, 7, 100], last_neuron=1)
    assert bs.footprint(first, events).synaptic_operations == (1 + 0,)


def test_any_graded_spike_is_one_operation_where_it_acts_as_one():
    spikes = np.array([[[7, -8], [0, 3], [1, 1]]])
    assert bs.footprint(lava([[4], [-2]]), spikes).synaptic_operations == (3,)
    assert bs.footprint(lava([[4], [-2]], "graded"), spikes).synaptic_operations == (7 + 8 + 3,)


def test_an_event_of_one_synapse_is_at_most_one_operation():
    layer = bs.Population("core", 2, {"threshold": 99, "leak": 0, "leak_enable": 0, "disabled": 0})
    link = bs.Projection("core", "core", [[0, 3], [3, 3]], parameters={"sign": 0, "mapped": [[1, 1], [1, 0]]})
    network = bs.Network(bs.load_profile("odin"), 2, [layer], [link])
    pairs = [(0, 0), (0, 1), (1, 0), (1, 1)]
    events = Events.of([{"kind": "synapse", "source": pre, "neuron": post} for pre, post in pairs])
    assert bs.footprint(network, events).synaptic_operations == (2,)


def test_dropped_spikes_are_refused():
    network = core([[0, 7, 7, 7]] + [[0] * 4] * 3, threshold=7, queue={"depth": 2})
    with pytest.raises(
        bs.InputError, match=r"^sample 0: the queue dropped 2 spikes; allowed: none, to count operations$"
    ):
        bs.footprint(network, Events.of([spike(0)]))


def test_json_and_table_say_the_same():
    needs = bs.footprint(random_xylo(1), random_spikes(random_xylo(1), 0))
    data, rows = needs.json(), dict(needs.rows())
    assert data["memory_bits"]["total"] == needs.bits
    assert rows["memory, all"] == f"{needs.bits:,} bits"
    assert [each["share"] for each in data["limits"]] == [each.needs / each.allowed for each in needs.limits]
    assert f"needs {data['accumulators'][0]['needed']} (has s16.saturate)" in rows.values()
    assert rows["synaptic operations a sample"].endswith(f"at most {max(data['synaptic_operations']):,}")
