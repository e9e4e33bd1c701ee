"""The outbox on disk: two SQLite databases and a few small files, and the only code that opens them. One thread.

`alarms.db` holds the messages of the classes alarm, state and security, and the values that must survive; `sync`
makes it safe against a power cut. `telemetry.db` holds the rest and is never forced to disk (SD cards wear). Both are
written in WAL mode with `synchronous=NORMAL`: a commit is then a plain write, which survives the death of the
process. The `fdatasync` of the write-ahead log, which survives the loss of power, is a step of its own, as an SD card
can make it slow.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TypeVar

from agent.contract.messages import Rank
from agent.core.errors import DamagedError
from agent.outbox.alarm_copies import copied, level, lost_notice
from agent.outbox.database import Batch, Database, Foreign, Places, Row, disk
from agent.outbox.found import Notice
from agent.outbox.policy import NOT_SYNCED, SYNCED
from agent.outbox.record_table import RecordTable
from agent.outbox.salvage import Damage, replace_damaged
from agent.outbox.state_directory import StateDirectory

_T = TypeVar("_T")
_MOST_READ = 10_000
_CHECKPOINT_BYTES = 4 * 1024 * 1024
STATE_FILE, TELEMETRY_FILE = "alarms.db", "telemetry.db"


class MessageStore:
    """Both databases. Every method may block for as long as the disk does, and raises StorageError."""

    def __init__(self, directory: Path, sync: Callable[[int], None] = os.fdatasync) -> None:
        self.directory = StateDirectory(directory, sync)
        self._path = directory
        self._sync = sync
        self._undo: ExitStack | None = None
        self._alarms_wal: int | None = None
        self._distrusted: dict[str, str] = {}
        """Files found to be damaged, and how; the next `open` replaces them."""
        self._unchecked: list[Database] = []
        self._uncopied: dict[str, str | None] = {}
        """Changes of the alarms database that its copy in the other one does not have yet."""
        self._knows_alarms, self._is_replaced = True, False
        self.damages: list[Damage] = []
        """Databases that were found damaged and replaced; the part that reports them empties the list."""

    @property
    def is_open(self) -> bool:
        """Whether the databases can be used."""
        return self._undo is not None

    def open(self, must_end: Callable[[], bool] = lambda: False) -> None:
        """Claim the directory and open the databases. May be called again after it has failed, or after `close`.

        Each database is checked for damage until `must_end`; see `check`. A damaged one is replaced; see `damages`.
        Raises DirectoryInUseError when another agent has the directory.
        """
        with ExitStack() as undo:
            undo.enter_context(self.directory.claim())
            # Small pages, since most commits write a single message, and every page that it touches.
            self._alarms = self._open(STATE_FILE, SYNCED, "page_size=1024", must_end, undo)
            # The space of deleted messages can then be given back to a nearly full disk.
            self._telemetry = self._open(TELEMETRY_FILE, NOT_SYNCED, "auto_vacuum=INCREMENTAL", must_end, undo)
            self._level()
            self.directory.hold_reserve()
            self._undo = undo.pop_all()

    def close(self) -> None:
        """Close the files. What was written stays. Does nothing when they are not open."""
        if self._alarms_wal is not None:
            os.close(self._alarms_wal)
            self._alarms_wal = None
        undo, self._undo = self._undo, None
        if undo is not None:
            undo.close()

    def check(self, must_end: Callable[[], bool]) -> None:
        """Continue the check for damage that `open` had no time to finish, until `must_end`. Raises DamagedError."""
        while self._unchecked and not must_end():
            with self._at(self._unchecked[0]):
                if self._unchecked[0].check(must_end):
                    self._unchecked.pop(0)

    @property
    def is_checked(self) -> bool:
        """Whether both databases were checked to the end."""
        return not self._unchecked

    def last_seq(self) -> int:
        """Return the highest sequence number that was ever written."""
        return self._highest("seq")

    def last_ord(self) -> int:
        """Return the highest place that was ever written."""
        return self._highest("ord")

    def last_record(self) -> int:
        """Return the highest number of the record that was ever written."""
        return self._highest("record")

    def forget_record(self) -> None:
        """Forget the numbers of the record, as they are of an earlier epoch."""
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                database.forget_record()

    def written_to(self, rank: Rank) -> int:
        """Return the highest place ever written to the database of this class; all below were written or are done."""
        database = self._alarms if rank in SYNCED else self._telemetry
        with self._at(database):
            return database.number("ord")

    def state(self, prefix: str) -> dict[str, str]:
        """Return the kept values whose key begins with `prefix`."""
        with self._at(self._alarms):
            return self._alarms.state(prefix)

    def note(self, key: str, value: str) -> None:
        """Keep a value of the store's own thread. It is not forced to disk, and the disk's copy is the only one."""
        with self._at(self._alarms):
            self._alarms.write(Batch(state={key: value}))

    def places(self) -> dict[Rank, Places]:
        """Return the places of all waiting messages, by class and in order."""
        places: dict[Rank, Places] = {}
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                places.update(database.places())
        return places

    def drop_foreign(self, base: str) -> list[Foreign]:
        """Forget all that is told under topics that don't begin with `base`; returns what of it has waited."""
        foreign: list[Foreign] = []
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                foreign += database.drop_foreign(base)
        return foreign

    def move_back(self, by: int) -> None:
        """Lower the place of every waiting message by this much: this run has already given out the old ones."""
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                database.connection.execute("UPDATE messages SET ord = ord - ?", (by,))

    def counts(self) -> dict[Rank, int]:
        """Return the number of waiting messages by class."""
        return {rank: len(places) for rank, places in self.places().items()}

    def telemetry_bytes(self) -> int:
        """Return the payload bytes that wait in the telemetry database."""
        with self._at(self._telemetry):
            found = self._telemetry.connection.execute("SELECT coalesce(sum(length(payload)), 0) FROM messages")
            return int(found.fetchone()[0])

    def write(self, batch: Batch) -> None:
        """Write a batch so that it survives the death of this process; `sync` makes it survive a power cut."""
        safe = Batch(
            tuple(row for row in batch.rows if row.rank in SYNCED),
            tuple(item for item in batch.deleted if item[0] in SYNCED),
            batch.state,
            batch.seq,
            batch.record,
            tuple(row for row in batch.recorded if row.rank in SYNCED),
        )
        self._uncopied |= copied(batch.state or {})
        rest = Batch(
            tuple(row for row in batch.rows if row.rank not in SYNCED),
            tuple(item for item in batch.deleted if item[0] not in SYNCED),
            None,
            batch.seq,
            batch.record,
            tuple(row for row in batch.recorded if row.rank not in SYNCED),
        )
        if safe.rows or safe.deleted or safe.state or safe.recorded:
            with self._at(self._alarms):
                self._alarms.write(safe)
        if rest.rows or rest.deleted or rest.recorded:
            with self._at(self._telemetry):
                self._telemetry.write(rest)

    def sync(self) -> None:
        """Force the alarms' write-ahead log to the disk."""
        with disk(self._path):
            if self._alarms_wal is None:
                self._alarms_wal = os.open(self._path / "alarms.db-wal", os.O_RDONLY)
            self._sync(self._alarms_wal)

    def copy_alarms(self) -> None:
        """Copy the changes of the open alarms since the last call. Call it after `sync`; the copy is not forced to
        disk."""
        if self._uncopied:
            with self._at(self._telemetry):
                self._telemetry.write(Batch(state=self._uncopied))
            self._uncopied = {}

    def checkpoint(self, at_bytes: int = _CHECKPOINT_BYTES) -> None:
        """Fold each write-ahead log of more than `at_bytes` into its database; waits for the disk."""
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                log = Path(f"{database.path}-wal")
                if log.exists() and log.stat().st_size > at_bytes:
                    database.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def load(self, rank: Rank, after_ord: int, limit: int) -> list[Row]:
        """Return at most `limit` waiting messages of a class from after `after_ord`, in order."""
        database = self._alarms if rank in SYNCED else self._telemetry
        with self._at(database):
            return database.load(rank, after_ord, limit)

    def drop_oldest(self, rank: Rank, count: int) -> Places:
        """Delete the `count` oldest messages of a telemetry class; returns their places."""
        with self._at(self._telemetry):
            found = self._telemetry.connection.execute(
                "DELETE FROM messages WHERE ord IN (SELECT ord FROM messages WHERE rank=? ORDER BY ord LIMIT ?) "
                "RETURNING ord, record",
                (int(rank), count),
            ).fetchall()
        return dict(found)

    def drop_expired(self, boot_id: str, boottime_ns: int, unix_ms: int) -> dict[Rank, Places]:
        """Delete the messages that have expired by `Row.age_s`; returns the places by class."""
        places: dict[Rank, Places] = {}
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                for rank, place, record in database.drop_expired(boot_id, boottime_ns, unix_ms):
                    places.setdefault(rank, {})[place] = record
        return places

    def on_records(self, do: Callable[[RecordTable], _T]) -> list[_T]:
        """Do this to the record of each database."""
        results: list[_T] = []
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                results.append(do(database.record))
        return results

    def drop_record_of_events(self) -> list[int]:
        """Delete all of the record that lies with the telemetry; returns the payload bytes of each message."""
        with self._at(self._telemetry):
            return self._telemetry.record.drop_through(self._telemetry.number("record"))

    def give_back_space(self) -> None:
        """Give the space of dropped telemetry back to the file system."""
        with self._at(self._telemetry):
            self._telemetry.give_back_space()

    def discard_telemetry(self) -> None:
        """Make room on a full disk: delete the telemetry database and close the store. `open` makes an empty one."""
        path = self._telemetry.path
        with disk(path):
            self._telemetry.close()
            for part in ("-wal", "-shm", ""):
                Path(f"{path}{part}").unlink(missing_ok=True)
        self.close()

    def _level(self) -> None:
        self._is_replaced = any(damage.file == STATE_FILE for damage in self.damages)
        with disk(self._path):
            self._knows_alarms = level(self._alarms, self._telemetry, is_damaged=self._is_replaced)
        self._uncopied = {}

    def lost_alarms(self, boxed: Iterable[Row], kept: Iterable[str]) -> Notice | None:
        """Return the notice of lost open alarms, if their database was replaced at the last `open`; None otherwise.

        `boxed` are the messages in the black box, `kept` the keys of the alarms that were saved."""
        if not self._is_replaced:
            return None
        rows = [*self.load(Rank.ALARM, 0, _MOST_READ), *boxed]
        return lost_notice(rows, {key.partition("/")[2] for key in kept}, is_known=self._knows_alarms)

    def _open(
        self, name: str, ranks: Iterable[Rank], form: str, must_end: Callable[[], bool], undo: ExitStack
    ) -> Database:
        path = self._path / name

        def begin() -> Database:
            return Database(path, ranks, form)

        reason = self._distrusted.get(name)
        try:
            if reason is None:
                database = self._checked(begin, must_end, undo)
        except DamagedError as error:
            reason = str(error)
        if reason is not None:
            database, damage = replace_damaged(path, reason, begin)
            self._distrusted.pop(name, None)
            self.damages.append(damage)
        undo.callback(database.close)
        return database

    def _checked(self, begin: Callable[[], Database], must_end: Callable[[], bool], undo: ExitStack) -> Database:
        with ExitStack() as on_error:
            database = begin()
            on_error.callback(database.close)
            if not database.check(must_end):
                self._unchecked.append(database)
                undo.callback(self._unchecked.clear)
            on_error.pop_all()
        return database

    def _highest(self, key: str) -> int:
        highest = 0
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                highest = max(highest, database.number(key))
        return highest

    @contextmanager
    def _at(self, database: Database) -> Iterator[None]:
        try:
            with disk(database.path):
                yield
        except DamagedError as error:
            self._distrusted[database.path.name] = str(error)
            raise


def read_back(directory: Path, key: str) -> str | None:
    """Read a kept value from the disk, on a connection of its own. Blocks for as long as the disk does. Any thread.

    Raises StorageError.
    """
    path = directory / STATE_FILE
    with disk(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as reader:
        row = reader.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])


def needs_sync(ranks: Iterable[Rank]) -> bool:
    """Return whether any of the classes must survive a power cut."""
    return any(rank in SYNCED for rank in ranks)
