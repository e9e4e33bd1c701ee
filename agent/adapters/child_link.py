"""The end of the socket to the core that each process has which the core has started."""

import select
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Generic, TypeVar

from agent.core.link_lines import LONGEST_LINE, LinkError, Message, encode

SEND_LIMIT_S = 5
"""A core that does not read for this long is as good as gone."""
_CHUNK = 64 * 1024
T = TypeVar("T")
F = TypeVar("F")


class CoreGoneError(LinkError):
    """The other end of the link is closed or does not read: nobody is left to work for."""


class CoreLink(Generic[T]):
    """Sends and receives messages. `send` may be called from any thread, `receive` from one."""

    def __init__(self, connection: socket.socket, decode: Callable[[bytes], T]) -> None:
        """`decode` reads a line from the core, and raises LinkError."""
        self._connection = connection
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_LIMIT_S, 0))
        self._decode = decode
        self._buffer = b""
        self._sending = threading.Lock()

    def send(self, message: Message) -> None:
        """Send one message. Raises CoreGoneError."""
        line = encode(message)
        try:
            with self._sending:
                self._connection.sendall(line)
        except OSError as error:
            with suppress(OSError):  # a line may be cut: nothing may follow it
                self._connection.shutdown(socket.SHUT_RDWR)
            raise CoreGoneError("the core no longer reads the link") from error

    def receive(self, timeout_s: float | None = None) -> T | None:
        """Wait for the next message; None when nothing has come for `timeout_s`.

        Raises CoreGoneError at the end of the link, LinkError for a bad line."""
        while b"\n" not in self._buffer:
            if len(self._buffer) > LONGEST_LINE:
                raise LinkError("a line from the core has no end")
            try:
                if not select.select([self._connection], [], [], timeout_s)[0]:
                    return None
                got = self._connection.recv(_CHUNK)
            except (OSError, ValueError) as error:  # ValueError: it is closed
                raise CoreGoneError("the link to the core broke") from error
            if not got:
                raise CoreGoneError("the core has closed the link")
            self._buffer += got
        line, _, self._buffer = self._buffer.partition(b"\n")
        return self._decode(line)

    def first(self, kind: type[F]) -> F:
        """Wait for the first message, which must be of this kind. Raises LinkError."""
        message = self.receive()
        if not isinstance(message, kind):
            raise LinkError(f"the first message on the link is no {kind.__name__}")
        return message

    def listen(self, on_message: Callable[[T], object], on_end: Callable[[LinkError], object]) -> None:
        """Call `on_message` for every message until the link ends, then `on_end` with the reason, and close the link.

        Blocks; a thread of its own.
        """
        try:
            while True:
                if (message := self.receive()) is not None:
                    on_message(message)
        except LinkError as error:
            on_end(error)
        finally:
            self.close()

    def close(self) -> None:
        """Close the link."""
        with suppress(OSError):
            self._connection.close()
