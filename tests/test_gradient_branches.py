"""The gradient of what branches emit: of zeros, of quotients, and of branches that another condition rules out."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from bitspike.datapath import Fire  # noqa: E402
from bitspike.ops.base import Registers  # noqa: E402
from bitspike.ops.tensor import TensorOps  # noqa: E402
from bitspike.training.surrogate import Triangle  # noqa: E402
from bitspike.word import Word  # noqa: E402
from training_networks import branch  # noqa: E402

WORDS = {name: Word.parse("s16.saturate") for name in ("total", "membrane", "count")}
CLEAR = {"set": {"into": "total", "value": 0}}
SUBTRACT = {"add": {"into": "membrane", "terms": ("-count*threshold",)}}
ZERO = {"set": {"into": "membrane", "value": 0}}


def fired(branches, values, quotients=(), **options):
    """Registers and spikes after a fire stage; `values` are leaves."""
    leaves = {name: torch.tensor(value).requires_grad_(name in WORDS) for name, value in values.items()}
    ops = TensorOps(Triangle(1.0), quotients=quotients, **options)
    regs = Registers(ops, WORDS, {**leaves, "spikes": torch.zeros_like(next(iter(leaves.values())))})
    Fire.model_validate({"branches": branches}, strict=False).run(regs)
    return leaves, regs


def test_a_pool_passes_the_gradient_of_silent_windows_and_keeps_nothing_of_it():
    pool = (branch(("total", ">", 0), "total", do=(CLEAR,)),)
    leaves, regs = fired(pool, {"total": [0.0, 3.0, 0.0]})
    assert regs["spikes"].tolist() == [0, 3, 0]
    assert torch.autograd.grad(regs["spikes"].sum(), leaves["total"], retain_graph=True)[0].tolist() == [1, 1, 1]
    (kept,) = torch.autograd.grad((regs["total"] + 0 * leaves["total"]).sum(), leaves["total"])
    assert kept.tolist() == [0, 0, 0]


def test_a_value_that_would_be_emitted_but_is_not_passes_nothing():
    graded = (branch(("membrane", ">=", 5), "membrane", do=(ZERO,)),)
    leaves, regs = fired(graded, {"membrane": [3.0, 7.0]})
    assert torch.autograd.grad(regs["spikes"].sum(), leaves["membrane"])[0].tolist() == [0, 1]


QUOTIENT = {("count", "membrane", "threshold")}


COUNTING = (branch(("membrane", ">=", "threshold"), "count", do=(SUBTRACT,)),)


def counted(u, share=0.0, branches=COUNTING, **values):
    u = torch.tensor(u).requires_grad_()
    threshold = torch.full_like(u, 10.0)
    count = torch.div(u.clamp(min=0), 10, rounding_mode="floor").detach() + (u - u.detach()) / 10
    ops = TensorOps(Triangle(1.0), share, quotients=QUOTIENT)
    start = {"membrane": u, "threshold": threshold, "count": count, "spikes": torch.zeros_like(u)}
    regs = Registers(ops, WORDS, {**start, **{name: torch.tensor(v) for name, v in values.items()}})
    Fire.model_validate({"branches": branches}, strict=False).run(regs)
    return u, regs


def test_a_quotient_that_is_emitted_has_the_gradient_of_its_crossings():
    u, regs = counted([-3.0, 4.0, 10.0, 27.0])
    assert regs["spikes"].tolist() == [0, 0, 1, 2]
    assert regs["membrane"].tolist() == [-3, 4, 0, 7]
    expected = Triangle(1.0)(u.detach(), torch.tensor(10.0), WORDS["membrane"], 3)
    (slope,) = torch.autograd.grad(regs["spikes"].sum(), u, retain_graph=True)
    assert slope.tolist() == pytest.approx(expected.tolist())
    assert slope[1] > 0  # though it emits nothing
    (detached,) = torch.autograd.grad(regs["membrane"].sum(), u)
    assert detached.tolist() == [1, 1, 1, 1]


def test_a_spike_of_a_quotient_resets_by_its_share():
    u, regs = counted([4.0, 27.0], share=0.5)
    slope = Triangle(1.0)(u.detach(), torch.tensor(10.0), WORDS["membrane"], 3)
    (kept,) = torch.autograd.grad(regs["membrane"].sum(), u)
    assert kept.tolist() == pytest.approx((1 - 0.5 * 10 * slope).tolist())


def test_branches_that_share_a_crossing_share_its_gradient():
    both = (
        branch([("membrane", ">=", "threshold"), ("mode", "==", 1)], "count", do=(ZERO,)),
        branch(("membrane", ">=", "threshold"), "count", do=(SUBTRACT,)),
    )
    alone, one = counted([4.0, 17.0])
    for mode in (0.0, 1.0):
        u, regs = counted([4.0, 17.0], branches=both, mode=[mode, mode])
        slope = torch.autograd.grad(regs["spikes"].sum(), u, retain_graph=True)[0]
        assert torch.equal(slope, torch.autograd.grad(one["spikes"].sum(), alone, retain_graph=True)[0])
        assert regs["membrane"].tolist() == [4, 0 if mode else 7]


@pytest.mark.parametrize("mode", [0.0, 1.0])
def test_a_branch_that_another_condition_rules_out_has_no_gradient(mode):
    negative = branch([("membrane", "<", -5), ("mode", "==", 1)], emit=-1, do=(ZERO,))
    leaves, regs = fired((negative,), {"membrane": [-4.0, -7.0], "mode": [mode, mode]})
    assert regs["spikes"].tolist() == [0, -mode]
    (slope,) = torch.autograd.grad(regs["spikes"].sum(), leaves["membrane"])
    assert slope.bool().tolist() == [bool(mode)] * 2
