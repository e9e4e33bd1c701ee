"""Files that are there whole or not at all, whatever is cut off."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.adapters.synced_file import sync_names
from agent.core.errors import DiskFullError, StorageError, UnwritableError


def replace_file(path: Path, content: bytes, mode: int, owner: Path) -> None:
    """Replace a file as a whole, onto the disk; root gives it to whom `owner` belongs. Raises StorageError."""
    new = path.with_name(f".{path.name}.new")
    with explained(path):
        try:
            # Root must not write through a link that the directory's owner has put there.
            new.unlink(missing_ok=True)
            number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with os.fdopen(number, "wb") as file:
                os.fchmod(number, mode)
                file.write(content)
                file.flush()
                os.fsync(number)
            give(new, owner)
            new.rename(path)
        except OSError:
            with suppress(OSError):
                new.unlink()
            raise
        sync_names(path.parent)


def give(path: Path, owner: Path) -> None:
    """Give what root has made to another owner: the agent must be able to read it."""
    if os.geteuid() == 0:
        its = owner.stat()
        os.chown(path, its.st_uid, its.st_gid, follow_symlinks=False)


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Raise StorageError, which says what to do, for an OSError of what is done with `path`."""
    try:
        yield
    except PermissionError as error:
        raise UnwritableError(f"{path}: permission denied; run the command with sudo") from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFullError(
                f"{path}: there is no room left on the disk. Nothing is lost, and what was in use stays in use: make "
                "room (`sudo edge-agent doctor --only disk`), and run the same command again"
            ) from error
        if error.errno == errno.EROFS:
            raise UnwritableError(f"{path}: the disk is read-only: see `sudo edge-agent doctor --only disk`") from error
        raise StorageError(f"{path}: {(error.strerror or str(error)).lower()}") from error
