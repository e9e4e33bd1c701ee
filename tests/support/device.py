"""A publisher between an outbox and a broker in memory, driven pass by pass."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from agent.core.delivery.backoff import Backoff
from agent.core.facts import AlarmDelivered
from agent.outbox.outbox import Outbox
from agent.ports import BrokerAddress, Connected, OutgoingMessage, Received
from agent.runtime.uplink.echo_watch import EchoWatch
from agent.runtime.uplink.publisher import Publisher
from agent.runtime.uplink.sender import Sender
from agent.trust.disconnected import Disconnected
from tests.support.context import Collected, make_context
from tests.support.drafts import write
from tests.support.fake_ports import Answer, MemoryBroker
from tests.support.sim_clock import SimClock

WILL = OutgoingMessage("edge/v1/gp/park-station/kiosk-1/up/state", b"{}", retain=True)
ECHO = "edge/v1/gp/park-station/kiosk-1/down/echo"
REFUSED = Disconnected("refused", "not authorized")
NOWHERE = Disconnected("unreachable", "nothing listens")


@dataclass
class Device:
    """A publisher between an outbox and a broker, driven pass by pass."""

    clock: SimClock
    outbox: Outbox
    broker: MemoryBroker
    second: MemoryBroker = field(default_factory=MemoryBroker)
    """The one that is idle while `broker` carries, and carries after a move."""
    connections: int = 0
    moves: int = 0
    spread_s: float = 0.0
    calm: bool = True
    watched: bool | None = None
    """Whether a centre watches at the broker in use; None when that is not known."""
    urls: tuple[str, ...] = ("mqtt://a", "mqtt://b")
    acceptances: int = 0
    ends: list[Disconnected] = field(default_factory=list)
    deliveries: list[AlarmDelivered] = field(default_factory=list)
    heard: list[Received] = field(default_factory=list)
    floods: int = 0
    """How often messages were left unread."""
    refusals: list[tuple[OutgoingMessage, str]] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    on_farewell: Callable[[], None] = lambda: None
    """What the farewell puts into the outbox."""

    def __post_init__(self) -> None:
        self.sender = Sender(self.outbox, self.clock, alarm_timeout_s=10)
        any_part: Any = self
        self.sender.listen(any_part)
        self.told = Collected()
        context = make_context(self.told, self.clock, parts=self.told)
        echo = EchoWatch(topic=ECHO, context=context, outbox=self.outbox, sender=self.sender)
        self.board = context.board
        self.publisher = Publisher(
            brokers=(self.second, self.broker),
            sender=self.sender,
            outbox=self.outbox,
            clock=self.clock,
            addresses=[BrokerAddress(url) for url in self.urls],
            subscriptions=["down/ack/+"],
            announcer=any_part,
            echo=echo,
            return_after_s=300,
            backoff=Backoff(spread_s=self.spread_s, uniform=lambda _, high: high),
        )

        self.publisher.listen(any_part, any_part, any_part)

    @property
    def open_ids(self) -> frozenset[str]:
        return frozenset() if self.calm else frozenset({"an alarm"})

    def somebody(self) -> bool:
        return self.watched is True

    def nobody(self) -> bool:
        return self.watched is False

    def will(self) -> OutgoingMessage:
        return WILL

    def farewell(self) -> None:
        self.on_farewell()

    def connected(self, accepted: Connected, broker: str, moved: bool) -> None:
        self.connections += 1
        self.moves += moved

    def accepted(self) -> None:
        self.acceptances += 1

    def delivered(self, fact: AlarmDelivered) -> None:
        self.deliveries.append(fact)

    def refused(self, message: OutgoingMessage, detail: str) -> None:
        self.refusals.append((message, detail))

    def disconnected(self, end: Disconnected) -> None:
        self.ends.append(end)

    def tick(self) -> None: ...

    def received(self, message: Received) -> None:
        self.heard.append(message)

    def flooded(self) -> None:
        self.floods += 1

    def passes(self, count: int = 1) -> None:
        for _ in range(count):
            write(self.outbox)
            self.publisher.run_once(0)

    def advance(self, seconds: float) -> None:
        self.clock.advance(timedelta(seconds=seconds))
        self.passes(2)

    @property
    def waiting(self) -> dict[str, int]:
        return {name: count for name, count in self.outbox.figures()[0].items() if count}


def answer_alarms(answer: Answer) -> Any:
    return lambda message: answer if "/alarm/" in message.topic else "accept"


def lose_the_first(device: Device) -> None:
    device.broker.drop()
    device.passes()
    device.advance(3)
    device.passes(2)


def url_of(broker: MemoryBroker) -> str:
    return broker.connections[-1].url


def swallow(broker: MemoryBroker) -> None:
    """Its connects get no answer at all."""
    connect = broker.connect

    def connect_into_the_void(url: str, will: object, subscriptions: object, _: object, interface: object) -> None:
        connect(url, will, subscriptions, lambda event: None, interface)  # type: ignore[arg-type]
        broker.connected = False

    broker.connect = connect_into_the_void  # type: ignore[method-assign,assignment]
