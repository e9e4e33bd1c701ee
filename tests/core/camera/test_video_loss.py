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


@pytest.mark.parametrize(("frames_per_second", "patience_s"), [(10, 4), (0.2, 15)])
def test_pictures_that_stop_for_4_s_or_for_three_times_their_pace_are_lost(
    frames_per_second: float, patience_s: float
) -> None:
    signal = Signal(frames_per_second).run(20, 0)
    assert signal.run(patience_s).told == []
    assert signal.run(0.25).told == [TamperChanged(TamperKind.SIGNAL_LOST, True, 20_000 * MS, 20_000 * MS)]


def test_signs_of_life_without_new_pictures_are_no_pictures() -> None:
    signal = Signal().run(20, 100)
    for age_ms in range(1000, 6000, 1000):
        signal.run(1, age_ms)
    assert signal.changes == [True]


@pytest.mark.parametrize("age_ms", [0, 900])
def test_pictures_that_come_again_for_2_s_are_told(age_ms: int) -> None:
    signal = Signal().run(20, 0).run(60).run(2.75, age_ms)
    assert signal.changes == [True]
    [ended] = signal.run(0.25, age_ms).told[1:]
    assert ended == TamperChanged(TamperKind.SIGNAL_LOST, False, 81_000 * MS, 20_000 * MS)


def test_one_picture_now_and_then_is_not_well() -> None:
    signal = Signal().run(20, 100).run(6)
    for _ in range(10):
        signal.run(1).run(1, 0)
    assert signal.changes == [True]


@pytest.mark.parametrize(("seconds", "told"), [(15.25, []), (15.5, [True])])
def test_the_first_picture_may_take_15_s(seconds: float, told: list[bool]) -> None:
    """Since the first look."""
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
