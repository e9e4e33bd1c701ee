"""Gives what is recorded to a process that sends it on, as it is recorded: masked where clips are, and signed."""

import socket
from collections import deque
from pathlib import Path

from agent.core.camera.units import sample_record
from agent.core.socket_address import socket_address
from agent.recorder.pieces import Taken

_MOST_BYTES = 4 * 1024 * 1024
"""What may wait: a group of pictures at most, which nobody keeps waiting for."""


class SocketTap:
    """Sends pictures to whoever listens, and never waits for them: what does not fit is dropped by whole groups."""

    def __init__(self, path: Path) -> None:
        """Connect. Raises OSError."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.setblocking(False)
        try:
            with socket_address(path) as address:
                self._socket.connect(address)
        except OSError:
            self._socket.close()
            raise
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._needs_key = True

    def take(self, picture: Taken) -> bool:
        """See Tap."""
        if self._bytes > _MOST_BYTES:
            self._drop()
        if picture.key or not self._needs_key:
            self._needs_key = False
            units = (picture.parameters.sps, *picture.parameters.pps) if picture.key else ()
            sets = b"".join(len(each).to_bytes(4, "big") + each for each in units)
            record = sample_record(picture.time_ns, picture.key, sets + picture.media)
            self._waiting.append(record)
            self._bytes += len(record)
        return self._flush()

    def close(self) -> None:
        """See Tap."""
        self._socket.close()

    def _drop(self) -> None:
        """Drop what waits but for the first, of which a part may have been sent, and all until the next key frame."""
        first = self._waiting.popleft()
        self._waiting = deque([first])
        self._bytes = len(first)
        self._needs_key = True

    def _flush(self) -> bool:
        try:
            while self._waiting:
                first = self._waiting.popleft()
                try:
                    count = self._socket.send(first)
                except BlockingIOError:
                    count = 0
                self._bytes -= count
                if count < len(first):
                    self._waiting.appendleft(first[count:])
                    break
        except OSError:
            self.close()
            return False
        return True
