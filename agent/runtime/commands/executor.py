"""What each command does; acks and confirmations go to the alarm that they name."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, assert_never

from agent.contract.commands import (
    AckArgs,
    Claims,
    ClipArgs,
    ClipHoldArgs,
    CommandArgs,
    ConfigSetArgs,
    IdentifyArgs,
    KeysSetArgs,
    LiveStartArgs,
    LiveStopArgs,
    PingArgs,
    RebirthArgs,
    RebootArgs,
    ReplayArgs,
    SelfTestArgs,
    ServicePageArgs,
    SnapshotArgs,
    TestModeArgs,
    UploadUrlsArgs,
)
from agent.contract.envelope import rfc3339
from agent.contract.messages import Answer
from agent.contract.vocabulary import AckAction
from agent.core.camera.clip_cause import ClipCause, Hold
from agent.core.facts import AckAnswer, CentreAck
from agent.outbox.replay import Replay
from agent.ports import Clock
from agent.runtime.alarms.pipeline import Pipeline
from agent.runtime.cameras.asked_pictures import AskedPictures
from agent.runtime.commands.handler import CommandOutcome
from agent.runtime.commands.orders import OpenAnswer, SelfTestAnswer
from agent.runtime.live.live_view import LiveView
from agent.runtime.live.look import Looker
from agent.runtime.recording.recordings import Recordings
from agent.runtime.supervision.security import SecurityLog
from agent.runtime.uplink.listener import UplinkListener
from agent.trust.jose_keys import VerifiedClaims

if TYPE_CHECKING:  # a device that uploads nothing carries nothing of it
    from agent.runtime.sending.sending import Sending

_SELF_TEST: dict[SelfTestAnswer, CommandOutcome] = {
    "asked": CommandOutcome("in-progress", "asked", "the self-test begins"),
    "busy": CommandOutcome("failed", "busy", "a self-test is already running"),
    "alarm-open": CommandOutcome("failed", "alarm-open", "no self-test while an alarm is open"),
}


_PAGE: dict[OpenAnswer, CommandOutcome] = {
    "ok": CommandOutcome("succeeded", "ok", "the service page ends"),
    "no-code": CommandOutcome("failed", "no-code", "nothing could tell a code: send code_hash"),
    "no-page": CommandOutcome("failed", "no-page", "this device can't serve one now"),
}
_PAGE_OPENS = CommandOutcome("in-progress", "asked", "the service page was asked for")


class CommandExecutor:
    """Executes every command, each by the part that it concerns. On the command handler's thread."""

    def __init__(
        self,
        clock: Clock,
        acknowledge: Callable[[CentreAck], AckAnswer],
        pipeline: Pipeline,
        uplink: UplinkListener,
        pictures: AskedPictures,
        self_test: Callable[[str, bool], SelfTestAnswer],
        from_afar: Callable[[ConfigSetArgs | KeysSetArgs | RebootArgs, Claims, VerifiedClaims], CommandOutcome],
        replay: Replay,
        page: Callable[[str, float, str | None, str], OpenAnswer],
        recordings: Recordings,
        live: LiveView,
        sending: "Sending | None",
        security: SecurityLog,
    ) -> None:
        """The parts of higher rooms are functions: `acknowledge` is told of an ack, `self_test` orders a test, with or
        without the siren, `from_afar` settings, keys and a reboot, and `page` the service page."""
        self._clock = clock
        self._acknowledge_alarm = acknowledge
        self._pipeline = pipeline
        self._uplink = uplink
        self._pictures = pictures
        self._self_test = self_test
        self._from_afar = from_afar
        self._replay = replay
        self._page = page
        self._recordings = recordings
        self._live = live
        self._sending = sending
        self._uploads_by: tuple[str, list[str]] | None = None
        self._security = security

    def execute(self, claims: Claims, args: CommandArgs, signer: VerifiedClaims) -> CommandOutcome:
        """Execute a verified command. What takes long only begins; `order_done` tells its end."""
        match args:
            case AckArgs():
                outcome = self._acknowledge(claims, args, signer.issuer)
            case PingArgs():
                output = {"time": rfc3339(self._clock.wall()), "timeq": self._clock.quality().value}
                outcome = CommandOutcome("succeeded", "ok", "here", output)
            case RebirthArgs():
                outcome = self._announce(args)
            case IdentifyArgs():
                self._pipeline.identify(args.seconds)
                outcome = CommandOutcome("succeeded", "ok", f"blinking for {args.seconds:g} s")
            case TestModeArgs():
                outcome = self._test_mode(args)
            case ServicePageArgs():
                answer = self._page(claims.cmd_id, args.seconds, args.code_hash, signer.issuer)
                outcome = _PAGE_OPENS if answer == "ok" and args.seconds else _PAGE[answer]
            case SnapshotArgs() | SelfTestArgs() | ReplayArgs():
                outcome = self._begin(claims.cmd_id, args, signer.issuer)
            case ClipArgs() | ClipHoldArgs() | LiveStartArgs() | LiveStopArgs() | UploadUrlsArgs():
                outcome = self._film(claims.cmd_id, args, signer)
            case ConfigSetArgs() | KeysSetArgs() | RebootArgs():
                outcome = self._from_afar(args, claims, signer)
            case _:
                assert_never(args)
        return outcome

    def _announce(self, args: RebirthArgs) -> CommandOutcome:
        self._uplink.announce()
        if args.clip is not None and self._sending is not None:
            self._sending.repeat(args.clip)
        return CommandOutcome("succeeded", "ok", "state, meta and open alarms are on their way")

    def _acknowledge(self, claims: Claims, args: AckArgs, issuer: str) -> CommandOutcome:
        said = args.model_dump(include={"by", "unit", "reason", "note"})
        answer = Answer(issuer=issuer, at=rfc3339(self._clock.wall()), **said)
        command = f"{issuer}/{claims.cmd_id}"
        now_ns = self._clock.boottime_ns()
        given, alarm = self._acknowledge_alarm(
            CentreAck(args.alarm_id, args.action, answer, now_ns, args.press_count, command)
        )
        output: dict[str, Any] = {"alarm_id": args.alarm_id, "action": args.action}
        holder = None if alarm is None else alarm.held_by
        if alarm is not None:
            output["stage"] = alarm.stage
        if holder is not None:
            output["held_by"] = holder.model_dump(exclude_none=True)
        text = f"{args.action} by {answer.who}"
        if holder is not None and holder.person != answer.person:
            text += f"; {holder.who} {'had' if args.action is AckAction.CLOSED else 'has'} it"
        match given:
            case "taken":
                return CommandOutcome("succeeded", "ok", text, output)
            case "already-registered":
                return CommandOutcome("succeeded", "already-registered", f"{text} already", output)
            case "not-durable":
                text += "; not on its disk yet, so a power cut now would open it again"
                return CommandOutcome("succeeded", "not-durable", text, output)
            case "unknown-alarm":
                return CommandOutcome("failed", "unknown-alarm", f"no open alarm {args.alarm_id}", output)
            case "pressed-since":
                text = "there was another press since: the alarm has raised itself again"
                return CommandOutcome("failed", "pressed-since", text, output)

    def _begin(self, order_id: str, args: SnapshotArgs | SelfTestArgs | ReplayArgs, issuer: str) -> CommandOutcome:
        if isinstance(args, SelfTestArgs):
            return _SELF_TEST[self._self_test(order_id, args.siren)]
        if isinstance(args, ReplayArgs):
            return self._begin_replay(order_id, args)
        code, text = self._pictures.ask(order_id, args, issuer, during_alarm=bool(self._pipeline.open_ids))
        return CommandOutcome("in-progress" if code == "asked" else "failed", code, text)

    def _begin_replay(self, order_id: str, args: ReplayArgs) -> CommandOutcome:
        match self._replay.order(order_id, args.first, args.last):
            case "busy":
                return CommandOutcome("failed", "busy", "a replay is already running")
            case "no-disk":
                return CommandOutcome("failed", "no-disk", "the disk does not answer")
            case extent if extent.count == 0:
                return CommandOutcome("succeeded", "ok", "there is nothing to send again", extent.output())
            case extent:
                return CommandOutcome("in-progress", "asked", f"sending {extent.count} again", extent.output())

    def _film(
        self,
        command_id: str,
        args: ClipArgs | ClipHoldArgs | LiveStartArgs | LiveStopArgs | UploadUrlsArgs,
        signer: VerifiedClaims,
    ) -> CommandOutcome:
        if isinstance(args, ClipHoldArgs):
            return self._hold(command_id, args, signer.issuer)
        if isinstance(args, ClipArgs):
            return self._record(command_id, args, signer.issuer)
        if isinstance(args, UploadUrlsArgs):
            return self._allow_uploads(args, signer.issuer)
        who = Looker(signer.issuer, args.by, signer.role)
        answer = self._live.start(args, who) if isinstance(args, LiveStartArgs) else self._live.stop(args.live, who)
        return CommandOutcome("succeeded" if answer.code == "ok" else "failed", *answer)

    def _record(self, command_id: str, args: ClipArgs, issuer: str) -> CommandOutcome:
        cause = ClipCause(args.alarm_id, args.event_id, command_id, {"by": issuer, "reason": args.reason})
        asked = self._recordings.order(args.camera, cause, args.seconds)
        if asked is None:
            return CommandOutcome("failed", "not-recorded", "there is no such camera, or it is not recorded now")
        said = f"{issuer} keeps what {asked.camera} sees: {args.reason}"
        self._security.report("clip-asked", said, **asked._asdict(), issuer=issuer, reason=args.reason)
        return CommandOutcome("in-progress", "asked", f"{asked.camera} was asked for a clip", asked._asdict())

    def _hold(self, command_id: str, args: ClipHoldArgs, issuer: str) -> CommandOutcome:
        said = f"{issuer} {'holds' if args.hold else 'releases'} the clip {args.clip}: {args.reason}"
        self._security.report(
            "clip-hold-changed", said, clip=args.clip, hold=args.hold, issuer=issuer, reason=args.reason
        )
        self._recordings.hold(Hold(args.clip, args.hold, args.reason, issuer, command_id))
        return CommandOutcome("in-progress", "asked", "the recorders were asked")

    def _allow_uploads(self, args: UploadUrlsArgs, issuer: str) -> CommandOutcome:
        if self._sending is None:
            return CommandOutcome("failed", "no-uploads", "nothing is uploaded here")
        taken, refused, hosts = self._sending.allow(args)
        output = {"taken": taken, "refused": refused}
        if not taken:
            return CommandOutcome("failed", "bad-url", "; ".join(refused), output)
        if self._uploads_by != (issuer, hosts):  # the office answers every few seconds while a clip goes on
            self._uploads_by = issuer, hosts
            said = f"{issuer} lets recordings go to {', '.join(hosts)}"
            self._security.report("uploads-allowed", said, hosts=hosts, issuer=issuer)
        return CommandOutcome("succeeded", "ok", f"{taken} URLs are kept", output)

    def _test_mode(self, args: TestModeArgs) -> CommandOutcome:
        inputs = args.named()
        what = "every input" if inputs is None else ", ".join(inputs)
        match self._pipeline.test_mode(args.seconds, inputs):
            case "ok":
                text = f"presses of {what} are tests for {args.seconds:g} s" if args.seconds else "test mode is over"
                return CommandOutcome("succeeded", "ok", text)
            case "alarm-open":
                return CommandOutcome("failed", "alarm-open", "an alarm that is not a test is open")
            case "unknown-input":
                return CommandOutcome("failed", "unknown-input", f"there is no input {what}")
