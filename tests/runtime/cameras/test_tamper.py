from datetime import timedelta

import pytest

from agent.contract.envelope import rfc3339
from agent.contract.events import CameraTamperData
from agent.contract.kinds import EVENT_EXPIRY_S
from agent.contract.messages import Rank
from agent.contract.vocabulary import TamperKind
from agent.core.camera.link import CameraTamper, Heartbeat
from agent.runtime.cameras.tamper import TamperController
from agent.sim.clock import SimClock
from tests.support.context import Collected, reporter

SECOND = 1_000_000_000


class TamperRig:
    """A desk whose clock is moved by hand."""

    def __init__(self, kinds: tuple[TamperKind, ...] = tuple(TamperKind)) -> None:
        self.clock = SimClock()
        self.looked = 0
        self.drafts = Collected()
        self.desk = TamperController(
            "front",
            kinds,
            10.0,
            reporter=reporter(self.drafts),
            clock=self.clock,
        )

    @property
    def events(self) -> list[CameraTamperData]:
        return [draft.data for draft in self.drafts if isinstance(draft.data, CameraTamperData)]

    @property
    def changes(self) -> list[tuple[TamperKind, bool]]:
        return [(event.kind, event.active) for event in self.events]

    def hear(self, kind: TamperKind, active: bool = True, event_id: str = "e1", ago_s: float = 0) -> None:
        at_ns = self.clock.boottime_ns() - int(ago_s * SECOND)
        self.desk.heard(CameraTamper(event_id=event_id, kind=kind, active=active, boottime_ns=at_ns, detail="so"))

    def pass_time(self, seconds: float, frame_age_ms: int | None = None, looks: int = 10) -> None:
        """`frame_age_ms` in the sign of life of each second, in which the process looks at so many frames."""
        for number in range(round(seconds * 4)):
            self.clock.advance(timedelta(seconds=0.25))
            if frame_age_ms is not None and number % 4 == 0:
                self.looked += looks
                self.desk.beat(beat(frame_age_ms, self.looked))
            self.desk.tick()


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
    desk = TamperRig()
    wall = desk.clock.wall()
    desk.hear(TamperKind.TURNED, ago_s=4)
    desk.clock.advance(timedelta(seconds=60))
    desk.hear(TamperKind.TURNED, active=False, ago_s=3)
    begin, end = desk.events

    assert (begin.event_id, begin.camera, begin.kind, begin.active) == ("e1", "front", TamperKind.TURNED, True)
    assert begin.since == rfc3339(wall - timedelta(seconds=4))
    assert begin.duration_ms is None
    assert dict(begin.codes) == {"contact_id": "137", "sia": "TA"}
    assert (end.event_id, end.active, end.duration_ms) == ("e1", False, 61_000)
    assert end.since == rfc3339(wall + timedelta(seconds=57))
    assert dict(end.codes) == {"contact_id": "137", "sia": "TR"}


def test_a_tamper_goes_with_the_security_events_for_ever_and_the_dark_as_any_event() -> None:
    desk = TamperRig()
    desk.hear(TamperKind.COVERED)
    desk.hear(TamperKind.DARK, event_id="e2")
    covered, dark = desk.drafts

    assert (covered.rank, covered.expiry_s) == (Rank.SECURITY, None)
    assert (dark.rank, dark.expiry_s) == (Rank.EVENT, EVENT_EXPIRY_S)
    assert covered.topic == dark.topic == "edge/v1/gp/park-station/kiosk-1/up/event/camera-tamper"
    assert covered.type == "edge.event.camera-tamper.v1"
    assert not desk.events[1].codes


def test_the_figures_have_what_is_active() -> None:
    desk = TamperRig()
    assert desk.desk.figures() == []
    desk.hear(TamperKind.COVERED)
    assert desk.desk.figures() == [{"kind": "covered", "event_id": "e1", "since": desk.events[0].since}]
    desk.hear(TamperKind.COVERED, active=False)
    assert desk.desk.figures() == []


def test_an_end_of_what_never_began_is_not_told() -> None:
    desk = TamperRig()
    desk.hear(TamperKind.COVERED, active=False)
    assert desk.events == []


def test_pictures_that_stop_are_a_lost_signal_and_come_back_under_the_same_id() -> None:
    desk = TamperRig()
    desk.pass_time(10, 100)
    desk.pass_time(5)
    assert desk.changes == [(TamperKind.SIGNAL_LOST, True)]
    assert [each["kind"] for each in desk.desk.figures()] == ["signal-lost"]
    desk.pass_time(5, 100)
    begin, end = desk.events
    assert (end.kind, end.active, end.event_id) == (TamperKind.SIGNAL_LOST, False, begin.event_id)
    assert end.duration_ms == pytest.approx(5000, abs=1500)
    assert desk.desk.figures() == []


def test_a_second_loss_is_another_happening() -> None:
    desk = TamperRig()
    for _ in range(2):
        desk.pass_time(10, 100)
        desk.pass_time(5)
    assert [event.active for event in desk.events] == [True, False, True]
    assert len({event.event_id for event in desk.events}) == 2


def test_stamps_that_stand_still_are_one_happening_whichever_is_found_first() -> None:
    desk = TamperRig()
    desk.pass_time(10, 100)
    desk.pass_time(3)
    desk.hear(TamperKind.FROZEN)
    desk.pass_time(0.75)
    for age_s in range(4, 24):
        desk.pass_time(1, age_s * 1000)
    assert desk.changes == [(TamperKind.FROZEN, True)]

    desk = TamperRig()
    desk.pass_time(10, 100)
    desk.pass_time(5)
    desk.hear(TamperKind.FROZEN)
    desk.hear(TamperKind.FROZEN, active=False)
    assert desk.changes == [(TamperKind.SIGNAL_LOST, True)]


@pytest.mark.parametrize("beats", [True, False])
def test_a_camera_that_was_frozen_and_then_is_cut_off_is_lost_as_well(beats: bool) -> None:
    desk = TamperRig()
    desk.pass_time(10, 100)
    desk.hear(TamperKind.FROZEN)
    desk.pass_time(10, 100)
    for age_s in range(1, 7):
        desk.pass_time(1, age_s * 1000 if beats else None, looks=0)
    assert desk.changes == [(TamperKind.FROZEN, True), (TamperKind.SIGNAL_LOST, True)]


def test_a_process_that_ends_takes_its_tampers_along_but_not_the_lost_signal() -> None:
    desk = TamperRig()
    desk.pass_time(10, 100)
    desk.hear(TamperKind.FROZEN)
    desk.desk.ended()
    assert desk.changes == [(TamperKind.FROZEN, True), (TamperKind.FROZEN, False)]
    assert "no longer known" in desk.events[1].detail
    desk.pass_time(5)
    desk.desk.ended()
    assert desk.changes[2:] == [(TamperKind.SIGNAL_LOST, True)]


def test_where_the_settings_leave_it_out_no_lost_signal_is_told() -> None:
    desk = TamperRig((TamperKind.COVERED,))
    desk.pass_time(10, 100)
    desk.pass_time(60)
    assert desk.events == []
