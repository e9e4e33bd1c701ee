"""The outbox on disk: two SQLite databases and a few small files, and the only code that opens them. One thread.

`alarms.db` holds alarms, security events and the state that must survive; `sync` makes it safe against a power
cut. `telemetry.db` holds the rest and is never forced to disk (SD cards wear). Both are written in WAL mode
with `synchronous=NORMAL`: a commit is then a plain write, which survives the death of the process, and the
`fdatasync` of the write-ahead log, which survives the loss of power, is a step of its own. So a message may
leave after the first step while the second, which an SD card can make slow, still runs.
"""

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from agent.contract.messages import Rank
from agent.core.errors import DamagedError
from agent.outbox.alarm_copies import copied, level, lost_notice
from agent.outbox.database import Batch, Database, Row, disk
from agent.outbox.found import Notice
from agent.outbox.policy import NOT_SYNCED, SYNCED
from agent.outbox.salvage import Damage, replace_damaged
from agent.outbox.state_directory import StateDirectory

_MOST_LOOKED_AT = 10_000
_CHECKPOINT_BYTES = 4 * 1024 * 1024
STATE_FILE = "alarms.db"


class MessageStore:
    """Both databases. Every method may block for as long as the disk does, and raises StorageError."""

    def __init__(self, directory: Path, sync: Callable[[int], None] = os.fdatasync) -> None:
        self.directory = StateDirectory(directory, sync)
        self._path = directory
        self._sync = sync
        self._undo: ExitStack | None = None
        self._alarms_wal: int | None = None
        self._distrusted: dict[str, str] = {}
        """Files that have turned out to be damaged, and how; the next `open` replaces them."""
        self._unchecked: list[Database] = []
        self._uncopied: dict[str, str | None] = {}
        """Of the alarms' database, and not in the other one yet."""
        self._knows_alarms, self._is_replaced = True, False
        self.damages: list[Damage] = []
        """What was found damaged and replaced; whoever tells of it empties the list."""

    @property
    def is_open(self) -> bool:
        """Whether the databases can be used."""
        return self._undo is not None

    def open(self, must_end: Callable[[], bool] = lambda: False) -> None:
        """Claim the directory and open the databases. May be called again when it has failed, or after `close`.

        Each is looked through until `must_end`; see `check`. A damaged one is replaced: see `damages`.
        Raises DirectoryInUseError when another agent has the directory.
        """
        with ExitStack() as undo:
            undo.enter_context(self.directory.claim())
            # Small pages: each message is a commit of its own, which writes every page that it touches.
            self._alarms = self._open(STATE_FILE, SYNCED, "page_size=1024", must_end, undo)
            # What is deleted can be given back to a disk that is nearly full.
            self._telemetry = self._open("telemetry.db", NOT_SYNCED, "auto_vacuum=INCREMENTAL", must_end, undo)
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
        """Go on looking for damage that `open` had no time to look for, until `must_end`. Raises DamagedError."""
        while self._unchecked and not must_end():
            with self._at(self._unchecked[0]):
                if self._unchecked[0].check(must_end):
                    self._unchecked.pop(0)

    @property
    def is_checked(self) -> bool:
        """Whether both databases were looked through to the end."""
        return not self._unchecked

    def last_seq(self) -> int:
        """The highest sequence number that was ever written."""
        return self._highest("seq")

    def last_ord(self) -> int:
        """The highest place that was ever given."""
        return self._highest("ord")

    def written_to(self, rank: Rank) -> int:
        """The highest place in the database of this class that was ever written; all below were written or done."""
        database = self._alarms if rank in SYNCED else self._telemetry
        with self._at(database):
            return database.number("ord")

    def state(self, prefix: str) -> dict[str, str]:
        """Kept values whose key begins with `prefix`."""
        with self._at(self._alarms):
            return self._alarms.state(prefix)

    def places(self) -> dict[Rank, list[int]]:
        """The places of all waiting messages, by class and in order."""
        places: dict[Rank, list[int]] = {}
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                places.update(database.places())
        return places

    def move_back(self, by: int) -> None:
        """Give every waiting message a place that is lower by so much: its own is taken."""
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                database.connection.execute("UPDATE messages SET ord = ord - ?", (by,))

    def counts(self) -> dict[Rank, int]:
        """Waiting messages by class."""
        return {rank: len(places) for rank, places in self.places().items()}

    def telemetry_bytes(self) -> int:
        """Payload bytes that wait in the telemetry database."""
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
        )
        self._uncopied |= copied(batch.state or {})
        rest = Batch(
            tuple(row for row in batch.rows if row.rank not in SYNCED),
            tuple(item for item in batch.deleted if item[0] not in SYNCED),
            None,
            batch.seq,
        )
        if safe.rows or safe.deleted or safe.state:
            with self._at(self._alarms):
                self._alarms.write(safe)
        if rest.rows or rest.deleted:
            with self._at(self._telemetry):
                self._telemetry.write(rest)

    def sync(self) -> None:
        """Force the alarms' write-ahead log to the disk."""
        with disk(self._path):
            if self._alarms_wal is None:
                self._alarms_wal = os.open(self._path / "alarms.db-wal", os.O_RDONLY)
            self._sync(self._alarms_wal)

    def copy_alarms(self) -> None:
        """Copy what has changed of the open alarms since the last call, after `sync`; the copy need not be forced."""
        if self._uncopied:
            with self._at(self._telemetry):
                self._telemetry.write(Batch(state=self._uncopied))
            self._uncopied = {}

    def checkpoint(self, at_bytes: int = _CHECKPOINT_BYTES) -> None:
        """Fold the write-ahead logs into the databases where they have grown to more; waits for the disk."""
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                log = Path(f"{database.path}-wal")
                if log.exists() and log.stat().st_size > at_bytes:
                    database.connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def load(self, rank: Rank, after_ord: int, limit: int) -> list[Row]:
        """The next waiting messages of a class, in order."""
        database = self._alarms if rank in SYNCED else self._telemetry
        with self._at(database):
            return database.load(rank, after_ord, limit)

    def drop_oldest(self, rank: Rank, count: int) -> list[int]:
        """Delete the `count` oldest messages of a telemetry class; returns their places."""
        with self._at(self._telemetry):
            found = self._telemetry.connection.execute(
                "DELETE FROM messages WHERE ord IN (SELECT ord FROM messages WHERE rank=? ORDER BY ord LIMIT ?) "
                "RETURNING ord",
                (int(rank), count),
            ).fetchall()
        return [row[0] for row in found]

    def drop_expired(self, boot_id: str, boottime_ns: int, unix_ms: int) -> dict[Rank, list[int]]:
        """Delete what has expired, as `Row.age_s` counts; returns the places by class."""
        places: dict[Rank, list[int]] = {}
        for database in (self._alarms, self._telemetry):
            with self._at(database):
                for rank, place in database.drop_expired(boot_id, boottime_ns, unix_ms):
                    places.setdefault(rank, []).append(place)
        return places

    def give_back_space(self) -> None:
        """Hand the room of dropped telemetry back to the file system."""
        with self._at(self._telemetry):
            self._telemetry.give_back_space()

    def discard_telemetry(self) -> None:
        """Make room on a full disk: begin the telemetry anew, with no message in it."""
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
        """What to tell of open alarms if their database was replaced at the last `open`; `boxed` are messages that the
        black box has, `kept` the keys of the alarms that were saved."""
        if not self._is_replaced:
            return None
        rows = [*self.load(Rank.ALARM, 0, _MOST_LOOKED_AT), *boxed]
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
    """A kept value as the disk gives it, by a connection of its own. Blocks as the disk does. Any thread.

    Raises StorageError.
    """
    path = directory / STATE_FILE
    with disk(path), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=1.0)) as reader:
        row = reader.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])


def is_safe(ranks: Iterable[Rank]) -> bool:
    """Whether any of the classes is one that must survive a power cut."""
    return any(rank in SYNCED for rank in ranks)
