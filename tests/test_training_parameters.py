"""Trained thresholds, leaks and biases: the integers of the forward pass are the export's, and gradients reach them."""

from __future__ import annotations

import bitspike as bs
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from bitspike.errors import InputError  # noqa: E402
from bitspike.training.compiled import Scanner  # noqa: E402
from bitspike.training.model import SpikingNetwork  # noqa: E402
from bitspike.training.parameters import TrainedParameter  # noqa: E402
from bitspike.training.surrogate import Triangle  # noqa: E402
from bitspike.word import Word  # noqa: E402
from command_line import bitspike, recipe, refused, train_on_few  # noqa: E402
from training_networks import EVERYTHING, chip, template  # noqa: E402


def trained_for(model, spikes, steps=3, rate=0.3):
    """Some steps of an optimizer towards more spikes, as a training makes them."""
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    for _ in range(steps):
        emitted, _ = model(torch.as_tensor(spikes))
        optimizer.zero_grad()
        (-emitted[model.template.output].sum()).backward()
        optimizer.step()
        model.after_step()
    return model


def assert_exact(model, spikes, engine="array"):
    trace = bs.run(model.export(), spikes, record="all", engine=engine)
    bs.compare(model.trace(spikes), trace).check()
    return trace


@pytest.mark.parametrize("sharing", ["neuron", "layer"])
@pytest.mark.parametrize("overflow", ["saturate", "wrap"])
@pytest.mark.parametrize("engine", ["array", "oracle"])
def test_thresholds_and_leaks_are_the_integers_of_the_export(sharing, overflow, engine):
    network = template(chip(*[f"s8.{overflow}"] * 3), 6, {"a": 5, "b": 4, "c": 3}, EVERYTHING, 2, threshold=9, leak=3)
    torch.manual_seed(0)
    trained = {name: {"threshold": sharing, "leak": sharing} for name in "abc"}
    model = SpikingNetwork(network, Triangle(4.0), train=trained)
    spikes = np.random.default_rng(0).integers(0, 3, (4, 8, 6))
    before = model.export()
    assert before == SpikingNetwork(network, Triangle()).export() or np.all(
        before.population("a").parameters["leak"] == 3
    )
    trained_for(model, spikes)
    after = model.export()
    for name in ("threshold", "leak"):
        values = np.concatenate([after.population(layer).parameters[name] for layer in "abc"])
        assert len(np.unique(values)) > 1 + (sharing == "neuron")
        if sharing == "layer":
            assert all(len(np.unique(after.population(layer).parameters[name])) == 1 for layer in "abc")
    assert_exact(model, spikes, engine)


def xylo(trained, gain=120.0):
    rng = np.random.default_rng(1)
    sizes = {"input": 4, "hidden": 6, "output": 3}
    common = {"dash_syn0": 2, "dash_mem": 3, "threshold": 200, "bias": 5}
    layers = [
        bs.Population("hidden", 6, {**common, "dash_syn1": 1}, "hidden"),
        bs.Population("output", 3, common, "output"),
    ]
    links = [("input", "hidden", "input"), ("hidden", "hidden", "recurrent"), ("hidden", "output", "readout")]
    projections = [
        bs.Projection(a, b, np.zeros((sizes[a], sizes[b], 1), int), via, {"weight_shift": 1}) for a, b, via in links
    ]
    torch.manual_seed(2)
    network = bs.Network(bs.load_profile("xylo-audio-2"), 4, layers, projections)
    model = SpikingNetwork(network, Triangle(1.0), gain=gain, train={"hidden": trained, "output": trained})
    return model, rng.integers(0, 4, (5, 12, 4))


ALL = {"dash_syn0": "neuron", "dash_mem": "neuron", "threshold": "neuron", "bias": "layer"}


def test_every_parameter_of_xylo_gets_a_gradient_and_trains_on_the_bits_of_its_export():
    model, spikes = xylo(ALL)
    emitted, _ = model(torch.as_tensor(spikes))
    emitted["output"].sum().backward()
    for layer, parameters in model.parameters_of.items():
        for each in parameters.each:
            assert each.way.grad.abs().sum() > 0, (layer, each.name)
    trained_for(model, spikes, rate=0.5)
    assert_exact(model, spikes)
    assert_exact(model, spikes[:2], "oracle")
    parameters = model.export().population("hidden").parameters
    assert all(len(np.unique(parameters[name])) > 1 for name in ALL if ALL[name] == "neuron")
    assert np.all(parameters["dash_syn1"] == 1)


def test_gradients_point_the_way_that_changes_of_the_integers_do():
    """More threshold, fewer spikes; more bias, more spikes; a longer memory of positive input, more spikes."""
    model, spikes = xylo(ALL, gain=20.0)
    with torch.no_grad():
        for synapses in model.synapses:
            for each in synapses:
                each.linear.weight.abs_()
    emitted, _ = model(torch.as_tensor(spikes))
    emitted["output"].sum().backward()
    way = {each.name: float(each.way.grad.sum()) for each in model.parameters_of["output"].each}
    assert way["threshold"] < 0 < way["bias"]
    assert way["dash_mem"] > 0
    assert way["dash_syn0"] > 0


def test_what_is_derived_from_a_trained_parameter_follows_it():
    layer = {"du": 400, "dv": 200, "vth": 3, "bias_mant": 0, "bias_exp": 0, "ternary": 0, "vth_low": 0,
             "reset_interval": 0, "reset_phase": 0}  # fmt: skip
    weight = {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 1}
    network = bs.Network(
        bs.load_profile("loihi-lava"), 3, [bs.Population("a", 4, layer)],
        [bs.Projection("input", "a", np.zeros((3, 4), int), "dense", weight)],
    )  # fmt: skip
    torch.manual_seed(0)
    model = SpikingNetwork(
        network, Triangle(2.0), gain=60.0, train={"a": {"vth": "neuron", "du": "neuron", "dv": "layer"}}
    )
    spikes = np.random.default_rng(0).integers(0, 2, (4, 10, 3))
    trained_for(model, spikes)
    parameters = model.export().population("a").parameters
    assert len(np.unique(parameters["vth"])) > 1
    assert len(np.unique(parameters["du"])) > 1
    assert_exact(model, spikes)


def test_parameters_stay_within_their_words_and_come_back_from_their_ends():
    one = TrainedParameter("leak", Word(3, False), np.array([6, 1]), "neuron", 1.0)
    optimizer = torch.optim.SGD(one.parameters(), lr=10.0)
    for sign, ends in ((-1, [7, 7]), (1, [0, 0]), (-1, [7, 7])):
        optimizer.zero_grad()
        (sign * one(torch.float32).sum()).backward()
        optimizer.step()
        one.keep_in_word()
        assert one.integers().tolist() == ends


def test_a_value_that_is_rounded_passes_its_gradient():
    one = TrainedParameter("bias", Word(8, True), np.array([5]), "neuron", 2.0)
    with torch.no_grad():
        one.way += 0.07  # 5 + 0.07 * 2 * 16 = 7.24
    (3 * one(torch.float32)).sum().backward()
    assert one(torch.float32).item() == 7
    assert one.way.grad.item() == 3 * 2 * 16


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("treshold", "layer 'a': train: found 'treshold'; allowed: threshold, leak. Did you mean 'threshold'?"),
        ("membrane", "layer 'a': train: found 'membrane'; allowed: threshold, leak"),
    ],
)
def test_a_parameter_that_is_not_there_is_refused(name, message):
    network = template(chip(), 2, {"a": 2}, [("input", "a", "forward")])
    with pytest.raises(InputError) as error:
        SpikingNetwork(network, Triangle(), train={"a": {name: "neuron"}})
    assert str(error.value).removesuffix(".") == message


def test_a_parameter_that_only_conditions_read_is_refused():
    layer = {"threshold": 5, "reset_to_zero": 0, "bias": 0, "lowest": -5, "reset_value": 0}
    network = bs.Network(bs.load_profile("speck-sinabs"), 2, [bs.Population("a", 2, layer, "neuron")], [])
    with pytest.raises(InputError, match="train: found 'reset_to_zero', which only conditions read; allowed: bias, "):
        SpikingNetwork(network, Triangle(), train={"a": {"reset_to_zero": "neuron"}})


def test_one_value_for_a_layer_needs_one_to_begin_with():
    with pytest.raises(InputError, match=r"train.leak: found layer; allowed: neuron, as its neurons begin with"):
        TrainedParameter("leak", Word(3, False), np.array([6, 1]), "layer", 1.0)


def test_a_recipe_trains_what_it_names(capsys, tmp_path, monkeypatch):
    pytest.importorskip("sklearn")
    train_on_few(monkeypatch)
    named = ("leak: 4}}", "leak: 4}, train: {threshold: neuron}, train_rate: 3.0}")
    file, net = recipe(tmp_path / "tiny.yaml", named), tmp_path / "net.npz"
    assert bitspike(capsys, "train", file, "-o", net, "--epochs", 3).status == 0
    network = bs.load_network(net)
    assert np.all(network.population("hidden").parameters["threshold"] != 128)
    assert np.all(network.population("hidden").parameters["leak"] == 4)
    assert np.all(network.population("output").parameters["threshold"] == 128)


def test_a_fault_of_what_is_trained_is_placed(capsys, tmp_path):
    pytest.importorskip("sklearn")
    file = recipe(tmp_path / "tiny.yaml", ("leak: 4}}", "leak: 4}, train: {treshold: neuron}}"))
    (line,) = refused(capsys, tmp_path, "train", file, "-o", tmp_path / "net.npz")
    assert line.startswith(f"{file}:9:")
    assert "layers[0].train" in line
    assert "Did you mean 'threshold'?" in line


def test_machine_code_and_the_interpreter_give_trained_parameters_the_same_gradients():
    found = []
    for compiles in (True, False):
        model, spikes = xylo(ALL, gain=40.0)
        model.scanner = Scanner(model.template.profile, model.ops, compiles=compiles)
        emitted, _ = model(torch.as_tensor(spikes))
        emitted["output"].sum().backward()
        assert ("output" in model.scanner.interpreted) != compiles
        found.append({(n, e.name): e.way.grad for n, ps in model.parameters_of.items() for e in ps.each})
    for place, gradient in found[0].items():
        torch.testing.assert_close(gradient, found[1][place], rtol=1e-4, atol=1e-4, msg=str(place))
