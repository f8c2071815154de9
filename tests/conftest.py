import os

import numpy as np
import pytest
from hypothesis import settings

settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("here", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "here")

SLOW = ("test_cli", "test_training", "test_gradient", "test_run_slow_model", "test_interpreters", "golden")


def pytest_collection_modifyitems(items):
    """Fast files first, so that most mistakes show in seconds."""
    items.sort(key=lambda item: max((rank for rank, name in enumerate(SLOW, 1) if name in item.nodeid), default=0))


@pytest.fixture(scope="session", autouse=True)
def compiled_quietly():
    """The command line has said already that it compiles: what it prints is the same whichever kernels are kept."""
    from bitspike import cli

    cli.tell_of_compiling()
    for handler in list(cli.LOG.handlers):
        cli.LOG.removeHandler(handler)
    cli.LOG.setLevel("NOTSET")


@pytest.fixture
def used_memory(monkeypatch):
    """Memory that runs take is full of what others left."""

    from bitspike.engine import memory

    def used_before(shape, dtype):
        return np.frombuffer(bytes([0x5A]) * (int(np.prod(shape)) * dtype.itemsize), dtype).reshape(shape).copy()

    monkeypatch.setattr(memory, "empty", used_before)
