"""Every sample of a run is taken by one thread, which makes all calls for it in order."""

import ctypes
import gc
import threading
import time
import weakref

import numpy as np
import pytest
from bitspike.engine import memory, schedule
from bitspike.engine.cache import entry
from bitspike.engine.schedule import Plan, run_samples
from bitspike.engine.signature import BLOCK

BOTH_WAYS = [1, 2]  # the second and the third layer wait for each other
OWN, NAMES = 8, (*BLOCK, "layer", "place")  # arguments of a layer: a cache line


class Kernels:
    """Layers whose kernels write down what they are called with. pauses: of calls on the main thread, and elsewhere."""

    def __init__(self, groups=(1,), pauses=(0.0, 0.0)):
        self.made, self.pauses, self.groups = [], pauses, groups
        self.function = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(self._call)

    def _call(self, address):
        main = threading.current_thread() is threading.main_thread()
        time.sleep(self.pauses[not main])
        given = dict(zip(NAMES, (ctypes.c_int64 * OWN).from_address(address), strict=True))
        self.made.append({**given, "main": main})

    def run(self, samples, steps, threads=1, block=1, abreast=1, neurons=1):
        layers = np.arange(sum(self.groups))
        arguments, own = np.zeros((len(layers), OWN), np.int64), np.zeros((len(layers), OWN), np.int64)
        arguments[:, NAMES.index("layer")], own[:, NAMES.index("place")] = layers, 1
        kernels = np.stack([np.full(len(layers), entry(self.function)), layers * OWN], axis=1)
        bounds, given = np.array([0, *np.cumsum(self.groups)]), np.zeros(0, np.int64)
        plan = Plan(steps, block, abreast, neurons, bounds, kernels, arguments.ravel(), given, own.ravel(), 64)
        run_samples(plan, plan.arguments, samples, threads)
        return self.made

    def told(self, *names):
        return [tuple(call[name] for name in names) for call in self.made]


def test_layers_follow_one_another_in_blocks_and_those_that_wait_for_each_other_step_by_step():
    kernels = Kernels(BOTH_WAYS)
    kernels.run(1, 5, block=3)
    assert kernels.told("layer", "base", "first", "last") == [
        (0, 0, 0, 3),
        *((layer, 0, step, step + 1) for step in range(3) for layer in (1, 2)),
        (0, 3, 3, 5),
        *((layer, 3, step, step + 1) for step in range(3, 5) for layer in (1, 2)),
    ]


def test_samples_abreast_are_brought_through_each_block_one_after_the_other():
    kernels = Kernels(BOTH_WAYS)
    kernels.run(3, 2, block=2, abreast=2)
    assert kernels.told("layer", "sample", "first", "last") == [
        *((0, sample, 0, 2) for sample in (0, 1)),
        *((layer, sample, step, step + 1) for step in (0, 1) for layer in (1, 2) for sample in (0, 1)),
        (0, 2, 0, 2),
        *((layer, 2, step, step + 1) for step in (0, 1) for layer in (1, 2)),
    ]


def test_every_sample_abreast_has_memory_of_its_own():
    places = {call["sample"]: call["place"] for call in Kernels().run(6, 1, abreast=3)}
    assert len(set(places.values())) == 3
    assert [places[sample] for sample in (3, 4, 5)] == [places[sample] for sample in (0, 1, 2)]
    starts = sorted(set(places.values()))
    assert np.diff(starts).tolist() == [8 * OWN + 64] * 2  # its arguments, and its room


def test_registers_are_taken_over_before_the_first_step_and_handed_back_after_the_last():
    kernels = Kernels()
    kernels.run(2, 5, block=2)
    told = kernels.told("sample", "first", "enters", "leaves")
    assert told == [(s, *rest) for s in (0, 1) for rest in ((0, 1, 0), (2, 0, 0), (4, 0, 1))]


@pytest.mark.parametrize("neurons", [1, 1 << 40], ids=["in one portion", "one by one"])
@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("abreast", [1, 4])
def test_every_sample_is_run_once(threads, neurons, abreast):
    made = Kernels(pauses=(0.001, 0.001)).run(23, 1, threads, neurons=neurons, abreast=abreast)
    assert sorted(call["sample"] for call in made) == list(range(23))


def test_threads_take_fewer_samples_at_a_time_when_few_are_left():
    kernels = Kernels((1, 1), pauses=(0.001, 0.001))
    kernels.run(40, 1, 2, abreast=8)
    taken = [call["sample"] for call in kernels.made if call["layer"] == 0]
    first, last = (
        {call["place"] for call in kernels.made if call["sample"] in some} for some in (range(8), range(37, 40))
    )
    assert len(taken) == 40
    assert len(first) == 8  # abreast
    assert len(last) <= 2  # one of each thread


def test_a_thread_asks_no_more_when_no_sample_is_left(monkeypatch):
    taken, zeros = [], np.zeros
    monkeypatch.setattr(schedule.np, "zeros", lambda *shape: taken.append(zeros(*shape)) or taken[-1])
    assert [call["sample"] for call in Kernels().run(3, 1)] == [0, 1, 2]
    assert taken[-1].tolist() == [4, 3]  # samples taken, and done


def test_a_slow_thread_takes_fewer_samples():
    slow = [call["main"] for call in Kernels(pauses=(0.2, 0.0)).run(40, 1, 2)]
    assert len(slow) == 40
    assert sum(slow) < 5


def test_no_sample_is_begun_after_a_run_was_stopped(monkeypatch):
    calling = schedule._kernel()

    def stopped(arguments):
        calling(arguments)
        if threading.current_thread() is threading.main_thread():
            raise KeyboardInterrupt

    monkeypatch.setattr(schedule, "_kernel", lambda: stopped)
    kernels = Kernels(pauses=(0.01, 0.01))
    with pytest.raises(KeyboardInterrupt):
        kernels.run(500, 1, 2, neurons=1 << 40)
    assert len(kernels.made) < 20


def test_a_thread_that_begins_when_all_is_done_finds_its_memory(monkeypatch):
    calling, begin, ended, rooms, empty = schedule._kernel(), threading.Event(), threading.Event(), [], memory.empty

    def late(arguments):
        if threading.current_thread() is not threading.main_thread():
            begin.wait(5)
            assert rooms[0]() is not None
            calling(arguments)
            ended.set()
        else:
            calling(arguments)

    def watched(*shape):
        room = empty(*shape)
        rooms.append(weakref.ref(room))
        return room

    monkeypatch.setattr(schedule, "_kernel", lambda: late)
    monkeypatch.setattr(memory, "empty", watched)
    assert [call["sample"] for call in Kernels(pauses=(0.05, 0.0)).run(3, 1, 2)] == [0, 1, 2]
    gc.collect()
    begin.set()
    assert ended.wait(5)
