"""What the recorder gives: access units, of which whole groups are dropped when they can't leave in time."""

import socket
import time
from collections import deque
from pathlib import Path
from typing import NamedTuple, Self

from agent.core.camera.units import HEAD, Kind, RecordHead
from agent.core.socket_address import socket_address
from agent.live.rtsp import PushError

_LATE_S, _TOO_LATE_S = 1.5, 5.0
"""What waits for longer is dropped when a key frame comes, or, in a long group, at once."""
_MOST_BYTES = 4 * 1024 * 1024
_CHUNK = 256 * 1024


class Sample(NamedTuple):
    """An access unit."""

    key: bool
    boottime_ns: int
    nal_units: bytes
    """Each behind its length."""
    came_s: float


class Feed:
    """The recorder's samples. One thread. Use it in a `with` statement. Reading never waits, so that the recorder never
    does."""

    def __init__(self, path: Path) -> None:
        """Listen at `path`, which is gone when the recorder has connected. Raises OSError."""
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        with socket_address(path) as address:
            self._listener.bind(address)
        path.chmod(0o600)
        self._listener.listen(1)
        self._listener.setblocking(False)
        self._connection: socket.socket | None = None
        self._buffer = bytearray()
        self.came = 0
        """How many bytes have come."""
        self._samples: deque[Sample] = deque()
        self._bytes = 0
        self._needs_key = True

    @property
    def socket(self) -> socket.socket:
        """What to wait for."""
        return self._connection or self._listener

    def read(self) -> None:
        """Take what has come. Raises PushError when nothing more can come."""
        if self._connection is None:
            try:
                self._connection, _ = self._listener.accept()
            except BlockingIOError:
                return
            self._connection.setblocking(False)
            self._path.unlink(missing_ok=True)
        try:
            got = self._connection.recv(_CHUNK)
        except BlockingIOError:
            return
        if not got:
            raise PushError("the recorder has ended, or records anew")
        self._buffer += got
        self.came += len(got)
        while len(self._buffer) >= HEAD.size:
            head = RecordHead.read(bytes(self._buffer[: HEAD.size]))
            if len(self._buffer) < HEAD.size + head.length:
                break
            content = bytes(self._buffer[HEAD.size : HEAD.size + head.length])
            del self._buffer[: HEAD.size + head.length]
            if head.kind is Kind.SAMPLE:
                self._add(Sample(head.key, head.boottime_ns, content, time.monotonic()))

    def next(self) -> Sample | None:
        """Return the oldest one that waits."""
        if not self._samples:
            return None
        sample = self._samples.popleft()
        self._bytes -= len(sample.nal_units)
        return sample

    def drop(self) -> None:
        """Drop what waits, and what comes before the next key frame."""
        self._samples.clear()
        self._bytes = 0
        self._needs_key = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)
        self._listener.close()
        if self._connection is not None:
            self._connection.close()

    def _add(self, sample: Sample) -> None:
        late_s = sample.came_s - self._samples[0].came_s if self._samples else 0.0
        if late_s > (_LATE_S if sample.key else _TOO_LATE_S) or self._bytes > _MOST_BYTES:
            self.drop()
        if self._needs_key and not sample.key:
            return
        self._needs_key = False
        self._samples.append(sample)
        self._bytes += len(sample.nal_units)
