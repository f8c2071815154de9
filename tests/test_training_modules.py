"""Modules of one's own: layers in any forward train with any loop, and export the bits that they computed."""

from __future__ import annotations

import bitspike as bs
import numpy as np
import pytest
from bitspike.errors import InputError, NetworkError

torch = pytest.importorskip("torch")
import bitspike.training as bt  # noqa: E402
from bitspike.training.surrogate import Arctan  # noqa: E402

NEURON = {"threshold": 200, "leak": 3}
CHIP = bt.Chip("generic-conv-w8-v16", Arctan(0.5), gain=200.0, max_input=4)


class Pictures(torch.nn.Module):
    """A convolution, a pool, a layer with recurrence, and an output that also sees the pool."""

    def __init__(self, chip=CHIP):
        super().__init__()
        torch.manual_seed(0)
        edges = bt.convolution((2, 6, 6), "forward", kernel=3, padding=1)
        self.edges = bt.Layer(chip, "neuron", (4, 6, 6), NEURON, edges)
        self.pool = bt.Layer(chip, "pool", (4, 3, 3), {}, bt.pool((4, 6, 6), "pooling", window=2, weight=1))
        again = bt.dense(12, "recurrent")
        self.memory = bt.Layer(chip, "neuron", 12, NEURON, bt.dense((4, 3, 3), "forward"), recurrent=again)
        skip = bt.dense(36, "forward")
        self.output = bt.Layer(chip, "neuron", 5, NEURON, bt.dense(12, "forward"), skip)

    def forward(self, spikes):
        pooled = self.pool(self.edges(spikes))
        return self.output(self.memory(pooled), pooled)


def counts(shape=(3, 7, 2, 6, 6)):
    return torch.as_tensor(np.random.default_rng(0).integers(0, 3, shape))


def test_a_module_trained_by_a_loop_of_ones_own_exports_its_own_bits():
    model, spikes, labels = Pictures(), counts(), torch.tensor([0, 3, 1])
    optimizer = torch.optim.Adam(model.parameters(), lr=0.05)
    losses = []
    for _ in range(8):
        loss = torch.nn.functional.cross_entropy(model(spikes).sum(1), labels)
        optimizer.zero_grad()
        loss.backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]
    network = bt.export(model, (2, 6, 6), task={"mine": True})
    assert [population.name for population in network.populations] == ["edges", "pool", "memory", "output"]
    assert network.task == {"mine": True}
    for engine in ("array", "oracle"):
        trace = bs.run(network, spikes.flatten(2).numpy(), record="all", engine=engine)
        with torch.no_grad():
            edges, pooled = model.edges(spikes), model.pool(model.edges(spikes))
            every = {
                "edges": (spikes,),
                "pool": (edges,),
                "memory": (pooled,),
                "output": (model.memory(pooled), pooled),
            }
            for name, arriving in every.items():
                registers = list(trace[name].registers)
                emitted, found = getattr(model, name).run(*arriving, record=registers)
                assert np.array_equal(emitted.numpy(), trace[name].spikes)
                for register in registers:
                    assert np.array_equal(found[register].numpy(), trace[name].registers[register])
    assert trace["output"].spikes.any()


def test_layers_in_a_sequence_are_a_module():
    model = torch.nn.Sequential(
        bt.Layer(CHIP, "neuron", (3, 4, 4), NEURON, bt.convolution((2, 6, 6), "forward", 3)),
        bt.Layer(CHIP, "neuron", 4, NEURON, bt.dense(48, "forward")),
    )
    network = bt.export(model, (2, 6, 6))
    trace = bs.run(network, counts().flatten(2).numpy())
    with torch.no_grad():
        assert np.array_equal(model(counts()).numpy(), trace.spikes)
    assert [population.name for population in network.populations] == ["layer_0", "layer_1"]


def test_a_layer_alone_is_a_module():
    assert bt.export(layer(), 4).output == "layer"


def test_xylo_with_inputs_that_only_the_chip_s_input_reaches():
    chip = bt.Chip("xylo-audio-2", Arctan(0.5), gain=200.0, max_input=31)
    hidden = {"dash_syn0": 2, "dash_syn1": 1, "dash_mem": 3, "threshold": 200, "bias": 0}

    class Audio(torch.nn.Module):
        def __init__(self):
            super().__init__()
            shifted = {"weight_shift": 1}
            self.hidden = bt.Layer(
                *(chip, "hidden", 9, hidden, bt.dense(6, "input", synapses=2, parameters=shifted)),
                recurrent=bt.dense(9, "recurrent", parameters=shifted),
            )
            output = {name: value for name, value in hidden.items() if name != "dash_syn1"}
            self.output = bt.Layer(chip, "output", 3, output, bt.dense(9, "readout", parameters=shifted))

        def forward(self, spikes):
            return self.output(self.hidden(spikes))

    torch.manual_seed(0)
    model, spikes = Audio(), counts((3, 12, 6))
    trace = bs.run(bt.export(model, 6), spikes.numpy())
    with torch.no_grad():
        assert np.array_equal(model(spikes).numpy(), trace.spikes)
    assert trace.spikes.any()
    assert trace["hidden"].spikes.max() > 1


def layer(sources=4, size=3, **options):
    return bt.Layer(CHIP, "neuron", size, NEURON, bt.dense(sources, "forward"), **options)


class Changed(torch.nn.Module):
    def __init__(self, change):
        super().__init__()
        self.first, self.second, self.change = layer(), layer(3), change

    def forward(self, spikes):
        return self.second(self.change(self, self.first(spikes)))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _, spikes: 2 * spikes,
         "export: layer 'second': spikes 0 are those of no layer: something changed them; allowed: what a layer or the "
         "input emitted"),
        (lambda module, spikes: module.second(spikes), "export: layer 'second' is called twice; allowed: once"),
    ],
)  # fmt: skip
def test_a_forward_that_the_chip_cannot_compute_is_refused(change, message):
    module = Changed(change)
    with pytest.raises(InputError) as error:
        bt.export(module, 4)
    assert str(error.value) == message


def test_what_does_not_fit_is_refused_when_it_is_made():
    with pytest.raises(InputError, match=r"^layer: connection: found 'forwrd'; allowed: forward, pooling, recurrent$"):
        bt.Layer(CHIP, "neuron", 3, NEURON, bt.dense(4, "forwrd"))
    with pytest.raises(InputError, match=r"found a target of shape \[3, 4, 4\]; allowed: \[3, 2, 2\]"):
        bt.Layer(CHIP, "neuron", (3, 4, 4), NEURON, bt.convolution((1, 4, 4), "forward", 3))
    with pytest.raises(NetworkError, match="threshold: found 40000"):
        bt.Layer(CHIP, "neuron", 3, NEURON | {"threshold": 40000}, bt.dense(4, "forward"))


@pytest.mark.parametrize(
    ("spikes", "message"),
    [
        (torch.zeros(2, 5, 3), "layer: found spikes of shape (2, 5, 3); allowed: [sample, step, 4]"),
        (torch.zeros(2, 4), "layer: found spikes of shape (2, 4); allowed: [sample, step, 4]"),
        (torch.full((1, 1, 4), 5), "layer: found spikes from 5 to 5; allowed: integers 0 to 4"),
        (torch.full((1, 1, 4), 0.5), "layer: found spikes from 0.5 to 0.5; allowed: integers 0 to 4"),
    ],
)
def test_spikes_that_are_none_are_refused(spikes, message):
    with pytest.raises(InputError) as error:
        layer()(spikes)
    assert str(error.value) == message


def test_a_call_without_its_spikes_is_refused():
    with pytest.raises(InputError, match=r"^layer: found 0 tensors of spikes; allowed: 1, one an inlet$"):
        layer()()
    with pytest.raises(InputError, match="found no call of a layer"):
        bt.export(torch.nn.Identity(), 4)
