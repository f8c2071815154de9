"""The Boolean gradient of IEEE words, against a definition by Python's own struct."""

import math
import struct

import pytest
import torch
from bitspike.errors import InputError
from bitspike.training.float_boolean import FloatBooleanGradient, float_gradient, spike

LAYOUTS = {torch.float32: ("<f", "<I", 31, 23), torch.float16: ("<e", "<H", 15, 10)}  # and sign, mantissa bits


def toggled(u, bit, dtype):
    value, code, _, _ = LAYOUTS[dtype]
    pattern = struct.unpack(code, struct.pack(value, u))[0] ^ (1 << bit)
    return struct.unpack(value, struct.pack(code, pattern))[0]


def defined(u, theta, bits, dtype):
    """Sum of |change of s| / |change of u| for s = u >= theta."""
    total = 0.0
    for bit in bits:
        other = toggled(u, bit, dtype)
        if math.isfinite(other) and (other >= theta) != (u >= theta):
            total += 1 / abs(other - u)
    return min(total, torch.finfo(dtype).max)


def sample(dtype):
    """Words of every magnitude and sign, zeros, subnormals and the neighbours of thresholds among them."""
    _, _, sign, _ = LAYOUTS[dtype]
    integer = torch.int32 if dtype is torch.float32 else torch.int16
    generator = torch.Generator().manual_seed(5)
    codes = torch.randint(-(1 << sign), 1 << sign, (1000,), generator=generator)
    near = (
        torch.tensor([0.3, -0.3, 1.0, 0.0, -0.0]).to(dtype).view(integer).long()[:, None] + torch.arange(-10, 10)
    ).flatten()
    values = torch.cat([codes, near]).to(integer).view(dtype)
    return values[values.isfinite()]


@pytest.mark.parametrize("theta", [0.3, 1.0, -0.3, 0.0])
@pytest.mark.parametrize("dtype", LAYOUTS, ids=str)
def test_gradient_is_the_sum_over_bits_of_change_of_spike_over_change_of_value(dtype, theta):
    _, _, sign, _ = LAYOUTS[dtype]
    rounded = torch.tensor(theta).to(dtype).item()
    for options, bits in (
        ({}, range(sign - 1)),
        ({"top_exponent": True}, range(sign)),
        ({"sign_bit": True}, [*range(sign - 1), sign]),
    ):
        found = float_gradient(sample(dtype), theta, **options)
        expected = torch.tensor([defined(u, rounded, bits, dtype) for u in sample(dtype).tolist()]).to(dtype)
        assert expected.any()
        assert torch.equal(found, expected)


def test_bfloat16_has_the_gradient_of_the_same_value_in_float32():
    """Its bits are the upper 16 of a float32; setting any of the lower 16 crosses no bfloat16 threshold."""
    u = torch.linspace(-2, 2, 401).to(torch.bfloat16)
    narrow, wide = FloatBooleanGradient()(u, 0.5), FloatBooleanGradient()(u.float(), 0.5)
    assert wide.any()
    assert torch.equal(narrow, wide.to(torch.bfloat16))


def test_the_relation_decides_at_the_threshold_itself():
    u = torch.tensor([1.0])
    assert float_gradient(u, 1.0, ">=") > 0  # clearing an exponent bit takes it below
    assert float_gradient(u, 1.0, ">") > 1 / torch.finfo(torch.float32).eps  # setting its last bit takes it above


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_every_word_has_a_finite_gradient(dtype):
    info = torch.finfo(dtype)
    special = [0.0, -0.0, info.smallest_normal, info.tiny, info.max, info.min, math.inf, -math.inf, math.nan]
    u = torch.tensor([*special, info.smallest_normal * info.eps], dtype=dtype)
    for theta in u:
        for relation in (">", ">="):
            found = FloatBooleanGradient(relation, top_exponent=True, sign_bit=True)(u, theta)
            assert found.dtype == dtype
            assert found.isfinite().all()
            assert (found >= 0).all()
            assert not found[~u.isfinite()].any()


def test_a_subnormal_next_to_the_threshold_is_capped_at_the_greatest_finite_value():
    least = torch.tensor([2.0**-149])
    assert float_gradient(least, least) == torch.finfo(torch.float32).max


def test_backward_gives_the_gradient_to_the_value_and_its_negative_to_the_threshold():
    u = torch.linspace(-1, 1, 12).reshape(3, 4).requires_grad_()
    theta = torch.tensor([0.1, 0.2, 0.3, 0.4], requires_grad=True)
    upstream = torch.arange(12.0).reshape(3, 4)
    gradient = FloatBooleanGradient()
    spikes = spike(u, theta, gradient)
    spikes.backward(upstream)
    assert torch.equal(spikes, (u >= theta).float())
    assert torch.equal(u.grad, upstream * gradient(u.detach(), theta.detach()))
    assert u.grad.any()
    assert torch.equal(theta.grad, -u.grad.sum(0))


def test_a_spike_uses_the_relation_of_its_gradient():
    u = torch.tensor([0.5], requires_grad=True)
    assert spike(u, 0.5, FloatBooleanGradient(">=")).item() == 1
    assert spike(u, 0.5, FloatBooleanGradient(">")).item() == 0


def test_other_relations_and_types_are_refused():
    with pytest.raises(InputError) as error:
        FloatBooleanGradient("<")
    assert str(error.value) == "float Boolean gradient: relation: found '<'; allowed: '>=', '>'"
    with pytest.raises(InputError) as error:
        float_gradient(torch.zeros(1, dtype=torch.float64), 1.0)
    assert str(error.value) == (
        "float Boolean gradient: u: found torch.float64; allowed: torch.float32, torch.float16, torch.bfloat16"
    )
