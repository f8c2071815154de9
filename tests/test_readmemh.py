"""Memory images: what is exported, read back, is the same network; anything else is refused."""

import errno
import json
import os
from pathlib import Path

import bitspike as bs
import numpy as np
import pytest
from bitspike.exchange.image import MANIFEST, Image, read_image
from bitspike.word import Word
from builders import generic, random_generic, random_xylo


@pytest.fixture
def folder(tmp_path):
    bs.export(generic(), tmp_path / "build", format="readmemh")
    return tmp_path / "build"


def refused(folder):
    with pytest.raises(bs.FileError) as caught:
        bs.read_images(folder)
    return str(caught.value).removeprefix(f"{folder}/")


def edit(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text())
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("network", [generic(), random_generic(1), random_xylo(1), random_xylo(2, slots=0)], ids=repr)
def test_what_is_exported_is_read_back_equal(network, tmp_path):
    names = bs.export(network, tmp_path / "build", format="readmemh")
    assert sorted(names) == sorted(entry.name for entry in (tmp_path / "build").iterdir())
    assert bs.read_images(tmp_path / "build") == network


def test_words_are_twos_complement_row_by_row(folder):
    assert (folder / "weights-0.accumulator.mem").read_text() == "05\nfd\n02\n07\n"
    assert (folder / "a.threshold.mem").read_text() == "0009\n0009\n"
    entry = json.loads((folder / "manifest.json").read_text())["files"][0]
    assert entry["holds"] == "weights of input to a over forward, into accumulator"
    assert entry["address"] == "pre * 2 + post"
    assert (entry["word"], entry["shape"], entry["words"]) == ("s8", [2, 2], 4)


def test_each_synapse_has_a_memory_of_its_own(tmp_path):
    names = bs.export(random_xylo(1), tmp_path, format="readmemh")
    assert {"weights-0.isyn0.mem", "weights-0.isyn1.mem", "hidden-aliases.mem"} <= set(names)


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(bs.InputError, match=r"^format: found 'memh'; allowed: npz, readmemh"):
        bs.export(generic(), tmp_path, format="memh")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("05\nfc\n02\n07\n", "accumulator.mem: damaged: it does not have the checksum it was written with"),
        ("05\n0fd\n02\n07\n", "accumulator.mem: damaged: it does not have the checksum it was written with"),
        ("05\n1fd\n02\n07\n", "accumulator.mem:2: found '1fd'; allowed: a word of 8 bits in hex"),
        ("05\nfx\n02\n07\n", "accumulator.mem:2: found 'fx'; allowed: a word of 8 bits in hex"),
        ("05\nfd\n02\n", "accumulator.mem: found 3 words; 4 are declared"),
        ("05\nfd\n02\n07\n07\n", "accumulator.mem: found 5 words; 4 are declared"),
        ("05\nfd\n02\n0ü\n", "accumulator.mem: damaged: not ASCII text"),
        ("", "accumulator.mem: found 0 words; 4 are declared"),
    ],
)
def test_a_changed_image_is_refused(folder, text, message):
    (folder / "weights-0.accumulator.mem").write_text(text)
    assert refused(folder) == f"weights-0.{message}"


def test_a_missing_image_and_a_missing_manifest_are_refused(folder):
    (folder / "a.leak.mem").unlink()
    assert refused(folder) == "a.leak.mem: no such file"
    (folder / "manifest.json").unlink()
    assert refused(folder) == "manifest.json: no such file"


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "a/b.mem", ".hidden", "", "a\x00b", "a.mem\n"])
def test_a_hostile_file_name_is_refused(folder, name):
    edit(folder, lambda manifest: manifest["files"][0].update(file=name))
    assert refused(folder) == f"manifest.json: found file name {name!r}; allowed: letters, digits, '_', '-' and '.'"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(schema=2), "found bitspike-readmemh schema 2; allowed: bitspike-readmemh 1"),
        (lambda m: m.pop("format"), "damaged: KeyError 'format'"),
        (lambda m: m.update(files=3), "damaged: TypeError"),
        (lambda m: m["files"][0].update(word="s99"), "damaged: ValueError s or u, 1 to 63 bits"),
        (lambda m: m["files"][0].update(shape=[3, 3]), "damaged: ValueError"),
        (lambda m: m["files"][0].update(array=["a"]), "damaged: TypeError"),
        (lambda m: m["files"][0].update(array=5), "damaged: AttributeError"),
        (lambda m: m["files"][0].update(word="u8"), "projection 'input' to 'a': weights[0, 1, 0]: found 253; allowed:"),
        (lambda m: m["files"].pop(), "its header is incomplete: KeyError 'a.leak'"),
        (lambda m: m.update(network_sha256="0"), "the network does not have the hash it was written with"),
        (lambda m: m.update(profile_sha256="0"), "its profile 'generic-w8-v16' does not have the hash it was written"),
    ],
)
def test_a_changed_manifest_is_refused(folder, change, message):
    edit(folder, change)
    assert refused(folder).startswith(f"manifest.json: {message}")


@pytest.mark.parametrize("text", ["", "{", "[]", "7", "[" * 100_000])
def test_a_manifest_that_is_none_is_refused(folder, text):
    (folder / "manifest.json").write_text(text)
    assert refused(folder).startswith("manifest.json: damaged: ")


def test_other_files_of_the_folder_are_left_alone(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    bs.export(generic(), tmp_path, format="readmemh")
    bs.export(generic(threshold=3), tmp_path, format="readmemh")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert bs.read_images(tmp_path) == generic(threshold=3)


def test_an_export_for_which_there_is_no_room_leaves_what_was_there(folder, monkeypatch):
    before = bs.read_images(folder)

    def full(path, content):
        if path.name == "a.leak.mem":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return len(content)

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(bs.FileError, match="cannot be written: No space left on device"):
        bs.export(generic(threshold=1), folder, format="readmemh")
    assert bs.read_images(folder) == before


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "build").write_text("")
    with pytest.raises(bs.FileError, match=r"build: cannot be written: Not a directory$"):
        bs.export(generic(), tmp_path / "build", format="readmemh")


def picture_network():
    """A convolution, a pooling, a list of synapses and delays."""
    rng = np.random.default_rng(3)
    common = {"du": 100, "dv": 9, "vth": 2, "bias_mant": 1, "bias_exp": 0, "ternary": 0, "vth_low": 0}
    common |= {"reset_interval": 0, "reset_phase": 0}
    weights = {"weight_exp": 0, "num_weight_bits": 8, "sign_mode": 1}
    return bs.Network(
        bs.load_profile("loihi-lava"),
        18,
        [bs.Population("a", 12, common), bs.Population("b", 3, common), bs.Population("c", 4, common)],
        [
            bs.Projection(
                "input", "a", rng.integers(-9, 9, (3, 2, 2, 2)), "convolution", shape=bs.Convolution((2, 3, 3))
            ),
            bs.Projection("a", "b", 4, "dense", weights, bs.Pooling((3, 2, 2), 2), delays=[5]),
            bs.Projection("b", "c", [7, -8], "dense", weights, bs.Sparse([0, 2], [3, 1]), delays=[1, 2]),
        ],
    )


def core_network():
    """Parameters and delays of every source."""
    widths = {"weight0": 3, "weight1": -1, "weight2": 0, "weight3": 9}
    neurons = widths | {"leak": -1, "threshold": 4, "negative_threshold": -9, "reset": 0, "linear": [0, 1, 0]}
    return bs.Network(
        bs.load_profile("ranc"),
        2,
        [bs.Population("axons", 2, {}, "axon"), bs.Population("neurons", 3, neurons, "neuron")],
        [
            bs.Projection("input", "axons", np.eye(2, dtype=int), "packets"),
            bs.Projection("neurons", "axons", [[1, 0], [0, 1], [0, 0]], "route", delays=[0, 14, 3]),
            bs.Projection("axons", "neurons", [[1, 0, 1], [1, 1, 0]], "crossbar", {"axon_type": [3, 1]}),
        ],
    )


@pytest.mark.parametrize("make", [picture_network, core_network])
def test_whatever_a_network_holds_is_read_back(make, tmp_path):
    net = make()
    bs.export(net, tmp_path, format="readmemh")
    assert bs.read_images(tmp_path) == net
    manifest = json.loads((tmp_path / "manifest.json").read_text())
    assert {entry["array"].split(".")[0] for entry in manifest["files"]} >= {
        name.split(".")[0] for name in net.arrays()
    }


@pytest.mark.parametrize("make", [picture_network, core_network])
def test_whatever_a_network_holds_survives_its_file(make, tmp_path):
    net = make()
    bs.export(net, tmp_path / "net.npz")
    assert bs.load_network(tmp_path / "net.npz") == net


@pytest.mark.parametrize("bits", [1, 2, 63])
def test_the_ends_of_every_width_are_read_back(tmp_path, bits):
    word = Word(bits, True)
    image = Image("a", "ends", word, ("end",), np.array([word.min, word.max, -1], np.int64))
    (tmp_path / image.file).write_text(image.text)
    assert read_image(tmp_path, tmp_path / MANIFEST, image.entry).tolist() == image.values.tolist()
