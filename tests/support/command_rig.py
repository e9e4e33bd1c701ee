"""A command desk with everything around it in memory."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from agent.contract.commands import CommandRejected
from agent.contract.messages import AlarmData
from agent.core.alarms.test_mode import TestModeAnswer
from agent.core.facts import AckAnswer, CentreAck
from agent.outbox.outbox import Outbox
from agent.ports import OutgoingMessage, Received
from agent.runtime.cameras.asked_pictures import AskedPictures
from agent.runtime.commands.executor import CommandExecutor
from agent.runtime.commands.handler import CommandHandler
from agent.runtime.commands.memory import COMMAND_KEY
from agent.runtime.commands.orders import OpenAnswer, SelfTestAnswer, replay_done
from agent.runtime.live.answers import LiveAnswer
from agent.runtime.live.look import Looker
from tests.support.context import make_context
from tests.support.drafts import IDENTITY, alarm_data, body, taken, write
from tests.support.sim_clock import SimClock


@dataclass
class Token:
    claims: dict[str, Any]
    kid: str = "key-1"
    role: str = "operator"
    issuer: str = "centre"


RESULTS = IDENTITY.up("result") + "/"


class WhenAwaited(threading.Event):
    """The disk answers no sooner than somebody waits for it, so that who does not wait is found out each time."""

    def __init__(self, safe: threading.Event, outbox: Outbox) -> None:
        super().__init__()
        self._safe = safe
        self._outbox = outbox

    def wait(self, timeout: float | None = None) -> bool:
        write(self._outbox)
        return self._safe.wait(timeout)

    def is_set(self) -> bool:
        return self._safe.is_set()


@dataclass
class CommandRig:
    """A command desk; a token's text is its name in `tokens`, since signatures are another part's matter."""

    outbox: Outbox
    clock: SimClock
    tokens: dict[bytes, Token] = field(default_factory=dict)
    done: list[Any] = field(default_factory=list)
    kept_when_executed: list[dict[str, str]] = field(default_factory=list)
    camera: str | None = "front"
    open_alarms: frozenset[str] = frozenset()
    test_mode_answer: TestModeAnswer = "ok"
    self_test_answer: SelfTestAnswer = "asked"
    page_answer: OpenAnswer = "ok"
    live_answer: LiveAnswer = field(default_factory=lambda: LiveAnswer("ok", "looking", {"live": "x"}))
    alarm: AlarmData = field(default_factory=alarm_data)
    ctr: int = 0

    def __post_init__(self) -> None:
        context = make_context(self.outbox, self.clock)
        self.security = context.security
        writer, keep = self.outbox.writer, self.outbox.writer.keep
        writer.keep = lambda values: WhenAwaited(keep(values), self.outbox)  # type: ignore[method-assign]
        any_part: Any = self
        self.handler = CommandHandler(
            identity=IDENTITY,
            context=context,
            outbox=self.outbox,
            keys=any_part,
            key_watch=any_part,
        )
        executor = CommandExecutor(
            self.clock,
            lambda ack: self.acknowledge(ack),  # noqa: PLW0108 - a test may replace it
            any_part,
            any_part,
            AskedPictures(self.clock, self.outbox, any_part, context.security),
            self.self_test,
            any_part,
            self.outbox.replay,
            self.open_page,
            any_part,
            SimpleNamespace(start=self.look, stop=self.look),  # type: ignore[arg-type]
            any_part,
            context.security,
        )
        self.outbox.replay.on_end = lambda end: self.handler.order_done(replay_done(end))
        self.handler.execute_with(executor.execute, any_part)

    def tick(self) -> None: ...

    def announce(self) -> None:
        self.did("rebirth")

    def identify(self, seconds: float) -> None:
        self.did(("identify", seconds))

    def verify(self, token: bytes) -> Token:
        if token not in self.tokens:
            raise CommandRejected("bad-signature", "the signature is not of a known key")
        return self.tokens[token]

    def did(self, what: Any) -> None:
        self.done.append(what)
        self.kept_when_executed.append(self.outbox._store.state(COMMAND_KEY))

    def acknowledge(self, ack: CentreAck) -> AckAnswer:
        self.did(ack)
        if ack.alarm_id != "a1":
            return AckAnswer("unknown-alarm")
        return AckAnswer("pressed-since" if ack.press_count == 1 else "taken", self.alarm)

    @property
    def open_ids(self) -> frozenset[str]:
        return self.open_alarms

    def shows(self, camera: str | None) -> tuple[str | None, bool]:
        return (self.camera or camera, self.camera is not None)

    def snapshot(self, picture_id: str, camera: str | None) -> str | None:
        self.did(("snapshot", picture_id, camera))
        return self.camera

    def test_mode(self, seconds: float, inputs: Sequence[str] | None) -> TestModeAnswer:
        self.did(("test-mode", seconds, inputs))
        return self.test_mode_answer

    def open_page(self, order_id: str, seconds: float, code_hash: str | None, issuer: str) -> OpenAnswer:
        self.did(("service-page", seconds, code_hash, issuer))
        return self.page_answer

    def look(self, args: Any, who: Looker) -> LiveAnswer:
        self.did(("look", args, who))
        return self.live_answer

    def self_test(self, order_id: str, siren: bool) -> SelfTestAnswer:
        self.did(("self-test", order_id, siren) if siren else ("self-test", order_id))
        return self.self_test_answer

    def claims(self, name: str = "ping", **changes: Any) -> dict[str, Any]:
        self.ctr += 1
        now = int(self.clock.wall().timestamp())
        claims = {"cmd_id": f"c{self.ctr}", "name": name, "args": {}, "aud": IDENTITY.source, "iss": "centre"}
        return claims | {"iat": now, "exp": now + 60, "ctr": self.ctr} | changes

    def signed(self, claims: dict[str, Any], **token: Any) -> bytes:
        text = f"token-{len(self.tokens)}".encode()
        self.tokens[text] = Token(claims, **token)
        return text

    def send(self, payload: bytes, name: str = "ping", kind: str = "command", **changes: Any) -> None:
        """Hand one message over and let the desk deal with it."""
        topic = IDENTITY.down(kind, name)
        message: dict[str, Any] = {"topic": topic, "payload": payload, "size": len(payload), "retain": False}
        self.handler.receive(Received(**(message | changes)))
        self.handler.run_once(0)

    def order(self, name: str = "ping", **args: Any) -> None:
        self.send(self.signed(self.claims(name, args=args)), name)

    def messages(self) -> list[OutgoingMessage]:
        write(self.outbox)
        return taken(self.outbox)

    def answers(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Results, and security events, since the last call."""
        bodies = [body(message) for message in self.messages()]
        return (
            [b["data"] for b in bodies if b["type"] == "edge.result.v1"],
            [b["data"] for b in bodies if b["type"].startswith("edge.security")],
        )


def refusal(handler: CommandRig) -> str:
    """The code of the one refusal, which is both answered and told to the security centre."""
    [result], [event] = handler.answers()
    assert result["status"] == "rejected"
    assert event["kind"] == "command-rejected"
    assert event["detail"]["code"] == result["code"]
    assert handler.done == []
    code: str = result["code"]
    return code
