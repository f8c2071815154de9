"""Two traces compared: equal in every value, or the first place where they part."""

import bitspike as bs
import numpy as np
import pytest


def layer(spikes=None, overflows=None, shape=(2, 3, 4), words=None, **registers):
    zero = np.zeros(shape, np.int16)
    spikes = zero.astype(np.uint8) if spikes is None else spikes
    registers = registers or {"membrane": zero}
    words = words or dict.fromkeys(registers, "s8")
    return bs.LayerTrace(spikes, registers, {"membrane": 0} if overflows is None else overflows, words)


def traced(**layers):
    return bs.Trace(layers, "digest")


def values(*changed, shape=(2, 3, 4)):
    """Zeros, but for (sample, step, neuron, value)."""
    array = np.zeros(shape, np.int16)
    for sample, step, neuron, value in changed:
        array[sample, step, neuron] = value
    return array


def test_equal_traces_say_how_much_was_compared():
    comparison = bs.compare(traced(a=layer(), b=layer()), traced(a=layer(), b=layer()))
    assert comparison.equal
    assert str(comparison) == "equal: 96 values of 2 samples compared"
    comparison.check()


def test_the_first_difference_is_named_with_values_and_bits():
    a, b = traced(a=layer(membrane=values((1, 2, 3, -3)))), traced(a=layer(membrane=values((1, 2, 3, 5))))
    comparison = bs.compare(a, b)
    assert not comparison.equal
    assert comparison.differing == (1,)
    assert str(comparison) == (
        "first difference at step 2, layer a, neuron 3, register membrane (sample 1): "
        "-3 (11111101) against 5 (00000101); 1 values differ; 48 values of 2 samples compared"
    )
    with pytest.raises(bs.MismatchError) as caught:
        comparison.check()
    assert str(caught.value) == str(comparison)


def test_each_value_is_shown_in_the_word_it_was_recorded_in():
    a = traced(a=layer(membrane=values((0, 0, 0, 1)), words={"membrane": "s4"}))
    assert bs.compare(a, traced(a=layer())).first.bits == ("0001", "00000000")


def test_negative_spikes_are_shown_in_twos_complement():
    spikes = values((0, 1, 0, -1)).astype(np.int8)
    assert bs.compare(traced(a=layer(spikes)), traced(a=layer())).first.bits == ("11111111", "00000000")


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        (("b", 1, 1, 3, "spikes"), ("a", 0, 2, 0, "isyn")),  # the step comes first
        (("a", 1, 1, 3, "spikes"), ("b", 0, 1, 0, "isyn")),  # then the layer
        (("a", 0, 1, 3, "spikes"), ("a", 1, 1, 0, "isyn")),  # then the sample
        (("a", 0, 1, 0, "spikes"), ("a", 0, 1, 3, "isyn")),  # then the neuron
        (("a", 0, 1, 0, "isyn"), ("a", 0, 1, 0, "membrane")),  # then the register, in order of state
        (("a", 0, 1, 0, "membrane"), ("a", 0, 1, 0, "spikes")),  # and the spikes they lead to
    ],
)
def test_the_first_difference_is_the_earliest_cause(earlier, later):
    def changed(places):
        arrays = {(name, register): values() for name in "ab" for register in ("isyn", "membrane", "spikes")}
        for name, sample, step, neuron, register in places:
            arrays[name, register][sample, step, neuron] = 1
        return traced(
            **{n: layer(arrays[n, "spikes"], isyn=arrays[n, "isyn"], membrane=arrays[n, "membrane"]) for n in "ab"}
        )

    comparison = bs.compare(changed([earlier, later]), changed([]))
    first = comparison.first
    assert (first.layer, first.sample, first.step, first.neuron, first.register) == earlier
    assert comparison.different == 2


def test_registers_recorded_in_one_trace_only_are_left_out_and_said_so():
    comparison = bs.compare(traced(a=layer(membrane=values())), traced(a=layer(isyn=values())))
    assert comparison.equal
    assert str(comparison) == "equal: 24 values of 2 samples compared; recorded in one only: a.isyn, a.membrane"


def test_overflow_counts_alone_make_a_difference():
    comparison = bs.compare(traced(a=layer(overflows={"membrane": 3})), traced(a=layer()))
    assert str(comparison).startswith("values equal, overflow counts differ: a.membrane 3 against 0; 48 values")
    with pytest.raises(bs.MismatchError, match=r"a\.membrane 3 against 0"):
        comparison.check()


def test_a_comparison_of_nothing_is_not_equal():
    empty = traced(a=layer(shape=(0, 3, 4)))
    comparison = bs.compare(empty, empty)
    assert not comparison.equal
    with pytest.raises(bs.MismatchError, match=r"^nothing was compared: the traces are empty$"):
        comparison.check()
    with pytest.raises(bs.InputError, match=r"^the traces have no layers to compare$"):
        bs.compare(traced(), traced())


def test_traces_of_other_shapes_are_refused():
    with pytest.raises(bs.InputError) as caught:
        bs.compare(traced(a=layer()), traced(a=layer(shape=(2, 5, 4))))
    assert str(caught.value) == "layer a, membrane: shapes (2, 3, 4) and (2, 5, 4) cannot be compared"


def test_traces_of_other_layers_are_refused():
    with pytest.raises(bs.InputError) as caught:
        bs.compare(traced(a=layer(), b=layer()), traced(b=layer(), a=layer()))
    assert str(caught.value) == "the traces have different layers: a, b and b, a"
