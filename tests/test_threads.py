"""Work on several threads: every part is done, and all of it has ended when the call has."""

import signal
import threading
import time

import pytest
from bitspike.engine.threads import in_threads


def test_every_part_is_done_once_and_the_first_by_the_caller():
    done = {}
    in_threads(lambda part: done.update({part: threading.get_ident()}), list(range(5)))
    assert sorted(done) == list(range(5))
    assert done[0] == threading.get_ident()
    assert threading.get_ident() not in [done[part] for part in range(1, 5)]


def test_nothing_is_done_of_nothing():
    in_threads(pytest.fail, [])


@pytest.mark.parametrize("failing", [0, 1])
def test_a_part_that_fails_is_reported_after_the_others_have_ended(failing):
    ended = []

    def run(part):
        if part == failing:
            raise ValueError(part)
        time.sleep(0.05)
        ended.append(part)

    with pytest.raises(ValueError, match=str(failing)):
        in_threads(run, [0, 1, 2])
    assert sorted(ended) == [part for part in range(3) if part != failing]


def test_threads_whose_work_is_known_to_be_done_are_not_waited_for():
    returned, ended = threading.Event(), threading.Event()

    def run(part):
        if part:
            returned.wait(5)
            ended.set()

    in_threads(run, [0, 1], done=lambda: True)
    assert not ended.is_set()
    returned.set()
    assert ended.wait(5)


def test_whether_they_are_done_is_not_asked_where_the_first_part_fails():
    ended = []

    def run(part):
        if not part:
            raise ValueError("first")
        time.sleep(0.05)
        ended.append(part)

    with pytest.raises(ValueError, match="first"):
        in_threads(run, [0, 1], done=lambda: True)
    assert ended == [1]


def test_threads_are_kept_and_each_caller_has_its_own():
    known, meet = set(), threading.Barrier(4)

    def run(_):
        known.add(threading.current_thread())
        meet.wait(5)

    for _ in range(3):
        callers = [threading.Thread(target=in_threads, args=(run, [0, 1])) for _ in range(2)]
        for caller in callers:
            caller.start()
        for caller in callers:
            caller.join()
    others = [thread for thread in known if thread.name == "bitspike"]
    assert len(known) == 6 + len(others)
    assert len(others) == 2


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signals between threads")
def test_an_interruption_while_others_are_waited_for_is_raised_after_they_have_ended():
    ended = []

    def run(part):
        if part == 1:
            time.sleep(0.05)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        if part:
            time.sleep(0.1 * part)
            ended.append(part)

    with pytest.raises(KeyboardInterrupt):
        in_threads(run, [0, 1, 2])
    assert sorted(ended) == [1, 2]
