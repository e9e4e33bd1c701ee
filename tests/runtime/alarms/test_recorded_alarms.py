"""What a press asks of the recorders: after its message is on its way, and nothing for a test."""

import pytest

from agent.contract.messages import AlarmClip, AlarmData
from agent.outbox.outbox import Outbox
from tests.support.kiosk import Kiosk
from tests.support.sim_clock import SimClock

CLIPS = (AlarmClip(camera="front", clip="c1"),)


class Recorders:
    """Stands for them, and notes how many messages had been handed to the sender by then."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool, int]] = []
        self.sent = 0

    def clips(self) -> tuple[AlarmClip, ...] | None:
        return CLIPS

    def pressed(self, alarm: AlarmData, press_ns: int, *, is_new: bool) -> None:
        assert press_ns > 0
        self.asked.append((alarm.status, is_new, self.sent))

    def closed(self, alarm_id: str) -> None:
        self.asked.append((alarm_id, False, self.sent))

    def on_send(self) -> None:
        self.sent += 1


@pytest.fixture
def recorders() -> Recorders:
    return Recorders()


def test_an_alarm_names_its_clips_and_is_on_its_way_before_a_recorder_hears_of_it(
    outbox: Outbox, clock: SimClock, recorders: Recorders
) -> None:
    kiosk = Kiosk(outbox, clock, recordings=recorders, on_send=recorders.on_send)
    kiosk.edge()
    assert recorders.asked == [], "it is a follow-up of the press"
    assert kiosk.book.open()[0].data.clips == CLIPS

    kiosk.wait(0.3)
    kiosk.edge(active=False)
    kiosk.edge(after_ms=100)
    kiosk.wait(0.3)
    assert [(status, is_new) for status, is_new, _ in recorders.asked] == [("actual", True), ("actual", False)]
    assert recorders.asked[0][2] >= 1


def test_a_test_names_no_clips(outbox: Outbox, clock: SimClock, recorders: Recorders) -> None:
    kiosk = Kiosk(outbox, clock, recordings=recorders)
    assert kiosk.pipeline.test_mode(60, None) == "ok"
    kiosk.wait(1)
    kiosk.edge()
    kiosk.wait(0.3)
    [alarm] = kiosk.book.open()
    assert (alarm.data.status, alarm.data.clips) == ("test", None)
