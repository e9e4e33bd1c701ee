import pytest

from agent.core.camera.link import Heartbeat
from agent.vision.capture import OPENING
from agent.vision.frame_slot import FrameSlot
from agent.vision.heartbeat import HeartbeatSource
from agent.vision.pace import Pace
from tests.support.vision_stand_ins import SECOND, ManualClock, frame


class Rig:
    def __init__(self, frames_per_second: float = 10) -> None:
        self.clock = ManualClock()
        self.slot = FrameSlot()
        self.pace = Pace()
        self.detail = ""
        self.stated: float | None = None
        self.source = HeartbeatSource(
            self.slot,
            self.pace,
            self.clock.boottime_ns,
            lambda: self.detail,
            lambda: 2,
            lambda: self.stated,
            frames_per_second=frames_per_second,
        )

    def after(self, seconds: float) -> Heartbeat:
        self.clock.now_ns += round(seconds * SECOND)
        return self.source.make()


def test_a_camera_at_work_is_ok_with_its_figures() -> None:
    rig = Rig()
    rig.source.make()
    for _ in range(8):
        rig.pace.processed()
    for spent_ms in (2, 4, 9):
        rig.pace.inferred(1, spent_ms * 1_000_000)
    rig.slot.put(frame(8, rig.clock.now_ns + SECOND // 2))
    beat = rig.after(1)

    assert (beat.state, beat.detail) == ("ok", "")
    assert (beat.frames, beat.frames_per_second) == (8, 8.0)
    assert (beat.inferences_per_second, beat.inference_ms) == (3.0, 5.0)
    assert (beat.frame_age_ms, beat.persons) == (500, 2)
    assert beat.rss_bytes > 1_000_000


def test_figures_are_of_the_last_second_and_the_count_is_of_all() -> None:
    rig = Rig()
    rig.pace.processed()
    rig.pace.inferred(1, 1)
    rig.source.make()
    beat = rig.after(1)

    assert (beat.frames, beat.frames_per_second) == (1, 0.0)
    assert (beat.inferences_per_second, beat.inference_ms) == (0.0, 0.0)


def test_the_rate_that_the_camera_states_is_told_beside_the_rate_of_the_looks() -> None:
    rig = Rig()
    assert rig.after(1).stated_frames_per_second is None
    rig.stated = 29.97002997

    assert rig.after(1).stated_frames_per_second == 29.97


def test_a_camera_that_is_away_is_degraded_with_the_reason() -> None:
    rig = Rig()
    rig.detail = "unplugged"
    beat = rig.after(0)

    assert (beat.state, beat.detail, beat.frame_age_ms) == ("degraded", "unplugged", None)


def test_an_open_camera_without_new_pictures_is_degraded() -> None:
    rig = Rig()
    rig.slot.put(frame(1, rig.clock.now_ns))

    assert rig.after(2).state == "ok"
    beat = rig.after(2)
    assert (beat.state, beat.detail) == ("degraded", "no new picture for 4 s")


def test_a_camera_that_is_set_to_one_picture_in_five_seconds_does_not_fail_and_recover_with_each() -> None:
    rig = Rig(frames_per_second=0.2)
    for number in range(1, 5):
        rig.slot.put(frame(number, rig.clock.now_ns))
        assert {rig.after(1).state for _ in range(5)} == {"ok"}

    assert rig.after(11).state == "degraded"


@pytest.mark.parametrize(("seconds", "state"), [(1, "ok"), (6, "degraded")])
def test_opening_a_camera_is_no_fault_for_a_few_seconds(seconds: float, state: str) -> None:
    rig = Rig()
    rig.detail = OPENING
    rig.source.make()

    assert rig.after(seconds).state == state
