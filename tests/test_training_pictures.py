"""Convolutions, pools, lists of synapses and delays train on the bits of their export."""

from __future__ import annotations

import json
from importlib import resources

import bitspike as bs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from bitspike.network.geometry import expand  # noqa: E402
from bitspike.ops.base import Registers  # noqa: E402
from bitspike.ops.tensor import TensorOps  # noqa: E402
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.recipe import load_recipe  # noqa: E402
from bitspike.training.surrogate import Arctan, Triangle  # noqa: E402
from bitspike.training.weights import Kernels, Matrix, windows  # noqa: E402
from bitspike.word import Word  # noqa: E402
from training_networks import branch, chip  # noqa: E402


def proved(model, spikes):
    """The trace of the engine on the export: equal to the forward pass, and on the first sample to the oracle."""
    trace = bs.run(model.export(), spikes, record="all", engine="array")
    compared = bs.compare(model.trace(spikes), trace)
    compared.check()
    assert not compared.left_out
    oracle = bs.run(model.export(), spikes[:1], record="all", engine="oracle")
    bs.compare(model.trace(spikes[:1]), oracle).check()
    return trace


def changed(profile, **connection):
    """The profile with other keys in its connections."""
    data = json.loads(profile.to_json())
    for each in data["connections"].values():
        each |= connection
    return bs.Profile.from_json(json.dumps(data))


CONVOLUTIONS = [
    (bs.Convolution((2, 5, 6), padding=1), (3, 2, 3, 3)),
    (bs.Convolution((2, 5, 6), stride=(2, 1), padding=(0, 2), dilation=(1, 2), groups=2), (4, 1, 3, 2)),
]


def pictures(convolution, kernels, kernel="correlation", overflow="saturate", **keys):
    """A convolution, a pool whose windows overlap, a list, a matrix, and a convolution that skips two layers."""
    word = f"s7.{overflow}"
    profile = changed(chip(word, word, word, branches=(branch(repeat=3),)), kernel=kernel, **keys)
    rng, shape = np.random.default_rng(0), convolution.output_shape(kernels)
    pool = bs.Pooling(shape, (2, 3), (1, 2))
    pooled, size = int(np.prod(pool.output_shape())), int(np.prod(shape))
    sparse = bs.Sparse(rng.permutation(np.repeat(np.arange(pooled), 2)), rng.permutation(2 * pooled) % 5)
    skips = bs.Convolution(shape, stride=3)
    across = (2, shape[0], 1, 1)
    out = int(np.prod(skips.output_shape(across)))
    pairs = np.unique(np.stack([sparse.pre, sparse.post]), axis=1)
    sparse = bs.Sparse(*pairs)
    sizes = {"a": size, "pool": pooled, "b": 5, "c": out}
    layers = [bs.Population(name, size, {"threshold": 9, "leak": 2}) for name, size in sizes.items()]
    links = [
        bs.Projection("input", "a", np.ones(kernels, int), "forward", {"scale": 0}, convolution),
        bs.Projection("a", "pool", 20, "forward", {"scale": 0}, pool),
        bs.Projection("pool", "b", 1, "forward", {"scale": 0}, sparse),
        bs.Projection("b", "c", np.ones((5, out), int), "forward", {"scale": 0}),
        bs.Projection("a", "c", np.ones(across, int), "forward", {"scale": 0}, skips),
        bs.Projection("c", "c", np.ones((out, out), int), "recurrent", {"scale": 0}),
    ]
    torch.manual_seed(0)
    network = bs.Network(profile, int(np.prod(convolution.input_shape)), layers, links)
    return SpikingNetwork(network, Triangle(1.0), gain=60.0)


def random_counts(inputs, samples=3, steps=5):
    return np.random.default_rng(1).choice([0, 1, 3, 40], (samples, steps, inputs), p=[0.3, 0.4, 0.2, 0.1])


@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("kernel", ["correlation", "convolution"])
@pytest.mark.parametrize(("convolution", "kernels"), CONVOLUTIONS)
def test_pictures_that_overflow_everywhere(convolution, kernels, kernel, overflow):
    model = pictures(convolution, kernels, kernel, overflow)
    trace = proved(model, random_counts(60))
    assert all(trace.overflows[name]["fast"] > 0 for name in ("a", "pool", "c"))
    assert all(layer.spikes.any() for layer in trace.layers.values())


def test_pictures_whose_steps_are_summed():
    total = {"word": "s24.refuse", "then": [{"shift": {"into": "sum", "by": -1, "rounding": "floor"}}]}
    proved(pictures(*CONVOLUTIONS[0], fit_per="step", sum=total), random_counts(60))


def test_a_pool_keeps_its_weights_and_everything_else_is_trained():
    model = pictures(*CONVOLUTIONS[0])
    assert [len(synapses) for synapses in model.synapses] == [1, 0, 1, 1, 1, 1]
    emitted, _ = model(torch.as_tensor(random_counts(60)))
    emitted["c"].sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
    assert np.asarray(model.export().projections[1].weights).tolist() == [20]


def test_a_format_that_looks_at_the_target_neuron_unrolls_a_convolution():
    by_target = {"shift": {"into": "weight", "by": "leak", "word": "s10.wrap"}}
    weight = {"word": "s8", "narrow": False, "format": [by_target]}
    model = pictures(*CONVOLUTIONS[0], weight=weight)
    leaks = np.arange(model.template.populations[0].size) % 4
    layers = [bs.Population("a", len(leaks), {"threshold": 9, "leak": leaks}), *model.template.populations[1:]]
    network = bs.Network(model.template.profile, 60, layers, model.template.projections)
    torch.manual_seed(0)
    proved(SpikingNetwork(network, Triangle(1.0), gain=60.0), random_counts(60))


# --- one layer's arithmetic ---


def accumulated(weights, counts, start, word, upstream):
    """The registers after delivery, and the gradients of weights, counts and start."""
    leaf, made = weights
    counts, start = counts.clone().requires_grad_(), start.clone().requires_grad_()
    regs = Registers(TensorOps(Triangle()), {"sum": Word.parse(word)}, {"sum": start})
    regs.ops.accumulate(regs, "sum", counts, made)
    return regs["sum"], *torch.autograd.grad((regs["sum"] * upstream).sum(), [leaf, counts, start])


@pytest.mark.parametrize("word", ["s16.saturate", "s8.saturate", "s8.wrap"])
@pytest.mark.parametrize(("convolution", "kernels"), CONVOLUTIONS)
@pytest.mark.parametrize("signed", [False, True])
def test_a_convolution_has_the_registers_and_gradients_of_its_matrix(convolution, kernels, word, signed):
    torch.manual_seed(0)
    counts = torch.randint(-2 if signed else 0, 4, (6, 60)).float()
    synapses, size = expand(convolution, kernels, 60), int(np.prod(convolution.output_shape(kernels)))
    place = torch.as_tensor(synapses.sources), torch.as_tensor(synapses.targets).long()
    start, upstream = torch.randint(-60, 61, (6, size)).float(), torch.rand(6, size)
    leaf = torch.randint(-30, 31, kernels).float().requires_grad_()
    unrolled = torch.zeros(60, size).index_put(place, leaf.flatten()[torch.as_tensor(synapses.index)])
    one = accumulated((leaf, Kernels(leaf, convolution)), counts, start, word, upstream)
    other = accumulated((leaf, Matrix(unrolled)), counts, start, word, upstream)
    assert torch.equal(one[0], other[0])
    torch.testing.assert_close(one[1:], other[1:], rtol=1e-5, atol=1e-4)  # sums of floats, in another order
    if word == "s8.saturate":
        assert not torch.equal(one[3], upstream)  # some starts are blocked by a clip


@pytest.mark.parametrize("word", ["s16.saturate", "s8.saturate"])
@pytest.mark.parametrize("weight", [30.0, -30.0])
def test_a_pool_has_the_registers_and_gradients_of_its_matrix(weight, word):
    torch.manual_seed(0)
    pool = bs.Pooling((2, 5, 6), (2, 3), (1, 2))
    synapses, size = expand(pool, (1,), 60), int(np.prod(pool.output_shape()))
    counts, start, upstream = torch.randint(0, 3, (6, 60)).float(), torch.zeros(6, size), torch.rand(6, size)
    leaf = torch.tensor([weight]).requires_grad_()
    matrix = torch.zeros(60, size)
    matrix = matrix.index_put(
        (torch.as_tensor(synapses.sources), torch.as_tensor(synapses.targets).long()), leaf.expand(len(synapses.index))
    )
    one = accumulated((leaf, windows(leaf, pool)), counts, start, word, upstream)
    other = accumulated((leaf, Matrix(matrix)), counts, start, word, upstream)
    assert torch.equal(one[0], other[0])
    torch.testing.assert_close(one[1:], other[1:])


@pytest.mark.parametrize("batch", [1, 16, 40])
def test_a_convolution_is_exact_up_to_24_bits(batch):
    rng = np.random.default_rng(0)
    counts, kernels = rng.integers(200, 256, (batch, 16 * 49)), rng.integers(-20, 128, (4, 16, 3, 3))
    convolution = bs.Convolution((16, 7, 7), padding=1)
    exact = counts @ expand(convolution, kernels.shape, 8 * 144).dense(kernels, 4 * 49)
    found = Kernels(torch.tensor(kernels).float(), convolution).total(torch.tensor(counts).float())
    assert np.abs(exact).max() > 1 << 20
    assert np.array_equal(found.numpy(), exact)


# --- delays and values derived from the weights ---


@pytest.mark.parametrize("shape", ["dense", "convolution", "sparse"])
@pytest.mark.parametrize(("per", "size"), [("projection", ()), ("source", (9,)), ("synapse", None)])
def test_delays_train_on_the_bits_of_their_export(per, size, shape):
    rng = np.random.default_rng(0)
    profile = changed(chip("s7.saturate"), delay={"per": per, "word": "u4"}, kernel="correlation")
    shapes = {
        "dense": (None, (9, 9)),
        "convolution": (bs.Convolution((1, 3, 3), padding=1), (1, 1, 3, 3)),
        "sparse": (bs.Sparse(rng.integers(0, 9, 6), np.arange(6)), (6,)),
    }
    form, weights = shapes[shape]
    delays = rng.integers(0, 4, weights if size is None else size)
    layers = [bs.Population(name, 9, {"threshold": 9, "leak": 2}) for name in "ab"]
    links = [
        bs.Projection("input", "a", np.ones(weights, int), "forward", {"scale": 0}, form, delays),
        bs.Projection("a", "b", np.ones(weights, int), "forward", {"scale": 0}, form, delays),
        bs.Projection("b", "a", np.ones(weights, int), "recurrent", {"scale": 0}, form, delays),
    ]
    torch.manual_seed(0)
    model = SpikingNetwork(bs.Network(profile, 9, layers, links), Triangle(1.0), gain=60.0)
    trace = proved(model, random_counts(9, steps=12))
    assert trace["b"].spikes.any()
    proved(model, random_counts(9, steps=2))  # shorter than some delays


def lava(**link):
    """Convolution, delays by synapse, two sums with exponents, ternary spikes and a periodic reset."""
    rng = np.random.default_rng(0)
    profile = bs.load_profile("loihi-lava")

    def layer(name, size, **others):
        parameters = dict.fromkeys(("bias_exp", "ternary", "vth_low", "reset_interval", "reset_phase"), 0)
        return bs.Population(name, size, {"du": 400, "dv": 300, "vth": 60, "bias_mant": 30} | parameters | others)

    dense = {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": -1}
    links = [
        bs.Projection("input", "a", np.ones((3, 1, 3, 3), int), "convolution", shape=bs.Convolution((1, 5, 5))),
        bs.Projection("a", "b", np.ones((27, 7), int), "dense", dense | link, delays=rng.integers(0, 3, (27, 7))),
        bs.Projection("b", "b", np.ones((7, 7), int), "recurrent", dense | {"weight_exp": -1}),
        bs.Projection("b", "c", np.ones((7, 4), int), "graded", dense | {"num_weight_bits": 6}, delays=2),
    ]
    layers = [layer("a", 27), layer("b", 7, ternary=1, vth_low=-10), layer("c", 4, reset_interval=3)]
    torch.manual_seed(0)
    return SpikingNetwork(bs.Network(profile, 25, layers, links), Arctan(0.5), gain=150.0, max_input=1)


def binary(inputs, samples=3, steps=10):
    return np.random.default_rng(0).integers(0, 2, (samples, steps, inputs))


@pytest.mark.parametrize("link", [{}, {"weight_exp": 7}, {"sign_mode": 1}, {"sign_mode": 2, "num_weight_bits": 6}])
def test_loihi_with_convolution_delays_exponents_and_sign_modes(link):
    model = lava(**link)
    assert model.dtype == torch.float64
    trace = proved(model, binary(25))
    assert trace["b"].spikes.min() == -1
    assert trace["c"].spikes.any()


def test_a_sign_mode_that_follows_the_weights_follows_them_while_they_are_trained():
    model = lava()
    dense = [projection.via for projection in model.template.projections].index("dense")
    weights = model.synapses[dense][0].linear.weight
    sums = []
    for change in (torch.clone, torch.abs, lambda w: -w.abs()):
        with torch.no_grad():
            weights.copy_(change(weights))
        trace = proved(model, binary(25))
        sums.append(int(trace["b"].registers["activation"].sum()))
        emitted, _ = model(torch.as_tensor(binary(25)))
        (grad,) = torch.autograd.grad(emitted["c"].sum(), weights)
        assert grad.abs().sum() > 0
    assert sums[1] > 0 > sums[2]


def speck():
    """Two convolutions, one in groups and with stride, a pool between, both resets, several spikes a step."""
    profile = bs.load_profile("speck-sinabs")

    def layer(name, size, **others):
        usual = {"bias": 1, "threshold": 60, "lowest": -200, "reset_to_zero": 0, "reset_value": 0}
        return bs.Population(name, size, usual | others, "neuron")

    layers = [layer("a", 144), bs.Population("pool", 36, {}, "pool"), layer("b", 24, reset_to_zero=1), layer("c", 5)]
    links = [
        bs.Projection("input", "a", np.ones((4, 2, 3, 3), int), shape=bs.Convolution((2, 6, 6), padding=1)),
        bs.Projection("a", "pool", 1, shape=bs.Pooling((4, 6, 6), 2)),
        bs.Projection("pool", "b", np.ones((6, 2, 2, 2), int), shape=bs.Convolution((4, 3, 3), groups=2)),
        bs.Projection("b", "c", np.ones((24, 5), int)),
    ]
    torch.manual_seed(0)
    return SpikingNetwork(bs.Network(profile, 72, layers, links), Triangle(1.0), gain=100.0, max_input=3)


def test_speck_with_pools_and_several_spikes_a_step():
    model = speck()
    trace = proved(model, np.random.default_rng(0).integers(0, 4, (4, 6, 72)))
    assert trace["a"].spikes.max() > 2
    assert trace["pool"].spikes.max() > trace["a"].spikes.max()
    assert trace["c"].spikes.any()
    emitted, _ = model(torch.ones(2, 6, 72))
    emitted["c"].sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


@pytest.mark.parametrize("recipe", ["digits-conv", "digits-skip"])
def test_shipped_recipes_that_saturate_on_purpose(recipe):
    _, template = load_recipe(str(resources.files("bitspike.models") / f"{recipe}.yaml"))
    torch.manual_seed(0)
    model = SpikingNetwork(template, Triangle(1.0), gain=4000.0)
    spikes = np.random.default_rng(0).choice([0, 1, 90, 255], (2, 4, template.inputs), p=[0.3, 0.4, 0.2, 0.1])
    trace = proved(model, spikes)
    assert sum(count for layer in trace.overflows.values() for count in layer.values()) > 100
    assert trace.spikes.any()
