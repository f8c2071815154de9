"""Folders of vectors for a test bench: what is in them, in which words, and that they are whole."""

from __future__ import annotations

import json

import bitspike as bs
import numpy as np
import pytest
from bitspike.exchange import bench
from builders import generic, random_xylo
from test_verify import FAMILIES, case


def manifest(folder):
    return json.loads((folder / "manifest.json").read_text())


@pytest.fixture
def folder(tmp_path):
    """Two samples of three steps; membranes go below 0."""
    bs.write_bench(tmp_path / "v", generic(), SPIKES)
    return tmp_path / "v"


SPIKES = np.array([[[0, 1], [255, 0], [1, 1]], [[0, 0], [1, 0], [3, 2]]])


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_written_is_what_the_oracle_computes(tmp_path, family):
    net, spikes, trace = case(family)
    files = bs.write_bench(tmp_path / "v", net, spikes)
    back = bs.read_bench(tmp_path / "v")
    written = {str(path.relative_to(tmp_path / "v")) for path in (tmp_path / "v").rglob("*.*") if path.is_file()}
    assert set(files) == written
    assert back.network == net
    assert bs.compare(bs.run(back.network, back.spikes, record="all", engine="oracle"), trace).equal
    for layer in trace.layers:
        for register, values in {**trace[layer].registers, "spikes": trace[layer].spikes}.items():
            assert back.expected[f"{layer}.{register}"].values.tolist() == values.tolist()


def test_words_are_twos_complement_of_the_registers_width_row_by_row(folder):
    membranes = bs.run(generic(), SPIKES, record=["membrane"])["a"].registers["membrane"]
    assert membranes.min() < 0
    lines = (folder / "expected/a.membrane.hex").read_text().splitlines()
    assert lines == [f"{value & 0xFFFF:04x}" for value in membranes.ravel().tolist()]
    (entry,) = (each for each in manifest(folder)["expected"] if each["array"] == "a.membrane")
    assert (entry["word"], entry["shape"], entry["words"]) == ("s16", [2, 3, 2], 12)
    assert entry["address"] == "sample * 3 * 2 + step * 2 + neuron"
    assert (folder / "stimulus/input.hex").read_text().split()[:4] == ["00", "01", "ff", "00"]
    assert set((folder / "expected/a.spikes.hex").read_text().split()) == {"0", "1"}


def test_a_table_has_a_row_a_step_under_the_numbers_of_sample_and_step(folder):
    rows = (folder / "stimulus/input.csv").read_text().splitlines()
    assert rows == ["sample,step,c0,c1", "0,0,0,1", "0,1,255,0", "0,2,1,1", "1,0,0,0", "1,1,1,0", "1,2,3,2"]
    head, *rows = (folder / "expected/a.membrane.csv").read_text().splitlines()
    assert head == "sample,step,n0,n1"
    membranes = bs.run(generic(), SPIKES, record=["membrane"])["a"].registers["membrane"]
    assert [row.split(",")[2:] for row in rows] == [[str(v) for v in row] for row in membranes.reshape(6, 2).tolist()]


def test_the_manifest_names_profile_network_and_checksums(folder):
    found = manifest(folder)
    assert found["profile_sha256"] == generic().profile.digest
    assert found["network_sha256"] == generic().digest
    assert (found["clock"], found["samples"], found["steps"]) == ("step", [0, 1], 3)
    assert all(len(each["sha256"]) == len(each["csv"]["sha256"]) == 64 for each in found["expected"])


def test_events_are_numbered_by_kind(tmp_path):
    net, _, _ = case("a queue")
    bs.write_bench(tmp_path, net, bs.Events.of([{"kind": "reference"}, {"kind": "spike", "source": 3}]))
    (kind, *_) = manifest(tmp_path)["stimulus"]
    number = list(net.profile.events).index
    assert f"{number('spike')}: spike" in kind["holds"]
    assert [int(word, 16) for word in (tmp_path / "stimulus/kind.hex").read_text().split()] == [
        number("reference"),
        number("spike"),
    ]
    assert (tmp_path / "stimulus/source.csv").read_text() == "sample,event,source\n0,0,0\n0,1,3\n"


def test_what_is_chosen_is_written_and_nothing_else(tmp_path):
    net = random_xylo(1)
    spikes = np.ones((3, 4, net.inputs), int)
    bs.write_bench(tmp_path, net, spikes, layers={"hidden": [0]}, registers=["membrane", "spikes"], samples=[2, 0])
    assert [each["array"] for each in manifest(tmp_path)["expected"]] == ["hidden.membrane", "hidden.spikes"]
    back = bs.read_bench(tmp_path)
    assert (back.samples, back.expected["hidden.membrane"].neurons) == ((2, 0), (0,))
    trace = bs.run(net, spikes, record=["membrane"])
    assert (
        back.expected["hidden.membrane"].values.tolist()
        == trace["hidden"].registers["membrane"][[2, 0]][:, :, :1].tolist()
    )
    assert (tmp_path / "expected/hidden.membrane.csv").read_text().startswith("sample,step,n0\n2,0,")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layers": ["b"]}, r"layer: found 'b'; allowed: a"),
        ({"layers": {"a": [2]}}, r"layer 'a': neuron: found 2; allowed: 0 to 1"),
        ({"layers": {"a": [-1]}}, r"layer 'a': neuron: found -1; allowed: 0 to 1"),
        ({"layers": {"a": []}}, r"layer 'a': neurons: found none; allowed: one at least"),
        ({"layers": []}, r"registers: found none; allowed: one at least"),
        ({"registers": ["membrain"]}, r"found 'membrain'; allowed: accumulator, membrane, spikes\. Did you mean 'mem"),
        ({"samples": [2]}, r"sample: found 2; allowed: 0 to 1"),
        ({"samples": [-1]}, r"sample: found -1; allowed: 0 to 1"),
        ({"samples": [1, 1]}, r"samples: found \[1, 1\]; allowed: one at least, none twice"),
    ],
)
def test_what_is_not_there_is_refused_and_nothing_is_written(tmp_path, options, message):
    with pytest.raises(bs.InputError, match=message):
        bs.write_bench(tmp_path / "v", generic(), SPIKES, **options)
    assert not (tmp_path / "v").exists()


def test_a_folder_that_fails_midway_has_no_manifest(folder, monkeypatch):
    def full(path, text):
        if path.name == "a.spikes.hex":
            raise bs.FileError(f"{path}: cannot be written: No space left on device")
        path.write_text(text)

    monkeypatch.setattr(bench, "write_text", full)
    with pytest.raises(bs.FileError, match="No space left on device"):
        bs.write_bench(folder, generic(threshold=1), SPIKES)
    with pytest.raises(bs.FileError, match=r"manifest\.json: no such file"):
        bs.read_bench(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.update(schema=2), "found bitspike-vectors schema 2; allowed: bitspike-vectors 1"),
        (lambda m: m.update(samples=[0]), "damaged: ValueError its arrays differ in samples or steps"),
        (lambda m: m.update(steps=4), "damaged: ValueError its arrays differ in samples or steps"),
        (lambda m: m.pop("expected"), "damaged: KeyError 'expected'"),
        (lambda m: m["expected"][0].update(array="b.membrane"), "damaged: "),
        (lambda m: m["expected"][0].update(array=7), "damaged: "),
        (lambda m: m["expected"][0].update(word="s15"), "damaged: "),
        (lambda m: m["expected"][0]["csv"].update(columns=["n1", "n0"]), "damaged: "),
        (lambda m: m["expected"][0].update(file="../x.hex"), "found file name '../x.hex'; allowed: letters"),
    ],
)
def test_a_changed_manifest_is_refused(folder, change, message):
    found = manifest(folder)
    change(found)
    (folder / "manifest.json").write_text(json.dumps(found))
    with pytest.raises(bs.FileError) as refused:
        bs.read_bench(folder)
    assert str(refused.value).startswith((f"{folder}/manifest.json: {message}", f"{folder}/expected/"))


def test_changed_vectors_and_another_network_are_refused(folder):
    path = folder / "expected/a.spikes.hex"
    path.write_text(path.read_text().replace("1", "0", 1))
    with pytest.raises(bs.FileError, match=r"a\.spikes\.hex: damaged: it does not have the checksum"):
        bs.read_bench(folder)
    bs.write_bench(folder, generic(), SPIKES)
    bs.save_network(generic(threshold=1), folder / "network.npz")
    with pytest.raises(bs.FileError, match=r"network\.npz: not the network that these vectors were written for"):
        bs.read_bench(folder)
