"""Where a recorder's pictures come from: whoever connects to its socket, or a child that reads a stream."""

import json
import select
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from agent.core.camera.units import HEAD, IT_IS_RECORDED, IT_IS_SILENT, Kind, RecordHead, UnitsError
from agent.core.errors import EdgeAgentError
from agent.core.socket_address import socket_address
from agent.recorder.intake import Intake

DEMUX_COMMAND = (sys.executable, "-I" if sys.flags.isolated else "-P", "-m", "agent.recorder.demux", "--fd")
_RECEIVE_LIMIT_S = 5.0
"""A record that has begun must be there after this long."""
_PATIENCE_S = 20.0
"""A child that gives nothing for this long hangs: it has limits of its own, which are shorter."""
_FIRST_RETRY_S, _LAST_RETRY_S = 1.0, 30.0
_SECOND_S = 1.3
"""A stream that goes on has given a piece after this long."""
_ROOM = 1024 * 1024
"""Bytes that a child may be ahead, where the system allows it: fewer calls."""


class Source(Protocol):
    """Gives a connection from which records can be read. One thread."""

    def readable(self, timeout_s: float) -> socket.socket | None:
        """Return the connection if something can be read from it, or None after `timeout_s` at most.

        Raises UnitsError when the source must be given up: then call `drop`.
        """
        ...

    def drop(self) -> None:
        """Close the connection, and wait for another one."""
        ...

    def close(self) -> None:
        """Release everything."""
        ...


class SocketSource:
    """Listens at a path; the newest connection counts. Constructing it raises OSError."""

    def __init__(self, path: Path, on_new: Callable[[], object]) -> None:
        """`on_new` is told when another source takes the place of the one before."""
        self._path = path
        self._on_new = on_new
        self._connection: socket.socket | None = None
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        path.unlink(missing_ok=True)
        with socket_address(path) as address:
            self._listener.bind(address)
        path.chmod(0o600)
        self._listener.listen(4)

    def readable(self, timeout_s: float) -> socket.socket | None:
        """See Source."""
        connection = self._connection
        ready, _, _ = select.select([self._listener, *([connection] if connection else [])], [], [], timeout_s)
        if self._listener in ready:
            self.drop()
            self._connection, _ = self._listener.accept()
            self._connection.settimeout(_RECEIVE_LIMIT_S)
            self._on_new()
            return None
        return connection if connection in ready else None

    def drop(self) -> None:
        """See Source."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """See Source."""
        self.drop()
        self._listener.close()
        self._path.unlink(missing_ok=True)


class StreamSource:
    """Has a child read a stream, as opening one can freeze a whole process; starts it again when it ends or hangs."""

    def __init__(
        self,
        camera: str,
        address: str,
        command: Sequence[str] = DEMUX_COMMAND,
        patience_s: float = _PATIENCE_S,
        first_retry_s: float = _FIRST_RETRY_S,
    ) -> None:
        """The child is told the address, which may hold a password, by its socket."""
        self._first_line = json.dumps({"camera": camera, "address": address}).encode() + b"\n"
        self._command = command
        self._patience_s = patience_s
        self._first_retry_s = self._retry_s = first_retry_s
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: socket.socket | None = None
        self._heard_s = 0.0
        self._due_s = time.monotonic()

    def readable(self, timeout_s: float) -> socket.socket | None:
        """See Source."""
        now_s = time.monotonic()
        connection = self._connection
        if connection is None:
            if now_s < self._due_s:
                time.sleep(min(timeout_s, self._due_s - now_s))
                return None
            connection = self._start()
        ready, _, _ = select.select([connection], [], [], timeout_s)
        if ready:
            self._heard_s = time.monotonic()
            return connection
        if time.monotonic() - self._heard_s > self._patience_s:
            raise UnitsError(f"the camera's stream has given nothing for {self._patience_s:.0f} s")
        return None

    def ask(self, what: bytes) -> None:
        """Have the child send what it has, though its group of pictures is not complete. Any thread."""
        connection = self._connection
        if connection is not None:
            with suppress(OSError):
                connection.send(what, socket.MSG_DONTWAIT)

    def works(self) -> None:
        """Pictures come: after the next loss, try again soon."""
        self._retry_s = self._first_retry_s

    def drop(self) -> None:
        """See Source."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self._due_s = time.monotonic() + self._retry_s
        self._retry_s = min(2 * self._retry_s, _LAST_RETRY_S)

    def close(self) -> None:
        """See Source."""
        self.drop()

    def _start(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _ROOM)
            command = [*self._command, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
        ours.settimeout(_RECEIVE_LIMIT_S)
        self._connection = ours
        self._heard_s = time.monotonic()
        ours.sendall(self._first_line)
        return ours


class Pump:
    """Carries records from a source to the intake. One thread calls `run_once`."""

    def __init__(self, source: Source, intake: Intake) -> None:
        self._source = source
        self._intake = intake
        self._buffer = bytearray(64 * 1024)
        self.since_s: float | None = None
        """When the handling of the record at hand began (monotonic): an encoder may hang. None between records."""

    def run_once(self, timeout_s: float = _SECOND_S) -> None:
        """Carry one record, or wait for it."""
        try:
            connection = self._source.readable(timeout_s)
            if connection is None:
                self._intake.idle()
                if isinstance(self._source, StreamSource):
                    self._source.ask(IT_IS_SILENT)
                return
            record, content = self._read(connection)
            self.since_s = time.monotonic()
            self._intake.take(record, content)
            if not self._intake.detail and isinstance(self._source, StreamSource):
                self._source.works()
        except (EdgeAgentError, OSError) as error:
            self._intake.lost(str(error))
            self._source.drop()
        finally:
            self.since_s = None

    def ask(self) -> None:
        """Have the source send what it has: something is recorded. Any thread."""
        if isinstance(self._source, StreamSource):
            self._source.ask(IT_IS_RECORDED)

    def close(self) -> None:
        """Release the source, and let what has come become a piece."""
        self._source.close()
        self._intake.close()

    def _read(self, connection: socket.socket) -> tuple[RecordHead, memoryview]:
        record = RecordHead.read(bytes(self._exactly(connection, HEAD.size)))
        if record.kind is Kind.UNITS:  # they stay where they are
            return record, self._into(connection, memoryview(bytearray(record.length)))
        return record, self._exactly(connection, record.length)

    def _exactly(self, connection: socket.socket, length: int) -> memoryview:
        """Return so many bytes; they count until the next call."""
        if length > len(self._buffer):
            self._buffer = bytearray(length)
        return self._into(connection, memoryview(self._buffer)[:length])

    def _into(self, connection: socket.socket, view: memoryview) -> memoryview:
        got = 0
        while got < len(view):
            count = connection.recv_into(view[got:])
            if not count:
                raise UnitsError("the source of the pictures has ended")
            got += count
        return view
