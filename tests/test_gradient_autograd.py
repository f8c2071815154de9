"""Through a `fire` stage a spike passes its gradient to the register, and the reset passes its share."""

import pytest
import torch
from bitspike.datapath import Fire
from bitspike.ops.base import Registers
from bitspike.ops.tensor import TensorOps
from bitspike.training.gradient import make_gradient
from bitspike.word import Word

WORD = Word.parse("s8.saturate")
SUBTRACT = {"add": {"into": "membrane", "terms": ("-threshold",)}}
TO_ZERO = {"set": {"into": "membrane", "value": 0}}
GRADIENTS = [make_gradient("boolean"), make_gradient("boolean", k=2, dither=True), make_gradient("triangle", width=1)]


def fire(gradient, share, reset, theta=37.0, repeat=1, relation=">="):
    """Register values, the spikes and the membrane after one `fire` stage, ready for autograd."""
    u = torch.arange(-60.0, 127.0).reshape(11, 17).requires_grad_()
    branch = {"when": ("membrane", relation, "threshold"), "emit": 1, "repeat": repeat, "do": (reset,)}
    stage = Fire.model_validate({"branches": (branch,)}, strict=False)
    words = {"membrane": WORD, "spikes": Word.parse("u8.refuse")}
    values = {"membrane": u, "spikes": torch.zeros_like(u), "threshold": torch.full((17,), theta)}
    regs = Registers(TensorOps(gradient, share), words, values)
    stage.run(regs)
    return u, regs["spikes"], regs["membrane"]


def slope(result, u):
    return torch.autograd.grad(result.sum(), u)[0]


@pytest.mark.parametrize("repeat", [1, 31])
@pytest.mark.parametrize("gradient", GRADIENTS, ids=str)
def test_spikes_are_exact_and_carry_the_chosen_gradient(gradient, repeat):
    u, spikes, _ = fire(gradient, 1.0, SUBTRACT, repeat=repeat)
    assert torch.equal(spikes, torch.div(u, 37, rounding_mode="floor").clamp(0, repeat))
    expected = gradient(u.detach(), torch.tensor(37.0), WORD, repeat)
    assert expected.any()
    assert torch.equal(slope(spikes, u), expected)


@pytest.mark.parametrize("gradient", GRADIENTS, ids=str)
def test_greater_than_crosses_one_lsb_above_the_threshold(gradient):
    u, spikes, _ = fire(gradient, 1.0, SUBTRACT, relation=">")
    assert torch.equal(spikes, (u > 37).float())
    assert torch.equal(slope(spikes, u), gradient(u.detach(), torch.tensor(38.0), WORD, 1))


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("repeat", [1, 31])
@pytest.mark.parametrize("gradient", GRADIENTS, ids=str)
def test_reset_by_subtraction_passes_its_share_of_theta_times_the_gradient(gradient, repeat, share):
    u, spikes, after = fire(gradient, share, SUBTRACT, repeat=repeat)
    assert torch.equal(after, u - 37 * spikes)
    g = gradient(u.detach(), torch.tensor(37.0), WORD, repeat)
    torch.testing.assert_close(slope(after, u), 1 - share * 37 * g)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("gradient", GRADIENTS, ids=str)
def test_reset_to_zero_passes_its_share_of_the_membrane_times_the_gradient(gradient, share):
    u, spikes, after = fire(gradient, share, TO_ZERO)
    assert torch.equal(after, u * (1 - spikes))
    g, s, v = gradient(u.detach(), torch.tensor(37.0), WORD, 1), spikes.detach(), u.detach()
    torch.testing.assert_close(slope(after, u), 1 - s - share * g * v)


@pytest.mark.parametrize("theta", [0.0, -5.0])
@pytest.mark.parametrize("gradient", GRADIENTS, ids=str)
def test_a_threshold_of_zero_or_less_trains_without_nan(gradient, theta):
    u, spikes, after = fire(gradient, 1.0, SUBTRACT, theta=theta, repeat=3)
    assert torch.equal(spikes, 3 * (u >= theta).float())
    assert slope(spikes + after, u).isfinite().all()
