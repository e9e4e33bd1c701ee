"""When new settings count, and when the device goes back."""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from agent.runtime.remote.kept import Trial
from agent.runtime.remote.trial import TRIAL_S, TrialJudge
from tests.support.context import make_context
from tests.support.sim_clock import SimClock

TRIAL = Trial(revision=1, cameras=["front"], degraded=["siren"])
WELL = {"state": "ok", "frames": 5}


class Scene:
    """A trial judge and what it looks at."""

    def __init__(self) -> None:
        self.clock = SimClock(boottime_ns=10**12)
        self.context = make_context(clock=self.clock)
        self.outbox = SimpleNamespace(alarm_waits=False)
        self.cameras: dict[str, dict[str, object]] = {"front": WELL}
        outbox: Any = self.outbox
        self.judge = TrialJudge(self.context, outbox, lambda: self.cameras)

    def report(self, part: str, *, ok: bool) -> None:
        self.context.board.report(part, ok=ok, detail="broken" if not ok else "")

    def after(self, seconds: float, trial: Trial = TRIAL) -> str:
        self.clock.advance(timedelta(seconds=seconds))
        verdict = self.judge.judge(trial)
        return f"{verdict.do}: {verdict.reason}" if verdict.reason else verdict.do


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_they_count_when_all_has_been_well_for_three_seconds(scene: Scene) -> None:
    assert scene.after(1) == "wait: no broker takes the birth"
    scene.report("uplink", ok=True)
    assert scene.after(1) == "wait"
    assert scene.after(2.9) == "wait"
    assert scene.after(0.1) == "confirm"


def test_a_fault_in_between_begins_the_three_seconds_anew(scene: Scene) -> None:
    scene.report("uplink", ok=True)
    assert scene.after(1) == "wait"
    scene.report("storage", ok=False)
    assert scene.after(2.5) == "wait: storage: broken"
    scene.report("storage", ok=True)
    assert scene.after(1) == "wait"
    assert scene.after(2.5) == "wait"
    assert scene.after(0.5) == "confirm"


def test_what_did_not_work_before_need_not_work_now(scene: Scene) -> None:
    scene.report("uplink", ok=True)
    scene.report("siren", ok=False)
    scene.report("camera-back", ok=False)
    scene.after(0)
    assert scene.after(3) == "confirm"


def test_dusk_is_no_fault_of_new_settings(scene: Scene) -> None:
    scene.report("uplink", ok=True)
    scene.report("sight-front", ok=False)
    scene.after(0)
    assert scene.after(3) == "confirm"


@pytest.mark.parametrize(
    "figures", [{}, {"front": {"state": "ok", "frames": 0}}, {"front": {"state": "degraded", "frames": 9}}]
)
def test_a_camera_that_gave_pictures_must_give_some(scene: Scene, figures: dict[str, Any]) -> None:
    scene.report("uplink", ok=True)
    scene.cameras = figures
    scene.report("camera-front", ok=False)
    assert scene.after(TRIAL_S) == "wait: camera front gives no pictures: broken"
    assert scene.after(0.1) == "go-back: camera front gives no pictures: broken"


def test_what_has_not_come_up_in_time_goes_back_by_the_monotonic_clock(scene: Scene) -> None:
    scene.report("uplink", ok=False)
    assert scene.after(TRIAL_S) == "wait: no broker takes the birth: broken"
    assert scene.after(0.1) == "go-back: no broker takes the birth: broken"


def test_an_alarm_waits_ten_seconds_for_a_broker_and_no_longer(scene: Scene) -> None:
    scene.outbox.alarm_waits = True
    assert scene.after(10) == "wait: no broker takes the birth"
    assert scene.after(0.1) == "go-back: an alarm could not be sent: no broker takes the birth"


def test_an_alarm_that_a_broker_can_take_ends_no_trial(scene: Scene) -> None:
    scene.report("uplink", ok=True)
    scene.report("storage", ok=False)
    scene.outbox.alarm_waits = True
    assert scene.after(11) == "wait: storage: broken"


def test_the_cameras_and_the_faults_of_before_are_remembered(scene: Scene) -> None:
    scene.cameras["back"] = {"state": "ok", "frames": 0}
    scene.report("uplink", ok=True)
    scene.report("siren", ok=False)
    assert scene.judge.before() == (["front"], ["siren"])


def test_where_a_centre_watched_one_must_watch_at_the_new_brokers(scene: Scene) -> None:
    scene.report("uplink", ok=True)
    scene.report("centre", ok=True)
    cameras, degraded = scene.judge.before()
    other = Scene()
    moved = Trial(revision=1, cameras=cameras, degraded=degraded, is_watched=scene.judge.is_watched)
    other.report("uplink", ok=True)
    assert other.after(1, moved) == "wait: no centre says at the new brokers that it watches"
    assert other.after(TRIAL_S, moved) == "go-back: no centre says at the new brokers that it watches"
    other.report("centre", ok=True)
    assert other.after(1, moved) == "wait"
    assert other.after(3, moved) == "confirm"


def test_where_no_centre_watched_none_need_watch_at_the_new_brokers(scene: Scene) -> None:
    assert not scene.judge.is_watched
    scene.report("centre", ok=False)
    assert not scene.judge.is_watched
