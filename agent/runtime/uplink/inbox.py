"""Queues the events of the connections until the publisher reads them."""

import queue
from collections.abc import Iterator
from typing import Generic, TypeVar

from agent.ports import BrokerEvent, Received

C = TypeVar("C")
MOST_WAITING = 256
"""How many messages may wait to be read. Acknowledgements and ends of a connection are never dropped: their number is
limited by what we send."""


class Inbox(Generic[C]):
    """Events in order, each with its connection. `put` and `wake` from any thread, the rest from the publisher's."""

    def __init__(self) -> None:
        self._events: queue.SimpleQueue[tuple[C, BrokerEvent] | None] = queue.SimpleQueue()
        self._is_flooded = False

    def put(self, connection: C, event: BrokerEvent) -> None:
        """Add an event of this connection, or drop a message that is too many. Never blocks."""
        if isinstance(event, Received) and self._events.qsize() >= MOST_WAITING:
            self._is_flooded = True
        else:
            self._events.put((connection, event))

    def wake(self) -> None:
        """End the wait of `take`."""
        if self._events.empty():
            self._events.put(None)

    def take(self, timeout_s: float) -> Iterator[tuple[C, BrokerEvent]]:
        """Wait at most `timeout_s` for an event; then yield it and those that wait behind it, with a limit, as more may
        keep coming."""
        for _ in range(MOST_WAITING):
            try:
                event = self._events.get(timeout=timeout_s)
            except queue.Empty:
                return
            if event is not None:
                yield event
            timeout_s = 0.0

    def was_flooded(self) -> bool:
        """Return whether a message was dropped since the last call, as too many waited."""
        is_flooded, self._is_flooded = self._is_flooded, False
        return is_flooded
