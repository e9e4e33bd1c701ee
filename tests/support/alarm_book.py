"""A book of alarms, and the shortest way to tell it something."""

from typing import Any

from agent.contract.messages import AlarmData, Answer
from agent.contract.vocabulary import AckAction, Location
from agent.core.alarms.alarm_book import AlarmBook, AlarmChange, Beginning, InputKind, OpenAlarm
from agent.core.facts import AlarmDelivered, CentreAck

KINDS = [
    InputKind("police", "panic", False),
    InputKind("clinic", "medical", False),
    InputKind("hidden", "duress", True),
]
MS = 1_000_000
CENTRE = Answer(issuer="centre", at="2026-01-01T00:00:00.000Z")
PLACE: Location = {"lat": 1.0, "lon": 2.0, "text": "the platform"}


def book(restored: list[OpenAlarm] | None = None, boot_id: str = "boot-1", kinds: Any = KINDS) -> AlarmBook:
    return AlarmBook(kinds, boot_id, PLACE, restored or [])


def press(to: AlarmBook, name: str = "police", alarm_id: str = "a1", at_ms: int = 0) -> AlarmChange:
    return to.press(name, at_ms * MS, lambda: Beginning(alarm_id, "2026-01-01T00:00:00.000Z", None))


def deliver(to: AlarmBook, alarm_id: str = "a1", at_ms: int = 0) -> AlarmChange | None:
    return to.delivered(AlarmDelivered(alarm_id, at_ms * MS))


def ack(to: AlarmBook, action: AckAction, alarm_id: str = "a1", at_ms: int = 0) -> AlarmChange | None:
    return to.acknowledged(CentreAck(alarm_id, action, CENTRE, at_ms * MS))


def due_s(alarms: AlarmBook) -> float:
    due_ns = alarms.next_due_ns()
    assert due_ns is not None
    return due_ns / (1_000 * MS)


def tick(alarms: AlarmBook, at_s: int) -> list[AlarmData]:
    return [change.alarm.data for change in alarms.tick(at_s * 1_000 * MS)]
