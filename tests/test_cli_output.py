"""`-o`: refused before the work where it cannot be written, and whole or unchanged where writing fails."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import bitspike as bs
import pytest
from bitspike import cli
from command_line import bitspike, contents, recipe, refused, small, spikes, train_on_few

FULL, NO_FILE = os.strerror(errno.ENOSPC), os.strerror(errno.ENOENT)


@pytest.fixture
def commands(tmp_path):
    """By verb, a command that lacks only its output, and what must not start if that cannot be written."""
    net, counts = small(tmp_path / "net.npz"), spikes(tmp_path / "in.npy")
    return {
        "run": ["run", net, "--data", counts, "-o"],
        "npz": ["export", net, "--format", "npz", "-o"],
        "readmemh": ["export", net, "--format", "readmemh", "-o"],
        "train": ["train", recipe(tmp_path / "tiny.yaml"), "-o"],
        "demo": ["demo", "--recipe", tmp_path / "tiny.yaml", "-o"],
    }


@pytest.fixture
def idle(monkeypatch):
    """Neither a run nor a training may start."""

    def start(*arguments, **options):
        raise AssertionError("the work started before its output was known to be writable")

    monkeypatch.setattr(cli.run, "run", start)
    monkeypatch.setattr(cli.train, "train_recipe", start)
    monkeypatch.setattr(cli.demo, "train_recipe", start)


def fill_the_disk(monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, FULL)

    monkeypatch.setattr(os, "fsync", full)
    monkeypatch.setattr(Path, "write_bytes", full)


@pytest.mark.parametrize("verb", ["run", "train"])
@pytest.mark.usefixtures("idle")
def test_a_missing_folder_is_refused_before_the_work(capsys, tmp_path, commands, verb):
    path = tmp_path / "no" / "out.npz"
    assert refused(capsys, tmp_path, *commands[verb], path) == [f"{path}: cannot be written: no such folder"]


def test_an_export_to_a_missing_folder_is_refused(capsys, tmp_path, commands):
    path = tmp_path / "no" / "out.npz"
    assert refused(capsys, tmp_path, *commands["npz"], path) == [f"{path}: cannot be written: {NO_FILE}"]


@pytest.mark.parametrize("verb", ["run", "train"])
@pytest.mark.usefixtures("idle")
def test_a_read_only_folder_is_refused_before_the_work(capsys, tmp_path, commands, monkeypatch, verb):
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    path = tmp_path / "out.npz"
    assert refused(capsys, tmp_path, *commands[verb], path) == [
        f"{path}: cannot be written: the folder is read-only"
    ]  # fmt: skip


@pytest.mark.usefixtures("idle")
def test_a_read_only_folder_is_refused_before_the_demonstration(capsys, tmp_path, commands, monkeypatch):
    pytest.importorskip("bitspike.training.loop")
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    (line,) = refused(capsys, tmp_path, *commands["demo"], tmp_path / "out")
    assert line.endswith(": cannot be written: the folder is read-only")


@pytest.mark.parametrize("verb", ["run", "train"])
@pytest.mark.usefixtures("idle")
def test_a_folder_in_place_of_the_file_is_refused_before_the_work(capsys, tmp_path, commands, verb):
    assert refused(capsys, tmp_path, *commands[verb], tmp_path) == [f"{tmp_path}: found a folder; allowed: a file"]


def test_an_export_onto_a_folder_is_refused(capsys, tmp_path, commands):
    (tmp_path / "out").mkdir()
    (line,) = refused(capsys, tmp_path, *commands["npz"], tmp_path / "out")
    assert line.startswith(f"{tmp_path / 'out'}: ")


@pytest.mark.parametrize("verb", ["readmemh", "demo"])
def test_a_file_in_place_of_the_folder_is_refused(capsys, tmp_path, commands, verb):
    if verb == "demo":
        pytest.importorskip("bitspike.training.loop")
    path = tmp_path / "net.npz"
    (line,) = refused(capsys, tmp_path, *commands[verb], path)
    assert line.startswith(f"{path}: cannot be written: ")


@pytest.mark.parametrize("verb", ["run", "train"])
@pytest.mark.usefixtures("idle")
def test_a_device_is_never_replaced(capsys, commands, verb):
    if not os.path.exists(os.devnull):
        pytest.skip("needs a device file")
    ran = bitspike(capsys, *commands[verb], os.devnull)
    assert (ran.status, ran.out) == (2, "")
    assert ran.errors == [f"{os.devnull}: found no regular file; allowed: a file"]


@pytest.mark.parametrize("verb", ["run", "npz", "train"])
def test_on_a_full_disk_the_old_file_is_unchanged(capsys, tmp_path, commands, monkeypatch, verb):
    if verb == "train":
        pytest.importorskip("bitspike.training.loop")
        train_on_few(monkeypatch)
    path = tmp_path / "out.npz"
    path.write_bytes(b"what was there before")
    fill_the_disk(monkeypatch)
    first = f"{path}.checkpoint" if verb == "train" else path
    assert refused(capsys, tmp_path, *commands[verb], path) == [f"{first}: cannot be written: {FULL}"]


def test_on_a_full_disk_memory_images_stay_as_they_were(capsys, tmp_path, commands, monkeypatch):
    folder = tmp_path / "images"
    assert bitspike(capsys, *commands["readmemh"], folder).status == 0
    before = contents(tmp_path)
    fill_the_disk(monkeypatch)
    ran = bitspike(capsys, *commands["readmemh"], folder)
    assert (ran.status, ran.out) == (2, "")
    (line,) = ran.errors
    assert line.endswith(f": cannot be written: {FULL}")
    assert contents(tmp_path) == before


def test_a_run_replaces_its_output_whole(capsys, tmp_path, commands):
    path = tmp_path / "out.npz"
    path.write_bytes(b"what was there before")
    assert bitspike(capsys, *commands["run"], path).status == 0
    assert list(bs.load_trace(path).layers) == ["a"]
    assert not [name for name in contents(tmp_path) if "partial" in name]


@pytest.mark.usefixtures("idle")
def test_a_faulty_recipe_leaves_no_folder_behind(capsys, tmp_path, commands):
    pytest.importorskip("bitspike.training.loop")
    recipe(tmp_path / "tiny.yaml", ("epochs: 1", "epochs: 0"))
    (line,) = refused(capsys, tmp_path, *commands["demo"], tmp_path / "new")
    assert ": epochs: found 0; allowed: " in line
