import threading
from datetime import timedelta
from pathlib import Path

import pytest

from agent.contract.messages import Draft, Rank
from agent.outbox import backlog
from agent.outbox.outbox import Outbox
from agent.outbox.store import MessageStore
from tests.support.drafts import (
    alarm,
    body,
    drained,
    event,
    killed,
    open_outbox,
    picture,
    reopened,
    security,
    seqs,
    taken,
    write,
)
from tests.support.outbox_fixtures import OTHER_BOOT
from tests.support.sim_clock import SimClock
from tests.support.stores import opened


def test_what_must_be_safe_against_a_power_cut_is_told_only_after_the_flush(store: Path, clock: SimClock) -> None:
    safe_at_sync: list[bool] = []
    safe: threading.Event

    def sync(file: int) -> None:
        if Path(f"/proc/self/fd/{file}").readlink().name == "alarms.db-wal":
            safe_at_sync.append(safe.is_set())

    outbox = open_outbox(store, clock, MessageStore(store, sync))
    safe = outbox.keep("ctr/k", "5")
    assert not safe.is_set()
    write(outbox)

    assert safe_at_sync
    assert not any(safe_at_sync)
    assert safe.is_set()
    assert outbox.kept("ctr/") == {"ctr/k": "5"}
    outbox.close()


def test_a_killed_process_loses_nothing_that_was_written_and_numbers_go_on_without_a_gap(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    for number in range(5):
        outbox.put(alarm(f"a{number}"))
    outbox.put(picture())
    outbox.put(event())
    write(outbox)
    copy = killed(store)

    again = open_outbox(copy, clock)
    again.put(alarm("new"))
    write(again)
    messages = taken(again)
    again.close()

    with_numbers = [message for message in messages if "snapshot" not in message.topic]
    assert [(body(m)["seq"], body(m)["data"]["historical"]) for m in with_numbers] == [
        *((seq, True) for seq in range(1, 6)),
        (7, False),
        (6, True),
    ]
    assert next(m.payload for m in messages if "snapshot" in m.topic) == b"\xff\xd8jpeg"


def test_after_a_power_cut_numbers_go_on_above_the_ceiling(outbox: Outbox, store: Path) -> None:
    outbox.put(alarm())
    write(outbox)
    ceiling = int(outbox.kept("ceiling")["ceiling"])
    outbox.put(alarm("a2"))
    sent_unwritten = seqs(taken(outbox))
    copy = killed(store)

    other_boot = SimClock(boot_id=OTHER_BOOT)
    again = open_outbox(copy, other_boot)
    again.put(alarm("a3"))
    write(again)
    numbers = seqs(taken(again))
    again.close()

    assert max(sent_unwritten) <= ceiling
    assert numbers[-1] > ceiling
    assert len(set(sent_unwritten[1:] + numbers)) == len(sent_unwritten[1:] + numbers)


def test_a_boot_after_a_power_cut_is_told_from_one_after_an_orderly_stop_however_often_the_agent_starts_in_it(
    outbox: Outbox, store: Path
) -> None:
    write(outbox)
    copy = killed(store)
    after_cut = open_outbox(copy, SimClock(boot_id=OTHER_BOOT))
    after_cut.close()
    in_same_boot = open_outbox(copy, SimClock(boot_id=OTHER_BOOT))
    in_same_boot.close()
    after_restart = open_outbox(copy, SimClock(boot_id="00000000-0000-4000-8000-000000000003"))
    after_restart.close()

    assert [each.after_cut for each in (after_cut, in_same_boot, after_restart)] == [True, True, False]


def test_an_orderly_stop_leaves_no_gap_even_in_another_boot(outbox: Outbox, store: Path) -> None:
    outbox.put(event())
    outbox.put(alarm())
    outbox.close()

    again = open_outbox(store, SimClock(boot_id=OTHER_BOOT))
    again.put(alarm("a2"))
    write(again)

    assert sorted(seqs(taken(again))) == [1, 2, 3]
    again.close()


def test_after_an_orderly_stop_and_a_power_cut_numbers_go_on_above_the_ceiling(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.put(alarm())
    outbox.close()
    later = open_outbox(store, clock)
    write(later)
    ceiling = int(later.kept("ceiling")["ceiling"])
    copy = killed(store)
    later.close()

    again = open_outbox(copy, SimClock(boot_id=OTHER_BOOT))
    again.put(alarm("a2"))

    assert seqs(taken(again))[-1] > ceiling
    again.close()


def test_a_number_is_never_given_twice_however_many_threads_put(outbox: Outbox) -> None:
    threads = [threading.Thread(target=lambda: [outbox.put(event()) for _ in range(100)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        write(outbox)
    for thread in threads:
        thread.join()
    write(outbox)
    messages = drained(outbox)
    outbox.close()

    assert sorted(seqs(messages)) == list(range(1, 401))


@pytest.mark.parametrize("draft", [alarm(), event(), security()])
def test_state_and_number_are_on_disk_with_the_message_or_not_at_all(outbox: Outbox, store: Path, draft: Draft) -> None:
    """Another thread writes at the worst moment: between the acceptance of a message and the end of `put`."""
    write(outbox)
    backlog_accept = outbox._backlog.accept
    writer: list[threading.Thread] = []
    copies: list[Path] = []

    def accept(row: object) -> None:
        backlog_accept(row)  # type: ignore[arg-type]
        write_now = threading.Thread(target=outbox.writer.run_once, args=(0,))
        write_now.start()
        write_now.join(0.1)
        copies.append(killed(store))
        writer.append(write_now)

    outbox.writer.wake()
    outbox._backlog.accept = accept  # type: ignore[method-assign]
    outbox.put(draft, keep={"alarm/a1": "open"})
    writer[0].join()
    outbox.close()

    with opened(copies[0]) as left:
        written = sum(left.counts().values())
        assert len(left.state("alarm/")) == written
        assert left.last_seq() == written


def test_state_kept_with_a_message_is_forgotten_with_none(outbox: Outbox) -> None:
    outbox.put(alarm(), keep={"alarm/a1": "open", "other": "1"})
    write(outbox)
    assert outbox.kept("alarm/") == {"alarm/a1": "open"}

    outbox.put(alarm(), keep={"alarm/a1": None})
    write(outbox)
    assert outbox.kept("alarm/") == {}
    assert outbox.kept("other") == {"other": "1"}


def test_a_restart_with_more_than_memory_holds_sends_all_of_it(
    outbox: Outbox, store: Path, clock: SimClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backlog, "WINDOW", dict.fromkeys(Rank, 8))
    for number in range(40):
        outbox.put(alarm(f"a{number}"))
    outbox.close()

    again = open_outbox(store, clock)
    messages = drained(again)
    again.close()

    assert seqs(messages) == list(range(1, 41))


def test_a_message_of_another_boot_ages_by_the_wall_clock_and_never_backwards(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.put(event())
    outbox.close()

    with_a_wrong_clock = SimClock(wall=clock.wall() - timedelta(days=20_000), boot_id="other")
    [message] = reopened(store, with_a_wrong_clock)

    assert message.expiry_s == 24 * 3600


def test_the_expiry_of_a_message_of_another_boot_is_what_the_time_between_the_boots_has_left_of_it(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    outbox.put(event())
    outbox.close()

    [message] = reopened(store, SimClock(wall=clock.wall() + timedelta(hours=9), boot_id="other"))

    assert message.expiry_s == 15 * 3600
