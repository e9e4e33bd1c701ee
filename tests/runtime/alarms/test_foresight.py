"""What is worked out beforehand is, byte for byte, what would have been worked out at the press."""

import json
from datetime import timedelta
from typing import Any

import pytest

from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm import AlarmBook, InputKind
from agent.core.alarms.persistence import decode_alarm
from agent.core.events import AlarmDelivered, CentreAck
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.foresight import Foresight
from agent.runtime.alarms.persistence import ALARM_KEY
from agent.sim.clock import SimClock
from tests.support.drafts import DRAFTS, body, event, taken

KINDS = [InputKind("police", "panic", False), InputKind("hidden", "duress", True)]
PLACE = {"lat": -26.2, "lon": 28.0, "text": "100 % under %(seq)s the clock"}


class Desk:
    """A book and its foresight."""

    def __init__(self, outbox: Outbox, clock: SimClock, place: dict[str, Any], *, has_camera: bool = False) -> None:
        self.outbox = outbox
        self.clock = clock
        self.book = AlarmBook(KINDS, clock.boot_id, place)
        self.foresight = Foresight(self.book, outbox, DRAFTS, has_camera=has_camera)

    def work_out(self) -> None:
        self.foresight.forget()
        while not self.foresight.is_complete:
            self.foresight.work_out_one()

    def press(self, name: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """The data that was told, and what the book makes of the same press."""
        edge_ns = self.clock.boottime_ns()
        accepted = self.foresight.accept(name, edge_ns, lambda: "2026-01-01T00:00:00.123Z")
        assert accepted is not None
        change = self.book.press(name, edge_ns, *accepted, None)
        [message] = taken(self.outbox)
        alarm = change.alarm
        assert decode_alarm(self.outbox.kept(ALARM_KEY)[ALARM_KEY + alarm.data.alarm_id]) == alarm
        assert (body(message)["source"], body(message)["bootid"]) == (DRAFTS.identity.source, self.clock.boot_id)
        assert body(message)["type"] == f"edge.alarm.{change.change}.v1"
        expected = DRAFTS.alarm("updated", alarm.data)
        assert message.topic == expected.topic
        assert body(message)["subject"] == expected.subject
        return body(message)["data"], json.loads(alarm.data.model_dump_json(exclude_none=True))


@pytest.fixture
def desk(outbox: Outbox, clock: SimClock) -> Desk:
    return Desk(outbox, clock, PLACE)


@pytest.mark.parametrize("name", ["police", "hidden"])
def test_every_press_in_the_life_of_an_alarm_says_what_the_book_says(desk: Desk, clock: SimClock, name: str) -> None:
    for step in (None, "delivered", AckAction.REGISTERED, AckAction.DISPATCHED, AckAction.CLOSED):
        if step == "delivered":
            desk.book.delivered(AlarmDelivered(desk.book.open()[0].data.alarm_id, clock.boottime_ns()))
        elif isinstance(step, AckAction):
            alarm_id = desk.book.open()[0].data.alarm_id
            desk.book.acknowledged(CentreAck(alarm_id, step, "centre", clock.boottime_ns()))
        desk.work_out()
        clock.advance(timedelta(seconds=1))
        told, meant = desk.press(name)
        assert told == meant


def test_the_stamp_is_that_of_the_moment_of_the_press(desk: Desk, clock: SimClock, outbox: Outbox) -> None:
    desk.work_out()
    clock.advance(timedelta(days=3))
    outbox.put(event())
    desk.foresight.accept("police", clock.boottime_ns(), lambda: "now")
    message = body(next(m for m in taken(outbox) if "/alarm/" in m.topic))

    assert message["seq"] == 2
    assert message["time"].startswith("2026-01-04")
    assert message["monoms"] == clock.boottime_ns() // 1_000_000
    assert type(message["monoms"]) is int
    assert message["timeq"] == "synced"
    assert message["data"]["raised_at"] == "now"


def test_nothing_is_foreseen_of_alarms_that_have_changed(desk: Desk) -> None:
    desk.work_out()
    desk.foresight.forget()

    assert desk.foresight.accept("police", 1, lambda: "now") is None
    assert not desk.foresight.is_complete


def test_a_new_alarm_of_a_kiosk_with_a_camera_is_not_foreseen_but_its_further_presses_are(
    outbox: Outbox, clock: SimClock
) -> None:
    desk = Desk(outbox, clock, PLACE, has_camera=True)
    desk.work_out()
    assert desk.foresight.accept("police", 1, lambda: "now") is None

    desk.book.press("police", 1, "a1", "now", None)
    desk.work_out()
    accepted = desk.foresight.accept("police", 2, lambda: "now")
    assert accepted is not None
    assert accepted.alarm_id == "a1"


@pytest.mark.parametrize("text", ["@id@", "@raised-at@", "@time@ and @timeq@", "9999999999999991"])
def test_a_place_that_reads_like_a_blank_is_not_mangled(outbox: Outbox, clock: SimClock, text: str) -> None:
    desk = Desk(outbox, clock, {"text": text})
    desk.work_out()

    assert desk.foresight.accept("police", 1, lambda: "now") is None
    assert desk.foresight.is_complete
