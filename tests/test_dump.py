"""A simulator's dump against a folder of vectors: equal, the first differing bit, or refused with file and line."""

from __future__ import annotations

import shutil

import bitspike as bs
import numpy as np
import pytest
from builders import generic
from command_line import bitspike, refused
from hypothesis import given, settings
from hypothesis import strategies as st
from test_verify import FAMILIES, case

SPIKES = np.array([[[0, 1], [255, 0], [1, 1]], [[0, 0], [1, 0], [3, 2]]])


def dumped(folder, suffix="hex"):
    """A dump beside the folder, equal to what was expected."""
    dump = folder.parent / "dump"
    shutil.rmtree(dump, ignore_errors=True)
    dump.mkdir()
    for path in (folder / "expected").glob("*.csv" if suffix == "csv" else "*.hex"):
        text = path.read_text()
        if suffix == "bin":
            bits = len(bs.read_bench(folder).expected[path.stem].word.pattern(0))
            text = "".join(f"{int(word, 16):0{bits}b}\n" for word in text.split())
        (dump / f"{path.stem}.{suffix}").write_text(text)
    return dump


def edit(path, line, text):
    """Replace a line, counted from 1."""
    lines = path.read_text().splitlines()
    lines[line - 1] = text
    path.write_text("\n".join(lines) + "\n")


@pytest.fixture
def folder(tmp_path):
    bs.write_bench(tmp_path / "v", generic(), SPIKES)
    return tmp_path / "v"


@pytest.mark.parametrize("suffix", ["hex", "bin", "csv"])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_dump_of_what_was_expected_is_equal(tmp_path, family, suffix):
    net, spikes, trace = case(family)
    bs.write_bench(tmp_path / "v", net, spikes)
    found = bs.verify_dump(tmp_path / "v", dumped(tmp_path / "v", suffix))
    sizes = [(1 + len(net.neuron_class(p).registers)) * p.size for p in net.populations]
    assert found.equal
    assert found.comparison.values == sum(sizes) * trace.spikes.shape[0] * trace.spikes.shape[1]


@pytest.mark.parametrize("bit", [0, 7, 15])
@pytest.mark.parametrize("suffix", ["hex", "bin", "csv"])
def test_a_flipped_bit_is_named(folder, suffix, bit):
    path = dumped(folder, suffix) / f"a.membrane.{suffix}"
    values = bs.read_bench(folder).expected["a.membrane"].values
    flipped = int(values[1, 2, 1]) ^ ((1 << bit) - (bit == 15) * (1 << 16))
    word = {
        "hex": f"{flipped & 0xFFFF:04x}",
        "bin": f"{flipped & 0xFFFF:016b}",
        "csv": f"1,2,{values[1, 2, 0]},{flipped}",
    }
    edit(path, 7 if suffix == "csv" else 12, word[suffix])
    found = bs.verify_dump(folder, path.parent)
    first = found.comparison.first
    assert (first.sample, first.step, first.layer, first.neuron, first.register) == (1, 2, "a", 1, "membrane")
    assert (first.values, found.bits, found.comparison.different) == ((values[1, 2, 1], flipped), (bit,), 1)
    assert [write.after for write in found.writes if write.register == "membrane"][-1] == values[1, 2, 1]


def test_neurons_and_samples_keep_their_numbers(tmp_path):
    net = generic(np.ones((2, 5), int))
    bs.write_bench(tmp_path / "v", net, np.ones((4, 3, 2), int), layers={"a": [4, 1]}, samples=[3, 1])
    dump = dumped(tmp_path / "v")
    edit(dump / "a.membrane.hex", 10, "0fff")  # the second sample, its second step, the second neuron
    found = bs.verify_dump(tmp_path / "v", dump)
    first = found.comparison.first
    assert (first.sample, first.step, first.neuron, found.comparison.differing) == (1, 1, 4, (1,))


def test_an_unknown_value_is_named_with_its_bits(folder):
    dump = dumped(folder, "bin")
    edit(dump / "a.membrane.bin", 3, "0000000x0000z1x1")
    found = bs.verify_dump(folder, dump)
    expected = bs.read_bench(folder).expected["a.membrane"].values[0, 1, 0]
    pattern = f"{int(expected):016b}"
    differing = [15 - i for i, (a, b) in enumerate(zip(pattern, "0000000x0000z1x1", strict=True)) if a != b]
    assert found.bits == tuple(sorted(differing))
    assert "\n  found    unknown (0000000x0000z1x1)\n" in str(found)
    assert "\n  x: a bit that the simulator does not know" in str(found)


@pytest.mark.parametrize(("suffix", "line", "text"), [("hex", 1, "xxxx"), ("hex", 1, "zzzz"), ("csv", 2, "0,0,x,7")])
def test_an_unknown_word_differs_in_every_bit(folder, suffix, line, text):
    dump = dumped(folder, suffix)
    edit(dump / f"a.membrane.{suffix}", line, text)
    found = bs.verify_dump(folder, dump)
    assert found.bits == tuple(range(16))
    assert found.comparison.first.bits[1] == ("z" if "z" in text else "x") * 16


def test_single_files_are_compared_alone(folder):
    dump = dumped(folder)
    edit(dump / "a.membrane.hex", 1, "7777")
    assert bs.verify_dump(folder, dump / "a.spikes.hex").recorded == ("a.spikes",)
    assert bs.verify_dump(folder, dump / "a.spikes.hex").equal
    found = bs.verify_dump(folder, dump / "a.spikes.hex", dump / "a.membrane.hex")
    assert (found.equal, found.recorded) == (False, ("a.membrane", "a.spikes"))


def test_words_may_share_lines_and_have_comments(folder):
    dump = dumped(folder)
    path = dump / "a.membrane.hex"
    path.write_text("// 0x00000000\n" + " ".join(path.read_text().upper().split()) + "  // done\n\n")
    assert bs.verify_dump(folder, dump).equal


@pytest.mark.parametrize(
    ("name", "line", "text", "message"),
    [
        ("membrane.hex", 3, "5", ":3: found '5'; allowed: 4 hex digits, a word of 16 bits"),
        ("membrane.hex", 3, "00005", ":3: found '00005'; allowed: 4 hex digits, a word of 16 bits"),
        ("membrane.hex", 3, "00g5", ":3: found '00g5'; allowed: 4 hex digits"),
        ("membrane.hex", 3, "0005 0005", ":12: found more than 12 words; allowed: 12"),
        ("membrane.hex", 12, "", ":11: found the end after 11 words; allowed: 12"),
        ("spikes.hex", 1, "2", ":1: found '2'; allowed: a word of 1 bits"),
        ("membrane.csv", 1, "sample,step,n1,n0", ":1: found header 'sample,step,n1,n0'; allowed: 'sample,step,n0,n1'"),
        ("membrane.csv", 3, "0,1,5", ":3: found 3 cells; allowed: 4, one a column"),
        ("membrane.csv", 3, "0,2,5,5", ":3: found '0,2'; allowed: sample 0, step 1, the next row"),
        ("membrane.csv", 3, "0,1,5,32768", ":3: n1: found '32768'; allowed: -32768 to 32767 (s16), x or z"),
        ("membrane.csv", 3, "0,1,5,1.0", ":3: n1: found '1.0'; allowed: -32768 to 32767"),
        ("membrane.csv", 7, "", ":6: found the end after 10 words; allowed: 12"),
        ("membrane.csv", 7, "1,2,0,0\n1,3,0,0", ":8: found more than 12 words; allowed: 12"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_line(folder, name, line, text, message):
    path = dumped(folder, name.partition(".")[2]) / f"a.{name}"
    edit(path, line, text)
    with pytest.raises(bs.FileError) as caught:
        bs.verify_dump(folder, path.parent)
    assert str(caught.value).startswith(f"{path}{message}")


def test_files_that_are_missing_foreign_or_there_twice_are_refused(capsys, tmp_path, folder):
    dump = dumped(folder)
    (dump / "a.spikes.hex").unlink()
    (line,) = refused(capsys, tmp_path, "verify", folder, dump)
    assert line == f"{dump}: found no a.spikes; allowed: a.spikes.hex or a.spikes.bin or a.spikes.csv"
    (line,) = refused(capsys, tmp_path, "verify", folder, dump / "a.spikes.hex")
    assert line == f"{dump}/a.spikes.hex: no such file"
    (line,) = refused(capsys, tmp_path, "verify", folder, folder / "stimulus/input.hex")
    assert line.startswith(f"{folder}/stimulus/input.hex: found a file of that name; allowed: one of a.accumulator, ")
    (line,) = refused(capsys, tmp_path, "verify", folder, folder / "expected")
    assert " twice; allowed: once, as " in line
    (line,) = refused(capsys, tmp_path, "verify", dump, dump)
    assert line == f"{dump}/manifest.json: no such file"


def test_binary_files_are_refused(capsys, tmp_path, folder):
    path = dumped(folder) / "a.spikes.hex"
    path.write_bytes(b"\xff\x00\x01")
    (line,) = refused(capsys, tmp_path, "verify", folder, path)
    assert line == f"{path}: damaged: not ASCII text"


def test_the_command_line_writes_verifies_and_names_the_bit(capsys, tmp_path):
    bs.save_network(generic(), tmp_path / "net.npz")
    np.save(tmp_path / "in.npy", SPIKES)
    folder = tmp_path / "v"
    chosen = ("--layer", "a:1", "--register", "membrane", "--sample", 1)
    ran = bitspike(capsys, "vectors", tmp_path / "net.npz", tmp_path / "in.npy", "-o", folder, *chosen)
    files = "stimulus/input.hex, stimulus/input.csv, expected/a.membrane.hex, expected/a.membrane.csv"
    assert (ran.status, ran.err) == (0, "")
    assert ran.out == f"{folder}: {files}, network.npz, manifest.json\n"
    dump = dumped(folder)
    ran = bitspike(capsys, "verify", folder, dump)
    assert (ran.status, ran.out) == (0, f"{dump}: equal: 3 values of 1 samples, 3 steps (a.membrane)\n")
    edit(dump / "a.membrane.hex", 2, "x000")
    ran = bitspike(capsys, "verify", folder, dump)
    assert (ran.status, ran.err) == (1, "")
    assert ran.out.startswith(f"{dump}: first difference at step 1, layer a, neuron 1, register membrane, sample 1\n")
    ran = bitspike(capsys, "verify", folder, dump, "--json")
    assert (ran.status, '"xxxx000000000000"' in ran.out) == (1, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--layer", "a:0..7"], "layer 'a': neuron: found 2; allowed: 0 to 1"),
        (["--layer", "a:1..0"], "--layer: found 'a:1..0'; allowed: NAME, or NAME:NEURONS such as 0..7,12"),
        (["--layer", "a:"], "--layer: found 'a:'; allowed: NAME, or NAME:NEURONS such as 0..7,12"),
        (["--layer", "a", "--layer", "a:1"], "--layer: found 'a' twice; allowed: once, such as a:0..7,12"),
        (["--register", "x"], "register: found 'x'; allowed: accumulator, membrane, spikes"),
        (["--sample", "2"], "sample: found 2; allowed: 0 to 1"),
    ],
)
def test_options_that_choose_nothing_are_refused(capsys, tmp_path, options, message):
    bs.save_network(generic(), tmp_path / "net.npz")
    np.save(tmp_path / "in.npy", SPIKES)
    arguments = ("vectors", tmp_path / "net.npz", tmp_path / "in.npy", "-o", tmp_path / "v")
    assert refused(capsys, tmp_path, *arguments, *options) == [message]


def test_a_profiles_options_are_refused_with_a_dump(capsys, tmp_path, folder):
    for option in (["--engine", "array"], ["--no-limits"]):
        (line,) = refused(capsys, tmp_path, "verify", folder, dumped(folder), *option)
        assert line == f"{option[0]}: allowed only with a profile; '{folder}' is a folder of vectors"


ODD_TEXT = st.text(st.sampled_from("0123456789abfgxXzZ_ ,\t\n/.@-+\x00\x0b\x1c"), max_size=60)


@settings(max_examples=100)
@given(suffix=st.sampled_from(["hex", "bin", "csv"]), start=st.integers(0, 40), text=ODD_TEXT)
def test_whatever_a_file_holds_is_compared_or_refused(shared, suffix, start, text):
    folder, good = shared
    path = folder.parent / f"a.membrane.{suffix}"
    path.write_text(good[suffix][:start] + text + good[suffix][start:])
    try:
        said = str(bs.verify_dump(folder, path))
    except bs.FileError as error:
        said = str(error)
    assert said.startswith((f"{path}:", "equal: 12 values of ", "first difference at "))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder of vectors, and a good dump's membranes as text."""
    folder = tmp_path_factory.mktemp("odd") / "v"
    bs.write_bench(folder, generic(), SPIKES)
    return folder, {s: (dumped(folder, s) / f"a.membrane.{s}").read_text() for s in ("hex", "bin", "csv")}


def test_events_are_written_verified_and_drawn_by_the_command_line(capsys, tmp_path):
    net, stream, _ = case("a queue")
    bs.save_network(net, tmp_path / "core.npz")
    bs.write_event_file(tmp_path / "events.csv", stream)
    folder, picture = tmp_path / "v", tmp_path / "t.vcd"
    assert bitspike(capsys, "vectors", tmp_path / "core.npz", tmp_path / "events.csv", "-o", folder).status == 0
    dump = dumped(folder, "csv")
    values = "1 samples, 12 events (core.membrane, core.spikes)"
    ran = bitspike(capsys, "verify", folder, dump)
    assert (ran.status, ran.out) == (0, f"{dump}: equal: 144 values of {values}\n")
    row = (dump / "core.membrane.csv").read_text().splitlines()[3].split(",")
    edit(dump / "core.membrane.csv", 4, ",".join([*row[:-1], str(int(row[-1]) ^ 1)]))
    ran = bitspike(capsys, "verify", folder, dump)
    first = "first difference at event 2, layer core, neuron 5, register membrane, sample 0"
    assert (ran.status, ran.out.splitlines()[0]) == (1, f"{dump}: {first}")
    ran = bitspike(capsys, "trace", tmp_path / "core.npz", tmp_path / "events.csv", "--vcd", picture)
    assert (ran.status, ran.out) == (0, f"{picture}: 12 signals, 12 events\n")
    assert "a unit of time is one event" in picture.read_text()
