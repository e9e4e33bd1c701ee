"""What the command handler needs from other parts: verified tokens, and the actions that carry out commands."""

from collections.abc import Mapping
from typing import Any, Protocol

from agent.core.alarms.test_mode import TestModeAnswer
from agent.core.facts import AckAnswer, CentreAck
from agent.runtime.commands.orders import SelfTestAnswer


class Verified(Protocol):
    """A token with a valid signature: whose key signed it, and what it says."""

    @property
    def kid(self) -> str:
        """The key's identifier."""
        ...

    @property
    def role(self) -> str:
        """What the holder of the key may do."""
        ...

    @property
    def issuer(self) -> str:
        """The holder's name in the key set."""
        ...

    @property
    def claims(self) -> Mapping[str, Any]:
        """The payload."""
        ...


class Verifies(Protocol):
    """The key ring."""

    def verify(self, token: bytes) -> Verified:
        """Return the verified token, if a known key has signed it. Raises CommandRejected."""
        ...


class ReadsKeys(Protocol):
    """The part that keeps the key ring up to date."""

    def tick(self) -> None:
        """Reload the keys if they have changed. Called before each message, and twice a second."""
        ...


class Actions(Protocol):
    """Carries out commands. Called on the handler's thread; orders are answered later, by `order_done`."""

    def acknowledge(self, ack: CentreAck) -> AckAnswer:
        """Act on a verified ack."""
        ...

    def rebirth(self) -> None:
        """Publish birth, description and open alarms again."""
        ...

    def identify(self, seconds: float) -> None:
        """Blink for `seconds`."""
        ...

    def snapshot(self, picture_id: str, camera: str | None) -> str | None:
        """Ask a camera for a picture under this identifier; returns the camera's name, or None without a camera."""
        ...

    def test_mode(self, seconds: float, input_name: str | None) -> TestModeAnswer:
        """Set test mode for `seconds`, for this input or all of them; 0 seconds end it."""
        ...

    def self_test(self, order_id: str) -> SelfTestAnswer:
        """Begin a self-test under this identifier."""
        ...
