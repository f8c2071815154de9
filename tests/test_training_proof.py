"""The proof compares training, engine and oracle value by value, and notices a single doctored weight."""

from __future__ import annotations

from dataclasses import replace

import bitspike as bs
import numpy as np
import pytest
from bitspike.errors import MismatchError

torch = pytest.importorskip("torch")
from bitspike.training import task  # noqa: E402
from bitspike.training.proof import prove  # noqa: E402
from bitspike.training.recipe import build, load_recipe  # noqa: E402
from test_training_recipes import GOOD, written  # noqa: E402

SAMPLES, STEPS = 6, 5


@pytest.fixture
def model(tmp_path):
    torch.manual_seed(3)
    recipe, template = load_recipe(written(tmp_path, GOOD))
    return build(recipe.model_copy(update={"gain": 4000.0}), template, max_input=2)


@pytest.fixture
def test():
    spikes = np.random.default_rng(0).integers(0, 3, (SAMPLES, STEPS, 64)).astype(np.uint8)
    return task.TestSet(spikes, np.zeros(SAMPLES, np.int64), task.PerClass(kind="per_class"), 10)


def doctored(model, change):
    """Every export of the model from now on, changed."""
    honest = model.export
    return lambda task=None: change(honest(task))


def with_weight(network, index, place, difference):
    weights = np.array(network.projections[index].weights, int)
    weights[place] += difference
    changed = [replace(p, weights=weights) if i == index else p for i, p in enumerate(network.projections)]
    return bs.Network(network.profile, network.inputs, network.populations, changed, task=network.task)


def test_an_untrained_network_is_proved_in_every_value(model, test):
    proof = prove(model, test)
    proof.check()
    neurons, registers = 12 + 10, 2
    assert proof.values == 2 * SAMPLES * STEPS * neurons * (registers + 1)
    assert proof.samples_bit_exact == SAMPLES
    assert proof.training.left_out == proof.oracle.left_out == ()
    assert proof.trace.spikes.any()


def test_a_weight_changed_after_training_is_noticed_where_it_first_matters(model, test, monkeypatch):
    source = int(np.flatnonzero(test.spikes[2, 1])[0])
    test.spikes[:2, :, source] = 0
    test.spikes[2, 0, source] = 0
    test.spikes[3:, :2, source] = 0
    place = (source, 4, 0)
    difference = -1 if model.export().projections[0].weights[place] > 0 else 1
    monkeypatch.setattr(model, "export", doctored(model, lambda network: with_weight(network, 0, place, difference)))
    proof = prove(model, test)
    with pytest.raises(MismatchError, match=r"^first difference at step 1, layer hidden, neuron 4, register membrane"):
        proof.check()
    assert proof.oracle.equal
    assert 0 < proof.samples_bit_exact < SAMPLES
    assert 2 in proof.training.differing


def test_a_changed_threshold_is_noticed(model, test, monkeypatch):
    def lower(network):
        populations = [replace(p, parameters=p.parameters | {"threshold": 1}) for p in network.populations]
        return bs.Network(network.profile, network.inputs, populations, network.projections)

    monkeypatch.setattr(model, "export", doctored(model, lower))
    with pytest.raises(MismatchError, match=r"^first difference at step 0, layer hidden, neuron "):
        prove(model, test).check()


def test_an_engine_that_differs_from_the_oracle_is_noticed(model, test, monkeypatch):
    from bitspike.training import proof as module

    honest = module.run

    def off_by_one(network, spikes, **options):
        trace = honest(network, spikes, **options)
        if options.get("engine") == "oracle":
            trace["output"].registers["membrane"][4, 3, 7] += 1
        return trace

    monkeypatch.setattr(module, "run", off_by_one)
    proof = prove(model, test)
    with pytest.raises(MismatchError, match=r"step 3, layer output, neuron 7, register membrane \(sample 4\)"):
        proof.check()
    assert proof.training.equal
    assert proof.samples_bit_exact == SAMPLES - 1
