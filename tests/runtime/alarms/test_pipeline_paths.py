"""What an alarm that nobody answers makes of the paths to the centre."""

from typing import Any

from agent.contract.vocabulary import AckAction
from agent.core.facts import AlarmDelivered, Announce
from tests.support.kiosk import Kiosk


def alarms(kiosk: Kiosk) -> list[tuple[str, str]]:
    """Type and stage of the alarm messages since the last call."""
    messages: list[dict[str, Any]] = kiosk.sent()
    return [(m["type"], m["data"]["stage"]) for m in messages if m["type"].startswith("edge.alarm.")]


def test_another_path_is_asked_for_when_nobody_answers_in_time_and_whenever_that_is_told_again(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    kiosk.wait(9)
    assert kiosk.asked == []

    kiosk.wait(1)
    kiosk.wait(20)
    assert kiosk.asked == [(f"{alarm_id}/delayed/0/0", True), (f"{alarm_id}/unconfirmed/0/0", False)]
    kiosk.edge(active=False, after_ms=1000)
    kiosk.press()
    assert len(set(kiosk.asked)) == 2
    kiosk.wait(60)
    assert kiosk.asked[-1] == (f"{alarm_id}/unconfirmed/0/1", False)


def test_an_alarm_that_raised_itself_again_asks_anew(kiosk: Kiosk) -> None:
    alarm_id = kiosk.press()
    kiosk.ack(alarm_id, AckAction.REGISTERED)
    kiosk.wait(180)
    kiosk.wait(10)

    assert kiosk.asked == [(f"{alarm_id}/delayed/1/0", True)]


def test_another_broker_is_told_of_every_alarm_that_nobody_has_registered(kiosk: Kiosk) -> None:
    kiosk.pipeline.submit(AlarmDelivered(kiosk.press("police"), kiosk.clock.boottime_ns()))
    kiosk.ack(kiosk.press("hidden"), AckAction.REGISTERED)
    kiosk.pipeline.drain()
    alarms(kiosk)

    kiosk.pipeline.submit(Announce(moved=True))
    kiosk.pipeline.drain()
    assert alarms(kiosk) == [("edge.alarm.updated.v1", "sent")]


def test_an_alarm_that_no_broker_has_yet_is_told_to_the_next_one_once(kiosk: Kiosk) -> None:
    kiosk.press()
    kiosk.pipeline.submit(Announce(moved=True))
    kiosk.pipeline.drain()

    assert alarms(kiosk) == [("edge.alarm.raised.v1", "raised")]


def test_the_same_broker_is_told_nothing_twice(kiosk: Kiosk) -> None:
    kiosk.pipeline.submit(AlarmDelivered(kiosk.press(), kiosk.clock.boottime_ns()))
    kiosk.pipeline.drain()
    alarms(kiosk)

    kiosk.pipeline.submit(Announce())
    kiosk.pipeline.drain()
    assert alarms(kiosk) == []
