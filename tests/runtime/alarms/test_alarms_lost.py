"""A database of alarms that is damaged at the start takes no open alarm along, or says so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.contract.messages import Rank
from agent.contract.vocabulary import AckAction
from agent.outbox.alarm_copies import lost_notice
from agent.outbox.database import Row
from agent.outbox.outbox import Outbox
from tests.support.drafts import killed, open_outbox, write
from tests.support.kiosk import Kiosk
from tests.support.sim_clock import SimClock

CLOCK = SimClock()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """What a kiosk has left that was killed with one alarm open and one closed, and had nothing in the black box."""
    outbox = open_outbox(tmp_path / "first", CLOCK)
    kiosk = Kiosk(outbox, CLOCK)
    closed = kiosk.press("hidden")
    kiosk.ack(closed, AckAction.CLOSED)
    kiosk.press("police")
    kiosk.sent()
    left = killed(tmp_path / "first", tmp_path / "left")
    (left / "black-box").unlink()
    outbox.close()
    return left


def spoil(path: Path) -> None:
    for part in ("-wal", "-shm"):
        Path(f"{path}{part}").unlink(missing_ok=True)
    path.write_bytes(b"this is no database at all, but longer than a header " * 1000)


def found(outbox: Outbox) -> tuple[list[str], list[dict[str, Any]]]:
    """The inputs of the open alarms, and what is told of lost ones."""
    write(outbox)
    kiosk = Kiosk(outbox, CLOCK)
    notices = [dict(notice.detail) for notice in outbox.notices() if notice.kind == "alarms-lost"]
    return [alarm.data.input for alarm in kiosk.book.open()], notices


@pytest.mark.parametrize("damage", [spoil, Path.unlink], ids=["overwritten", "not there"])
def test_an_open_alarm_is_restored_from_the_other_database(store: Path, damage: Callable[[Path], None]) -> None:
    spoil(store / "alarms.db")
    damage(store / "alarms.db")

    outbox = open_outbox(store, CLOCK)
    assert found(outbox) == (["police"], [])
    outbox.close()

    again = open_outbox(store, CLOCK)
    assert found(again) == (["police"], [])
    again.close()


def test_a_copy_that_is_damaged_is_made_anew(store: Path) -> None:
    spoil(store / "telemetry.db")
    open_outbox(store, CLOCK).close()
    spoil(store / "alarms.db")

    outbox = open_outbox(store, CLOCK)
    assert found(outbox) == (["police"], [])
    outbox.close()


def test_when_no_place_knows_of_the_alarms_that_is_told(store: Path) -> None:
    spoil(store / "alarms.db")
    spoil(store / "telemetry.db")

    outbox = open_outbox(store, CLOCK)
    assert found(outbox) == ([], [{"alarm_ids": [], "all_known": False}])
    outbox.close()


def test_a_lost_alarm_is_named_where_a_message_of_it_was_saved() -> None:
    def row(place: int, alarm_id: str, change: str, topic: str = "up/alarm/police") -> Row:
        payload = f'{{"type":"edge.alarm.{change}.v1"}}'.encode()
        return Row(place, Rank.ALARM, topic, payload, 1, False, None, alarm_id, None, "b", 0, 0)

    rows = [row(1, "saved", "raised"), row(2, "lost", "raised"), row(3, "closed", "raised"), row(4, "closed", "closed")]
    rows.append(row(5, "test", "raised", "up/alarm/self-test"))

    notice = lost_notice(rows, {"saved"}, is_known=True)

    assert notice is not None
    assert (notice.kind, notice.detail) == ("alarms-lost", {"alarm_ids": ["lost"], "all_known": True})
