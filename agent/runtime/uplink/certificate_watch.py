"""When the device's own certificate ends, and what keeps it from being renewed, for the centre."""

from collections.abc import Callable
from contextlib import suppress
from typing import NamedTuple

from agent.core.errors import StorageError
from agent.runtime.supervision.context import Context

_FIRST_AFTER_NS = 10 * 10**9
"""The first look comes when the kiosk is ready and the thread `keys` has loaded the library, which it shares."""
_EVERY_NS = 3600 * 10**9


class Found(NamedTuple):
    """What was read last."""

    ends: str | None = None
    """When the first certificate ends, as RFC 3339; None where nothing could be read."""
    trouble: str | None = None
    """What keeps it from being renewed."""


class CertificateWatch:
    """Reads the files again now and then, because whoever renews the certificate tells nobody.

    `tick` on the thread `config`, whose work needs a disk anyway; the figures are read on any."""

    def __init__(
        self, read: Callable[[], Found] | None, in_time: Callable[[Callable[[], None]], None], context: Context
    ) -> None:
        """`read` reads the files, on a thread of its own: a disk that hangs may hold it for ever. None where there are
        none. `in_time` calls a function, and raises StorageError when the disk does not answer."""
        self._read_files = read
        self._in_time = in_time
        self._clock = context.clock
        self._due_ns: int | None = None
        self._found = Found()
        context.board.add_figures("certificate_ends", lambda: self._found.ends)
        context.board.add_figures("certificate_trouble", lambda: self._found.trouble)

    def tick(self) -> None:
        """Read the files if it is time. Takes no longer than a disk is waited for."""
        now_ns = self._clock.boottime_ns()
        if self._due_ns is None:
            self._due_ns = now_ns + _FIRST_AFTER_NS
        if self._read_files is None or now_ns < self._due_ns:
            return
        self._due_ns = now_ns + _EVERY_NS
        with suppress(StorageError):  # a disk that does not answer has not changed the certificate
            self._in_time(self._read)

    def _read(self) -> None:
        assert self._read_files is not None
        self._found = self._read_files()
