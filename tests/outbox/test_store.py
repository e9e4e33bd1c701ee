import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.contract.messages import Rank
from agent.core.errors import DirectoryInUseError, StorageError
from agent.outbox.database import Batch, Row
from agent.outbox.store import MessageStore
from tests.support.journals import opened


def row(place: int, rank: Rank = Rank.ALARM, payload: bytes = b"{}") -> Row:
    return Row(place, rank, "t", payload, 1, True, 60, "a1", b"\0c", "boot", 5, 6)


def test_a_row_comes_back_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        for rank in Rank:
            journal.write(Batch(rows=(row(rank + 1, rank, b"\xff\0"),)))

        for rank in Rank:
            [loaded] = journal.load(rank, 0, 10)
            assert loaded == row(rank + 1, rank, b"\xff\0")
            assert type(loaded.rank) is Rank
            assert loaded.retain is True


def test_loading_goes_on_after_a_place_and_stops_at_the_limit(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.write(Batch(rows=tuple(row(place) for place in range(1, 8))))

        assert [r.ord for r in journal.load(Rank.ALARM, 2, 3)] == [3, 4, 5]
        assert journal.load(Rank.SECURITY, 0, 3) == []


def test_numbers_outlive_the_messages_that_had_them(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.write(Batch(rows=(row(7), row(8, Rank.EVENT)), seq=41))
        journal.write(Batch(deleted=((Rank.ALARM, 7), (Rank.EVENT, 8)), seq=41))

    with opened(tmp_path) as journal:
        assert (journal.last_seq(), journal.last_ord()) == (41, 8)
        assert sum(journal.counts().values()) == 0


def test_a_batch_that_fails_leaves_nothing_of_itself(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        bad = row(2)._replace(topic=None)  # type: ignore[arg-type]

        with pytest.raises(StorageError):
            journal.write(Batch(rows=(row(1), bad), state={"k": "v"}))
        assert journal.load(Rank.ALARM, 0, 10) == []
        assert journal.state("") == {}

        journal.write(Batch(rows=(row(1),)))
        assert journal.counts()[Rank.ALARM] == 1


def test_a_second_agent_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with opened(tmp_path), pytest.raises(DirectoryInUseError, match="another edge-agent uses it"):
        MessageStore(tmp_path).open()


def test_a_directory_that_can_not_be_made_is_named_and_opening_can_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = MessageStore(tmp_path / "file" / "store")

    for _ in range(2):
        with pytest.raises(StorageError, match="give the agent a directory that it may write"):
            journal.open()
    (tmp_path / "file").unlink()
    journal.open()
    assert journal.last_seq() == 0
    journal.close()


def test_every_way_to_the_disk_fails_with_a_storage_error(tmp_path: Path) -> None:
    """Anything else would end the journal's thread, and with it the agent."""
    journal = MessageStore(tmp_path)
    journal.open()
    for path in tmp_path.glob("*.db*"):
        path.unlink()
    for database in (journal._alarms, journal._telemetry):
        database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.connection.execute("DROP TABLE messages")
        database.connection.execute("DROP TABLE state")

    for call in (
        journal.last_seq,
        journal.last_ord,
        journal.counts,
        journal.telemetry_bytes,
        journal.sync,
        lambda: journal.state(""),
        lambda: journal.write(Batch(rows=(row(1),))),
        lambda: journal.load(Rank.EVENT, 0, 1),
        lambda: journal.drop_oldest(Rank.EVENT, 1),
    ):
        with pytest.raises(StorageError):
            call()
    journal.close()


def test_a_flush_that_fails_is_a_storage_error(tmp_path: Path) -> None:
    def sync(_: int) -> None:
        raise OSError(5, os.strerror(5))

    with opened(tmp_path, sync) as journal:
        journal.write(Batch(rows=(row(1),)))
        with pytest.raises(StorageError, match="Input/output error"):
            journal.sync()


def test_the_write_ahead_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        sizes = []
        for place in range(1, 13):
            journal.write(Batch(rows=(row(place, Rank.PICTURE, bytes(2_000_000)),)))
            journal.checkpoint()
            sizes.append((tmp_path / "telemetry.db-wal").stat().st_size)

        assert max(sizes) < 12_000_000
        assert journal.counts()[Rank.PICTURE] == 12


def test_the_oldest_of_a_class_go_first(tmp_path: Path) -> None:
    with opened(tmp_path) as journal:
        journal.write(Batch(rows=tuple(row(place, Rank.EVENT) for place in (3, 4, 5))))
        journal.write(Batch(rows=(row(1, Rank.PICTURE),)))

        assert sorted(journal.drop_oldest(Rank.EVENT, 2)) == [3, 4]
        assert [r.ord for r in journal.load(Rank.EVENT, 0, 9)] == [5]
        assert journal.counts()[Rank.PICTURE] == 1


def test_what_was_committed_is_readable_without_an_orderly_end(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as journal:
        journal.write(Batch(rows=(row(1),), state={"k": "v"}))
        (tmp_path / "b").mkdir()
        for path in (tmp_path / "a").iterdir():
            (tmp_path / "b" / path.name).write_bytes(path.read_bytes())

    with closing(sqlite3.connect(tmp_path / "b" / "alarms.db")) as plain:
        assert plain.execute("SELECT count(*) FROM messages").fetchone() == (1,)
    with opened(tmp_path / "b") as again:
        assert again.state("k") == {"k": "v"}


def test_an_old_message_that_is_written_again_does_not_take_places_back(tmp_path: Path) -> None:
    """Otherwise a new message would get the place of one that waits, and overwrite it."""
    with opened(tmp_path) as journal:
        journal.write(Batch(rows=(row(3), row(4))))
        journal.write(Batch(rows=(row(3),)))

        assert journal.last_ord() == 4
        assert journal.written_to(Rank.ALARM) == 4
