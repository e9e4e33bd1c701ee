"""The broker, and what goes to it and comes from it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """One path to the centre: a broker, and the network interface by which it is reached, if it must be that one."""

    url: str
    interface: str | None = None

    def __str__(self) -> str:
        return f"{self.url} by {self.interface}" if self.interface else self.url


class OutgoingMessage(NamedTuple):
    """One MQTT PUBLISH. `expiry_s` and `content_type` are used where the protocol has them (MQTT 5)."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    expiry_s: int | None = None
    content_type: str = "application/cloudevents+json"
    correlation_data: bytes | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection, and its answer to every subscription is known.

    `receive_maximum` is its window, `refused` the filters that it denied. `why_older` says to a person why the protocol
    is not MQTT 5; empty when it is.
    """

    protocol: str
    receive_maximum: int
    refused: tuple[str, ...] = ()
    why_older: str = ""

    @property
    def spoken(self) -> str:
        """The protocol, and why no newer one; for a person."""
        return f"{self.protocol} ({self.why_older})" if self.why_older else self.protocol


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection ended or never came to be.

    `kind` is `refused`, `tls`, `unreachable`, `protocol`, `overrun` or `lost`; `detail` is one line for a person.
    """

    kind: str
    detail: str


@dataclass(frozen=True, slots=True)
class Published:
    """The broker answered for the message that `publish` gave the number `mid`.

    With `accepted` false it refused the message (a failure code in the PUBACK), and did not keep it. `forbidden`: this
    device may not send it. `in_part`: it may have gone to some and not to all who listen.
    """

    mid: int
    accepted: bool
    detail: str = ""
    forbidden: bool = False
    in_part: bool = False


@dataclass(frozen=True, slots=True)
class Received:
    """A message that came down. `payload` is cut off at `MAX_RECEIVED_BYTES`; `size` is what was sent."""

    topic: str
    payload: bytes
    size: int
    retain: bool
    response_topic: str | None = None
    correlation_data: bytes | None = None


BrokerEvent = Connected | Disconnected | Published | Received
MAX_RECEIVED_BYTES = 16 * 1024
"""The contract's limit for a command; what is larger is refused unread."""


class Broker(Protocol):
    """One broker connection at a time. `publish` from any thread, the rest from the publisher's only."""

    def connect(
        self,
        url: str,
        will: OutgoingMessage,
        subscriptions: list[str],
        on_event: Callable[[BrokerEvent], None],
        interface: str | None = None,
    ) -> None:
        """Begin to connect and return; the outcome is an event: Connected, or Disconnected exactly once.

        With `interface` the connection leaves through that network interface and no other.

        `on_event` runs on the client library's thread and must not block. Each call begins a fresh connection
        whose events carry nothing of an earlier one, and for which the broker has kept nothing. Raises BrokerError
        for a URL or a certificate file that can't be used at all.
        """
        ...

    def publish(self, message: OutgoingMessage) -> int:
        """Hand one message over; returns its number, which a later Published names.

        Raises BrokerError when there is no connection, and MessageRefused when this connection can't carry this
        message, whenever it is tried; the message was then not taken.
        """
        ...

    def disconnect(self, timeout_s: float = 2.0, *, will: bool = False) -> None:
        """End the connection in an orderly way, or at once if the broker does not answer.

        The broker publishes the will only if `will` is set: the device goes on elsewhere. After it returns, no
        more events of that connection come. Safe to call when not connected.
        """
        ...

    def pulse(self) -> int | None:
        """A number that rises as long as the connection's own thread lives; None without one. Any thread."""
        ...
