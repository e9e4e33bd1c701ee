"""What becomes of a message that the broker has confirmed, or will never take."""

from pathlib import Path

import pytest

from agent.contract.messages import Draft
from agent.outbox import policy
from agent.outbox.backlog import Waiting
from agent.outbox.outbox import Outbox
from tests.support.drafts import alarm, event, reopened, security, taken, write
from tests.support.sim_clock import SimClock


def take(outbox: Outbox) -> Waiting:
    found = outbox.take()
    assert found is not None
    return found[0]


def wakes(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Grows by one each time that the thread `store` is woken from now on."""
    woken: list[str] = []
    monkeypatch.setattr(outbox.writer, "wake", lambda: woken.append("woken"))
    return woken


def test_what_is_given_up_is_forgotten_and_counted(outbox: Outbox, store: Path, clock: SimClock) -> None:
    outbox.put(event("refused"))
    outbox.put(event("waits"))
    write(outbox)
    outbox.give_up(take(outbox))

    assert [figures["event"] for figures in outbox.figures()] == [1, 1]
    outbox.close()
    assert len(reopened(store, clock)) == 1


def test_what_is_confirmed_is_forgotten_and_not_counted_as_given_up(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.put(event())
    write(outbox)
    outbox.confirm(take(outbox))

    assert [figures["event"] for figures in outbox.figures()] == [0, 0]
    outbox.close()
    assert reopened(store, clock) == []


@pytest.mark.parametrize(("draft", "times"), [(alarm(), 1), (security(), 0), (event(), 0)])
def test_a_confirmed_alarm_is_deleted_from_disk_at_once_and_others_with_what_comes_next(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, draft: Draft, times: int
) -> None:
    outbox.put(draft)
    write(outbox)
    waiting = take(outbox)
    woken = wakes(outbox, monkeypatch)
    outbox.confirm(waiting)

    assert len(woken) == times


def test_the_disk_is_read_on_as_soon_as_what_was_read_is_half_sent(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(policy.WINDOW, event().rank, 4)
    for number in range(10):
        outbox.put(event(f"e{number}"))
    write(outbox)
    woken = wakes(outbox, monkeypatch)
    counts = []
    for _ in range(4):
        outbox.confirm(take(outbox))
        counts.append(len(woken))

    assert counts == [0, 1, 2, 3]


def test_whoever_finds_nothing_to_send_has_the_disk_looked_at(outbox: Outbox, monkeypatch: pytest.MonkeyPatch) -> None:
    woken = wakes(outbox, monkeypatch)

    assert outbox.take() is None
    assert woken == ["woken"]


def test_an_alarm_waits_until_a_broker_has_confirmed_it(outbox: Outbox) -> None:
    outbox.put(event())
    assert not outbox.alarm_waits
    outbox.put(alarm())
    waiting = take(outbox)
    assert outbox.alarm_waits
    outbox.confirm(waiting)

    assert not outbox.alarm_waits
    assert len(taken(outbox)) == 1
