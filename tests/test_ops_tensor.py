"""What TensorOps passes backwards."""

import pytest
from bitspike.datapath import Add, Fire, Set
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
