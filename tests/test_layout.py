"""Files by a layout: what stands where, what reads back, and networks that do not fit."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest
from builders import random_xylo
from command_line import HWCONFIGS
from event_cores import core
from test_layout_faults import LAYOUT, layout
from test_readmemh import core_network, picture_network


def written(net, folder, name, **options):
    bs.export(net, folder, "readmemh", layout=name, **options)
    assert bs.read_images(folder) == net
    return folder


def lines(path):
    return path.read_text().splitlines()


def refused(net, folder, name, **options):
    with pytest.raises(bs.BitspikeError) as caught:
        bs.export(net, folder / "images", "readmemh", layout=name, **options)
    assert not (folder / "images").exists()
    return str(caught.value)


def small_core(size=3, weight=-2, **parameters):
    weights = np.zeros((size, size), int)
    weights[1, 2] = weight
    return core(weights, threshold=parameters.pop("threshold", 100), **parameters)


def test_the_fields_of_an_entry_stand_at_their_bits(tmp_path):
    start = bs.initial_state(net := small_core(leak=5, disabled=[0, 1, 0]))
    start["core"]["membrane"][0] = [0, -1, 7]
    folder = written(net, tmp_path, "tinyodin", state=start)
    assert lines(folder / "neurons.mem")[:4] == ["05064000", "85064fff", "05064007", "80fff000"]
    assert bs.read_state(folder)["core"]["membrane"].tolist() == [[0, -1, 7]]


def test_several_entries_share_a_word_the_first_in_its_low_bits(tmp_path):
    images = lines(written(small_core(), tmp_path, "tinyodin") / "synapses.mem")
    assert images[32] == "00000e00"
    assert [number for number, word in enumerate(images) if int(word, 16)] == [32]


def test_the_first_entry_may_stand_in_the_high_bits(tmp_path):
    mine = layout(tmp_path, ("first: least", "first: most"))
    assert lines(written(small_core(), tmp_path / "images", mine) / "synapses.mem")[2] == "00e00000"


def test_binary_words_have_a_digit_a_bit(tmp_path):
    mine = layout(tmp_path, ("radix: hex", "radix: binary"))
    assert lines(written(small_core(), tmp_path / "images", mine) / "neurons.mem")[0] == "0" * 13 + "1100100" + "0" * 12


def test_rows_of_a_crossbar_are_lanes_and_widths_follow_the_network(tmp_path):
    folder = written(core_network(), tmp_path, "ranc")
    rows = [line[:2] for line in lines(folder / "csram.mem")]
    assert rows == ["11", "10", "01"]  # axon 1, axon 0, of neurons 0 to 2
    assert [line[-24:] for line in lines(folder / "csram.mem")] == [
        "0" + "0" * 9 + "0" * 9 + "0" + "0000",
        "1" + "0" * 9 + "0" * 9 + "1" + "1110",
        "0" + "000000001" + "0" * 9 + "0" + "0011",  # its spikes leave the core
    ]
    assert lines(folder / "axon_types.mem") == ["11", "01"]


def test_a_table_names_its_registers(tmp_path):
    net = random_xylo(1)
    table = json.loads((written(net, tmp_path, "xylo") / "registers.json").read_text())
    np.testing.assert_array_equal(table["weights_in"], net.projections[0].weights)
    np.testing.assert_array_equal(table["weights_out"], net.projections[2].weights[:, :, 0])
    np.testing.assert_array_equal(table["aliases"], net.populations[0].aliases)
    np.testing.assert_array_equal(table["threshold_out"], net.populations[1].parameters["threshold"])
    assert table["weight_shift_rec"] == net.projections[1].parameters["weight_shift"]


def test_a_file_for_each_layer_and_each_projection_and_shapes_that_are_not_dense(tmp_path):
    folder = written(picture_network(), tmp_path, "loihi")
    assert {path.name for path in folder.iterdir()} == {
        *(f"neurons-{layer}.json" for layer in "abc"),
        *("dense_weights-0.mem", "dense-0.json", "dense_weights-1.mem", "dense-1.json"),
        *("convolution-2.json", "manifest.json"),
    }
    sparse = json.loads((folder / "dense-1.json").read_text())
    assert sparse["stored"] == [[0, 0, 0, 6], [0, 0, 0, 0], [0, -8, 0, 0]]  # a mixed weight of 7 loses its lowest bit
    assert sparse["delays"] == [[0, 0, 0, 1], [0, 0, 0, 0], [0, 2, 0, 0]]
    assert lines(folder / "dense_weights-1.mem")[3] == "007"


def test_layers_of_a_class_follow_each_other(tmp_path):
    rng = np.random.default_rng(0)
    common = {"dash_syn0": 2, "dash_syn1": 3, "dash_mem": 4, "bias": 1}
    net = bs.Network(
        bs.load_profile("xylo-audio-2"),
        3,
        [
            bs.Population("a", 4, common | {"threshold": 4}, "hidden"),
            bs.Population("b", 5, common | {"threshold": 5}, "hidden", [[4, -1]] * 5),
        ],
        [
            bs.Projection("input", "a", rng.integers(-9, 9, (3, 4, 2)), "input", {"weight_shift": 2}),
            bs.Projection("a", "b", rng.integers(-9, 9, (4, 5, 1)), "recurrent", {"weight_shift": 1}),
            bs.Projection("b", "a", rng.integers(-9, 9, (5, 4, 2)), "recurrent", {"weight_shift": 1}),
        ],
    )
    table = json.loads((written(net, tmp_path, "xylo") / "registers.json").read_text())
    recurrent = np.array(table["weights_rec"])
    np.testing.assert_array_equal(recurrent[:4, 4:, :1], net.projections[1].weights)
    np.testing.assert_array_equal(recurrent[4:, :4], net.projections[2].weights)
    assert not recurrent[:4, :4].any()
    assert table["threshold"] == [4] * 4 + [5] * 5
    assert table["aliases"] == [[-1, -1]] * 4 + [[8, -1]] * 5


def test_a_route_leads_to_its_axon_among_those_of_all_layers(tmp_path):
    one = core_network()
    axons = [bs.Population(name, 2, {}, "axon") for name in ("first", "second")]
    route = bs.Projection("neurons", "second", [[1, 0], [0, 1], [0, 0]], "route", delays=[0, 14, 3])
    back = bs.Projection("neurons", "first", [[0, 0], [0, 0], [0, 1]], "route", delays=[0, 14, 3])
    crossbar = [
        bs.Projection(axon.name, "neurons", [[1, 0, 1], [1, 1, 0]], "crossbar", {"axon_type": [3, 1]}) for axon in axons
    ]
    links = [bs.Projection("input", "first", np.eye(2, dtype=int), "packets"), route, back, *crossbar]
    net = bs.Network(one.profile, 2, [*axons, one.population("neurons")], links)
    rows = lines(written(net, tmp_path, "ranc") / "csram.mem")
    assert [int(row[-6:-4], 2) for row in rows] == [2, 3, 1]
    assert [row[:4] for row in rows] == ["1111", "1010", "0101"]
    assert lines(tmp_path / "axon_types.mem") == ["11", "01"] * 2


def test_an_axis_that_is_just_long_enough(tmp_path):
    written(small_core(16), tmp_path / "images", layout(tmp_path))


def test_projections_that_disagree_about_a_register_are_refused(tmp_path):
    common = {"dash_syn0": 2, "dash_syn1": 3, "dash_mem": 4, "bias": 1, "threshold": 9}
    net = bs.Network(
        bs.load_profile("xylo-audio-2"),
        1,
        [bs.Population(name, 1, common, "hidden") for name in "ab"],
        [bs.Projection("input", name, [[1]], "input", {"weight_shift": shift}) for name, shift in (("a", 0), ("b", 3))],
    )
    found = refused(net, tmp_path, "xylo")
    assert found == "projection 'input' to 'b': weight_shift: found 3; allowed: 0, as another projection has"


@pytest.mark.parametrize(
    ("edits", "message"),
    [
        (
            [("word: u12, at: 12", "word: u6, at: 12")],
            "layer 'core': threshold[0]: found 100; allowed: 0 to 63 (u6 in neurons.mem); 2 more",
        ),
        (
            [("word: s4, at: 0", "word: s2, at: 0")],
            "projection 'core' to 'core': weights[1, 2]: found -3; allowed: -2 to 1 (s2 in synapses.mem)",
        ),
        ([("axes: {neuron: 16}", "axes: {neuron: 2}")], "axis 'neuron' of neurons.mem: found 3; allowed: 2"),
        (
            [('      leak: {value: "neuron.leak[neuron]", word: u7, at: 24}\n', "")],
            "layout 'mine': has no place for 'leak' of layer 'core'",
        ),
    ],
)
def test_what_does_not_fit_a_layout_is_refused(tmp_path, edits, message):
    mine = layout(tmp_path, *edits)
    assert refused(small_core(weight=-3), tmp_path, mine) == message


def test_a_neuron_with_two_destinations_is_refused(tmp_path):
    net = core_network()
    route = bs.Projection("neurons", "axons", [[1, 0], [1, 1], [0, 0]], "route", delays=[0, 14, 3])
    two = bs.Network(net.profile, 2, net.populations, [net.projections[0], route, net.projections[2]])
    assert (
        refused(two, tmp_path, "ranc")
        == "projection 'neurons' to 'axons': target: source 1 reaches 2 neurons; allowed: 1"
    )


def test_an_input_that_is_not_one_to_one_is_refused(tmp_path):
    net = core_network()
    crossed = bs.Projection("input", "axons", [[0, 1], [1, 0]], "packets")
    other = bs.Network(net.profile, 2, net.populations, [crossed, *net.projections[1:]])
    place = "projection 'input' to 'axons', which is not one to one with weights of 1"
    assert refused(other, tmp_path, "ranc") == f"layout 'ranc': has no place for {place}"


def test_a_network_of_another_profile_is_refused(tmp_path):
    found = refused(small_core(), tmp_path, "odin")
    assert found == "layout 'odin': found a network of profile 'tinyodin'; allowed: odin"


def test_registers_without_a_place_are_refused(tmp_path):
    net = picture_network()
    start = bs.initial_state(net)
    start["a"]["phase"][0, 3] = 1
    assert refused(net, tmp_path, "loihi", state=start).startswith("state: a.phase: found values other than 0; 'loihi'")


def test_a_state_without_a_layout_is_refused(tmp_path):
    with pytest.raises(bs.InputError, match=r"^option: found 'state'; allowed: only with a layout$"):
        bs.export(small_core(), tmp_path, "readmemh", state={})


@pytest.fixture
def images(tmp_path):
    return written(small_core(), tmp_path / "images", layout(tmp_path))


def tampered(folder, name, change, checksum=True):
    from bitspike.exchange.image import sha256

    text = change((folder / name).read_text())
    (folder / name).write_text(text)
    manifest = json.loads((folder / "manifest.json").read_text())
    for entry in manifest["files"] if checksum else ():
        entry["sha256"] = sha256(text) if entry["file"] == name else entry["sha256"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(bs.FileError) as caught:
        bs.read_images(folder)
    return str(caught.value).removeprefix(f"{folder}/")


def test_an_image_with_another_checksum_is_refused(images):
    found = tampered(images, "neurons.mem", lambda text: text.replace("0", "1", 1), checksum=False)
    assert found == "neurons.mem: damaged: it does not have the checksum it was written with"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda text: text.replace("00064000", "0006400g", 1),
            "neurons.mem:1: found '0006400g'; allowed: a word of 32",
        ),
        (
            lambda text: text.replace("00064000", "064000", 1),
            "neurons.mem:1: found '064000'; allowed: a word of 32 bits",
        ),
        (lambda text: text + "00000000\n", "neurons.mem: found 17 words; 16 are declared"),
        (
            lambda text: text.replace("00064000", "00064001", 1),
            "neurons.mem:1: found '00064001'; allowed: '00064000', as",
        ),
        (
            lambda text: text.replace("00000000", "00000001", 1),
            "neurons.mem:4: found '00000001'; allowed: '00000000', as",
        ),
        (
            lambda text: text.replace("00064000", "00065000", 1),
            "manifest.json: the network does not have the hash it was",
        ),
    ],
)
def test_a_changed_image_is_refused(images, change, message):
    assert tampered(images, "neurons.mem", change).startswith(message)


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m.pop("layout"),
        lambda m: m["layout"]["memories"]["neurons"]["fields"]["leak"].update(at=30),
        lambda m: m["layout"].update(tables=3),
        lambda m: m["files"][0].pop("axes"),
        lambda m: m["files"][0].update(axes={"neuron": -1}),
        lambda m: m["files"][0].update(bits=7),
        lambda m: m["files"][0].update(entries=0),
        lambda m: m["files"][0]["holds"]["leak"].update(shape=[10**12]),
        lambda m: m["files"][0]["holds"]["leak"].update(at=-5),
        lambda m: m["files"][0]["holds"]["leak"].update(word="s99"),
        lambda m: m["files"][0]["holds"]["leak"].update(lanes=10**9),
        lambda m: m["arrays"].update({"weights-0": [10**6, 10**6, 10**6]}),
        lambda m: m["arrays"].update({"weights-0": "x"}),
        lambda m: m["populations"][0].update(size=10**12),
        lambda m: m.update(files=[]),
        lambda m: m.update(synapses=[]),
        lambda m: m.update(projections=[]),
    ],
)
def test_a_changed_manifest_is_refused(images, change):
    manifest = json.loads((images / "manifest.json").read_text())
    change(manifest)
    (images / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(bs.FileError, match=r"(manifest\.json: |neurons\.mem:)"):
        bs.read_images(images)


def test_every_key_of_the_layout_that_is_used_here_is_needed():
    assert LAYOUT.count("at: ") == 4


def test_a_weight_that_no_synapse_uses_is_refused(tmp_path):
    """A kernel of 3 over a picture of 1, padded: its ends meet silence only."""
    text = (HWCONFIGS / "layouts" / "loihi.yaml").read_text(encoding="utf-8")
    old = 'kernels: {value: "convolution.kernel[out, in, height, width]", word: s16}'
    assert old in text
    mine = tmp_path / "mine.yaml"
    mine.write_text(text.replace(old, 'matrix: {value: "convolution.weight[pre, post]", word: s16}'))
    layer = picture_network().populations[2]
    one = bs.Population("c", 1, {name: values[:1] for name, values in layer.parameters.items()})
    shape = bs.Convolution((1, 1, 1), padding=(1, 0))
    link = bs.Projection("input", "c", [[[[5], [6], [7]]]], "convolution", shape=shape)
    net = bs.Network(bs.load_profile("loihi-lava"), 1, [one], [link])
    found = "has no place for 2 weights of projection 'input' to 'c' that no synapse uses"
    assert refused(net, tmp_path, mine) == f"layout 'loihi': {found}"
    written(net, tmp_path / "kernels", "loihi")
