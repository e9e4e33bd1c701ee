import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.campaigns.emulation.line import Line, SilentError


@pytest.fixture
def ends() -> Iterator[tuple[Line, Callable[[bytes], object], Callable[[], None]]]:
    """A line, what the machine says into it, and how its end goes away."""
    (read_there, there), (back, write_back) = os.pipe(), os.pipe()
    with ExitStack() as stack:
        stack.callback(os.close, read_there)
        files = stack.enter_context(open(there, "wb")), stack.enter_context(open(back, "rb"))  # noqa: PTH123
        machine = stack.enter_context(open(write_back, "wb", buffering=0))  # noqa: PTH123
        yield Line(*files), machine.write, machine.close


def test_an_answer_that_comes_too_late_is_not_taken_for_the_next_ones(
    ends: tuple[Line, Callable[[bytes], object], Callable[[], None]],
) -> None:
    line, say, _ = ends
    with pytest.raises(SilentError):
        line.ask(0.0, {"do": "first"})
    say(b'{"number": 1, "code": 1}\n{"number": 2, "code": 2}\n')

    assert line.ask(1.0, {"do": "second"}) == {"code": 2}


def test_what_the_machine_says_unasked_is_heard_though_it_comes_in_pieces(
    ends: tuple[Line, Callable[[bytes], object], Callable[[], None]],
) -> None:
    line, say, _ = ends
    say(b'{"hel')
    with pytest.raises(SilentError):
        line.hear(0.0)
    say(b'lo": 1}\n')

    assert line.hear(1.0) == {"hello": 1}


def test_a_machine_that_goes_away_is_told_from_one_that_is_silent(
    ends: tuple[Line, Callable[[bytes], object], Callable[[], None]],
) -> None:
    line, _, go = ends
    go()
    with pytest.raises(EOFError):
        line.ask(1.0, {"do": "first"})
