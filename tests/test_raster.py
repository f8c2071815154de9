"""Lists of input spikes are the same spikes, and run to the same bits."""

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import memory
from builders import generic
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

COUNTS = arrays.arrays(np.uint8, st.tuples(*[st.integers(1, 9)] * 3), elements=st.sampled_from([0, 0, 0, 1, 1, 2, 255]))

LINK = {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 1}
RESTING = dict.fromkeys(("bias_mant", "bias_exp", "ternary", "vth_low", "reset_interval", "reset_phase"), 0)
NEURON = {"du": 1024, "dv": 256, "vth": 900, **RESTING}


@given(COUNTS)
def test_counts_become_a_raster_and_come_back(counts):
    raster = bs.Raster.of(counts)
    assert raster.shape == counts.shape
    assert np.array_equal(raster.dense(), counts)


@given(COUNTS)
def test_some_samples_of_a_raster_are_those_samples(counts):
    raster = bs.Raster.of(counts)
    assert np.array_equal(raster[1:3].dense(), counts[1:3]) if len(counts) > 1 else len(raster) == 1


@given(COUNTS, st.integers(1, 3), st.sampled_from([0, 1, 2]))
def test_steps_before_a_raster_come_before_those_of_each_sample(counts, steps, most):
    earlier = np.random.default_rng(counts.sum()).integers(0, most + 1, (len(counts), steps, counts.shape[2]))
    raster = bs.Raster.of(counts).behind(earlier)
    assert np.array_equal(raster.dense(), np.concatenate([earlier, counts], axis=1))


@given(COUNTS)
def test_packed_bits_are_the_spikes_that_they_pack(counts):
    spikes = counts > 0
    raster = bs.Raster.of_bits(np.packbits(spikes, axis=2), counts.shape[2])
    assert np.array_equal(raster.dense(), spikes)
    assert raster.counts is None
    listed = bs.Raster(raster.shape, raster.pointers, raster.index)
    assert np.array_equal(listed.dense(), spikes)
    assert np.array_equal(raster[:1].dense(), spikes[:1])


@pytest.mark.parametrize(("inputs", "dtype"), [(1 << 16, np.uint16), ((1 << 16) + 1, np.int32)])
def test_channels_are_as_narrow_as_their_number_allows(inputs, dtype):
    """The last channel reaches the neuron, from a raster however it was made."""
    link = bs.Projection("input", "a", 7, "forward", shape=bs.Sparse([inputs - 1], [0]))
    layer = bs.Population("a", 1, {"threshold": 9, "leak": 0})
    network = bs.Network(bs.load_profile("generic-w8-v16"), inputs, [layer], [link], limits=False)
    last, shape = [inputs - 1], (1, 1, inputs)
    bits = np.packbits(np.arange(inputs) == inputs - 1).reshape(1, 1, -1)
    given = (
        bs.Raster.of_spikes(shape, [0], [0], last),
        bs.Raster.of_bits(bits, inputs),
        bs.Raster(shape, np.array([0, 1]), np.array(last, np.int32)),
        bs.Raster.of((np.arange(inputs) == inputs - 1)[None]),
    )
    for raster in given:
        assert raster.index.dtype == dtype
        trace = bs.run(network, raster, record="membrane")
        assert trace["a"].registers["membrane"] == 7
        assert np.flatnonzero(trace.state["input"]["spikes"]) == last


def test_packed_bits_are_listed_chunk_by_chunk(monkeypatch):
    network = generic()
    spikes = np.random.default_rng(0).random((5, 7, 2)) < 0.5
    whole = bs.run(network, spikes, record="all")
    monkeypatch.setattr(memory, "CHUNK", 1)
    raster = bs.Raster.of_bits(np.packbits(spikes, axis=2), 2)
    bs.compare(bs.run(network, raster, record="all"), whole).check()
    assert "_lists" not in vars(raster)


@given(COUNTS, st.randoms(use_true_random=False))
def test_a_list_of_spikes_counts_those_that_repeat(counts, random):
    counts = counts % 4
    listed = [place for place, count in np.ndenumerate(counts) for _ in range(count)]
    random.shuffle(listed)
    columns = np.array(listed, np.int64).reshape(-1, 3).T
    assert np.array_equal(bs.Raster.of_spikes(counts.shape, *columns).dense(), counts)


@pytest.mark.parametrize("most", [1, 3], ids=["single", "several"])
@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_a_raster_runs_to_the_bits_of_its_counts(most, engine):
    network = generic()
    counts = np.random.default_rng(0).integers(0, most + 1, (5, 7, 2)).astype(np.uint8)
    before = bs.run(network, np.ones_like(counts)).state
    given = (counts, bs.Raster.of(counts))
    runs = [bs.run(network, spikes, record="all", engine=engine, state=before) for spikes in given]
    bs.compare(*runs).check()
    for run in runs:
        assert np.array_equal(run.state["input"]["spikes"], counts[:, -1])


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("highest", [0, 5], ids=["prompt", "delayed"])
@pytest.mark.parametrize("steps", [1, 2, 9])
def test_a_raster_whose_spikes_wait_is_continued_as_its_counts(highest, steps, threads):
    """Loihi delivers a step later, and each synapse so many after it; what is on its way is part of the state."""
    random = np.random.default_rng(steps)
    delays = random.integers(0, highest + 1, (4, 6))
    link = bs.Projection("input", "a", random.integers(-99, 99, (4, 6)), "graded", LINK, delays=delays)
    network = bs.Network(bs.load_profile("loihi-lava"), 4, [bs.Population("a", 6, NEURON)], [link])
    for most in (1, 3):
        counts = random.integers(-(most // 2), most + 1, (5, 2 * steps, 4))
        whole = bs.run(network, counts, record="all", engine="oracle")
        first = bs.run(network, bs.Raster.of(counts[:, :steps]), threads=threads)
        second = bs.run(network, bs.Raster.of(counts[:, steps:]), record="all", threads=threads, state=first.state)
        assert np.array_equal(whole["a"].registers["membrane"][:, steps:], second["a"].registers["membrane"])
        for register, values in whole.state["input"].items():
            assert np.array_equal(values, second.state["input"][register])


def test_the_state_of_packed_bits_keeps_their_last_step():
    bits = np.random.default_rng(0).random((3, 5, 2)) < 0.5
    trace = bs.run(generic(), bs.Raster.of_bits(np.packbits(bits, axis=2), 2))
    assert np.array_equal(trace.state["input"]["spikes"], bits[:, -1])


@pytest.mark.parametrize("most", [1, 3], ids=["single", "several"])
def test_a_raster_that_drives_registers_past_their_words_runs_to_the_bits_of_its_counts(most):
    weights = np.where(np.arange(600)[:, None] < 300, 127, -128) * np.ones((1, 40), int)
    layer = bs.Population("a", 40, {"threshold": 32767, "leak": 0})
    network = bs.Network(bs.load_profile("generic-w8-v16"), 600, [layer], [bs.Projection("input", "a", weights)])
    counts = np.full((2, 3, 600), most, np.uint8)
    runs = [bs.run(network, given, record="all") for given in (counts, bs.Raster.of(counts))]
    bs.compare(*runs).check()
    assert runs[1].overflows["a"]["accumulator"] > 0


def test_spikes_beyond_the_shape_are_refused_by_place():
    with pytest.raises(bs.InputError, match="spike 1: channel: found 4; allowed: 0 to 3"):
        bs.Raster.of_spikes((1, 2, 4), [0, 0], [0, 1], [3, 4])
    with pytest.raises(bs.InputError, match="found 1, 1, 2 entries; allowed: as many of each"):
        bs.Raster.of_spikes((1, 2, 4), [0], [0], [1, 2])
    with pytest.raises(bs.InputError, match=r"step: found float64 \(1,\); allowed: integers"):
        bs.Raster.of_spikes((1, 2, 4), [0], [0.5], [1])


def test_bits_of_another_width_are_refused():
    with pytest.raises(bs.InputError, match=r"found uint8 \(1, 2, 1\); allowed: uint8 \[sample, step, 2\]"):
        bs.Raster.of_bits(np.zeros((1, 2, 1), np.uint8), 9)


def test_a_raster_that_the_network_does_not_take_is_refused_by_place():
    with pytest.raises(bs.InputError, match="found 3 channels; allowed: 2"):
        bs.run(generic(), bs.Raster.of(np.ones((1, 1, 3), np.uint8)))
    counts = np.zeros((2, 3, 2), np.int64)
    counts[1, 2, 1] = 300
    with pytest.raises(bs.InputError, match="sample 1, step 2, input 1: found 300; allowed: 0 to 255"):
        bs.run(generic(), bs.Raster.of(counts))


@pytest.mark.parametrize("engine", ["compiled", "array"])
@pytest.mark.parametrize(
    ("shape", "pointers", "index", "counts", "message"),
    [
        ((2, 0, 2), [0], [], None, r"found shape \(2, 0, 2\); at least one sample and one step are needed"),
        ((1, 2, 2), [0, 1], [0], None, r"pointers: found shape \(2,\); allowed: 3 integers that never fall"),
        ((1, 2, 2), [0, 2, 1], [0], None, "never fall"),
        ((1, 2, 2), [0, -1, 1], [0], None, "never fall"),
        ((1, 2, 2), [0, 1, 2], [0], None, "pointers: found 0 to 2; allowed: 0 to 1"),
        ((1, 2, 2), [0, 1, 2], [0, 2], None, r"index\[1\]: found 2; allowed: 0 to 1"),
        ((1, 2, 2), [0, 1, 2], [0, 65536], None, r"index\[1\]: found 65536; allowed: 0 to 1"),
        ((1, 2, 2), [0, 1, 2], [-1, 0], None, r"index\[0\]: found -1; allowed: 0 to 1"),
        ((1, 2, 2), [0, 1, 2], [0, 1], [1], r"counts: found shape \(1,\); allowed: \(2,\)"),
    ],
)
def test_arrays_that_would_lead_beyond_the_network_are_refused_by_place(
    shape, pointers, index, counts, message, engine
):
    counts = None if counts is None else np.array(counts)
    with pytest.raises(bs.InputError, match=message):
        bs.run(generic(), bs.Raster(shape, np.array(pointers), np.array(index, np.int64), counts), engine=engine)


def test_a_narrow_channel_that_there_is_not_is_refused_where_it_runs():
    raster = bs.Raster((1, 1, 2), np.array([0, 1]), np.array([2], np.uint16))
    with pytest.raises(bs.InputError, match=r"index\[0\]: found 2; allowed: 0 to 1"):
        bs.run(generic(), raster)
