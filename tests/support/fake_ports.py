"""A broker, lights and a siren in memory, for tests of the runtime: they do what the port says, and as told."""

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Literal

from agent.contract.lamps import LightState, Pattern
from agent.core.errors import BrokerError, HardwareError
from agent.ports import BrokerEvent, Connected, Line, OutgoingMessage, Published, Received
from agent.trust.disconnected import Disconnected

Answer = Literal["accept", "refuse", "fail", "in part", "silence"]


@dataclass
class Connection:
    """What one call of `connect` asked for."""

    url: str
    will: OutgoingMessage
    subscriptions: list[str]
    interface: str | None = None


@dataclass
class MemoryBroker:
    """The port Broker. Answers come at once, on the thread that calls; nothing is published while offline."""

    outcome: Disconnected | BrokerError | None = None
    """What happens to the next connections: None lets them in."""
    answer: Callable[[OutgoingMessage], Answer] = lambda _: "accept"
    """What the broker says to each PUBLISH."""
    echo: Answer | Literal["late", "nothing back"] = "accept"
    """What becomes of a device's echo: as of other messages, and it is delivered where it is accepted. `late`: the test
    delivers it; `nothing back`: it is accepted and not delivered."""
    echoes: list[OutgoingMessage] = field(default_factory=list)
    """What was sent on the topic of echoes, which is in none of the other lists."""
    receive_maximum: int = 65535
    accepted: Connected | None = None
    """What is said to the next connections, if it is not MQTT 5."""
    connections: list[Connection] = field(default_factory=list)
    sent: list[OutgoingMessage] = field(default_factory=list)
    """Every PUBLISH, whatever was answered."""
    kept: list[OutgoingMessage] = field(default_factory=list)
    """What the broker took."""
    unanswered: dict[int, OutgoingMessage] = field(default_factory=dict)
    connected: bool = False
    idle: bool = True
    """Whether the line has taken all that came before."""
    orderly_ends: int = 0
    wills: int = 0
    """Connections that were left with the will."""
    _on_event: Callable[[BrokerEvent], None] = lambda _: None
    _mid: int = 0

    def connect(
        self,
        url: str,
        will: OutgoingMessage,
        subscriptions: list[str],
        on_event: Callable[[BrokerEvent], None],
        interface: str | None = None,
    ) -> None:
        self.connections.append(Connection(url, will, subscriptions, interface))
        self._on_event = on_event
        self._mid = 0
        self.unanswered.clear()
        if isinstance(self.outcome, BrokerError):
            raise self.outcome
        if self.outcome is not None:
            on_event(self.outcome)
            return
        self.connected = True
        on_event(self.accepted or Connected("5", self.receive_maximum))

    def publish(self, message: OutgoingMessage) -> int:
        if not self.connected:
            raise BrokerError("there is no connection")
        self._mid += 1
        if message.topic.endswith("/down/echo"):
            return self._take_echo(message)
        self.sent.append(message)
        self.unanswered[self._mid] = message
        answer = self.answer(message)
        if answer != "silence":
            self.settle(
                self._mid, accepted=answer == "accept", forbidden=answer == "refuse", in_part=answer == "in part"
            )
        return self._mid

    def _take_echo(self, message: OutgoingMessage) -> int:
        self.echoes.append(message)
        if self.echo != "silence":
            refused = self.echo in {"refuse", "fail", "in part"}
            self._on_event(Published(self._mid, not refused, "not authorized", forbidden=self.echo == "refuse"))
        if self.echo == "accept":
            self.return_echo()
        return self._mid

    def line(self) -> Line | None:
        return Line(self.idle, 0.0) if self.connected else None

    def offer(self, message: OutgoingMessage) -> bool:
        if self.idle:
            self.publish(message)
        return self.idle

    def disconnect(self, timeout_s: float = 2.0, *, will: bool = False) -> None:
        self.orderly_ends += self.connected and not will
        self.wills += self.connected and will
        self.connected = False
        self._on_event = lambda _: None

    def pulse(self) -> int | None:
        return None

    # --- for the test

    def settle(self, mid: int, *, accepted: bool = True, **how: bool) -> None:
        """Answer for a message that was met with silence."""
        message = self.unanswered.pop(mid)
        if accepted:
            self.kept.append(message)
        self._on_event(Published(mid, accepted, "" if accepted else "not authorized", **how))

    def return_echo(self, number: int = -1) -> None:
        """Deliver one of the device's echoes."""
        topic, payload = self.echoes[number][:2]
        self._on_event(Received(topic, payload, len(payload), retain=False))

    def drop(self, kind: str = "lost") -> None:
        """End the connection as a network does."""
        self.connected = False
        self._on_event(Disconnected(kind, "the connection was lost"))

    def send_down(self, message: Received) -> None:
        """A message for the device."""
        self._on_event(message)


class MemoryLights:
    """The port Lights; `history` is every state in order, and `by` the threads that showed them."""

    def __init__(self) -> None:
        self.history: list[LightState] = []
        self.by: list[str] = []
        self.beeps: list[int] = []
        self.closed = False
        self.stuck: dict[str, bool] = {}

    def show(self, state: LightState) -> None:
        self.history.append(state)
        self.by.append(threading.current_thread().name)

    def beep(self, times: int) -> None:
        self.beeps.append(times)

    def shown(self) -> LightState:
        return self.history[-1] if self.history else LightState()

    def levels(self) -> dict[str, bool]:
        """As if every output worked, but for those in `stuck`, which have a level of their own."""
        shown = self.shown().as_dict()
        return {name: pattern != Pattern.OFF for name, pattern in shown.items()} | self.stuck

    def close(self) -> None:
        self.closed = True


class MemorySiren:
    """The port Siren; `history` is every switch in order, and `by` the threads that switched it."""

    def __init__(self) -> None:
        self.history: list[bool] = []
        self.by: list[str] = []
        self.broken = False
        """Whether the pin takes nothing."""

    def sound(self, on: bool) -> None:
        if self.broken:
            raise HardwareError("the siren's pin 26 can't be driven")
        self.history.append(on)
        self.by.append(threading.current_thread().name)

    def is_on(self) -> bool:
        if not self.history:
            raise HardwareError("the siren has no pin")
        return self.history[-1]

    def close(self) -> None:
        if self.history and self.history[-1]:
            self.history.append(False)


def topics(messages: Iterable[OutgoingMessage]) -> list[str]:
    """The part of each topic after `up/`."""
    return [message.topic.partition("/up/")[2] for message in messages]
