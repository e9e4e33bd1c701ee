"""Pushes one stream, as long as the core lets it: nothing leaves while an alarm message waits."""

import select
import socket
import threading
import time
from functools import partial
from pathlib import Path

from agent.core.delivery.push_link import Ended, Line, Listens, Moves, Push, Until, decode
from agent.core.delivery.upload_link import Gate
from agent.core.errors import EdgeAgentError
from agent.core.link_lines import LinkError, encode
from agent.live.feed import Feed, Sample
from agent.live.rtp import Packetizer, nal_units_of, session_description
from agent.live.rtsp import CONTROL, PushError, RecordSession, read_login, trouble_of

_FIRST_S = 8.0
"""How long the recorder may take to give a key frame."""
_HELD_S, _WAIT_S = 0.05, 0.25
_MOVES_S, _REPORT_S = 1.0, 5.0
_GRACE_NS = 200_000_000
"""So much later than the core it ends by itself, so that the record says why."""
_LAST_S = 0.15
"""How long the last word to the server may take."""
_boottime_ns = partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)


class Over(Exception):  # noqa: N818 - no failure
    """The lease has ended, or the core wants no more."""


class Core:
    """The link to the core. `watch` has a thread of its own, so that the lease ends whatever the rest waits for."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = b""
        self._until_ns = _boottime_ns() + 10**10
        self.holds = False
        """Whether nothing may leave now."""
        self.is_over = threading.Event()

    def first(self) -> Push:
        """Return the order. Raises LinkError."""
        while b"\n" not in self._buffer:
            self._receive()
        line, _, self._buffer = self._buffer.partition(b"\n")
        order = decode(line)
        if not isinstance(order, Push):
            raise LinkError("the first line names no stream")
        self._until_ns = order.until_ns + _GRACE_NS
        return order

    def say(self, line: Line) -> None:
        """Send one line; a core that is gone is noticed by `watch`."""
        try:
            self._connection.sendall(encode(line))
        except OSError:
            self.is_over.set()

    def watch(self) -> None:
        """Hear the core until the lease ends or the core does, and set `is_over` then."""
        try:
            while (left_ns := self._until_ns - _boottime_ns()) > 0:
                while b"\n" in self._buffer:
                    line, _, self._buffer = self._buffer.partition(b"\n")
                    self._hear(decode(line))
                if select.select([self._connection], [], [], min(left_ns / 1e9, 1.0))[0]:
                    self._receive()
        except EdgeAgentError:
            pass
        finally:
            self.is_over.set()

    def _hear(self, line: Line) -> None:
        match line:
            case Until(until_ns=until_ns):
                self._until_ns = until_ns + _GRACE_NS
            case Gate(hold=hold):
                self.holds = hold
            case _:
                pass

    def _receive(self) -> None:
        try:
            got = self._connection.recv(64 * 1024)
        except OSError as error:
            raise LinkError("the link to the core broke") from error
        if not got:
            raise LinkError("the core has closed the link")
        self._buffer += got


def run(connection: socket.socket) -> None:
    """Push the stream that the core names until that is over; says to the core why it ended before."""
    core = Core(connection)
    try:
        order = core.first()
    except EdgeAgentError:
        return
    pushing = threading.Thread(target=_push_and_say, args=(order, core), name="push", daemon=True)
    pushing.start()
    watching = threading.Thread(target=core.watch, name="core", daemon=True)
    watching.start()
    core.is_over.wait()
    pushing.join(_LAST_S)  # what hangs then ends with the process


def _push_and_say(order: Push, core: Core) -> None:
    try:
        _push(order, core)
    except Over:
        pass
    except (EdgeAgentError, OSError, ValueError) as error:
        core.say(Ended(trouble_of(error)))
    finally:
        core.is_over.set()


def _push(order: Push, core: Core) -> None:
    login = None if order.login_file is None else read_login(Path(order.login_file))
    with Feed(Path(order.socket)) as feed:
        core.say(Listens())
        first = _first(feed, core)
        with RecordSession(order.url, order.ca_file, login) as session:
            session.begin(session_description(nal_units_of(first.nal_units), CONTROL))
            try:
                _send_all(feed, session, core, first)
            finally:
                session.end()


def _first(feed: Feed, core: Core) -> Sample:
    """Wait for a key frame, and until a connection may be opened."""
    until_s = time.monotonic() + _FIRST_S
    while (first := feed.next()) is None or core.holds:
        if first is not None:
            feed.drop()
            until_s = time.monotonic() + _FIRST_S
        if time.monotonic() > until_s:
            raise PushError(f"the recorder gave no key frame within {_FIRST_S:.0f} s")
        _wait(feed, core, _HELD_S)
    return first


def _send_all(feed: Feed, session: RecordSession, core: Core, first: Sample) -> None:
    packetizer, pictures = Packetizer(), 0
    wait = partial(_wait, feed, core)
    moves_s = report_s = 0.0
    sample: Sample | None = first
    try:
        while True:
            session.tick(wait)
            now_s = time.monotonic()
            if core.holds:
                feed.drop()
            elif sample is not None:
                if now_s >= report_s:
                    report_s = now_s + _REPORT_S
                    session.send(packetizer.report(_boottime_ns(), time.time_ns()), wait)
                session.send(packetizer.frames(nal_units_of(sample.nal_units), sample.boottime_ns), wait)
                pictures += 1
            if now_s >= moves_s and sample is not None:
                moves_s = now_s + _MOVES_S
                core.say(Moves(pictures))
            sample = feed.next()
            if sample is None:
                _wait(feed, core, _WAIT_S, session.socket)
    finally:
        core.say(Moves(pictures))


def _wait(feed: Feed, core: Core, seconds: float, server: socket.socket | None = None) -> None:
    """Let so much time pass, or less when something comes from the recorder or the `server`; and all the time for which
    nothing may leave. What the recorder gives is read meanwhile."""
    while True:
        if core.is_over.is_set():
            raise Over
        if core.holds:  # what the server says can wait, or this would never sleep
            server, seconds = None, _HELD_S
        select.select([feed.socket, *([] if server is None else [server])], [], [], seconds)
        feed.read()
        if not core.holds:
            return
        feed.drop()
