"""Files: written whole or not at all; what is damaged, hostile or foreign is one FileError."""

import io
import os
import pickle
import zipfile

import bitspike as bs
import numpy as np
import pytest
from bitspike import archive
from builders import generic


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


def member(path, name, content):
    """Replace the members of a file by one of any content."""
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(name, content)


def npy(header):
    """An .npy file of eight bytes under any header text."""
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + bytes(8)


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
