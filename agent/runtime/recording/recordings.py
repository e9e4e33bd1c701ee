"""All recorders of the device, as the other parts know them."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from agent.contract.camera_events import CameraEventData, EventName
from agent.contract.messages import AlarmClip, AlarmData
from agent.core.camera.clip_cause import ClipCause, Hold
from agent.ports import Clock

if TYPE_CHECKING:  # a device of which nothing is recorded carries nothing of recorders
    from agent.core.camera.recorder_link import RecorderSpec
    from agent.runtime.recording.camera_clips import AnswersCommands, CameraClips


class GivesWay(Protocol):
    """Sends what is recorded."""

    def pressed(self, alarm: AlarmData) -> None:
        """An alarm was raised, or pressed again. Any thread; never blocks."""
        ...


class AskedClip(NamedTuple):
    """A clip that a command has asked for."""

    clip: str
    camera: str


class Recordings:
    """Asks recorders for clips. It never waits for one, and takes no lock. Any thread."""

    def __init__(
        self,
        clock: Clock,
        new_id: Callable[[], str],
        answers: "AnswersCommands",
        events: Collection[EventName] = (),
        after_s: float = 30.0,
    ) -> None:
        """`events` are those of cameras for which a clip is kept, of `after_s` after the event."""
        self._clock = clock
        self._new_id = new_id
        self._answers = answers
        self._events = frozenset(events)
        self._after_s = after_s
        self._cameras: tuple[CameraClips, ...] = ()
        self._give_way: list[GivesWay] = []

    def connect(self, cameras: "Sequence[CameraClips]") -> None:
        """Use these from now on. Before the threads run."""
        self._cameras = tuple(cameras)

    def tell(self, sender: GivesWay) -> None:
        """Tell also this one of every alarm. Before the threads run."""
        self._give_way.append(sender)

    def leave(self) -> None:
        """Ask all recorders to end, before one is waited for after the other."""
        for each in self._cameras:
            each.link.leave()

    def respec(self, specs: "Iterable[RecorderSpec]") -> None:
        """Restart the recorders whose spec has changed."""
        by_camera = {spec.camera: spec for spec in specs}
        for each in self._cameras:
            if (spec := by_camera.get(each.link.camera)) is not None:
                each.link.respec(spec)

    def clips(self) -> tuple[AlarmClip, ...] | None:
        """Return the names of the clips that a new alarm will ask for; None if no camera is recorded now."""
        works = (each.link.camera for each in self._cameras if each.link.works)
        return tuple(AlarmClip(camera=camera, clip=self._new_id()) for camera in works) or None

    def pressed(self, alarm: AlarmData, press_ns: int, *, is_new: bool) -> None:
        """Record an alarm that was raised, or pressed again. Not one that is a test."""
        if alarm.status == "test":
            return
        named = {each.camera: each.clip for each in alarm.clips or ()} if is_new else {}
        cause = ClipCause(alarm_id=alarm.alarm_id, more={"input": alarm.input})
        for each in self._cameras:
            each.link.submit(partial(each.pressed, cause, named.get(each.link.camera), press_ns))
        for sender in self._give_way:
            sender.pressed(alarm)

    def closed(self, alarm_id: str) -> None:
        """Let the clips of an alarm end soon."""
        for each in self._cameras:
            each.link.submit(partial(each.closed, alarm_id))

    def camera_event(self, event: EventName, data: CameraEventData) -> None:
        """Record an event that has begun, if the site wants that."""
        if event in self._events and getattr(data, "phase", "began") == "began":
            cause = ClipCause(event_id=data.event_id, more={"kind": event})
            self._ask(data.camera, self._new_id(), cause, self._after_s)

    def order(self, camera: str | None, cause: ClipCause, seconds: float) -> AskedClip | None:
        """Record the named camera, or the first one, for so long; None if it is not recorded now. The answer comes to
        the command of the cause."""
        for each in self._cameras:
            if camera in {None, each.link.camera}:
                if not each.link.works:
                    return None
                asked = AskedClip(self._new_id(), each.link.camera)
                self._ask(asked.camera, asked.clip, cause, seconds)
                return asked
        return None

    def can_give(self, camera: str) -> bool:
        """See GivesStreams."""
        return any(each.link.camera == camera and each.link.works for each in self._cameras)

    def give(self, camera: str, path: str) -> None:
        """See GivesStreams."""
        from agent.core.camera.recorder_link import GiveStream  # noqa: PLC0415 - as above

        for each in self._cameras:
            if each.link.camera == camera:
                each.link.submit(partial(each.link.send, GiveStream(socket=path)))

    def hold(self, hold: Hold) -> None:
        """Keep a clip, or release it. The answer comes to the command."""
        self._hold(hold, self._cameras)

    def figures(self) -> Mapping[str, dict[str, Any]]:
        """Return, by camera, what its recorder last said; without `before_s` where none runs."""
        found: dict[str, dict[str, Any]] = {}
        for each in self._cameras:
            state = each.link.state
            if state is None:
                found[each.link.camera] = {"state": "degraded", "detail": each.rests or "its recorder does not run"}
                continue
            found[each.link.camera] = {
                "state": "degraded" if state.card or state.trouble else state.state,
                "detail": each.rests or state.detail or state.card or state.trouble,
                "before_s": round(state.ring_s, 1),
                "group_s": round(state.group_s, 1),
                **({} if state.encoder is None else {"encoder": state.encoder}),
                "recording": list(state.clips),
                "held": state.held,
                "rss_bytes": state.rss_bytes,
            }
        return found

    def _ask(self, camera: str, clip: str, cause: ClipCause, seconds: float) -> None:
        at_ns = self._clock.boottime_ns()
        for each in self._cameras:
            if each.link.camera == camera:
                each.link.submit(partial(each.asked, cause, clip, at_ns, seconds))

    def _hold(self, hold: Hold, cameras: "Sequence[CameraClips]") -> None:
        """Ask one recorder after the other: only one has it."""
        if not cameras:
            text = f"no recorder has a clip {hold.clip}"
            self._answers.clip_done(hold.command_id, False, "unknown-clip", text, {})
            return
        first, *rest = cameras
        first.link.submit(partial(first.hold, hold, partial(self._hold, hold, rest)))
