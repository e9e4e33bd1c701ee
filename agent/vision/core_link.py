"""The camera process's end of the socket to the core."""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable

from agent.core.camera.link import Start, ToCore, ToVision, decode_for_vision
from agent.core.camera.link_model import LONGEST_LINE, LinkError, encode
from agent.core.camera.vision_spec import VisionSpec

SEND_LIMIT_S = 5
"""A core that does not read for this long is as good as gone."""


class CoreGoneError(LinkError):
    """The other end of the link is closed or does not read: nobody is left to work for."""


class CoreLink:
    """Sends and receives messages. `send` may be called from any thread, `receive` from one."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", SEND_LIMIT_S, 0))
        self._lines = connection.makefile("rb")
        self._sending = threading.Lock()

    def send(self, message: ToCore) -> None:
        """Send one message. Raises CoreGoneError."""
        line = encode(message)
        try:
            with self._sending:
                self._connection.sendall(line)
        except OSError as error:
            raise CoreGoneError("the core no longer reads the link") from error

    def receive(self) -> ToVision:
        """Wait for the next message. Raises CoreGoneError at the end of the link, LinkError for a bad line."""
        try:
            line = self._lines.readline(LONGEST_LINE)
        except OSError as error:
            raise CoreGoneError("the link to the core broke") from error
        if not line.endswith(b"\n"):
            raise CoreGoneError("the core has closed the link")
        return decode_for_vision(line)

    def receive_start(self) -> VisionSpec:
        """Wait for the first message, which must be Start, and return its spec. Raises LinkError."""
        message = self.receive()
        if not isinstance(message, Start):
            raise LinkError(f"the first message on the link was {message.t!r} and not 'start'")
        return message.spec

    def listen(self, on_message: Callable[[ToVision], None], on_end: Callable[[LinkError], None]) -> None:
        """Call `on_message` for every message until the link ends, then `on_end` with the reason, and close the link.

        Blocks; the link thread.
        """
        try:
            while True:
                on_message(self.receive())
        except LinkError as error:
            on_end(error)
        finally:
            self.close()

    def close(self) -> None:
        """Close the link. Call it only when no thread is in `receive`: closing would wait for that thread."""
        with contextlib.suppress(OSError):
            self._lines.close()
        self._connection.close()
