"""`bitspike verify`: what it prints, how it ends, and files that are damaged or hostile."""

from __future__ import annotations

import json
import shutil
import zipfile
from io import BytesIO

import bitspike as bs
import numpy as np
import pytest
from builders import GENERIC
from command_line import HWCONFIGS, bitspike, refused
from recorded import core, keys, load, write

EQUAL = "equal: 16 values of 1 samples, 4 steps (a.membrane, a.spikes)"


@pytest.fixture
def good(tmp_path):
    return write(tmp_path / "good.npz", keys())


@pytest.fixture
def bad(tmp_path):
    """One bit of one membrane differs, and a later spike."""
    membranes, spikes = np.array(keys()["a.membrane"]), np.array(keys()["a.spikes"])
    membranes[2, 1] ^= 1 << 6
    spikes[3, 0] ^= 1
    return write(tmp_path / "bad.npz", keys(), a__membrane=membranes, a__spikes=spikes)


def test_equal_vectors_end_with_status_0(capsys, good):
    ran = bitspike(capsys, "verify", GENERIC, good)
    assert (ran.status, ran.out, ran.err) == (0, f"{good}: {EQUAL}\n", "")


@pytest.mark.parametrize("engine", ["compiled", "array", "oracle"])
def test_a_difference_ends_with_status_1_and_is_explained(capsys, bad, engine):
    ran = bitspike(capsys, "verify", GENERIC, bad, "--engine", engine)
    assert (ran.status, ran.err) == (1, "")
    lines = ran.out.splitlines()
    assert lines[0] == f"{bad}: first difference at step 2, layer a, neuron 1, register membrane, sample 0"
    assert lines[3:5] == [
        "  bit 6 differs",
        "  2 of 16 values differ, in 1 of 1 samples, 4 steps (a.membrane, a.spikes)",
    ]
    assert lines[6] == "what the profile computes for this neuron in this step:"
    assert [line[:10] for line in lines if line.startswith(">")] == ["> membrane"]
    assert lines[-1] == "  spikes: 0 -> 1 (00000001)  [u8]  emitted"


def test_a_profile_of_ones_own_is_read_from_its_file(capsys, tmp_path, good):
    mine = tmp_path / "mychip.yaml"
    text = (HWCONFIGS / f"{GENERIC}.yaml").read_text(encoding="utf-8")
    mine.write_text(text.replace("kind: shift, by: leak, rounding: floor", "kind: shift, by: leak, rounding: zero"))
    assert bitspike(capsys, "verify", mine, good).status == 1
    shutil.copy(HWCONFIGS / f"{GENERIC}.yaml", mine)
    assert bitspike(capsys, "verify", mine, good).status == 0


def test_a_folder_of_a_profiles_name_is_not_taken_for_vectors(capsys, tmp_path, good, monkeypatch):
    (tmp_path / GENERIC).mkdir()
    monkeypatch.chdir(tmp_path)
    assert bitspike(capsys, "verify", GENERIC, good).status == 0


def test_several_files_are_all_verified(capsys, good, bad):
    ran = bitspike(capsys, "verify", GENERIC, bad, good)
    assert ran.status == 1
    assert ran.out.startswith(f"{bad}: first difference at ")
    assert ran.out.endswith(f"\n{good}: {EQUAL}\n")
    assert bitspike(capsys, "verify", GENERIC, good, good).status == 0


def test_verify_as_json(capsys, good, bad):
    ran = bitspike(capsys, "verify", GENERIC, good, bad, "--json")
    found = json.loads(ran.out)
    first, second = found["files"]
    assert (ran.status, ran.err, found["equal"]) == (1, "", False)
    assert (first["equal"], first["first"], first["writes"], first["file"]) == (True, None, [], str(good))
    assert (first["values"], first["samples"], first["steps"], first["clock"]) == (16, 1, 4, "step")
    assert first["recorded"] == ["a.membrane", "a.spikes"]
    assert (second["equal"], second["different"], second["differing_samples"]) == (False, 2, [0])
    place = {key: second["first"][key] for key in ("step", "layer", "neuron", "register", "sample")}
    assert place == {"step": 2, "layer": "a", "neuron": 1, "register": "membrane", "sample": 0}
    assert second["first"]["differing_bits"] == [6]
    assert second["first"]["values"][0] == second["first"]["values"][1] ^ 64
    assert second["writes"][-1]["register"] == "spikes"
    assert json.loads(bitspike(capsys, "verify", GENERIC, good, "--json").out)["equal"] is True


def test_events_are_verified(capsys, tmp_path):
    path = write(tmp_path / "core.npz", core())
    ran = bitspike(capsys, "verify", "tinyodin", path)
    assert (ran.status, ran.out) == (
        0, f"{path}: equal: 24 values of 1 samples, 4 events (core.membrane, core.spikes)\n"
    )  # fmt: skip


def test_an_engine_that_runs_no_events_is_refused_with_the_files_name(capsys, tmp_path):
    path = write(tmp_path / "core.npz", core())
    (line,) = refused(capsys, tmp_path, "verify", "tinyodin", path, "--engine", "array")
    assert line.startswith(f"{path}: engine: found 'array'; allowed with clock: event: ")


def test_limits_can_be_left_out(capsys, tmp_path):
    wide = write(
        tmp_path / "wide.npz", {"a.threshold": np.ones(1025, int), "a.leak": 1, "a.spikes": [[0] * 1025]}, input=[[0]]
    )
    lines = refused(capsys, tmp_path, "verify", GENERIC, wide)
    assert lines == [f"{wide}: limits.neurons: 'neuron' needs 1025; allowed: 1024"]
    assert bitspike(capsys, "verify", GENERIC, wide, "--no-limits").status == 0


def test_an_overflow_that_the_profile_refuses_names_the_file(capsys, tmp_path, good):
    mine = tmp_path / "mychip.yaml"
    text = (HWCONFIGS / f"{GENERIC}.yaml").read_text(encoding="utf-8")
    mine.write_text(text.replace("accumulator: s16.saturate", "accumulator: s4.refuse"))
    lines = refused(capsys, tmp_path, "verify", mine, good)
    assert lines == [f"{good}: sample 0, step 1, layer a, accumulator: 15 does not fit s4.refuse, -8 to 7"]


def test_a_missing_file_and_a_missing_profile_are_refused(capsys, tmp_path, good):
    path = tmp_path / "no.npz"
    assert refused(capsys, tmp_path, "verify", GENERIC, path) == [f"{path}: no such file"]
    (line,) = refused(capsys, tmp_path, "verify", "generic-w8-v61", good)
    assert line.endswith("Did you mean 'generic-w8-v16'?")


def test_a_key_that_is_not_known_is_refused(capsys, tmp_path):
    path = write(tmp_path / "v.npz", keys(), a__treshold=9)
    lines = refused(capsys, tmp_path, "verify", GENERIC, path)
    assert lines == [f"{path}: a.treshold: no key of this profile and network. Did you mean 'threshold'?"]


def test_every_fault_of_a_network_is_a_line(capsys, tmp_path):
    path = write(tmp_path / "v.npz", keys(), a__threshold=-1, a__leak=16)
    assert refused(capsys, tmp_path, "verify", GENERIC, path) == [
        f"{path}: layer 'a': threshold: found -1; allowed: 0 to 32767 (u15)",
        f"{path}: layer 'a': leak: found 16; allowed: 0 to 15 (u4)",
    ]


def test_objects_are_never_unpickled(capsys, tmp_path):
    path = write(tmp_path / "v.npz", keys(), a__threshold=np.array([{"a": 1}, None], object))
    lines = refused(capsys, tmp_path, "verify", GENERIC, path)
    assert lines == [f"{path}: a.threshold.npy: found object values; only integers and text are read"]


HEADER = "{'descr': %s, 'fortran_order': False, 'shape': %s, }"


def npy(descr, shape, body=b""):
    """An .npy file under any header."""
    text = (HEADER % (descr, shape)).encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + body


HOSTILE = {
    "a shape beyond the file": ("a.initial.membrane.npy", npy("'<i8'", "(1000000000000,)")),
    "a shape beyond 64 bits": ("a.initial.membrane.npy", npy("'<i8'", "(99999999999999999999999,)")),
    "text beyond the file": ("a.class.npy", npy("'<U1000000000'", "()", bytes(8))),
    "no Unicode": ("a.class.npy", npy("'<U1'", "()", b"\xff" * 4)),
    "half a character": ("a.class.npy", npy("'<U1'", "()", b"\x00\xd8\x00\x00")),
    "text of no length": ("a.class.npy", npy("'<U0'", "()")),
    "a structure": ("a.initial.membrane.npy", npy("[('a', '<i8')]", "(1,)", bytes(8))),
    "bytes": ("a.class.npy", npy("'|S2'", "()", b"ab")),
    "a date": ("a.initial.membrane.npy", npy("'<M8[s]'", "(1,)", bytes(8))),
    "no array": ("readme.txt", b"hello"),
    "a key of nothing": (".npy", npy("'<i8'", "()", bytes(8))),
    "a key of dots": ("....npy", npy("'<i8'", "()", bytes(8))),
    "a key that cannot be printed": ("a.\n\x1b.npy", npy("'<i8'", "()", bytes(8))),
}


@pytest.mark.parametrize(("name", "content"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_member_is_refused_in_one_line(capsys, tmp_path, good, name, content):
    with zipfile.ZipFile(good, "a") as file:
        file.writestr(name, content)
    lines = refused(capsys, tmp_path, "verify", GENERIC, good)
    assert len(lines) == 1
    assert lines[0].startswith(f"{good}: ")


@pytest.mark.parametrize("content", [b"", b"text\n", b"PK\x03\x04 and no more", b"PK\x05\x06" + b"\xff" * 18])
def test_a_file_that_is_no_npz_is_refused(capsys, tmp_path, content):
    path = tmp_path / "v.npz"
    path.write_bytes(content)
    assert refused(capsys, tmp_path, "verify", GENERIC, path) == [f"{path}: damaged, or not an .npz file"]


def test_a_file_that_is_cut_or_changed_anywhere_ends_without_a_traceback(capsys, tmp_path, good):
    content, statuses = good.read_bytes(), set()
    path = tmp_path / "v.npz"
    for place in range(0, len(content), 61):
        for spoilt in (content[:place], content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :]):
            path.write_bytes(spoilt)
            ran = bitspike(capsys, "verify", GENERIC, path)
            assert (ran.status == 2) == (ran.out == "") == (ran.err != "")
            statuses.add(ran.status)
    assert 2 in statuses


SHAPES = [f"convolution.{key}" for key in ("input_shape", "stride", "padding", "dilation", "groups")]
SHAPES += [f"pooling.{key}" for key in ("input_shape", "size", "stride")] + ["sparse.pre", "sparse.post"]
FURTHER = [f"{pair}.{key}" for pair in ("input-a", "a-a") for key in (*SHAPES, "weights", "via", "delays")]
FURTHER += ["a.class", "a.aliases", "a.initial.membrane", "a.initial.spikes", "a.initial.past", "input.initial.spikes"]
FURTHER += ["core.class", "core.initial.membrane", "value.open_loop", "events.kind", "events.source", "b.leak", "x"]


def anything(rng):
    """An array of any type and shape that is read, or none."""
    values = rng.integers(-1, 4, rng.integers(0, 4, rng.integers(0, 5)))
    kind = rng.choice(["int8", "uint64", "bool", "U7", "float32", "none"], p=[0.6, 0.1, 0.1, 0.1, 0.05, 0.05])
    return None if kind == "none" else values.astype(kind)


@pytest.mark.parametrize(("profile", "arrays"), [(GENERIC, keys()), ("tinyodin", core())], ids=["step", "event"])
def test_arrays_of_any_shape_under_any_key_end_without_a_traceback(tmp_path, profile, arrays):
    rng, outcomes, chip = np.random.default_rng(0), set(), bs.load_profile(profile)
    for _ in range(400):
        spoilt = {key: anything(rng) for key in rng.choice([*arrays, *FURTHER], rng.integers(1, 3))}
        path = write(tmp_path / "v.npz", {key: value for key, value in (arrays | spoilt).items() if value is not None})
        try:
            outcomes.add(bs.verify(load(path, chip), engine="oracle").equal)
        except bs.BitspikeError as error:
            outcomes.add(type(error))
    assert outcomes >= {bs.FileError, bs.NetworkError, False}


def test_what_numpy_writes_compressed_is_read(capsys, tmp_path):
    buffer = BytesIO()
    np.savez_compressed(buffer, **{name: np.asarray(value, order="F") for name, value in keys().items()})
    (tmp_path / "v.npz").write_bytes(buffer.getvalue())
    assert bitspike(capsys, "verify", GENERIC, tmp_path / "v.npz").status == 0
