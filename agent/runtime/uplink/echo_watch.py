"""Sends the device's own echo through the broker, and reports when it does not come back."""

import secrets

from agent.core.delivery.echo import Echo
from agent.outbox.outbox import Outbox
from agent.ports import OutgoingMessage, Published, Received
from agent.runtime.supervision.context import Context
from agent.runtime.uplink.sender import Sender

ECHO = "echo"
"""The name of this part in the health message, which has it only once an echo was missed."""
_KEY = "echoed"
"""What is kept: the brokers that have returned one, a line each."""
_BYTES = 8
_EXPIRY_S = 60


class EchoWatch:
    """On the publisher's thread."""

    def __init__(self, *, topic: str, context: Context, outbox: Outbox, sender: Sender) -> None:
        """`topic` is where the device publishes its echo and hears it."""
        self.topic = topic
        self._clock = context.clock
        self._board = context.board
        self._security = context.security
        self._outbox = outbox
        self._sender = sender
        self._echo = Echo()
        self._kept: set[str] = set()
        self._name = ""
        self._is_refused = False
        self._reported = ""

    @property
    def is_deaf(self) -> bool:
        """Whether nothing reaches us from the broker in use, which has returned an echo before."""
        return self._echo.is_deaf

    def connected(self, broker: str, *, is_refused: bool) -> None:
        """Begin a new connection; `is_refused`: its broker does not let us hear the topic."""
        self._kept = {*self._outbox.kept(_KEY).get(_KEY, "").splitlines()}
        self._echo.prove(self._kept)
        self._name, self._is_refused = broker, is_refused
        self._echo.connected(broker, self._clock.boottime_ns())

    def disconnected(self, *, died: bool = False) -> None:
        """End the connection; `died`: the other side has ended it."""
        self._echo.disconnected(self._clock.boottime_ns(), died=died)

    def tick(self, *, urgent: bool) -> None:
        """Send what is due, and judge what has not come back; `urgent` while an alarm is open, or waits."""
        now_ns = self._clock.boottime_ns()
        if self._echo.due(now_ns, urgent=urgent) and not self._is_refused:
            text = secrets.token_hex(_BYTES)
            message = OutgoingMessage(self.topic, text.encode(), expiry_s=_EXPIRY_S, content_type="")
            if self._sender.echo(message, counts=self._name in self._echo.proven):
                self._echo.sent(text, now_ns)
        if why := self._echo.judge(now_ns, urgent=urgent):
            self._security.report("delivery-stopped", f"{self._name} {why}: connecting again", broker=self._name)
        self._settle()

    def answered(self, answer: Published) -> None:
        """Take the broker's answer to an echo."""
        now_ns = self._clock.boottime_ns()
        if answer.accepted:
            self._echo.confirmed(now_ns)
        else:
            self._echo.refused(answer.detail, now_ns, forbidden=answer.forbidden)

    def heard(self, message: Received) -> bool:
        """Take a message on the topic; return false if it is none of ours, or came otherwise than an ack would."""
        if message.retain or message.qos != 1 or message.size != 2 * _BYTES:
            return False
        return self._echo.heard(message.payload.decode("ascii", "replace"), self._clock.boottime_ns())

    def _settle(self) -> None:
        """Report and keep what has changed."""
        if (proven := {*self._echo.proven}) != self._kept:
            self._kept = proven
            self._outbox.keep(_KEY, "\n".join(sorted(proven)))
        trouble = "it does not let this device subscribe" if self._is_refused else self._echo.trouble
        if trouble == self._reported:
            return
        self._reported = trouble
        detail = f"{self._name}: {trouble}; acks that stop arriving would go unnoticed: allow {self.topic}"
        self._board.report(ECHO, ok=not trouble, detail=detail if trouble else "")
