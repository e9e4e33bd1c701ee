"""Files that are there whole or not at all, whatever is cut off."""

import errno
import os
import stat
from contextlib import suppress
from pathlib import Path

from agent.trust.synced_file import sync_names


def replace_file(path: Path, content: bytes, mode: int) -> None:
    """Replace a file as a whole, onto the disk. Raises OSError, and leaves the old one then."""
    new = path.with_name(f".{path.name}.new")
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
