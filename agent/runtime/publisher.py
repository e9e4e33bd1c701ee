"""The thread `publisher`: connects, listens to the connection, and has the sender send what waits."""

import logging
import queue
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from agent.core.backoff import Backoff
from agent.core.errors import BrokerError
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
from agent.runtime.outbox import Outbox
from agent.runtime.sender import Sender

_CONNECT_PATIENCE_NS = 180 * 10**9
"""Above every timeout of connecting; whoever has not answered by then never will."""
_URGENT_RETRY_NS = 5 * 10**9

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LinkTells:
    """Whom the publisher tells of what; all are called on its thread and must not block."""

    connected: Callable[[], None]
    """The broker has us; say who we are."""
    disconnected: Callable[[Disconnected], None]
    received: Callable[[Received], None]


class Publisher:
    """Connects, sends what waits, and tries again for ever. `wake` from any thread, the rest from its own."""

    def __init__(
        self,
        broker: Broker,
        sender: Sender,
        outbox: Outbox,
        clock: Clock,
        urls: Sequence[str],
        subscriptions: Sequence[str],
        make_will: Callable[[], OutgoingMessage],
        tells: LinkTells,
        backoff: Backoff | None = None,
    ) -> None:
        self._broker = broker
        self._sender = sender
        self._outbox = outbox
        self._clock = clock
        self._urls = urls
        self._subscriptions = list(subscriptions)
        self._make_will = make_will
        self._tells = tells
        self._backoff = backoff or Backoff()
        self._events: queue.SimpleQueue[BrokerEvent | None] = queue.SimpleQueue()
        self._own_topic = ""
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
            self._handle(self._events.get(timeout=timeout_s))
            while True:
                self._handle(self._events.get_nowait())
        except queue.Empty:
            pass
        if self.connected:
            self._sender.return_rested()
            self._sender.send()
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
            if self._sender.idle and not any(self._outbox.figures()[0].values()):
                break
            self.run_once(0.05)
        self._broker.disconnect()
        self._sender.close()
        self._connected_ns = None

    def _handle(self, event: BrokerEvent | None) -> None:
        match event:
            case None:
                pass
            case Published():
                refusal = self._sender.settle(event)
                if refusal is not None:
                    self._lose_a_broker_that_refuses_us(refusal)
            case Received():
                self._tells.received(event)
            case Connected():
                log.info("connected to %s with %s", self._url, event.protocol)
                self._connecting = False
                self._connected_ns = self._clock.boottime_ns()
                self._sender.open(event.receive_maximum, self._own_topic)
                self._tells.connected()
            case Disconnected():
                self._lose(event)

    def _lose_a_broker_that_refuses_us(self, detail: str) -> None:
        """It does not take our own state, so it takes nothing: the certificate is another device's, or its access
        list does not know us. Only a new connection reads the certificate again and comes to the next broker.
        """
        self._sender.give_up_retained()
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
        self._sender.close()
        self._connected_ns = None
        self._connecting = False
        self._retry_ns = now_ns + int(self._backoff.failed(lasted_s) * 1e9)
        self._tells.disconnected(event)

    def _break_if_stalled(self) -> None:
        """The protocol repeats a message on a new connection only, so a silent broker is left."""
        if self._sender.stalled():
            self._broker.disconnect(timeout_s=0.0)
            self._lose(Disconnected("lost", "the broker does not acknowledge; trying a new connection"))
            self._retry_ns = self._clock.boottime_ns()

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
