"""What a change of the connection means: for health, for the security centre, and for the next birth."""

from typing import Protocol

from agent.core.events import AlarmDelivered, Announce, UplinkChanged
from agent.ports import Connected, Disconnected, OutgoingMessage, Received
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.security import TOPIC_LENGTH
from agent.runtime.uplink.announcer import Announcer
from agent.runtime.uplink.centre_watch import CentreWatch, TakesFacts
from agent.runtime.uplink.router import TopicRouter

_SECURITY_KINDS = {"tls": "tls-failed", "refused": "broker-refused", "overrun": "broker-overrun"}


class HearsRefusal(Protocol):
    """Whoever answers for the part `commands`."""

    def broker_refuses(self, detail: str) -> None:
        """What the broker does not let this device hear; empty when it lets it hear all. Any thread."""
        ...


class KnowsAlarms(Protocol):
    """Whoever knows which alarm is whose."""

    def delivered(self, fact: AlarmDelivered) -> None:
        """The broker has a message of an alarm."""
        ...


class Uplink:
    """Listens to the publisher and its sender, on the publisher's thread."""

    def __init__(
        self,
        *,
        context: Context,
        announcer: Announcer,
        watch: CentreWatch,
        router: TopicRouter,
        facts: TakesFacts,
        alarms: KnowsAlarms,
        commands: HearsRefusal,
    ) -> None:
        self._board = context.board
        self._security = context.security
        self._announcer = announcer
        self._watch = watch
        self._router = router
        self._facts = facts
        self._alarms = alarms
        self._commands = commands
        self._told: str | None = None
        self._has_failed = False
        """Since a broker last had us: the publisher logs the first failure, and not those that follow."""
        self._broker = self._spoken = ""

    def connected(self, accepted: Connected, broker: str, moved: bool) -> None:
        """A broker has us; whether it takes what we say shows with the birth."""
        self._broker = broker
        self._spoken = f" with {accepted.spoken}" if accepted.why_older else ""
        self._has_failed = False
        self._announcer.connected()
        self._watch.connected()
        if accepted.refused:
            names = ", ".join(accepted.refused)
            detail = f"the broker does not let this device subscribe to {names}: check its access list"
            self._commands.broker_refuses(detail)
            self._report_once("broker-refused", detail)
        else:
            self._commands.broker_refuses("")
        self.announce(moved=moved)

    def announce(self, *, moved: bool = False) -> None:
        """Say who we are, and which alarms are open; `moved`: to another broker than before. Any thread."""
        self._announcer.birth()
        self._facts.submit(Announce(moved))

    def received(self, message: Received) -> None:
        """A message came down."""
        self._router.route(message)

    def tick(self) -> None:
        """Time has passed."""
        self._watch.tick()

    def delivered(self, fact: AlarmDelivered) -> None:
        """The broker has taken a message of an alarm."""
        self._alarms.delivered(fact)

    def accepted(self) -> None:
        """The broker has taken our birth."""
        self._told = None
        self._board.report("uplink", ok=True, detail=f"connected to {self._broker}{self._spoken}")
        self._facts.submit(UplinkChanged(up=True))

    def disconnected(self, end: Disconnected) -> None:
        """The connection ended or did not come to be. Each kind of security trouble is told once an outage."""
        self._watch.disconnected()
        self._board.report("uplink", ok=False, detail=end.detail)
        self._facts.submit(UplinkChanged(up=False))
        kind = _SECURITY_KINDS.get(end.kind)
        if kind is not None:
            self._report_once(kind, end.detail, is_logged=not self._has_failed)
        self._has_failed = True

    def refused(self, message: OutgoingMessage, detail: str) -> None:
        """The broker refused a message. Not told of security events themselves: they would be refused too."""
        if "/up/security/" not in message.topic:
            topic = message.topic[:TOPIC_LENGTH]
            self._security.report("message-refused", "warning", f"{topic}: {detail}", topic=topic)

    def flooded(self) -> None:
        """Messages came down faster than they can be read, and some were not."""
        self._security.report("command-flood", "warning", f"{self._broker} sends more than can be read; some was not")

    def _report_once(self, kind: str, detail: str, *, is_logged: bool = False) -> None:
        if kind != self._told:
            self._told = kind
            self._security.report(kind, "warning", detail, is_logged=is_logged)
