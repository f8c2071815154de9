"""Work on several threads, which are kept from run to run.

An executor and its futures take 60 microseconds more, measured: as long as a small network's sample.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Lock, Thread
from typing import Any, TypeVar

Part = TypeVar("Part")


def available_threads() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(run: Callable[[Part], Any], parts: Sequence[Part], done: Callable[[], bool] = lambda: False) -> None:
    """`run` of every part, the first on this thread: two that are woken at once may begin on one processor.

    All have ended when it returns or raises. done: asked when the first has ended, whether the others have done all of
    their work, so that nobody needs to wait until they have returned.
    """
    calls = [_Call(run, part) for part in parts[1:]]
    queues = [_queue() for _ in calls]
    for queue, call in zip(queues, calls, strict=True):
        queue.put(call)
    waited = calls
    try:
        for part in parts[:1]:
            run(part)
        waited = [] if done() else calls
    finally:
        try:
            _wait(waited)
        finally:
            _IDLE.extend(queues)
    for call in waited:
        if call.error is not None:
            raise call.error


class _Call:
    """What a thread is to do. running: locked until it has ended. error: what it raised."""

    def __init__(self, run: Callable[[Part], Any], part: Part) -> None:
        self._run: Callable[[], Any] = lambda: run(part)
        self.running = Lock()
        self.running.acquire()
        self.error: BaseException | None = None

    def __call__(self) -> None:
        try:
            self._run()
        except BaseException as error:  # for whoever waits
            self.error = error
        finally:
            self.running.release()


def _wait(calls: Sequence[_Call]) -> None:
    """Until all have ended, as they write to memory that is given up then; an interruption is raised after that."""
    interruption: BaseException | None = None
    for call in calls:
        while call.running.locked():
            try:
                with call.running:
                    pass
            except BaseException as error:
                interruption = error
    if interruption is not None:
        raise interruption


Queue = SimpleQueue[_Call]
_IDLE: list[Queue] = []
"""Of threads, each with what it is to do next."""


def _queue() -> Queue:
    try:
        return _IDLE.pop()
    except IndexError:
        queue: Queue = SimpleQueue()
        Thread(target=_work, args=(queue,), name="bitspike", daemon=True).start()
        return queue


def _work(queue: Queue) -> None:
    while True:
        queue.get()()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_IDLE.clear)  # threads do not survive a fork
