"""The clips of one camera: which are wanted and until when, and what the centre hears of them.

A clip is asked for with a short time to run, and while it is wanted the recorder is told to go on. So one that nobody
wants any more, or whose core is gone, ends by itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from agent.contract.envelope import rfc3339
from agent.contract.evidence import ChainHead as ChainHeadData
from agent.contract.evidence import EvidenceChange, EvidenceData
from agent.core.camera.clip_cause import ClipCause, Hold
from agent.core.camera.recorder_link import (
    AboutClips,
    BeginClip,
    ChainHead,
    ClipBegun,
    ClipDeleted,
    ClipEnded,
    ClipFailed,
    ClipHeld,
    ExtendClip,
    HoldClip,
)
from agent.runtime.recording.recorder_link import RecorderLink
from agent.runtime.supervision.context import Context

_AGAIN_NS = 3 * 10**9
"""How often a recorder hears that a clip is still wanted."""
_RETRY_NS = 10 * 10**9
"""So long after a clip has failed it is asked for again, while it is wanted."""
_FORGET_NS = 120 * 10**9
_GOES_ON = ("changed", "long", "stopped", "failed", "cut")
"""Ends of a clip that are not the end of what was wanted."""


class AnswersCommands(Protocol):
    """The command handler."""

    def clip_done(self, command_id: str, ok: bool, code: str, text: str, output: dict[str, Any]) -> None:
        """A command has ended. Any thread; never blocks."""
        ...


@dataclass(slots=True)
class Wanted:
    """A clip that somebody wants."""

    clip: str
    cause: ClipCause
    at_ns: int
    """When it was wanted: the press."""
    until_ns: int
    into: str = ""
    """The clip that has it, once it has begun."""
    said_ns: int | None = None
    """When the recorder was last told."""
    not_before_ns: int = 0
    failed: str = ""
    """Why it has not begun; told once."""


class CameraClips:
    """Everything on the link's thread; others pass it there by `link.submit`."""

    def __init__(
        self,
        link: RecorderLink,
        context: Context,
        new_id: Callable[[], str],
        answers: AnswersCommands,
        after_s: float,
        longest_s: float,
    ) -> None:
        self.link = link
        self._board = context.board
        self._clock = context.clock
        self._reporter = context.reporter
        self._new_id = new_id
        self._answers = answers
        self._after_ns, self._longest_ns = int(after_s * 1e9), int(longest_s * 1e9)
        self.rests = ""
        """Why the camera process, by which it has its pictures, gives none although nothing is broken. Any thread."""
        self._wanted: list[Wanted] = []
        self._files: dict[str, tuple[ClipCause, int]] = {}
        """Of each clip that has begun: why, and the capture time of its first picture."""
        self._untold: list[tuple[EvidenceChange, EvidenceData]] = []
        """What is told with the chain's next head, which follows at once."""
        self._holds: list[tuple[Hold, Callable[[], None]]] = []
        link.listen(self)

    # --- what others want

    def pressed(self, cause: ClipCause, clip: str | None, press_ns: int) -> None:
        """An alarm was raised, or pressed again: its clip goes on, or begins."""
        now_ns = self._clock.boottime_ns()
        mine = [each for each in self._wanted if each.cause.alarm_id == cause.alarm_id]
        for each in mine:
            each.until_ns = max(each.until_ns, now_ns + self._longest_ns)
        if not mine:
            self._want(clip or self._new_id(), cause, press_ns, now_ns + self._longest_ns)

    def closed(self, alarm_id: str) -> None:
        """An alarm was closed: its clips end soon."""
        until_ns = self._clock.boottime_ns() + self._after_ns
        for each in self._wanted:
            if each.cause.alarm_id == alarm_id and each.cause.command_id is None:
                each.until_ns = min(each.until_ns, until_ns)
                if each.said_ns is not None:
                    each.said_ns = 0  # so that it is told at once

    def asked(self, cause: ClipCause, clip: str, at_ns: int, seconds: float) -> None:
        """Somebody or something wants a clip of so many seconds from now."""
        self._want(clip, cause, at_ns, self._clock.boottime_ns() + int(seconds * 1e9))

    def hold(self, hold: Hold, otherwise: Callable[[], None]) -> None:
        """Keep a clip, or release it; calls `otherwise` if it is not one of this camera."""
        if not self.link.is_running:
            otherwise()
            return
        self._holds.append((hold, otherwise))
        about = {"by": hold.issuer, "ref": hold.reason, "command": hold.command_id}
        self.link.send(HoldClip(clip=hold.clip, held=hold.held, about=about))

    # --- what the link reports

    def on_state(self, works: bool, detail: str) -> None:
        """See RecorderCallbacks."""
        camera, state = self._board.parts().get(f"camera-{self.link.camera}"), self.link.state
        lacks_pictures = not works and self.link.is_fed and state is not None and not state.card
        does_rest = lacks_pictures and camera is not None and camera.transient
        self.rests = camera.detail if does_rest and camera is not None else ""
        self._board.report(f"recorder-{self.link.camera}", ok=works, detail=self.rests or detail, transient=does_rest)

    def on_start(self) -> None:
        """Ask a new recorder for what is still wanted, under new names: what has begun was closed."""
        self._tell_untold(None)
        for each in self._wanted:
            if each.into:
                each.clip, each.into = self._new_id(), ""
            each.said_ns = None
        holds, self._holds = self._holds, []
        for _, otherwise in holds:
            otherwise()

    def tick(self, now_ns: int) -> None:
        """Tell the recorder what is wanted."""
        self._wanted = [each for each in self._wanted if now_ns < each.until_ns + _FORGET_NS]
        if not self.link.is_running:
            return
        for each in self._wanted:
            seconds = min(each.until_ns - now_ns, self._after_ns) / 1e9
            if seconds <= 0 or now_ns < each.not_before_ns:
                continue
            if each.said_ns is None:
                each.said_ns = now_ns
                self.link.send(BeginClip(clip=each.clip, seconds=seconds, facts=each.cause.facts()))
            elif now_ns - each.said_ns >= _AGAIN_NS:
                each.said_ns = now_ns
                self.link.send(ExtendClip(clip=each.clip, seconds=seconds))

    def on_clip(self, message: AboutClips) -> None:
        """See RecorderCallbacks."""
        match message:
            case ChainHead():
                self._tell_untold(message)
                return
            case ClipBegun():
                self._begun(message)
            case ClipEnded():
                self._ended(message)
            case ClipFailed():
                self._failed(message)
            case ClipHeld():
                self._held(message)
            case ClipDeleted():
                self._later("deleted", message.clip, ClipCause(), reason=message.why)

    def _want(self, clip: str, cause: ClipCause, at_ns: int, until_ns: int) -> None:
        self._wanted.append(Wanted(clip, cause, at_ns, until_ns))
        self.tick(self._clock.boottime_ns())

    def _begun(self, message: ClipBegun) -> None:
        asked_for = [each for each in self._wanted if each.clip == message.clip]
        moved = [each for each in self._wanted if message.continues and each.into == message.continues]
        cause, at_ns = ClipCause(), None
        for each in asked_for or moved:
            each.into, cause, at_ns = message.into, each.cause, each.at_ns
        if message.clip == message.into:
            self._files[message.clip] = cause, message.begin_ns
        more: dict[str, Any] = {"begins": self._wall(message.begin_ns), "continues": message.continues}
        if message.into != message.clip:
            more["into"] = message.into
        if at_ns is not None and not message.continues:
            more["before_s"] = round(max(0.0, (at_ns - message.begin_ns) / 1e9), 3)
        self._later("begun", message.clip, cause, **more)
        if asked_for and cause.command_id is not None:
            output = {"clip": message.clip, "camera": self.link.camera}
            self._answers.clip_done(cause.command_id, True, "ok", f"{self.link.camera} is recorded", output)

    def _ended(self, message: ClipEnded) -> None:
        cause, begin_ns = self._files.pop(message.clip, (ClipCause(), None))
        if message.why not in _GOES_ON:
            for each in self._wanted:
                if each.into == message.clip and self._clock.boottime_ns() < each.until_ns:
                    # Pressed again while it ended, which a slow card makes long.
                    each.clip, each.into, each.said_ns = self._new_id(), "", None
            self._wanted = [each for each in self._wanted if each.into != message.clip]
        elif message.why == "failed":
            for each in self._wanted:
                if each.into == message.clip:
                    each.clip = self._new_id()
                    self._try_later(each)
        more: dict[str, Any] = {}
        if begin_ns is not None and message.why != "cut":
            end_ns = begin_ns + int(message.seconds * 1e9)
            more = {"begins": self._wall(begin_ns), "ends": self._wall(end_ns), "bytes": message.bytes}
        if message.why == "cut":
            self._later("cut", message.clip, cause, **more)
        else:
            self._later("ended", message.clip, cause, reason=message.why, **more)

    def _failed(self, message: ClipFailed) -> None:
        for number, (hold, otherwise) in enumerate(self._holds):
            if hold.clip == message.clip:
                del self._holds[number]
                if message.waits:
                    self._answers.clip_done(hold.command_id, False, "not-kept", message.detail, {})
                else:
                    otherwise()
                return
        found = next((each for each in self._wanted if each.clip == message.clip), None)
        cause = found.cause if found else ClipCause()
        if found is not None and not found.into:
            if cause.command_id is not None:
                self._wanted.remove(found)  # who has asked hears of it, and may ask again
            else:
                self._try_later(found)
            if found.failed == message.detail:
                return
            found.failed = message.detail
        self._publish("failed", self._data(message.clip, cause, reason=message.detail))
        if cause.command_id is not None:
            output = {"clip": message.clip, "camera": self.link.camera}
            self._answers.clip_done(cause.command_id, False, "no-clip", message.detail, output)

    def _try_later(self, wanted: Wanted) -> None:
        """Ask for it again in a while: there may be room then."""
        wanted.into, wanted.said_ns = "", None
        wanted.not_before_ns = self._clock.boottime_ns() + _RETRY_NS

    def _held(self, message: ClipHeld) -> None:
        reason = ""
        for number, (hold, _) in enumerate(self._holds):
            if (hold.clip, hold.held) == (message.clip, message.held):
                del self._holds[number]
                reason = hold.reason
                output = {"clip": hold.clip, "hold": hold.held, "camera": self.link.camera}
                text = "it is kept until it is released" if hold.held else "it goes when its time comes"
                self._answers.clip_done(hold.command_id, True, "ok", text, output)
                break
        self._later("held" if message.held else "released", message.clip, ClipCause(), reason=reason)

    # --- what the centre hears

    def _data(self, clip: str, cause: ClipCause, **more: Any) -> EvidenceData:
        about = {"alarm_id": cause.alarm_id, "event_id": cause.event_id, "command_id": cause.command_id}
        return EvidenceData(camera=self.link.camera, clip=clip, **about, **more)

    def _later(self, change: EvidenceChange, clip: str, cause: ClipCause, **more: Any) -> None:
        self._untold.append((change, self._data(clip, cause, **more)))

    def _tell_untold(self, head: ChainHead | None) -> None:
        chain = None if head is None else ChainHeadData(seq=head.seq, head=head.digest)
        untold, self._untold = self._untold, []
        for change, data in untold:
            self._publish(change, data.model_copy(update={"chain": chain}))
        if not untold and head is not None and head.seq:
            self._publish("head", EvidenceData(camera=self.link.camera, chain=chain))

    def _publish(self, change: EvidenceChange, data: EvidenceData) -> None:
        self._reporter.publish(self._reporter.make.evidence(change, data))

    def _wall(self, boottime_ns: int) -> str:
        ago = timedelta(microseconds=(self._clock.boottime_ns() - boottime_ns) // 1000)
        return rfc3339(self._clock.wall() - ago)
