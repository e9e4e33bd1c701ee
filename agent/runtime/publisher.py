"""The thread `publisher`: outbox to broker. Keeps its own window, and forgets a message only on a success code.

The client library's own queue is never used: nothing is handed over without a connection, and what a dead
connection has not confirmed goes back to the outbox.
"""

import logging
import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.core.backoff import Backoff
from agent.core.errors import BrokerError
from agent.core.events import AlarmDelivered
from agent.core.messages import Rank
from agent.ports import (
    Broker,
    BrokerEvent,
    Clock,
    Connected,
    Disconnected,
    OutgoingMessage,
    Published,
    Received,
)
from agent.runtime.backlog import Waiting
from agent.runtime.outbox import Outbox

_WINDOW = 20
_TELEMETRY_TIMEOUT_NS = 30 * 10**9
_CONNECT_PATIENCE_NS = 180 * 10**9
"""Above every timeout of connecting; whoever has not answered by then never will."""
_URGENT_RETRY_NS = 5 * 10**9
_REFUSALS_BEFORE_GIVING_UP = 5

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkTells:
    """Whom the publisher tells of what; all are called on its thread and must not block."""

    connected: Callable[[], None]
    """The broker has us; say who we are."""
    accepted: Callable[[], None]
    """The broker has taken our state: it has a place for this device."""
    disconnected: Callable[[Disconnected], None]
    delivered: Callable[[AlarmDelivered], None]
    received: Callable[[Received], None]
    refused: Callable[[OutgoingMessage, str], None]
    """The broker refused a message."""


@dataclass(slots=True)
class _InFlight:
    waiting: Waiting
    message: OutgoingMessage
    sent_ns: int


class Publisher:
    """Connects, sends what waits, and tries again for ever. `wake` from any thread, the rest from its own."""

    def __init__(
        self,
        broker: Broker,
        outbox: Outbox,
        clock: Clock,
        urls: Sequence[str],
        subscriptions: Sequence[str],
        make_will: Callable[[], OutgoingMessage],
        tells: LinkTells,
        alarm_timeout_s: float,
        backoff: Backoff | None = None,
    ) -> None:
        self._broker = broker
        self._outbox = outbox
        self._clock = clock
        self._urls = urls
        self._subscriptions = list(subscriptions)
        self._make_will = make_will
        self._tells = tells
        self._alarm_timeout_ns = int(alarm_timeout_s * 1e9)
        self._backoff = backoff or Backoff()
        self._events: queue.SimpleQueue[BrokerEvent | None] = queue.SimpleQueue()
        self._in_flight: dict[int, _InFlight] = {}
        self._resting: list[tuple[int, Waiting]] = []
        self._refusals: dict[int, int] = {}
        self._own_topic = ""
        """Where our state goes, that of the will too."""
        self._window = _WINDOW
        self._attempts = 0
        self._connecting = False
        self._connected_ns: int | None = None
        self._retry_ns = 0
        self._last_attempt_ns = -_URGENT_RETRY_NS

    @property
    def connected(self) -> bool:
        """Whether the broker has us. Any thread."""
        return self._connected_ns is not None

    def wake(self) -> None:
        """There may be something to send. Any thread."""
        if self._events.empty():
            self._events.put(None)

    def run_once(self, timeout_s: float) -> None:
        """Handle what has happened, then send what may be sent."""
        try:
            self._handle(self._events.get(timeout=self._wait_s(timeout_s)))
            while True:
                self._handle(self._events.get_nowait())
        except queue.Empty:
            pass
        if self.connected:
            self._return_rested()
            self._send()
            self._break_if_stalled()
        else:
            self._connect_if_due()

    def close(self, last: Callable[[], None], timeout_s: float) -> None:
        """Send what can be sent within `timeout_s`, `last` having put the farewell; then end the connection.

        Called after the thread has ended; what is not confirmed stays in the outbox.
        """
        deadline_ns = self._clock.boottime_ns() + int(timeout_s * 1e9)
        if self.connected:
            last()
            self.run_once(0.05)
        while self.connected and self._clock.boottime_ns() < deadline_ns:
            if not self._in_flight and not any(self._outbox.figures()[0].values()):
                break
            self.run_once(0.05)
        self._broker.disconnect()
        self._take_all_back()
        self._connected_ns = None

    def _handle(self, event: BrokerEvent | None) -> None:
        match event:
            case None:
                pass
            case Published():
                self._settle(event)
            case Received():
                self._tells.received(event)
            case Connected():
                log.info("connected to %s with %s", self._url, event.protocol)
                self._connecting = False
                self._connected_ns = self._clock.boottime_ns()
                self._window = min(_WINDOW, event.receive_maximum)
                self._tells.connected()
            case Disconnected():
                self._lose(event)

    def _settle(self, event: Published) -> None:
        sent = self._in_flight.pop(event.mid, None)
        if sent is None:
            return
        row = sent.waiting.row
        if event.accepted:
            self._refusals.pop(row.ord, None)
            self._outbox.confirm(sent.waiting)
            if row.topic == self._own_topic:
                self._tells.accepted()
            if row.alarm_id is not None:
                self._tells.delivered(AlarmDelivered(row.alarm_id, self._clock.boottime_ns()))
            return
        if row.topic == self._own_topic:
            self._outbox.give_up(sent.waiting)
            self._lose_a_broker_that_refuses_us(event.detail)
            return
        refusals = self._refusals[row.ord] = self._refusals.get(row.ord, 0) + 1
        log.log(logging.ERROR if refusals == 1 else logging.DEBUG, "the broker refused %s: %s", row.topic, event.detail)
        if row.rank is not Rank.ALARM and refusals >= _REFUSALS_BEFORE_GIVING_UP:
            del self._refusals[row.ord]
            self._outbox.give_up(sent.waiting)
        else:
            rest_ns = min(60, 2 ** (refusals - 1)) * 10**9
            self._resting.append((self._clock.boottime_ns() + rest_ns, sent.waiting))
        if refusals == 1:
            self._tells.refused(sent.message, event.detail)

    def _lose_a_broker_that_refuses_us(self, detail: str) -> None:
        """It does not take our own state, so it takes nothing: the certificate is another device's, or its access
        list does not know us. Only a new connection reads the certificate again and comes to the next broker.

        What is retained is given up, since the next connection makes it anew; it would pile up.
        """
        for sent in self._in_flight.values():
            if sent.message.retain:
                self._outbox.give_up(sent.waiting)
        self._in_flight = {mid: sent for mid, sent in self._in_flight.items() if not sent.message.retain}
        self._broker.disconnect(timeout_s=0.0)
        advice = "check its access list and this device's certificate"
        self._lose(
            Disconnected("refused", f"the broker does not take this device's state ({detail.lower()}): {advice}")
        )

    def _lose(self, event: Disconnected) -> None:
        now_ns = self._clock.boottime_ns()
        lasted_s = (now_ns - self._connected_ns) / 1e9 if self._connected_ns is not None else 0.0
        first = self._connected_ns is not None or self._attempts == 1
        log.log(logging.ERROR if first else logging.DEBUG, "no connection to %s: %s", self._url, event.detail)
        self._take_all_back()
        self._connected_ns = None
        self._connecting = False
        self._retry_ns = now_ns + int(self._backoff.failed(lasted_s) * 1e9)
        self._tells.disconnected(event)

    def _send(self) -> None:
        while len(self._in_flight) < self._window and (taken := self._outbox.take()) is not None:
            waiting, message = taken
            try:
                mid = self._broker.publish(message)
            except BrokerError:
                self._outbox.give_back(waiting)
                return
            self._in_flight[mid] = _InFlight(waiting, message, self._clock.boottime_ns())

    def _break_if_stalled(self) -> None:
        """The protocol repeats a message on a new connection only, so a silent broker is left."""
        now_ns = self._clock.boottime_ns()
        for sent in self._in_flight.values():
            is_alarm = sent.waiting.row.rank is Rank.ALARM
            if now_ns - sent.sent_ns > (self._alarm_timeout_ns if is_alarm else _TELEMETRY_TIMEOUT_NS):
                self._broker.disconnect(timeout_s=0.0)
                self._lose(Disconnected("lost", "the broker does not acknowledge; trying a new connection"))
                self._retry_ns = now_ns
                return

    def _connect_if_due(self) -> None:
        now_ns = self._clock.boottime_ns()
        if self._connecting:
            if now_ns - self._last_attempt_ns > _CONNECT_PATIENCE_NS:
                self._broker.disconnect(timeout_s=0.0)
                self._lose(Disconnected("lost", "connecting did not end; trying again"))
            return
        urgent = self._outbox.figures()[0]["alarm"] > 0
        due_ns = min(self._retry_ns, self._last_attempt_ns + _URGENT_RETRY_NS) if urgent else self._retry_ns
        if now_ns < due_ns:
            return
        self._last_attempt_ns = now_ns
        self._attempts += 1
        self._connecting = True
        try:
            will = self._make_will()
            self._own_topic = will.topic
            self._broker.connect(self._url, will, self._subscriptions, self._events.put)
        except BrokerError as error:
            self._lose(Disconnected("unreachable", str(error)))

    @property
    def _url(self) -> str:
        return self._urls[(self._attempts - 1) % len(self._urls)]

    def _take_all_back(self) -> None:
        for sent in self._in_flight.values():
            self._outbox.give_back(sent.waiting)
        for _, waiting in self._resting:
            self._outbox.give_back(waiting)
        self._in_flight.clear()
        self._resting.clear()
        # Told once, but counted by connection: what another broker refused is no reason to give up.
        self._refusals = dict.fromkeys(self._refusals, 1)

    def _return_rested(self) -> None:
        now_ns = self._clock.boottime_ns()
        for due_ns, waiting in [*self._resting]:
            if due_ns <= now_ns:
                self._resting.remove((due_ns, waiting))
                self._outbox.give_back(waiting)

    def _wait_s(self, timeout_s: float) -> float:
        has_room = self.connected and len(self._in_flight) < self._window
        patience_s = self._outbox.patience_s() if has_room else None
        return timeout_s if patience_s is None else min(timeout_s, patience_s)
