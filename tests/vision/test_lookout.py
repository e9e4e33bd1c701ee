import threading
import uuid
from pathlib import Path

import pytest

from agent.adapters import opencv_imaging as imaging
from agent.core.link import CameraTamper, PersonEntered, PersonLeft
from agent.core.presence import Presence
from agent.ports import Detection
from agent.vision.frame_slot import FrameSlot
from agent.vision.lookout import Lookout
from agent.vision.snapshot import Snapshots
from tests.support.vision_stand_ins import SECOND, ManualClock, ScriptedDetector, frame

SOMEBODY = Detection(left=10, top=5, width=20, height=25, score=0.9)


class Rig:
    """A lookout on a clock that is moved by hand; pictures are 100 x 50."""

    def __init__(
        self, *answers: list[Detection], snapshots: Snapshots | None = None, frames_per_second: float = 10
    ) -> None:
        self.clock = ManualClock()
        self.slot = FrameSlot()
        self.stop = threading.Event()
        self.detector = ScriptedDetector(*answers)
        self.sent: list[PersonEntered | PersonLeft | CameraTamper] = []
        self.lookout = Lookout(
            self.slot,
            self.detector,
            Presence(0.5, 3.0),
            self.clock,
            self.sent.append,
            frames_per_second,
            self.stop,
            snapshots,
        )
        self.number = 0

    def run(self, seconds: float, source_fps: float = 10) -> None:
        """Let frames come and have them looked at."""
        for _ in range(round(seconds * source_fps)):
            self.clock.now_ns += round(SECOND / source_fps)
            self.number += 1
            self.slot.put(frame(self.number, self.clock.now_ns))
            if self.lookout_is_due():
                self.lookout.run_once()

    def lookout_is_due(self) -> bool:
        return self.lookout._due_ns <= self.clock.now_ns


def test_a_visit_is_one_entered_and_one_left_with_the_same_id() -> None:
    visit = [[SOMEBODY], []] * 10
    rig = Rig(*visit, [])
    rig.run(10)

    entered, left = rig.sent
    assert isinstance(entered, PersonEntered)
    assert isinstance(left, PersonLeft)
    assert entered.event_id == left.event_id
    assert uuid.UUID(entered.event_id).version == 7
    assert entered.box == (0.1, 0.1, 0.2, 0.5)
    assert entered.score == 0.9
    assert entered.persons == left.persons_max == 1
    assert entered.snapshot is None
    assert left.duration_ms == (left.boottime_ns - entered.boottime_ns) // 1_000_000


def test_the_second_visit_has_another_id() -> None:
    rig = Rig(*[[SOMEBODY]] * 10, *[[]] * 40, *[[SOMEBODY]] * 10, [])
    rig.run(15)

    assert [type(message) for message in rig.sent] == [PersonEntered, PersonLeft] * 2
    assert rig.sent[0].event_id != rig.sent[2].event_id


@pytest.mark.parametrize(("source_fps", "looks"), [(5, 50), (10, 100), (30, 100), (100, 100)])
def test_frames_are_looked_at_no_more_often_than_allowed(source_fps: float, looks: int) -> None:
    rig = Rig([], frames_per_second=10)
    rig.run(10, source_fps)

    assert rig.detector.looks == pytest.approx(looks, abs=2)


def test_one_frame_is_looked_at_once() -> None:
    rig = Rig([], frames_per_second=1000)
    rig.slot.put(frame(1, rig.clock.now_ns))

    assert rig.lookout.run_once()
    rig.clock.now_ns += SECOND
    assert not rig.lookout.run_once()
    assert rig.detector.looks == 1


def test_the_newest_frame_is_looked_at_and_the_ones_between_are_not() -> None:
    rig = Rig([SOMEBODY])
    for number in range(1, 6):
        rig.slot.put(frame(number, rig.clock.now_ns + number))
    rig.lookout.run_once()

    assert rig.lookout._frame is rig.slot.newest()
    assert rig.detector.looks == 1


def test_without_frames_it_returns_in_time_to_be_stopped() -> None:
    rig = Rig([])
    rig.stop.set()

    assert not rig.lookout.run_once()


def test_the_pace_counts_frames_and_the_time_of_inference() -> None:
    rig = Rig([])
    rig.lookout.pace.report(rig.clock.now_ns)
    rig.run(2)
    report = rig.lookout.pace.report(rig.clock.now_ns)

    assert report.frames_total == rig.detector.looks
    assert report.frames_per_second == pytest.approx(rig.detector.looks / 2)


def test_an_event_carries_a_picture_only_where_the_settings_allow_one(tmp_path: Path) -> None:
    rig = Rig([SOMEBODY], snapshots=Snapshots(tmp_path, 10_000, imaging.jpeg, imaging.scaled))
    rig.run(2)
    [entered] = rig.sent

    assert isinstance(entered, PersonEntered)
    assert entered.snapshot == str(tmp_path / f"{entered.event_id}.jpg")
    assert Path(entered.snapshot).is_file()


def test_an_event_is_told_even_when_its_picture_can_not_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("in the way")
    rig = Rig([SOMEBODY], snapshots=Snapshots(tmp_path / "file", 10_000, imaging.jpeg, imaging.scaled))
    rig.run(2)
    [entered] = rig.sent

    assert isinstance(entered, PersonEntered)
    assert entered.snapshot is None
    assert "no picture of event" in caplog.text
