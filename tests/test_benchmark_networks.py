"""The networks of the benchmarks: what they fire, and what is counted of them."""

import bitspike as bs
import numpy as np
import pytest
from benchmarks import networks
from benchmarks.networks import GENERIC, LOIHI, SPECK, XYLO


def fired(network, trace):
    layers = [p.name for p in network.populations if p.neuron != "pool"]
    return [np.mean(trace[name].spikes != 0) for name in layers[:-1]]


@pytest.mark.parametrize("density", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
def test_hidden_layers_fire_at_five_per_cent(density, overflow):
    network = networks.calibrated("ff", GENERIC, overflow, density)
    trace = bs.run(network, networks.raster(700, density, 8, 100, seed=7))
    assert fired(network, trace) == pytest.approx([0.05, 0.05], abs=0.01)


@pytest.mark.parametrize(("topology", "name"), [("rec", GENERIC), ("ff", XYLO), ("ff", LOIHI)])
def test_so_do_those_of_other_networks_and_chips(topology, name):
    network = networks.calibrated(topology, name, "saturate", 0.05)
    rates = fired(network, bs.run(network, networks.raster(network.inputs, 0.05, 4, 100, seed=7)))
    assert rates == pytest.approx([0.05] * len(rates), abs=0.01)


def test_a_threshold_too_low_would_be_noticed():
    network = networks.dense(GENERIC, (700, 256, 128, 10)).network([100, 100, 100])
    rates = fired(network, bs.run(network, networks.raster(700, 0.05, 4, 100, seed=7)))
    assert min(rates) > 0.06


@pytest.mark.parametrize("name", [GENERIC, SPECK])
def test_pictures_have_the_sizes_that_they_should(name):
    network = networks.pictures(name).network([100, 100, 100])
    shapes = [16 * 32 * 32, 16 * 16 * 16, 32 * 14 * 14, 32 * 7 * 7, 10]
    assert network.inputs == 2 * 34 * 34
    assert [population.size for population in network.populations] == shapes


def test_registers_wrap_where_that_is_asked_for():
    registers = networks.profile_of(GENERIC, "wrap").neurons["neuron"].registers
    assert {str(word) for word in registers.values()} == {"s16.wrap"}


def test_inputs_are_the_same_every_time_and_as_dense_as_said():
    spikes = networks.spikes(700, 0.2, 4, 100)
    assert np.array_equal(spikes, networks.spikes(700, 0.2, 4, 100))
    assert spikes.mean() == pytest.approx(0.2, abs=0.005)


def test_synaptic_operations_are_counted_synapse_by_synapse():
    network = networks.pictures(GENERIC, picture=(1, 10, 10)).network([20, 40, 60])
    events = networks.raster(100, 0.2, 2, 5)
    trace = bs.run(network, events)
    sent = {"input": events.dense()} | {name: layer.spikes for name, layer in trace.layers.items()}
    expected = 0
    for link in network.projections:
        size = network.population(link.target).size
        for neuron in np.argwhere(sent[link.source] != 0)[:, 2]:
            expected += _reached(network, link, int(neuron), size)
    assert networks.synaptic_operations(network, events, trace) == expected > 0


def _reached(network, link, neuron, size):
    """How many neurons a spike reaches, from the geometry's own words: windows that contain the place."""
    if link.shape is None:
        return size
    _, high, wide = link.shape.input_shape
    line, column = neuron % (high * wide) // wide, neuron % wide
    if isinstance(link.shape, bs.Pooling):
        return int(line < high // 2 * 2 and column < wide // 2 * 2)
    kernels, _, *sides = np.shape(link.weights)
    within = [
        sum(0 <= place - tap <= axis - side for tap in range(side))
        for place, axis, side in ((line, high, sides[0]), (column, wide, sides[1]))
    ]
    return kernels * within[0] * within[1]


def test_a_sample_of_floats_fires_as_the_integers_do():
    torch = pytest.importorskip("torch")
    from benchmarks.floats import as_floats, loop

    network = networks.calibrated("ff", GENERIC, "saturate", 0.05)
    dense = networks.spikes(700, 0.05, 8, 100, seed=7)
    spikes = loop(network, as_floats(dense))()
    assert spikes.shape == (100, 8, 10)
    assert spikes.dtype == torch.float32
    ours = bs.run(network, dense).spikes.mean()
    assert float(spikes.mean()) == pytest.approx(ours, abs=0.015)  # a leak that floors is not one that does not
