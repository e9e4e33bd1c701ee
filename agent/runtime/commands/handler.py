"""The thread `commands`: verifies commands from the broker, executes each once, and answers."""

import logging
import queue
from hashlib import sha256
from typing import assert_never

from agent.contract.commands import (
    AckArgs,
    Circumstances,
    Claims,
    CommandArgs,
    CommandRejected,
    IdentifyArgs,
    PingArgs,
    RebirthArgs,
    SelfTestArgs,
    SnapshotArgs,
    TestModeArgs,
    check,
    read_claims,
)
from agent.contract.envelope import rfc3339
from agent.contract.identity import LEVEL, Identity
from agent.contract.messages import ResultData
from agent.core.facts import CentreAck
from agent.outbox.outbox import Outbox
from agent.outbox.state import Changes
from agent.ports import MAX_RECEIVED_BYTES, Received
from agent.runtime.commands.actions import Actions, ReadsKeys, Verified, Verifies
from agent.runtime.commands.memory import CommandMemory
from agent.runtime.commands.orders import OrderDone, Orders, SelfTestAnswer, Settled
from agent.runtime.supervision.context import Context
from agent.runtime.supervision.security import TOPIC_LENGTH

_MOST_WAITING = 64
"""How many messages may wait to be verified; a broker that sends more at once is hardly bringing commands."""
_DISK_PATIENCE_S = 2.0
_SELF_TEST: dict[SelfTestAnswer, tuple[str, str, str]] = {
    "asked": ("in-progress", "asked", "the self-test begins"),
    "busy": ("failed", "busy", "a self-test is under way already"),
    "alarm-open": ("failed", "alarm-open", "no self-test begins while an alarm is open"),
}

log = logging.getLogger(__name__)


class CommandHandler:
    """Executes a command only if every check passes. `receive` and `order_done` from any thread."""

    def __init__(
        self,
        *,
        identity: Identity,
        context: Context,
        outbox: Outbox,
        keys: Verifies,
        key_watch: ReadsKeys,
    ) -> None:
        self._identity = identity
        self._keys = keys
        self._key_watch = key_watch
        self._outbox = outbox
        self._reporter = context.reporter
        self._security = context.security
        self._clock = context.clock
        self._actions: Actions  # from `act_by` on
        self._memory = CommandMemory(outbox, context.clock)
        self._orders = Orders()
        self._queue: queue.SimpleQueue[Received | OrderDone] = queue.SimpleQueue()

    def act_by(self, actions: Actions) -> None:
        """Carry out commands with these actions. Call it before the thread runs."""
        self._actions = actions

    def restore(self) -> None:
        """Restore the commands of earlier runs that were found late. Any thread."""
        self._memory.restore()

    def receive(self, message: Received) -> None:
        """Queue a message from the broker. Never blocks."""
        if self._queue.qsize() < _MOST_WAITING:
            self._queue.put(message)
        else:
            self._security.report("command-flood", "warning", f"more than {_MOST_WAITING} wait; one was not read")

    def order_done(self, done: OrderDone) -> None:
        """Note that an order has ended; one that no command gave is ignored. Never blocks."""
        self._queue.put(done)

    def run_once(self, timeout_s: float) -> None:
        """Take the next message, if one comes within `timeout_s`, and answer it."""
        for settled in self._orders.overdue(self._clock.boottime_ns()):
            self._settle(settled)
        try:
            item = self._queue.get(timeout=timeout_s)
        except queue.Empty:
            self._key_watch.tick()
            return
        if isinstance(item, Received):
            self._handle(item)
        elif (done := self._orders.done(item)) is not None:
            self._settle(done)

    def _settle(self, settled: Settled) -> None:
        self._answer(settled.result, settled.message, self._memory.finished(settled.kid, settled.result))

    def _handle(self, message: Received) -> None:
        name = "unknown"
        command_id = "unknown"
        self._key_watch.tick()
        try:
            token = self._keys.verify(self._readable(message))
            claims = read_claims(dict(token.claims))
            name, command_id = claims.name, claims.cmd_id
            if (first := self._memory.repeated(token.kid, claims)) is not None:
                if self._security.report("command-repeated", "info", f"{name} {command_id} came again", kid=token.kid):
                    self._answer(first, message)
                return
            args = self._accept(token, claims, message)
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
            told = self._security.report(
                "command-rejected", "warning", f"{topic}: {refusal}", code=refusal.code, topic=topic
            )
            if told:
                self._answer(result, message)
            return
        result = self._execute(claims, args, token)
        if result.status == "in-progress":
            self._orders.begin(result, token.kid, message, self._clock.boottime_ns())
        self._answer(result, message, self._memory.finished(token.kid, result))

    def _readable(self, message: Received) -> bytes:
        if message.retain:
            raise CommandRejected("retained", "a retained command is never executed; clear it on the broker")
        if message.size > MAX_RECEIVED_BYTES:
            raise CommandRejected("too-large", f"{message.size} bytes; at most {MAX_RECEIVED_BYTES} are read")
        return message.payload

    def _accept(self, token: Verified, claims: Claims, message: Received) -> CommandArgs:
        """Make every check, and remember the command.

        Unless it is an ack, this waits at most 2 s until it is on disk: from then on no crash makes it run twice."""
        if claims.iss != token.issuer:
            raise CommandRejected("wrong-issuer", f"the key {token.kid} does not belong to {claims.iss[:64]!r}")
        kind, _, topic_name = message.topic.removeprefix(self._identity.down() + "/").partition("/")
        circumstances = Circumstances(
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
        args = check(claims, token.role, circumstances)
        safe = self._memory.begin(token.kid, claims)
        if isinstance(args, AckArgs):
            return args  # green must not wait for the disk; an ack that a power cut took from it may run again
        if not safe.wait(0 if self._outbox.writer.fault else _DISK_PATIENCE_S):
            log.error("%s is not on disk yet; going on, since a command may save a life", claims.cmd_id)
        return args

    def _execute(self, claims: Claims, args: CommandArgs, token: Verified) -> ResultData:
        now_ns = self._clock.boottime_ns()
        status, code, text, output = "succeeded", "ok", "", {}
        actions = self._actions
        match args:
            case AckArgs():
                status, code, text = _acknowledge(
                    actions, CentreAck(args.alarm_id, args.action, token.issuer, now_ns, args.press_count)
                )
            case PingArgs():
                text = "here"
                output = {"time": rfc3339(self._clock.wall()), "timeq": self._clock.quality().value}
            case RebirthArgs():
                actions.rebirth()
                text = "state, meta and open alarms are on their way"
            case IdentifyArgs():
                actions.identify(args.seconds)
                text = f"blinking for {args.seconds:g} s"
            case SnapshotArgs():
                camera = actions.snapshot(claims.cmd_id, args.camera)
                if camera is None:
                    status, code, text = "failed", "no-camera", "there is no such camera, or it does not work"
                else:
                    status, code, text = "in-progress", "asked", f"asked {camera} for a picture"
            case TestModeArgs():
                status, code, text = _test_mode(actions, args)
            case SelfTestArgs():
                status, code, text = _SELF_TEST[actions.self_test(claims.cmd_id)]
            case _:
                assert_never(args)
        return ResultData.model_validate(
            {"command_id": claims.cmd_id, "name": claims.name, "status": status}
            | {"code": code, "text": text, "output": output}
        )

    def _answer(self, result: ResultData, message: Received, keep: Changes | None = None) -> None:
        log.info("command %s %s: %s, %s", result.name, result.command_id, result.status, result.text)
        assert LEVEL.match(result.command_id)
        self._reporter.publish(
            self._reporter.make.result(result, message.response_topic, message.correlation_data), keep
        )


def _test_mode(actions: Actions, args: TestModeArgs) -> tuple[str, str, str]:
    what = args.input or "every input"
    match actions.test_mode(args.seconds, args.input):
        case "ok":
            text = f"presses of {what} are tests for {args.seconds:g} s" if args.seconds else "test mode is over"
            return "succeeded", "ok", text
        case "alarm-open":
            return "failed", "alarm-open", "an alarm is open that is no test"
        case "unknown-input":
            return "failed", "unknown-input", f"there is no input {args.input}"


def _acknowledge(actions: Actions, ack: CentreAck) -> tuple[str, str, str]:
    match actions.acknowledge(ack):
        case "taken":
            return "succeeded", "ok", f"{ack.action} by {ack.issuer}"
        case "not-durable":
            text = f"{ack.action} by {ack.issuer}; not on its disk yet, so a power cut now would open it again"
            return "succeeded", "not-durable", text
        case "unknown-alarm":
            return "failed", "unknown-alarm", f"no open alarm {ack.alarm_id}"
        case "pressed-since":
            return "failed", "pressed-since", "there was another press since: the alarm has raised itself again"
