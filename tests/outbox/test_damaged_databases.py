"""A database that is damaged is set aside, and what can be read of it is saved."""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from agent.contract.messages import Rank
from agent.core.errors import DamagedError
from agent.outbox import salvage
from agent.outbox.database import Batch, Row
from agent.outbox.store import MessageStore
from tests.support.stores import opened

COUNT = 400


def row(place: int, rank: Rank = Rank.ALARM, payload: bytes = bytes(300)) -> Row:
    return Row(place, rank, "t", payload, 1, True, 60, "a1", b"\0c", "boot", 5, 6)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A directory with 400 alarms and 400 events, and some state."""
    with opened(tmp_path) as message_store:
        message_store.write(
            Batch(
                rows=(
                    *(row(place) for place in range(1, COUNT + 1)),
                    *(row(COUNT + place, Rank.EVENT) for place in range(1, COUNT + 1)),
                ),
                state={"alarm/a1": "open", "ctr/k": "7"},
                seq=900,
            )
        )
    return tmp_path


def garbage(path: Path) -> None:
    path.write_bytes(b"this is no database at all, but longer than the header of one " * 1000)


def empty_file(path: Path) -> None:
    path.write_bytes(b"")


def half(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2)


def other_schema(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE messages(id TEXT)")


def no_index(path: Path) -> None:
    """Pages that the header and the schema do not name are overwritten."""
    content = bytearray(path.read_bytes())
    content[3 * 4096 : 8 * 4096] = os.urandom(5 * 4096)
    path.write_bytes(bytes(content))


@pytest.mark.parametrize("name", ["alarms.db", "telemetry.db"])
@pytest.mark.parametrize("damage", [garbage, half, other_schema, no_index])
def test_it_is_set_aside_and_a_new_one_works(store: Path, name: str, damage: Callable[[Path], None]) -> None:
    damage(store / name)

    with opened(store) as message_store:
        [found] = message_store.damages
        assert (found.file, found.set_aside) == (name, f"{name}.damaged-1")
        assert (store / found.set_aside).exists()
        message_store.write(Batch(rows=(row(5_000), row(5_001, Rank.EVENT)), seq=901))
        saved = message_store.counts()
        assert found.salvaged == (saved[Rank.ALARM] if name == "alarms.db" else saved[Rank.EVENT]) - 1
        other = Rank.EVENT if name == "alarms.db" else Rank.ALARM
        assert saved[other] == COUNT + 1

    with opened(store) as message_store:
        assert message_store.damages == []
        assert message_store.counts() == saved


def test_an_empty_file_is_a_new_database(store: Path) -> None:
    empty_file(store / "alarms.db")

    with opened(store) as message_store:
        assert message_store.damages == []
        assert message_store.counts()[Rank.ALARM] == 0


def test_pages_that_are_gone_cost_only_what_was_on_them(store: Path) -> None:
    no_index(store / "alarms.db")

    with opened(store) as message_store:
        [found] = message_store.damages
        assert COUNT - 100 < found.salvaged < COUNT
        rows = message_store.load(Rank.ALARM, 0, COUNT)
        assert len(rows) == found.salvaged
        assert all(found == row(found.ord) for found in rows)


def test_the_state_is_saved_with_the_messages(store: Path) -> None:
    with closing(sqlite3.connect(store / "alarms.db")) as plain:
        plain.execute("UPDATE messages SET topic = CAST(x'ff' AS TEXT) WHERE ord = 5")
        plain.execute("UPDATE messages SET rank = 99 WHERE ord = 6")
        plain.commit()

    with opened(store) as message_store:
        assert message_store.damages == []
        with pytest.raises(DamagedError):
            message_store.load(Rank.ALARM, 0, 10)
        message_store.close()
        message_store.open()
        assert [(found.file, found.salvaged, found.lost) for found in message_store.damages] == [
            ("alarms.db", COUNT - 2, 2)
        ]
        assert {key: message_store.state(key)[key] for key in ("alarm/a1", "ctr/k")} == {
            "alarm/a1": "open",
            "ctr/k": "7",
        }
        assert message_store.last_seq() == 900


@pytest.mark.parametrize("content", [b"", b"garbage" * 1000, bytes(40_000)], ids=["empty", "garbage", "zeros"])
def test_a_write_ahead_log_that_is_garbage_costs_only_itself(store: Path, content: bytes) -> None:
    (store / "alarms.db-wal").write_bytes(content)

    with opened(store) as message_store:
        assert message_store.damages == []
        assert message_store.counts()[Rank.ALARM] == COUNT


def test_damage_that_is_found_later_is_repaired_by_opening_again(store: Path) -> None:
    no_index(store / "alarms.db")
    message_store = MessageStore(store)
    message_store.open(must_end=lambda: True)
    assert message_store.damages == []
    assert not message_store.is_checked

    with pytest.raises(DamagedError):
        message_store.check(must_end=lambda: False)
    message_store.close()
    message_store.open(must_end=lambda: True)

    assert [found.file for found in message_store.damages] == ["alarms.db"]
    message_store.check(must_end=lambda: False)
    assert message_store.is_checked
    message_store.close()


def test_few_damaged_files_are_kept_and_the_newest_of_them(store: Path) -> None:
    for _ in range(5):
        garbage(store / "alarms.db")
        (store / "alarms.db-wal").write_bytes(b"log")
        with opened(store):
            pass

    assert sorted(path.name for path in store.glob("alarms.db.damaged-*[0-9]")) == [
        f"alarms.db.damaged-{number}" for number in (3, 4, 5)
    ]
    assert not list(store.glob("*.damaged-[12]-*"))


def test_damaged_files_do_not_fill_the_disk(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salvage, "_MOST_KEPT_BYTES", 100_000)
    for _ in range(3):
        garbage(store / "alarms.db")
        with opened(store):
            pass

    assert [path.name for path in store.glob("alarms.db.damaged-*[0-9]")] == ["alarms.db.damaged-3"]


def test_the_ceiling_outlives_both_databases(store: Path) -> None:
    with opened(store) as message_store:
        message_store.directory.keep_ceiling(2_000, 3_000, 1_500)
    for name in ("alarms.db", "telemetry.db"):
        garbage(store / name)

    with opened(store) as message_store:
        assert message_store.directory.ceiling() == (2_000, 3_000, 1_500)
        assert len(message_store.damages) == 2


@pytest.mark.parametrize("content", [None, b"", b"1", b"one two", b"\xff"])
def test_a_ceiling_that_can_not_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "seq.ceiling").write_bytes(content)

    assert MessageStore(tmp_path).directory.ceiling() == (0, 0, 0)


def test_the_reserve_is_spent_once_and_held_again_at_the_next_opening(tmp_path: Path) -> None:
    with opened(tmp_path) as message_store:
        held = (tmp_path / "reserve").stat()
        assert held.st_blocks * 512 >= held.st_size > 0
        assert message_store.directory.spend_reserve()
        assert not message_store.directory.spend_reserve()

    with opened(tmp_path):
        assert (tmp_path / "reserve").exists()
