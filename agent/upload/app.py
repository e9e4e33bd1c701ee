"""Does what the core says: one PUT after the other, and nothing while an alarm message waits."""

import socket
import time

from agent.adapters.child_link import CoreLink
from agent.core.delivery.upload_link import MOVES_BYTES, Gate, Moves, Put, decode
from agent.core.link_lines import LinkError
from agent.upload.put import put

_IDLE_S = 60.0
_MOVES_S = 1.0


class Link:
    """The uploader's end of the socket to the core, and the gate that it keeps. One thread."""

    def __init__(self, connection: socket.socket) -> None:
        self._core = CoreLink(connection, decode)
        self.send = self._core.send
        self._holds = False
        self._next: Put | None = None
        self._said = Moves(0, 0)
        self._said_s = 0.0

    def next(self) -> Put | None:
        """Return the next order; None if none came for long. Raises LinkError when the core is gone."""
        until_s = time.monotonic() + _IDLE_S
        while self._next is None:
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return None
            self._hear(left_s)
        order, self._next = self._next, None
        return order

    def pause(self, seconds: float) -> None:
        """Let so much time pass, and for as long as an alarm message waits. Raises LinkError."""
        until_s = time.monotonic() + seconds
        self._hear(0)
        while self._holds or (left_s := until_s - time.monotonic()) > 0:
            self._hear(None if self._holds else left_s)

    def moves(self, number: int, sent: int) -> None:
        """Tell the core, not too often, that bytes leave: before they do, as nobody may be there to tell it after."""
        now_s, said = time.monotonic(), self._said
        if number != said.number or sent - said.sent >= MOVES_BYTES or now_s - self._said_s >= _MOVES_S:
            self._said, self._said_s = Moves(number, sent), now_s
            self.send(self._said)

    def _hear(self, timeout_s: float | None) -> None:
        message = self._core.receive(timeout_s)
        while message is not None:
            match message:
                case Put() as order:
                    self._next = order
                case Gate(hold=hold):
                    self._holds = hold
                case _:
                    pass
            message = self._core.receive(0)


def run(connection: socket.socket) -> None:
    """Do what the core says until it is gone, or has nothing more."""
    link = Link(connection)
    try:
        while (order := link.next()) is not None:
            link.send(put(order, link))
    except LinkError:
        return
