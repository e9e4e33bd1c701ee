from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from agent.contract.camera_events import LineCrossedData
from agent.contract.events import LineCountData
from agent.contract.messages import Draft
from agent.contract.vocabulary import Direction, TimeQuality
from agent.runtime.cameras.line_counts import LineCounts
from tests.support.context import reporter
from tests.support.drafts import FACTORY
from tests.support.sim_clock import SimClock

IN: Direction = "left-to-right"
OUT: Direction = "right-to-left"


class Disk:
    """Keeps what an outbox would."""

    def __init__(self) -> None:
        self.drafts: list[Draft] = []
        self.kept: dict[str, str] = {}

    def put(self, draft: Draft, keep: Mapping[str, str | None] | None = None) -> str:
        self.drafts.append(draft)
        for key, value in (keep or {}).items():
            self.kept.pop(key, None)
            if value is not None:
                self.kept[key] = value
        return "m1"


class Gate:
    """A camera with one line, from half past twelve on."""

    def __init__(self) -> None:
        self.clock = SimClock(wall=datetime(2026, 1, 1, 12, 30, tzinfo=UTC))
        self.disk = Disk()
        self.start("gate")

    def start(self, *lines: str) -> None:
        self.counts = LineCounts("front", lines, self.disk.kept, reporter=reporter(self.disk), clock=self.clock)

    def crosses(self, *directions: Direction, line: str = "gate") -> None:
        for direction in directions:
            about = {"event_id": "e1", "camera": "front", "frame_monoms": 1, "persons": 1, "line": line}
            data = LineCrossedData(**about, direction=direction, track="a-1", score=0.5, box=(0, 0, 1, 1))
            self.counts.crossed(FACTORY.camera_event("line-crossed", data), data)

    def pass_time(self, seconds: float, *, works: bool = True) -> None:
        for _ in range(round(seconds)):
            self.clock.advance(timedelta(seconds=1))
            self.counts.tick(works=works)

    @property
    def told(self) -> list[tuple[str, int, int]]:
        """Hours, and the counts to the right and to the left."""
        return [(each.hour[11:13], each.left_to_right, each.right_to_left) for each in self.data]

    @property
    def data(self) -> list[LineCountData]:
        return [draft.data for draft in self.disk.drafts if isinstance(draft.data, LineCountData)]


def test_each_hour_is_told_once_when_it_is_over_and_one_without_anybody_too() -> None:
    gate = Gate()
    gate.crosses(IN, IN, OUT)
    gate.pass_time(29 * 60)
    assert gate.told == []

    gate.pass_time(2 * 60)
    gate.crosses(OUT)
    gate.pass_time(2 * 3600)

    assert gate.told == [("12", 2, 1), ("13", 0, 1), ("14", 0, 0)]
    assert [each.counted_s for each in gate.data] == [pytest.approx(1800, abs=2), 3600, 3600]


def test_a_crossing_is_told_as_it_happens_and_the_first_of_an_hour_counts_to_that() -> None:
    gate = Gate()
    gate.pass_time(60)
    gate.clock.advance(timedelta(minutes=40))
    gate.crosses(IN)

    assert [draft.type.split(".")[2] for draft in gate.disk.drafts] == ["line-count", "line-crossed"]
    assert gate.told == [("12", 0, 0)]


def test_a_restart_loses_nothing_of_the_hour() -> None:
    gate = Gate()
    gate.crosses(IN, IN)
    gate.start("gate")
    gate.crosses(OUT)
    gate.pass_time(31 * 60)

    assert gate.told == [("12", 2, 1)]


def test_the_hour_in_which_it_went_down_is_told_after_the_start_and_those_between_are_not() -> None:
    gate = Gate()
    gate.crosses(IN)
    gate.clock.advance(timedelta(hours=5))
    gate.start("gate")
    gate.pass_time(1)

    assert gate.told == [("12", 1, 0)]


def test_it_says_for_how_long_the_camera_worked() -> None:
    gate = Gate()
    gate.pass_time(600)
    gate.pass_time(600, works=False)
    gate.pass_time(700)

    assert [each.counted_s for each in gate.data] == [pytest.approx(1200, abs=5)]


def test_while_the_clock_is_not_set_no_hour_ends_and_nothing_is_lost() -> None:
    gate = Gate()
    gate.clock.set_quality(TimeQuality.UNSYNCED)
    gate.crosses(IN)
    gate.pass_time(2 * 3600)
    assert gate.told == []

    gate.clock.set_quality(TimeQuality.SYNCED)
    gate.pass_time(3600)

    assert gate.told == [("14", 1, 0)]


def test_after_a_power_cut_nothing_is_counted_to_the_hour_of_the_cut_before_the_clock_is_set() -> None:
    gate = Gate()
    gate.crosses(IN)
    gate.clock.advance(timedelta(hours=5))
    gate.clock.set_quality(TimeQuality.UNSYNCED)
    gate.start("gate")
    gate.crosses(OUT, OUT)
    assert gate.told == [("12", 1, 0)]

    gate.start("gate")
    gate.clock.set_quality(TimeQuality.SYNCED)
    gate.pass_time(3600)

    assert gate.told == [("12", 1, 0), ("17", 0, 2)]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "null"])
def test_what_was_kept_and_cannot_be_read_is_left_out(text: str) -> None:
    gate = Gate()
    gate.disk.kept["line-count/front/gate"] = text
    gate.start("gate")
    gate.crosses(IN)
    gate.pass_time(1900)

    assert gate.told == [("12", 1, 0)]


def test_lines_that_are_set_while_it_runs_are_counted_and_one_that_goes_is_told_to_the_end_of_its_hour() -> None:
    gate = Gate()
    gate.crosses(IN)
    gate.counts.use(["door"])
    gate.crosses(OUT, line="door")
    gate.pass_time(5400)

    told = [(each.line, each.hour[11:13], each.left_to_right, each.right_to_left) for each in gate.data]
    assert told == [("gate", "12", 1, 0), ("door", "12", 0, 1), ("door", "13", 0, 0)]


def test_a_line_that_goes_with_a_restart_is_told_to_the_end_of_its_hour_and_kept_no_longer() -> None:
    gate = Gate()
    gate.crosses(IN)
    gate.start()
    gate.pass_time(5400)

    assert gate.told == [("12", 1, 0)]
    assert gate.disk.kept == {}


def test_a_line_that_the_settings_no_longer_have_is_told_and_not_counted() -> None:
    gate = Gate()
    gate.crosses(IN, line="old")
    gate.pass_time(1900)

    assert [draft.type.split(".")[2] for draft in gate.disk.drafts] == ["line-crossed", "line-count"]
    assert gate.told == [("12", 0, 0)]
