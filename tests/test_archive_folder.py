"""A folder of files: all of them or none, and the last one says that the folder is whole."""

import errno
import os
from pathlib import Path

import bitspike as bs
import pytest
from bitspike.archive import write_folder


def folder_of(path):
    return {str(each.relative_to(path)): each.read_text() for each in path.rglob("*") if each.is_file()}


def test_a_folder_is_written_over_and_what_else_it_holds_stays(tmp_path):
    write_folder(tmp_path / "new" / "out", {"a.hex": "1\n", "memory/b.hex": "2\n", "report.json": "{}\n"})
    (tmp_path / "new" / "out" / "mine.c").write_text("mine")
    write_folder(tmp_path / "new" / "out", {"a.hex": "3\n", "report.json": "{}\n"})
    files = {"a.hex": "3\n", "memory/b.hex": "2\n", "report.json": "{}\n", "mine.c": "mine"}
    assert folder_of(tmp_path / "new" / "out") == files


def test_a_disk_that_becomes_full_leaves_a_folder_as_it_was(tmp_path, monkeypatch):
    write_folder(tmp_path / "out", {"a.hex": "1\n", "report.json": "{}\n"})
    before = folder_of(tmp_path)

    def full(self, content):
        if self.name == "b.hex":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return plainly(self, content)

    plainly = Path.write_bytes
    monkeypatch.setattr(Path, "write_bytes", full)
    for name in ("out", "new"):
        with pytest.raises(bs.FileError, match=f"{name}: cannot be written: No space left on device"):
            write_folder(tmp_path / name, {"a.hex": "2\n", "b.hex": "2\n", "report.json": "[]\n"})
    assert folder_of(tmp_path) == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_folder_without_its_last_file_is_not_whole(tmp_path, monkeypatch):
    write_folder(tmp_path / "out", {"a.hex": "1\n", "report.json": "{}\n"})

    def stuck(source, target):
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "replace", stuck)
    with pytest.raises(bs.FileError, match="cannot be written"):
        write_folder(tmp_path / "out", {"a.hex": "2\n", "report.json": "[]\n"})
    assert folder_of(tmp_path / "out") == {"a.hex": "1\n"}
