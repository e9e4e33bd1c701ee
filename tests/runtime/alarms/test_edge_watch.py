from collections.abc import Callable, Sequence
from typing import Any

import pytest

from agent.core.errors import HardwareError
from agent.core.facts import Edge
from agent.runtime.alarms.edge_watch import PINS, EdgeWatch
from agent.runtime.supervision.health import HealthBoard
from tests.support.context import reporter


class Lines:
    """Two lines of one button, whose edges are told or not."""

    def __init__(self) -> None:
        self.levels = {False: False, True: False}
        self.broken = False
        self.heard: list[tuple[bool, bool]] = []
        """Which line, and whether it became active."""
        self.board = HealthBoard(reporter())
        any_part: Any = self
        self.watch = EdgeWatch(any_part, any_part, self.board)
        for normally_closed in self.levels:
            self.watch.edge(Edge("police", False, 0, at_start=True, normally_closed=normally_closed))
        self.heard.clear()

    def edge(self, edge: Edge) -> None:
        self.heard.append((edge.normally_closed, edge.active))

    def start(self, on_edge: Callable[[Edge], None], on_lost: Callable[[str, str], None]) -> None: ...

    def close(self) -> None: ...

    def read(self) -> Sequence[Edge]:
        if self.broken:
            raise HardwareError("pin 17 can't be read")
        return [Edge("police", active, 7, normally_closed=line) for line, active in self.levels.items()]

    def set(self, active: bool, *, normally_closed: bool = False, reported: bool = True) -> None:
        self.levels[normally_closed] = active
        if reported:
            self.watch.edge(Edge("police", active, 5, normally_closed=normally_closed))


@pytest.fixture
def lines() -> Lines:
    return Lines()


def test_edges_are_passed_on_and_nothing_is_added_to_them(lines: Lines) -> None:
    for active in (True, False, True, False):
        lines.set(active)
        assert lines.watch.tick()
        assert lines.watch.tick()

    assert lines.heard == [(False, True), (False, False)] * 2
    assert lines.board.parts()[PINS].ok


def test_a_press_whose_edge_was_not_told_counts_at_the_second_look(lines: Lines) -> None:
    lines.set(True, reported=False)
    assert lines.watch.tick()
    assert lines.heard == [], "its edge may still be on its way"
    assert lines.watch.tick()

    assert lines.heard == [(False, True)]
    assert not lines.board.parts()[PINS].ok
    assert lines.watch.tick()
    assert lines.heard == [(False, True)], "it counts once"


def test_an_edge_that_comes_late_is_not_made_up_for(lines: Lines) -> None:
    lines.set(True, reported=False)
    lines.watch.tick()
    lines.set(True)
    lines.set(False)
    lines.set(True, reported=False)
    lines.watch.tick()
    assert lines.heard == [(False, True), (False, False)], "a new change has its own time"
    lines.watch.tick()
    assert lines.heard[2:] == [(False, True)]


def test_a_press_and_a_release_that_were_not_told_show_that_the_buttons_are_deaf(lines: Lines) -> None:
    lines.set(True, reported=False)
    assert [lines.watch.tick(), lines.watch.tick()] == [True, True]
    lines.set(False, reported=False)
    assert [lines.watch.tick(), lines.watch.tick()] == [True, False]

    assert lines.heard == [(False, True), (False, False)]


def test_two_lines_that_change_untold_are_enough(lines: Lines) -> None:
    lines.set(True, reported=False)
    lines.set(True, normally_closed=True, reported=False)
    assert [lines.watch.tick(), lines.watch.tick()] == [True, False]
    assert lines.heard == [(False, True), (True, True)]


def test_one_missed_edge_among_others_that_are_told_is_forgiven(lines: Lines) -> None:
    for _ in range(3):
        lines.set(True, reported=False)
        lines.watch.tick()
        assert lines.watch.tick()
        lines.set(False)
        assert lines.watch.tick()

    assert lines.heard == [(False, True), (False, False)] * 3
    assert lines.board.parts()[PINS].ok


def test_a_line_that_can_not_be_read_is_a_degraded_part_and_no_reason_to_end(lines: Lines) -> None:
    lines.broken = True
    assert lines.watch.tick()
    assert lines.board.parts()[PINS].detail == "pin 17 can't be read"
    lines.broken = False
    assert lines.watch.tick()
    assert lines.board.parts()[PINS].ok
