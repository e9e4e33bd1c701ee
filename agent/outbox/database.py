"""One SQLite file of the outbox: its schema and its transactions. Used by one thread."""

import errno
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from agent.contract.messages import Rank
from agent.core.errors import DamagedError, DiskFullError, StorageError, UnwritableError
from agent.outbox import record_table
from agent.outbox.record_table import Recorded, RecordTable

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages(
  ord INTEGER PRIMARY KEY, rank INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
  qos INTEGER NOT NULL, retain INTEGER NOT NULL, expiry_s INTEGER, alarm_id TEXT, correlation BLOB,
  boot_id TEXT NOT NULL, created_ns INTEGER NOT NULL, created_unix_ms INTEGER NOT NULL, record INTEGER);
CREATE INDEX IF NOT EXISTS by_rank ON messages(rank, ord);
CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
COLUMNS = (
    "ord, rank, topic, payload, qos, retain, expiry_s, alarm_id, correlation, boot_id, created_ns, created_unix_ms, "
    "record"
)
_TYPES: tuple[tuple[type, ...], ...] = (
    *((int,), (int,), (str,), (bytes,), (int,), (int,)),
    *((int, type(None)), (str, type(None)), (bytes, type(None)), (str,), (int,), (int,), (int, type(None))),
)
_KINDS: dict[int, type[StorageError]] = {
    errno.ENOSPC: DiskFullError,
    errno.EDQUOT: DiskFullError,
    errno.EROFS: UnwritableError,
}
_SQLITE_KINDS: dict[int, type[StorageError]] = {
    sqlite3.SQLITE_FULL: DiskFullError,
    sqlite3.SQLITE_READONLY: UnwritableError,
    sqlite3.SQLITE_CORRUPT: DamagedError,
    sqlite3.SQLITE_NOTADB: DamagedError,
    sqlite3.SQLITE_FORMAT: DamagedError,
    sqlite3.SQLITE_ERROR: DamagedError,  # a table or a column that a statement names is not there
}
_SHARED_BYTES = 64 * 1024
"""More than one growth step of SQLite's shared file, NAME-shm."""
_CHECK_EVERY = 1_000
"""Steps of SQLite's virtual machine between two calls of `must_end`."""


class Row(NamedTuple):
    """One waiting message. `ord` is its place in the order of acceptance, unique for the device."""

    ord: int
    rank: Rank
    topic: str
    payload: bytes
    qos: int
    retain: bool
    expiry_s: int | None
    alarm_id: str | None
    correlation: bytes | None
    boot_id: str
    created_ns: int
    created_unix_ms: int
    """0 when the clock was not set at acceptance."""
    record: int | None = None
    """Its number in the record; None if it is not of the record, or has waited since before a new epoch."""

    def age_s(self, boot_id: str, boottime_ns: int, unix_ms: int) -> float:
        """Return the seconds since it was accepted; if that was in another boot, by the wall clock and never negative.

        Returns 0 for another boot in which the clock was not set: a date in 1970 must not make a message expire.
        """
        if boot_id == self.boot_id:
            return (boottime_ns - self.created_ns) / 1e9
        if self.created_unix_ms == 0:
            return 0.0
        return max(0.0, (unix_ms - self.created_unix_ms) / 1000)


class Foreign(NamedTuple):
    """A waiting message that was given up: it is of a name that the device had before."""

    ord: int
    rank: Rank
    topic: str


Places = dict[int, int | None]
"""Places of messages, in order, with the number that each has in the record."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is written in one transaction per database."""

    rows: tuple[Row, ...] = ()
    deleted: tuple[tuple[Rank, int], ...] = ()
    state: Mapping[str, str | None] | None = None
    """Values to keep, or None to forget."""
    seq: int | None = None
    """The highest sequence number given so far."""
    record: int | None = None
    """The highest number of the record given so far."""
    recorded: tuple[Row, ...] = ()
    """Messages of the record that a broker has confirmed."""


class Database:
    """An open file. Every method may block for as long as the disk does."""

    def __init__(self, path: Path, ranks: Iterable[Rank], form: str) -> None:
        """Open the file, or make it; `ranks` are the classes that it may hold, `form` is a pragma for a new one.

        Raises StorageError, and DamagedError when the file exists but is not such a database.
        """
        self.path = path
        self._ranks = frozenset(ranks)
        with ExitStack() as undo, disk(path):
            self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
            undo.callback(self.connection.close)
            self.connection.execute(f"PRAGMA {form}")
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=NORMAL")
            # A checkpoint waits for the disk, so it must not hide inside a commit; see MessageStore.checkpoint.
            self.connection.execute("PRAGMA wal_autocheckpoint=0")
            self.connection.executescript(_SCHEMA + record_table.SCHEMA)
            if not any(name == "record" for _, name, *_ in self.connection.execute("PRAGMA table_info(messages)")):
                self.connection.execute("ALTER TABLE messages ADD COLUMN record INTEGER")  # made by an older agent
            self.connection.execute(f"SELECT {COLUMNS} FROM messages LIMIT 0")  # noqa: S608
            self.connection.execute("SELECT key, value FROM state LIMIT 0")
            self.connection.execute(f"SELECT {record_table.COLUMNS} FROM record LIMIT 0")  # noqa: S608
            self.record = RecordTable(self.connection)
            undo.pop_all()

    def close(self) -> None:
        """Close the file. What was written stays; an error of the disk is ignored."""
        try:
            self.connection.close()
        except sqlite3.Error:
            return

    def check(self, must_end: Callable[[], bool]) -> bool:
        """Check every page for damage; false when `must_end` stopped it early. Raises DamagedError."""
        if must_end():
            return False
        self.connection.set_progress_handler(lambda: int(must_end()), _CHECK_EVERY)
        try:
            with disk(self.path):
                found = self.connection.execute("PRAGMA quick_check(1)").fetchone()
        except StorageError as error:
            if getattr(error.__cause__, "sqlite_errorcode", None) == sqlite3.SQLITE_INTERRUPT:
                return False
            raise
        finally:
            self.connection.set_progress_handler(None, 0)
        if found != ("ok",):
            raise DamagedError(f"{self.path}: {found[0].splitlines()[-1] if found else 'no answer'}")
        return True

    def write(self, batch: Batch) -> None:
        """Write all of the batch or none of it."""
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            if batch.rows:
                self.connection.executemany(
                    # Named, so that the tables of a newer agent, with one more column, can be written by this one.
                    f"INSERT OR REPLACE INTO messages({COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",  # noqa: S608
                    batch.rows,
                )
            self.record.keep(
                Recorded(row.record, row.topic, row.payload, row.expiry_s, row.created_unix_ms)
                for row in batch.recorded
                if row.record is not None
            )
            if batch.deleted:
                self.connection.executemany(
                    "DELETE FROM messages WHERE ord=?", [(number,) for _, number in batch.deleted]
                )
            changes = dict(batch.state or {})
            if batch.seq is not None:
                changes["seq"] = str(batch.seq)
            if batch.record is not None:
                changes["record"] = str(batch.record)
            if batch.rows or batch.recorded:
                places = (row.ord for row in (*batch.rows, *batch.recorded))
                changes["ord"] = str(max(self.number("ord"), *places))  # old rows may be written again
            for key, value in changes.items():
                if value is None:
                    execute("DELETE FROM state WHERE key=?", (key,))
                else:
                    execute("INSERT OR REPLACE INTO state VALUES (?,?)", (key, value))
            execute("COMMIT")
        except BaseException:
            if self.connection.in_transaction:
                execute("ROLLBACK")
            raise

    def state(self, prefix: str) -> dict[str, str]:
        """Return the kept values whose key begins with `prefix`."""
        rows = self.connection.execute(
            "SELECT key, value FROM state WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
        )
        return {str(key): str(value) for key, value in rows}

    def load(self, rank: Rank, after_ord: int, limit: int) -> list[Row]:
        """Return at most `limit` waiting messages of a class from after `after_ord`, in order."""
        found = self.connection.execute(
            f"SELECT {COLUMNS} FROM messages WHERE rank=? AND ord>? ORDER BY ord LIMIT ?",  # noqa: S608
            (int(rank), after_ord, limit),
        ).fetchall()
        return [self.row(columns) for columns in found]

    def row(self, columns: tuple[Any, ...]) -> Row:
        """Turn columns that were read into a message. Raises DamagedError when they can't be one."""
        if not all(isinstance(value, types) for value, types in zip(columns, _TYPES, strict=True)):
            raise DamagedError(f"{self.path}: the message {columns[0]} is damaged")
        if columns[1] not in self._ranks:
            raise DamagedError(f"{self.path}: the message {columns[0]} has a class that does not belong here")
        return Row(*columns)._replace(rank=Rank(columns[1]), retain=bool(columns[5]))

    def places(self) -> dict[Rank, Places]:
        """Return the places of all waiting messages by class, in order."""
        places: dict[Rank, Places] = {rank: {} for rank in self._ranks}
        for rank, place, record in self.connection.execute("SELECT rank, ord, record FROM messages ORDER BY rank, ord"):
            if rank not in self._ranks or not isinstance(record, int | None):
                raise DamagedError(f"{self.path}: the message {place} has a class or number that does not belong here")
            places[Rank(rank)][place] = record
        return places

    def forget_record(self) -> None:
        """Forget the numbers of the record: they are of an earlier epoch."""
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.execute("UPDATE messages SET record=NULL WHERE record IS NOT NULL")
        self.connection.execute("DELETE FROM record")
        self.connection.execute("DELETE FROM state WHERE key='record'")
        self.connection.execute("COMMIT")

    def drop_foreign(self, base: str) -> list[Foreign]:
        """Delete the messages whose topics don't begin with `base`, and the record if it is theirs; returns those that
        have waited."""
        self.record.drop_foreign(base)
        # All that waits from earlier runs is of one name, since each run begins with this: a look at one row is enough.
        oldest = "SELECT substr(topic, 1, ?) <> ? FROM messages ORDER BY ord LIMIT 1"
        if self.connection.execute(oldest, (len(base), base)).fetchone() != (1,):
            return []
        found = self.connection.execute(
            "DELETE FROM messages WHERE substr(topic, 1, ?) <> ? RETURNING ord, rank, topic", (len(base), base)
        ).fetchall()
        if not all(rank in self._ranks and isinstance(topic, str) for _, rank, topic in found):
            raise DamagedError(f"{self.path}: a message has a class or a topic that does not belong here")
        return [Foreign(place, Rank(rank), topic) for place, rank, topic in found]

    def drop_expired(self, boot_id: str, boottime_ns: int, unix_ms: int) -> list[tuple[Rank, int, int | None]]:
        """Delete the messages that have expired by `Row.age_s`; returns class, place and record number of each."""
        found = self.connection.execute(
            "DELETE FROM messages WHERE expiry_s IS NOT NULL AND CASE WHEN boot_id = ? "
            "THEN created_ns + expiry_s * 1000000000 <= ? "
            "ELSE created_unix_ms > 0 AND created_unix_ms + expiry_s * 1000 <= ? END RETURNING rank, ord, record",
            (boot_id, boottime_ns, unix_ms),
        ).fetchall()
        return [(Rank(rank), place, record) for rank, place, record in found]

    def number(self, key: str) -> int:
        """Return a kept number; 0 when there is none."""
        found = self.connection.execute("SELECT value FROM state WHERE key=?", (key,)).fetchone()
        try:
            return int(found[0]) if found else 0
        except ValueError as error:
            raise DamagedError(f"{self.path}: {key} is not a number") from error

    def give_back_space(self) -> None:
        """Give the space of deleted messages back to the file system."""
        self.connection.executescript("PRAGMA incremental_vacuum")  # `execute` would take one page only
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()


@contextmanager
def disk(place: Path) -> Iterator[None]:
    """Turn every error of the disk into a StorageError: any other would end the thread, and so the agent."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_IOERR and not _has_room(place):
            # SQLite reports it like this when there is no room for NAME-shm, the file that all connections share.
            raise DiskFullError(f"{place}: the disk is full ({error})") from error
        raise _kind(error)(f"{place}: {error}") from error


def _has_room(place: Path) -> bool:
    try:
        about = os.statvfs(place.parent)
    except OSError:
        return True
    return about.f_bavail * about.f_frsize >= _SHARED_BYTES


def _kind(error: sqlite3.Error | OSError) -> type[StorageError]:
    if isinstance(error, OSError):
        return _KINDS.get(error.errno or 0, StorageError)
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:  # raised by Python's module, not by SQLite: an OperationalError is text that is not UTF-8
        return DamagedError if type(error) is sqlite3.OperationalError else StorageError
    return _SQLITE_KINDS.get(code & 0xFF, StorageError)
