"""The keys of a file of vectors: what each means, and what is refused, by file and key."""

from __future__ import annotations

from dataclasses import fields

import bitspike as bs
import numpy as np
import pytest
from bitspike.exchange import vectors
from bitspike.exchange.vector_network import LAYER_KEYS, PROJECTION_KEYS, SHAPES
from builders import GENERIC, XYLO, edited, random_spikes, random_xylo
from recorded import core, keys, load, write

NO_KEY = "no key of this profile and network"


def refused(path, profile=GENERIC, **options):
    """The lines of a refusal, without the file's name that each starts with."""
    with pytest.raises((bs.FileError, bs.NetworkError)) as caught:
        load(path, profile, **options)
    lines = str(caught.value).split("\n")
    assert all(line.startswith(f"{path}: ") for line in lines)
    return [line.removeprefix(f"{path}: ") for line in lines]


def test_layers_stand_in_the_order_of_their_first_keys(tmp_path):
    arrays = {f"{name}.{key}": 1 for key in ("leak", "threshold") for name in ("zeta", "alpha")}
    arrays |= {"alpha.spikes": np.zeros((1, 1), int), "alpha-zeta.weights": [[1, 2, 3]], "alpha-zeta.via": "forward"}
    found = load(write(tmp_path / "v.npz", arrays, input=[[1, 2]]))
    assert [(p.name, p.size) for p in found.network.populations] == [("zeta", 3), ("alpha", 1)]
    assert found.network.inputs == 2


def test_two_projections_of_a_pair_are_told_apart_by_a_number(tmp_path):
    more = {"input-a-2.weights": [[1, 1], [1, 1]], "input-a-2.via": "forward"}
    found = load(write(tmp_path / "v.npz", keys() | more))
    assert [int(np.asarray(p.weights).sum()) for p in found.network.projections] == [11, 4]


@pytest.mark.parametrize("name", ["input-a-1", "input-a-02", "input-a-b", "input--a", "-a"])
def test_another_number_names_no_projection(tmp_path, name):
    (line,) = refused(write(tmp_path / "v.npz", keys() | {f"{name}.weights": [[1, 1], [1, 1]]}))
    assert line.startswith(f"{name}.weights: {NO_KEY}") or line == f"{name}: found layer ''; allowed: input, a"


def test_a_connection_may_be_left_out_where_only_one_fits(tmp_path):
    path = write(tmp_path / "v.npz", keys(), input_to_a__via=None)
    assert load(path).network.projections[0].via == "forward"


def test_one_weight_is_the_same_everywhere(tmp_path):
    path = write(tmp_path / "v.npz", keys(), input_to_a__weights=3)
    assert np.asarray(load(path).network.projections[0].weights).tolist() == [[[3], [3]], [[3], [3]]]


def test_a_pooling_without_weights_sums(tmp_path):
    rest = {"input": np.zeros((1, 16), int), "a.class": "pool", "a.total": np.zeros((1, 4), int)}
    pooled = {"input-a.pooling.input_shape": [1, 4, 4], "input-a.pooling.size": 2}
    (projection,) = load(write(tmp_path / "v.npz", rest | pooled), "speck-sinabs").network.projections
    assert projection.shape == bs.Pooling((1, 4, 4), 2)
    assert np.asarray(projection.weights).tolist() == [1]


def test_a_convolution_gives_both_layers_their_size(tmp_path):
    rest = {"input": np.zeros((1, 32), int), "a.class": "neuron", "a.reset_to_zero": 0, "a.reset_value": 0}
    rest |= {"a.bias": 0, "a.threshold": 9, "a.lowest": -99, "b.class": "pool", "b.spikes": np.zeros((1, 4), int)}
    rest |= {"a-b.pooling.input_shape": [1, 2, 2], "a-b.pooling.size": [1, 1], "a-b.pooling.stride": 1}
    kernels = {"input-a.weights": np.ones((1, 2, 3, 3), int), "input-a.convolution.input_shape": [2, 4, 4]}
    path = write(tmp_path / "v.npz", rest | kernels)
    assert load(path, "speck-sinabs").network.size("a") == 4
    lines = refused(write(path, rest | kernels | {"input-a.convolution.padding": 1}), "speck-sinabs")
    assert lines == ["layer 'a': found sizes 4 by a-b.pooling.input_shape, 16 by input-a.convolution; allowed: one"]


def test_values_of_the_profile_come_from_the_file(tmp_path):
    found = load(write(tmp_path / "v.npz", core(), value__open_loop=1), "tinyodin")
    assert found.network.profile.constants == {"last_neuron": 2, "open_loop": 1}


def test_every_key_of_a_shape_is_documented():
    documented = vectors.__doc__.split()
    keys_of_shapes = [f"SOURCE-TARGET.{kind}.{each.name}" for kind in SHAPES for each in fields(SHAPES[kind])]
    assert set(keys_of_shapes) <= set(documented)
    assert {f"SOURCE-TARGET.{key}" for key in PROJECTION_KEYS} | {f"LAYER.{key}" for key in LAYER_KEYS} <= set(
        documented
    )


def test_a_network_that_is_too_large_for_the_chip_needs_limits_off(tmp_path):
    small = edited(GENERIC, ("limits.neurons", {"neuron": 1}))
    path = write(tmp_path / "v.npz", keys())
    assert refused(path, small) == ["limits.neurons: 'neuron' needs 2; allowed: 1"]
    assert bs.verify(load(path, small, limits=False)).equal


REFUSED = {
    "a.treshold": (9, f"a.treshold: {NO_KEY}. Did you mean 'threshold'?"),
    "a.membran": ([[0, 0]] * 4, f"a.membran: {NO_KEY}. Did you mean 'membrane'?"),
    "a.initial.membrane_": (0, f"a.initial.membrane_: {NO_KEY}. Did you mean 'membrane'?"),
    "a.current": ([[0, 0]] * 4, f"a.current: {NO_KEY}"),
    "inputs": ([[0, 0]] * 4, f"inputs: {NO_KEY}. Did you mean 'input'?"),
    "input-a.delay": (0, f"input-a.delay: {NO_KEY}. Did you mean 'delays'?"),
    "input-a.sparse.pres": ([0], f"input-a.sparse.pres: {NO_KEY}. Did you mean 'pre'?"),
    "input.membrane": ([[0, 0]] * 4, f"input.membrane: {NO_KEY}"),
    "events.kind": (["spike"], f"events.kind: {NO_KEY}"),
    "value.shift": (3, "value: found 'shift'; allowed: none, as the profile has none"),
    "hiden-a.weights": ([[1, 1]], "hiden-a: found layer 'hiden'; allowed: input, a"),
    "input": ([0, 0], "input: found shape (2,); allowed: [sample, step, channel] or [step, channel]"),
    "a.membrane": ([0, 0], "a.membrane: found shape (2,); allowed: [sample, step, neuron] or [step, neuron]"),
    "a.spikes": ([[0, 0]] * 3, "a.spikes: found shape (3, 2); allowed: (1, 4, 2): samples, steps, neurons"),
    "a.leak": ([2, 2, 2], "layer 'a': found sizes 2 by a.membrane, 3 by a.leak; allowed: one"),
    "a.threshold": ("nine", "a.threshold: found text; allowed: integers"),
    "a.class": (0, "a.class: found int64 values; allowed: text"),
    "a.initial.accumulator": ([[0, 0]] * 3, "a.initial.accumulator: found shape (3, 2); allowed: (2,) or (1, 2)"),
    "a.initial.past": ([[0, 0]], "a.initial.past: no delay of this network reaches back so far"),
    "a.aliases": ([[0], [1]], "layer 'a': has aliases, which neurons of class 'neuron' do not relay"),
    "input-a.via": ("foward", "projection 'input' to 'a': connection: found 'foward'; allowed: forward. Did you mean"),
    "input-a.delays": (3, "projection 'input' to 'a': delays: connection 'forward' has none"),
    "input-a.convolution.groups": (1, "input-a.convolution.input_shape: missing; allowed: [3]"),
    "input-a.pooling.size": (2, "input-a.pooling.input_shape: missing; allowed: [3]"),
    "input-a.pooling.stride": ([[1]], "input-a.pooling.stride: found shape (1, 1); allowed: one integer or [2]"),
    "input-a.weights": ([[5, -3]], "layer 'input': found sizes 1 by input-a.weights, 2 by input; allowed: one"),
}


@pytest.mark.parametrize(("key", "case"), REFUSED.items(), ids=REFUSED)
def test_a_key_or_a_shape_that_does_not_fit_is_refused(tmp_path, key, case):
    value, message = case
    (line,) = refused(write(tmp_path / "v.npz", keys() | {key: value}))
    assert line.startswith(message)


BEYOND = {
    "input": ([[0, 0], [0, 256], [0, 0], [0, 0]], "input: sample 0, step 1, input 1: found 256; allowed: 0 to 255"),
    "a.membrane": ([[0, 0], [0, 40000]] * 2, "a.membrane[1, 1]: found 40000; allowed: -32768 to 32767 (s16.saturate)"),
    "a.spikes": ([[0, 0], [0, 2]] * 2, "a.spikes[1, 1]: found 2; allowed: 0 to 1 (what a neuron emits)"),
    "a.initial.membrane": (1 << 15, "a.initial.membrane: found 32768; allowed: -32768 to 32767 (s16.saturate)"),
    "input.initial.spikes": ([0, 256], "input.initial.spikes[1]: found 256; allowed: 0 to 255 (u8)"),
    "a.threshold": ([9, -1], "layer 'a': threshold[1]: found -1; allowed: 0 to 32767 (u15)"),
    "a.leak": (np.uint64(1 << 63), "a.leak: found 9223372036854775808; allowed: 0 to 9223372036854775807 (63 bits)"),
    "input-a.weights": (
        [[5, 128], [2, 7]],
        "projection 'input' to 'a': weights[0, 1]: found 128; allowed: -128 to 127",
    ),
}


@pytest.mark.parametrize(("key", "case"), BEYOND.items(), ids=BEYOND)
def test_a_value_beyond_its_word_is_refused(tmp_path, key, case):
    value, message = case
    (line,) = refused(write(tmp_path / "v.npz", keys() | {key: value}))
    assert line.startswith(message)


@pytest.mark.parametrize("key", ["input", "a.threshold", "a.membrane", "input-a.weights"])
@pytest.mark.parametrize("value", [1.0, 0.5, np.nan, 1j])
def test_what_is_no_integer_is_refused_even_if_whole(tmp_path, key, value):
    array = np.asarray(keys()[key]) * value
    (line,) = refused(write(tmp_path / "v.npz", keys() | {key: array}))
    assert line == f"{key}.npy: found {array.dtype} values; only integers and text are read"


def test_booleans_are_zeros_and_ones(tmp_path):
    found = load(write(tmp_path / "v.npz", keys(), a__leak=[True, False]))
    assert np.asarray(found.network.populations[0].parameters["leak"]).tolist() == [1, 0]
    spikes = np.array(keys()["a.spikes"], bool)
    assert bs.verify(load(write(tmp_path / "v.npz", keys(), a__spikes=spikes))).equal


MISSING = {
    "input": "input: missing; allowed: [sample, step, channel] or [step, channel]",
    "input-a.weights": "input-a.weights: missing; allowed: integers",
    "a.threshold": "layer 'a': parameter 'threshold' is missing (u15, 0 to 32767)",
}


@pytest.mark.parametrize(("key", "message"), MISSING.items(), ids=MISSING)
def test_a_missing_key_is_named(tmp_path, key, message):
    arrays = {name: value for name, value in keys().items() if name != key}
    assert refused(write(tmp_path / "v.npz", arrays)) == [message]


@pytest.mark.parametrize(("key", "meant"), [("input-a.weigths", "weights"), ("imput", "input")])
def test_in_place_of_a_missing_key_the_misspelt_one_is_named(tmp_path, key, meant):
    right = "input" if meant == "input" else "input-a.weights"
    arrays = {key if name == right else name: value for name, value in keys().items()}
    assert refused(write(tmp_path / "v.npz", arrays)) == [f"{key}: {NO_KEY}. Did you mean '{meant}'?"]


def test_a_file_without_a_record_has_nothing_to_verify(tmp_path):
    path = write(tmp_path / "v.npz", keys(), a__membrane=None, a__spikes=None)
    assert refused(path) == ["nothing to verify; allowed: one LAYER.REGISTER or LAYER.spikes at least"]


def test_a_record_without_samples_is_refused_where_the_input_has_several(tmp_path):
    path = write(tmp_path / "v.npz", keys(), input=[keys()["input"]] * 2, a__spikes=None)
    assert refused(path) == ["a.membrane: found shape (4, 2); allowed: (2, 4, 2): samples, steps, neurons"]


def test_a_layer_of_no_size_is_refused(tmp_path):
    assert refused(write(tmp_path / "v.npz", keys(), b__threshold=1, b__leak=1)) == [
        "layer 'b': no array says its size; give one [neuron]"
    ]


def test_a_layer_of_a_size_that_is_only_claimed_is_refused(tmp_path):
    shape = {"b.class": "pool", "c.class": "pool", "b-c.pooling.input_shape": [1, 1 << 20, 1 << 20]}
    rest = {"input": [[1]], "a.class": "pool", "a.total": [[0]], "b-c.pooling.size": 1 << 10}
    (line,) = refused(write(tmp_path / "v.npz", rest | shape), "speck-sinabs")
    assert line.startswith("layer 'b': found size 1,099,511,627,776 by b-c.pooling.input_shape; allowed: at most ")


def test_a_shape_that_is_none_is_refused(tmp_path):
    rest = {"input": np.zeros((1, 16), int), "a.class": "pool", "a.total": np.zeros((1, 4), int)}
    rest |= {"input-a.pooling.input_shape": [1, 4, 4], "input-a.pooling.size": 2}
    for key, value, message in (
        (
            "input-a.pooling.stride",
            0,
            "input-a.pooling: stride: found (0, 0); allowed: (height, width), each 1 or more",
        ),
        ("input-a.pooling.size", 9, "input-a.pooling: size: found height 9, spanning 9 neurons"),
        ("input-a.pooling.size", [2, 2, 2], "input-a.pooling: size: found (2, 2, 2); allowed: (height, width)"),
        ("input-a.weights", [1, 1], "input-a.pooling: weights: found shape (2,); allowed: (1,)"),
        ("input-a.sparse.pre", [0], "input-a: found keys of pooling and sparse; allowed: one of them"),
    ):
        (line,) = refused(write(tmp_path / "v.npz", rest | {key: value}), "speck-sinabs")
        assert line.startswith(message)


def test_every_fault_of_a_network_is_a_line(tmp_path):
    lines = refused(write(tmp_path / "v.npz", keys(), a__threshold=-1, a__leak=16))
    assert [line.partition(":")[0] for line in lines] == ["layer 'a'", "layer 'a'"]


def test_a_class_is_needed_where_there_are_several(tmp_path):
    net = random_xylo(1)
    spikes = random_spikes(net, 1)
    bs.save_vectors(tmp_path / "v.npz", net, spikes, bs.run(net, spikes))
    with np.load(tmp_path / "v.npz") as file:
        arrays = dict(file)
    kind = arrays.pop("hidden.class")
    assert refused(write(tmp_path / "v.npz", arrays), XYLO) == ["hidden.class: missing; allowed: hidden, output"]
    path = write(tmp_path / "v.npz", arrays, hidden__clas=kind)
    assert refused(path, XYLO) == [f"hidden.clas: {NO_KEY}. Did you mean 'class'?"]
    path = write(tmp_path / "v.npz", arrays, hidden__class="hiden")
    assert refused(path, XYLO) == ["hidden.class: found 'hiden'; allowed: hidden, output. Did you mean 'hidden'?"]


def test_a_profile_whose_parameter_is_called_like_a_key_is_refused(tmp_path):
    profile = edited(GENERIC, ("connections.forward.parameters", {"delays": "u4"}))
    assert refused(write(tmp_path / "v.npz", keys()), profile) == [
        "profile 'generic-w8-v16': 'delays' has the name of another key; rename it"
    ]


def test_a_value_under_which_the_profile_cannot_be_computed_is_refused(tmp_path):
    wide = edited("ranc", ("values.potential_width.max", 63))
    (line,) = refused(write(tmp_path / "v.npz", keys(), value__potential_width=63), wide)
    assert line == "with potential_width = 63: neurons.neuron: a step can need 64 bits; allowed: at most 63"


def test_a_value_beyond_its_range_is_refused(tmp_path):
    path = write(tmp_path / "v.npz", core(), value__last_neuron=256)
    assert refused(path, "tinyodin") == ["value 'last_neuron': found 256; allowed: 0 to 255"]


EVENTS = {
    "events.kind": (
        ["spike", "reference", "virtal", "reference_one"],
        "events.kind[2]: found 'virtal'; allowed: spike",
    ),
    "events.source": ([3, -1, -1, -1], "events: event 0: source: found 3; allowed: 0 to 2"),
    "events.weight_in": ([0, 0, 8, 0], "events: event 2: weight_in: found 8; allowed: -8 to 7"),
    "events.neuron": ([1, 1], "events.neuron: found shape (2,); allowed: (4,), as events.kind"),
    "events.weigth_in": ([1] * 4, f"events.weigth_in: {NO_KEY}. Did you mean 'weight_in'?"),
    "input": ([[0] * 3], f"input: {NO_KEY}"),
    "core.membrane": ([[0] * 3], "core.membrane: found shape (1, 3); allowed: (1, 4, 3): samples, events, neurons"),
}


@pytest.mark.parametrize(("key", "case"), EVENTS.items(), ids=EVENTS)
def test_events_that_do_not_fit_are_refused(tmp_path, key, case):
    value, message = case
    (line,) = refused(write(tmp_path / "v.npz", core() | {key: value}), "tinyodin")
    assert line.startswith(message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"events__kind": None}, "events.kind: missing; allowed: [event] or [sample, event]"),
        ({"events__kind": np.zeros(0, "U1")}, "events.kind: found shape (0,); allowed: one event at least"),
        ({"events__neuron": None}, "events: event 2: neuron: missing; allowed: 0 to 2"),
    ],
)
def test_a_stream_that_lacks_something_is_refused(tmp_path, change, message):
    assert refused(write(tmp_path / "v.npz", core(), **change), "tinyodin") == [message]
