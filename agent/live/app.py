"""Pushes one stream, as long as the core lets it: nothing leaves while an alarm message waits."""

import select
import socket
import threading
import time
from functools import partial
from pathlib import Path

from agent.adapters.child_link import CoreLink
from agent.core.delivery.push_link import Ended, Line, Listens, Moves, Push, Until, decode
from agent.core.delivery.upload_link import Gate
from agent.core.errors import EdgeAgentError
from agent.core.link_lines import LinkError
from agent.live.feed import Feed, Sample
from agent.live.rtp import Packetizer, nal_units_of, session_description
from agent.live.rtsp import CONTROL, PushError, RecordSession, read_login, trouble_of

_FIRST_S = 13.0
"""How long the recorder may take to give a key frame: cameras give one every 10 s, at the latest."""
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
        self._link = CoreLink(connection, decode)
        self._until_ns = _boottime_ns() + 10**10
        self.holds = False
        """Whether nothing may leave now."""
        self.is_over = threading.Event()

    def first(self) -> Push:
        """Return the order. Raises LinkError."""
        order = self._link.first(Push)
        self._until_ns = order.until_ns + _GRACE_NS
        return order

    def say(self, line: Line) -> None:
        """Send one line; a core that is gone is noticed by `watch`."""
        try:
            self._link.send(line)
        except LinkError:
            self.is_over.set()

    def watch(self) -> None:
        """Hear the core until the lease ends or the core does, and set `is_over` then."""
        try:
            while (left_ns := self._until_ns - _boottime_ns()) > 0:
                self._hear(self._link.receive(min(left_ns / 1e9, 1.0)))
        except LinkError:
            pass
        finally:
            self.is_over.set()

    def _hear(self, line: Line | None) -> None:
        match line:
            case Until(until_ns=until_ns):
                self._until_ns = until_ns + _GRACE_NS
            case Gate(hold=hold):
                self.holds = hold
            case _:
                pass


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
        pusher = _Pusher(feed, core)
        first = pusher.first()
        with RecordSession(order.url, order.ca_file, login) as session:
            session.begin(session_description(nal_units_of(first.nal_units), CONTROL))
            try:
                pusher.send_all(session, first)
            finally:
                session.end()


class _Pusher:
    """Sends what comes from the recorder. One thread."""

    def __init__(self, feed: Feed, core: Core) -> None:
        self._feed = feed
        self._core = core
        self._session: RecordSession | None = None
        self._pictures = 0
        self._moves_s = 0.0
        self._moved = (0, 0)
        """What had come and left when the core was told last."""

    def first(self) -> Sample:
        """Wait for a key frame, and until a connection may be opened."""
        until_s = time.monotonic() + _FIRST_S
        while self._core.holds or (first := self._feed.next()) is None:
            if self._wait(_HELD_S):
                until_s = time.monotonic() + _FIRST_S
            elif time.monotonic() > until_s:
                raise PushError(f"the recorder gave no key frame within {_FIRST_S:.0f} s")
        self._say_moves()
        return first

    def send_all(self, session: RecordSession, first: Sample) -> None:
        """Send all that comes, `first` to begin with. Raises what ends it."""
        self._session = session
        packetizer, report_s = Packetizer(), 0.0
        sample: Sample | None = first
        try:
            while True:
                if sample is None:
                    self._wait(_WAIT_S, session.socket)
                else:
                    if (now_s := time.monotonic()) >= report_s:
                        report_s = now_s + _REPORT_S
                        session.send(packetizer.report(_boottime_ns(), time.time_ns()), self._wait)
                    session.send(packetizer.frames(nal_units_of(sample.nal_units), sample.boottime_ns), self._wait)
                    self._pictures += 1
                session.tick()
                self._wait(0.0)  # what is too late after a hold is not taken
                sample = self._feed.next()
        finally:
            self._core.say(Moves(self._pictures))

    def _wait(self, seconds: float, server: socket.socket | None = None) -> bool:
        """Let so much time pass, or less when something comes from the recorder or the `server`; and all the time for
        which nothing may leave but a request for a sign of life. What the recorder gives is read meanwhile. Returns
        whether there was such a time. Raises Over and what ends the stream."""
        has_held = False
        while True:
            if self._core.is_over.is_set():
                raise Over
            holds = self._core.holds
            reads = [self._feed.socket, *([] if server is None else [server])]
            select.select(reads, [], [], _HELD_S if holds else seconds)
            self._feed.read()
            self._say_moves()
            if not holds:
                return has_held
            has_held = True
            if self._session is not None:
                self._session.tick()

    def _say_moves(self) -> None:
        """Tell the core, once a second, that something has come or left, if so."""
        moved = self._feed.came, 0 if self._session is None else self._session.sent
        if moved != self._moved and (now_s := time.monotonic()) >= self._moves_s:
            self._moved, self._moves_s = moved, now_s + _MOVES_S
            self._core.say(Moves(self._pictures))
