"""What `run` refuses: spikes, states, names of registers and engines; and that it leaves its inputs alone."""

import bitspike as bs
import numpy as np
import pytest
from builders import generic, random_generic, random_spikes

NETWORK = generic()
SPIKES = np.ones((2, 3, 2), np.uint8)


def refused(spikes=SPIKES, **options):
    with pytest.raises(bs.InputError) as caught:
        bs.run(NETWORK, spikes, **{"engine": "array", **options})
    return str(caught.value)


def test_what_is_no_network_is_refused():
    with pytest.raises(bs.InputError, match=r"^network: found str; allowed: a Network$"):
        bs.run("net.npz", SPIKES)


@pytest.mark.parametrize(
    ("spikes", "found"),
    [
        (np.ones((3, 5), int), "shape (3, 5)"),
        (np.ones(2, int), "shape (2,)"),
        (np.ones((1, 1, 1, 2), int), "shape (1, 1, 1, 2)"),
        (3, "shape ()"),
        ([], "shape (0,)"),
        (None, "NoneType"),
        (bs.Events.of([{"kind": "spike", "source": 0}]), "Events"),
    ],
)
def test_spikes_of_another_shape_are_refused(spikes, found):
    assert refused(spikes) == f"spikes: found {found}; allowed: [sample, step, 2] or [step, 2]"


@pytest.mark.parametrize("shape", [(0, 2), (0, 3, 2), (3, 0, 2)])
def test_no_steps_and_no_samples_are_refused(shape):
    expected = f"spikes: found shape {np.empty(shape).shape}; at least one sample and one step are needed"
    assert refused(np.zeros(shape, int)) == expected


@pytest.mark.parametrize(
    ("spikes", "dtype"),
    [(SPIKES * 1.0, "float64"), ([[None, 1]], "object"), ([["1", "0"]], "<U1"), ([[1j, 0]], "complex128")],
)
def test_spikes_that_are_no_integers_are_refused(spikes, dtype):
    assert refused(spikes) == f"spikes: found {dtype} values; integers 0 to 255 are needed"


def test_ragged_spikes_are_refused():
    assert refused([[1, 0], [1]]) == "spikes: not a rectangular array"


@pytest.mark.parametrize("count", [-1, 256, 10**12])
def test_a_count_out_of_range_is_named_by_its_place(count):
    spikes = SPIKES.astype(int)
    spikes[1, 2, 0] = count
    assert refused(spikes) == f"spikes: sample 1, step 2, input 0: found {count}; allowed: 0 to 255"


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint16, np.uint64, ">i4"])
def test_any_integer_type_of_spikes_gives_the_same_run(dtype):
    assert bs.compare(bs.run(NETWORK, SPIKES.astype(dtype)), bs.run(NETWORK, SPIKES)).equal


def test_two_dimensions_are_one_sample():
    assert bs.compare(bs.run(NETWORK, SPIKES[0]), bs.run(NETWORK, SPIKES[:1])).equal


def test_an_unknown_register_is_told_the_nearest_name():
    expected = "record: found 'membran'; allowed: accumulator, membrane, or 'all'. Did you mean 'membrane'?"
    assert refused(record=["membran"]) == expected
    assert refused(record="membran") == expected


def test_an_unknown_engine_is_refused():
    assert refused(engine="fast") == "engine: found 'fast'; allowed: compiled, array, oracle"


def state_with(**changes):
    state = bs.initial_state(NETWORK, 2)
    state["a"].update(changes)
    return state


@pytest.mark.parametrize(
    ("state", "message"),
    [
        ({}, "state: input.spikes: missing"),
        (5, "state: input.spikes: missing"),
        ({"input": {"spikes": np.zeros((2, 2), int)}}, "state: a.accumulator: missing"),
        (bs.initial_state(NETWORK, 3), "state: input.spikes: found uint8 (3, 2); allowed: integers (2, 2)"),
        (state_with(membrane=np.zeros((2, 5), int)), "state: a.membrane: found int64 (2, 5); allowed: integers (2, 2)"),
        (state_with(membrane=np.zeros((2, 2))), "state: a.membrane: found float64 (2, 2); allowed: integers (2, 2)"),
        (state_with(membrane=[[1], [1, 2]]), "state: a.membrane: not a rectangular array"),
        (state_with(membrane=[[0, 0], [0, 32768]]), "state: a.membrane: found 0 to 32768; allowed: -32768 to 32767"),
        (state_with(spikes=[[0, 0], [0, 2]]), "state: a.spikes: found 0 to 2; allowed: 0 to 1"),
        (
            {**state_with(), "input": {"spikes": [[0, 0], [0, -1]]}},
            "state: input.spikes: found -1 to 0; allowed: 0 to 255",
        ),
    ],
)
def test_a_state_that_does_not_fit_is_refused(state, message):
    assert refused(state=state) == message
    with pytest.raises(bs.InputError) as caught:
        bs.explain(NETWORK, SPIKES, layer="a", neuron=0, step=0, state=state)
    assert str(caught.value) == message


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_a_run_changes_neither_its_input_nor_the_state_it_is_given(engine):
    network = random_generic(1)
    spikes = random_spikes(network, 1)
    state = bs.run(network, spikes).state
    before = {(n, r): v.copy() for n, registers in state.items() for r, v in registers.items()}
    kept = spikes.copy()
    bs.run(network, spikes, engine=engine, state=state)
    assert np.array_equal(spikes, kept)
    assert all(np.array_equal(state[n][r], values) for (n, r), values in before.items())
