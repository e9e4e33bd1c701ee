import re
import threading
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from agent.adapters import opencv_imaging as imaging
from agent.contract.camera_events import AfterHoursData, LineCrossedData, PersonEnteredData, PersonLeftData
from agent.contract.vocabulary import TimeQuality
from agent.core.analytics.tracks import TrackedPerson
from agent.core.camera.link import CameraTamper, Happened, HardlyAbleToSee, InView
from agent.core.link_lines import encode
from agent.ports import Frame
from agent.vision.frame_loop import FrameLoop
from agent.vision.frame_slot import FrameSlot
from agent.vision.frame_steps import FrameSteps
from agent.vision.pace import Pace
from agent.vision.reports import Reports
from agent.vision.rule_factory import rules_of
from agent.vision.sight import Seen
from agent.vision.snapshot import Snapshots
from tests.support.vision_process import vision_spec
from tests.support.vision_stand_ins import SECOND, ManualClock, frame


def person(track: int = 1, left: float = 0.1, score: float = 0.9) -> TrackedPerson:
    return TrackedPerson(track, (left, 0.1, 0.2, 0.5), score)


class ScriptedSight:
    """Tells the next people, then the last ones for ever."""

    def __init__(self, *answers: Sequence[TrackedPerson]) -> None:
        self._answers = list(answers)
        self.looks = 0

    def process(self, frame: Frame) -> Seen:
        self.looks += 1
        people = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return Seen(tuple(people), (), ())


class Rig:
    """A lookout on a clock that is moved by hand; pictures are 100 x 50."""

    def __init__(
        self,
        *answers: Sequence[TrackedPerson],
        snapshots: Snapshots | None = None,
        frames_per_second: float = 10,
        **spec: Any,
    ) -> None:
        self.clock = ManualClock()
        self.slot = FrameSlot()
        self.stop = threading.Event()
        self.sight = ScriptedSight(*answers)
        self.heard: list[Happened | InView | CameraTamper | HardlyAbleToSee] = []
        self.reports = Reports(self.clock, "front")
        self.pace = Pace()
        steps = FrameSteps(
            self.sight,
            rules_of(vision_spec(Path("unused"), **{"min_travel": 0.0, **spec})),
            self.reports,
            lambda: None if self.clock.quality() is TimeQuality.UNSYNCED else self.clock.wall(),
            self.heard.append,
            snapshots,
        )
        self.frame_loop = FrameLoop(self.slot, steps.process, self.pace, self.clock, frames_per_second, self.stop)
        self.number = 0

    @property
    def sent(self) -> list[Any]:
        """The data of the events."""
        return [message.data for message in self.heard if isinstance(message, Happened)]

    @property
    def in_view(self) -> list[InView]:
        return [message for message in self.heard if isinstance(message, InView)]

    def run(self, seconds: float, source_fps: float = 10) -> None:
        """Let frames come and have them looked at."""
        for _ in range(round(seconds * source_fps)):
            self.clock.now_ns += round(SECOND / source_fps)
            self.number += 1
            self.slot.put(frame(self.number, self.clock.now_ns))
            if self.lookout_is_due():
                self.frame_loop.run_once()

    def lookout_is_due(self) -> bool:
        return self.frame_loop._due_ns <= self.clock.now_ns


def test_a_visit_is_one_entered_and_one_left_with_the_same_id() -> None:
    rig = Rig(*[[person()]] * 20, [])
    began_ns = rig.clock.now_ns
    rig.run(10)

    entered, left = rig.sent
    assert isinstance(entered, PersonEnteredData)
    assert isinstance(left, PersonLeftData)
    assert entered.event_id == left.event_id
    assert uuid.UUID(entered.event_id).version == 7
    assert (uuid.UUID(entered.event_id).int >> 80) / 1000 == pytest.approx(rig.clock.wall().timestamp(), abs=15)
    assert entered.box == (0.1, 0.1, 0.2, 0.5)
    assert entered.score == 0.9
    assert (entered.persons, left.persons) == (1, 0)
    assert entered.snapshot is None
    assert entered.zone is None
    assert entered.frame_monoms - entered.duration_ms == (began_ns + SECOND // 10) // 1_000_000
    assert left.frame_monoms == (began_ns + 2 * SECOND) // 1_000_000
    assert left.duration_ms == 1900


def test_a_track_has_the_same_name_in_every_message_and_another_in_another_run() -> None:
    rig, other = Rig([person(7)]), Rig([person(7)])
    rig.run(2)
    other.run(2)

    [entered] = rig.sent
    assert re.fullmatch("[0-9a-f]{8}-7", entered.track)
    assert rig.in_view[-1].tracks == (entered.track,)
    assert other.sent[0].track != entered.track


def test_the_second_visit_has_another_id() -> None:
    rig = Rig(*[[person(1)]] * 10, *[[]] * 40, *[[person(2)]] * 10, [])
    rig.run(15)

    assert [type(data) for data in rig.sent] == [PersonEnteredData, PersonLeftData] * 2
    assert rig.sent[0].event_id != rig.sent[2].event_id


def test_who_is_in_view_is_told_at_once_and_only_when_it_changes() -> None:
    rig = Rig([], [person(1)], [person(1, 0.2)], [person(2), person(1)], [person(1), person(2)], [])
    rig.run(1)

    assert [(seen.persons, len(seen.tracks)) for seen in rig.in_view] == [(1, 1), (2, 2), (0, 0)]
    assert isinstance(rig.heard[0], InView)
    assert rig.reports.in_view.persons == 0


def test_a_multitude_is_counted_and_its_first_are_named() -> None:
    rig = Rig([person(number) for number in range(1, 301)])
    rig.run(0.2)

    [seen] = rig.in_view
    assert (seen.persons, len(seen.tracks)) == (300, 100)
    assert len(encode(seen)) < 4096


def test_every_rule_of_the_spec_is_told_with_its_zone_or_line() -> None:
    way = [[person(1, 0.02 * step), person(2, 0.3)] for step in range(30)]
    left_half = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    always = {"days": ["fri"], "from": "03:00", "to": "04:00"}
    zone = {"name": "gate", "polygon": left_half, "loitering_after_s": 1, "crowd_from": 2, "crowd_after_s": 0.5}
    line = {"name": "kerb", "from": (0.4, 1.0), "to": (0.4, 0.0)}
    rig = Rig(*way, [], zones=[zone | {"open": [always]}], lines=(line,), cool_down_s=1)
    rig.run(10)

    told = {
        (each.t, getattr(each.data, "phase", ""))
        for each in rig.heard
        if isinstance(each, Happened) and getattr(each.data, "zone", 0) == "gate"
    }
    assert told == {
        ("person-entered", ""),
        ("person-left", ""),
        *((kind, phase) for kind in ("loitering", "crowd", "after-hours") for phase in ("began", "ended")),
    }
    [crossed] = [each for each in rig.sent if isinstance(each, LineCrossedData)]
    assert (crossed.line, crossed.direction, crossed.track[-2:]) == ("kerb", "left-to-right", "-1")
    by_id = {each.event_id for each in rig.sent}
    assert len(by_id) == 9, "two people in two zones, two who loiter, a line, a crowd, a presence after hours"
    assert rig.reports._open == {}, "what has ended is forgotten"


def test_while_the_clock_is_not_set_the_rules_get_no_time_of_day() -> None:
    friday_night = {"days": ["fri"], "from": "00:00", "to": "00:00"}  # the clock of the rig stands at a Friday
    whole = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0))
    rig = Rig([person()], zones=[{"name": "shop", "polygon": whole, "open": [friday_night]}])
    rig.run(2)
    assert not [each for each in rig.sent if isinstance(each, AfterHoursData)]
    rig.clock.quality_now = TimeQuality.UNSYNCED
    rig.run(2)

    [after_hours] = [each for each in rig.sent if isinstance(each, AfterHoursData)]
    assert after_hours.closed_by == "unknown-clock"


@pytest.mark.parametrize(("source_fps", "looks"), [(5, 50), (10, 100), (30, 100), (100, 100)])
def test_frames_are_looked_at_no_more_often_than_allowed(source_fps: float, looks: int) -> None:
    rig = Rig([], frames_per_second=10)
    rig.run(10, source_fps)

    assert rig.sight.looks == pytest.approx(looks, abs=2)


def test_one_frame_is_looked_at_once() -> None:
    rig = Rig([], frames_per_second=1000)
    rig.slot.put(frame(1, rig.clock.now_ns))

    assert rig.frame_loop.run_once()
    rig.clock.now_ns += SECOND
    assert not rig.frame_loop.run_once()
    assert rig.sight.looks == 1


def test_the_newest_frame_is_looked_at_and_the_ones_between_are_not() -> None:
    rig = Rig([person()])
    for number in range(1, 6):
        rig.slot.put(frame(number, rig.clock.now_ns + number))
    rig.frame_loop.run_once()

    assert rig.frame_loop._frame is rig.slot.newest()
    assert rig.sight.looks == 1


def test_without_frames_it_returns_in_time_to_be_stopped() -> None:
    rig = Rig([])
    rig.stop.set()

    assert not rig.frame_loop.run_once()


def test_the_pace_counts_the_frames_that_were_looked_at() -> None:
    rig = Rig([])
    rig.pace.report(rig.clock.now_ns)
    rig.run(2)
    report = rig.pace.report(rig.clock.now_ns)

    assert report.frames_total == rig.sight.looks
    assert report.frames_per_second == pytest.approx(rig.sight.looks / 2)


def test_an_event_carries_a_picture_only_where_the_settings_allow_one(tmp_path: Path) -> None:
    rig = Rig([person()], snapshots=Snapshots(tmp_path, 10_000, imaging.jpeg, imaging.scaled))
    rig.run(2)
    [entered] = rig.sent

    assert isinstance(entered, PersonEnteredData)
    assert entered.snapshot == entered.event_id
    assert (tmp_path / f"{entered.snapshot}.jpg").is_file()


def test_a_crossing_that_was_put_off_carries_no_picture_of_whoever_is_there_later(tmp_path: Path) -> None:
    there = [[person(1, 0.02 * step)] for step in range(20)]
    line = {"name": "kerb", "from": (0.3, 1.0), "to": (0.3, 0.0)}
    rig = Rig(
        *there,
        *there[::-1],
        [],
        lines=(line,),
        cool_down_s=10,
        snapshots=Snapshots(tmp_path, 10_000, imaging.jpeg, imaging.scaled),
    )
    rig.run(20)

    there_and_back = [each for each in rig.sent if isinstance(each, LineCrossedData)]
    assert [each.direction for each in there_and_back] == ["left-to-right", "right-to-left"]
    assert [each.snapshot is None for each in there_and_back] == [False, True]


def test_an_event_is_told_even_when_its_picture_can_not_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    rig = Rig([person()], snapshots=Snapshots(tmp_path / "file", 10_000, imaging.jpeg, imaging.scaled))
    rig.run(2)
    [entered] = rig.sent

    assert isinstance(entered, PersonEnteredData)
    assert entered.snapshot is None
    assert "no picture of event" in caplog.text
