"""Reports to the centre: makes a message and puts it into the outbox."""

from collections.abc import Mapping
from typing import Protocol

from agent.contract.envelope import MessageFactory
from agent.contract.messages import Draft


class Accepts(Protocol):
    """Takes messages that must reach the centre: the outbox."""

    def put(self, draft: Draft, keep: Mapping[str, str | None] | None = None) -> str:
        """Accept a message, and state to keep together with it; returns the message's identifier."""
        ...


class Reporter:
    """`reporter.publish(reporter.make.health(...))`. Any thread; it never blocks."""

    def __init__(self, make: MessageFactory, outbox: Accepts) -> None:
        self.make = make
        """The factory of this device's messages."""
        self._outbox = outbox

    def publish(self, draft: Draft, keep: Mapping[str, str | None] | None = None) -> str:
        """Have the message written and sent; see `Outbox.put`."""
        return self._outbox.put(draft, keep)
