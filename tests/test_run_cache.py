"""Compiled kernels survive a damaged cache and a home that cannot be written."""

import ctypes
import os
import subprocess
import sys

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


def source() -> str:
    """A kernel that writes 7 where its argument says."""
    code = Code(["place"])
    code.row("place", "int64").set(I64(0), I64(7))
    return code.finish()


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
    monkeypatch.setattr(cache.tempfile, "mkdtemp", lambda prefix: os.fspath(tmp_path))
    assert cache.cache_folder() == tmp_path
    assert bs.run(generic(), [[1, 1]]).spikes.shape == (1, 1, 2)


def test_a_cache_that_can_no_longer_be_written_still_runs(folder, monkeypatch):
    def refuse(path, content):
        raise bs.FileError(f"{path}: cannot be written")

    monkeypatch.setattr(cache, "write_bytes", refuse)
    assert seven() == 7


def test_processes_that_compile_at_once_share_one_whole_kernel(folder):
    run = [sys.executable, "-c", PROGRAM]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    together = [subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert [process.communicate(timeout=120)[0] for process in together] == ["(1, 1, 2)\n"] * 2
    kept = list(folder.glob("*"))
    assert [path.suffix for path in kept] == [".o"]
    assert subprocess.run(run, env=environment, capture_output=True, text=True, check=True).stdout == "(1, 1, 2)\n"


def test_an_address_is_only_taken_of_contiguous_arrays():
    assert isinstance(ctypes.c_void_p(cache.address(np.zeros(4))).value, int)
    with pytest.raises(AssertionError):
        cache.address(np.zeros((4, 4))[:, 1])
