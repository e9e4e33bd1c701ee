"""What the command handler is given: tokens that were verified, and the hands that do what commands say."""

from collections.abc import Mapping
from typing import Any, Protocol

from agent.core.alarms.test_mode import TestModeAnswer
from agent.core.events import AckAnswer, CentreAck
from agent.runtime.commands.orders import SelfTestAnswer


class Verified(Protocol):
    """A token whose signature is right: whose key it was, and what it says."""

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
        """The name under which the key set knows the holder."""
        ...

    @property
    def claims(self) -> Mapping[str, Any]:
        """The payload."""
        ...


class Verifies(Protocol):
    """The key ring."""

    def verify(self, token: bytes) -> Verified:
        """The token, if a known key has signed it. Raises CommandRejected."""
        ...


class ReadsKeys(Protocol):
    """Whoever keeps the key ring up to date."""

    def tick(self) -> None:
        """Before each message, and twice a second."""
        ...


class Actions(Protocol):
    """What commands do. Each is called on the handler's thread; orders are answered later by `order_done`."""

    def acknowledge(self, ack: CentreAck) -> AckAnswer:
        """Act on a verified ack."""
        ...

    def rebirth(self) -> None:
        """Say again who we are, and which alarms are open."""
        ...

    def identify(self, seconds: float) -> None:
        """Blink for so long."""
        ...

    def snapshot(self, picture_id: str, camera: str | None) -> str | None:
        """Ask a camera for a picture under this identifier; the camera's name, None without a camera."""
        ...

    def test_mode(self, seconds: float, input_name: str | None) -> TestModeAnswer:
        """For so many seconds, for this input or all of them; 0 seconds end it."""
        ...

    def self_test(self, order_id: str) -> SelfTestAnswer:
        """Begin one under this identifier."""
        ...
