"""Clocked golden vectors on a device of torch: the CPU here, which runs the same code as a GPU.

Every sixth, as torch needs minutes for all; all of them with BITSPIKE_DEVICE_VECTORS=all.
"""

import os
from functools import partial

import bitspike as bs
import pytest
import test_cores
import test_loihi
import test_xylo
from vectors import load

pytest.importorskip("torch")

CASES = [("xylo", path) for path in test_xylo.FILES] + test_loihi.FILES + test_cores.FILES

CASES = CASES if os.environ.get("BITSPIKE_DEVICE_VECTORS") == "all" else CASES[::6]


@pytest.fixture(autouse=True)
def everything_runs_on_the_device(monkeypatch):
    monkeypatch.setattr(bs, "run", partial(bs.run, device="cpu"))


@pytest.mark.parametrize(("chip", "path"), CASES, ids=[f"{chip}-{path.stem}" for chip, path in CASES])
def test_the_device_equals_the_source(chip, path):
    vectors = load(path)
    if chip == "xylo":
        test_xylo.assert_equal(vectors, "compiled")
    elif chip in test_loihi.ADAPTERS:
        test_loihi.assert_equal(chip, vectors, "compiled")
    else:
        adapter = test_cores.ADAPTERS[chip]
        test_cores.assert_equal(adapter.expected(vectors), adapter.computed(vectors, "compiled"))
