"""Layers on one core: the core computes what its layers compute, and what does not fit is refused."""

from __future__ import annotations

import bitspike as bs
import chip_images
import numpy as np
import pytest
from bitspike.events import Events
from slow_layers import Layers
from slow_odin import Odin, TinyOdin
from test_readmemh import core_network

SIZES = {"input": 6, "hidden": 9, "output": 4}
CHAIN = (("input", "hidden"), ("hidden", "output"))
GRAPHS = {
    "chain": CHAIN,
    "skip": (*CHAIN, ("input", "output")),
    "recurrent": (*CHAIN, ("hidden", "hidden"), ("output", "hidden")),
}
REFERENCE = {"kind": "reference"}


def layers_of(chip, graph, seed):
    """Populations, projections, and the same as plain lists: {layer: parameters}, {(source, target): what is added}."""
    rng = np.random.default_rng(seed)
    populations, projections, plain, links = [], [], {}, {}
    signs = {name: rng.integers(0, 2, size) for name, size in SIZES.items()}
    for name in ("hidden", "output"):
        own = {"threshold": rng.integers(5, 12, SIZES[name]), "leak": rng.integers(0, 3, SIZES[name])}
        plain[name] = {key: values.tolist() for key, values in own.items()}
        enabled = {"leak_enable": 1} if chip == "odin" else {}
        populations.append(bs.Population(name, SIZES[name], own | enabled | {"disabled": 0}))
    for source, target in GRAPHS[graph]:
        shape, parameters = (SIZES[source], SIZES[target]), {}
        feedback = target == "hidden" and source != "input"  # weak, so that the core becomes idle
        if chip == "odin":
            weights, mapped = rng.integers(0, 2 if feedback else 8, shape), rng.integers(0, 2, shape)
            parameters = {"sign": signs[source], "mapped": mapped}
            added = weights * mapped * (1 - 2 * signs[source])[:, None]
        else:
            added = weights = rng.integers(-3, 1 if feedback else 6, shape)
        projections.append(bs.Projection(source, target, weights, parameters=parameters))
        links[source, target] = added.tolist()
    return populations, projections, plain, links


def placed(chip, populations, projections):
    return bs.place(bs.load_profile(chip), SIZES["input"], populations, projections)


def stimuli(seed, count=150):
    """Input channels, and None for a time reference."""
    rng = np.random.default_rng(seed)
    return [None if rng.random() < 0.2 else int(rng.integers(SIZES["input"])) for _ in range(count)]


def events_of(placement, inputs):
    first = placement.addresses["input"].start
    return [REFERENCE if channel is None else {"kind": "spike", "source": first + channel} for channel in inputs]


def wire_of(placement, neurons):
    """Spikes by address as (layer, neuron)."""
    layer = {n: (name, n - at.start) for name, at in placement.addresses.items() for n in at}
    return [layer[n] for n in neurons]


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("chip", ["tinyodin", "odin"])
@pytest.mark.parametrize("seed", range(4))
def test_a_core_computes_what_its_layers_compute(chip, graph, seed):
    populations, projections, plain, links = layers_of(chip, graph, seed)
    placement, inputs = placed(chip, populations, projections), stimuli(seed)
    trace = bs.run(placement.network, Events.of(events_of(placement, inputs)), record="all", engine="oracle")
    assert trace.dropped.sum() == 0
    slow = Layers(plain, links, *((0, 255) if chip == "odin" else (-2048, 2047)))
    for channel in inputs:
        slow.reference() if channel is None else slow.spike("input", channel)
    assert len(slow.wire) > 20
    assert wire_of(placement, trace.wire[:, 2].tolist()) == slow.wire
    membranes = trace[placement.network.output].registers["membrane"][0, -1]
    for name in plain:
        assert membranes[placement.addresses[name]].tolist() == slow.v[name]


@pytest.mark.parametrize("chip", ["tinyodin", "odin"])
def test_a_chain_on_one_core_computes_what_a_core_for_each_layer_computes(chip):
    populations, projections, _, _ = layers_of(chip, "chain", 11)
    whole, inputs = placed(chip, populations, projections), stimuli(11)
    expected = {name: [] for name in SIZES}
    trace = bs.run(whole.network, Events.of(events_of(whole, inputs)), engine="oracle")
    for name, neuron in wire_of(whole, trace.wire[:, 2].tolist()):
        expected[name].append(neuron)
    first = placed(chip, populations[:1], projections[:1])
    trace = bs.run(first.network, Events.of(events_of(first, inputs)), engine="oracle")
    hidden = trace.wire[:, 1:].tolist()
    assert [neuron for _, neuron in hidden] == expected["hidden"]
    second = bs.place(
        bs.load_profile(chip),
        SIZES["hidden"],
        populations[1:],
        [bs.Projection("input", "output", projections[1].weights, parameters=projections[1].parameters)],
    )
    source = second.addresses["input"].start
    stream = []
    for event, channel in enumerate(inputs):
        stream += [REFERENCE] if channel is None else []
        stream += [{"kind": "spike", "source": source + neuron} for when, neuron in hidden if when == event]
    trace = bs.run(second.network, Events.of(stream), engine="oracle")
    assert trace.wire[:, 2].tolist() == expected["output"]
    assert len(expected["output"]) > 5


@pytest.mark.parametrize(("chip", "model"), [("tinyodin", TinyOdin), ("odin", Odin)])
def test_the_images_of_placed_layers_compute_the_same(chip, model, tmp_path):
    populations, projections, _, _ = layers_of(chip, "recurrent", 5)
    placement = placed(chip, populations, projections)
    bs.export(placement.network, tmp_path, "readmemh", layout=chip)
    events = events_of(placement, stimuli(5))
    _, wire, dropped = model(getattr(chip_images, chip)(tmp_path)).run(events)
    trace = bs.run(placement.network, Events.of(events), engine="oracle")
    assert dropped == 0
    assert trace.wire[:, 1:].tolist() == [list(spike) for spike in wire]


def test_neurons_that_fire_at_rest_are_refused():
    """On a core, spikes that do not reach their layer would make them fire."""
    populations, projections, _, _ = layers_of("tinyodin", "chain", 0)
    quick = bs.Population("output", 4, {"threshold": [1, 2, 0, 0], "leak": 0, "disabled": 0})
    found = refused("tinyodin", SIZES["input"], [populations[0], quick], projections)
    assert found.startswith(
        "layer 'output': neuron 2 fires at rest; allowed: neurons that an update of 0 leaves silent"
    )


def ticks(layers=2, size=3, inputs=2, seed=0):
    """A chain of layers of axons and neurons, the last of which leads back to the first."""
    rng = np.random.default_rng(seed)
    neuron = {f"weight{i}": weight for i, weight in enumerate((3, -2, 1, 5))} | {"leak": 1, "threshold": 14}
    neuron |= {"negative_threshold": -9, "reset": 0, "linear": rng.integers(0, 2, size)}
    populations, projections = [], []
    for k in range(layers):
        axons = size if k else inputs + size
        populations += [
            bs.Population(f"axons{k}", axons, {}, "axon"),
            bs.Population(f"neurons{k}", size, neuron, "neuron"),
        ]
        types = {"axon_type": rng.integers(0, 4, axons)}
        projections.append(
            bs.Projection(f"axons{k}", f"neurons{k}", rng.integers(0, 2, (axons, size)), "crossbar", types)
        )
    for k in range(layers):
        target = (k + 1) % layers
        links = (
            np.eye(size, dtype=int) if target else np.hstack([np.zeros((size, inputs), int), np.eye(size, dtype=int)])
        )
        delays = rng.integers(0, 4, size)
        projections.append(bs.Projection(f"neurons{k}", f"axons{target}", links, "route", delays=delays))
    packets = np.eye(inputs, inputs + size, dtype=int)
    return inputs, populations, [*projections, bs.Projection("input", "axons0", packets, "packets")]


@pytest.mark.parametrize("seed", range(3))
def test_layers_of_a_core_of_ticks_compute_the_same(seed):
    profile, (inputs, populations, projections) = bs.load_profile("ranc"), ticks(layers=3, seed=seed)
    layered = bs.Network(profile, inputs, populations, projections)
    placement = bs.place(profile, inputs, populations, projections)
    assert [(p.name, p.size) for p in placement.network.populations] == [("axon", 11), ("neuron", 9)]
    spikes = np.random.default_rng(seed).integers(0, 2, (2, 60, inputs))
    expected = bs.run(layered, spikes, record="all", engine="oracle")
    trace = bs.run(placement.network, spikes, record="all", engine="oracle")
    assert expected["neurons2"].spikes.sum() > 10
    for name in (p.name for p in populations):
        at, kind = placement.addresses[name], str(layered.population(name).neuron)
        np.testing.assert_array_equal(trace[kind].spikes[..., at], expected[name].spikes)
        for register, values in expected[name].registers.items():
            np.testing.assert_array_equal(trace[kind].registers[register][..., at], values)


def test_layers_with_two_synapses_and_aliases_compute_the_same():
    rng = np.random.default_rng(1)
    profile = bs.load_profile("xylo-audio-2")
    common = {"dash_syn0": 2, "dash_syn1": 3, "dash_mem": 4, "bias": 1, "threshold": 300}
    hidden = [
        bs.Population(name, 5, common, "hidden", rng.integers(-1, 5, (5, slots)))
        for name, slots in (("a", 2), ("b", 1))
    ]

    def link(source, target, synapses=2):
        via = "input" if source == "input" else "recurrent"
        low, high = (-90, 128) if source == "input" else (-20, 12)
        weights = rng.integers(low, high, (3 if source == "input" else 5, 5, synapses))
        return bs.Projection(source, target, weights, via, {"weight_shift": 1})

    projections = [link("input", "a"), link("a", "b"), link("b", "b", 1), link("b", "a")]
    layered = bs.Network(profile, 3, hidden, projections)
    placement = bs.place(profile, 3, hidden, projections)
    spikes = rng.integers(0, 3, (2, 40, 3))
    expected = bs.run(layered, spikes, record="all", engine="oracle")
    trace = bs.run(placement.network, spikes, record="all", engine="oracle")
    for name in "ab":
        at = placement.addresses[name]
        assert expected[name].spikes.any()
        np.testing.assert_array_equal(trace["hidden"].spikes[..., at], expected[name].spikes)
        np.testing.assert_array_equal(
            trace["hidden"].registers["membrane"][..., at], expected[name].registers["membrane"]
        )
    assert (placement.network.populations[0].aliases[5:, 1] == -1).all()


def test_a_placed_network_says_where_its_layers_are():
    populations, projections, _, _ = layers_of("tinyodin", "chain", 0)
    placement = placed("tinyodin", populations, projections)
    assert placement.addresses == {"hidden": range(9), "output": range(9, 13), "input": range(13, 19)}
    assert placement.network.task == {"addresses": {"hidden": [0, 9], "output": [9, 13], "input": [13, 19]}}
    assert placement.network.populations[0].parameters["disabled"].tolist() == [0] * 13 + [1] * 6


def refused(chip, inputs, populations, projections):
    with pytest.raises(bs.NetworkError) as caught:
        bs.place(bs.load_profile(chip), inputs, populations, projections)
    return str(caught.value)


def big(name, size):
    return bs.Population(name, size, {"threshold": 9, "leak": 0, "disabled": 0})


def test_more_neurons_and_inputs_than_addresses_are_refused():
    found = refused("tinyodin", 100, [big("hidden", 150), big("output", 7)], [])
    assert found == "network: needs 257 addresses (hidden 150, output 7, input 100); allowed: 256"
    full = bs.place(bs.load_profile("tinyodin"), 100, [big("hidden", 150), big("output", 6)], [])
    assert full.network.inputs == 256


def test_more_neurons_of_a_class_than_a_core_of_ticks_has_are_refused():
    inputs, populations, projections = ticks(layers=2, size=130)
    found = refused("ranc", inputs, populations, projections)
    assert found == "limits.neurons: 'axon' needs 262; allowed: 256\nlimits.neurons: 'neuron' needs 260; allowed: 256"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda pops, projs: projs.append(bs.Projection("hidden", "input", 1)),
            "projection 'hidden' to 'input': allowed: a",
        ),
        (
            lambda pops, projs: projs.append(bs.Projection("hiden", "output", 1)),
            "projection 'hiden' to 'output': source: f",
        ),
        (lambda pops, projs: projs.append(projs[0]), "projection 'input' to 'hidden': weights[0, 0]: found "),
        (
            lambda pops, projs: pops.append(pops[0]),
            "layer 'hidden': the name is taken",
        ),
        (
            lambda pops, projs: pops.append(big("input", 2)),
            "layer 'input': the name is taken",
        ),
        (lambda pops, projs: pops.append(big("more", 0)), "layer 'more': found size 0; allowed: 1 or more"),
        (
            lambda pops, projs: projs.append(bs.Projection("hidden", "hidden", 9)),
            "projection 'hidden' to 'hidden': weights",
        ),
    ],
)
def test_layers_that_are_none_are_refused(change, message):
    populations, projections, _, _ = layers_of("tinyodin", "chain", 0)
    change(populations, projections)
    assert refused("tinyodin", 6, populations, projections).startswith(message)


def test_a_source_that_would_need_two_signs_is_refused():
    populations, projections, _, _ = layers_of("odin", "skip", 0)
    other = projections[2].parameters | {"sign": 1 - projections[0].parameters["sign"]}
    projections[2] = bs.Projection("input", "output", projections[2].weights, parameters=other)
    assert "projection 'input' to 'output': sign[0]: found" in refused("odin", 6, populations, projections)


def test_connections_of_several_kinds_of_sources_are_refused():
    layer = bs.Population("a", 2, {"threshold": 1, "leak": 1})
    found = refused("generic-w8-v16", 2, [layer], [bs.Projection("input", "a", np.eye(2, dtype=int), "forward")])
    assert found == "connection 'forward': comes from input and neuron; allowed: one kind of sources, on one core"


def test_a_core_that_is_placed_already_stays_as_it_is():
    net = core_network()
    again = bs.place(net.profile, 2, net.populations, net.projections)
    for name, array in net.arrays().items():
        key = name.replace("neurons.", "neuron.")
        np.testing.assert_array_equal(again.network.arrays()[key], array)
