"""Compiled kernels survive a damaged cache and a home that cannot be written."""

import ctypes
import logging
import os
import subprocess
import sys
import time
from pathlib import Path

import bitspike as bs
import numpy as np
import pytest
from bitspike.engine import cache
from bitspike.ops.code import I64, Code
from builders import generic

PROGRAM = """
import bitspike as bs, numpy as np
from builders import generic
print(bs.run(generic(), [[1, 1]]).spikes.shape)
"""
OF_A_RUN = 3  # kernels: the layer's, the input's, and the one that calls them


def source() -> str:
    """A kernel that writes 7 where its argument says."""
    code = Code(["place"])
    code.row("place", "int64").set(I64(0), I64(7))
    return code.finish()


def environment_of_tests():
    """The environment, with these tests' modules within reach."""
    return {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}


def seven(key: str = "seven") -> int:
    """What the kernel writes."""
    found = np.zeros(1, np.int64)
    arguments = np.array([found.ctypes.data], np.int64)
    cache.compiled(key, source)(arguments.ctypes.data)
    return int(found[0])


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """An empty cache; nothing is remembered from test to test, and nothing of these tests afterwards."""
    monkeypatch.setenv("BITSPIKE_CACHE_DIR", str(tmp_path / "kernels"))
    loaded = dict(cache._LOADED)
    cache.cache_folder.cache_clear()
    cache._LOADED.clear()
    yield tmp_path / "kernels"
    cache.cache_folder.cache_clear()
    cache._LOADED.update(loaded)


def test_a_kernel_is_kept_in_the_folder_that_is_named_and_compiled_once(folder, monkeypatch):
    assert seven() == 7
    (kept,) = folder.glob("*.o")
    cache._LOADED.clear()
    monkeypatch.setattr(cache, "object_code", lambda text: pytest.fail("compiled again"))
    assert seven() == 7
    assert list(folder.glob("*")) == [kept]


@pytest.mark.parametrize("damage", [b"", b"\xff\x00", b"x" * 5000], ids=["empty", "short", "other"])
def test_a_damaged_kernel_is_compiled_anew(folder, damage):
    seven()
    (kept,) = folder.glob("*.o")
    whole = kept.read_bytes()
    kept.write_bytes(damage)
    cache._LOADED.clear()
    assert seven() == 7
    assert kept.read_bytes() == whole


def test_a_truncated_kernel_is_compiled_anew(folder):
    seven()
    (kept,) = folder.glob("*.o")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1])
    cache._LOADED.clear()
    assert seven() == 7
    assert kept.read_bytes() == whole


def test_a_kernel_of_another_processor_is_not_used(folder, monkeypatch):
    seven()
    cache._LOADED.clear()
    monkeypatch.setattr(cache, "_host", lambda: "another")
    assert seven() == 7
    assert len(list(folder.glob("*.o"))) == 2


def test_a_cache_that_cannot_be_made_is_replaced_by_a_temporary_one(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BITSPIKE_CACHE_DIR", str(tmp_path / "file" / "kernels"))
    assert cache.cache_folder() == Path(cache._temporary().name)
    assert bs.run(generic(), [[1, 1]]).spikes.shape == (1, 1, 2)


def test_a_temporary_cache_goes_when_the_process_ends(tmp_path):
    (tmp_path / "home").write_text("")
    (tmp_path / "temporary").mkdir()
    homes = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "LOCALAPPDATA"), str(tmp_path / "home" / "below"))
    environment = {k: v for k, v in environment_of_tests().items() if k != "BITSPIKE_CACHE_DIR"}
    environment |= homes | {"TMPDIR": str(tmp_path / "temporary")}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("(1, 1, 2)\n", "")
    assert list((tmp_path / "temporary").iterdir()) == []


def test_where_no_folder_can_be_written_kernels_are_compiled_all_the_same(tmp_path, monkeypatch, caplog):
    def refuse(**options):
        raise FileNotFoundError("no usable temporary directory")

    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BITSPIKE_CACHE_DIR", str(tmp_path / "file" / "kernels"))
    monkeypatch.setattr(cache, "_temporary", refuse)
    with caplog.at_level(logging.INFO, "bitspike"):
        assert seven() == 7
    assert "not kept" in caplog.text


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_replaced_by_a_temporary_one(folder):
    folder.mkdir(mode=0o500)
    assert seven() == 7
    assert list(folder.iterdir()) == []


def test_nothing_is_written_beside_the_package(folder):
    package = Path(bs.__file__).parent
    environment = environment_of_tests() | {"PYTHONDONTWRITEBYTECODE": "1"}

    def files():
        return {str(path): path.stat().st_mtime_ns for path in package.rglob("*")}

    before = files()
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, check=True)
    assert files() == before
    assert len(list(folder.glob("*.o"))) == OF_A_RUN


def test_a_cache_that_can_no_longer_be_written_still_runs(folder, monkeypatch):
    def refuse(path, content):
        raise bs.FileError(f"{path}: cannot be written")

    monkeypatch.setattr(cache, "write_bytes", refuse)
    assert seven() == 7


def test_processes_that_compile_at_once_share_whole_kernels(folder):
    run = [sys.executable, "-c", PROGRAM]
    environment = environment_of_tests()
    together = [subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0] for process in together] == ["(1, 1, 2)\n"] * 2
    kept = list(folder.glob("*"))
    assert [path.suffix for path in kept] == [".o"] * OF_A_RUN
    assert subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout == "(1, 1, 2)\n"


def test_an_address_is_only_taken_of_contiguous_arrays():
    assert isinstance(ctypes.c_void_p(cache.address(np.zeros(4))).value, int)
    with pytest.raises(AssertionError):
        cache.address(np.zeros((4, 4))[:, 1])


def test_a_compilation_is_told_to_who_listens_and_a_kernel_that_is_found_is_not(folder, caplog):
    with caplog.at_level(logging.INFO, "bitspike"):
        seven()
        cache._LOADED.clear()
        seven()
    (told,) = caplog.records
    assert (told.levelname, told.name.split(".")[0]) == ("INFO", "bitspike")
    assert told.getMessage() == f"compiling a kernel for this processor; kernels are kept in {folder}"


def aged(folder, *keys):
    """Kernels of these keys, each a minute younger than the one before; their files, in order."""
    files = []
    for age, key in enumerate(reversed(keys), 1):
        before = set(folder.glob("*.o"))
        seven(key)
        (new,) = set(folder.glob("*.o")) - before
        os.utime(new, (time.time() - 60 * age,) * 2)
        files.insert(0, new)
    return files


def test_kernels_that_were_used_longest_ago_make_room(folder, monkeypatch):
    oldest, older, old = aged(folder, "a", "b", "c")
    monkeypatch.setattr(cache, "MOST_BYTES", 3 * old.stat().st_size)
    cache._LOADED.clear()
    seven("a")  # used again: now the youngest
    assert {oldest, older, old} == set(folder.glob("*.o"))
    seven("d")
    assert not older.exists()
    assert oldest.exists()
    assert old.exists()
    assert len(list(folder.glob("*.o"))) == 3


def test_what_vanishes_while_room_is_made_does_no_harm(folder, monkeypatch):
    (old,) = aged(folder, "a")
    (folder / "vanished.o").symlink_to(folder / "nowhere")
    monkeypatch.setattr(cache, "MOST_BYTES", old.stat().st_size)
    assert seven("b") == 7
    assert not old.exists()


def test_what_a_writer_that_died_left_goes_and_what_one_is_writing_stays(folder):
    seven("a")
    dead, alive = (folder / f".{name}.o.1.partial" for name in ("dead", "alive"))
    dead.write_bytes(b"half")
    alive.write_bytes(b"half")
    os.utime(dead, (time.time() - 2 * cache._ABANDONED,) * 2)
    seven("b")
    assert not dead.exists()
    assert alive.exists()
