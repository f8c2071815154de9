"""Network files: what is written is read back; what is damaged, hostile or foreign is one FileError."""

import io
import json
import os
import pickle
import zipfile

import bitspike as bs
import numpy as np
import pytest
from bitspike import archive
from builders import edited, generic, random_generic, random_xylo


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A network and the bytes of its file."""
    path = tmp_path_factory.mktemp("written") / "net.npz"
    network = generic()
    bs.save_network(network, path)
    return network, path.read_bytes()


@pytest.fixture
def file(tmp_path, written):
    """A good network file, to be spoilt."""
    path = tmp_path / "net.npz"
    path.write_bytes(written[1])
    return path


def refused(path, load=bs.load_network):
    with pytest.raises(bs.FileError) as caught:
        load(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def rewrite(path, change, checksum=True):
    """Change a file's header and arrays as someone would who knows the format."""
    with np.load(path) as file:
        arrays = dict(file)
    header = json.loads(arrays.pop("header").tobytes())
    change(header, arrays)
    if checksum:
        header["checksum"] = archive.checksum(header, arrays)
    np.savez(path, header=np.frombuffer(json.dumps(header).encode(), np.uint8), **arrays)


def member(path, name, content):
    """Replace the members of a file by one of any content."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, content)


def npy(header):
    """An .npy file of eight bytes under any header text."""
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8)


@pytest.mark.parametrize("network", [generic(), random_generic(3), random_xylo(3)], ids=repr)
def test_a_network_is_read_back_equal(network, tmp_path):
    bs.save_network(network, tmp_path / "net.npz")
    assert bs.load_network(tmp_path / "net.npz") == network


def test_the_task_and_the_limits_flag_are_read_back(tmp_path):
    network = generic(task={"classes": ["a", "b"]}, limits=False)
    bs.save_network(network, tmp_path / "net.npz")
    back = bs.load_network(tmp_path / "net.npz")
    assert back.task == {"classes": ["a", "b"]}
    assert not back.limits


def test_a_flipped_byte_is_refused_or_changes_nothing(file, written):
    network, content = written
    outcomes = set()
    for place in range(0, len(content), 97):
        file.write_bytes(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        try:
            outcomes.add(bs.load_network(file) == network)
        except bs.FileError:
            outcomes.add("refused")
    assert outcomes <= {True, "refused"}
    assert "refused" in outcomes


def test_a_file_cut_anywhere_is_refused(file, written):
    for length in range(0, len(written[1]), 97):
        file.write_bytes(written[1][:length])
        assert refused(file) == "damaged, or not an .npz file"


@pytest.mark.parametrize("content", [b"", b"a text\n", pickle.dumps([1, 2]), b"PK\x05\x06" + b"\xff" * 18])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    assert refused(path) == "damaged, or not an .npz file"


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert refused(tmp_path / "none.npz") == "no such file"
    assert refused(tmp_path) == "cannot be read: Is a directory"


def test_objects_are_never_unpickled(tmp_path):
    path = tmp_path / "objects.npz"
    np.savez(path, header=np.array([{"a": 1}], dtype=object))
    assert refused(path) == "header.npy: found object values; only integers are read"


def test_floats_are_refused(tmp_path):
    np.savez(tmp_path / "floats.npz", weights=np.ones(3))
    assert refused(tmp_path / "floats.npz") == "weights.npy: found float64 values; only integers are read"


def test_an_npz_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", weights=np.ones(3, int))
    assert refused(tmp_path / "other.npz") == "not a bitspike network file"
    member(tmp_path / "zip.npz", "readme.txt", "hello")
    assert refused(tmp_path / "zip.npz") == "holds 'readme.txt', which is no array"


def test_a_network_is_no_trace(file):
    assert refused(file, bs.load_trace) == "not a bitspike trace file: it says 'bitspike-network'"


def test_a_file_that_declares_too_much_is_refused(file, monkeypatch):
    monkeypatch.setattr(archive, "MAX_BYTES", 1000)
    assert refused(file).endswith("bytes; at most 1,000 are read")


def declare(path, size):
    """Let a zip file's directory say that each member unpacks to `size` bytes."""
    content = bytearray(path.read_bytes())
    entry = content.find(b"PK\x01\x02")
    while entry >= 0:
        content[entry + 24 : entry + 28] = size.to_bytes(4, "little")
        entry = content.find(b"PK\x01\x02", entry + 1)
    path.write_bytes(content)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.npy", b"")
        file.writestr("b.npy", b"")
    declare(path, 0xFFFFFFFE)
    assert refused(path) == "would unpack to 8,589,934,588 bytes; at most 4,294,967,296 are read"


def test_an_array_never_unpacks_beyond_its_declared_size(tmp_path):
    path = tmp_path / "liar.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.npy", bytes(100_000))
    declare(path, 100)
    assert refused(path) == "damaged, or not an .npz file"


def test_a_compression_that_is_not_used_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "bz.npz", "w", zipfile.ZIP_BZIP2) as file:
        file.writestr("a.npy", b"x")
    assert refused(tmp_path / "bz.npz") == "a.npy: compressed in a way that is not read"


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'descr': '<i8', 'fortran_order': False, 'shape': (2,)}", "shape (2,) of int64 does not match its 8 bytes"),
        ("{'descr': '|i1', 'fortran_order': False, 'shape': (-1, -8)}", "shape (-1, -8) of int8 does not match"),
        ("{'descr': '|i1', 'fortran_order': False, 'shape': (8,)}" + "(" * 40, "damaged array header"),
        ("{'descr': '|i1', 'fortran_order': False, 'shape': (8L,)}", "damaged array header"),
        ("{'descr': '|i1', 'fortran_order': False}", "damaged array header"),
        ("{'descr': '|i1', 'fortran_order': False, 'shape': (%s8,)}" % ("1," * 20), "shape (1, 1, 1"),
    ],
)
def test_an_array_whose_header_lies_is_refused(tmp_path, header, message):
    path = tmp_path / "lies.npz"
    member(path, "a.npy", npy(header))
    found = refused(path)
    assert found.startswith(f"a.npy: {message}") or found == "not a bitspike network file"


def test_an_empty_array_of_an_impossible_shape_is_refused(tmp_path):
    shape = "{'descr': '|i1', 'fortran_order': False, 'shape': (0, 1180591620717411303424)}"
    member(tmp_path / "empty.npz", "a.npy", npy(shape)[:-8])
    assert refused(tmp_path / "empty.npz").endswith("is beyond what an array can have")


def test_a_header_nested_deep_is_refused(tmp_path):
    deep = b'{"a":' * 100_000
    np.savez(tmp_path / "deep.npz", header=np.frombuffer(deep, np.uint8))
    assert refused(tmp_path / "deep.npz") == "not a bitspike network file"


def test_another_schema_version_is_refused(file):
    rewrite(file, lambda header, arrays: header.update(schema=2))
    assert refused(file) == "schema version 2; this bitspike reads version 1"


def tamper(header, arrays):
    arrays["a.threshold"] = arrays["a.threshold"] + np.uint16(1)


def test_a_tampered_array_is_refused(file):
    rewrite(file, tamper, checksum=False)
    assert refused(file) == "damaged: its content does not have the checksum it was written with"


def test_a_tampered_array_under_a_new_checksum_is_refused(file):
    rewrite(file, tamper)
    assert refused(file) == "the network does not have the hash it was written with"


def change_profile(header, *, digest):
    profile = edited("generic-w8-v16", ("neurons.neuron.registers.membrane", "s16.wrap"))
    header["profile"] = profile.to_json()
    if digest:
        header["profile_sha256"] = profile.digest


def test_another_profile_under_the_old_hash_is_refused(file):
    rewrite(file, lambda header, arrays: change_profile(header, digest=False))
    assert refused(file) == "its profile 'generic-w8-v16' does not have the hash it was written with"


def test_another_profile_under_its_own_hash_is_refused(file):
    rewrite(file, lambda header, arrays: change_profile(header, digest=True))
    assert refused(file) == "the network does not have the hash it was written with"


def test_a_profile_that_cannot_be_run_is_refused(file):
    broken = edited("generic-w8-v16", ("neurons.neuron.step.1.add.terms", ["acumulator"]))

    def change(header, arrays):
        header.update(profile=broken.to_json(), profile_sha256=broken.digest)

    rewrite(file, change)
    message = refused(file)
    assert message.startswith("its profile 'generic-w8-v16' cannot be run: neurons.neuron.step[1].add.terms[0]: ")
    assert message.endswith("Did you mean 'accumulator'?")


@pytest.mark.parametrize("profile", ["{", "{}", "[]", "[" * 100_000, 5])
def test_a_profile_that_is_none_is_refused(file, profile):
    rewrite(file, lambda header, arrays: header.update(profile=profile))
    message = refused(file)
    assert message.startswith(("holds a profile that this bitspike cannot read", "its header is incomplete"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda h, a: h.pop("populations"), "its header is incomplete: KeyError 'populations'"),
        (lambda h, a: h.update(populations=7), "its header is incomplete: TypeError"),
        (lambda h, a: h["populations"][0].update(neuron="x"), "its header is incomplete: KeyError 'x'"),
        (lambda h, a: h["populations"][0].update(size=10**12), "layer 'a': threshold: found shape (2,); allowed"),
        (lambda h, a: h["projections"][0].update(source=["input"]), "projection '['input']' to 'a': source: found"),
        (lambda h, a: h.update(task=5), "its header is incomplete: TypeError"),
        (lambda h, a: a.pop("a.leak"), "its header is incomplete: KeyError 'a.leak'"),
        (lambda h, a: a.update(other=np.zeros(2, int)), "holds arrays that belong to nothing: other"),
        (lambda h, a: a.update({"a.leak": np.array(3)}), "a.leak is a single value; an array is needed"),
    ],
)
def test_a_header_that_does_not_fit_its_arrays_is_refused(file, change, message):
    rewrite(file, change)
    assert refused(file).startswith(message)


def test_a_network_made_for_another_profile_is_refused(file, written):
    other = bs.load_profile("xylo-audio-2")
    with pytest.raises(bs.FileError) as caught:
        bs.load_network(file, profile=other)
    made_for = f"'generic-w8-v16' ({written[0].profile.digest[:12]})"
    assert str(caught.value) == f"{file}: made for profile {made_for}, not for 'xylo-audio-2' ({other.digest[:12]})"


def not_written(path):
    """The message of a failed save that left the folder as it was."""
    before = {entry: entry.read_bytes() for entry in path.parent.iterdir()}
    with pytest.raises(bs.FileError) as caught:
        bs.save_network(generic(threshold=1), path)
    assert {entry: entry.read_bytes() for entry in path.parent.iterdir()} == before
    return str(caught.value).removeprefix(f"{path}: ")


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_leaves_the_old_file_and_nothing_else(file, monkeypatch, call):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, call, full)
    assert not_written(file) == "cannot be written: No space left on device"


def test_a_disk_that_fills_up_while_writing_leaves_the_old_file(file, monkeypatch):
    class Full(io.FileIO):
        def write(self, data):
            if self.tell() > 500:
                raise OSError(28, "No space left on device")
            return super().write(data)

    monkeypatch.setattr(archive, "open", lambda path, mode: Full(path, mode), raising=False)
    assert not_written(file) == "cannot be written: No space left on device"


def test_a_read_only_folder_is_refused(file, monkeypatch):
    def denied(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(archive, "open", denied, raising=False)
    assert not_written(file) == "cannot be written: Permission denied"


def test_a_missing_folder_and_a_name_too_long_are_refused(tmp_path):
    with pytest.raises(bs.FileError, match="cannot be written: No such file or directory"):
        bs.save_network(generic(), tmp_path / "none" / "net.npz")
    with pytest.raises(bs.FileError, match="cannot be written: File name too long"):
        bs.save_network(generic(), tmp_path / ("n" * 250))


def test_a_folder_is_not_replaced(tmp_path):
    (tmp_path / "net.npz").mkdir()
    with pytest.raises(bs.FileError, match="cannot be written: Is a directory"):
        bs.save_network(generic(), tmp_path / "net.npz")
    assert [entry.name for entry in tmp_path.iterdir()] == ["net.npz"]


def test_an_interrupted_write_leaves_nothing(tmp_path):
    def interrupted():
        with archive.replacing(tmp_path / "net.npz") as partial:
            partial.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not list(tmp_path.iterdir())
