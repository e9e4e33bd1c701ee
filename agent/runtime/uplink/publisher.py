"""The thread `publisher`: connects by one path or another, listens, and has the sender send what waits.

The brokers of the settings are paths to the same centre. One connection is in use. When an alarm does not get
through on it, or the first path may work again, another path is tried beside it. The one in use is left only when the
other broker has accepted us, so a failed try costs nothing.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from agent.core.delivery.backoff import Backoff
from agent.core.delivery.paths import Paths
from agent.core.errors import BrokerError, CopiedCard
from agent.outbox.outbox import Outbox
from agent.ports import COPIED_CARD, Broker, BrokerAddress, BrokerEvent, Clock, Connected, Published, Received
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.centre_watch import CentreWatch, KioskAlarms
from agent.runtime.uplink.echo_watch import EchoWatch
from agent.runtime.uplink.failover import Failover
from agent.runtime.uplink.inbox import Inbox
from agent.runtime.uplink.listener import UplinkListener
from agent.runtime.uplink.sender import Sender
from agent.trust.disconnected import TAKEN_OVER, Disconnected

_CONNECT_PATIENCE_NS = 180 * 10**9
"""Longer than every timeout of connecting: a broker that has not answered by then never will."""
_URGENT_PATIENCE_NS = 3 * 10**9
_URGENT_RETRY_NS = 5 * 10**9
_OLDER_PAUSE_NS, _LONGEST_OLDER_PAUSE_NS = 300 * 10**9, 24 * 3600 * 10**9
"""How long a connection in MQTT 3.1.1 lasts before MQTT 5 is tried again, if the broker may speak it."""
_FAREWELL_S = 1.0
_DISCONNECT_S = 0.1

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class _Connection:
    """One connection to the broker of a path, up or being tried."""

    path: int
    broker: Broker
    own_topic: str
    since_ns: int


class Publisher:
    """Connects, sends what waits, and retries for ever. Any thread may `wake` it or ask for another path."""

    def __init__(
        self,
        *,
        brokers: tuple[Broker, Broker],
        sender: Sender,
        outbox: Outbox,
        clock: Clock,
        addresses: Sequence[BrokerAddress],
        subscriptions: Sequence[str],
        announcer: Announcer,
        echo: EchoWatch,
        return_after_s: float,
        backoff: Backoff,
    ) -> None:
        self._idle = list(brokers)
        """Clients without a connection. There are two: one for the path in use, one to try another path."""
        self._sender = sender
        self._outbox = outbox
        self._clock = clock
        self._addresses = addresses
        self._subscriptions = [*subscriptions, echo.topic]
        self._announcer = announcer
        self._echo = echo
        self._listener: UplinkListener  # from `listen` on
        self._backoff = backoff
        self._paths = Paths(len(addresses), return_after_s)
        self._failover = Failover(self._paths, sender, outbox)
        self._inbox: Inbox[_Connection] = Inbox()
        self._connection: _Connection | None = None
        self._candidate: _Connection | None = None
        self._had_us: int | None = None
        self._older: dict[int, int] = {}
        """By path that took us in MQTT 3.1.1 and has not refused MQTT 5: how long until that is tried again."""
        self._retry_ns = 0
        self._last_attempt_ns = -_URGENT_RETRY_NS
        self._is_leaving = False

    @property
    def connected(self) -> bool:
        """Whether a broker has accepted us. Any thread."""
        return self._connection is not None

    @property
    def path(self) -> int | None:
        """The place, in the list of addresses, of the broker in use; None without one. Any thread."""
        connection = self._connection
        return None if connection is None else connection.path

    def listen(self, listener: UplinkListener, alarms: KioskAlarms, centres: CentreWatch) -> None:
        """Report the connection to `listener`, and consult alarms and centres before another path is tried. Call it
        before the threads run."""
        self._listener = listener
        self._failover.depend_on(alarms, centres)

    def wake(self) -> None:
        """Have the thread look for something to send. Any thread."""
        self._inbox.wake()

    def try_other_path(self, reason: str, *, unless_watched: bool) -> None:
        """Switch to another path if one works: the broker took an alarm, but nobody has answered. Any thread.

        Each reason counts once; let it name the alarm and its stage. One `unless_watched` counts only while no centre
        says on the broker in use that it is watching. When another broker has accepted us, the listener must publish
        the alarm to it.
        """
        self._failover.ask(reason, unless_watched=unless_watched)
        self.wake()

    def run_once(self, timeout_s: float) -> None:
        """Handle what has happened, then send what may be sent."""
        for connection, event in self._inbox.take(timeout_s):
            self._handle(connection, event)
        if self._inbox.was_flooded():
            self._listener.flooded()
        if self._connection is not None:
            self._sender.return_rested()
            self._sender.send()
        if not self._is_leaving:
            self._echo.tick(urgent=self._failover.is_urgent)
            self._choose_path()
        self._listener.tick()

    def close(self, timeout_s: float) -> None:
        """Send what can be sent within `timeout_s`, then the farewell within a second; then end the connection.

        Call it after the thread has ended; presses may still come. What is not confirmed stays in the outbox.
        """
        self._send_all(timeout_s)
        self._is_leaving = True
        if self._candidate is not None:  # it may take a moment
            self._end(self._candidate)
        if self.connected:
            self._announcer.farewell()
            self._send_all(_FAREWELL_S)
        if self._connection is not None:
            self._connection.broker.disconnect(_DISCONNECT_S)
        self._sender.close()
        self._connection = self._candidate = None

    def _send_all(self, timeout_s: float) -> None:
        """Run until nothing waits, or there is no connection and none is being made; at most `timeout_s`."""
        deadline_ns = self._clock.boottime_ns() + int(timeout_s * 1e9)
        while (self.connected or self._candidate is not None) and self._clock.boottime_ns() < deadline_ns:
            self.run_once(0.05)
            if self._sender.idle and not any(self._outbox.figures()[0].values()):
                break

    # --- what happens

    def _handle(self, connection: _Connection, event: BrokerEvent) -> None:
        match event:
            case Connected() if connection is self._candidate:
                self._promote(connection, event)
            case Disconnected() if connection is self._candidate:
                self._fail(connection, event)
            case Disconnected() if connection is self._connection:
                self._lose(connection, event, died=True)
            case Published() if connection is self._connection and self._sender.is_echo(event):
                self._echo.answered(event)
            case Published() if connection is self._connection:
                refusal = self._sender.answered(event)
                if refusal is not None:
                    self._lose_a_broker_that_refuses_us(connection, refusal)
            case Received() if connection is self._connection:
                if event.topic != self._echo.topic or not self._echo.heard(event):
                    self._listener.received(event)
            case _:
                pass  # from a connection that was left

    def _promote(self, connection: _Connection, accepted: Connected) -> None:
        """Use this connection, as its broker has accepted us; leave the one before."""
        now_ns = self._clock.boottime_ns()
        before, self._connection, self._candidate = self._connection, connection, None
        self._sender.close()
        log.info("connected to %s with %s", self._name(connection), accepted.spoken)
        self._paths.connected(connection.path, now_ns)
        self._failover.forget()
        connection.since_ns = now_ns
        pause_ns = self._older.pop(connection.path, _OLDER_PAUSE_NS // 2)
        if accepted.may_speak_5:
            self._older[connection.path] = min(2 * pause_ns, _LONGEST_OLDER_PAUSE_NS)
        moved = self._had_us not in {None, connection.path}
        self._had_us = connection.path
        self._sender.open(connection.broker, accepted.receive_maximum, connection.own_topic)
        self._echo.connected(self._name(connection), is_refused=self._echo.topic in accepted.refused)
        refused = tuple(name for name in accepted.refused if name != self._echo.topic)
        self._listener.connected(replace(accepted, refused=refused), self._name(connection), moved)
        if before is not None:  # last, as it may take a moment, and a press must not wait for it
            self._end(before)

    def _fail(self, candidate: _Connection, end: Disconnected) -> None:
        """Handle a failed try. Without a connection the next try comes later, with one perhaps never."""
        now_ns = self._clock.boottime_ns()
        level = logging.DEBUG if self._paths.failures else logging.ERROR if self._connection is None else logging.INFO
        log.log(level, "no connection to %s: %s", self._name(candidate), end.detail)
        self._candidate = None
        self._end(candidate)
        if self._connection is None:
            self._paths.failed(candidate.path, now_ns)
            self._retry_ns = now_ns + int(self._backoff.failed() * 1e9)
            self._listener.disconnected(end)
        elif self._is_silent():
            self._leave(self._connection)
            self._paths.failed(candidate.path, now_ns)
        else:
            self._paths.failed(candidate.path, now_ns)

    def _lose(self, connection: _Connection, end: Disconnected, *, died: bool = False) -> None:
        if end.kind == TAKEN_OVER and self._candidate is not None:
            # A cluster, or one broker under two addresses: our own next connection has its client id already.
            end = Disconnected("lost", end.detail)
        now_ns = self._clock.boottime_ns()
        log.error("lost the connection to %s: %s", self._name(connection), end.detail)
        self._sender.close(died=died)
        self._echo.disconnected(died=died)
        self._connection = None
        self._end(connection)
        self._paths.failed(connection.path, now_ns)
        self._retry_ns = now_ns + int(self._backoff.failed((now_ns - connection.since_ns) / 1e9) * 1e9)
        self._listener.disconnected(end)

    def _leave(self, connection: _Connection) -> None:
        """Leave a silent broker: the protocol repeats a message only on a new connection."""
        what = "deliver what it takes" if self._echo.is_deaf else "acknowledge"
        self._lose(connection, Disconnected("lost", f"the broker does not {what}; trying a new connection"))
        self._retry_ns = self._clock.boottime_ns()

    def _lose_a_broker_that_refuses_us(self, connection: _Connection, detail: str) -> None:
        """Leave a broker that refuses our own state, as it will take nothing: the certificate is another device's, or
        its access list does not know us. Only a new connection reads the certificate again and tries the next broker.
        """
        self._sender.give_up_retained()
        advice = "check its access list and this device's certificate"
        self._lose(
            connection, Disconnected("refused", f"the broker refuses this device's state ({detail.lower()}): {advice}")
        )

    # --- which path

    def _choose_path(self) -> None:
        now_ns = self._clock.boottime_ns()
        if self._connection is None:
            self._failover.forget()
        if self._candidate is not None:
            if now_ns - self._candidate.since_ns > self._patience_ns():
                self._fail(self._candidate, Disconnected("unreachable", "connecting did not end in time"))
        elif self._connection is None:
            if now_ns >= self._due_ns():
                self._try(self._paths.next())
        elif self._is_silent():
            other = self._paths.other(now_ns)
            if other is None:
                self._leave(self._connection)
            else:
                what = "delivers" if self._echo.is_deaf else "acknowledges"
                log.warning("%s %s nothing: trying another broker", self._name(self._connection), what)
                self._try(other)
        else:
            wanted = self._failover.wanted(now_ns)
            if wanted is not None:
                self._try(wanted)
            elif self._may_speak_newer(self._connection, now_ns):
                self._lose(
                    self._connection, Disconnected("lost", "leaving it to try MQTT 5 again, as nothing is waiting")
                )
                self._retry_ns = now_ns

    def _may_speak_newer(self, connection: _Connection, now_ns: int) -> bool:
        """Return whether to try MQTT 5 again: not while an alarm is open or anything waits. It can't be tried beside
        the connection in use, which the broker would end for it."""
        pause_ns = self._older.get(connection.path)
        if pause_ns is None or now_ns - connection.since_ns < pause_ns or self._failover.is_urgent:
            return False
        return self._sender.idle and not any(self._outbox.figures()[0].values())

    def _is_silent(self) -> bool:
        return self._echo.is_deaf or self._sender.stalled(alarm_is_open=self._failover.is_urgent)

    def _due_ns(self) -> int:
        """Return when to connect. While an alarm is open, or waits, all paths are tried without a pause in between, and
        the pause after that is short."""
        if not self._failover.is_urgent:
            return self._retry_ns
        return 0 if self._paths.untried else min(self._retry_ns, self._last_attempt_ns + _URGENT_RETRY_NS)

    def _patience_ns(self) -> int:
        """Return how long a broker may take to accept us and grant the subscriptions.

        An alarm must not wait long for one path while the next is untried, even if a broker has taken it and nobody has
        answered. But if all paths are slow, each round gets twice the time of the one before."""
        if self._paths.count == 1 or not self._failover.is_urgent:
            return _CONNECT_PATIENCE_NS
        return min(_URGENT_PATIENCE_NS << min(self._paths.rounds, 10), _CONNECT_PATIENCE_NS)

    def _try(self, path: int) -> None:
        now_ns = self._clock.boottime_ns()
        self._last_attempt_ns = now_ns
        will = self._announcer.will()
        candidate = self._candidate = _Connection(path, self._idle.pop(), will.topic, now_ns)
        address = self._addresses[path]
        try:
            candidate.broker.connect(
                address.url, will, self._subscriptions, partial(self._inbox.put, candidate), address.interface
            )
        except BrokerError as error:
            kind = COPIED_CARD if isinstance(error, CopiedCard) else "unreachable"
            self._fail(candidate, Disconnected(kind, str(error)))

    def _end(self, connection: _Connection) -> None:
        """End this connection and free its client for another path. Its later events are ignored."""
        connection.broker.disconnect(timeout_s=0.0, will=True)
        self._idle.append(connection.broker)

    def _name(self, connection: _Connection) -> str:
        return str(self._addresses[connection.path])
