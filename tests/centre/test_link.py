"""A program that ends just as it begins leaves no connection behind."""

import threading
from typing import cast

import pytest

from edge_centre.adapters.paho_centre import CentreConnection
from edge_centre.library import Centre
from edge_centre.library.link import Link


class Door:
    """A broker that lets us in when the program is already ending."""

    def __init__(self) -> None:
        self.knocked, self.ending = threading.Event(), threading.Event()
        self.closed = 0

    def open(self, _filters: list[str]) -> None:
        self.knocked.set()
        assert self.ending.wait(10)

    def close(self) -> None:
        self.closed += 1


def test_a_connection_that_stands_only_when_the_program_ends_is_closed_before_it_is_gone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    door = Door()
    link = Link(lambda: cast("CentreConnection", door), [], lambda _: None)
    link.start()
    assert door.knocked.wait(10)
    join = threading.Thread.join

    def let_in_at_last(thread: threading.Thread, timeout: float | None = None) -> None:
        door.ending.set()
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", let_in_at_last)
    link.close()
    monkeypatch.undo()
    assert door.closed


def test_a_ctrl_c_while_it_begins_ends_what_has_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Link) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Link, "start", interrupted)
    centre = Centre(["mqtt://127.0.0.1:1"], on_notice=lambda _: None)
    with pytest.raises(KeyboardInterrupt), centre:
        pass
    assert "centre" not in {thread.name for thread in threading.enumerate()}
