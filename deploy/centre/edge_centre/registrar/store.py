"""What the registrar remembers, in one SQLite database: certificates, claims, requests, and a journal of all it did.

Nothing leaves the registrar that is not synced to disk here before. Each decision is one transaction (`transaction`),
which shuts out every other one, in this process and in another.
"""

import hashlib
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edge_centre.registrar.refusal import Refusal

_SCHEMA = """
CREATE TABLE IF NOT EXISTS issued (
  serial TEXT PRIMARY KEY, name TEXT NOT NULL, user TEXT NOT NULL, key TEXT NOT NULL, board TEXT, der BLOB NOT NULL,
  issued_at INTEGER NOT NULL, not_after INTEGER NOT NULL, revoked_at INTEGER, reason TEXT);
CREATE INDEX IF NOT EXISTS issued_name ON issued (name);
CREATE INDEX IF NOT EXISTS issued_key ON issued (key);
CREATE INDEX IF NOT EXISTS issued_board ON issued (board);
CREATE TABLE IF NOT EXISTS claims (
  name TEXT PRIMARY KEY, secret BLOB NOT NULL, board TEXT, place TEXT, until INTEGER NOT NULL,
  replaces INTEGER NOT NULL, made_by TEXT NOT NULL, used_key TEXT, used_board TEXT, used_at INTEGER);
CREATE TABLE IF NOT EXISTS requests (
  key TEXT PRIMARY KEY, name TEXT NOT NULL, code TEXT NOT NULL, board TEXT, place TEXT, address TEXT NOT NULL,
  asked_at INTEGER NOT NULL, state TEXT NOT NULL, decided_at INTEGER, decided_by TEXT, reason TEXT, over TEXT);
CREATE TABLE IF NOT EXISTS places (name TEXT PRIMARY KEY, place TEXT, seen_at INTEGER);
CREATE TABLE IF NOT EXISTS journal (
  id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, who TEXT NOT NULL, what TEXT NOT NULL, name TEXT,
  key TEXT, detail TEXT);
CREATE INDEX IF NOT EXISTS journal_who ON journal (who, at);
CREATE TRIGGER IF NOT EXISTS journal_stays BEFORE DELETE ON journal BEGIN SELECT RAISE(ABORT, 'append only'); END;
CREATE TRIGGER IF NOT EXISTS journal_is_true BEFORE UPDATE ON journal BEGIN SELECT RAISE(ABORT, 'append only'); END;
"""
_BROKEN = "The registrar can't write to its disk, so nothing was done: ask the office to look after it, then try again."


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate that the registrar has made. Times are in seconds since 1970."""

    serial: str
    name: str
    user: str
    key: str
    board: str | None
    der: bytes
    issued_at: int
    not_after: int
    revoked_at: int | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class StoredClaim:
    """The newest claim of a name; `secret` is its SHA-256."""

    name: str
    secret: bytes
    board: str | None
    place: str | None
    until: int
    replaces: int
    made_by: str
    used_key: str | None
    used_board: str | None
    used_at: int | None


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A device that has asked without a claim. `state` is waiting, approved or refused; `over` is the key that had the
    name when it was approved."""

    key: str
    name: str
    code: str
    board: str | None
    place: str | None
    address: str
    asked_at: int
    state: str
    decided_at: int | None
    decided_by: str | None
    reason: str | None
    over: str | None


class Transaction:
    """The tables, during one `Store.transaction`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def issued_to(self, name: str) -> list[Issued]:
        """Return every certificate of a device and its probe, the newest first."""
        rows = self._all("SELECT * FROM issued WHERE name = ? ORDER BY issued_at DESC, rowid DESC", name)
        return [Issued(*row) for row in rows]

    def certificate(self, serial: str) -> Issued | None:
        """Return the certificate with this serial number, in hex."""
        rows = self._all("SELECT * FROM issued WHERE serial = ?", serial)
        return Issued(*rows[0]) if rows else None

    def all_issued(self) -> list[Issued]:
        """Return every certificate, by name and then the newest first."""
        return [Issued(*row) for row in self._all("SELECT * FROM issued ORDER BY name, issued_at DESC, rowid DESC")]

    def known(self, key: str, board: str | None) -> list[Issued]:
        """Return every certificate of this key or this board, the newest first."""
        sql = "SELECT * FROM issued WHERE key = ? OR board = ? ORDER BY issued_at DESC, rowid DESC"
        return [Issued(*row) for row in self._all(sql, key, board)]

    def revoked(self) -> list[tuple[str, int, int, str]]:
        """Return serial, time of revocation, end and reason of every certificate that was revoked."""
        return self._all("SELECT serial, revoked_at, not_after, reason FROM issued WHERE revoked_at IS NOT NULL")

    def add_issued(self, issued: Issued) -> None:
        """Record a certificate."""
        self._insert("issued", issued)

    def revoke(self, serial: str, at: int, reason: str) -> None:
        """Record that a certificate no longer counts."""
        self._run("UPDATE issued SET revoked_at = ?, reason = ? WHERE serial = ?", at, reason, serial)

    def claim(self, name: str) -> StoredClaim | None:
        """Return the newest claim of a name."""
        rows = self._all("SELECT * FROM claims WHERE name = ?", name)
        return StoredClaim(*rows[0]) if rows else None

    def put_claim(self, claim: StoredClaim) -> None:
        """Record a claim, in place of an older one of the same name."""
        self._insert("claims", claim)

    def request(self, key: str) -> StoredRequest | None:
        """Return the request of this key."""
        rows = self._all("SELECT * FROM requests WHERE key = ?", key)
        return StoredRequest(*rows[0]) if rows else None

    def requests(self) -> list[StoredRequest]:
        """Return all requests, the oldest first."""
        return [StoredRequest(*row) for row in self._all("SELECT * FROM requests ORDER BY asked_at, rowid")]

    def put_request(self, request: StoredRequest) -> None:
        """Record a request, in place of an older one of the same key."""
        self._insert("requests", request)

    def forget_requests(self, before: int) -> None:
        """Forget what was asked before this time and not answered since."""
        self._run("DELETE FROM requests WHERE max(asked_at, coalesce(decided_at, 0)) < ?", before)

    def forget_request(self, key: str) -> None:
        """Forget the request of this key."""
        self._run("DELETE FROM requests WHERE key = ?", key)

    def forget_permission(self, name: str, key: str) -> None:
        """Forget the claim that this key has used, and its request."""
        self._run("DELETE FROM claims WHERE name = ? AND used_key = ?", name, key)
        self._run("DELETE FROM requests WHERE key = ?", key)

    def place(self, name: str) -> tuple[str | None, int | None]:
        """Return where a device is, in a person's words, and when it was last here."""
        rows = self._all("SELECT place, seen_at FROM places WHERE name = ?", name)
        return rows[0] if rows else (None, None)

    def saw(self, name: str, at: int, place: str | None = None) -> None:
        """Record that a device was here, and its place if it is told."""
        sql = (
            "INSERT INTO places VALUES (?, ?, ?) ON CONFLICT (name) DO UPDATE SET "
            "place = coalesce(excluded.place, place), seen_at = excluded.seen_at"
        )
        self._run(sql, name, place, at)

    def write_down(self, at: int, who: str, what: str, name: str | None, key: str | None, detail: str | None) -> None:
        """Append a line to the journal."""
        sql = "INSERT INTO journal (at, who, what, name, key, detail) VALUES (?, ?, ?, ?, ?, ?)"
        self._run(sql, at, who, what, name, key, detail)

    def count(self, who: str, what: str, since: int) -> int:
        """Return how often somebody has done this since a time, by the journal."""
        sql = "SELECT count(*) FROM journal WHERE who = ? AND at > ? AND what = ?"
        return int(self._all(sql, who, since, what)[0][0])

    def journal(self) -> list[tuple[int, str, str, str | None, str | None, str | None]]:
        """Return every line: when, who, what, name, key, detail."""
        return self._all("SELECT at, who, what, name, key, detail FROM journal ORDER BY id")

    def _insert(self, table: str, row: Issued | StoredClaim | StoredRequest) -> None:
        values = [getattr(row, field) for field in row.__slots__]
        # The table's name is one of ours.
        self._run(f"INSERT OR REPLACE INTO {table} VALUES ({', '.join('?' * len(values))})", *values)  # noqa: S608

    def _run(self, sql: str, *values: Any) -> None:
        self._database.execute(sql, values)

    def _all(self, sql: str, *values: Any) -> list[Any]:
        return self._database.execute(sql, values).fetchall()


def secret_digest(secret: str) -> bytes:
    """Return what is stored of a claim's secret. Not slow on purpose: a secret has 128 random bits."""
    return hashlib.sha256(secret.encode()).digest()


class Store:
    """The database, for any thread. Raises Refusal with 503 when it can't be read or written."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with suppress(FileExistsError):
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        self._database = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        try:
            # No write-ahead log: whoever keeps a copy of the file has all of it.
            self._database.execute("PRAGMA journal_mode = DELETE")
            self._database.execute("PRAGMA synchronous = EXTRA")  # so that a power cut takes nothing back
            self._database.executescript(_SCHEMA)
        except sqlite3.Error:
            self._database.close()
            raise

    def copy(self, path: Path) -> None:
        """Write a whole copy, also while others use the database; whatever was at `path` is replaced at once. Raises
        Refusal when it can't be written."""
        new = path.with_name(f"{path.name}.new")
        try:
            path.parent.mkdir(mode=0o700, exist_ok=True)
            new.unlink(missing_ok=True)
            os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
            with self._lock, closing(sqlite3.connect(new)) as copy:
                self._database.backup(copy)
            new.replace(path)
        except (OSError, sqlite3.Error) as error:
            raise Refusal(f"{path}: the copy can't be written ({error}), and those before stay.") from error

    def close(self) -> None:
        """Close the database, after the transaction that is under way."""
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Do everything inside, or nothing. What it has written is on disk when it ends."""
        with self._lock:
            try:
                self._database.execute("BEGIN IMMEDIATE")
                try:
                    yield Transaction(self._database)
                    self._database.execute("COMMIT")
                except BaseException:
                    if self._database.in_transaction:
                        self._database.execute("ROLLBACK")
                    raise
            except sqlite3.Error as error:
                raise Refusal(_BROKEN, 503, retry_after_s=60) from error
