import threading
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from agent.runtime.supervision.supervisor import Supervisor
from tests.support.wait import wait_for


class Part:
    def __init__(self, act: Callable[[], None] = lambda: None) -> None:
        self.act = act
        self.names: set[str] = set()
        self.entered = threading.Event()

    def run_once(self, timeout_s: float) -> None:
        self.names.add(threading.current_thread().name)
        self.entered.set()
        self.act()
        threading.Event().wait(min(timeout_s, 0.01))


def fail() -> None:
    raise RuntimeError("broken")


def test_a_part_runs_in_a_thread_of_its_name_and_ends_with_its_context() -> None:
    supervisor, part = Supervisor(), Part()
    with supervisor.thread("pipeline", part):
        wait_for(lambda: (supervisor.passes()["pipeline"] or 0) >= 2)
        assert supervisor.failed() is None

    assert part.names == {"pipeline"}
    assert supervisor.passes() == {}
    assert "pipeline" not in {thread.name for thread in threading.enumerate()}


def test_parts_end_in_reverse_order() -> None:
    supervisor = Supervisor()
    alive: list[list[str]] = []

    def note() -> None:
        alive.append(sorted(thread.name for thread in threading.enumerate() if thread.name in {"a", "b"}))

    with ExitStack() as stack:
        stack.enter_context(supervisor.thread("a", Part()))
        stack.callback(note)
        stack.enter_context(supervisor.thread("b", Part()))
        note()

    assert alive == [["a", "b"], ["a"]]


@pytest.mark.parametrize("error", [RuntimeError("broken"), SystemExit(0), KeyboardInterrupt()])
def test_a_part_that_fails_wakes_the_main_thread_and_is_found(error: BaseException) -> None:
    def act() -> None:
        raise error

    supervisor = Supervisor()
    with supervisor.thread("pipeline", Part()), supervisor.thread("publisher", Part(act)):
        assert supervisor.wake.wait(10)
        failed = supervisor.failed()
        assert failed is not None
        assert failed.name == "publisher"
        assert failed.error is error


def test_the_end_of_a_part_that_no_press_needs_is_no_end_of_the_program() -> None:
    supervisor = Supervisor()
    with supervisor.thread("vision-front", Part(fail), essential=False):
        assert supervisor.wake.wait(10)
        assert supervisor.failed() is None
        assert supervisor.passes() == {}


def test_a_part_that_stands_still_makes_no_passes() -> None:
    supervisor, goes_on = Supervisor(), threading.Event()

    def stand_still() -> None:
        goes_on.wait(10)

    part = Part(stand_still)
    with supervisor.thread("publisher", part):
        assert part.entered.wait(10)
        assert supervisor.passes() == {"publisher": 0}
        goes_on.set()
        wait_for(lambda: supervisor.passes()["publisher"])
