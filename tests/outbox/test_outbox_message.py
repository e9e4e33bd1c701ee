"""What a message looks like that the outbox hands over to be sent."""

import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agent.contract.messages import AlarmsData, Draft, ResultData
from agent.contract.vocabulary import TimeQuality
from agent.outbox.outbox import HISTORICAL_S, Outbox
from tests.support.drafts import (
    FACTORY,
    IDENTITY,
    alarm,
    body,
    event,
    health,
    open_outbox,
    picture,
    taken,
    write,
)
from tests.support.sim_clock import SimClock


def test_a_message_names_its_device_and_its_boot(outbox: Outbox, clock: SimClock) -> None:
    outbox.put(event())
    [message] = taken(outbox)

    assert (body(message)["source"], body(message)["bootid"]) == (IDENTITY.source, clock.boot_id)


@pytest.mark.parametrize(
    ("draft", "qos", "retain", "content_type"),
    [
        (alarm(), 1, False, "application/cloudevents+json"),
        (health(), 0, False, "application/cloudevents+json"),
        (FACTORY.alarms(AlarmsData(open=())), 1, True, "application/cloudevents+json"),
        (picture(), 1, False, "image/jpeg"),
    ],
    ids=["alarm", "health", "alarms", "picture"],
)
def test_a_message_is_delivered_as_its_kind_demands_and_says_what_it_is(
    outbox: Outbox, draft: Draft, qos: int, retain: bool, content_type: str
) -> None:
    outbox.put(draft)
    [message] = taken(outbox)

    assert (message.qos, message.retain, message.content_type) == (qos, retain, content_type)


def test_a_result_answers_the_command_by_the_correlation_data_that_came_with_it(outbox: Outbox) -> None:
    data = ResultData(command_id="c1", name="locate", status="succeeded", code="ok", text="done")
    outbox.put(FACTORY.result(data, correlation_data=b"of the centre"))
    outbox.put(event())

    assert [message.correlation_data for message in taken(outbox)] == [b"of the centre", None]


@pytest.mark.parametrize("quality", [TimeQuality.SYNCED, TimeQuality.UNSYNCED])
def test_a_message_says_when_it_was_accepted_and_how_far_its_clock_is_to_be_trusted(
    store: Path, quality: TimeQuality
) -> None:
    clock = SimClock(wall=datetime(2026, 7, 1, 12, 0, 0, 250_000, tzinfo=UTC), quality=quality)
    outbox = open_outbox(store, clock)
    outbox.put(event())
    clock.advance(timedelta(seconds=5))
    [message] = taken(outbox)
    outbox.close()

    assert (body(message)["time"], body(message)["timeq"]) == ("2026-07-01T12:00:00.250Z", quality)


def test_numbers_and_times_of_an_envelope_are_whole(outbox: Outbox, clock: SimClock) -> None:
    clock.advance(timedelta(days=30, microseconds=1_500_700))
    outbox.put(event())
    [message] = taken(outbox)

    assert type(body(message)["seq"]) is int
    assert type(body(message)["monoms"]) is int
    assert body(message)["monoms"] == clock.boottime_ns() // 1_000_000


def test_an_identifier_holds_the_time_in_milliseconds(store: Path) -> None:
    outbox = open_outbox(store, SimClock(wall=datetime(2033, 5, 18, 3, 33, 20, 7_000, tzinfo=UTC)))

    assert uuid.UUID(outbox.new_id()).int >> 80 == 2_000_000_000_007
    outbox.close()


def test_a_message_that_leaves_late_says_so(outbox: Outbox, clock: SimClock) -> None:
    outbox.put(alarm("late"))
    write(outbox)
    clock.advance(timedelta(hours=1))
    outbox.put(alarm("fresh"))
    write(outbox)

    late, fresh = map(body, taken(outbox))
    assert [late["data"]["historical"], fresh["data"]["historical"]] == [True, False]
    assert late["nonce"] == fresh["nonce"] == outbox.nonces.newest(clock.boottime_ns())


def test_a_message_that_waited_as_long_as_is_usual_is_not_late(outbox: Outbox, clock: SimClock) -> None:
    outbox.put(alarm())
    clock.advance(timedelta(seconds=HISTORICAL_S))

    assert [body(message)["data"]["historical"] for message in taken(outbox)] == [False]


def test_a_picture_is_sent_as_it_is_however_late_and_whatever_is_in_it(outbox: Outbox, clock: SimClock) -> None:
    outbox.put(picture("p1", b"1"))
    write(outbox)
    clock.advance(timedelta(seconds=HISTORICAL_S + 1))

    assert [message.payload for message in taken(outbox)] == [b"1"]


def test_the_expiry_that_the_broker_hears_is_what_is_left_of_it(outbox: Outbox, clock: SimClock) -> None:
    outbox.put(event())
    write(outbox)
    clock.advance(timedelta(hours=1))

    [message] = taken(outbox)

    assert message.expiry_s == 23 * 3600


def test_within_a_boot_a_message_ages_by_the_boot_time_whatever_becomes_of_the_wall_clock(
    outbox: Outbox, clock: SimClock
) -> None:
    outbox.put(event())
    clock.advance(timedelta(hours=1))
    clock.step_wall(-timedelta(hours=1))

    assert [message.expiry_s for message in taken(outbox)] == [23 * 3600]


@pytest.mark.parametrize(("left_s", "told"), [(1.999, [1]), (0.999, [1]), (0.001, [1]), (0, [])])
def test_the_last_second_of_a_message_is_told_as_a_whole_one(
    outbox: Outbox, clock: SimClock, left_s: float, told: list[int]
) -> None:
    outbox.put(event())
    clock.advance(timedelta(days=1) - timedelta(seconds=left_s))

    assert [message.expiry_s for message in taken(outbox)] == told
