"""The disk of the kiosk, and the memory that outlives a process: what a kill leaves, and an hour without any room."""

import shutil
import sqlite3
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from agent.outbox.database import Database
from agent.outbox.state_directory import StateDirectory

_BLACK_BOX = "black-box"
_FILES = ("alarms.db", "alarms.db-wal", "telemetry.db", "telemetry.db-wal", "seq.ceiling", _BLACK_BOX)


def in_memory() -> str | None:
    """Where to keep it all: a card's worth of syncs takes its time on a real disk, and proves nothing here."""
    return "/dev/shm" if Path("/dev/shm").is_dir() else None


class Disk:
    """A context: left, it is not full any more."""

    def __init__(self, directory: Path) -> None:
        self.store = directory / "store"
        self._saved = directory / "saved"
        self._full = ExitStack()
        self.is_full = False

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        self.empty()

    def sizes(self) -> dict[str, int]:
        """Bytes by file; 0 for one that is not there."""
        return {name: (self.store / name).stat().st_size if (self.store / name).exists() else 0 for name in _FILES}

    def save(self, *, power_cut: bool) -> None:
        """What is in the files at this moment is what a process that is killed now leaves; a power cut also takes what
        is only in memory."""
        shutil.rmtree(self._saved, ignore_errors=True)
        self._saved.mkdir()
        for name in _FILES:
            if (self.store / name).exists() and not (power_cut and name == _BLACK_BOX):
                shutil.copyfile(self.store / name, self._saved / name)

    def put_back(self) -> None:
        """Undo what the process has done since, in its orderly stop."""
        for name in (*_FILES, "alarms.db-shm", "telemetry.db-shm"):
            (self.store / name).unlink(missing_ok=True)
        for path in self._saved.iterdir():
            path.rename(self.store / path.name)

    def fill(self) -> None:
        """From now on no write succeeds."""
        if self.is_full:
            return
        self.is_full = True

        def write(*_: Any) -> None:
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error

        self._full.enter_context(mock.patch.object(Database, "write", write))
        self._full.enter_context(mock.patch.object(StateDirectory, "free_bytes", return_value=0))

    def empty(self) -> None:
        """There is room again."""
        self.is_full = False
        self._full.close()
