"""What a spike acts as when it arrives: clipped, of any size or sign, over weights formatted with what they read."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine.prepare import signature
from bitspike.engine.wiring import wire
from builders import GENERIC, edited, generic
from invented_chips import random_graded, random_ternary

ENGINES = ("compiled", "array", "oracle")
FORWARD = "connections.forward"
everywhere = pytest.mark.parametrize("engine", ENGINES)


def arrived(network, spikes, engine):
    """What has arrived so far, by step: the membranes of neurons that neither leak nor fire."""
    return bs.run(network, spikes, record="all", engine=engine)["a"].registers["membrane"][0].tolist()


def still(*edits):
    """A profile whose neurons lose nothing of a small membrane."""
    return edited(GENERIC, ("neurons.neuron.step.0.decay.rounding", "zero"), *edits)


def silent(weights, *edits):
    return generic(weights, threshold=32767, leak=15, profile=still(*edits))


@everywhere
@pytest.mark.parametrize(("cap", "acts"), [(15, 15), ("nonzero", 1)])
def test_counts_wider_than_the_datapath_are_clipped_before_they_are_narrowed(engine, cap, acts):
    network = silent([[3]], ("input", "u40"), (f"{FORWARD}.cap", cap))
    for count in (2**31, 2**32, 2**40 - 1):
        assert arrived(network, [[count]], engine) == [[3 * acts]]


@everywhere
def test_any_spike_acts_as_one_whatever_its_size_and_sign(engine):
    network = silent([[3, -3]], ("input", "s8"), (f"{FORWARD}.cap", "nonzero"))
    assert arrived(network, [[-128], [0], [127]], engine) == [[3, -3], [3, -3], [6, -6]]


@everywhere
def test_graded_spikes_multiply_their_weight(engine):
    network = silent([[3, -3]], ("input", "s8"), (f"{FORWARD}.cap", "none"))
    assert arrived(network, [[-128], [0], [127]], engine) == [[-384, 384], [-384, 384], [-3, 3]]


@everywhere
def test_a_weight_reads_the_extremes_of_its_projection(engine):
    """An offset of the least weight, as unsigned storage has it."""
    network = silent(
        [[-5, 0], [7, 1]],
        (f"{FORWARD}.derived", {"offset": "s9.refuse"}),
        (f"{FORWARD}.prepare", [{"add": {"into": "offset", "terms": ["weight_max", "-weight_min"]}}]),
        (f"{FORWARD}.weight.format", [{"add": {"into": "weight", "terms": ["offset"], "word": "s10.refuse"}}]),
    )
    assert arrived(network, [[1, 0], [0, 1]], engine) == [[7, 12], [26, 25]]


@everywhere
def test_a_weight_reads_its_target_its_source_and_the_profile(engine):
    """The neuron's exponent moves it, the source's sign turns it, the profile's value is added."""
    parameters = {"threshold": "u15", "leak": "u4", "exponent": "u2"}
    stages = [
        {"shift": {"into": "weight", "by": "exponent", "word": "s12.refuse"}},
        {"set": {"into": "weight", "value": "-weight", "when": ["turned", "==", 1], "word": "s12.refuse"}},
        {"add": {"into": "weight", "terms": ["extra"], "word": "s12.refuse"}},
    ]
    profile = still(
        ("neurons.neuron.parameters", parameters),
        ("values", {"extra": {"value": 0, "min": 0, "max": 9, "note": ""}}),
        (f"{FORWARD}.source_parameters", {"turned": "u1"}),
        (f"{FORWARD}.weight.format", stages),
    ).with_values(extra=5)
    layer = bs.Population("a", 2, {"threshold": 32767, "leak": 15, "exponent": [0, 3]})
    link = bs.Projection("input", "a", [[1, 2], [3, 4]], "forward", {"turned": [0, 1]})
    network = bs.Network(profile, 2, [layer], [link])
    assert arrived(network, [[1, 0], [0, 1]], engine) == [[6, 21], [8, -6]]


@everywhere
def test_every_synapse_delivers_after_its_own_delay(engine):
    delay = {"per": "synapse", "word": "u3"}
    profile = still((f"{FORWARD}.delay", delay))
    layer = bs.Population("a", 2, {"threshold": 32767, "leak": 15})
    links = [bs.Projection("input", "a", [[1, 10], [100, 50]], "forward", delays=[[0, 2], [3, 7]])]
    network = bs.Network(profile, 2, [layer], links)
    steps = arrived(network, [[1, 1], *[[0, 0]] * 7], engine)
    assert steps == [[1, 0], [1, 0], [1, 10], [101, 10], [101, 10], [101, 10], [101, 10], [101, 60]]


@everywhere
def test_shorter_delays_are_delivered_before_longer_ones_of_a_projection(engine):
    """Both arrive in step 1, where 3 x -128 clips before 3 x 127, which came first, takes it back."""
    delay = {"per": "source", "word": "u1"}
    profile = still((f"{FORWARD}.delay", delay), ("neurons.neuron.registers.accumulator", "s9.saturate"))
    layer = bs.Population("a", 1, {"threshold": 32767, "leak": 15})
    links = [bs.Projection("input", "a", [[127], [-128]], "forward", delays=[1, 0])]
    assert arrived(bs.Network(profile, 2, [layer], links), [[3, 0], [0, 3]], engine) == [[0], [-256 + 3 * 127]]


@everywhere
def test_a_parameter_belongs_to_its_synapse_in_whatever_order_they_are_listed(engine):
    cut = {"set": {"into": "weight", "value": 0, "when": ["cut", "==", 1], "word": "s8.refuse"}}
    profile = still((f"{FORWARD}.synapse_parameters", {"cut": "u1"}), (f"{FORWARD}.weight.format", [cut]))
    layer = bs.Population("a", 3, {"threshold": 32767, "leak": 15})
    shape = bs.Sparse([1, 0, 1], [2, 1, 0])
    links = [bs.Projection("input", "a", [1, 2, 4], "forward", {"cut": [1, 0, 0]}, shape)]
    assert arrived(bs.Network(profile, 2, [layer], links), [[1, 1]], engine) == [[4, 2, 0]]


@everywhere
def test_a_loop_that_a_delay_breaks_is_computed_in_order(engine):
    """a acts on b in the step, b on a two steps later."""
    profile = still((f"{FORWARD}.delay", {"per": "projection", "word": "u2"}))
    layers = [bs.Population(name, 1, {"threshold": 1, "leak": 15}) for name in "ab"]
    links = [
        bs.Projection("input", "a", [[1]], "forward"),
        bs.Projection("a", "b", [[1]], "forward"),
        bs.Projection("b", "a", [[1]], "forward", delays=2),
    ]
    trace = bs.run(bs.Network(profile, 1, layers, links), [[1], *[[0]] * 5], engine=engine)
    assert trace["a"].spikes[0, :, 0].tolist() == trace["b"].spikes[0, :, 0].tolist() == [1, 0, 1, 0, 1, 0]


def test_many_delays_run_on_the_kernel_of_two():
    profile = still((f"{FORWARD}.delay", {"per": "synapse", "word": "u6"}))
    layer = bs.Population("a", 8, {"threshold": 9, "leak": 2})

    def made(delays):
        return bs.Network(profile, 8, [layer], [bs.Projection("input", "a", 1, "forward", delays=delays)])

    few, many = (made(np.arange(64).reshape(8, 8) % most) for most in (2, 64))
    assert [signature(profile, layer) for (layer,) in wire(few)] == [
        signature(profile, layer) for (layer,) in wire(many)
    ]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["b"].pop("past"), "state: b.past: missing"),
        (lambda s: s["b"].update(past=s["b"]["past"][:, 1:]), "state: b.past: found int8 (2, 6, {b}); allowed: "),
        (lambda s: s["b"]["past"].fill(2), "state: b.past: found 2 to 2; allowed: -1 to 1"),
        (lambda s: s["input"]["past"].fill(2), "state: input.past: found 2 to 2; allowed: -2 to 1"),
    ],
)
def test_spikes_on_their_way_that_do_not_fit_are_refused(engine, change, message):
    network = random_ternary(3)
    state = bs.initial_state(network, 2)
    change(state)
    with pytest.raises(bs.InputError) as caught:
        bs.run(network, random_graded(network, 3), engine=engine, state=state)
    assert str(caught.value).startswith(message.format(b=network.population("b").size))
