"""The black box: holds what was accepted and may not be on disk yet, in memory that outlives the process.

It is a file on a memory file system (tmpfs), mapped into the process. A write is a copy in memory: it waits for no
disk, and it survives when the process is killed, until the machine loses power. So a message may be sent while the
disk is still writing it, and a process that is killed in between loses nothing.

The file has three parts. New entries go into one of them. A second one holds what is being written to disk, and is
cleared when the disk has it. The third is for a disk that takes nothing: when the part in use is full, what still
matters is rewritten there.
"""

import fcntl
import marshal
import mmap
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from agent.contract.messages import Rank
from agent.core.errors import StorageError
from agent.outbox.database import Row

_MAGIC = b"edge-agent box 3"
_OLDER = b"edge-agent box 2"
"""An older agent's box, which is read too: it has no record, and zeros in that place."""
_HEADER = struct.Struct("<16s36sB3xQQQ")
"""Magic, boot, parts in use, highest number, place and number of the record given."""
_IN_USE = struct.Struct("<B")
_IN_USE_AT = 52
_NUMBERS = struct.Struct("<QQQ")
_NUMBERS_AT = 56
_PREFIX = struct.Struct("<II")
"""Length and checksum of an entry; a length of 0 ends the part."""
_PAGE = 4096
_PARTS = 3
_PART_BYTES = 512 * 1024
_STARTS = tuple(_PAGE + part * _PART_BYTES for part in range(_PARTS))
_SIZE = _PAGE + _PARTS * _PART_BYTES
_REWRITE_EVERY = 64


class Entry(NamedTuple):
    """One message, and state that belongs to it or stands alone (None forgets a key)."""

    row: Row | None
    values: Mapping[str, str | None]


class BlackBox:
    """Call it under the writer's lock, except `open` and `close`, which come before and after everything else."""

    def __init__(self, path: Path, boot_id: str) -> None:
        self._path = path
        self._boot_id = boot_id
        self._memory: mmap.mmap | None = None
        self._file: int | None = None
        self._used = [0] * _PARTS
        self._overflows = 0
        """Entries that found no room since the last one that did."""
        self._is_behind = False
        """Whether the part that takes new entries also has some that are being written to disk."""
        self._first = self._active = 0
        """The part with the oldest entries, and the one that takes new ones; they may be the same."""

    def open(self) -> None:
        """Claim the file and find what an earlier run of this boot has left in it.

        Raises StorageError. `append` still works then, in memory that does not outlive the process.
        """
        try:
            with ExitStack() as undo:
                self._file = _claim(self._path)
                undo.callback(self._let_go)
                # Allocate it all now: otherwise a full file system would kill the process at the first press.
                os.posix_fallocate(self._file, 0, _SIZE)
                self._memory = mmap.mmap(self._file, _SIZE)
                undo.pop_all()
        except (OSError, ValueError) as error:
            self._memory = mmap.mmap(-1, _SIZE)
            self._format()
            reason = f"{error}; what a killed agent had not written yet is lost"
            if isinstance(error, BlockingIOError):
                reason = "another edge-agent is using it"
            raise StorageError(f"{self._path}: {reason}") from error
        magic, boot_id, in_use, *_ = _HEADER.unpack_from(self._memory)
        first, active = divmod(in_use, _PARTS)
        if magic not in {_MAGIC, _OLDER} or boot_id != self._boot_id.encode() or first >= _PARTS:
            self._format()
            return
        self._memory[: len(_MAGIC)] = _MAGIC
        self._first, self._active = first, active
        for part in {first, active}:
            self._used[part] = sum(_PREFIX.size + length for length, _ in self._scan(part))

    def close(self, *, empty: bool) -> None:
        """Close the file, and remove it if it is `empty` because the disk has everything."""
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
    def numbers(self) -> tuple[int, int, int]:
        """The highest sequence number, place and number of the record that were ever given in this boot."""
        seq, place, record = _NUMBERS.unpack_from(self._mapped, _NUMBERS_AT)
        return seq, place, record

    def entries(self) -> list[Entry]:
        """Return what is in the box, in the order of acceptance."""
        found = []
        for part in dict.fromkeys((self._first, self._active)):
            for _, content in self._scan(part):
                row, values = marshal.loads(content)  # noqa: S302 - our own file, 0600, with a checksum
                found.append(Entry(Row(*row)._replace(rank=Rank(row[1])) if row else None, values))
        return found

    def append(
        self,
        row: Row | None,
        values: Mapping[str, str | None],
        numbers: tuple[int, int, int],
        unwritten: Callable[[], Iterable[Entry]],
    ) -> bool:
        """Store one entry and the `numbers` given so far; false when there was room for the numbers only.

        The part in use is full only if the disk takes nothing. The box is then rewritten with what is still
        `unwritten`. If even that does not fit, the next try comes only some entries later, since it takes milliseconds.
        """
        memory = self._mapped
        _NUMBERS.pack_into(memory, _NUMBERS_AT, *numbers)
        if self._write(memory, self._active, row, values):
            return True
        self._overflows += 1
        if self._overflows % _REWRITE_EVERY != 1 or not self._rewrite(unwritten()):
            return False
        self._overflows = 0
        return self._write(memory, self._active, row, values)

    def turn(self) -> None:
        """Send new entries to another part, as everything accepted so far is about to be written to disk."""
        self._is_behind = self._first != self._active
        if self._used[self._active] and not self._is_behind:
            self._use(self._first, self._spare())

    def clear_written(self, unwritten: Callable[[], Iterable[Entry]]) -> None:
        """Clear what was accepted before the last `turn`, as the disk has it; what is `unwritten` came later.

        After a failed write, old and new entries share a part, and the box is rewritten: old values must not come back
        after a kill.
        """
        if self._first != self._active:
            emptied = self._first
            self._use(self._active, self._active)
            self._clear(emptied)
        if self._is_behind:
            self._rewrite(unwritten())

    def _rewrite(self, entries: Iterable[Entry]) -> bool:
        """Replace the content of the box with these entries; false, and no change, when they do not fit."""
        spare = self._spare()
        if not all(self._write(self._mapped, spare, *entry) for entry in entries):
            self._clear(spare)
            return False
        emptied = {self._first, self._active}
        self._use(spare, spare)
        for part in emptied:
            self._clear(part)
        return True

    def _write(self, memory: mmap.mmap, part: int, row: Row | None, values: Mapping[str, str | None]) -> bool:
        content = marshal.dumps((None if row is None else (row.ord, int(row.rank), *row[2:]), dict(values)))
        used = self._used[part]
        end = used + _PREFIX.size + len(content)
        if end + _PREFIX.size > _PART_BYTES:
            return False
        start = _STARTS[part]
        begin = start + used
        memory[begin + _PREFIX.size : begin + _PREFIX.size + len(content)] = content
        _PREFIX.pack_into(memory, start + end, 0, 0)
        # Written last, so that a process that is killed half-way leaves the old end in place.
        _PREFIX.pack_into(memory, begin, len(content), zlib.crc32(content))
        self._used[part] = end
        return True

    def _use(self, first: int, active: int) -> None:
        """Switch parts by writing one byte, so that a process killed here leaves either the old or the new in use."""
        self._first, self._active = first, active
        _IN_USE.pack_into(self._mapped, _IN_USE_AT, first * _PARTS + active)

    def _spare(self) -> int:
        return next(part for part in range(_PARTS) if part not in {self._first, self._active})

    def _format(self) -> None:
        _HEADER.pack_into(self._mapped, 0, _MAGIC, self._boot_id.encode(), 0, 0, 0, 0)
        self._use(0, 0)
        for part in range(_PARTS):
            self._clear(part)

    def _clear(self, part: int) -> None:
        _PREFIX.pack_into(self._mapped, _STARTS[part], 0, 0)
        self._used[part] = 0

    def _scan(self, part: int) -> Iterator[tuple[int, bytes]]:
        """Yield length and content of each entry of a part, up to the first that is not whole."""
        position = _STARTS[part]
        limit = position + _PART_BYTES
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


def _claim(path: Path) -> int:
    """Open the file and lock it for this process alone. Raises OSError."""
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
