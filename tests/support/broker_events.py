"""The real adapter of a Broker, what it tells, and a way to wait for that."""

import threading
from collections.abc import Iterator
from typing import TypeVar

import pytest

from agent.adapters.paho_broker import PahoBroker
from agent.ports import Broker, BrokerEvent, Connected, OutgoingMessage
from tests.support.wait import PATIENCE_S, wait_for

E = TypeVar("E", bound=BrokerEvent)

WILL = OutgoingMessage("edge/v1/gp/site/kiosk-1/up/state", b'{"state":"lost"}', retain=True)


class BrokerEvents:
    """Give it as `on_event`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._events: list[BrokerEvent] = []

    def __call__(self, event: BrokerEvent) -> None:
        with self._lock:
            self._events.append(event)

    def all(self) -> list[BrokerEvent]:
        """Everything so far."""
        with self._lock:
            return list(self._events)

    def of(self, kind: type[E]) -> list[E]:
        """The events of one kind so far."""
        return [event for event in self.all() if isinstance(event, kind)]

    def wait(self, kind: type[E], count: int = 1, timeout_s: float = PATIENCE_S) -> E:
        """The event number `count` of its kind, once it has come."""
        try:
            found = wait_for(lambda: found if len(found := self.of(kind)) >= count else [], timeout_s, kind.__name__)
        except AssertionError as error:
            raise AssertionError(f"{error}; came: {self.all()}") from None
        return found[count - 1]


@pytest.fixture
def events() -> BrokerEvents:
    """Empty."""
    return BrokerEvents()


@pytest.fixture
def broker() -> Iterator[PahoBroker]:
    """Not connected; its thread must be gone at the end."""
    broker = PahoBroker("kiosk-1", keepalive_s=5, connect_timeout_s=5)
    yield broker
    broker.disconnect()
    assert not mqtt_threads()


def connected(broker: Broker, url: str, *filters: str, interface: str | None = None) -> BrokerEvents:
    """Connect, and return the events once Connected is among them."""
    events = BrokerEvents()
    broker.connect(url, WILL, list(filters), events, interface)
    events.wait(Connected)
    return events


def mqtt_threads() -> list[threading.Thread]:
    """The threads of broker connections that run."""
    return [thread for thread in threading.enumerate() if thread.name == "mqtt"]
