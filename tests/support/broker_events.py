"""Collects what a Broker tells, and waits for it."""

import threading
from typing import TypeVar

from agent.ports import BrokerEvent, OutgoingMessage
from tests.support.wait import wait_for

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

    def wait(self, kind: type[E], count: int = 1, timeout_s: float = 10.0) -> E:
        """The event number `count` of its kind, once it has come."""
        try:
            found = wait_for(lambda: found if len(found := self.of(kind)) >= count else [], timeout_s, kind.__name__)
        except AssertionError as error:
            raise AssertionError(f"{error}; came: {self.all()}") from None
        return found[count - 1]


def mqtt_threads() -> list[threading.Thread]:
    """The threads of broker connections that run."""
    return [thread for thread in threading.enumerate() if thread.name == "mqtt"]
