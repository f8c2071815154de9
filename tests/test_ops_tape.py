"""Derivatives of compiled stages, against autograd through TensorOps: random stages, every operand a variable."""

from __future__ import annotations

import numpy as np
import pytest
from bitspike.datapath import Clip, Fire, Set, Shift
from bitspike.engine.cache import linked, object_code
from bitspike.ops.base import Registers, Relation, crossing
from bitspike.ops.code import I64, Code
from bitspike.ops.interval import Interval
from bitspike.ops.lanes import LaneOps
from bitspike.ops.tape import TapeOps
from bitspike.word import Word
from hypothesis import HealthCheck, assume, given, settings
from interpreter_cases import fires
from interpreters import Experiment, run_at_once, widest
from llvmlite import ir
from random_stages import CASES, experiments

torch = pytest.importorskip("torch")
from bitspike.ops.operators import RefusedWriteError  # noqa: E402
from bitspike.ops.tensor import TensorOps  # noqa: E402

LANES, SHARE, SCALE = 8, 0.5, 0.25
DOUBLE = ir.DoubleType()


def flat(u, threshold, word, repeat):
    return torch.ones_like(u)


def decided(experiment, ops):
    """The slope of TensorOps under `flat`: falling comparisons fall."""

    def slope(branch, u, threshold):
        relation = crossing(branch.crossing, experiment.registers)[1]
        return ops[0].number(branch.emit * SCALE * (-1 if relation in (Relation.LE, Relation.LT) else 1))

    return slope


def by_tape(experiment, cases, above):
    """The derivatives by every operand, of the written registers weighted with `above`."""
    arrays = {f"in_{name}": values for name, values in cases.items()}
    arrays |= {f"above_{name}": values.view(np.int64) for name, values in above.items()}
    arrays |= {f"out_{name}": np.zeros(CASES, np.int64) for name in cases}
    code = Code(list(arrays))
    vector, whole = ir.VectorType(DOUBLE, LANES), ir.VectorType(ir.IntType(64), LANES)
    with code.loop(I64(0), I64(CASES), LANES) as place:
        lanes, made = LaneOps(code, LANES, {}, {}), []
        ops = TapeOps(lanes, DOUBLE, decided(experiment, made), SHARE, observes=False)
        made.append(ops)
        leaves = {
            name: ops.leaf(lanes.load(code.row(f"in_{name}", "int64").load(place, LANES), experiment.ranges[name]))
            for name in cases
        }
        regs = Registers(ops, experiment.registers, dict(leaves))
        experiment.stage.run(regs)
        adjoints = {}
        for name in above:
            if regs[name].place is not None:
                weight = code.builder.bitcast(code.row(f"above_{name}", "int64").load(place, LANES), vector)
                ops.collect(adjoints, regs[name].place, weight)
        ops.reverse(adjoints)
        for name, leaf in leaves.items():
            found = code.builder.bitcast(adjoints.get(leaf.place, ops.number(0.0)), whole)
            code.row(f"out_{name}", "int64").store(place, found, LANES)
    kernel, _engine = linked(object_code(code.finish()))
    addresses = np.array([array.ctypes.data for array in arrays.values()], np.int64)
    kernel(addresses.ctypes.data)
    return {name: arrays[f"out_{name}"].view(np.float64) for name in cases}


def by_autograd(experiment, cases, above):
    leaves = {name: torch.tensor(v, dtype=torch.float64, requires_grad=True) for name, v in cases.items()}
    results = run_at_once(experiment, TensorOps(flat, SHARE, SCALE), leaves)
    loss = sum((torch.as_tensor(results[name]) * torch.tensor(weight)).sum() for name, weight in above.items())
    if not isinstance(loss, torch.Tensor) or not loss.requires_grad:
        return {name: np.zeros(CASES) for name in cases}
    gradients = torch.autograd.grad(loss, list(leaves.values()), allow_unused=True)
    return {
        name: np.zeros(CASES) if gradient is None else gradient.numpy()
        for name, gradient in zip(leaves, gradients, strict=True)
    }


def emits_by_name(stage):
    return isinstance(stage, Fire) and any(isinstance(branch.emit, str) for branch in stage.branches)


@given(experiments())
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_random_stage_has_the_derivatives_of_autograd(drawn):
    experiment, cases = drawn
    met = widest(experiment)
    assume(max(met.hi, -met.lo) < 1 << 53 and not emits_by_name(experiment.stage))
    cases = {name: np.ascontiguousarray(values, np.int64) for name, values in cases.items()}
    generator = np.random.default_rng(0)
    above = {name: generator.random(CASES) for name in experiment.written if name in experiment.ranges}
    try:
        expected = by_autograd(experiment, cases, above)
    except RefusedWriteError:
        return
    agree(experiment, cases, above, expected)


def agree(experiment, cases, above, expected):
    for name, found in by_tape(experiment, cases, above).items():
        scale = 1 + np.abs(expected[name]).max()
        np.testing.assert_allclose(found, expected[name], rtol=1e-9, atol=1e-9 * scale, err_msg=f"{experiment}: {name}")


ALONE = {
    "equal operands share the slope": Clip(into="membrane", low="a", high=3),
    "a shift to the left has its factor": Shift(into="membrane", by="by"),
    "a negative spike's reset": fires(("membrane", Relation.LE, "a"), -1, 1, Set(into="membrane", value=2)),
}


@pytest.mark.parametrize("name", ALONE)
def test_a_stage_has_the_derivatives_of_autograd(name):
    stage = Fire(branches=(ALONE[name],)) if "spike" in name else ALONE[name]
    operands = {"a": Interval(-4, 3), "by": Interval(0, 3), "spikes": Interval(0, 0)}
    experiment = Experiment(stage, {"membrane": Word.parse("s8.saturate")}, operands)
    generator = np.random.default_rng(0)
    cases = {key: generator.integers(r.lo, r.hi + 1, CASES) for key, r in experiment.ranges.items()}
    cases["membrane"] = generator.integers(-4, 4, CASES)
    above = {key: generator.random(CASES) for key in experiment.written}
    expected = by_autograd(experiment, cases, above)
    assert any(each.any() for each in expected.values())
    agree(experiment, cases, above, expected)
