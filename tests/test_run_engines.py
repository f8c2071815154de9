"""The engines agree on every register, step, neuron and overflow count, in one run or in parts."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import clocked
from bitspike.profile.check import find_faults
from builders import GENERIC, edited, generic, random_generic, random_spikes, random_xylo
from engines import assert_same_state
from hypothesis import given, settings
from hypothesis import strategies as st

SEEDS = st.integers(0, 2**32 - 1)
ENGINES = ("compiled", "array", "oracle")
REGISTERS = "neurons.neuron.registers"


def assert_engines_agree(network, spikes):
    golden = bs.run(network, spikes, record="all", engine="oracle")
    for engine in ("compiled", "array"):
        found = bs.run(network, spikes, record="all", engine=engine)
        bs.compare(found, golden).check()
        assert not bs.compare(found, golden).left_out
        assert_same_state(found.state, golden.state)


@settings(max_examples=30)
@given(SEEDS, st.sampled_from(["saturate", "wrap"]))
def test_engines_agree_on_layers_in_mutual_recurrence(seed, overflow):
    network = random_generic(seed, overflow)
    assert_engines_agree(network, random_spikes(network, seed))


@settings(max_examples=30)
@given(SEEDS)
def test_engines_agree_on_xylo_with_copies_of_spikes(seed):
    network = random_xylo(seed)
    assert_engines_agree(network, random_spikes(network, seed))


def test_the_random_networks_spike_and_overflow_in_every_layer():
    for make in (random_generic, random_xylo):
        traces = [bs.run(net, random_spikes(net, seed)) for seed in range(20) for net in [make(seed)]]
        for layer in traces[0].layers:
            assert any(trace[layer].spikes.any() for trace in traces)
            assert any(sum(trace[layer].overflows.values()) for trace in traces)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("make", [random_generic, random_xylo])
def test_a_run_in_parts_equals_one_run(make, engine):
    network = make(5)
    spikes = random_spikes(network, 5)
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


def test_a_run_without_the_state_starts_anew():
    network = generic([[100]], threshold=150, leak=15)
    first = bs.run(network, [[1]])
    assert not first.spikes.any()
    assert not bs.run(network, [[1]]).spikes.any()
    assert bs.run(network, [[1]], state=first.state).spikes.all()


@pytest.mark.parametrize("threads", [1, 3, 8])
def test_results_depend_neither_on_threads_nor_on_the_other_samples(monkeypatch, threads):
    monkeypatch.setattr(clocked, "available_threads", lambda: threads)
    network = random_generic(7)
    spikes = random_spikes(network, 7, samples=5)
    together = bs.run(network, spikes, record="all")
    alone = [bs.run(network, sample, record="all") for sample in spikes]
    for name, layer in together.layers.items():
        assert np.array_equal(np.concatenate([trace[name].spikes for trace in alone]), layer.spikes)
        for register, values in layer.registers.items():
            assert np.array_equal(np.concatenate([trace[name].registers[register] for trace in alone]), values)
            assert sum(trace[name].overflows[register] for trace in alone) == layer.overflows[register]


@pytest.mark.parametrize(("threads", "used"), [(1, 1), (2, 2), (3, 3), (10**9, 3), (None, 3)])
def test_there_are_no_more_threads_than_processors(monkeypatch, threads, used):
    run_samples, found = clocked.run_samples, []
    monkeypatch.setattr(clocked, "available_threads", lambda: 3)
    monkeypatch.setattr(clocked, "run_samples", lambda *job: found.append(job[-1]) or run_samples(*job))
    bs.run(generic(), np.ones((5, 2, 2), int), threads=threads)
    assert found == [used]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_refused_overflow_names_its_place_whatever_the_engine(engine):
    profile = edited(GENERIC, (f"{REGISTERS}.accumulator", "s9.refuse"))
    network = generic([[100, 1]], profile=profile)
    spikes = np.zeros((3, 5, 1), int)
    spikes[1, 3], spikes[2, 0] = 3, 4  # the later step, but the first sample
    with pytest.raises(bs.OverflowRefusedError) as caught:
        bs.run(network, spikes, engine=engine)
    assert str(caught.value) == "sample 1, step 3, layer a, accumulator: 300 does not fit s9.refuse, -256 to 255"


@pytest.mark.parametrize("engine", ENGINES)
def test_what_a_refusing_word_holds_is_computed(engine):
    profile = edited(GENERIC, (f"{REGISTERS}.accumulator", "s9.refuse"))
    trace = bs.run(generic([[100]], profile=profile, threshold=200), [[2], [1]], record="all", engine=engine)
    assert trace.spikes[0, :, 0].tolist() == [1, 0]
    assert trace["a"].registers["membrane"][0, :, 0].tolist() == [0, 100]


def test_a_profile_on_which_engines_could_disagree_is_refused():
    """A weight of 0 would matter: added, it would bring the register back into its own word."""
    wider = {"set": {"into": "accumulator", "value": 0, "word": "s20.saturate"}}
    (fault,) = find_faults(edited(GENERIC, ("neurons.neuron.step.2", wider)))
    assert str(fault) == (
        "neurons.neuron.registers.accumulator: spikes arrive as s16.saturate, "
        "but a stage writes -524288 to 524287; allowed: -32768 to 32767"
    )


def test_a_connection_whose_parameter_is_named_like_a_register_is_refused():
    """The stages of a sum read both: one name must mean one value."""
    (fault,) = find_faults(edited(GENERIC, ("connections.forward.parameters", {"membrane": "u4"})))
    assert str(fault) == (
        "connections.forward.parameters.membrane: names a register or parameter of the target, "
        "or a value of the profile; choose another name"
    )


def pictures(seed):
    """A convolution and a pool, both of whose sums are 0 between steps."""
    rng = np.random.default_rng(seed)
    shape, pooling = bs.Convolution((2, 6, 6)), bs.Pooling((8, 4, 4), 2)
    layers = [bs.Population("a", 128, {"threshold": 60, "leak": 3}, "neuron"), bs.Population("p", 32, neuron="pool")]
    kernels = rng.integers(-128, 128, (8, 2, 3, 3))
    links = [
        bs.Projection("input", "a", kernels, "forward", shape=shape),
        bs.Projection("a", "p", 1, "pooling", shape=pooling),
    ]
    return bs.Network(bs.load_profile("generic-conv-w8-v16"), 72, layers, links, limits=False)


@pytest.mark.parametrize("make", [random_generic, random_xylo, pictures])
@pytest.mark.parametrize("record_to", [None, "trace.npz"])
def test_a_run_that_starts_from_0_reads_nothing_that_memory_held_before(used_memory, tmp_path, make, record_to):
    network = make(3)
    spikes = random_spikes(network, 3)
    found = bs.run(network, spikes, record_to=record_to and tmp_path / record_to)
    golden = bs.run(network, spikes, engine="array")
    bs.compare(found, golden).check()
    assert any(values.any() for registers in golden.state.values() for values in registers.values())
    assert_same_state(found.state, golden.state)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("steps", [1, 2, 3, 8])  # fewer than spikes are on their way, and more
@pytest.mark.parametrize("raster", [False, True])
def test_what_is_on_its_way_is_kept_of_a_run_from_0_of_any_length(used_memory, seed, steps, raster):
    rng = np.random.default_rng(seed)
    delay = ("connections.forward.delay", {"per": "synapse", "word": "u3"})
    layers = [bs.Population(name, 3, {"threshold": 20, "leak": 3}) for name in "ab"]

    def link(source, target):
        weights, delays = rng.integers(-20, 60, (3, 3)), rng.integers(1, 5, (3, 3))
        return bs.Projection(source, target, weights, "forward", delays=delays)

    links = [link("input", "a"), link("a", "b"), link("b", "a"), link("a", "a")]
    network = bs.Network(edited(GENERIC, delay), 3, layers, links)
    first, second = rng.integers(0, 3, (2, 2, steps, 3), dtype=np.uint8)
    part = bs.run(network, bs.Raster.of(first) if raster else first, record="all")
    golden = bs.run(network, first, record="all", engine="array")
    bs.compare(part, golden).check()
    assert_same_state(part.state, golden.state)
    bs.compare(bs.run(network, second, state=part.state), bs.run(network, second, state=golden.state)).check()
