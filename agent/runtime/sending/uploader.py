"""The core's end of the uploader: a process that is there only while there is something for it to do. One thread."""

import socket
from collections.abc import Sequence

from agent.core.delivery.upload_link import MOVES_BYTES, Done, Gate, Moves, Put, decode
from agent.ports import Clock
from agent.runtime.supervision.child import Child

_STALL_NS = 25 * 10**9
"""A PUT of which nothing moves for so long is given up, whatever the process is waiting for."""
_IDLE_NS = 10 * 10**9


class Uploader:
    """Does one PUT at a time."""

    def __init__(self, command: Sequence[str], clock: Clock) -> None:
        """`command` starts the process; the number of its socket is appended."""
        self._child = Child(command, "the uploader", decode)
        self._clock = clock
        self._put: Put | None = None
        self._holds = False
        self._moved_ns = self._used_ns = 0
        self._may_have_sent = 0

    @property
    def socket(self) -> socket.socket | None:
        """To wait for; None while there is no process."""
        return self._child.socket

    @property
    def is_busy(self) -> bool:
        """Whether a PUT is under way."""
        return self._put is not None

    def put(self, order: Put) -> None:
        """Begin a PUT. Raises OSError if the process can't be started."""
        if self.socket is None:
            self._child.start()
            if self._holds:
                self._child.send(Gate(hold=True))
        self._put, self._may_have_sent = order, 0
        self._moved_ns = self._used_ns = self._clock.boottime_ns()
        self._child.send(order)

    def hold(self, *, holds: bool) -> None:
        """Let nothing leave, or let it go on."""
        if holds != self._holds:
            self._holds = holds
            self._moved_ns = self._clock.boottime_ns()
            self._child.send(Gate(holds))

    def look(self) -> Done | None:
        """Return how the PUT has ended, if it has. Call it when the socket has something, and twice a second."""
        now_ns = self._clock.boottime_ns()
        done = self._read() if self.socket is not None else None
        if done is not None or self._put is None:
            self._used_ns = now_ns if done is not None else self._used_ns
            if self.socket is not None and self._put is None and now_ns - self._used_ns > _IDLE_NS:
                self.close()
            return done
        if self.socket is None:
            return self._ended("the uploader has ended")
        if not self._holds and now_ns - self._moved_ns > _STALL_NS:
            self.close()
            return self._ended(f"nothing has moved for {_STALL_NS // 10**9} s")
        return None

    def close(self) -> None:
        """End the process."""
        self._child.close()

    def _read(self) -> Done | None:
        done = None
        self._child.flush()
        for said in self._child.read():
            if self._put is None or isinstance(said, Put | Gate) or said.number != self._put.number:
                continue
            self._moved_ns = self._clock.boottime_ns()
            if isinstance(said, Moves):
                self._may_have_sent = said.sent + MOVES_BYTES
            else:
                done, self._put = said, None
        if self._child.is_over:
            self.close()
        return done

    def _ended(self, detail: str) -> Done:
        assert self._put is not None
        number, self._put = self._put.number, None
        return Done(number, 0, self._may_have_sent, detail)
