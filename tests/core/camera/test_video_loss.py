import pytest

from agent.contract.vocabulary import TamperKind
from agent.core.camera.tamper import TamperChanged
from agent.core.camera.video_loss import VideoLoss

MS = 1_000_000
STEP_MS = 250


class Signal:
    """A watch that looks four times a second, and hears once a second while pictures come."""

    def __init__(self, frames_per_second: float = 10) -> None:
        self.watch = VideoLoss(frames_per_second)
        self.now_ms = 0
        self.told: list[TamperChanged] = []

    def run(self, seconds: float, age_ms: int | None = None) -> "Signal":
        """`age_ms` of the newest picture in each sign of life; None: none comes."""
        for _ in range(round(seconds * 1000 / STEP_MS)):
            self.now_ms += STEP_MS
            if age_ms is not None and self.now_ms % 1000 == 0:
                self.watch.pictured(age_ms * MS, self.now_ms * MS)
            change = self.watch.tick(self.now_ms * MS)
            self.told += [] if change is None else [change]
        return self

    @property
    def changes(self) -> list[bool]:
        return [change.active for change in self.told]


def test_pictures_that_stop_are_told_within_5_s_and_before_that_nothing() -> None:
    signal = Signal().run(20, 100).run(3.5)
    assert signal.told == []
    signal.run(1.25)
    [lost] = signal.told
    assert lost.kind is TamperKind.SIGNAL_LOST
    assert lost.boottime_ns == lost.began_ns == (20_000 - 100) * MS


def test_signs_of_life_without_new_pictures_are_no_pictures() -> None:
    signal = Signal().run(20, 100)
    for age_ms in range(1000, 6000, 1000):
        signal.run(1, age_ms)
    assert signal.changes == [True]


def test_pictures_that_come_again_are_told_within_5_s() -> None:
    signal = Signal().run(20, 100).run(60).run(1, 100)
    assert signal.changes == [True]
    signal.run(4, 100)
    assert signal.changes == [True, False]
    assert signal.told[1].began_ns == signal.told[0].began_ns
    assert signal.told[1].boottime_ns > 80_000 * MS


def test_one_picture_now_and_then_is_not_well() -> None:
    signal = Signal().run(20, 100)
    for _ in range(10):
        signal.run(5).run(1, 100)
    assert signal.changes == [True]


@pytest.mark.parametrize(("seconds", "told"), [(14.5, []), (16, [True])])
def test_the_first_picture_may_take_15_s(seconds: float, told: list[bool]) -> None:
    assert Signal().run(seconds).changes == told


def test_a_camera_of_one_picture_in_5_s_is_not_lost_in_between() -> None:
    signal = Signal(frames_per_second=0.2).run(5, 100)
    for _ in range(20):
        signal.run(1, 100).run(4)
    assert signal.told == []


def test_a_machine_that_was_suspended_blames_nobody() -> None:
    signal = Signal().run(20, 100)
    signal.now_ms += 3_600_000
    assert signal.run(2, 100).told == []
