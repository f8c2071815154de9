"""Where gradients go: not through a clip, through a wrap, through shifts, spikes and resets."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from bitspike.datapath import Add, Decay, Fire, Set, Shift  # noqa: E402
from bitspike.ops import tensor  # noqa: E402
from bitspike.ops.base import Registers  # noqa: E402
from bitspike.ops.tensor import TensorOps, crossing  # noqa: E402
from bitspike.training.boolean import BooleanGradient  # noqa: E402
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.surrogate import Triangle  # noqa: E402
from bitspike.training.weights import Matrix  # noqa: E402
from bitspike.word import Word  # noqa: E402
from training_networks import branch, chip, decay, template  # noqa: E402

NEVER = 127  # a threshold that nothing here reaches


def accumulated(word, weights, counts=None, start=0.0):
    """What one neuron's register holds after its sources, and the gradients of weights, counts and start."""
    weights = torch.tensor([[float(w)] for w in weights], requires_grad=True)
    counts = torch.tensor([counts or [1.0] * len(weights)], requires_grad=True)
    start = torch.tensor([[float(start)]], requires_grad=True)
    regs = Registers(TensorOps(Triangle()), {"sum": Word.parse(word)}, {"sum": start})
    regs.ops.accumulate(regs, "sum", counts, Matrix(weights))
    regs["sum"].sum().backward()
    return regs["sum"].item(), weights.grad.flatten().tolist(), counts.grad.flatten().tolist(), start.grad.item()


def test_every_source_gets_its_count_where_nothing_clips():
    assert accumulated("s8.saturate", [40, -20, 30], [1.0, 2.0, 3.0], 5) == (95, [1, 2, 3], [40, -20, 30], 1)


def test_only_the_contributions_after_the_last_clip_get_a_gradient():
    assert accumulated("s8.saturate", [100, 50, -20, 7]) == (114, [0, 0, 1, 1], [0, 0, -20, 7], 0)


def test_the_last_of_several_clips_counts():
    assert accumulated("s8.saturate", [100, 50, -250, -50, 9]) == (-119, [0, 0, 0, 0, 1], [0, 0, 0, 0, 9], 0)


def test_a_register_that_clips_at_the_end_passes_nothing():
    assert accumulated("s8.saturate", [3, 100, 50]) == (127, [0, 0, 0], [0, 0, 0], 0)


def test_a_register_that_only_reaches_the_end_of_its_word_passes_everything():
    assert accumulated("s8.saturate", [100, 27]) == (127, [1, 1], [100, 27], 1)


def test_one_beyond_either_end_is_clipped():
    assert accumulated("s8.saturate", [100, 28]) == (127, [0, 0], [0, 0], 0)
    assert accumulated("s8.saturate", [-100, -29]) == (-128, [0, 0], [0, 0], 0)


def test_positive_sums_beyond_the_word_that_no_order_reaches_pass_everything():
    assert accumulated("s8.saturate", [100, -90, 100]) == (110, [1, 1, 1], [100, -90, 100], 1)


def test_a_clip_caused_by_the_start_blocks_the_start():
    assert accumulated("s8.saturate", [20, -10], start=120) == (117, [0, 1], [0, -10], 0)


def test_negative_spikes_are_bounded_and_clipped_alike():
    assert accumulated("s8.saturate", [-100, 50, 20], [-1.0, 1.0, -1.0]) == (107, [0, 0, -1], [0, 0, 20], 0)


def test_a_source_without_spikes_still_gets_the_gradient_of_its_count():
    assert accumulated("s8.saturate", [100, 60, 5], [1.0, 1.0, 0.0]) == (127, [0, 0, 0], [0, 0, 5], 0)


def test_a_wrapped_register_passes_everything():
    assert accumulated("s8.wrap", [100, 50, -20], start=1) == (-125, [1, 1, 1], [100, 50, -20], 1)


def test_neurons_run_in_order_piece_by_piece_are_the_same(monkeypatch):
    torch.manual_seed(0)
    weights, upstream = torch.randint(-100, 101, (6, 5)).float(), torch.rand(7, 5)
    counts = torch.randint(0, 4, (7, 6)).float()
    results = []
    for at_once in (1 << 22, 13, 1):
        monkeypatch.setattr(tensor, "_FLAGGED_AT_ONCE", at_once)
        w, c = weights.clone().requires_grad_(), counts.clone().requires_grad_()
        regs = Registers(TensorOps(Triangle()), {"sum": Word.parse("s8.saturate")}, {"sum": torch.zeros(7, 5)})
        regs.ops.accumulate(regs, "sum", c, Matrix(w))
        (regs["sum"] * upstream).sum().backward()
        results.append((regs["sum"].detach(), w.grad, c.grad))
    for result in results[1:]:
        assert torch.equal(result[0], results[0][0])
        torch.testing.assert_close(result[1:], results[0][1:])


def staged(stage, u, word="s8.saturate", **others):
    """A register after one stage, and d/du."""
    u = torch.tensor(u, requires_grad=True)
    regs = Registers(TensorOps(Triangle()), {"membrane": Word.parse(word)}, {"membrane": u, **others})
    stage.run(regs)
    (grad,) = torch.autograd.grad(regs["membrane"].sum(), u)
    return regs["membrane"].tolist(), grad.tolist()


def test_a_stage_that_saturates_blocks_where_it_clips():
    stage = Add(into="membrane", terms=(100,))
    assert staged(stage, [27.0, 28.0, -128.0]) == ([127, 127, -28], [1, 0, 1])


def test_a_stage_that_wraps_passes():
    stage = Add(into="membrane", terms=(100,))
    assert staged(stage, [27.0, 28.0], "s8.wrap") == ([127, -128], [1, 1])


@pytest.mark.parametrize("rounding", ["floor", "zero"])
@pytest.mark.parametrize("k", [0, 1, 3, torch.tensor([2.0])])
def test_a_decay_has_the_slope_of_its_shift(rounding, k):
    keys = {"into": "membrane", "of": "membrane", "kind": "shift", "by": "k", "rounding": rounding, "least": 0}
    for result, offset in (("remaining", 1.0), ("minus_amount", 0.0)):
        stage = Decay.model_validate(keys | {"result": result}, strict=False)
        _, grad = staged(stage, [-100.0, -3.0, 0.0, 7.0], k=k)
        assert grad == [offset - 2.0 ** -float(k)] * 4


def test_a_shift_to_the_left_has_its_factor_as_slope():
    assert staged(Shift(into="membrane", by=3), [-5.0, 15.0, 16.0]) == ([-40, 120, 127], [8, 8, 0])


def test_a_register_that_is_set_forgets():
    values = {"membrane": torch.tensor([1.0, 2.0], requires_grad=True)}
    regs = Registers(TensorOps(Triangle()), {"membrane": Word.parse("s8.saturate")}, values)
    Set(into="membrane", value=7).run(regs)
    assert regs["membrane"].tolist() == [7, 7]
    assert not regs["membrane"].requires_grad


def linear(weights, steps=3, leak=2, gradient=None, threshold=NEVER, **options):
    """One neuron behind the input, whose weights are these; membrane <- membrane - membrane / 2**leak + input."""
    step = (decay("membrane"), {"add": {"into": "membrane", "terms": ["fast"]}}, {"set": {"into": "fast", "value": 0}})
    profile = chip("s16.saturate", membrane="s16.saturate", threshold="s16", step=step, branches=(branch(),))
    network = template(profile, len(weights), {"a": 1}, [("input", "a", "forward")], threshold=threshold, leak=leak)
    model = SpikingNetwork(network, gradient or Triangle(), **options)
    synapses = model.synapses[0][0]
    with torch.no_grad():
        synapses.linear.weight.copy_(torch.tensor([weights]) * synapses.scale)
    return model


def test_autograd_agrees_with_finite_differences_along_a_path_without_spikes_or_clips():
    spikes = torch.tensor([[[1, 0], [2, 1], [0, 3]], [[0, 2], [1, 1], [1, 0]]])  # [sample, step, input]
    weights = [64.0, -32.0]  # and differences of 16: two decays by 2 bits lose no fraction

    def membranes(values):
        return linear(values, threshold=32767)(spikes, ["membrane"])[1]["a"]["membrane"]

    for source in range(2):
        moved = [w + 16 * (i == source) for i, w in enumerate(weights)]
        expected = (membranes(moved) - membranes(weights)) / 16
        for sample, step in ((0, 0), (0, 2), (1, 1), (1, 2)):
            model = linear(weights, threshold=32767)
            model(spikes, ["membrane"])[1]["a"]["membrane"][sample, step, 0].backward()
            synapses = model.synapses[0][0]
            assert synapses.linear.weight.grad[0, source] * synapses.scale == expected[sample, step, 0]


def spike_gradient(model, spikes, step):
    """d(spikes at a step)/d(weight in LSB)."""
    emitted, _ = model(spikes)
    synapses = model.synapses[0][0]
    (grad,) = torch.autograd.grad(emitted["a"][0, step, 0], synapses.linear.weight)
    return grad[0, 0].item() * synapses.scale


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_the_gradient_of_a_spike_reaches_the_weights_scaled(scale):
    model = linear([90.0], gradient=Triangle(1.0), threshold=100, scale=scale)
    assert spike_gradient(model, torch.tensor([[[1]]]), 0) == pytest.approx(scale * 0.9 / 100)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("weight", [80.0, 120.0])  # without and with a spike in the first step
def test_the_reset_passes_its_share_to_later_spikes(share, weight):
    theta, keeps = 100.0, 0.75

    def g(u):
        return max(0.0, 1 - abs(u - theta) / theta) / theta

    first, fired = weight, weight >= theta
    kept = first - theta * fired
    second = kept - kept // 4 + weight
    expected = g(second) * (1 + keeps * (1 - share * theta * g(first)))
    model = linear([weight], gradient=Triangle(1.0), threshold=100, reset_share=share)
    assert spike_gradient(model, torch.tensor([[[1], [1]]]), 1) == pytest.approx(expected)


def fired(when, gradient, repeat=1, emit=1, theta=10.0, word="s8.saturate", do=()):
    """u, the spikes and d(spikes)/du of one branch over all values of the register."""
    held = Word.parse(word)
    u = torch.arange(held.min, held.max + 1.0).requires_grad_()
    stage = Fire.model_validate({"branches": (branch(when, emit, repeat, do),)}, strict=False)
    values = {"membrane": u, "threshold": torch.full_like(u, theta), "spikes": torch.zeros_like(u)}
    regs = Registers(TensorOps(gradient), {"membrane": held}, values)
    stage.run(regs)
    assert regs["spikes"].requires_grad
    return u.detach(), regs["spikes"].detach(), torch.autograd.grad(regs["spikes"].sum(), u)[0]


SAME = [
    (("membrane", ">=", "threshold"), ("threshold", "<=", "membrane")),
    (("membrane", ">", "threshold"), ("threshold", "<", "membrane")),
    (("membrane", "<=", "threshold"), ("threshold", ">=", "membrane")),
    (("membrane", "<", "threshold"), ("threshold", ">", "membrane")),
    (("membrane", ">=", 10), (10, "<=", "membrane")),
    (("membrane", ">=", "threshold"), (10, "<=", "membrane")),
    (("membrane", ">", "threshold"), (11, "<=", "membrane")),
]


@pytest.mark.parametrize("gradient", [Triangle(1.0), BooleanGradient(), BooleanGradient(k=2, dither=True)], ids=str)
@pytest.mark.parametrize(("one", "other"), SAME)
def test_a_comparison_has_one_gradient_whichever_side_the_register_is_on(one, other, gradient):
    (_, spikes, slope), (_, same_spikes, same_slope) = fired(one, gradient), fired(other, gradient)
    assert torch.equal(spikes, same_spikes)
    assert torch.equal(slope, same_slope)
    assert slope.any()


def test_a_falling_comparison_has_a_negative_gradient():
    u, spikes, slope = fired(("membrane", "<", "threshold"), Triangle(1.0))
    assert torch.equal(spikes, (u < 10).float())
    assert torch.equal(slope, -Triangle(1.0)(u, torch.tensor(10.0), Word.parse("s8.saturate"), 1))


def test_a_negative_spike_has_the_gradient_of_its_sign():
    u, spikes, slope = fired(("membrane", "<=", -10), Triangle(1.0), emit=-1)
    assert torch.equal(spikes, -(u <= -10).float())
    assert (slope >= 0).all()
    assert slope.argmax() == u.tolist().index(-9)


def test_the_m_th_crossing_of_greater_than_lies_one_above_m_thresholds():
    subtract = ({"add": {"into": "membrane", "terms": ("-threshold",)}},)
    u, spikes, slope = fired(("membrane", ">", "threshold"), Triangle(0.1), 5, do=subtract)
    assert torch.equal(spikes, torch.div(u - 1, 10, rounding_mode="floor").clamp(0, 5))
    assert u[slope > 0].tolist() == [11, 21, 31, 41, 51]


def test_a_register_above_its_own_word_gets_the_gradient_of_its_nearest_value():
    gradient, word = BooleanGradient(dither=True), Word.parse("s8.saturate")
    u = torch.tensor([127.0, 128.0, 300.0, -128.0, -200.0]).requires_grad_()
    values = {"membrane": u, "spikes": torch.zeros_like(u)}
    regs = Registers(TensorOps(gradient), {"membrane": word}, values)
    Fire.model_validate({"branches": (branch(("membrane", ">=", 100), do=()),)}, strict=False).run(regs)
    (slope,) = torch.autograd.grad(regs["spikes"].sum(), u)
    assert torch.equal(slope, gradient(u.detach().clamp(-128, 127), torch.tensor(100.0), word, 1))


@pytest.mark.parametrize("when", [("membrane", "==", "threshold"), ("membrane", "!=", 3), ("threshold", ">=", 5)])
def test_what_no_register_crosses_spikes_without_a_gradient(when):
    u = torch.arange(20.0).requires_grad_()
    words, values = {"membrane": Word.parse("s8.saturate")}, {"membrane": u, "threshold": torch.tensor(7.0)}
    regs = Registers(TensorOps(Triangle()), words, values | {"spikes": torch.zeros(20)})
    Fire.model_validate({"branches": (branch(when, do=()),)}, strict=False).run(regs)
    assert not regs["spikes"].requires_grad
    assert regs["spikes"].any()


def test_a_crossing_has_its_register_on_the_left():
    registers = {"membrane", "adaptation"}
    assert crossing(("membrane", ">=", "threshold"), registers) == ("membrane", ">=", "threshold")
    assert crossing((3, ">", "membrane"), registers) == ("membrane", "<", 3)
    assert crossing(("membrane", ">=", "adaptation"), registers) == ("membrane", ">=", "adaptation")
    assert crossing(("threshold", ">=", 3), registers) is None


def test_a_threshold_that_is_a_register_gets_the_opposite_gradient():
    u, threshold = torch.tensor([8.0, 12.0]).requires_grad_(), torch.tensor([10.0, 10.0]).requires_grad_()
    words = dict.fromkeys(("membrane", "adaptation"), Word.parse("s8.saturate"))
    values = {"membrane": u, "adaptation": threshold, "spikes": torch.zeros(2)}
    regs = Registers(TensorOps(Triangle(1.0)), words, values)
    Fire.model_validate({"branches": (branch(("membrane", ">=", "adaptation"), do=()),)}, strict=False).run(regs)
    regs["spikes"].sum().backward()
    assert u.grad.tolist() == pytest.approx([0.08, 0.08])
    assert torch.equal(threshold.grad, -u.grad)


def test_without_autograd_no_gradient_is_computed():
    def never(*_):
        raise AssertionError("called")

    model = linear([50.0], gradient=never, threshold=20)
    with torch.no_grad():
        assert model(torch.tensor([[[1]]]))[0]["a"].item() == 1
