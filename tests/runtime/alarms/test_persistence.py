import threading
from types import SimpleNamespace
from typing import Any

import pytest

from agent.bootstrap.parts import restore
from agent.contract.lamps import Pattern
from agent.contract.vocabulary import AckAction
from agent.core.alarms.alarm_book import AlarmBook, Beginning, InputKind
from agent.core.alarms.persistence import encode_alarm
from agent.core.facts import CentreAck
from agent.outbox.outbox import Outbox
from agent.runtime.alarms.persistence import ALARM_KEY, keep_restored, read_kept
from tests.support.alarm_book import CENTRE
from tests.support.command_rig import CommandRig
from tests.support.context import make_context, security_log
from tests.support.drafts import body, taken, write
from tests.support.kiosk import Kiosk
from tests.support.sim_clock import SimClock

KINDS = [InputKind("police", "panic", False)]
CLOCK = SimClock()
NOBODY_LOOKS: Any = SimpleNamespace(restore=lambda: None)
ALARM = (
    AlarmBook(KINDS, CLOCK.boot_id, None)
    .press("police", 5, lambda: Beginning("a1", "2026-01-01T00:00:00.000Z", None))
    .alarm
)


def told(outbox: Outbox) -> list[tuple[str, dict[str, Any]]]:
    write(outbox)
    bodies = [body(message) for message in taken(outbox)]
    return [(found["data"]["severity"], found["data"]) for found in bodies]


def test_an_alarm_that_was_kept_is_open_again_and_nothing_is_told(outbox: Outbox) -> None:
    outbox.keep(ALARM_KEY + "a1", encode_alarm(ALARM))
    write(outbox)
    context = make_context(outbox, CLOCK)
    book = AlarmBook(KINDS, CLOCK.boot_id, None, read_kept(outbox, context))
    keep_restored(book, outbox, context.security)()

    assert book.open() == [ALARM]
    assert told(outbox) == []


def test_an_alarm_that_cannot_be_read_is_told_and_stays_for_an_agent_that_can(outbox: Outbox) -> None:
    strange = encode_alarm(ALARM).replace('"raised"', '"of-a-later-version"')
    outbox.keep(ALARM_KEY + "a1", encode_alarm(ALARM))
    outbox.keep(ALARM_KEY + "a2", strange)
    write(outbox)

    assert read_kept(outbox, make_context(outbox, CLOCK)) == [ALARM]
    [(severity, data)] = told(outbox)
    assert (severity, data["kind"]) == ("alert", "alarm-unreadable")
    assert "a2" in data["text"]
    assert data["detail"]["kept"] == strange
    assert outbox.kept(ALARM_KEY)["alarm/a2"] == strange


def test_alarms_that_are_found_late_join_those_of_this_run_with_lights_and_list(kiosk: Kiosk, outbox: Outbox) -> None:
    pressed = kiosk.press()
    assert kiosk.pipeline.open_ids == {pressed}
    security = security_log(outbox, CLOCK)
    outbox.keep(ALARM_KEY + "a1", encode_alarm(ALARM))

    kiosk.pipeline.restore([ALARM], lambda book: keep_restored(book, outbox, security))
    kiosk.pipeline.restore([ALARM], lambda book: keep_restored(book, outbox, security))
    kiosk.pipeline.drain()

    assert kiosk.pipeline.open_ids == {pressed, "a1"}
    assert kiosk.lights.shown().yellow is Pattern.ON
    assert set(outbox.kept(ALARM_KEY)) == {ALARM_KEY + pressed, ALARM_KEY + "a1"}
    write(outbox)
    listed = [body(message)["data"]["open"] for message in taken(outbox) if message.topic.endswith("/alarms")]
    assert {alarm["alarm_id"] for alarm in listed[-1]} == {pressed, "a1"}


def test_a_close_that_waits_for_a_disk_found_late_is_told_once_and_by_him_who_waits(
    kiosk: Kiosk, outbox: Outbox, handler: CommandRig
) -> None:
    alarm_id = kiosk.press()
    outbox.keep(ALARM_KEY + "a1", encode_alarm(ALARM))

    class FoundMeanwhile(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            restore(make_context(outbox, CLOCK), outbox, kiosk.pipeline, handler.handler, NOBODY_LOOKS)
            return super().wait(0)

    keep = outbox.keep
    outbox.keep = lambda key, value: [FoundMeanwhile(), keep(key, value)][0]  # type: ignore[method-assign]
    assert kiosk.ack(alarm_id, AckAction.CLOSED) == "not-durable"

    closed: list[Any] = [message["data"] for message in kiosk.sent() if message["type"] == "edge.alarm.closed.v1"]
    assert [(data["alarm_id"], data["durable"]) for data in closed] == [(alarm_id, False)]
    assert kiosk.pipeline.open_ids == {"a1"}


@pytest.mark.parametrize("is_told", [True, False], ids=["told", "still waiting for the disk"])
def test_an_alarm_that_is_closed_while_a_disk_found_late_is_read_stays_closed(
    kiosk: Kiosk, outbox: Outbox, handler: CommandRig, is_told: bool
) -> None:
    alarm_id = kiosk.press()
    read = kiosk.pipeline.kept

    def read_and_close() -> dict[str, str]:
        kept = read()
        if is_told:
            kiosk.ack(alarm_id, AckAction.CLOSED)
        else:
            kiosk.pipeline._alarms.acknowledged(CentreAck(alarm_id, AckAction.CLOSED, CENTRE, 0, None))
        return kept

    kiosk.pipeline.kept = read_and_close  # type: ignore[method-assign]
    restore(make_context(outbox, CLOCK), outbox, kiosk.pipeline, handler.handler, NOBODY_LOOKS)
    kiosk.pipeline.drain()

    assert kiosk.pipeline.open_ids == frozenset()
    assert kiosk.lights.shown().yellow is Pattern.OFF


def test_waits_that_began_anew_are_kept_so_that_a_crash_loop_does_not_begin_them_anew_for_ever(
    outbox: Outbox,
) -> None:
    context = make_context(outbox, CLOCK)
    outbox.keep(ALARM_KEY + "a1", encode_alarm(ALARM))
    write(outbox)
    first = AlarmBook(KINDS, "boot-2", None, read_kept(outbox, context), now_ns=1_000)
    keep_restored(first, outbox, context.security)()
    write(outbox)
    again = AlarmBook(KINDS, "boot-2", None, read_kept(outbox, context), now_ns=9_000)

    assert again.open() == first.open()
    assert again.open()[0].since_ns == 1_000


def test_an_alarm_of_an_input_that_is_gone_stays_open_and_is_told(outbox: Outbox) -> None:
    book = AlarmBook([], CLOCK.boot_id, None, [ALARM])
    keep_restored(book, outbox, security_log(outbox, CLOCK))()

    [(severity, data)] = told(outbox)
    assert (severity, data["kind"]) == ("warning", "alarm-without-input")
    assert data["detail"] == {"alarm_id": "a1", "input": "police"}
    assert list(outbox.kept(ALARM_KEY)) == ["alarm/a1"]
