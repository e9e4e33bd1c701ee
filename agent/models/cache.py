"""Where this user keeps what can be made again. Standard library alone: `make run` fetches while pip still installs."""

import fcntl
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

SCRATCH = ".building-"
"""Prefix of the directories that a build removes when it ends."""


def cache_directory() -> Path:
    """Return where this user keeps what can be made again: `edge-agent` in `$XDG_CACHE_HOME` or `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "edge-agent"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def only_one_at_a_time(waits: Callable[[], None]) -> Iterator[None]:
    """Hold this user's lock on fetching and building; calls `waits` first if another process has it. Raises OSError."""
    cache_directory().mkdir(parents=True, exist_ok=True)
    with (cache_directory() / "model-build.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waits()
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
