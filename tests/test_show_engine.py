"""`bitspike show --engine` says which code runs: what it says is held against what the kernels' makers emit."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import accumulate, choice, delivery, kernel, matrix, prepare, vector
from bitspike.engine.arrival import Arrival
from bitspike.engine.wiring import wire
from builders import GENERIC, XYLO, edited, generic, random_xylo
from command_line import bitspike, refused, small
from event_cores import core

CLOCKED = [name for name in bs.profile_names() if bs.load_profile(name).clock == "step"]
EVENTS = [name for name in bs.profile_names() if name not in CLOCKED]
WIDE = edited(
    GENERIC,
    ("neurons.neuron.registers.accumulator", "s40.saturate"),
    ("connections.forward.weight.word", "s32"),
    ("connections.recurrent.weight.word", "s32"),
)


@pytest.fixture
def emitted(monkeypatch) -> set[str]:
    """What a kernel's maker emits for deliveries, as it is called."""
    met: set[str] = set()

    def watch(module, name, facts):
        original = getattr(module, name)

        def watched(*args, **options):
            met.update(facts(*args, **options))
            return original(*args, **options)

        monkeypatch.setattr(module, name, watched)

    def scatters(neurons, register, sums, *rest):
        return {"synapse by synapse", "each" if sums is None else "sums"}

    watch(delivery, "convolved", lambda *_: {"patch by patch", "sums"})
    watch(delivery, "swept", lambda *_: {"place by place", "sums"})
    watch(delivery, "pooled", lambda *_: {"windows", "sums"})
    watch(accumulate, "_each", lambda *_: {"vectors", "each"})
    for module in (accumulate, matrix):
        watch(module, "summed", lambda *_: {"vectors", "sums"})
    watch(matrix, "_pairs", lambda *_: {"pairs"})
    watch(vector, "scattered", scatters)
    watch(vector, "settled", lambda *_: {"once a step"})
    return met


def said(kernel_text: str) -> set[str]:
    """The facts that a text of `choice.way` claims."""
    words = {
        "patch by patch": {"patch by patch", "sums"},
        "place by place": {"place by place", "sums"},
        "of windows": {"windows"},
        "synapse by synapse": {"synapse by synapse"},
        "plain sums": {"sums"},
        "in pairs": {"pairs"},
        "vectors of": {"vectors"},
        "word-by-word": {"each"},
        "a fit each": {"each"},
        "into sums": {"sums"},
        "one write a step": {"once a step"},
    }
    return set().union(*(facts for text, facts in words.items() if text in kernel_text))


def forms(profile):
    """Each connection of a profile in each form, as the arrival that a kernel is made for."""
    for name, connection in profile.connections.items():
        for arrival in choice._forms(profile, name):
            typed = {"spikes": "uint8", "total": "int32", "picture": arrival.picture and "int32"}
            yield connection.target, Arrival(**{**vars(arrival), **typed})


@pytest.mark.parametrize("name", [*CLOCKED, "wide"])
def test_what_is_said_of_a_connection_is_what_its_kernel_is_made_of(emitted, name):
    profile = WIDE if name == "wide" else bs.load_profile(name)
    for target, arrival in forms(profile):
        emitted.clear()
        kernel.kernel_code(
            profile, kernel.Signature(target, (arrival,), False, (), channels_last=arrival.channels_last)
        )
        text, why = choice.way(profile, arrival)
        assert said(text) == emitted, f"{arrival}: {text}"
        assert why


@pytest.mark.parametrize(
    ("name", "pools"), [("xylo-audio-2", False), ("generic-conv-w8-v16", True), ("speck-sinabs", True)]
)
def test_only_a_chip_with_convolutions_has_pools_of_them(name, pools):
    profile = bs.load_profile(name)
    assert any(arrival.windows is not None for _, arrival in forms(profile)) == pools


def test_where_64_bits_may_not_hold_a_sum_every_add_is_word_by_word():
    (matrix, *_) = [arrival for _, arrival in forms(WIDE)]
    assert choice.way(WIDE, matrix)[0] == "word-by-word adds, vectors of 32 neurons"


@pytest.mark.parametrize("name", bs.profile_names())
def test_every_class_and_connection_of_every_profile_is_answered(name):
    profile = bs.load_profile(name)
    stages, deliveries = choice.of_profile(profile)
    assert [each.neuron for each in stages] == list(profile.neurons)
    assert all(set(each.lanes) == set(profile.neurons[each.neuron].registers) for each in stages)
    if profile.clock == "step":
        assert {each.connection for each in deliveries} == set(profile.connections)
        assert {(each.connection, each.register) for each in deliveries} == {
            (via, register) for via, connection in profile.connections.items() for register in connection.into
        }
    else:
        assert list(dict.fromkeys(each.form for each in deliveries)) == [f"event {kind}" for kind in profile.events]


@pytest.mark.parametrize(
    ("word", "write"),
    [
        ("s16.saturate", "the machine's saturating add"),
        ("s16.wrap", "the machine's wrapping add"),
        ("s15.saturate", "an add, then a clip"),
        ("s12.wrap", "an add, then a mask"),
        ("s16.refuse", "an add; what does not fit is refused"),
    ],
)
def test_how_a_write_is_fitted_is_told(word, write):
    profile = edited(GENERIC, ("neurons.neuron.registers.accumulator", word))
    _, (first, *_) = choice.of_profile(profile)
    assert (first.register, first.write, first.lanes) == ("accumulator", write, 16)


def test_a_networks_projections_are_told_with_the_types_that_their_weights_decide():
    stages, (delivery,) = choice.of_network(generic(weights=[[5, -300], [2, 7]], profile=WIDE))
    assert [(each.layer, each.kernel) for each in stages] == [("a", choice.VECTORS)]
    assert (delivery.source, delivery.layer, delivery.form, delivery.weights) == ("input", "a", "matrix", "int16")


def test_a_network_is_told_in_the_order_of_its_kernels():
    network = random_xylo(3)
    stages, deliveries = choice.of_network(network)
    layers = [layer for group in wire(network) for layer in group]
    arrivals = [each for layer in layers for each in prepare.signature(network.profile, layer).incoming]
    assert [each.layer for each in stages] == [layer.name for layer in layers]
    assert [each.connection for each in deliveries] == [a.via for a in arrivals for _ in range(a.synapses)]


def test_neurons_whose_spikes_are_copied_are_computed_one_by_one():
    first, *_ = choice.of_network(random_xylo(3))[0]
    assert first.kernel == choice.NEURON
    possible = choice.of_profile(bs.load_profile(XYLO))[0][0]
    assert possible.kernel == f"{choice.VECTORS}; {choice.NEURON} where spikes are copied to aliases"


@pytest.mark.parametrize("name", bs.profile_names())
def test_the_command_tells_a_profile_and_the_same_as_json(capsys, name):
    ran = bitspike(capsys, "show", name, "--engine")
    assert (ran.status, ran.err) == (0, "")
    told = json.loads(bitspike(capsys, "show", name, "--engine", "--json").out)
    assert told["profile"] == name
    for each in (*told["stages"], *told["deliveries"]):
        assert each["kernel"] in ran.out
        assert each["why"] in ran.out


def test_the_command_tells_a_network(capsys, tmp_path):
    ran = bitspike(capsys, "show", small(tmp_path / "net.npz"), "--engine")
    lines = [" ".join(line.split()) for line in ran.out.splitlines()]
    assert lines[0] == f"{GENERIC}, clock: step, on the compiled engine"
    assert any(line.startswith("input to a accumulator matrix plain sums") and "int8" in line for line in lines)
    told = json.loads(bitspike(capsys, "show", tmp_path / "net.npz", "--engine", "--json").out)
    assert [(each["source"], each["layer"]) for each in told["deliveries"]] == [("input", "a")]


def test_a_network_on_event_time_is_told_kind_by_kind():
    network = core(np.ones((2, 2), int))
    _, deliveries = choice.of_network(network)
    kinds = list(network.profile.events)
    assert list(dict.fromkeys(each.form for each in deliveries)) == [f"event {kind}" for kind in kinds]


def test_an_unknown_profile_is_refused(capsys, tmp_path):
    (line,) = refused(capsys, tmp_path, "show", "nothing-like-it", "--engine")
    assert "nothing-like-it" in line
