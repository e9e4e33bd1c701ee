"""Files that are there whole or not at all, whatever is cut off."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from agent.contract.errors import DiskFullError, StorageError, UnwritableError
from agent.trust.synced_file import sync_names


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Replace a file as a whole, onto the disk. Raises StorageError."""
    new = path.with_name(f".{path.name}.new")
    with explained(path):
        try:
            new.unlink(missing_ok=True)
            number = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
            with os.fdopen(number, "wb") as file:
                os.fchmod(number, mode)
                file.write(content)
                file.flush()
                os.fsync(number)
            new.rename(path)
        except OSError:
            with suppress(OSError):
                new.unlink()
            raise
        sync_names(path.parent)


def read_file(path: Path, most: int = 1 << 20) -> bytes:
    """Return what is in a file that another program may have put there. Never waits for a FIFO, and takes no more than
    `most` bytes into memory. Raises OSError, which for anything but a file of that size says what it is."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    with os.fdopen(number, "rb") as file:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            raise OSError(errno.EINVAL, "is no file", str(path))
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"has more than {most} bytes", str(path))
    return content


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
