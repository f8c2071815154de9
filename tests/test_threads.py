"""Work on several threads: every part is done, and all of it has ended when the call has."""

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
