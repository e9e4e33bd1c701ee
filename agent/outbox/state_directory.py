"""The directory of the outbox: its lock, its free space, and the numbers that outlive a database."""

import fcntl
import os
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO

from agent.core.errors import DirectoryInUseError, StorageError
from agent.outbox.database import disk

_CEILING = "seq.ceiling"
_RESERVE = "reserve"
RESERVE_BYTES = 4 * 1024 * 1024
_RESERVE_NEEDS_BYTES = 8 * RESERVE_BYTES
"""How much must be free before a reserve is made."""


class StateDirectory:
    """Every method may block for as long as the disk does, and raises StorageError. One thread."""

    def __init__(self, path: Path, sync: Callable[[int], None] = os.fdatasync) -> None:
        self.path = path
        self._sync = sync

    def claim(self) -> IO[str]:
        """Lock the directory, made if it is missing, for as long as the returned file is open: two agents must never
        share a sequence. Raises DirectoryInUseError when another agent has it."""
        advice = "give the agent a directory that it may write"
        with ExitStack() as undo:
            try:
                with disk(self.path):
                    self.path.mkdir(parents=True, exist_ok=True, mode=0o750)
                    file = undo.enter_context((self.path / "agent.lock").open("w", encoding="ascii"))
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except StorageError as error:
                if isinstance(error.__cause__, BlockingIOError):
                    raise DirectoryInUseError(
                        f"{self.path}: another edge-agent, such as the service, is using it: let that one run"
                    ) from error
                raise type(error)(f"{error}; {advice}") from error
            undo.pop_all()
        return file

    def ceiling(self) -> tuple[int, int, int]:
        """Return the number, place and number of the record promised last, which no earlier run has passed; zeros when
        there is no promise.

        They have a file of their own, so that they survive a damaged database. An older agent's has no record."""
        with disk(self.path):
            try:
                seq, place, *record = map(int, (self.path / _CEILING).read_text(encoding="ascii").split())
                return seq, place, record[0] if record else 0
            except (FileNotFoundError, NotADirectoryError, ValueError):
                return 0, 0, 0

    def keep_ceiling(self, seq: int, place: int, record: int) -> None:
        """Promise that none above these was given; safe against a power cut when it returns."""
        path = self.path / _CEILING
        new = path.with_suffix(".new")
        with disk(path):
            with new.open("w", encoding="ascii") as file:
                file.write(f"{seq} {place} {record}\n")
                file.flush()
                self._sync(file.fileno())
            new.replace(path)
            directory = os.open(self.path, os.O_RDONLY)  # a name is safe once the directory that has it is
            try:
                self._sync(directory)
            finally:
                os.close(directory)

    def free_bytes(self) -> int:
        """Return the room on the disk that is left for us."""
        with disk(self.path):
            about = os.statvfs(self.path)
        return about.f_bavail * about.f_frsize

    def hold_reserve(self) -> None:
        """Keep a file that can be deleted when the disk is full. A failure is ignored: it only means that there is less
        to give up later."""
        path = self.path / _RESERVE
        try:
            if path.exists() or self.free_bytes() < _RESERVE_NEEDS_BYTES:
                return
            with path.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, RESERVE_BYTES)
        except (OSError, StorageError):
            return

    def spend_reserve(self) -> bool:
        """Make room by deleting the reserve; false when it is spent already."""
        with disk(self.path):
            try:
                (self.path / _RESERVE).unlink()
            except FileNotFoundError:
                return False
        return True
