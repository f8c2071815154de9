"""What TensorOps passes backwards."""

import numpy as np
import pytest
from bitspike.datapath import NONZERO, Add, Clip, Divide, Fire, Scale, Set, Shift, Shrink, clip_count
from bitspike.ops.array import ArrayOps
from bitspike.ops.base import Registers, Relation, Rounding
from bitspike.word import Overflow, Word

torch = pytest.importorskip("torch")
from bitspike.ops.tensor import TensorOps  # noqa: E402
from interpreter_cases import fires  # noqa: E402

SLOPE = 0.25
S4 = Word(4, True, Overflow.SATURATE)


def constant_slope(u, threshold, word, repeat):
    return torch.full_like(u, SLOPE)


def gradient_of(function, values):
    leaf = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    result = function(TensorOps(constant_slope), leaf)
    result.sum().backward()
    return result.tolist(), leaf.grad.tolist()


def test_a_saturated_register_blocks_the_gradient_and_one_at_its_end_passes_it():
    kept, gradient = gradient_of(lambda ops, u: ops.fit(u, S4), [-9.0, -8.0, 0.0, 7.0, 8.0])
    assert kept == [-8.0, -8.0, 0.0, 7.0, 7.0]
    assert gradient == [0.0, 1.0, 1.0, 1.0, 0.0]


def test_a_wrapped_register_passes_the_gradient():
    kept, gradient = gradient_of(lambda ops, u: ops.fit(u, Word(4, True, Overflow.WRAP)), [-9.0, -8.0, 7.0, 8.0, 40.0])
    assert kept == [7.0, -8.0, 7.0, -8.0, -8.0]
    assert gradient == [1.0] * 5


@pytest.mark.parametrize("value", [-5.0, 2.0])
def test_a_wrap_wider_than_the_mantissa_keeps_small_numbers(value):
    word = Word(40, True, Overflow.WRAP)
    assert TensorOps(constant_slope).fit(torch.tensor(value, dtype=torch.float32), word) == value


@pytest.mark.parametrize(("rounding", "expected"), [(Rounding.FLOOR, [-2.0, 1.0]), (Rounding.ZERO, [-1.0, 1.0])])
def test_a_right_shift_passes_its_slope(rounding, expected):
    shifted, gradient = gradient_of(lambda ops, u: ops.shift_right(u, 2, rounding), [-5.0, 7.0])
    assert (shifted, gradient) == (expected, [0.25, 0.25])


def test_shifts_by_a_tensor_pass_the_slope_of_each_neuron():
    by = torch.tensor([0, 3])
    assert gradient_of(lambda ops, u: ops.shift_right(u, by, Rounding.FLOOR), [9.0, 9.0]) == ([9.0, 1.0], [1.0, 0.125])
    assert gradient_of(lambda ops, u: ops.shift_left(u, by), [2.0, 2.0]) == ([2.0, 16.0], [1.0, 8.0])


def test_a_literal_is_clipped_and_fills_the_register():
    regs = Registers(TensorOps(constant_slope), {"membrane": S4}, {"membrane": torch.zeros(2, 3)})
    Set(into="membrane", value=9).run(regs)
    assert regs["membrane"].tolist() == [[7.0] * 3] * 2


def fired(u, relation, emit, reset_share, reset):
    """Spikes, membrane, and the gradient of each with respect to the membrane before."""
    found = []
    for name in ("spikes", "membrane"):
        leaf = torch.tensor([u], dtype=torch.float64, requires_grad=True)
        values = {"membrane": leaf, "threshold": torch.tensor([3.0], dtype=torch.float64), "spikes": torch.zeros(1)}
        regs = Registers(TensorOps(constant_slope, reset_share), {"membrane": S4}, values)
        Fire(branches=(fires(("membrane", relation, "threshold"), emit, 1, reset),)).run(regs)
        regs[name].sum().backward()
        found += [regs[name].item(), leaf.grad.item()]
    return found


SUBTRACT = Add(into="membrane", terms=("-threshold",))


@pytest.mark.parametrize(("u", "spikes"), [(2.0, 0.0), (3.0, 1.0)])
def test_a_spike_has_the_gradient_that_was_chosen(u, spikes):
    assert fired(u, Relation.GE, 1, 0.0, SUBTRACT) == [spikes, SLOPE, u - 3 * spikes, 1.0]


def test_the_gradient_of_a_spike_reaches_the_reset_by_its_share():
    assert fired(5.0, Relation.GE, 1, 0.5, SUBTRACT)[3] == 1 - 0.5 * 3 * SLOPE


def test_a_reset_to_zero_keeps_only_the_gradient_of_the_spike():
    assert fired(5.0, Relation.GE, 1, 1.0, Set(into="membrane", value=0)) == [1.0, SLOPE, 0.0, -5 * SLOPE]


def test_falling_below_a_threshold_turns_the_sign():
    assert fired(2.0, Relation.LT, 1, 0.0, SUBTRACT)[:2] == [1.0, -SLOPE]
    assert fired(2.0, Relation.LT, -1, 0.0, SUBTRACT)[:2] == [-1.0, SLOPE]


@pytest.mark.parametrize(
    ("relation", "crossing"), [(Relation.GE, 3.0), (Relation.GT, 4.0), (Relation.LE, 4.0), (Relation.LT, 3.0)]
)
def test_the_gradient_is_asked_at_the_first_value_above(relation, crossing):
    asked = []

    def note(u, threshold, word, repeat):
        asked.append((threshold.item(), word, repeat))
        return torch.zeros_like(u)

    values = {"membrane": torch.tensor([1.0]), "threshold": torch.tensor([3.0]), "spikes": torch.zeros(1)}
    branch = fires(("membrane", relation, "threshold"), 1, 1, SUBTRACT)
    Fire(branches=(branch,)).run(Registers(TensorOps(note), {"membrane": S4}, values))
    assert asked == [(crossing, S4, 1)]


def test_a_strict_threshold_taken_several_times_is_asked_one_below():
    asked = []

    def note(u, threshold, word, repeat):
        asked.append((u.item(), threshold.item(), repeat))
        return torch.zeros_like(u)

    leaf = torch.tensor([7.0], requires_grad=True)
    values = {"membrane": leaf, "threshold": torch.tensor([3.0]), "spikes": torch.zeros(1)}
    branch = fires(("membrane", Relation.GT, "threshold"), 1, 4, SUBTRACT)
    Fire(branches=(branch,)).run(Registers(TensorOps(note), {"membrane": S4}, values))
    assert asked == [(6.0, 3.0, 4)]


def test_a_condition_may_name_the_threshold_first():
    leaf = torch.tensor([5.0], requires_grad=True)
    values = {"membrane": leaf, "threshold": torch.tensor([3.0]), "spikes": torch.zeros(1)}
    regs = Registers(TensorOps(constant_slope), {"membrane": S4}, values)
    Fire(branches=(fires(("threshold", Relation.LE, "membrane"), 1, 1, SUBTRACT),)).run(regs)
    regs["spikes"].sum().backward()
    assert (regs["spikes"].item(), leaf.grad.item()) == (1.0, SLOPE)


def test_of_several_conditions_the_first_that_orders_its_sides_has_the_gradient():
    both = (("enabled", Relation.EQ, 1), ("membrane", Relation.GE, "threshold"))
    leaf = torch.tensor([5.0], requires_grad=True)
    given = {"threshold": torch.tensor([3.0]), "enabled": torch.tensor([1.0]), "spikes": torch.zeros(1)}
    regs = Registers(TensorOps(constant_slope), {"membrane": S4}, {"membrane": leaf, **given})
    Fire(branches=(fires(both, 1, 1, SUBTRACT),)).run(regs)
    regs["spikes"].sum().backward()
    assert (regs["spikes"].item(), leaf.grad.item()) == (1.0, SLOPE)


def test_a_quotient_passes_the_slope_of_its_divisor():
    divided, gradient = gradient_of(lambda ops, u: ops.divide(u, torch.tensor([4.0, 2.0, 1.0])), [-5.0, 7.0, 3.0])
    assert (divided, gradient) == ([-2.0, 3.0, 3.0], [0.25, 0.5, 1.0])


def test_a_divisor_learns_that_a_greater_one_goes_in_less_often():
    divided, gradient = gradient_of(lambda ops, by: ops.divide(8, by), [3.0, 2.0])
    assert (divided, gradient) == ([2.0, 4.0], [-8 / 9, -2.0])


def test_the_chosen_one_of_two_has_the_gradient():
    lesser = gradient_of(lambda ops, u: ops.minimum(u, 3), [1.0, 5.0])
    greater = gradient_of(lambda ops, u: ops.maximum(3, u), [1.0, 5.0])
    assert lesser == ([1.0, 3.0], [1.0, 0.0])
    assert greater == ([3.0, 5.0], [0.0, 1.0])


def after(stage, values, **others):
    """The membrane after a stage, and the gradient of its sum with respect to the membrane before."""

    def run(ops, membrane):
        regs = Registers(ops, {"membrane": Word(8, True, Overflow.SATURATE)}, {"membrane": membrane, **others})
        stage.run(regs)
        return regs["membrane"]

    return gradient_of(run, values)


@pytest.mark.parametrize(("rounding", "scaled"), [(Rounding.FLOOR, [-3.0, 2.0]), (Rounding.ZERO, [-2.0, 2.0])])
def test_a_scaled_register_passes_its_factor(rounding, scaled):
    stage = Scale(into="membrane", of="membrane", factor=3, shift=2, rounding=rounding)
    assert after(stage, [-3.0, 3.0]) == (scaled, [0.75, 0.75])


def test_a_clipped_register_blocks_the_gradient():
    assert after(Clip(into="membrane", low=-2, high=2), [-5.0, 1.0, 5.0]) == ([-2.0, 1.0, 2.0], [0.0, 1.0, 0.0])


def test_what_shrinks_to_zero_loses_its_gradient_and_the_rest_keeps_it():
    assert after(Shrink(into="membrane", by=2), [-5.0, -1.0, 1.0, 5.0]) == ([-3.0, 0.0, 0.0, 3.0], [1.0, 0.0, 0.0, 1.0])


def test_a_shift_either_way_passes_its_slope():
    by = torch.tensor([-1, 0, 2])
    stage = Shift(into="membrane", by="by", rounding=Rounding.FLOOR)
    assert after(stage, [5.0, 5.0, 5.0], by=by) == ([2.0, 5.0, 20.0], [0.5, 1.0, 4.0])


def test_of_spikes_that_act_as_one_none_and_one_pass_their_gradient():
    counts = [-2.0, 0.0, 1.0, 3.0]
    assert gradient_of(lambda ops, count: clip_count(ops, count, NONZERO), counts) == (
        [1.0, 0.0, 1.0, 1.0],
        [0, 1, 1, 0],
    )


@pytest.mark.parametrize(
    "stage",
    [
        Scale(into="membrane", of="gain", factor=-3, shift=2, rounding=Rounding.FLOOR),
        Scale(into="membrane", of="gain", factor=-3, shift=2, rounding=Rounding.ZERO),
        Divide(into="membrane", of="-gain", by=3),
        Set(into="membrane", value=1, when=(("gain", Relation.GT, 5), ("membrane", Relation.NE, 0))),
        Set(into="membrane", value=1, when=("gain", Relation.LE, 5)),
    ],
)
def test_what_needs_only_literals_and_values_of_the_profile_is_computed_too(stage):
    found = []
    for ops, before in ((TensorOps(constant_slope), torch.tensor([0.0, 4.0])), (ArrayOps(), np.array([0, 4]))):
        regs = Registers(ops, {"membrane": Word(8, True, Overflow.SATURATE)}, {"membrane": before, "gain": 7})
        stage.run(regs)
        found.append(regs["membrane"].tolist())
    assert found[0] == found[1]
