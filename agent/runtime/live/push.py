"""The core's end of a stream: one process for each camera of which somebody looks at the stream. The thread `live`."""

import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from agent.core.delivery.push_link import Ended, Line, Listens, Moves, Push, Until, decode
from agent.core.delivery.upload_link import Gate
from agent.ports import Clock
from agent.runtime.supervision.child import Child

_BLIND_NS = 10 * 10**9
"""A stream of which nothing moves for this long ends; it may take twice as long to begin."""
_LAST_S = 0.3
"""How long the process may take to tell the server that it ends, before it is killed."""


class GivesStreams(Protocol):
    """The recorders."""

    def can_give(self, camera: str) -> bool:
        """Return whether a camera is recorded now."""
        ...

    def give(self, camera: str, path: str) -> None:
        """Have its recorder give what it records to whoever listens at this socket. Any thread; never blocks."""
        ...


@dataclass(frozen=True, slots=True)
class StreamRules:
    """Where streams go, from the settings alone."""

    command: Sequence[str]
    """Starts the process; the number of its socket is appended."""
    recorders: GivesStreams
    url: str
    """With `{camera}` in it, if the address has one for each."""
    directory: Path
    """Where the sockets are made at which recorders give."""
    ca_file: Path | None = None
    login_file: Path | None = None

    @property
    def place(self) -> str:
        """What the record says of the server: its host, and its port if there is one."""
        return urlsplit(self.url).netloc

    def order(self, camera: str, until_ns: int) -> Push:
        """Return what the process of a camera is told."""
        return Push(
            self.url.replace("{camera}", camera),
            str(self.directory / f"live-{camera}.sock"),
            until_ns,
            None if self.ca_file is None else str(self.ca_file),
            None if self.login_file is None else str(self.login_file),
        )


class CameraPush:
    """The stream of one camera, from its start on."""

    def __init__(self, rules: StreamRules, camera: str, until_ns: int, clock: Clock) -> None:
        """Start the process. Raises OSError. The kernel ends it when the thread that calls this ends."""
        self._rules = rules
        self.camera = camera
        self._clock = clock
        self._order = rules.order(camera, until_ns)
        self._until_ns = until_ns
        self._holds = False
        self._pictures = 0
        self._moved_ns = clock.boottime_ns() + _BLIND_NS
        self._said: str | None = None
        self._dies_s = float("inf")
        """When it is killed, if it has not ended by then."""
        self._child = Child(rules.command, "its process", decode, f"the stream of {camera}")
        self._child.start()
        self._say(self._order)

    def tick(self, until_ns: int, *, holds: bool) -> tuple[int, str | None]:
        """Let it go on until then, and let nothing leave while `holds`. Returns how many pictures have left since the
        last time, and why it has ended if it has. Never blocks."""
        now_ns = self._clock.boottime_ns()
        if until_ns != self._until_ns:
            self._until_ns = until_ns
            self._say(Until(until_ns))
        if holds != self._holds:
            self._holds = holds
            self._say(Gate(holds))
        if holds:
            self._moved_ns = max(self._moved_ns, now_ns)
        before = self._pictures
        self._read(now_ns)
        if self._said is None and self._child.is_over and self.is_gone:
            self._said = self._child.how_it_ended()
        if self._said is None and now_ns - self._moved_ns > _BLIND_NS:
            self._said = f"nothing has moved for {_BLIND_NS // 10**9} s"
        return self._pictures - before, self._said

    @property
    def is_gone(self) -> bool:
        """Whether the process is no more."""
        return self._process.poll() is not None

    @property
    def is_over(self) -> bool:
        """Whether nothing leaves any more but what the kernel has taken; 0.3 s after `leave` it is killed. Never
        blocks."""
        if self.is_gone:
            return True
        if time.monotonic() < self._dies_s:
            return False
        self._process.kill()
        return True

    def leave(self) -> None:
        """Ask it to end. Never blocks."""
        self._dies_s = time.monotonic() + _LAST_S
        self._child.hang_up()

    def wait(self) -> None:
        """Wait until it is over: 0.3 s after `leave`, at most. Any thread."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(max(0.0, self._dies_s - time.monotonic()))

    def kill(self) -> None:
        """Kill it if it is there, and wait for that for some seconds."""
        self._child.kill()

    def close(self) -> int:
        """Return how many pictures have left since the last time, when it is over. Never blocks."""
        before = self._pictures
        self._read(self._clock.boottime_ns())
        self._child.disconnect()
        return self._pictures - before

    @property
    def _process(self) -> "subprocess.Popen[bytes]":
        assert self._child.process is not None
        return self._child.process

    def _read(self, now_ns: int) -> None:
        for said in self._child.read():
            match said:
                case Listens():
                    self._rules.recorders.give(self.camera, self._order.socket)
                case Moves(pictures=pictures):
                    self._pictures, self._moved_ns = pictures, max(self._moved_ns, now_ns)
                case Ended(detail=detail):
                    self._said = detail
                case _:
                    pass

    def _say(self, line: Line) -> None:
        self._child.send(line)
        if self._child.waiting:  # a gate that is not heard is none
            self._said = self._said or "its process does not listen"
