"""The black box: what was accepted and may not be on disk yet, in memory that outlives the process.

A file on a memory file system (tmpfs), mapped into the process. To write into it is a copy in memory: it waits for no
disk, and what is written stays when the process is killed, until the machine loses its power. So a message may be
sent while the disk still works on it, and a process that is killed in between has forgotten nothing.

The file has two halves. New entries go into one of them; once the disk has all that was accepted before the other
half was left, that other half is cleared.
"""

import fcntl
import marshal
import mmap
import os
import stat
import struct
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from agent.core.errors import StorageError
from agent.core.messages import Rank
from agent.runtime.database import Row

_MAGIC = b"edge-agent box 1"
_HEADER = struct.Struct("<16s36sB3xQQ")
"""Magic, boot, half in use, highest number and place given."""
_ACTIVE = struct.Struct("<B")
_ACTIVE_AT = 52
_NUMBERS = struct.Struct("<QQ")
_NUMBERS_AT = 56
_PREFIX = struct.Struct("<II")
"""Length and checksum of an entry; a length of 0 ends the half."""
_PAGE = 4096
_HALF_BYTES = 512 * 1024
_SIZE = _PAGE + 2 * _HALF_BYTES


class Entry(NamedTuple):
    """One message, and state that belongs to it or stands alone (None forgets a key)."""

    row: Row | None
    values: Mapping[str, str | None]


class BlackBox:
    """Called under the recorder's lock, but for `open` and `close`, which come before and after all else."""

    def __init__(self, path: Path, boot_id: str) -> None:
        self._path = path
        self._boot_id = boot_id
        self._memory: mmap.mmap | None = None
        self._file: int | None = None
        self._used = [0, 0]
        self._active = 0

    def open(self) -> None:
        """Claim the file and find what an earlier run of this boot has left in it. Raises StorageError.

        Then `append` still works, in memory that does not outlive the process.
        """
        try:
            with ExitStack() as undo:
                self._file = _claim(self._path)
                undo.callback(self._let_go)
                # All of it now: a full file system must not show as a signal at the first press.
                os.posix_fallocate(self._file, 0, _SIZE)
                self._memory = mmap.mmap(self._file, _SIZE)
                undo.pop_all()
        except (OSError, ValueError) as error:
            self._memory = mmap.mmap(-1, _SIZE)
            self._format()
            raise StorageError(f"{self._path}: {error}; what a killed agent had not written yet is lost") from error
        magic, boot_id, active, _, _ = _HEADER.unpack_from(self._memory)
        if magic != _MAGIC or boot_id != self._boot_id.encode() or active > 1:
            self._format()
            return
        self._active = active
        for half in (0, 1):
            self._used[half] = sum(_PREFIX.size + length for length, _ in self._scan(half))

    def close(self, *, empty: bool) -> None:
        """Let the file go; `empty` if the disk has everything, and the file is then removed."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None
        if self._file is not None:
            if empty:
                self._path.unlink(missing_ok=True)
            self._let_go()

    @property
    def outlives(self) -> bool:
        """Whether what is in it outlives this process."""
        return self._file is not None

    @property
    def numbers(self) -> tuple[int, int]:
        """The highest number and place that were ever given in this boot."""
        seq, place = _NUMBERS.unpack_from(self._mapped, _NUMBERS_AT)
        return seq, place

    def entries(self) -> list[Entry]:
        """What is in the box, in the order of acceptance."""
        found = []
        for half in (1 - self._active, self._active):
            for _, content in self._scan(half):
                row, values = marshal.loads(content)  # noqa: S302 - our own file, 0600, with a checksum
                found.append(Entry(Row(*row)._replace(rank=Rank(row[1])) if row else None, values))
        return found

    def append(self, row: Row | None, values: Mapping[str, str | None], seq: int, place: int) -> bool:
        """Remember one entry and the numbers given so far; false when there was room for the numbers only."""
        memory = self._mapped
        _NUMBERS.pack_into(memory, _NUMBERS_AT, seq, place)
        content = marshal.dumps((None if row is None else (row.ord, int(row.rank), *row[2:]), dict(values)))
        used = self._used[self._active]
        end = used + _PREFIX.size + len(content)
        if end + _PREFIX.size > _HALF_BYTES:
            return False
        begin = _start(self._active) + used
        memory[begin + _PREFIX.size : begin + _PREFIX.size + len(content)] = content
        _PREFIX.pack_into(memory, _start(self._active) + end, 0, 0)
        # Last, so that a process that is killed half-way leaves the old end.
        _PREFIX.pack_into(memory, begin, len(content), zlib.crc32(content))
        self._used[self._active] = end
        return True

    def turn(self) -> None:
        """The disk is about to take all that was accepted so far: what comes now goes into the other half."""
        if self._used[self._active] and not self._used[1 - self._active]:
            self._active = 1 - self._active
            _ACTIVE.pack_into(self._mapped, _ACTIVE_AT, self._active)

    def settle(self) -> None:
        """The disk has taken all that was accepted before the last `turn`."""
        self._clear(1 - self._active)

    def _format(self) -> None:
        self._active = 0
        _HEADER.pack_into(self._mapped, 0, _MAGIC, self._boot_id.encode(), 0, 0, 0)
        self._clear(0)
        self._clear(1)

    def _clear(self, half: int) -> None:
        _PREFIX.pack_into(self._mapped, _start(half), 0, 0)
        self._used[half] = 0

    def _scan(self, half: int) -> Iterator[tuple[int, bytes]]:
        """Length and content of each entry of a half, up to the first that is not whole."""
        position, limit = _start(half), _start(half) + _HALF_BYTES
        while position + _PREFIX.size <= limit:
            length, checksum = _PREFIX.unpack_from(self._mapped, position)
            position += _PREFIX.size
            content = self._mapped[position : position + length]
            if not length or position + length > limit or zlib.crc32(content) != checksum:
                return
            yield length, content
            position += length

    @property
    def _mapped(self) -> mmap.mmap:
        assert self._memory is not None
        return self._memory

    def _let_go(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None


def _start(half: int) -> int:
    return _PAGE + half * _HALF_BYTES


def _claim(path: Path) -> int:
    """The file, ours alone. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o750)
    with ExitStack() as undo:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        undo.callback(os.close, file)
        found = os.fstat(file)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
            raise PermissionError("it belongs to somebody else")
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        undo.pop_all()
    return file
