"""What the command handler is given: tokens that were verified, and the hands that do what commands say."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Actions:
    """What commands do. Each is called on the handler's thread; orders are answered later by `order_done`."""

    acknowledge: Callable[[CentreAck], AckAnswer]
    rebirth: Callable[[], None]
    identify: Callable[[float], None]
    snapshot: Callable[[str, str | None], str | None]
    """Ask a camera for a picture under this identifier; returns the camera's name, None without a camera."""
    test_mode: Callable[[float, str | None], TestModeAnswer]
    """For so many seconds, for this input or all of them; 0 seconds end it."""
    self_test: Callable[[str], SelfTestAnswer]
    """Begin one under this identifier."""
