"""Overflow in training: forbidden with a proof that runs cannot break, penalised, or refused where nothing is left."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from bitspike.engine.reach import reach  # noqa: E402
from bitspike.errors import InputError  # noqa: E402
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.overflow import Allow, Forbid, Penalise, control  # noqa: E402
from bitspike.training.surrogate import Triangle  # noqa: E402
from builders import GENERIC, edited, generic  # noqa: E402
from command_line import bitspike, recipe, refused, train_on_few  # noqa: E402
from training_networks import TOPOLOGIES, chip, decay, template  # noqa: E402

CLEARED = (
    {"add": {"into": "membrane", "terms": ["fast", "slow"]}},
    decay("membrane"),
    {"set": {"into": "fast", "value": 0}},
    decay("slow"),
)


def forbidden(network, of="all", **options):
    model = SpikingNetwork(network, Triangle(4.0), **options)
    model.control = control(model, Forbid(kind="forbid", of=of))
    return model


def pushed(model, spikes, steps=3):
    """Steps of an optimizer that makes every weight as large as it can."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.5)
    for _ in range(steps):
        emitted, _ = model(torch.as_tensor(spikes))
        optimizer.zero_grad()
        loss = -emitted[model.template.output].sum() - sum(p.sum() for p in model.parameters())
        loss.backward()
        optimizer.step()
        model.after_step()


def overflowed(trace):
    return {register for layer in trace.overflows.values() for register, count in layer.items() if count}


@pytest.mark.parametrize("of", ["accumulators", "all"])
@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_no_input_makes_a_register_overflow_however_the_weights_are_pushed(topology, of):
    sizes = {"a": 5, "b": 4, "c": 3}
    network = template(chip("s8.saturate", "s9.wrap", "s9.saturate", step=CLEARED), 6, sizes, TOPOLOGIES[topology], 2,
                       threshold=6, leak=2)  # fmt: skip
    torch.manual_seed(0)
    model = forbidden(network, of, max_input=3)
    rng = np.random.default_rng(0)
    pushed(model, rng.integers(0, 4, (4, 6, 6)))
    exported = model.export()
    assert any(np.any(p.weights) for p in exported.projections)
    model.control.prove(exported)
    spikes = np.concatenate([rng.integers(0, 4, (20, 30, 6)), rng.choice([0, 3], (20, 30, 6))])
    trace = bs.run(exported, spikes, record="all", engine="array")
    assert not overflowed(trace) & ({"fast", "slow"} | ({"membrane"} if of == "all" else set()))
    bs.compare(model.trace(spikes), trace).check()


def test_the_proof_is_not_by_heart():
    network = template(chip("s8.saturate", step=CLEARED), 6, {"a": 5}, [("input", "a", "forward")], threshold=6, leak=2)
    model = forbidden(network, max_input=3)
    with torch.no_grad():
        model.synapses[0][0].linear.weight.fill_(0.9)
    with pytest.raises(AssertionError, match="layer a: the bound let through"):
        model.control.prove(model.export())


def budgets(network, of):
    (budget,) = forbidden(network, of, max_input=1).control.budgets
    return budget.up


@pytest.mark.parametrize("bits", [4, 5, 7])
def test_the_budget_of_a_register_that_is_cleared_is_all_of_its_word(bits):
    profile = edited(GENERIC, ("neurons.neuron.registers.accumulator", f"s{bits}.saturate"))
    assert budgets(generic([[1, 1]], [3, 5], 2, profile), "accumulators").tolist() == [2 ** (bits - 1) - 1] * 2


@pytest.mark.parametrize("leak", [1, 2, 3])
def test_the_budget_of_a_membrane_is_the_largest_that_never_overflows(leak):
    word = ("neurons.neuron.registers.membrane", "s8.saturate")
    profile = edited(GENERIC, word)
    (most,) = budgets(generic([[1]], 100, leak, profile), "all")
    for weight, fits in ((most, True), (-most, True), (most + 1, False)):
        network = generic([[weight], [-weight]], 100, leak, profile)
        assert reach(network, 1)["a"].overflows["membrane"].any() != fits
        trace = bs.run(network, np.repeat(np.eye(2, dtype=np.uint8)[:, None], 300, axis=1))
        assert bool(trace.overflows["a"]["membrane"]) != fits


def test_kernels_that_neurons_share_are_brought_back_by_the_neuron_that_needs_it_most():
    shape = bs.Convolution((1, 4, 4), padding=1)
    profile = edited(GENERIC, ("connections.forward.kernel", "correlation"),
                     ("neurons.neuron.registers.accumulator", "s8.saturate"))  # fmt: skip
    network = bs.Network(
        profile, 16, [bs.Population("a", 32, {"threshold": 50, "leak": 2})],
        [bs.Projection("input", "a", np.zeros((2, 1, 3, 3), int), "forward", {}, shape)],
    )  # fmt: skip
    torch.manual_seed(0)
    model = forbidden(network, gain=300.0, max_input=1)
    kernels = model.export().projections[0].weights.reshape(2, 9)
    assert (np.maximum(kernels.clip(0).sum(axis=1), -kernels.clip(None, 0).sum(axis=1)) <= 127).all()
    assert np.count_nonzero(kernels) > 4
    model.control.prove(model.export())


def test_neurons_within_their_budgets_keep_their_weights():
    network = template(chip("s8.saturate", step=CLEARED), 4, {"a": 3}, [("input", "a", "forward")], threshold=6, leak=2)
    model = forbidden(network, "accumulators", max_input=1)
    weight = model.synapses[0][0].linear.weight
    with torch.no_grad():
        weight.copy_(torch.tensor([[0.3, 0.3, 0.2, -0.3], [0.5, 0.6, 0.01, -0.2], [-0.7, -0.6, 0.1, 0.1]]))
    before = weight.detach().clone()
    model.after_step()
    assert torch.equal(weight[0], before[0])  # 38 + 38 + 26 LSB up, 38 down, of 127
    assert model.export().projections[0].weights[:, 1, 0].clip(0).sum() == 127
    assert weight[1, 2] == 0  # the small ones first
    assert weight[1, :2].sum() < before[1, :2].sum()


def test_a_penalty_is_0_within_the_budget_and_leads_back_to_it():
    network = template(chip("s8.saturate", step=CLEARED), 6, {"a": 5}, [("input", "a", "forward")], threshold=6, leak=2)
    torch.manual_seed(0)
    model = SpikingNetwork(network, Triangle(4.0), gain=120.0, max_input=1)
    model.control = control(model, Penalise(kind="penalise", of="accumulators", strength=0.5))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    first = model.control.penalty()
    assert first > 0
    for _ in range(60):
        optimizer.zero_grad()
        model.control.penalty().backward()
        optimizer.step()
        model.after_step()
    assert model.control.penalty() == 0
    assert np.any(model.export().projections[0].weights)
    assert not reach(model.export(), 1)["a"].overflows["fast"].any()


def test_a_penalty_has_its_strength():
    network = template(chip("s8.saturate", step=CLEARED), 6, {"a": 5}, [("input", "a", "forward")], threshold=6, leak=2)
    torch.manual_seed(0)
    model = SpikingNetwork(network, Triangle(4.0), gain=120.0, max_input=1)
    weak, strong = (control(model, Penalise(kind="penalise", of="all", strength=s)) for s in (0.5, 2.0))
    assert strong.penalty().item() == pytest.approx(4 * weak.penalty().item())


def test_allowed_overflow_needs_no_control():
    assert control(SpikingNetwork(generic(), Triangle()), Allow(kind="allow")) is None


def refusal(network, of="all", **options):
    with pytest.raises(InputError) as error:
        forbidden(network, of, **options)
    return str(error.value)


def test_a_bound_that_leaves_no_useful_network_is_refused():
    profile = edited(GENERIC, ("neurons.neuron.registers.accumulator", "s3.saturate"))
    message = refusal(generic([[1]], 50, 1, profile))
    assert message == (
        "overflow: layer 'a': found forbid of all: sums of at most 3 bring no neuron to its threshold; "
        "allowed: a lower threshold, a wider register, penalise, allow"
    )


def test_a_membrane_that_never_leaks_is_refused_but_its_accumulator_is_not():
    step = json.loads(bs.load_profile(GENERIC).to_json())["neurons"]["neuron"]["step"][1:]
    network = generic([[1]], 50, 1, edited(GENERIC, ("neurons.neuron.step", step)))
    message = refusal(network)
    assert "found forbid of all, which overflow whatever the weights; allowed: allow, or of: accumulators" in message
    assert forbidden(network, "accumulators").control.budgets


def test_what_the_bound_does_not_cover_is_refused():
    network = template(chip(), 2, {"a": 2}, [("input", "a", "forward")])
    message = refusal(network, train={"a": {"threshold": "neuron"}})
    assert message == "overflow: layer 'a': found forbid with trained parameters; allowed: allow"


def test_few_weights_that_can_be_other_than_0_are_said():
    profile = edited(GENERIC, ("neurons.neuron.registers.accumulator", "s4.saturate"))

    def found(inputs):
        network = generic(np.ones((inputs, 2), int), 5, 2, profile)
        return list(forbidden(network, "accumulators", max_input=1).control.findings())

    (one,) = found(40)
    assert (one.kind, one.count, one.of) == ("tight_weights", 14, 40)
    assert "14 of 40 weights (35%) of a neuron can be other than 0 at once" in str(one)
    assert not found(14)


def test_a_recipe_that_forbids_overflow_reports_its_margins(capsys, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    train_on_few(monkeypatch)
    file = recipe(tmp_path / "tiny.yaml", ("epochs: 1", "overflow: {kind: forbid, of: all}\nepochs: 1"))
    ran = bitspike(capsys, "train", file, "-o", tmp_path / "net.npz", "--json")
    registers = json.loads(ran.out)["registers"]
    assert len(registers) == 4
    assert all(each["neurons"] == 0 and 0 <= each["margin"] < 1 for each in registers)
    checked = json.loads(bitspike(capsys, "check", tmp_path / "net.npz", "--most-input", 1, "--json").out)
    assert checked[str(tmp_path / "net.npz")]["registers"] == registers


def test_an_impossible_bound_of_a_recipe_is_placed(capsys, tmp_path):
    pytest.importorskip("sklearn")
    bound = ("epochs: 1", "overflow: {kind: forbid, of: all}\nepochs: 1")
    file = recipe(tmp_path / "tiny.yaml", bound, ("leak: 4}}", "leak: 4}, train: {threshold: layer}}"))
    (line,) = refused(capsys, tmp_path, "train", file, "-o", tmp_path / "net.npz")
    assert line == f"{file}:21:11: overflow: layer 'hidden': found forbid with trained parameters; allowed: allow"
