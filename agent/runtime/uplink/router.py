"""Where messages go that a broker brings: by their topic, in one place."""

from typing import Protocol

from agent.ports import Received


class Receives(Protocol):
    """Whoever takes the messages under a topic."""

    def receive(self, message: Received) -> None:
        """On the publisher's thread; must not block."""
        ...


class TopicRouter:
    """Filled before the threads run, then read on the publisher's thread."""

    def __init__(self, default: Receives) -> None:
        """Pass `default` what no route takes: whoever verifies commands also reports what should never have come."""
        self._default = default
        self._routes: dict[str, Receives] = {}

    def add(self, prefix: str, receiver: Receives) -> None:
        """Send messages whose topic begins with `prefix`, which ends with a slash, to `receiver`."""
        self._routes[prefix] = receiver

    def route(self, message: Received) -> None:
        """Pass a message on."""
        for prefix, receiver in self._routes.items():
            if message.topic.startswith(prefix):
                receiver.receive(message)
                return
        self._default.receive(message)
