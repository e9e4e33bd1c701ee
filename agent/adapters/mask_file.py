"""Reads a file of privacy masks. Without numpy: the core counts the masks too, and `check-config` checks them."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from agent.core.camera.masks import Outline, parse_masks
from agent.core.errors import MaskError

MAX_BYTES = 256 * 1024


def read_masks(path: Path) -> tuple[Outline, ...]:
    """Return the polygons of the file. Raises MaskError: one line that says what is wrong and what to do."""
    try:
        return parse_masks(_content(path))
    except OSError as error:
        reason = f"{error.strerror}: check that it exists, and its permissions"
    except ValueError:
        reason = "no file can have this name"
    except MaskError as error:
        reason = str(error)
    raise MaskError(f"mask file {path}: {reason}; the camera stays off until the file is corrected")


def all_masks(drawn: Sequence[Outline], file: Path | None) -> tuple[Outline, ...]:
    """Return the polygons of the settings and those of the file together. Raises MaskError."""
    return (*drawn, *(() if file is None else read_masks(file)))


def _content(path: Path) -> bytes:
    # Without O_NONBLOCK a pipe of that name would block the process forever.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise MaskError("it is not a regular file: replace it with one")
        content = os.read(descriptor, MAX_BYTES + 1)
    finally:
        os.close(descriptor)
    if len(content) > MAX_BYTES:
        raise MaskError(f"it has more than {MAX_BYTES // 1024} KiB: draw fewer points")
    return content
