"""Acts on changes of the connection: for health, for the security centre, and for the next birth."""

from collections.abc import Callable

from agent.contract.security import SecurityKind
from agent.core.facts import AlarmDelivered, Announce, UplinkChanged
from agent.ports import COPIED_CARD, Connected, OutgoingMessage, Received
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.security import TOPIC_LENGTH
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.centre_watch import CentreWatch, KioskAlarms
from agent.trust.disconnected import Disconnected

_SECURITY_KINDS: dict[str, SecurityKind] = {
    "tls": "tls-failed",
    "refused": "broker-refused",
    "overrun": "broker-overrun",
    "taken": "session-taken-over",
}


class UplinkListener:
    """Listens to the publisher and its sender, on the publisher's thread. No method may block."""

    def __init__(
        self,
        *,
        context: Context,
        announcer: Announcer,
        watch: CentreWatch,
        alarms: KioskAlarms,
        delivered: Callable[[AlarmDelivered], None],
        command: Callable[[Received], None],
        broker_refuses: Callable[[str], None],
    ) -> None:
        """`delivered` hears that the broker has a message of an alarm. `command` takes every message that is not a
        centre's state: whoever verifies commands also reports what should never have come. `broker_refuses` hears what
        the broker does not let this device subscribe to; empty when it allows everything."""
        self._board = context.board
        self._security = context.security
        self._announcer = announcer
        self._watch = watch
        self._alarms = alarms
        self.delivered = delivered
        self._command = command
        self._broker_refuses = broker_refuses
        self._reported_kind: str | None = None
        self._has_failed = False
        """Whether this has happened since a broker last accepted us: the publisher logs only the first failure."""
        self._broker = self._spoken = ""

    def connected(self, accepted: Connected, broker: str, moved: bool) -> None:
        """Announce the device to a broker that has accepted it. The birth shows whether it takes our messages."""
        self._broker = broker
        self._spoken = f" with {accepted.spoken}" if accepted.why_older else ""
        self._has_failed = False
        self._announcer.connected()
        self._watch.connected()
        if accepted.refused:
            names = ", ".join(accepted.refused)
            detail = f"the broker does not let this device subscribe to {names}: check its access list"
            self._broker_refuses(detail)
            self._report_once("broker-refused", detail)
        else:
            self._broker_refuses("")
        self.announce(moved=moved)

    def announce(self, *, moved: bool = False) -> None:
        """Publish birth, description and open alarms; `moved`: to another broker than before. Any thread."""
        self._announcer.birth()
        self._alarms.submit(Announce(moved))

    def received(self, message: Received) -> None:
        """Pass a message from the broker to whoever its topic concerns."""
        if message.topic.startswith(self._watch.tree):
            self._watch.receive(message)
        else:
            self._command(message)

    def tick(self) -> None:
        """Have the centres checked again, as time has passed."""
        self._watch.tick()

    def accepted(self) -> None:
        """Report that the uplink works: the broker has taken our birth, so it knows this device."""
        self._reported_kind = None
        self._board.report("uplink", ok=True, detail=f"connected to {self._broker}{self._spoken}")
        self._alarms.submit(UplinkChanged(up=True))

    def disconnected(self, end: Disconnected) -> None:
        """Report that the connection has ended or failed. Each kind of security trouble is reported once per outage."""
        self._watch.disconnected()
        self._board.report("uplink", ok=False, detail=end.detail)
        self._alarms.submit(UplinkChanged(up=False, is_copy=end.kind == COPIED_CARD))
        kind = _SECURITY_KINDS.get(end.kind)
        if kind is not None:
            self._report_once(kind, end.detail, is_logged=not self._has_failed)
        self._has_failed = True

    def refused(self, message: OutgoingMessage, detail: str) -> None:
        """Report a refused message, unless it is a security event: the report would be refused too. Any thread."""
        if "/up/security/" not in message.topic:
            topic = message.topic[:TOPIC_LENGTH]
            self._security.report("message-refused", f"{topic}: {detail}", topic=topic)

    def flooded(self) -> None:
        """Report that messages came faster than they can be read, and some were dropped."""
        self._security.report("command-flood", f"{self._broker} sends more than can be read; some is lost")

    def _report_once(self, kind: SecurityKind, detail: str, *, is_logged: bool = False) -> None:
        if kind != self._reported_kind:
            self._reported_kind = kind
            self._security.report(kind, detail, is_logged=is_logged)
