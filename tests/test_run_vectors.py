"""The compiled clocked engine at the edges of words, vectors and blocks: the bits and overflow counts of the oracle.

Where the sources of a step cannot carry a register past its word, only their plain sum is computed, a block of
neurons at once; elsewhere each has its fit. Here registers start where the one just still holds, or just not.
"""

from itertools import product

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine.prepare import signature
from bitspike.engine.wiring import wire
from bitspike.word import Overflow, Word
from builders import GENERIC, edited

REGISTER = "accumulator"
FORWARD = "connections.forward"
WORDS = ["s16.saturate", "s16.wrap", "u16.saturate", "u16.wrap", "s12.saturate", "s12.wrap", "u8.saturate", "u12.wrap",
         "s32.saturate", "s32.wrap", "u32.wrap", "s48.saturate", "s16(-300..9000).saturate"]  # fmt: skip
ARRIVING = {  # the word of the input, its cap, and the counts that are drawn
    "single": ("u1", 255, [1]),
    "graded": ("u8", 255, [1, 1, 2, 255]),
    "capped": ("u8", 3, [1, 2, 3, 4, 255]),
    "any": ("s8", "nonzero", [1, 2, -128, -1, 127]),
    "ternary": ("s2", "none", [-1, 1]),
    "negative": ("s8", "none", [-128, -3, 1, 127]),
}
SIZES, SOURCES = (1, 31, 32, 33, 255, 256, 257, 300), (1, 7, 8, 9, 63, 64, 65, 700)


def collecting(word, weight="s8", arriving="single", *edits):
    """A profile whose register keeps what arrives from step to step, and spikes where it is 1 or more."""
    channel, cap, _ = ARRIVING[arriving]
    fire = {"branches": [{"when": [REGISTER, ">=", "threshold"], "emit": 1, "repeat": 1, "do": []}]}
    return edited(
        GENERIC,
        ("neurons.neuron.registers", {REGISTER: word}),
        ("neurons.neuron.parameters", {"threshold": "u15"}),
        ("neurons.neuron.step", [{"fire": fire}]),
        ("input", channel),
        *((f"connections.{name}.{key}", value)
          for name in ("forward", "recurrent")
          for key, value in (("cap", cap), ("weight.word", weight))),
        *edits,
    )  # fmt: skip


def network(profile, weights):
    return connected(profile, *weights.shape, bs.Projection("input", "a", weights, "forward"))


def as_list(profile, weights):
    """The same synapses one by one, in any order."""
    pre, post = (axis.ravel() for axis in np.indices(weights.shape))
    order = np.random.default_rng(0).permutation(pre.size)
    shape = bs.Sparse(pre[order], post[order])
    return connected(
        profile, *weights.shape, bs.Projection("input", "a", weights.ravel()[order], "forward", shape=shape)
    )


def connected(profile, sources, size, projection, **parameters):
    layer = bs.Population("a", size, {"threshold": 1, **parameters})
    return bs.Network(profile, sources, [layer], [projection])


def assert_equal_to_the_oracle(made, spikes, start=None, **options):
    """Every register, spike and overflow count; returns the oracle's trace of the last layer."""
    state = bs.initial_state(made, len(spikes))
    if start is not None:
        state["a"][REGISTER][...] = start
    found = bs.run(made, spikes, record="all", state=state, **options)
    golden = bs.run(made, spikes, record="all", state=state, engine="oracle")
    for name, expected in golden.layers.items():
        np.testing.assert_array_equal(found[name].spikes, expected.spikes)
        for register, values in expected.registers.items():
            np.testing.assert_array_equal(found[name].registers[register], values, f"{name}.{register}")
            np.testing.assert_array_equal(found.state[name][register], values[:, -1])
        assert found[name].overflows == expected.overflows
    return golden.layers[made.output]


def drawn(rng, arriving, *shape):
    """Counts: some sources are silent."""
    return rng.choice([0, *ARRIVING[arriving][2]], shape)


def extreme(rng, weight, sources, size, even):
    """Random weights; to neuron 0 each source has its greatest, to neuron 1 its least. even: from all sources alike."""
    weights = rng.integers(weight.min // 2, weight.max // 2 + 1, (sources, size))
    high, low = weights.max(axis=1), weights.min(axis=1)
    weights[:, 0] = high.max() if even else high
    if size > 1:
        weights[:, 1] = low.min() if even else low
    return weights


def at_the_edges(rng, word, weights, acting):
    """Registers from which the step just passes the word, or just does not, on the way or at its end.

    [sample, neuron]: neurons 0 and 1 at an end of the word after all that they can get, the others further inside;
    then each neuron by its own sums on the way.
    """
    parts = np.cumsum(acting[:, None] * weights, axis=0)
    ends = np.sort(acting[:, None] * np.stack([weights.max(axis=1), weights.min(axis=1)], axis=1), axis=1)
    lowest, highest = np.minimum(ends[:, 0], 0).sum(), np.maximum(ends[:, 1], 0).sum()
    least, most = word.min - lowest, word.max - highest
    inside = np.clip(rng.integers(min(least, most), max(least, most) + 1, weights.shape[1]), word.min, word.max)
    starts = []
    for beyond in (-1, 0, 1, 2):
        start = inside.copy()
        start[:1], start[1:2] = most + beyond, least - beyond
        starts.append(start)
        top, bottom = np.maximum(parts.max(axis=0), 0), np.minimum(parts.min(axis=0), 0)
        starts.append(np.where(rng.random(len(top)) < 0.5, word.max - top + beyond, word.min - bottom - beyond))
    return np.clip(starts, word.min, word.max)


def acts_as(counts, cap):
    if cap == "nonzero":
        return (counts != 0).astype(int)
    return counts if cap == "none" else np.minimum(counts, cap)


@pytest.mark.parametrize("arriving", ARRIVING)
@pytest.mark.parametrize("text", WORDS)
def test_a_register_at_an_end_of_its_word_keeps_the_bits_of_each_fit(text, arriving):
    """Eight samples that receive the same spikes, from registers at the edge; weights of 8, 16 and 32 bits."""
    place = WORDS.index(text) + list(ARRIVING).index(arriving)
    rng, word, weight = np.random.default_rng(place), Word.parse(text), Word((8, 16, 32)[place % 3], True)
    size, sources, overflows = (33, 257, 300)[place % 3], (5, 20, 9)[place // 3 % 3], []
    profile = collecting(text, f"s{weight.bits}", arriving)
    for even in (True, False):
        weights = extreme(rng, weight, sources, size, even) >> max(0, weight.bits - word.bits)
        counts = drawn(rng, arriving, 1, sources)
        start = at_the_edges(rng, word, weights, acts_as(counts[0], ARRIVING[arriving][1]))
        trace = assert_equal_to_the_oracle(network(profile, weights), np.stack([counts] * len(start)), start)
        overflows.append(trace.overflows[REGISTER])
    assert all(overflows)


@pytest.mark.parametrize("arriving", ["single", "graded", "ternary"])
@pytest.mark.parametrize("text", ["s16.saturate", "s12.wrap", "u8.saturate", "s32.wrap"])
def test_a_device_keeps_the_bits_of_each_fit_at_an_end_of_a_word(text, arriving):
    pytest.importorskip("torch")
    rng, word, sources = np.random.default_rng(3), Word.parse(text), 20
    weights = extreme(rng, Word(8, True), sources, 33, True) >> max(0, 8 - word.bits)
    counts = drawn(rng, arriving, 1, sources)
    start = at_the_edges(rng, word, weights, acts_as(counts[0], ARRIVING[arriving][1]))
    made = network(collecting(text, "s8", arriving), weights)
    assert_equal_to_the_oracle(made, np.stack([counts] * len(start)), start, device="cpu")


@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.WRAP])
@pytest.mark.parametrize("bits", [8, 12, 16, 17, 32])
@pytest.mark.parametrize("signed", [True, False])
def test_a_sum_that_reaches_the_end_of_a_word_overflows_nowhere_and_one_more_does(signed, bits, overflow):
    word = Word(bits, signed, overflow)
    made = network(collecting(str(word)), np.full((7, 40), [[3], [1], [2], [5], [4], [1], [3]]))
    down = network(collecting(str(word)), np.full((7, 40), [[-3], [-1], [-2], [-5], [-4], [-1], [-3]]))
    for sources, end, step in ((made, word.max, 1), (down, word.min, -1)):
        start = np.full((2, 40), end - 19 * step)
        trace = assert_equal_to_the_oracle(sources, np.ones((2, 1, 7), int), start)
        assert (trace.registers[REGISTER] == end).all()
        assert trace.overflows[REGISTER] == 0
        start[1, 39] += step
        assert assert_equal_to_the_oracle(sources, np.ones((2, 1, 7), int), start).overflows[REGISTER] == 1


@pytest.mark.parametrize("size", SIZES)
def test_rows_of_any_length_are_scanned_and_added(size):
    """Whole vectors, blocks of them, and what is left over; the second step starts from registers at the edges."""
    rng = np.random.default_rng(size)
    profile = collecting("s12.saturate", arriving="graded")
    for sources in SOURCES:
        made = network(profile, rng.integers(-9, 10, (sources, size)) * (rng.random((sources, size)) < 0.9))
        density = np.minimum(0.3, 40 / sources)
        counts = drawn(rng, "graded", 2, 2, sources) * (rng.random((2, 2, sources)) < density)
        counts[0, 0], counts[1, 0, [0, -1]] = counts[0, 0] != 0, 1
        assert_equal_to_the_oracle(made, counts, rng.integers(-2048, 2048, (2, size)))


@pytest.mark.parametrize("sources", SOURCES)
def test_every_source_alone_is_found(sources):
    """One spike a step, wherever it is in the row; each source has a weight pattern of its own."""
    patterns = np.array([[number >> bit & 1 for bit in range(10)] for number in range(1, sources + 1)])
    trace = bs.run(network(collecting("s16.wrap"), patterns), np.eye(sources, dtype=int), record="all")
    np.testing.assert_array_equal(trace["a"].registers[REGISTER][0], np.cumsum(patterns, axis=0))


def growing(word, stage, **parameters):
    """A profile whose register is written by a stage in every step."""
    profile = collecting(word)
    (fire,) = profile.neurons["neuron"].model_dump(mode="json", by_alias=True)["step"]
    words = {"threshold": "u15", **parameters}
    return edited(profile, ("neurons.neuron.step", [stage, fire]), ("neurons.neuron.parameters", words))


@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.WRAP])
@pytest.mark.parametrize("size", SIZES)
def test_only_neurons_that_there_are_overflow(size, overflow):
    """A literal carries every lane of a vector past its word."""
    profile = growing(f"s8.{overflow}", {"add": {"into": REGISTER, "terms": [255]}})
    trace = assert_equal_to_the_oracle(network(profile, np.zeros((1, size), int)), np.zeros((2, 1, 1), int))
    assert trace.overflows[REGISTER] == 2 * size


@pytest.mark.parametrize("size", [1, 31, 33])
def test_only_neurons_that_there_are_can_be_refused(size):
    """What a row holds beyond them, 0, does not fit."""
    profile = growing("u8(3..9).refuse", {"set": {"into": REGISTER, "value": "fits"}}, fits="u4")
    projection = bs.Projection("input", "a", np.zeros((1, size), int), "forward")
    assert_equal_to_the_oracle(connected(profile, 1, size, projection, fits=5), np.zeros((1, 2, 1), int))


def summing(weight, arriving):
    """A profile that adds all that arrives in a step before its one fit."""
    total = {"word": f"s{Word.parse(weight).bits + 1}.saturate", "then": []}
    edits = [(f"{FORWARD}.fit_per", "step"), (f"{FORWARD}.sum", total)]
    return collecting("s20.saturate", weight, arriving, *edits)


SUMMED = {"s8": 3, "s16": 5, "s32": 9}  # the weights of so many sources


@pytest.mark.parametrize("make", [network, as_list])
@pytest.mark.parametrize("arriving", ARRIVING)
@pytest.mark.parametrize("weight", SUMMED)
def test_the_sum_of_a_step_is_exact(weight, arriving, make):
    sources = SUMMED[weight]
    rng = np.random.default_rng(sources)
    made = make(summing(weight, arriving), extreme(rng, Word.parse(weight), sources, 70, even=False))
    counts = drawn(rng, arriving, 3, 2, sources)
    assert_equal_to_the_oracle(made, counts, rng.integers(-(2**19), 2**19, (3, 70)))


def test_sums_of_every_type_are_among_these():
    totals = {}
    for weight, sources in SUMMED.items():
        made = network(summing(weight, "any"), np.full((sources, 1), Word.parse(weight).max))
        totals[weight] = signature(made.profile, wire(made)[0][0]).incoming[0].total
    assert totals == {"s8": "int16", "s16": "int32", "s32": "int64"}


@pytest.mark.parametrize("arriving", ARRIVING)
@pytest.mark.parametrize("text", WORDS[::4])
def test_lists_of_synapses_add_as_the_matrix_does(text, arriving):
    rng, word = np.random.default_rng(1), Word.parse(text)
    weights = extreme(rng, Word(8, True), 9, 40, even=False)
    counts = drawn(rng, arriving, 1, 9)
    start = at_the_edges(rng, word, weights, acts_as(counts[0], ARRIVING[arriving][1]))
    made = as_list(collecting(text, "s8", arriving), weights)
    assert_equal_to_the_oracle(made, np.stack([counts] * len(start)), start)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize("text", ["s16.saturate", "s12.wrap"])
def test_lists_of_one_sign_overflow_at_that_end(text, most, sign):
    word, sources = Word.parse(text), 9
    made = as_list(collecting(text, "s8", "graded"), np.full((sources, 40), 50 * sign))
    counts = np.full((2, 1, sources), most)
    brought = most * sources * 50
    starts = (
        [[word.max - brought], [word.max - brought + 1]]
        if sign > 0
        else [[word.min + brought], [word.min + brought - 1]]
    )
    trace = assert_equal_to_the_oracle(made, counts, starts)
    assert trace.overflows[REGISTER] == 40


@pytest.mark.parametrize("overflow", [Overflow.SATURATE, Overflow.WRAP])
def test_sums_that_even_64_bits_do_not_hold_are_added_one_by_one(overflow):
    """Eight weights of 2**59 pass 2**62, sixteen 2**63, and thirty-two come back to 0 in a machine's registers."""
    profile = collecting(f"s61.{overflow}", "s60", "any")
    for sources, sign in product((7, 8, 16, 31, 32, 33), (1, -1)):
        weights = np.full((sources, 3), sign * (2**59 - 1))
        trace = assert_equal_to_the_oracle(network(profile, weights), np.ones((1, 1, sources), int))
        assert trace.overflows[REGISTER]
