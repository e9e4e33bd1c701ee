from datetime import timedelta
from pathlib import Path

import pytest

from agent.contract.events import PartData
from agent.contract.messages import AlarmsData, Rank
from agent.outbox import backlog
from agent.outbox.backlog import Waiting
from agent.outbox.outbox import Outbox
from tests.support.drafts import (
    FACTORY,
    alarm,
    body,
    drained,
    event,
    health,
    killed,
    open_outbox,
    picture,
    reopened,
    security,
    seqs,
    taken,
    write,
)
from tests.support.fake_ports import topics
from tests.support.sim_clock import SimClock


def test_the_most_important_class_leaves_first_and_the_oldest_of_it(outbox: Outbox) -> None:
    for draft in (health(), picture(), event(), security("one"), alarm("a1"), security("two"), alarm("a2")):
        outbox.put(draft)
    write(outbox)

    messages = taken(outbox)

    assert topics(messages) == [
        "alarm/police",
        "alarm/police",
        "security/boot",
        "security/boot",
        "event/person-left",
        "snapshot/p1",
        "health",
    ]
    assert [body(message)["data"]["alarm_id"] for message in messages[:2]] == ["a1", "a2"]
    assert [body(message)["data"]["text"] for message in messages[2:4]] == ["one", "two"]


def test_text_that_utf_8_cannot_encode_costs_neither_its_message_nor_a_number(outbox: Outbox) -> None:
    for detail in ("well", "disk-\udce9", "well"):
        outbox.put(FACTORY.part("part-degraded", PartData(part=detail, detail=detail)))
    write(outbox)

    messages = taken(outbox)

    assert [body(each)["data"]["detail"] for each in messages] == ["well", "disk-?", "well"]
    assert body(messages[1])["subject"] == "part/disk-?"
    first = seqs(messages)[0]
    assert seqs(messages) == [first, first + 1, first + 2]


def test_a_message_may_leave_at_once_since_a_killed_process_does_not_lose_it(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.put(alarm(), keep={"alarm/a1": "open"})
    copy = killed(store)
    assert outbox.take() is not None

    again = open_outbox(copy, clock)
    assert again.kept("alarm/") == {"alarm/a1": "open"}
    assert topics(taken(again)) == ["alarm/police"]
    again.put(alarm("a2"))
    assert seqs(taken(again)) == [2]
    again.close()


@pytest.mark.parametrize("count", [1, 8, 9, 16, 17, 1000])
def test_more_than_memory_holds_is_read_back_once_each_and_in_order(
    outbox: Outbox, store: Path, clock: SimClock, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    monkeypatch.setattr(backlog, "WINDOW", dict.fromkeys(Rank, 8))
    for number in range(count):
        outbox.put(event(f"e{number}"))
        if number % 3 == 0:
            write(outbox)
    write(outbox)

    messages = drained(outbox)

    assert seqs(messages) == list(range(1, count + 1))
    assert outbox.figures()[0]["event"] == 0
    outbox.close()
    assert reopened(store, clock) == []


def test_a_message_that_was_read_back_within_seconds_is_not_called_historical(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "WINDOW", dict.fromkeys(Rank, 2))
    for number in range(6):
        outbox.put(event(f"e{number}"))
    write(outbox)

    messages = drained(outbox)
    outbox.close()

    assert [body(message)["data"]["historical"] for message in messages] == [False] * 6


def test_what_has_expired_is_dropped_and_counted_but_never_an_alarm(outbox: Outbox, clock: SimClock) -> None:
    for draft in (alarm(), event(), health(), picture(), security()):
        outbox.put(draft)
    write(outbox)
    clock.advance(timedelta(days=2))

    assert topics(taken(outbox)) == ["alarm/police", "security/boot"]
    assert {name: count for name, count in outbox.figures()[1].items() if count} == {
        "event": 1,
        "picture": 1,
        "health": 1,
    }


def test_the_budget_drops_pictures_then_events_and_nothing_else(store: Path, clock: SimClock) -> None:
    outbox = open_outbox(store, clock, telemetry_max_bytes=50_000)
    for number in range(30):
        outbox.put(alarm(f"a{number}"))
        outbox.put(security())
    for number in range(60):
        outbox.put(picture(f"p{number}", bytes(2_000)))
    for _ in range(10):
        outbox.put(event())
    write(outbox)

    waiting, dropped = outbox.figures()
    assert (waiting["alarm"], waiting["security"], waiting["event"]) == (30, 30, 10)
    assert (dropped["alarm"], dropped["security"], dropped["state"], dropped["event"]) == (0, 0, 0, 0)
    assert waiting["picture"] == 60 - dropped["picture"]
    assert 0 < waiting["picture"] * 2_000 <= 50_000
    outbox.close()


def test_whoever_sends_is_told_of_what_is_accepted_and_of_what_is_read_back(store: Path, clock: SimClock) -> None:
    told: list[str] = []
    outbox = open_outbox(store, clock)
    outbox.when_ready(lambda: told.append("ready"))
    outbox.accept(event(), None)
    assert told == []
    outbox.wake()
    outbox.put(event())
    assert told == ["ready"] * 2

    for number in range(300):
        outbox.accept(event(f"e{number}"), None)
    write(outbox)
    told.clear()
    taken(outbox)
    write(outbox)
    assert told == ["ready"]
    outbox.close()


def test_health_is_never_written(outbox: Outbox, store: Path, clock: SimClock) -> None:
    outbox.put(health())
    write(outbox)
    outbox.close()

    assert reopened(store, clock) == []


def test_what_the_budget_takes_while_it_is_on_its_way_is_counted_once(store: Path, clock: SimClock) -> None:
    outbox = open_outbox(store, clock, telemetry_max_bytes=10_000)
    outbox.put(picture("on-its-way", bytes(4_000)))
    outbox.put(picture("done", bytes(4_000)))
    write(outbox)
    on_its_way, done = outbox.take(), outbox.take()
    assert on_its_way is not None
    assert done is not None
    for number in range(4):
        outbox.put(picture(f"p{number}", bytes(4_000)))
    outbox._backlog.finish(done[0])
    write(outbox)
    outbox.confirm(on_its_way[0])
    left = len(taken(outbox))

    waiting, dropped = outbox.figures()
    assert waiting["picture"] == 0
    assert left + dropped["picture"] == 4
    outbox.close()


def test_a_message_given_back_keeps_its_place(outbox: Outbox) -> None:
    for number in range(3):
        outbox.put(alarm(f"a{number}"))
    write(outbox)
    held: list[Waiting] = []
    for _ in range(3):
        found = outbox.take()
        assert found is not None
        held.append(found[0])
    for waiting in (held[2], held[0], held[1]):
        outbox.give_back(waiting)

    assert seqs(taken(outbox)) == [1, 2, 3]


@pytest.fixture
def few_retained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backlog, "RETAINED_WAITING", 4)


@pytest.mark.usefixtures("few_retained")
def test_retained_messages_that_no_broker_confirms_do_not_pile_up_and_the_newest_ones_stay(outbox: Outbox) -> None:
    for number in range(50):
        outbox.put(FACTORY.alarms(AlarmsData(open=())))
        outbox.put(alarm(f"a{number}"))
        if number % 3 == 0:
            write(outbox)
    assert outbox.figures()[0]["state"] == backlog.RETAINED_WAITING
    assert outbox.figures()[1]["state"] == 50 - backlog.RETAINED_WAITING

    messages = taken(outbox)
    assert topics(messages).count("alarm/police") == 50
    retained = [message for message in messages if message.retain]
    assert [body(message)["seq"] for message in retained] == [93, 95, 97, 99]
    write(outbox)
    assert outbox.figures()[0] == dict.fromkeys(outbox.figures()[0], 0)


@pytest.mark.usefixtures("few_retained")
def test_a_retained_message_that_is_on_its_way_is_not_taken_from_the_sender(outbox: Outbox) -> None:
    outbox.put(FACTORY.alarms(AlarmsData(open=())))
    found = outbox.take()
    assert found is not None
    for _ in range(20):
        outbox.put(FACTORY.alarms(AlarmsData(open=())))
    outbox.give_back(found[0])

    assert [body(message)["seq"] for message in taken(outbox)] == [1, 19, 20, 21]


@pytest.mark.usefixtures("few_retained")
def test_retained_messages_of_an_earlier_run_count_too(tmp_path: Path, clock: SimClock) -> None:
    for _ in range(5):
        opened = open_outbox(tmp_path / "again", clock)
        for _ in range(3):
            opened.put(FACTORY.alarms(AlarmsData(open=())))
        opened.close()
    opened = open_outbox(tmp_path / "again", clock)
    write(opened)

    assert opened.figures()[0]["state"] <= backlog.RETAINED_WAITING
    opened.close()


def test_places_follow_one_another_so_that_none_is_skipped_of_what_was_promised(outbox: Outbox) -> None:
    outbox.put(event())
    outbox.put(event())
    places = [waiting.row.ord for waiting, _ in iter(outbox.take, None)]

    assert places == [1, 2]
