"""The thread `commands`: verifies commands from the broker, executes each once, and answers."""

import logging
import queue
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any, Literal, NamedTuple, Protocol

from agent.contract.commands import (
    DESIRED,
    AckArgs,
    Circumstances,
    Claims,
    CommandArgs,
    CommandRejected,
    ConfigSetArgs,
    KeysSetArgs,
    check,
    check_desired,
    read_claims,
)
from agent.contract.identity import LEVEL, Identity
from agent.contract.messages import ResultData
from agent.outbox.outbox import Outbox
from agent.outbox.state import Changes
from agent.ports import MAX_RECEIVED_BYTES, Received
from agent.runtime.commands.key_watch import KeyWatch
from agent.runtime.commands.memory import CommandMemory
from agent.runtime.commands.orders import FinishedOrder, OrderDone, Orders
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.security import TOPIC_LENGTH
from agent.trust.jose_keys import KeyRing, VerifiedClaims

_MOST_WAITING = 64
"""How many messages may wait to be verified; a broker that sends more at once is hardly bringing commands."""
_DISK_PATIENCE_S = 2.0
_NO_MESSAGE = Received(topic="", payload=b"", size=0, retain=False)
"""What an order of an earlier run answers: who gave it hears the result in the usual place."""

log = logging.getLogger(__name__)


class CommandOutcome(NamedTuple):
    """What execution adds to a command's result; `in-progress` while another part is at it, until `order_done`."""

    status: Literal["succeeded", "failed", "in-progress"]
    code: str
    text: str
    output: Mapping[str, Any] = {}


Execute = Callable[[Claims, CommandArgs, VerifiedClaims], CommandOutcome]
"""Executes a verified command: its claims, its arguments, and who signed it. Called on the handler's thread."""


class TakesDesired(Protocol):
    """The part that settings and keys from afar go to. On the handler's thread."""

    def seen(self, name: str) -> int:
        """Return the highest revision that `name`, a value of `DESIRED`, has used up."""
        ...

    def desired(
        self, args: ConfigSetArgs | KeysSetArgs, claims: Claims, signer: VerifiedClaims, message: Received
    ) -> CommandOutcome | None:
        """Take a verified new order that a broker kept; None if it waits for a calm moment, or was refused before."""
        ...


class CommandHandler:
    """Executes a command only if every check passes. `receive` and `order_done` from any thread."""

    def __init__(
        self,
        *,
        identity: Identity,
        context: Context,
        outbox: Outbox,
        keys: KeyRing,
        key_watch: KeyWatch,
    ) -> None:
        self._identity = identity
        self._keys = keys
        self._key_watch = key_watch
        self._outbox = outbox
        self._reporter = context.reporter
        self._security = context.security
        self._clock = context.clock
        self._execute: Execute  # from `execute_with` on
        self._settings: TakesDesired
        self._memory = CommandMemory(outbox, context.clock)
        self._orders = Orders()
        self._queue: queue.SimpleQueue[Received | OrderDone] = queue.SimpleQueue()

    def execute_with(self, execute: Execute, settings: TakesDesired) -> None:
        """Execute commands with this function, and pass on settings. Call it before the thread runs."""
        self._execute = execute
        self._settings = settings

    def resume(self, kid: str, result: ResultData) -> None:
        """Go on with an order of an earlier run: `result` is what it has so far. Call it before the thread runs."""
        self._memory.finished(kid, result)
        self._orders.begin(result, kid, _NO_MESSAGE, self._clock.boottime_ns())

    def restore(self) -> None:
        """Restore the commands of earlier runs that were found late. Any thread."""
        self._memory.restore()

    def receive(self, message: Received) -> None:
        """Queue a message from the broker. Never blocks."""
        if self._queue.qsize() < _MOST_WAITING:
            self._queue.put(message)
        else:
            self._security.report("command-flood", f"more than {_MOST_WAITING} are waiting; one was dropped")

    def order_done(self, done: OrderDone) -> None:
        """Note that an order has ended; one that no command gave is ignored. Never blocks."""
        self._queue.put(done)

    def run_once(self, timeout_s: float) -> None:
        """Take the next message, if one comes within `timeout_s`, and answer it."""
        for finished in self._orders.overdue(self._clock.boottime_ns()):
            self._finish(finished)
        try:
            item = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            self._key_watch.tick()
            return
        if isinstance(item, Received):
            self._handle(item)
        elif (done := self._orders.done(item)) is not None:
            self._finish(done)

    def _finish(self, finished: FinishedOrder) -> None:
        self._answer(finished.result, finished.message, self._memory.finished(finished.kid, finished.result))

    def _handle(self, message: Received) -> None:
        name = "unknown"
        command_id = "unknown"
        kind = message.topic.removeprefix(self._identity.down() + "/")
        is_desired = kind in DESIRED
        if is_desired and not message.payload:
            return  # it was cleared
        self._key_watch.tick()
        try:
            token = self._keys.verify(self._readable(message, may_be_retained=is_desired))
            claims = read_claims(dict(token.claims))
            name, command_id = claims.name, claims.cmd_id
            if is_desired:
                now = self._circumstances(token, claims, message)
                args = check_desired(claims, token.role, now, self._settings.seen(DESIRED[kind]))
                if args is not None and (outcome := self._settings.desired(args, claims, token, message)) is not None:
                    self._conclude(outcome, token, claims, message)
                return
            if (first := self._memory.repeated(token.kid, claims)) is not None:
                if self._security.report("command-repeated", f"{name} {command_id} came again", kid=token.kid):
                    self._answer(first, message)
                return
            accepted = self._accept(token, claims, message)
        except CommandRejected as refusal:
            result = ResultData(
                command_id=command_id,
                name=name,
                status="rejected",
                code=refusal.code,
                text=str(refusal),
                output={"sha256": sha256(message.payload).hexdigest()} if command_id == "unknown" else {},
            )
            topic = message.topic[:TOPIC_LENGTH]
            is_reported = self._security.report(
                "command-rejected", f"{topic}: {refusal}", code=refusal.code, topic=topic
            )
            if is_reported:
                self._answer(result, message)
            return
        self._conclude(self._execute(claims, accepted, token), token, claims, message)

    def _conclude(self, outcome: CommandOutcome, token: VerifiedClaims, claims: Claims, message: Received) -> None:
        result = ResultData(command_id=claims.cmd_id, name=claims.name, **outcome._asdict())
        if result.status == "in-progress":
            self._orders.begin(result, token.kid, message, self._clock.boottime_ns())
        self._answer(result, message, self._memory.finished(token.kid, result))

    def _readable(self, message: Received, *, may_be_retained: bool) -> bytes:
        if message.retain and not may_be_retained:
            raise CommandRejected("retained", "a retained command is never executed; clear it on the broker")
        if message.size > MAX_RECEIVED_BYTES:
            raise CommandRejected("too-large", f"{message.size} bytes; at most {MAX_RECEIVED_BYTES} are accepted")
        return message.payload

    def _accept(self, token: VerifiedClaims, claims: Claims, message: Received) -> CommandArgs:
        """Make every check, and remember the command.

        Unless it is an ack, this waits at most 2 s until it is on disk: from then on no crash makes it run twice."""
        args = check(claims, token.role, self._circumstances(token, claims, message))
        safe = self._memory.begin(token.kid, claims)
        if isinstance(args, AckArgs):
            return args  # green must not wait for the disk; an ack that a power cut took from it may run again
        if not safe.wait(0 if self._outbox.writer.fault else _DISK_PATIENCE_S):
            log.error("%s is not on disk yet; executing it anyway, since a command may save a life", claims.cmd_id)
        return args

    def _circumstances(self, token: VerifiedClaims, claims: Claims, message: Received) -> Circumstances:
        if claims.iss != token.issuer:
            raise CommandRejected("wrong-issuer", f"the key {token.kid} does not belong to {claims.iss[:64]!r}")
        kind, _, topic_name = message.topic.removeprefix(self._identity.down() + "/").partition("/")
        return Circumstances(
            source=self._identity.source,
            topic_kind=kind,
            topic_name=topic_name,
            window=self._memory.window(token.kid),
            nonce_age_s=None
            if claims.boot_nonce is None
            else self._outbox.nonces.age_s(claims.boot_nonce, self._clock.boottime_ns()),
            wall=self._clock.wall(),
            quality=self._clock.quality(),
        )

    def _answer(self, result: ResultData, message: Received, keep: Changes | None = None) -> None:
        log.info("command %s %s: %s, %s", result.name, result.command_id, result.status, result.text)
        assert LEVEL.match(result.command_id)
        self._reporter.publish(
            self._reporter.make.result(result, message.response_topic, message.correlation_data), keep
        )
