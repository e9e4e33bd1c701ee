from datetime import timedelta

import pytest

from agent.contract.envelope import rfc3339
from agent.contract.events import CameraTamperData, HardlyAbleToSeeData, PartData
from agent.contract.kinds import EVENT_EXPIRY_S
from agent.contract.messages import Rank
from agent.contract.vocabulary import SightTrouble, TamperKind
from agent.core.camera.link import CameraTamper, HardlyAbleToSee, Heartbeat
from agent.runtime.cameras.impairments import Impairments
from agent.runtime.supervision.health import HealthBoard, PartState
from tests.support.context import Collected, reporter
from tests.support.sim_clock import SimClock

SECOND = 1_000_000_000


class Rig:
    """Impairments whose clock is moved by hand."""

    def __init__(self, kinds: tuple[TamperKind, ...] = tuple(TamperKind)) -> None:
        self.clock = SimClock()
        self.looked = 0
        self.drafts = Collected()
        self.board = HealthBoard(reporter(self.drafts))
        self.impairments = Impairments(
            "front", kinds, 10.0, reporter=reporter(self.drafts), board=self.board, clock=self.clock
        )

    @property
    def events(self) -> list[CameraTamperData]:
        return [draft.data for draft in self.drafts if isinstance(draft.data, CameraTamperData)]

    @property
    def sights(self) -> list[HardlyAbleToSeeData]:
        return [draft.data for draft in self.drafts if isinstance(draft.data, HardlyAbleToSeeData)]

    @property
    def changes(self) -> list[tuple[TamperKind, bool]]:
        return [(event.kind, event.active) for event in self.events]

    def hear(self, kind: TamperKind, active: bool = True, event_id: str = "e1", ago_s: float = 0) -> None:
        at_ns = self.clock.boottime_ns() - int(ago_s * SECOND)
        self.impairments.heard(
            CameraTamper(event_id=event_id, kind=kind, active=active, boottime_ns=at_ns, detail="so")
        )

    def hear_sight(
        self,
        active: bool = True,
        event_id: str = "e1",
        ago_s: int = 0,
        reason: SightTrouble = SightTrouble.BLURRED,
    ) -> None:
        at_ns = self.clock.boottime_ns() - ago_s * SECOND
        self.impairments.heard(
            HardlyAbleToSee(event_id=event_id, reason=reason, active=active, boottime_ns=at_ns, detail="focus it")
        )

    def pass_time(self, seconds: float, frame_age_ms: int | None = None, looks: int = 10) -> None:
        """`frame_age_ms` in the sign of life of each second, in which the process looks at so many frames."""
        for number in range(round(seconds * 4)):
            self.clock.advance(timedelta(seconds=0.25))
            if frame_age_ms is not None and number % 4 == 0:
                self.looked += looks
                self.impairments.beat(beat(frame_age_ms, self.looked))
            self.impairments.tick()


def beat(frame_age_ms: int | None, frames: int) -> Heartbeat:
    return Heartbeat(
        state="ok",
        frames=frames,
        frames_per_second=1,
        inferences_per_second=1,
        inference_ms=1,
        frame_age_ms=frame_age_ms,
        persons=0,
        rss_bytes=1,
    )


def test_a_tamper_is_told_with_its_beginning_and_its_end_with_how_long_it_was() -> None:
    rig = Rig()
    wall = rig.clock.wall()
    rig.hear(TamperKind.TURNED, ago_s=4)
    rig.clock.advance(timedelta(seconds=60))
    rig.hear(TamperKind.TURNED, active=False, ago_s=3)
    begin, end = rig.events

    assert (begin.event_id, begin.camera, begin.kind, begin.active) == ("e1", "front", TamperKind.TURNED, True)
    assert begin.since == rfc3339(wall - timedelta(seconds=4))
    assert begin.duration_ms is None
    assert dict(begin.codes) == {"contact_id": "137", "sia": "TA"}
    assert (end.event_id, end.active, end.duration_ms) == ("e1", False, 61_000)
    assert end.since == rfc3339(wall + timedelta(seconds=57))
    assert dict(end.codes) == {"contact_id": "137", "sia": "TR"}


def test_a_tamper_goes_with_the_security_events_for_ever_and_the_dark_as_any_event() -> None:
    rig = Rig()
    rig.hear(TamperKind.COVERED)
    rig.hear(TamperKind.DARK, event_id="e2")
    covered, dark = rig.drafts

    assert (covered.rank, covered.expiry_s) == (Rank.SECURITY, None)
    assert (dark.rank, dark.expiry_s) == (Rank.EVENT, EVENT_EXPIRY_S)
    assert covered.topic == dark.topic == "edge/v1/gp/park-station/kiosk-1/up/event/camera-tamper"
    assert covered.type == "edge.event.camera-tamper.v1"
    assert not rig.events[1].codes


def test_the_figures_have_what_is_active() -> None:
    rig = Rig()
    assert rig.impairments.figures() == {"tampers": []}
    rig.hear(TamperKind.COVERED)
    assert rig.impairments.figures() == {
        "tampers": [{"kind": "covered", "event_id": "e1", "since": rig.events[0].since}]
    }
    rig.hear(TamperKind.COVERED, active=False)
    assert rig.impairments.figures() == {"tampers": []}


def test_an_end_of_what_never_began_is_not_told() -> None:
    rig = Rig()
    rig.hear(TamperKind.COVERED, active=False)
    assert rig.events == []


def test_pictures_that_stop_are_a_lost_signal_and_come_back_under_the_same_id() -> None:
    rig = Rig()
    rig.pass_time(10, 100)
    rig.pass_time(5)
    assert rig.changes == [(TamperKind.SIGNAL_LOST, True)]
    assert [each["kind"] for each in rig.impairments.figures()["tampers"]] == ["signal-lost"]
    rig.pass_time(5, 100)
    begin, end = rig.events
    assert (end.kind, end.active, end.event_id) == (TamperKind.SIGNAL_LOST, False, begin.event_id)
    assert end.duration_ms == pytest.approx(5000, abs=1500)
    assert rig.impairments.figures() == {"tampers": []}


def test_a_second_loss_is_another_happening() -> None:
    rig = Rig()
    for _ in range(2):
        rig.pass_time(10, 100)
        rig.pass_time(5)
    assert [event.active for event in rig.events] == [True, False, True]
    assert len({event.event_id for event in rig.events}) == 2


def test_stamps_that_stand_still_are_one_happening_whichever_is_found_first() -> None:
    rig = Rig()
    rig.pass_time(10, 100)
    rig.pass_time(3)
    rig.hear(TamperKind.FROZEN)
    rig.pass_time(0.75)
    for age_s in range(4, 24):
        rig.pass_time(1, age_s * 1000)
    assert rig.changes == [(TamperKind.FROZEN, True)]

    rig = Rig()
    rig.pass_time(10, 100)
    rig.pass_time(5)
    rig.hear(TamperKind.FROZEN)
    rig.hear(TamperKind.FROZEN, active=False)
    assert rig.changes == [(TamperKind.SIGNAL_LOST, True)]


@pytest.mark.parametrize("beats", [True, False])
def test_a_camera_that_was_frozen_and_then_is_cut_off_is_lost_as_well(beats: bool) -> None:
    rig = Rig()
    rig.pass_time(10, 100)
    rig.hear(TamperKind.FROZEN)
    rig.pass_time(10, 100)
    for age_s in range(1, 7):
        rig.pass_time(1, age_s * 1000 if beats else None, looks=0)
    assert rig.changes == [(TamperKind.FROZEN, True), (TamperKind.SIGNAL_LOST, True)]


def test_a_process_that_ends_takes_its_tampers_along_but_not_the_lost_signal() -> None:
    rig = Rig()
    rig.pass_time(10, 100)
    rig.hear(TamperKind.FROZEN)
    rig.impairments.ended()
    assert rig.changes == [(TamperKind.FROZEN, True), (TamperKind.FROZEN, False)]
    assert "no longer known" in rig.events[1].detail
    rig.pass_time(5)
    rig.impairments.ended()
    assert rig.changes[2:] == [(TamperKind.SIGNAL_LOST, True)]


def test_where_the_settings_leave_it_out_no_lost_signal_is_told() -> None:
    rig = Rig((TamperKind.COVERED,))
    rig.pass_time(10, 100)
    rig.pass_time(60)
    assert rig.events == []


def test_a_camera_that_is_hardly_able_to_see_is_told_with_its_beginning_and_its_end_with_how_long_it_was() -> None:
    rig = Rig()
    wall = rig.clock.wall()
    rig.hear_sight(ago_s=20)
    rig.clock.advance(timedelta(seconds=60))
    rig.hear_sight(active=False, ago_s=20)
    begin, end = rig.sights

    assert (begin.event_id, begin.camera, begin.reason, begin.active) == ("e1", "front", SightTrouble.BLURRED, True)
    assert (begin.since, begin.duration_ms) == (rfc3339(wall - timedelta(seconds=20)), None)
    assert (end.event_id, end.active, end.duration_ms) == ("e1", False, 60_000)


def test_while_it_is_hardly_able_to_see_health_says_why_and_its_part_is_degraded() -> None:
    rig = Rig()
    rig.hear_sight()
    why = {"reason": "blurred", "event_id": "e1", "since": rig.sights[0].since, "detail": "focus it"}
    assert rig.impairments.figures() == {"tampers": [], "hardly_able_to_see": why}
    assert rig.board.parts() == {"sight-front": PartState(False, "hardly able to see: focus it", transient=True)}

    rig.hear_sight(active=False, event_id="e0")
    assert "hardly_able_to_see" in rig.impairments.figures(), "it was something else that ended"
    rig.hear_sight(active=False)
    rig.impairments.tick()
    assert rig.impairments.figures() == {"tampers": []}
    assert rig.board.parts() == {"sight-front": PartState(True)}


def test_when_another_reason_takes_its_place_the_part_does_not_work_again_in_between() -> None:
    rig = Rig()
    rig.hear_sight()
    rig.impairments.tick()
    rig.hear_sight(active=False)
    rig.hear_sight(event_id="e2", reason=SightTrouble.TOO_DARK)
    rig.impairments.tick()

    parts = [draft.data.part for draft in rig.drafts if isinstance(draft.data, PartData)]
    assert parts == ["sight-front"], "degraded once"
    assert rig.impairments.figures()["hardly_able_to_see"]["reason"] == "too-dark"


def test_a_part_does_not_work_again_because_the_night_has_become_so_dark_that_it_is_a_tamper() -> None:
    rig = Rig()
    rig.hear_sight()
    rig.hear(TamperKind.DARK, event_id="e2")
    rig.hear_sight(active=False)
    rig.impairments.tick()
    assert not rig.board.parts()["sight-front"].ok
    rig.hear(TamperKind.DARK, active=False, event_id="e2")
    rig.impairments.tick()
    assert rig.board.parts() == {"sight-front": PartState(True)}


def test_a_tamper_alone_is_no_matter_of_the_part() -> None:
    rig = Rig()
    rig.hear(TamperKind.COVERED)
    rig.hear(TamperKind.COVERED, active=False)
    rig.impairments.tick()

    assert rig.board.parts() == {}


def test_when_the_camera_process_ends_nobody_knows_how_well_it_sees_and_that_is_told_once() -> None:
    rig = Rig()
    rig.hear_sight()
    rig.impairments.ended()
    rig.impairments.ended()
    rig.impairments.tick()

    assert [(event.event_id, event.active) for event in rig.sights] == [("e1", True), ("e1", False)]
    assert "process ended" in rig.sights[-1].detail
    assert rig.impairments.figures() == {"tampers": []}
    assert rig.board.parts() == {"sight-front": PartState(True)}
