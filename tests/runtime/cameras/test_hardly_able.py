from datetime import timedelta

from agent.contract.envelope import rfc3339
from agent.contract.events import HardlyAbleToSeeData
from agent.contract.vocabulary import SightTrouble
from agent.core.camera.link import HardlyAbleToSee
from agent.runtime.cameras.hardly_able import HardlyAbleController
from agent.sim.clock import SimClock
from tests.support.context import Collected, reporter


class Rig:
    """A controller whose clock is moved by hand."""

    def __init__(self) -> None:
        self.clock = SimClock()
        self.drafts = Collected()
        self.controller = HardlyAbleController("front", reporter=reporter(self.drafts), clock=self.clock)

    @property
    def events(self) -> list[HardlyAbleToSeeData]:
        return [draft.data for draft in self.drafts if isinstance(draft.data, HardlyAbleToSeeData)]

    def hear(self, active: bool = True, event_id: str = "e1", ago_s: int = 0) -> None:
        at_ns = self.clock.boottime_ns() - ago_s * 1_000_000_000
        reason = SightTrouble.BLURRED
        self.controller.heard(
            HardlyAbleToSee(event_id=event_id, reason=reason, active=active, boottime_ns=at_ns, detail="focus it")
        )


def test_it_is_told_with_its_beginning_and_its_end_with_how_long_it_was() -> None:
    rig = Rig()
    wall = rig.clock.wall()
    rig.hear(ago_s=20)
    rig.clock.advance(timedelta(seconds=60))
    rig.hear(active=False, ago_s=20)
    begin, end = rig.events

    assert (begin.event_id, begin.camera, begin.reason, begin.active) == ("e1", "front", SightTrouble.BLURRED, True)
    assert (begin.since, begin.duration_ms) == (rfc3339(wall - timedelta(seconds=20)), None)
    assert (end.event_id, end.active, end.duration_ms) == ("e1", False, 60_000)


def test_while_it_goes_on_the_health_has_it_and_words_say_what_to_do() -> None:
    rig = Rig()
    before = rig.controller.figures(), rig.controller.detail
    rig.hear()
    during = rig.controller.figures()["hardly_able_to_see"], rig.controller.detail
    rig.hear(active=False)

    assert before == ({}, "")
    assert during[0]["reason"] == "blurred"
    assert during[0]["event_id"] == "e1"
    assert during[0]["detail"] == "focus it"
    assert during[1] == "hardly able to see: focus it"
    assert (rig.controller.figures(), rig.controller.detail) == before


def test_when_the_camera_process_ends_so_does_the_state_once() -> None:
    rig = Rig()
    rig.hear()
    rig.controller.ended()
    rig.controller.ended()

    assert [(event.event_id, event.active) for event in rig.events] == [("e1", True), ("e1", False)]
    assert "process ended" in rig.events[-1].detail
    assert rig.controller.figures() == {}


def test_an_end_of_something_else_ends_nothing() -> None:
    rig = Rig()
    rig.hear()
    rig.hear(active=False, event_id="e0")

    assert rig.controller.figures()
