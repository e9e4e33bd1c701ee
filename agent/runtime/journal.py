"""The outbox on disk: two SQLite databases, and the only code that touches them. One thread.

`alarms.db` holds alarms, security events and the state that must survive; `sync` makes it safe against a power
cut. `telemetry.db` holds the rest and is never forced to disk (SD cards wear). Both are written in WAL mode
with `synchronous=NORMAL`: a commit is then a plain write, which survives the death of the process, and the
`fdatasync` of the write-ahead log, which survives the loss of power, is a step of its own. So a message may
leave after the first step while the second, which an SD card can make slow, still runs.
"""

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from agent.core.errors import StorageError
from agent.core.messages import Rank

_SCHEMA = """
CREATE TABLE IF NOT EXISTS messages(
  ord INTEGER PRIMARY KEY, rank INTEGER NOT NULL, topic TEXT NOT NULL, payload BLOB NOT NULL,
  qos INTEGER NOT NULL, retain INTEGER NOT NULL, expiry_s INTEGER, alarm_id TEXT, correlation BLOB,
  boot_id TEXT NOT NULL, created_ns INTEGER NOT NULL, created_unix_ms INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS by_rank ON messages(rank, ord);
CREATE TABLE IF NOT EXISTS state(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""
_COLUMNS = (
    "ord, rank, topic, payload, qos, retain, expiry_s, alarm_id, correlation, boot_id, created_ns, created_unix_ms"
)
_CHECKPOINT_BYTES = 4 * 1024 * 1024
_SAFE_RANKS = (Rank.ALARM, Rank.STATE, Rank.SECURITY)


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

    def age_s(self, boot_id: str, boottime_ns: int, unix_ms: int) -> float:
        """Seconds since it was accepted; by the wall clock, and never negative, when in another boot."""
        if boot_id == self.boot_id:
            return (boottime_ns - self.created_ns) / 1e9
        return max(0.0, (unix_ms - self.created_unix_ms) / 1000)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one transaction a database writes."""

    rows: tuple[Row, ...] = ()
    deleted: tuple[tuple[Rank, int], ...] = ()
    state: Mapping[str, str | None] | None = None
    """Values to keep, or None to forget."""
    seq: int | None = None
    """The highest sequence number given so far."""


class _Database:
    def __init__(self, path: Path) -> None:
        self.path = path
        with ExitStack() as undo, _disk(path, "; check the disk, then remove the file if it is damaged"):
            self.connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=1.0)
            undo.callback(self.connection.close)
            self.connection.execute("PRAGMA journal_mode=WAL")
            self.connection.execute("PRAGMA synchronous=NORMAL")
            # A checkpoint waits for the disk, so it must not hide inside a commit; see Journal.checkpoint.
            self.connection.execute("PRAGMA wal_autocheckpoint=0")
            self.connection.executescript(_SCHEMA)
            undo.pop_all()

    def write(self, batch: Batch) -> None:
        """All of the batch or none of it."""
        execute = self.connection.execute
        execute("BEGIN IMMEDIATE")
        try:
            if batch.rows:
                self.connection.executemany(
                    "INSERT OR REPLACE INTO messages VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                    batch.rows,
                )
            if batch.deleted:
                self.connection.executemany(
                    "DELETE FROM messages WHERE ord=?", [(number,) for _, number in batch.deleted]
                )
            changes = dict(batch.state or {})
            if batch.seq is not None:
                changes["seq"] = str(batch.seq)
            if batch.rows:
                changes["ord"] = str(max(row.ord for row in batch.rows))
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

    def number(self, key: str) -> int:
        found = self.connection.execute("SELECT value FROM state WHERE key=?", (key,)).fetchone()
        return int(found[0]) if found else 0


class Journal:
    """Both databases. Every method may block for as long as the disk does, and raises StorageError."""

    def __init__(self, directory: Path, sync: Callable[[int], None] = os.fdatasync) -> None:
        self._directory = directory
        self._sync = sync
        try:
            directory.mkdir(parents=True, exist_ok=True, mode=0o750)
        except OSError as error:
            raise StorageError(f"{directory}: {error.strerror}; give the agent a directory of its own") from error
        with ExitStack() as undo:
            self._lock_file = undo.enter_context(_claim(directory))
            self._alarms = _Database(directory / "alarms.db")
            undo.callback(self._alarms.connection.close)
            self._telemetry = _Database(directory / "telemetry.db")
            undo.pop_all()
        self._alarms_wal: int | None = None

    def close(self) -> None:
        """Close the files. What was written stays."""
        if self._alarms_wal is not None:
            os.close(self._alarms_wal)
            self._alarms_wal = None
        self._alarms.connection.close()
        self._telemetry.connection.close()
        self._lock_file.close()

    def last_seq(self) -> int:
        """The highest sequence number that was ever written."""
        return self._highest("seq")

    def last_ord(self) -> int:
        """The highest place that was ever given."""
        return self._highest("ord")

    def state(self, prefix: str) -> dict[str, str]:
        """Kept values whose key begins with `prefix`."""
        with _disk(self._directory):
            rows = self._alarms.connection.execute(
                "SELECT key, value FROM state WHERE substr(key, 1, ?) = ?", (len(prefix), prefix)
            )
            return dict(rows.fetchall())

    def counts(self) -> dict[Rank, int]:
        """Waiting messages by class."""
        counts = dict.fromkeys(Rank, 0)
        with _disk(self._directory):
            for database in (self._alarms, self._telemetry):
                for rank, count in database.connection.execute("SELECT rank, count(*) FROM messages GROUP BY rank"):
                    counts[Rank(rank)] += count
        return counts

    def telemetry_bytes(self) -> int:
        """Payload bytes that wait in the telemetry database."""
        with _disk(self._directory):
            found = self._telemetry.connection.execute("SELECT coalesce(sum(length(payload)), 0) FROM messages")
            return int(found.fetchone()[0])

    def write(self, batch: Batch) -> None:
        """Write a batch so that it survives the death of this process; `sync` makes it survive a power cut."""
        safe = Batch(
            tuple(row for row in batch.rows if row.rank in _SAFE_RANKS),
            tuple(item for item in batch.deleted if item[0] in _SAFE_RANKS),
            batch.state,
            batch.seq,
        )
        rest = Batch(
            tuple(row for row in batch.rows if row.rank not in _SAFE_RANKS),
            tuple(item for item in batch.deleted if item[0] not in _SAFE_RANKS),
            None,
            batch.seq,
        )
        with _disk(self._directory):
            if safe.rows or safe.deleted or safe.state:
                self._alarms.write(safe)
            if rest.rows or rest.deleted:
                self._telemetry.write(rest)

    def sync(self) -> None:
        """Force the alarms' write-ahead log to the disk."""
        with _disk(self._directory):
            if self._alarms_wal is None:
                self._alarms_wal = os.open(self._directory / "alarms.db-wal", os.O_RDONLY)
            self._sync(self._alarms_wal)

    def checkpoint(self) -> None:
        """Fold the write-ahead logs into the databases where they have grown; waits for the disk."""
        with _disk(self._directory):
            for database in (self._alarms, self._telemetry):
                log = Path(f"{database.path}-wal")
                if log.exists() and log.stat().st_size > _CHECKPOINT_BYTES:
                    database.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def load(self, rank: Rank, after_ord: int, limit: int) -> list[Row]:
        """The next waiting messages of a class, in order."""
        database = self._alarms if rank in _SAFE_RANKS else self._telemetry
        with _disk(self._directory):
            found = database.connection.execute(
                f"SELECT {_COLUMNS} FROM messages WHERE rank=? AND ord>? ORDER BY ord LIMIT ?",  # noqa: S608
                (int(rank), after_ord, limit),
            ).fetchall()
        return [Row(*row)._replace(rank=Rank(row[1]), retain=bool(row[5])) for row in found]

    def drop_oldest(self, rank: Rank, count: int) -> list[int]:
        """Delete the `count` oldest messages of a telemetry class; returns their places."""
        with _disk(self._directory):
            found = self._telemetry.connection.execute(
                "DELETE FROM messages WHERE ord IN (SELECT ord FROM messages WHERE rank=? ORDER BY ord LIMIT ?) "
                "RETURNING ord",
                (int(rank), count),
            ).fetchall()
        return [row[0] for row in found]

    def _highest(self, key: str) -> int:
        with _disk(self._directory):
            return max(self._alarms.number(key), self._telemetry.number(key))


@contextmanager
def _disk(place: Path, advice: str = "") -> Iterator[None]:
    """Whatever a disk can do to us is a StorageError: anything else would end the thread, and so the agent."""
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageError(f"{place}: {error}{advice}") from error


def _claim(directory: Path) -> IO[str]:
    """The directory is ours as long as the file is open, so that two agents never share a sequence."""
    with ExitStack() as undo:
        try:
            file = undo.enter_context((directory / "agent.lock").open("w", encoding="ascii"))
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StorageError(f"{directory}: another edge-agent uses it; stop that one first") from error
        except OSError as error:
            raise StorageError(f"{directory}: {error.strerror}; give the agent a directory it may write") from error
        undo.pop_all()
    return file


def is_safe(ranks: Iterable[Rank]) -> bool:
    """Whether any of the classes is one that must survive a power cut."""
    return any(rank in _SAFE_RANKS for rank in ranks)
