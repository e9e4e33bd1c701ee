"""What is written is on the disk when a function returns."""

import os
from pathlib import Path


def append(path: Path, content: bytes) -> None:
    """Write to the end of a file, onto the disk: all of it, or nothing that a reader would see. Raises OSError."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
    try:
        before = os.fstat(number).st_size
        try:
            view = memoryview(content)
            while view:
                view = view[os.write(number, view) :]
            os.fsync(number)
        except OSError:
            os.ftruncate(number, before)
            raise
    finally:
        os.close(number)


def sync_names(directory: Path) -> None:
    """Bring the names in a directory onto the disk. Raises OSError."""
    number = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(number)
    finally:
        os.close(number)
