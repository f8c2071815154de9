"""What a run recorded, by layer, and its file."""

import bitspike as bs
import numpy as np
import pytest
from builders import GENERIC, edited, generic, random_spikes, random_xylo, rewrite


@pytest.fixture(scope="module")
def trace():
    network = random_xylo(2)
    return bs.run(network, random_spikes(network, 2), record="all")


@pytest.fixture
def file(tmp_path, trace):
    trace.save(tmp_path / "trace.npz")
    return tmp_path / "trace.npz"


def test_a_trace_is_read_back_equal(trace, file):
    back = bs.load_trace(file)
    assert bs.compare(back, trace).equal
    assert back.network == trace.network
    assert back.overflows == trace.overflows
    assert not bs.compare(back, trace).left_out


def test_spikes_are_those_of_the_last_layer(trace):
    assert trace.spikes is trace["output"].spikes


def test_only_the_registers_asked_for_are_recorded():
    trace = bs.run(generic(), [[1, 1]], record="membrane")
    assert list(trace["a"].registers) == ["membrane"]
    assert trace["a"].registers["membrane"].dtype == np.int16
    assert trace["a"].words == {"membrane": "s16"}
    assert trace.overflows == {"a": {"accumulator": 0, "membrane": 0}}


@pytest.mark.parametrize(
    ("register", "word"),
    [("s16(-100..100).saturate", "s16"), ("u15.saturate", "u15"), ("s20.wrap", "s20")],
)
def test_a_register_is_recorded_with_every_bit_of_its_word(register, word):
    profile = edited(GENERIC, ("neurons.neuron.registers.accumulator", register))
    assert bs.run(generic(profile=profile), [[1, 1]], record="all")["a"].words["accumulator"] == word


def test_a_stage_that_writes_a_wider_word_widens_the_register():
    profile = edited(GENERIC, ("neurons.neuron.step.1.add.word", "s18.saturate"))
    assert bs.run(generic(profile=profile), [[1, 1]], record="all")["a"].words["membrane"] == "s18"
    signed = edited(GENERIC, ("neurons.neuron.registers.accumulator", "u16(0..100).saturate"))
    signed = edited(signed, ("neurons.neuron.step.2.set.word", "s4.wrap"))
    assert bs.run(generic(profile=signed), [[1, 1]], record="all")["a"].words["accumulator"] == "s17"


def test_every_write_that_does_not_fit_is_counted():
    sums = [[255, 0], [255, 0], [255, 255]]  # the membrane overflows at step 1, the accumulator at step 2
    trace = bs.run(generic([[127], [127]], threshold=32767, leak=15), sums)
    assert trace.overflows == {"a": {"accumulator": 1, "membrane": 1}}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, a: h.update(layers=[]), "ValueError its layers are none, or differ in samples or steps"),
        (lambda h, a: h.pop("network"), "KeyError 'network'"),
        (lambda h, a: a.pop("hidden.spikes"), "KeyError 'hidden.spikes'"),
        (lambda h, a: a.pop("hidden.membrane"), "KeyError 'hidden.membrane'"),
        (lambda h, a: h["layers"][0]["words"].update(membrane="s99"), "ValueError s or u, 1 to 63 bits"),
        (lambda h, a: h["layers"][0].update(words=3), "AttributeError"),
        (lambda h, a: h["layers"][0]["overflows"].update(membrane=None), "TypeError"),
        (
            lambda h, a: a.update({"hidden.spikes": a["hidden.spikes"][0]}),
            "ValueError layer hidden has arrays that are not",
        ),
        (
            lambda h, a: a.update({"hidden.delta": a["hidden.delta"][1:]}),
            "ValueError layer hidden has arrays that are not",
        ),
    ],
)
def test_a_trace_whose_parts_do_not_fit_is_refused(file, change, message):
    rewrite(file, change)
    with pytest.raises(bs.FileError) as caught:
        bs.load_trace(file)
    assert str(caught.value).startswith(f"{file}: its header is incomplete: {message}")
