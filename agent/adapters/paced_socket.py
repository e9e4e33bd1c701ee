"""A TCP connection that gives way: little of it is ever under way, so that an alarm never stands behind much."""

import fcntl
import socket
import sys
import termios
import time

PIECE = 4 * 1024
"""Bytes to send at a time, at most: 33 ms of a line of 1 Mbit/s."""
_FIRST, _FIRST_S = 16 * 1024, 1.0
"""So much may be under way while the line's rate is not known, and so long: with less, a line with long round trips
would seem slow for seconds."""
LOOK_S = 0.005
"""How soon to look again whether there is room."""
STALL_S = 10.0
_QUEUE_S = 0.05
"""An alarm may stand behind so many seconds of it, in a modem that sends one thing after the other."""
_RATE_S = 2.0
"""The line's rate is that of the last two to four seconds: a hold, or another line, soon counts no more."""
_MIN_RTT = slice(148, 152)
"""Where `tcpi_min_rtt`, in microseconds, stands in Linux's `struct tcp_info`."""
_LOW_PRIORITY = 0x20
"""Class selector 1 of Differentiated Services: what gives way where a queue is kept by class."""


def give_way_on(connection: socket.socket) -> None:
    """Have the kernel keep little of what is sent, and mark it as what gives way."""
    # What waits in the kernel can't be held back, so little does.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, PIECE)
    if connection.family == socket.AF_INET:
        connection.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _LOW_PRIORITY)
    elif connection.family == socket.AF_INET6:
        connection.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _LOW_PRIORITY)


class Room:
    """Whether more may be sent now: no more is ever under way than the line takes in a moment, as what has left can't
    be called back when an alarm is to go first."""

    def __init__(self, connection: socket.socket) -> None:
        """`connection` is one over TCP, to which `PIECE` bytes are handed at a time, at most."""
        self._connection = connection
        self._begun_s = time.monotonic()
        self._older = self._newer = (self._begun_s, 0)
        """Since when, and since which byte that had arrived, the rate is counted; and will be."""
        self._least, self._since_s = sys.maxsize, 0.0
        self.sent = 0
        """Bytes that were handed to the connection; the caller counts them."""

    def is_free(self) -> bool:
        """Return whether there is room. Raises TimeoutError when the other end takes nothing more for 10 s."""
        waits = int.from_bytes(fcntl.ioctl(self._connection.fileno(), termios.TIOCOUTQ, bytes(4)), sys.byteorder)
        info = self._connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _MIN_RTT.stop)
        rtt_s = int.from_bytes(info[_MIN_RTT], sys.byteorder) / 1e6
        now_s = time.monotonic()
        arrived = self.sent - waits
        if (age_s := now_s - self._newer[0]) > _RATE_S:
            before, self._newer = self._newer, (now_s, arrived)
            self._older = before if age_s < 2 * _RATE_S else self._newer
        rate = (arrived - self._older[1]) / max(now_s - self._older[0], _QUEUE_S)
        least = _FIRST if now_s - self._begun_s < _FIRST_S else PIECE
        if waits <= max(least, rate * (rtt_s + _QUEUE_S)):
            self._least = sys.maxsize
            return True
        if waits < self._least:
            self._least, self._since_s = waits, now_s
        elif now_s - self._since_s > STALL_S:
            raise TimeoutError
        return False
