"""Compiled kernels survive a damaged cache and a home that cannot be written."""

import os

import bitspike as bs
import pytest
from bitspike.engine import cache
from builders import generic

SOURCE = "def kernel():\n    return 7\n"


@pytest.fixture(autouse=True)
def forget():
    """Nothing is remembered from test to test, and nothing of these tests afterwards."""
    cache.cache_folder.cache_clear()
    cache.compiled.cache_clear()
    yield
    cache.cache_folder.cache_clear()
    cache.compiled.cache_clear()


def test_kernels_are_kept_in_the_folder_that_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("BITSPIKE_CACHE_DIR", str(tmp_path / "kernels"))
    assert cache.compiled(SOURCE)() == 7
    assert [path.read_text() for path in (tmp_path / "kernels").glob("kernel_*.py")] == [SOURCE]


@pytest.mark.parametrize("damage", [b"def kernel():\n    return 8\n", b"\xff\x00", b""])
def test_a_damaged_kernel_is_written_anew(tmp_path, monkeypatch, damage):
    monkeypatch.setenv("BITSPIKE_CACHE_DIR", str(tmp_path))
    cache.compiled(SOURCE)
    (kernel,) = tmp_path.glob("kernel_*.py")
    kernel.write_bytes(damage)
    cache.compiled.cache_clear()
    assert cache.compiled(SOURCE)() == 7
    assert kernel.read_text() == SOURCE


def test_a_cache_that_cannot_be_made_is_replaced_by_a_temporary_one(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("BITSPIKE_CACHE_DIR", str(tmp_path / "file" / "kernels"))
    monkeypatch.setattr(cache.tempfile, "mkdtemp", lambda prefix: os.fspath(tmp_path))
    assert cache.cache_folder() == tmp_path
    assert bs.run(generic(), [[1, 1]]).spikes.shape == (1, 1, 2)
