"""The record: a second number, without gaps, of what may never be lost in silence."""

import shutil
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from agent.contract.messages import Draft, Rank
from agent.outbox.outbox import Outbox
from agent.runtime.uplink.announcer import Announcer
from tests.support.context import make_context
from tests.support.drafts import (
    FACTORY,
    alarm,
    body,
    drained,
    event,
    health,
    killed,
    open_outbox,
    security,
    taken,
    write,
)
from tests.support.message_table import IDS, META, STATE, TABLE
from tests.support.outbox_fixtures import OTHER_BOOT, retry
from tests.support.sim_clock import SimClock
from tests.support.stores import DeadStore, opened


def numbers(outbox: Outbox) -> list[int]:
    """The record numbers of all that waits, in order."""
    return sorted(body(message).get("record", 0) for message in drained(outbox))


def skipped(outbox: Outbox) -> list[tuple[int, int]]:
    return [(n.detail["first"], n.detail["last"]) for n in outbox.notices() if n.kind == "record-skipped"]


@pytest.mark.parametrize("draft", [row[0](FACTORY) for row in TABLE], ids=IDS)
def test_alarms_events_and_security_events_are_of_the_record_and_nothing_else_is(outbox: Outbox, draft: Draft) -> None:
    outbox.put(draft)

    assert outbox.record[0] == (draft.rank in {Rank.ALARM, Rank.SECURITY, Rank.EVENT})


def test_every_envelope_tells_how_far_the_record_goes_and_how_far_it_is_done(outbox: Outbox) -> None:
    for draft in (FACTORY.state(STATE), alarm(), health(), event(), security()):
        outbox.put(draft)
    told = [(m.get("record"), m["recordtop"], m["recorddone"]) for m in map(body, taken(outbox))]
    outbox.put(health())
    [last] = taken(outbox)

    assert told == [(1, 1, 0), (None, 0, 0), (3, 3, 0), (2, 2, 0), (None, 1, 0)]
    assert ("record" in body(last), body(last)["recordtop"], body(last)["recorddone"]) == (False, 3, 3)


def test_a_will_has_the_record_of_its_connection(outbox: Outbox, clock: SimClock) -> None:
    announcer = Announcer(context=make_context(outbox, clock), outbox=outbox, meta=META, config_revision="r")
    outbox.put(alarm())
    taken(outbox)
    outbox.put(alarm("a2"))

    will = body(announcer.will())
    assert ("record" in will, will["recordtop"], will["recorddone"]) == (False, 2, 1)


def test_what_is_in_flight_or_given_back_is_not_done(outbox: Outbox) -> None:
    outbox.put(alarm())
    outbox.put(event())
    first, second = outbox.take(), outbox.take()
    assert first is not None
    assert second is not None
    outbox.confirm(second[0])
    assert outbox.record == (2, 0)

    outbox.give_back(first[0])
    assert outbox.record == (2, 0)
    taken(outbox)
    assert outbox.record == (2, 2)


def test_what_was_given_up_is_done_whoever_gave_it_up(store: Path, clock: SimClock) -> None:
    outbox = open_outbox(store, clock, telemetry_max_bytes=4_000)
    for number in range(30):
        outbox.put(event(f"e{number}"))
    write(outbox)  # the disk's budget drops the oldest
    _, done = outbox.record
    kept = outbox.figures()[0]["event"]
    assert done == 30 - kept > 0

    clock.advance(timedelta(hours=25))
    write(outbox)  # the rest has expired
    assert outbox.record == (30, 30)
    outbox.close()


@pytest.mark.parametrize("is_written", [True, False])
def test_a_killed_process_leaves_no_gap_even_in_what_it_had_sent_and_not_written(
    outbox: Outbox, store: Path, clock: SimClock, is_written: bool
) -> None:
    outbox.put(alarm())
    outbox.put(event())
    write(outbox)
    outbox.put(event("e2"))
    taken(outbox)
    if is_written:
        write(outbox)
    again = open_outbox(killed(store), clock)
    again.put(alarm("a2"))

    assert skipped(again) == []
    assert numbers(again)[-1] == 4
    assert again.record == (4, 4)
    again.close()


@pytest.mark.parametrize("boot", [OTHER_BOOT, SimClock().boot_id])
def test_an_orderly_stop_leaves_no_gap_whatever_boot_comes_after_it(outbox: Outbox, store: Path, boot: str) -> None:
    outbox.put(event())
    outbox.put(alarm())
    outbox.close()
    again = open_outbox(store, SimClock(boot_id=boot))
    again.put(security())

    assert skipped(again) == []
    assert numbers(again) == [1, 2, 3]
    again.close()


def test_after_a_power_cut_the_record_goes_on_above_all_that_may_have_been_given_and_says_so(
    outbox: Outbox, store: Path
) -> None:
    outbox.put(alarm())
    write(outbox)
    copy = killed(store)
    (copy / "black-box").unlink()
    again = open_outbox(copy, SimClock(boot_id=OTHER_BOOT))
    [(first, last)] = skipped(again)
    again.put(alarm("a2"))

    assert (first, last) == (2, 1000)
    assert again.record == (last + 1, 0)  # the first alarm waits
    assert numbers(again) == [1, last + 1]
    assert again.record == (last + 1, last + 1)
    again.close()


def test_a_device_that_starts_for_the_first_time_has_skipped_nothing(outbox: Outbox) -> None:
    outbox.put(alarm())

    assert skipped(outbox) == []
    assert numbers(outbox) == [1]


def as_an_older_agent_left_it(store: Path) -> None:
    for name in ("alarms.db", "telemetry.db"):
        with closing(sqlite3.connect(store / name)) as old:
            old.execute("ALTER TABLE messages DROP COLUMN record")
            old.execute("DELETE FROM state WHERE key IN ('record', 'record_ceiling')")
            old.commit()
    seq, place, _ = (store / "seq.ceiling").read_text().split()
    (store / "seq.ceiling").write_text(f"{seq} {place}\n")


@pytest.mark.parametrize("boot", [OTHER_BOOT, SimClock().boot_id])
@pytest.mark.parametrize("is_damaged", [False, True])
def test_what_an_older_agent_left_is_sent_without_a_number_and_the_record_begins(
    outbox: Outbox, store: Path, boot: str, is_damaged: bool
) -> None:
    outbox.put(alarm())
    outbox.put(event())
    outbox.close()
    as_an_older_agent_left_it(store)
    if is_damaged:
        with closing(sqlite3.connect(store / "alarms.db")) as old:
            old.execute("DROP TABLE state")
    with opened(store) as left:
        rows = [row for rank in Rank for row in left.load(rank, 0, 10)]
    assert [row.record for row in rows] == [None, None]

    again = open_outbox(store, SimClock(boot_id=boot))
    again.put(alarm("a2"))
    assert skipped(again) == []
    assert again.record == (1, 0)
    taken(again)
    assert again.record == (1, 1)
    again.close()


def test_a_new_epoch_begins_at_1_and_what_still_waits_of_the_old_one_does_not_count(
    outbox: Outbox, store: Path
) -> None:
    """The disk of an earlier run answers only when the device has gone on without it, under a new epoch."""
    for number in range(5):
        outbox.put(alarm(f"a{number}"))
    write(outbox)
    copy = killed(store)
    (copy / "black-box").unlink()
    disk, clock = DeadStore(copy), SimClock(boot_id=OTHER_BOOT)
    again = open_outbox(copy, clock, disk)
    again.put(alarm("new"))
    assert (again.epoch != outbox.epoch, again.record) == (True, (1, 0))

    disk.dead = False
    retry(again, clock)
    again.put(event())
    assert again.record == (2, 0)
    messages = {(m["epoch"], m["record"]) for m in map(body, drained(again))}
    assert messages == {*((outbox.epoch, number) for number in range(1, 6)), (again.epoch, 1), (again.epoch, 2)}
    assert again.record == (2, 2)
    assert skipped(again) == []
    again.close()


def test_a_disk_that_comes_late_in_the_same_boot_finds_the_record_where_the_black_box_knew_it(
    outbox: Outbox, store: Path, clock: SimClock
) -> None:
    for number in range(3):
        outbox.put(alarm(f"a{number}"))
    write(outbox)
    outbox.keep("epoch", outbox.epoch)  # the box has it, as it has all that was kept a moment ago
    copy = killed(store)
    disk = DeadStore(copy)
    again = open_outbox(copy, clock, disk)
    again.put(alarm("new"))
    [(waiting, _)] = [found for found in [again.take()] if found is not None]
    again.confirm(waiting)
    assert (again.epoch, again.record) == (outbox.epoch, (4, 0))  # nobody knows yet what the disk still has

    disk.dead = False
    retry(again, clock)
    assert again.record == (4, 0)
    assert numbers(again) == [1, 2, 3]
    assert again.record == (4, 4)
    again.close()


@pytest.mark.parametrize("name", ["alarms.db", "telemetry.db"])
@pytest.mark.parametrize("has_box", [True, False])
def test_a_damaged_database_gives_no_number_twice(
    outbox: Outbox, store: Path, clock: SimClock, name: str, has_box: bool
) -> None:
    """Only where neither the black box nor both databases know it, numbers are skipped."""
    outbox.put(alarm())
    outbox.put(event())
    write(outbox)
    copy = killed(store)
    (copy / name).write_bytes(b"no database" * 1000)
    for part in ("-wal", "-shm"):
        (copy / f"{name}{part}").unlink(missing_ok=True)
    if not has_box:
        (copy / "black-box").unlink()
    again = open_outbox(copy, clock)
    again.put(alarm("new"))

    assert again.epoch == outbox.epoch
    assert skipped(again) == ([] if has_box else [(3, 1000)])
    assert numbers(again)[-1] == again.record[1] == (3 if has_box else 1001)
    again.close()


def test_what_a_damaged_database_has_lost_counts_as_given_up(outbox: Outbox, store: Path, clock: SimClock) -> None:
    for number in range(3):
        outbox.put(event(f"e{number}"))
    outbox.put(alarm())
    write(outbox)
    copy = killed(store)
    shutil.copy(store / "black-box", copy / "black-box")
    (copy / "telemetry.db").write_bytes(b"no database" * 1000)
    for part in ("-wal", "-shm"):
        (copy / f"telemetry.db{part}").unlink(missing_ok=True)
    again = open_outbox(copy, clock)

    assert again.record == (4, 3)
    again.close()


def test_the_databases_of_a_newer_agent_with_one_more_column_are_used_as_they_are(outbox: Outbox, store: Path) -> None:
    outbox.put(alarm())
    outbox.close()
    for name in ("alarms.db", "telemetry.db"):
        with closing(sqlite3.connect(store / name)) as newer:
            for table in ("messages", "record"):
                newer.execute(f"ALTER TABLE {table} ADD COLUMN more TEXT")
            newer.commit()

    again = open_outbox(store, SimClock(boot_id=OTHER_BOOT))
    again.put(alarm())
    assert len(numbers(again)) == 2
    again.close()
    assert not list(store.glob("*.damaged*"))
