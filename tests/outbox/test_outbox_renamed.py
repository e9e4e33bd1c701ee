"""A device that has got another name: no broker takes from it what has waited under the one before."""

from pathlib import Path

import pytest

from agent.contract.envelope import MessageFactory
from agent.contract.identity import Identity
from agent.contract.messages import Draft
from agent.outbox.outbox import Outbox
from tests.support.drafts import (
    FACTORY,
    IDENTITY,
    alarm,
    alarm_data,
    body,
    event,
    killed,
    open_outbox,
    picture,
    security,
    taken,
    write,
)
from tests.support.outbox_fixtures import OTHER_BOOT, retry
from tests.support.sim_clock import SimClock
from tests.support.stores import DeadStore

NEW = Identity("gp", "park-station", "kiosk-10")
"""It begins as the old one does."""
WAS = "edge/v1/gp/park-station/kiosk-1"


def renamed(directory: Path, clock: SimClock, identity: Identity = NEW) -> Outbox:
    return open_outbox(directory, clock, identity=identity)


def new_alarm() -> Draft:
    return MessageFactory(NEW).alarm("updated", alarm_data())


def test_what_waits_under_the_old_name_is_given_up_and_counted_and_an_open_alarm_is_still_known(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.put(alarm("a1"), keep={"alarm/a1": "open"})
    for draft in (FACTORY.alarm("closed", alarm_data("a2")), security(), event(), event(), picture()):
        outbox.put(draft)
    write(outbox)
    outbox.close()

    again = renamed(store, clock)
    [notice] = again.notices()
    assert (notice.kind, notice.detail) == (
        "renamed",
        {"was": WAS, "given_up": {"alarm": 2, "security": 1, "event": 2, "picture": 1}},
    )
    assert f"this device was {WAS}" in notice.text
    assert again.kept("alarm/") == {"alarm/a1": "open"}
    assert not again.alarm_waits
    again.put(new_alarm())
    assert [(m.topic, body(m)["source"]) for m in taken(again)] == [(f"{NEW.base}/up/alarm/police", NEW.source)]
    again.close()

    third = renamed(store, clock)
    assert (taken(third), third.notices()) == ([], [])
    third.close()


def test_all_numbers_of_the_record_that_were_given_up_count_as_done(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    for _ in range(3):
        outbox.put(event())
    write(outbox)
    outbox.close()

    again = renamed(store, clock)
    assert again.record == (3, 3)
    again.put(new_alarm())
    [message] = taken(again)
    assert (body(message)["record"], body(message)["recorddone"]) == (4, 3)
    again.close()


def test_nothing_that_was_told_under_the_old_name_is_sent_again_for_a_replay(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.put(alarm())
    outbox.put(event())
    write(outbox)
    taken(outbox)
    write(outbox)
    outbox.close()

    again = renamed(store, clock)
    again.put(new_alarm())
    taken(again)
    write(again)
    assert [message.number for message in again.writer.housekeeping.record.load(1, 9)] == [3]
    assert again.notices() == []
    again.close()


def test_what_only_the_black_box_has_is_given_up_too_and_counted_once(store: Path, clock: SimClock) -> None:
    outbox = open_outbox(store, clock)
    outbox.put(alarm(), keep={"alarm/a1": "open"})
    write(outbox)
    outbox.put(event())
    outbox.put(alarm("a2"), keep={"alarm/a2": "open"})
    copy = killed(store)
    outbox.close()

    again = renamed(copy, clock)
    assert [dict(notice.detail["given_up"]) for notice in again.notices()] == [{"event": 1, "alarm": 2}]
    assert taken(again) == []
    assert set(again.kept("alarm/")) == {"alarm/a1", "alarm/a2"}
    again.close()


def test_a_disk_that_comes_late_brings_nothing_of_the_old_name(outbox: Outbox, store: Path, clock: SimClock) -> None:
    outbox.put(alarm(), keep={"alarm/a1": "open"})
    write(outbox)
    outbox.put(event())
    copy = killed(store)
    message_store = DeadStore(copy)
    late = open_outbox(copy, clock, message_store, identity=NEW)
    assert taken(late) == []
    late.put(new_alarm())
    message_store.dead = False
    retry(late, clock)

    assert [body(message)["source"] for message in taken(late)] == [NEW.source]
    assert [dict(notice.detail["given_up"]) for notice in late.notices()] == [{"event": 1}, {"alarm": 1}]
    assert late.kept("alarm/") == {"alarm/a1": "open"}
    late.close()


@pytest.mark.parametrize("clock_now", [SimClock(), SimClock(boot_id=OTHER_BOOT)], ids=["same boot", "another boot"])
def test_with_the_name_that_it_had_all_waits_as_before(outbox: Outbox, store: Path, clock_now: SimClock) -> None:
    outbox.put(alarm())
    outbox.put(event())
    write(outbox)
    outbox.close()
    again = renamed(store, clock_now, IDENTITY)
    assert len(taken(again)) == 2
    assert again.notices() == []
    again.close()
