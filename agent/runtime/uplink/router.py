"""Routes messages from the broker by their topic, in one place."""

from typing import Protocol

from agent.ports import Received


class Receives(Protocol):
    """The part that takes the messages under a topic."""

    def receive(self, message: Received) -> None:
        """Take a message. On the publisher's thread; must not block."""
        ...


class TopicRouter:
    """Filled before the threads run, then read on the publisher's thread."""

    def __init__(self) -> None:
        self._routes: dict[str, Receives] = {}

    def add(self, prefix: str, receiver: Receives) -> None:
        """Route messages whose topic begins with `prefix`, which ends with a slash, to `receiver`."""
        self._routes[prefix] = receiver

    def route(self, message: Received) -> None:
        """Pass a message on. One without a receiver was not subscribed to, and is dropped."""
        for prefix, receiver in self._routes.items():
            if message.topic.startswith(prefix):
                receiver.receive(message)
                return
