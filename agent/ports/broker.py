"""The broker, the messages that go to it, and the events that come from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from agent.trust.disconnected import Disconnected


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """One path to the centre: a broker, and the network interface that it must be reached by, if any."""

    url: str
    interface: str | None = None

    def __str__(self) -> str:
        return f"{self.url} by {self.interface}" if self.interface else self.url


class OutgoingMessage(NamedTuple):
    """One MQTT PUBLISH. `expiry_s` and `content_type`, if any, are used only if the protocol has them (MQTT 5)."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None
    content_type: str = "application/cloudevents+json"
    correlation_data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection and has answered every subscription.

    `receive_maximum` is its window, and `refused` are the filters that it denied. `why_older` tells a person why the
    protocol is not MQTT 5; empty if it is. `may_speak_5`: that may have had another cause, so it is worth another try.
    """

    protocol: str
    receive_maximum: int
    refused: tuple[str, ...] = ()
    why_older: str = ""
    may_speak_5: bool = False

    @property
    def spoken(self) -> str:
        """The protocol, and why it is not a newer one; for a person."""
        return f"{self.protocol} ({self.why_older})" if self.why_older else self.protocol


COPIED_CARD = "copied-card"
"""The kind of a Disconnected: the device's credentials belong to another board, so it may not connect at all."""


@dataclass(frozen=True, slots=True)
class Published:
    """The broker answered the message to which `publish` gave the number `mid`.

    If `accepted` is False, the broker refused the message (a failure code in the PUBACK) and did not keep it.
    `forbidden`: this device may not send it. `in_part`: it may have reached some subscribers but not all.
    """

    mid: int
    accepted: bool
    detail: str = ""
    forbidden: bool = False
    in_part: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A message from the broker. `payload` is cut off at `MAX_RECEIVED_BYTES`; `size` is the size that was sent, `qos`
    how it was delivered."""

    topic: str
    payload: bytes
    size: int
    retain: bool
    response_topic: str | None = None
    correlation_data: bytes | None = None
    qos: int = 1


BrokerEvent = Connected | Disconnected | Published | Received
MAX_RECEIVED_BYTES = 16 * 1024
"""The contract's limit for a command; anything larger is refused unread."""


class Line(NamedTuple):
    """How the way to the other end is at this moment."""

    is_idle: bool
    """The other end has confirmed every byte that was sent."""
    rtt_s: float
    """The shortest time that a byte and its confirmation have taken."""


class Broker(Protocol):
    """One broker connection at a time. `publish`, `line`, `offer`, `pulse`: any thread; the rest: the publisher's."""

    def connect(
        self,
        url: str,
        will: OutgoingMessage,
        subscriptions: list[str],
        on_event: Callable[[BrokerEvent], None],
        interface: str | None = None,
    ) -> None:
        """Begin to connect and return; the outcome is an event: Connected, or Disconnected exactly once.

        With `interface` the connection leaves through that network interface only.

        `on_event` runs on the client library's thread and must not block. Each call begins a fresh connection: its
        events carry nothing from an earlier one, and the broker has kept nothing for it. Raises BrokerError for a URL
        or a certificate file that can't be used at all, and CopiedCard.
        """
        ...

    def publish(self, message: OutgoingMessage) -> int:
        """Hand over one message and return its number, which a later Published names.

        Raises BrokerError if there is no connection, and MessageRefused if this connection can never carry this
        message. In both cases the message was not taken.
        """
        ...

    def line(self) -> Line | None:
        """Return how the line is; None without a connection."""
        ...

    def offer(self, message: OutgoingMessage) -> bool:
        """Hand over a message of QoS 0 that nobody will miss, unless the other end has yet to confirm something that
        was sent before it: so it never lengthens a queue. Returns whether it was taken.

        Raises BrokerError and MessageRefused as `publish` does.
        """
        ...

    def disconnect(self, timeout_s: float = 2.0, *, will: bool = False) -> None:
        """End the connection in an orderly way, or at once if the broker does not answer.

        The broker publishes the will only if `will` is set; set it when the device moves to another broker. After this
        returns, no more events of that connection come. Safe to call when not connected.
        """
        ...

    def pulse(self) -> int | None:
        """Return a number that rises as long as the connection's own thread lives; None without one. Any thread."""
        ...
