"""Dense weights, added plainly and in pairs where that is the same, give the bits of source after source."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import matrix
from bitspike.engine.kernel import kernel_code
from bitspike.engine.listing import AHEAD, FEW
from bitspike.engine.prepare import prepare, signature
from bitspike.engine.signature import of_room
from bitspike.engine.wiring import wire
from builders import GENERIC, edited, generic
from engines import assert_equal_to_arrays
from hypothesis import given, settings
from hypothesis import strategies as st

INPUTS = 600  # more than the events of a part, and than the pairs whose sum fits 16 bits
WORDS = ("s16.saturate", "s16.wrap", "s12.saturate", "s20.wrap")


def profile(word, weight="s16"):
    changes = [(f"neurons.neuron.registers.{name}", word) for name in ("accumulator", "membrane")]
    return edited(GENERIC, *changes, ("connections.forward.weight.word", weight), ("input", "s8"))


@settings(max_examples=30)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from(WORDS),
    st.sampled_from([(-3, 3), (-128, 127), (0, 127), (-128, 0), (-30000, 30000)]),
    st.sampled_from([1, 31, 33, 224]),
    st.sampled_from([0.01, 0.2, 0.7, 1.0]),
    st.sampled_from([(1, 1), (1, 3), (-3, 1)]),
)
def test_a_matrix_is_what_its_sources_are_one_by_one(seed, word, ends, neurons, density, counts):
    rng = np.random.default_rng(seed)
    weights = rng.integers(*ends, (INPUTS, neurons), endpoint=True)
    spikes = (rng.random((2, 4, INPUTS)) < density) * rng.integers(*counts, (2, 4, INPUTS), endpoint=True)
    network = generic(weights, threshold=rng.integers(1, 100), leak=int(rng.integers(0, 5)), profile=profile(word))
    assert_equal_to_arrays(network, spikes.astype(np.int8))


@pytest.mark.parametrize("inputs", [1, 7, 8, 9, 63, 64, 65, 71, 72, 127, 135, 200])
@pytest.mark.parametrize("most", [1, 3])
def test_every_pattern_of_neighbouring_sources_is_delivered_in_order(inputs, most):
    rng = np.random.default_rng(inputs)
    eights = [np.unpackbits(rng.permutation(256).astype(np.uint8)[:, None], axis=1) for _ in range(0, inputs, 8)]
    spikes = np.concatenate(eights, axis=1)[:, :inputs] * rng.integers(1, most, (256, inputs), endpoint=True)
    weights = rng.integers(-128, 127, (inputs, 3), endpoint=True)
    network = generic(weights, threshold=200, leak=1, profile=profile("s9.saturate"))  # where their order matters
    assert_equal_to_arrays(network, spikes[None])


@pytest.mark.parametrize("found", range(FEW + 3))
def test_few_sources_and_just_too_many_are_delivered_in_order(found):
    """So many of each 64, the first and the last among them or not."""
    rng = np.random.default_rng(found)
    places = [rng.permutation(64)[:found] for _ in range(60)] + [np.arange(found), 63 - np.arange(found)]
    spikes = np.zeros((len(places), 64), np.uint8)
    for row, place in zip(spikes, places, strict=True):
        row[place] = 1
    spikes = np.concatenate([spikes, spikes[::-1], spikes[:, :7]], axis=1)
    weights = rng.integers(-128, 127, (spikes.shape[1], 3), endpoint=True)
    assert_equal_to_arrays(generic(weights, threshold=200, leak=1, profile=profile("s9.saturate")), spikes[None])


def test_what_is_written_behind_the_last_listed_source_has_room():
    network = generic(np.ones((64, 1), int))
    [[layer]] = wire(network)
    prepared = prepare(network.profile, layer, "", bs.initial_state(network)[layer.name])
    room = dict(zip(of_room(network.profile, signature(network.profile, layer, "")), prepared.room, strict=True))
    assert room["index0"] == 4 * (64 + AHEAD)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("step", [-1, 0, 1])
@pytest.mark.parametrize("listed", [False, True])
def test_a_register_that_just_stays_within_its_word_and_one_beyond_it(sign, step, listed):
    """A step fills the register to 32767 or -32768, less or more one; a source of the other sign follows."""
    events, end = 300, (32767 if sign > 0 else -32768) + step
    weights = np.zeros((INPUTS, 40), int)
    weights[:events] = np.diff(np.arange(events + 1) * end // events)[:, None]
    weights[events] = -sign
    spikes = np.zeros((1, 1, INPUTS), np.uint8)
    spikes[:, :, : events + 1] = 1
    network = generic(weights, threshold=32767, leak=0, profile=profile("s16.saturate"))
    if listed:
        ends = np.nonzero(weights)
        link = bs.Projection("input", "a", weights[ends], "forward", shape=bs.Sparse(*ends))
        network = bs.Network(network.profile, INPUTS, network.populations, [link])
    trace = assert_equal_to_arrays(network, spikes)
    assert (trace.overflows["a"]["accumulator"] > 0) == (step * sign > 0)


@pytest.mark.parametrize("least", [-128, -20])
def test_sums_of_pairs_are_brought_to_wider_sums_before_they_pass_16_bits(least):
    """One write a step, of more events than 16 bits hold of the least weight."""
    weights = np.full((INPUTS, 70), least)
    weights[:, ::3] = 127
    loihi = bs.load_profile("loihi-lava")
    zero = dict.fromkeys(("bias_mant", "bias_exp", "ternary", "vth_low", "reset_interval", "reset_phase"), 0)
    layer = bs.Population("a", 70, {"vth": 100, "du": 1024, "dv": 256, **zero})
    options = {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 1}
    link = bs.Projection("input", "a", weights, "dense", options)
    assert_equal_to_arrays(bs.Network(loihi, INPUTS, [layer], [link], limits=False), np.ones((1, 3, INPUTS), np.uint8))


@pytest.mark.parametrize("neurons", [1, 40, 128, 300, 544])
@pytest.mark.parametrize("ends", [(-128, 127), (-30000, 30000)])
def test_weights_that_are_asked_for_before_they_are_read(monkeypatch, neurons, ends):
    monkeypatch.setattr(matrix, "core_cache", lambda: 0)
    monkeypatch.setattr(matrix, "_WIDE", 1)
    rng = np.random.default_rng(neurons)
    network = generic(rng.integers(*ends, (40, neurons), endpoint=True), threshold=90, profile=profile("s20.wrap"))
    assert "llvm.prefetch" in forward_code(network)
    assert_equal_to_arrays(network, (rng.random((2, 5, 40)) < 0.4).astype(np.int8))


@pytest.mark.parametrize(
    ("neurons", "most", "cache", "asked"),
    [(512, 127, 512 * 3, False), (512, 127, 512 * 3 - 1, True), (511, 127, 0, False), (512, 128, 512 * 6 - 1, True)],
)
def test_wide_matrices_that_a_core_s_cache_does_not_hold_are_asked_for(monkeypatch, neurons, most, cache, asked):
    monkeypatch.setattr(matrix, "core_cache", lambda: cache)
    assert ("llvm.prefetch" in forward_code(generic(np.full((3, neurons), most), profile=profile("s16.wrap")))) == asked


def forward_code(network):
    [[layer]] = wire(network)
    return kernel_code(network.profile, signature(network.profile, layer, ""))


@pytest.mark.parametrize(("ends", "neurons"), [((-128, 127), 1024), ((-128, 127), 1000), ((-30000, 30000), 512)])
def test_rows_of_whole_kilobytes_which_have_a_gap_behind_them_are_read_right(ends, neurons):
    rng = np.random.default_rng(neurons)
    weights = rng.integers(*ends, (40, neurons), endpoint=True)
    spikes = (rng.random((2, 3, 40)) < 0.4).astype(np.int8)
    assert_equal_to_arrays(generic(weights, threshold=60, leak=2, profile=profile("s20.wrap")), spikes)


def test_pairs_hold_the_weights_of_neurons_half_a_vector_apart():
    weights = np.random.default_rng(0).integers(-128, 128, (3, 64)).astype(np.int8)
    found = matrix.paired(weights)
    assert found.shape == (3, 32)
    assert np.array_equal((found & 255).astype(int) - 128, np.concatenate([weights[:, :16], weights[:, 32:48]], 1))
    assert np.array_equal((found >> 8).astype(int) - 128, np.concatenate([weights[:, 16:32], weights[:, 48:]], 1))
