"""What the connections tell the publisher, until it reads it."""

import queue
from collections.abc import Iterator
from typing import Generic, TypeVar

from agent.ports import BrokerEvent, Received

L = TypeVar("L")
MOST_WAITING = 256
"""Messages that may come down before one is read. What acknowledges or ends is never too much: we ask for it."""


class Inbox(Generic[L]):
    """Events in order, each with its connection. `put` and `wake` from any thread, the rest from the publisher's."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[tuple[L, BrokerEvent] | None] = queue.SimpleQueue()
        self._is_flooded = False

    def put(self, link: L, event: BrokerEvent) -> None:
        """Something happened on this connection. Never blocks."""
        if isinstance(event, Received) and self._events.qsize() >= MOST_WAITING:
            self._is_flooded = True
        else:
            self._events.put((link, event))

    def wake(self) -> None:
        """End the wait of `take`."""
        if self._events.empty():
            self._events.put(None)

    def take(self, timeout_s: float) -> Iterator[tuple[L, BrokerEvent]]:
        """Wait for an event at most so long; then this one and what else is there, which need have no end."""
        for _ in range(MOST_WAITING):
            try:
                event = self._events.get(timeout=timeout_s)
            except queue.Empty:
                return
            if event is not None:
                yield event
            timeout_s = 0.0

    def was_flooded(self) -> bool:
        """Whether a message was lost since this was last asked, as too many waited."""
        is_flooded, self._is_flooded = self._is_flooded, False
        return is_flooded
