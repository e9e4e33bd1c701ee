"""The partition of the state directory: what the kernel says about it, and a trial of it."""

import os
import re
import tempfile
import time
from pathlib import Path

from agent.core.diagnosis.disk import Disk

_TRIAL = os.urandom(64 * 1024)
_OUTBOX = ("alarms.db", "alarms.db-wal", "telemetry.db", "telemetry.db-wal")


def nearest(directory: Path) -> Path:
    """Return `directory`, or the nearest existing path above it. Raises OSError when that can't be seen."""
    directory = directory.absolute()
    for path in (directory, *directory.parents):
        try:
            path.stat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        return path
    return Path("/")


def look_at(directory: Path, mounts: Path = Path("/proc/self/mountinfo")) -> Disk:
    """Return what the kernel says about the partition of a directory, which need not exist yet. Raises OSError."""
    there = nearest(directory)
    about = os.statvfs(there)
    mount_point, file_system = _mounted(there.resolve(), mounts.read_text(encoding="utf-8"))
    return Disk(
        directory=str(directory),
        mount_point=mount_point,
        file_system=file_system,
        read_only=bool(about.f_flag & os.ST_RDONLY),
        free_bytes=about.f_bavail * about.f_frsize,
        free_files=about.f_favail if about.f_files else None,
        outbox_bytes=sum(_size(directory / name) for name in _OUTBOX),
        damaged=tuple(sorted(path.name for path in directory.glob("*.damaged-*"))),
    )


def write_and_read(directory: Path) -> float:
    """Write a small file, force it to the disk, read it back and remove it; returns the milliseconds that it took.

    Raises OSError.
    """
    began_s = time.perf_counter()
    with tempfile.TemporaryFile(dir=directory, prefix=".doctor-") as file:
        file.write(_TRIAL)
        file.flush()
        os.fsync(file.fileno())
        file.seek(0)
        if file.read() != _TRIAL:
            raise OSError("what was read is not what was written")
    return (time.perf_counter() - began_s) * 1000


def _mounted(path: Path, mountinfo: str) -> tuple[str, str]:
    """Return where the file system of `path` is mounted, and its type; the last mount on the longest path counts."""
    best = (Path("/"), "unknown")
    for line in mountinfo.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), before.split()[4]))
        if path.is_relative_to(point) and len(point.parts) >= len(best[0].parts):
            best = (point, after.split()[0])
    return str(best[0]), best[1]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
