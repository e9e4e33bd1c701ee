"""What a change of the connection means: for health, for the security centre, and for the next birth."""

from collections.abc import Callable

from agent.core.events import UplinkChanged
from agent.ports import Disconnected, OutgoingMessage
from agent.runtime.health import HealthBoard
from agent.runtime.security import SecurityLog

_SECURITY_KINDS = {"tls": "tls-failed", "refused": "broker-refused"}


class Uplink:
    """Listens to the publisher, on its thread."""

    def __init__(
        self,
        board: HealthBoard,
        security: SecurityLog,
        announce: Callable[[], None],
        changed: Callable[[UplinkChanged], None],
    ) -> None:
        self._board = board
        self._security = security
        self._announce = announce
        self._changed = changed
        self._told: str | None = None

    def connected(self) -> None:
        """The broker has us; whether it takes what we say shows with the birth."""
        self._announce()

    def accepted(self) -> None:
        """The broker has taken our birth."""
        self._told = None
        self._board.report("uplink", ok=True)
        self._changed(UplinkChanged(up=True))

    def disconnected(self, end: Disconnected) -> None:
        """The connection ended or did not come to be. Each kind of security trouble is told once an outage."""
        self._board.report("uplink", ok=False, detail=end.detail)
        self._changed(UplinkChanged(up=False))
        kind = _SECURITY_KINDS.get(end.kind)
        if kind is not None and kind != self._told:
            self._told = kind
            self._security.tell(kind, "warning", end.detail)

    def refused(self, message: OutgoingMessage, detail: str) -> None:
        """The broker refused a message. Not told of security events themselves: they would be refused too."""
        if "/up/security/" not in message.topic:
            self._security.tell("message-refused", "warning", f"{message.topic}: {detail}", topic=message.topic)
