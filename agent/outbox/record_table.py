"""The record in one database: what a broker has confirmed is kept for a replay. Its schema and its statements."""

import sqlite3
from collections.abc import Iterable
from typing import NamedTuple

from agent.core.errors import DamagedError

SCHEMA = """
CREATE TABLE IF NOT EXISTS record(
  number INTEGER PRIMARY KEY, topic TEXT NOT NULL, payload BLOB NOT NULL, expiry_s INTEGER,
  created_unix_ms INTEGER NOT NULL);
"""
COLUMNS = "number, topic, payload, expiry_s, created_unix_ms"
_TYPES = (int, str, bytes, int | None, int)


class Recorded(NamedTuple):
    """One message of the record that a broker has confirmed."""

    number: int
    topic: str
    payload: bytes
    expiry_s: int | None
    created_unix_ms: int
    """0 when the clock was not set at acceptance."""


class RecordTable:
    """Used by one thread; raises sqlite3.Error."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def keep(self, messages: Iterable[Recorded]) -> None:
        """Add messages, within the transaction of the caller."""
        insert = f"INSERT OR REPLACE INTO record({COLUMNS}) VALUES (?,?,?,?,?)"  # noqa: S608 - a constant
        self._connection.executemany(insert, messages)

    def numbers(self, first: int, last: int) -> list[int]:
        """Return the numbers that are kept from `first` to `last`, in order."""
        found = self._connection.execute(
            "SELECT number FROM record WHERE number BETWEEN ? AND ? ORDER BY number", (first, last)
        )
        return [number for (number,) in found]

    def load(self, first: int, last: int) -> list[Recorded]:
        """Return the messages from `first` to `last`, in order. Raises DamagedError."""
        found = self._connection.execute(
            f"SELECT {COLUMNS} FROM record WHERE number BETWEEN ? AND ? ORDER BY number",  # noqa: S608
            (first, last),
        )
        return [recorded(columns) for columns in found]

    def sizes(self) -> list[tuple[int, int]]:
        """Return number and payload bytes of each message, in no order."""
        return self._connection.execute("SELECT number, length(payload) FROM record").fetchall()

    def newest_before(self, unix_ms: int) -> int:
        """Return the highest number that was made before this time by a clock that was set; 0 if there is none."""
        found = self._connection.execute(
            "SELECT max(number) FROM record WHERE created_unix_ms BETWEEN 1 AND ?", (unix_ms,)
        )
        return int(found.fetchone()[0] or 0)

    def ends(self) -> tuple[int, int]:
        """Return the lowest and the highest number; zeros when there is none."""
        found = [self._connection.execute(f"SELECT {end}(number) FROM record").fetchone()[0] for end in ("min", "max")]  # noqa: S608
        return found[0] or 0, found[1] or 0

    def drop_foreign(self, base: str) -> None:
        """Delete all if the topic of the newest does not begin with `base`: until now the device had another name."""
        newest = "SELECT substr(topic, 1, ?) <> ? FROM record ORDER BY number DESC LIMIT 1"
        if self._connection.execute(newest, (len(base), base)).fetchone() == (1,):
            self._connection.execute("DELETE FROM record")

    def drop_through(self, number: int) -> list[int]:
        """Delete all up to this number; returns the payload bytes of each."""
        found = self._connection.execute(
            "DELETE FROM record WHERE number <= ? RETURNING length(payload)", (number,)
        ).fetchall()
        return [size for (size,) in found]


def recorded(columns: tuple[object, ...]) -> Recorded:
    """Turn columns that were read into a message. Raises DamagedError when they can't be one."""
    if not all(isinstance(value, kind) for value, kind in zip(columns, _TYPES, strict=True)):
        raise DamagedError(f"the message {columns[0]} of the record is damaged")
    return Recorded(*columns)  # type: ignore[arg-type]
