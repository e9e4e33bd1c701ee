import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from agent.contract.messages import Rank
from agent.core.errors import DirectoryInUseError, StorageError
from agent.outbox.database import Batch, Row
from agent.outbox.store import MessageStore
from tests.support.stores import opened


def row(place: int, rank: Rank = Rank.ALARM, payload: bytes = b"{}") -> Row:
    return Row(place, rank, "t", payload, 1, True, 60, "a1", b"\0c", "boot", 5, 6)


def test_a_row_comes_back_as_it_was(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        for rank in Rank:
            store.write(Batch(rows=(row(rank + 1, rank, b"\xff\0"),)))

        for rank in Rank:
            [loaded] = store.load(rank, 0, 10)
            assert loaded == row(rank + 1, rank, b"\xff\0")
            assert type(loaded.rank) is Rank
            assert loaded.retain is True


def test_loading_goes_on_after_a_place_and_stops_at_the_limit(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.write(Batch(rows=tuple(row(place) for place in range(1, 8))))

        assert [r.ord for r in store.load(Rank.ALARM, 2, 3)] == [3, 4, 5]
        assert store.load(Rank.SECURITY, 0, 3) == []


def test_numbers_outlive_the_messages_that_had_them(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.write(Batch(rows=(row(7), row(8, Rank.EVENT)), seq=41))
        store.write(Batch(deleted=((Rank.ALARM, 7), (Rank.EVENT, 8)), seq=41))

    with opened(tmp_path) as store:
        assert (store.last_seq(), store.last_ord()) == (41, 8)
        assert sum(store.counts().values()) == 0


def test_a_batch_that_fails_leaves_nothing_of_itself(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        bad = row(2)._replace(topic=None)  # type: ignore[arg-type]

        with pytest.raises(StorageError):
            store.write(Batch(rows=(row(1), bad), state={"k": "v"}))
        assert store.load(Rank.ALARM, 0, 10) == []
        assert store.state("") == {}

        store.write(Batch(rows=(row(1),)))
        assert store.counts()[Rank.ALARM] == 1


def test_a_second_agent_on_the_same_directory_is_refused(tmp_path: Path) -> None:
    with (
        opened(tmp_path),
        pytest.raises(DirectoryInUseError, match="another edge-agent, such as the service, is using it"),
    ):
        MessageStore(tmp_path).open()


def test_a_directory_that_can_not_be_made_is_named_and_opening_can_be_tried_again(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    store = MessageStore(tmp_path / "file" / "store")

    for _ in range(2):
        with pytest.raises(StorageError, match="give the agent a directory that it may write"):
            store.open()
    (tmp_path / "file").unlink()
    store.open()
    assert store.last_seq() == 0
    store.close()


def test_every_way_to_the_disk_fails_with_a_storage_error(tmp_path: Path) -> None:
    """Anything else would end the store's thread, and with it the agent."""
    store = MessageStore(tmp_path)
    store.open()
    for path in tmp_path.glob("*.db*"):
        path.unlink()
    for database in (store._alarms, store._telemetry):
        database.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        database.connection.execute("DROP TABLE messages")
        database.connection.execute("DROP TABLE state")

    for call in (
        store.last_seq,
        store.last_ord,
        store.counts,
        store.telemetry_bytes,
        store.sync,
        lambda: store.state(""),
        lambda: store.write(Batch(rows=(row(1),))),
        lambda: store.load(Rank.EVENT, 0, 1),
        lambda: store.drop_oldest(Rank.EVENT, 1),
    ):
        with pytest.raises(StorageError):
            call()
    store.close()


def test_a_flush_that_fails_is_a_storage_error(tmp_path: Path) -> None:
    def sync(_: int) -> None:
        raise OSError(5, os.strerror(5))

    with opened(tmp_path, sync) as store:
        store.write(Batch(rows=(row(1),)))
        with pytest.raises(StorageError, match="Input/output error"):
            store.sync()


def test_the_write_ahead_log_does_not_grow_for_ever(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        sizes = []
        for place in range(1, 13):
            store.write(Batch(rows=(row(place, Rank.PICTURE, bytes(2_000_000)),)))
            store.checkpoint()
            sizes.append((tmp_path / "telemetry.db-wal").stat().st_size)

        assert max(sizes) < 12_000_000
        assert store.counts()[Rank.PICTURE] == 12


def test_the_oldest_of_a_class_go_first(tmp_path: Path) -> None:
    with opened(tmp_path) as store:
        store.write(Batch(rows=tuple(row(place, Rank.EVENT) for place in (3, 4, 5))))
        store.write(Batch(rows=(row(1, Rank.PICTURE),)))

        assert sorted(store.drop_oldest(Rank.EVENT, 2)) == [3, 4]
        assert [r.ord for r in store.load(Rank.EVENT, 0, 9)] == [5]
        assert store.counts()[Rank.PICTURE] == 1


def test_what_was_committed_is_readable_without_an_orderly_end(tmp_path: Path) -> None:
    with opened(tmp_path / "a") as store:
        store.write(Batch(rows=(row(1),), state={"k": "v"}))
        (tmp_path / "b").mkdir()
        for path in (tmp_path / "a").iterdir():
            (tmp_path / "b" / path.name).write_bytes(path.read_bytes())

    with closing(sqlite3.connect(tmp_path / "b" / "alarms.db")) as plain:
        assert plain.execute("SELECT count(*) FROM messages").fetchone() == (1,)
    with opened(tmp_path / "b") as again:
        assert again.state("k") == {"k": "v"}


def test_an_old_message_that_is_written_again_does_not_take_places_back(tmp_path: Path) -> None:
    """Otherwise a new message would get the place of one that waits, and overwrite it."""
    with opened(tmp_path) as store:
        store.write(Batch(rows=(row(3), row(4))))
        store.write(Batch(rows=(row(3),)))

        assert store.last_ord() == 4
        assert store.written_to(Rank.ALARM) == 4


def test_the_ceiling_is_promised_only_when_its_name_is_safe_as_well(tmp_path: Path) -> None:
    synced: list[str] = []
    with opened(tmp_path, lambda number: synced.append(Path(f"/proc/self/fd/{number}").readlink().name)) as store:
        store.directory.keep_ceiling(2_000, 3_000, 1_500)

    assert synced[-2:] == ["seq.new", tmp_path.name]
