"""What goes wrong on a device's disk, in words that say what to do."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from agent.core.errors import DiskFullError, StorageError, UnwritableError
from agent.trust.whole_file import replace_file


def write_file(path: Path, content: bytes, mode: int) -> None:
    """Replace a file as a whole, onto the disk. Raises StorageError."""
    with explained(path):
        replace_file(path, content, mode)


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
