"""Two brokers in memory, the way to them, and whatever may be wrong with either."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Literal

from agent.core.errors import BrokerError
from agent.ports import BrokerEvent, Connected, Line, OutgoingMessage, Published, Received
from agent.trust.disconnected import Disconnected

Mood = Literal["well", "refuses", "silent"]
URLS = ("mqtt://first", "mqtt://second")
_LOST_EVERY = 7
"""Of the messages to a broker that does not answer it still takes each but every seventh."""


@dataclass
class Site:
    """One broker, as the centre has it: what it takes, it passes on."""

    heard: Callable[[OutgoingMessage], None]
    up: bool = True
    mood: Mood = "well"
    clients: "list[Client]" = field(default_factory=list)
    centre_state: Received | None = None
    """What is retained of the centre."""
    counter: int = 0

    def take(self, message: OutgoingMessage) -> bool | None:
        """Whether it acknowledges or refuses; None when it does not answer."""
        if self.mood == "refuses" and "/alarm/" in message.topic:
            return False
        if self.mood == "silent" and message.qos:
            self.counter += 1
            if self.counter % _LOST_EVERY:
                self.heard(message)
            return None
        self.heard(message)
        return True

    def fail(self) -> None:
        """It is not there any more; what it had of the device's connections it ends with the will."""
        self.up = False
        for client in [*self.clients]:
            client.drop()

    def recover(self) -> None:
        """It is there again."""
        self.up = True

    def down(self, message: Received) -> None:
        """A message of the centre; lost when nobody is connected."""
        for client in [*self.clients]:
            client.hear(message)

    def say(self, state: Received) -> None:
        """The centre says of itself, and the broker keeps it."""
        self.centre_state = state
        self.down(replace(state, retain=False))


class Client:
    """The port Broker: a connection to one of the sites at a time."""

    def __init__(self, sites: dict[str, Site], *, is_probe: bool = False) -> None:
        """What a probe says has no number of its own, and the centre does not note it."""
        self._sites = sites
        self._is_probe = is_probe
        self._is_dead = False
        self._site: Site | None = None
        self._will: OutgoingMessage | None = None
        self._filters: list[str] = []
        self._on_event: Callable[[BrokerEvent], None] = lambda _: None
        self._mid = 0

    def connect(
        self,
        url: str,
        will: OutgoingMessage,
        subscriptions: list[str],
        on_event: Callable[[BrokerEvent], None],
        interface: str | None = None,
    ) -> None:
        site = self._sites[url]
        if self._is_dead or not site.up:
            on_event(Disconnected("unreachable", "no route to host"))
            return
        self._site, self._will, self._filters, self._on_event = site, will, subscriptions, on_event
        site.clients.append(self)
        on_event(Connected("5", 20))
        if site.centre_state is not None:
            self.hear(site.centre_state)

    def publish(self, message: OutgoingMessage) -> int:
        if self._site is None:
            raise BrokerError("there is no connection")
        self._mid += 1
        accepted = True if self._is_probe else self._site.take(message)
        if accepted is not None:
            self._on_event(Published(self._mid, accepted, "" if accepted else "quota exceeded"))
        return self._mid

    def line(self) -> Line | None:
        return None if self._site is None else Line(True, 0.0)

    def offer(self, message: OutgoingMessage) -> bool:
        return self._site is not None and bool(self.publish(message))

    def disconnect(self, timeout_s: float = 2.0, *, will: bool = False) -> None:
        if self._site is not None:
            self._leave(will=will)
        self._on_event = lambda _: None

    def pulse(self) -> int | None:
        return None

    def hear(self, message: Received) -> None:
        """Something comes down, if this client listens at all: a probe does not."""
        if self._filters:
            self._on_event(message)

    def die(self) -> None:
        """The process is no more: nothing that it does from now on is seen by anybody."""
        self.drop()
        self._is_dead = True

    def drop(self) -> None:
        """The network is gone."""
        if self._site is not None:
            self._leave(will=True)
            self._on_event(Disconnected("lost", "the connection was lost"))

    def _leave(self, *, will: bool) -> None:
        site, self._site = self._site, None
        if site is not None:
            site.clients.remove(self)
            if will and self._will is not None and not self._is_probe:
                site.heard(self._will)
