"""Replaces a damaged database: sets it aside, and moves all that can still be read to a new one."""

import logging
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from agent.core.errors import DamagedError
from agent.outbox.database import COLUMNS, Batch, Database, Row, disk
from agent.outbox.record_table import COLUMNS as RECORD_COLUMNS
from agent.outbox.record_table import recorded

_MOST_KEPT = 3
_MOST_KEPT_BYTES = 128 * 1024 * 1024
_AT_ONCE = 500
_PARTS = ("", "-wal", "-shm")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Damage:
    """What became of a damaged database."""

    file: str
    reason: str
    set_aside: str
    """Name under which the damaged file is kept, for analysis."""
    salvaged: int
    """Messages that moved to the new database."""
    lost: int
    """Messages that the old one lists but that can't be read. There may have been others that it no longer lists."""


def replace_damaged(path: Path, reason: str, open_new: Callable[[], Database]) -> tuple[Database, Damage]:
    """Put a new database, with all that could be read, in the place of the damaged one. Raises StorageError."""
    log.error("the database is damaged; setting it aside and creating a new one: %s", reason)
    aside = _set_aside(path)
    fresh = open_new()
    try:
        with disk(path):
            salvaged, lost = _move(aside, fresh)
    except BaseException:
        fresh.close()
        raise
    log.error("%d messages were saved from %s, %d were not", salvaged, aside.name, lost)
    return fresh, Damage(path.name, reason, aside.name, salvaged, lost)


def _set_aside(path: Path) -> Path:
    with disk(path):
        kept = sorted(path.parent.glob(f"{path.name}.damaged-*[0-9]"), key=_number)
        aside = path.with_name(f"{path.name}.damaged-{_number(kept[-1]) + 1 if kept else 1}")
        for part in reversed(_PARTS):  # the database itself last: while it is there, this can start over
            if (old := Path(f"{path}{part}")).exists():
                old.rename(f"{aside}{part}")
        size = _size(aside)
        for number, old in enumerate(reversed(kept), start=2):
            size += _size(old)
            if number > _MOST_KEPT or size > _MOST_KEPT_BYTES:
                for part in _PARTS:
                    Path(f"{old}{part}").unlink(missing_ok=True)
    return aside


def _number(aside: Path) -> int:
    return int(aside.name.rpartition("-")[2])


def _size(aside: Path) -> int:
    return sum(Path(f"{aside}{part}").stat().st_size for part in _PARTS if Path(f"{aside}{part}").exists())


def _move(damaged: Path, fresh: Database) -> tuple[int, int]:
    """Move all that can be read; returns the number of messages moved, and of those that could not be read."""
    with closing(sqlite3.connect(damaged, isolation_level=None)) as old:
        state = {
            key: value
            for order in ("", "DESC")
            for key, value in _read(old, f"SELECT key, value FROM state ORDER BY key {order}")  # noqa: S608
            if isinstance(key, str) and isinstance(value, str)
        }
        places = {
            place
            for source in ("NOT INDEXED", "INDEXED BY by_rank")
            for order in ("", "DESC")
            for (place,) in _read(old, f"SELECT ord FROM messages {source} ORDER BY ord {order}")  # noqa: S608
            if isinstance(place, int)
        }
        has_record = any(name == "record" for _, name, *_ in _read(old, "PRAGMA table_info(messages)"))
        columns = COLUMNS if has_record else COLUMNS.replace("record", "NULL")  # an older agent's
        rows: list[Row] = []
        salvaged = 0
        for place in sorted(places):
            rows += _row(old, fresh, place, columns)
            if len(rows) == _AT_ONCE:
                fresh.write(Batch(rows=tuple(rows)))
                salvaged += len(rows)
                rows.clear()
        fresh.write(Batch(rows=tuple(rows), state=state))
        salvaged += len(rows)
        _move_record(old, fresh)
    return salvaged, len(places) - salvaged


def _move_record(old: sqlite3.Connection, fresh: Database) -> None:
    """Move what can be read of the record, in one transaction: all of it is confirmed, and nothing depends on it."""
    numbers = {
        number
        for order in ("", "DESC")
        for (number,) in _read(old, f"SELECT number FROM record ORDER BY number {order}")  # noqa: S608
        if isinstance(number, int)
    }
    fresh.connection.execute("BEGIN IMMEDIATE")
    for number in sorted(numbers):
        for columns in _read(old, f"SELECT {RECORD_COLUMNS} FROM record WHERE number={number}"):  # noqa: S608
            with suppress(DamagedError):
                fresh.record.keep([recorded(columns)])
    fresh.connection.execute("COMMIT")


def _row(old: sqlite3.Connection, fresh: Database, place: int, columns: str) -> list[Row]:
    """Return the message at this place, if it can be read whole."""
    found = list(_read(old, f"SELECT {columns} FROM messages NOT INDEXED WHERE ord={place}"))  # noqa: S608
    try:
        return [fresh.row(values) for values in found]
    except DamagedError:
        return []


def _read(old: sqlite3.Connection, query: str) -> Iterator[tuple[object, ...]]:
    """Yield rows until one can't be read."""
    try:
        yield from old.execute(query)
    except sqlite3.Error:
        return
