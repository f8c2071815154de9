"""Every sample of a run is taken by one thread, which makes all calls for it in order."""

import ctypes
import threading
import time

import numpy as np
import pytest
from bitspike.engine import schedule
from bitspike.engine.cache import address, entry
from bitspike.engine.schedule import Schedule, run_samples
from bitspike.engine.signature import BLOCK

BOTH_WAYS = [1, 2]  # the second and the third layer wait for each other


class Kernels:
    """Layers whose kernels write down what they are called with; `layers` of a thread."""

    def __init__(self, count, pause=0.0):
        self.made, self.pause = [], pause
        self.functions = [ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._kernel(number)) for number in range(count)]

    def _kernel(self, number):
        def call(address):
            time.sleep(self.pause)
            self.made.append(
                (number, dict(zip(BLOCK, (ctypes.c_int64 * len(BLOCK)).from_address(address), strict=True)))
            )

        return call

    def layers(self):
        return [(entry(function), (ctypes.c_int64 * len(BLOCK))()) for function in self.functions]


def test_layers_follow_one_another_in_blocks_and_those_that_wait_for_each_other_step_by_step():
    kernels = Kernels(3)
    run_samples(Schedule(1, 5, BOTH_WAYS, 3, 10), [kernels.layers()])
    assert [(layer, block["base"], block["first"], block["last"]) for layer, block in kernels.made] == [
        (0, 0, 0, 3),
        *((layer, 0, step, step + 1) for step in range(3) for layer in (1, 2)),
        (0, 3, 3, 5),
        *((layer, 3, step, step + 1) for step in range(3, 5) for layer in (1, 2)),
    ]


def test_registers_are_taken_over_before_the_first_step_and_handed_back_after_the_last():
    kernels = Kernels(1)
    run_samples(Schedule(2, 5, [1], 2, 10), [kernels.layers()])
    told = [tuple(block[name] for name in ("sample", "first", "enters", "leaves")) for _, block in kernels.made]
    assert told == [(s, *rest) for s in (0, 1) for rest in ((0, 1, 0), (2, 0, 0), (4, 0, 1))]


@pytest.mark.parametrize("neurons", [1, 1 << 40], ids=["in one portion", "one by one"])
@pytest.mark.parametrize("threads", [1, 2, 5])
def test_every_sample_is_run_once(threads, neurons):
    kernels = Kernels(1, pause=0.001)
    run_samples(Schedule(23, 1, [1], 1, neurons), [kernels.layers() for _ in range(threads)])
    assert sorted(block["sample"] for _, block in kernels.made) == list(range(23))


def test_a_thread_asks_no_more_when_no_sample_is_left():
    kernels, taken, bounds = Kernels(1), np.zeros(1, np.int64), np.array([0, 1])
    ((start, own),) = kernels.layers()
    layers = np.array([start, ctypes.addressof(own)])
    values = {"most": 1 << 20, "samples": 3, "steps": 1, "block": 1, "groups": 1}
    values |= {"taken": address(taken), "bounds": address(bounds), "layers": address(layers)}
    schedule._kernel()(address(np.array([values[name] for name in schedule._NAMES])))
    assert [block["sample"] for _, block in kernels.made] == [0, 1, 2]
    assert taken[0] == 4


def test_a_slow_thread_takes_fewer_samples():
    slow, fast = Kernels(1, pause=0.2), Kernels(1)
    run_samples(Schedule(40, 1, [1], 1, 1), [slow.layers(), fast.layers()])
    assert len(slow.made) < 5
    assert len(slow.made) + len(fast.made) == 40


def test_no_sample_is_begun_after_a_run_was_stopped(monkeypatch):
    calling = schedule._kernel()

    def stopped(arguments):
        calling(arguments)
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    monkeypatch.setattr(schedule, "_kernel", lambda: stopped)
    kernels = Kernels(1, pause=0.01)
    with pytest.raises(KeyboardInterrupt):
        run_samples(Schedule(500, 1, [1], 1, 1 << 40), [kernels.layers() for _ in range(2)])
    assert len(kernels.made) < 20
