"""Chips that nobody built run from their YAML alone: engines and slow models agree on random networks."""

import bitspike as bs
import numpy as np
import pytest
import slow_invented
from hypothesis import given, settings
from hypothesis import strategies as st
from invented_chips import random_event, random_events, random_exponents, random_graded, random_ternary
from test_run_engines import assert_engines_agree, assert_same_state

SEEDS = st.integers(0, 2**32 - 1)
ENGINES = ("compiled", "array", "oracle")
CLOCKED = [random_ternary, random_exponents]


def plain(network):
    """The layers and links of a network as plain data, in order of computation and delivery."""
    layers = [
        {"name": p.name, "size": p.size, "parameters": {k: np.asarray(v).tolist() for k, v in p.parameters.items()}}
        for p in network.populations
    ]
    links = []
    for p in network.projections:
        flipped = network.connection(p).kernel == "convolution"
        synapses = synapses_of(p, network.size(p.source), network.size(p.target), flipped)
        parameters = {name: np.asarray(value).tolist() for name, value in p.parameters.items()}
        links.append({"source": p.source, "target": p.target, "via": p.via, "synapses": synapses, **parameters})
    return layers, links


def synapses_of(projection, pre, post, flipped):
    weights, delays, shape = np.asarray(projection.weights), np.asarray(projection.delays), projection.shape
    if isinstance(shape, bs.Sparse):
        columns = (shape.pre, shape.post, weights, delays)
        return slow_invented.listed(pre, list(zip(*(np.asarray(c).tolist() for c in columns), strict=True)))
    if isinstance(shape, bs.Pooling):
        return slow_invented.pooled(int(weights[0]), shape.input_shape, shape.size)
    if isinstance(shape, bs.Convolution):
        steps = (shape.stride, shape.padding, shape.dilation, shape.groups)
        kernels = weights[:, :, ::-1, ::-1] if flipped else weights
        return slow_invented.convolved(kernels.tolist(), shape.input_shape, *steps)
    columns = delays[:, None] if delays.ndim == 1 else delays
    return slow_invented.matrix(weights[:, :, 0].tolist(), np.broadcast_to(columns, (pre, post)).tolist())


def assert_equals_slow_model(network, spikes, chip):
    traces = [bs.run(network, spikes, record="all", engine=engine) for engine in ENGINES]
    for sample, row in enumerate(spikes):
        expected = slow_invented.run(chip, *plain(network), row.tolist())
        for name, registers in expected.items():
            for trace in traces:
                found = {"spikes": trace[name].spikes, **trace[name].registers}
                for register, values in registers.items():
                    np.testing.assert_array_equal(found[register][sample], values, f"{name}.{register}")


@settings(max_examples=20)
@given(SEEDS)
def test_two_thresholds_and_delays_equal_the_slow_model(seed):
    network = random_ternary(seed)
    width = network.profile.constants["membrane_width"]
    assert_equals_slow_model(network, random_graded(network, seed), slow_invented.Ternary(width))


@settings(max_examples=20)
@given(SEEDS)
def test_shared_exponents_and_pictures_equal_the_slow_model(seed):
    network = random_exponents(seed)
    assert_equals_slow_model(network, random_graded(network, seed), slow_invented.Exponents())


@pytest.mark.parametrize("make", CLOCKED)
@settings(max_examples=30)
@given(seed=SEEDS)
def test_engines_agree_on_invented_chips(make, seed):
    network = make(seed)
    assert_engines_agree(network, random_graded(network, seed))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", CLOCKED)
def test_a_run_in_parts_delivers_the_spikes_that_were_on_their_way(make, engine):
    for seed in range(3):
        network = make(seed)
        spikes = random_graded(network, seed, steps=14)
        whole = bs.run(network, spikes, record="all", engine=engine)
        state, parts = None, []
        for part in np.split(spikes, [1, 2, 5], axis=1):
            parts.append(bs.run(network, part, record="all", engine=engine, state=state))
            state = parts[-1].state
        assert_same_state(state, whole.state)
        for name, layer in whole.layers.items():
            assert np.array_equal(np.concatenate([part[name].spikes for part in parts], axis=1), layer.spikes)
            for register, values in layer.registers.items():
                joined = np.concatenate([part[name].registers[register] for part in parts], axis=1)
                assert np.array_equal(joined, values)
                assert sum(part[name].overflows[register] for part in parts) == layer.overflows[register]


@pytest.mark.parametrize("make", [*CLOCKED, random_event])
def test_networks_of_invented_chips_are_read_back_equal(make, tmp_path):
    for seed in range(5):
        network = make(seed)
        bs.save_network(network, tmp_path / "net.npz")
        back = bs.load_network(tmp_path / "net.npz")
        assert back == network
        assert [type(p.shape) for p in back.projections] == [type(p.shape) for p in network.projections]


def totals(make, seeds=range(25)):
    """Over many random networks: what overflowed by register, and all spikes, by layer."""
    overflows, spikes = {}, {}
    for seed in seeds:
        network = make(seed)
        for name, layer in bs.run(network, random_graded(network, seed)).layers.items():
            spikes.setdefault(name, set()).update(layer.spikes.ravel().tolist())
            for register, count in layer.overflows.items():
                overflows[name, register] = overflows.get((name, register), 0) + count
    return overflows, spikes


def test_ternary_networks_spike_both_ways_and_wrap_in_every_layer():
    overflows, spikes = totals(random_ternary)
    assert spikes == {"a": {-1, 0, 1}, "b": {-1, 0, 1}}
    assert all(overflows[layer, register] for layer in "ab" for register in ("arrived", "membrane"))


def test_networks_of_shared_exponents_saturate_and_send_graded_spikes_in_every_layer():
    overflows, spikes = totals(random_exponents)
    assert all(overflows[layer, "membrane"] for layer in spikes)
    assert all(max(values) > 3 for values in spikes.values())


def random_start(network, seed):
    """Registers that hold anything their words do."""
    rng, state = np.random.default_rng(seed), bs.initial_state(network)
    state["core"]["membrane"][:] = rng.integers(-256, 256, network.inputs)
    state["core"]["spent"][:] = rng.integers(0, 16, network.inputs)
    return state


def outcome(network, events, engine, state=None):
    """All that an event-driven run tells, or why it never ends."""
    try:
        trace = bs.run(network, events, record="all", engine=engine, state=state)
    except bs.InputError as error:
        return str(error)
    registers = {name: values.tolist() for name, values in trace["core"].registers.items()}
    return registers, trace.wire.tolist(), trace.dropped.tolist(), trace["core"].overflows


def expected(network, events, state):
    """What the slow model makes of a stream: registers, wire and dropped spikes, or the message of no end."""
    (population,), (projection,) = network.populations, network.projections
    given = population.parameters | projection.parameters | state["core"] | {"weights": projection.weights[:, :, 0]}
    given |= {"membrane": state["core"]["membrane"][0], "spent": state["core"]["spent"][0]}
    facts = {name: np.asarray(values).tolist() for name, values in given.items()}
    slow = slow_invented.EventCore({**facts, "open_loop": network.profile.constants["open_loop"]})
    rows = [{"kind": events.names[kind]} for kind in events.kind.tolist()]
    for name, column in events.values.items():
        for row, value in zip(rows, column.tolist(), strict=True):
            row[name] = value
    try:
        membranes, spent, wire, dropped = slow.run(rows)
    except slow_invented.NeverIdle as end:
        return f"sample 0, event {end}: the core is not idle after 500 queued events (queue.limit)"
    return {"membrane": [membranes], "spent": [spent]}, [[0, *row] for row in wire], [dropped]


@settings(max_examples=40)
@given(SEEDS)
def test_thresholds_after_every_event_equal_the_slow_model(seed):
    network = random_event(seed)
    events, state = random_events(network, seed), random_start(network, seed)
    compiled, oracle = (outcome(network, events, engine, state) for engine in ("compiled", "oracle"))
    assert compiled == oracle
    assert (oracle if isinstance(oracle, str) else oracle[:3]) == expected(network, events, state)


def test_event_driven_networks_wrap_spike_and_drop():
    found = [
        outcome(network, random_events(network, seed), "compiled")
        for seed in range(60)
        for network in [random_event(seed)]
    ]
    ended = [each for each in found if not isinstance(each, str)]
    assert sum(overflows["membrane"] for *_, overflows in ended) > 10
    assert sum(len(wire) for _, wire, _, _ in ended) > 50
    assert sum(sum(dropped) for _, _, dropped, _ in ended) > 0
    assert any("500" in each for each in found if isinstance(each, str))
