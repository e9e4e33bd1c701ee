"""The thread `vision-NAME`: starts one camera process, listens to it, and restarts it when it fails.

Nothing that happens in the camera process can hold up the core: a crash, a hang or a model that does not load means a
degraded part and a new try, nothing more.
"""

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from agent.contract.camera_events import CameraEventData, EventName
from agent.contract.messages import Converging
from agent.core.camera.battery import Battery, Watch
from agent.core.camera.delegate_tries import DelegateTries
from agent.core.camera.link import (
    LIVE,
    VIEW,
    Aim,
    CameraTamper,
    Failed,
    HardlyAbleToSee,
    Heartbeat,
    Hello,
    InView,
    SnapshotFailed,
    SnapshotTaken,
    Start,
    Stop,
    TakeSnapshot,
    ToCore,
    decode_for_core,
)
from agent.core.camera.open_events import OpenEvents
from agent.core.camera.vision_spec import VisionSpec
from agent.core.delivery.backoff import Backoff
from agent.ports import Clock
from agent.runtime.cameras.impairments import Impairments
from agent.runtime.supervision.child import KeptChild

_STANDSTILL_NS = 30 * 10**9
"""A process that reports itself well but has processed no frame for this long hangs in an inference."""
_NOBODY = InView(persons=0, tracks=())
_THE_PROCESSOR = {"xnnpack", "none"}
"""Delegates that are part of the runtime."""
_IN_WORDS = {
    Watch.FULL: "at full rate again",
    Watch.SLOW: "slowed down (running on battery)",
    Watch.STOPPED: "stopped (running on battery)",
}

log = logging.getLogger(__name__)


class CameraCallbacks(Protocol):
    """Hears what a camera process reports. All on the link's own thread."""

    def on_respec(self, spec: VisionSpec) -> None:
        """The process is about to start again, with this spec."""

    def on_event(self, event: EventName, data: CameraEventData) -> None:
        """Something happened before the camera."""

    def on_picture(self, picture_id: str, jpeg: bytes | None, detail: str, aim: Aim | None = None) -> None:
        """A picture that was asked for has come; None if there is none, and `detail` says why. A view has `aim`."""

    def on_state(self, works: bool, detail: str, *, transient: bool = False) -> None:
        """The camera works, or does not; if that is `transient`, it is not broken."""

    def on_delegate(self, works: bool, detail: str) -> None:
        """The delegate of the settings runs the model (`works`), or the processor does in its place."""

    def on_model(self, refused: str, retired: str = "") -> None:
        """Which model was refused or is retired, and what runs instead; empty when none was or is."""


class VisionLink(KeptChild[ToCore, VisionSpec]):
    """One camera process. `take_snapshot` and `heartbeat` from any thread, the rest from its own."""

    _thread, _called = "vision", "the camera process"
    _patience_ns = 10 * 10**9
    _stop_s = 2.0
    _stop = Stop()

    def __init__(
        self,
        *,
        spec: VisionSpec,
        command: Sequence[str],
        clock: Clock,
        callbacks: CameraCallbacks,
        impairments: Impairments,
        backoff: Backoff | None = None,
        battery: Battery | None = None,
    ) -> None:
        """`command` starts the process; the number of its socket is appended. `impairments` hears what the
        process finds wrong with its pictures, and its heartbeats. `battery` says when it slows down, and stops."""
        super().__init__(spec.name, spec, command, clock, decode_for_core, backoff)
        self._battery = battery
        self._watch = Watch.FULL
        self._callbacks = callbacks
        self.impairments = impairments
        self._events = OpenEvents()
        self._failed: Failed | None = None
        """Why the process is ending, in its own words."""
        self._tries = DelegateTries()
        self._has_delegate = False
        """Whether the delegate of the settings runs the model, or may yet."""
        self._advanced_ns = 0
        self.heartbeat: Heartbeat | None = None
        """The last heartbeat of a running process; None without one."""
        self.in_view = _NOBODY
        """Who is in view, as of the last message."""

    @property
    def camera(self) -> str:
        """The camera's name."""
        return self._spec.name

    @property
    def works(self) -> bool:
        """Whether it gives pictures, by its own word. Any thread."""
        report = self.heartbeat
        return report is not None and report.state == "ok"

    @property
    def converging(self) -> Converging | None:
        """Several people who have closed in on one, for an alarm that is raised now. Any thread."""
        closed_in = self.in_view.closed_in
        if closed_in is None:
            return None
        ago_ns = max(self._clock.boottime_ns() - closed_in.since_boottime_ns, 0)
        return Converging(people=closed_in.people, since_s=round(ago_ns / 1e9, 1))

    def take_snapshot(self, picture_id: str, max_bytes: int | None = None) -> bool:
        """Ask for a picture; false when the camera does not work: then no answer comes. Never blocks."""
        return self.works and self.send(TakeSnapshot(id=picture_id, max_bytes=max_bytes))

    def _renew(self, now_ns: int) -> None:
        before = self._spec
        super()._renew(now_ns)
        if self._spec is not before:
            self._tries = DelegateTries()
            self._callbacks.on_respec(self._spec)
        if self._tries.is_due(now_ns) and not self.in_view.persons:
            log.info("camera %s: %s is tried again", self.camera, self._spec.delegate)
            self._tries.retry()
            self._end()
            self._retry_ns = now_ns
        if self._battery is not None and (watch := self._battery.watch(now_ns)) is not self._watch:
            self._change(watch)

    def _may_run(self) -> bool:
        return self._watch is not Watch.STOPPED

    def _tick(self) -> None:
        if self._may_run():
            self.impairments.tick()

    def _is_stuck(self) -> str:
        has_stopped = self.heartbeat is not None and self._heard_ns - self._advanced_ns > _STANDSTILL_NS
        return "no longer processes frames" if has_stopped else ""

    def _change(self, watch: Watch) -> None:
        """Begin to work as the battery allows."""
        log.info("camera %s: %s", self.camera, _IN_WORDS[watch])
        self._watch, self._retry_ns = watch, 0
        self._end()
        self.impairments.paused()
        if watch is Watch.STOPPED:
            why = "it is stopped: the kiosk runs on its battery, which the buttons need"
            self._callbacks.on_state(False, why, transient=True)

    def _spec_now(self) -> VisionSpec:
        spec = self._spec.model_copy(update={"delegate_given_up": self._tries.given_up})
        if self._battery is None or self._watch is not Watch.SLOW:
            return spec
        most = self._battery.rules.frames_per_second
        rates = ("frames_per_second", "inferences_per_second", "recorded_frames_per_second")
        slow = {name: min(most, getattr(spec, name)) for name in rates}
        return spec.model_copy(update=slow)

    def _first(self) -> Start:
        self._failed = None
        self._has_delegate = self._spec.delegate not in _THE_PROCESSOR and not self._tries.given_up
        self._tries.began(self._clock.boottime_ns())
        return Start(spec=self._spec_now())

    def _fail(self, detail: str) -> None:
        if self._has_delegate and self._is_of_the_delegate():
            self._tries.failed(self._clock.boottime_ns(), detail)
        super()._fail(detail)

    def _is_of_the_delegate(self) -> bool:
        """Whether the process ends because of its delegate: by its own word, or it has hung or crashed although it had
        pictures."""
        if self._failed is not None:
            return self._failed.by_delegate
        return self.heartbeat is None or self.works

    def _on_state(self, works: bool, detail: str) -> None:
        self._callbacks.on_state(works, detail)

    def _hear(self, message: ToCore) -> None:
        match message:
            case Hello():
                self._greeted(message)
            case Failed():
                self._failed = message
                if message.model_refused:
                    self._callbacks.on_model(message.detail)
            case Heartbeat():
                self._beat(message)
            case SnapshotTaken():
                self._forward_picture(message.id, message.path, message.aim)
            case SnapshotFailed():
                self._callbacks.on_picture(message.id, None, message.detail)
            case InView():
                self.in_view = message
            case CameraTamper():
                self.impairments.heard(message)
                self._forward_picture_of(message.snapshot)
            case HardlyAbleToSee():
                self.impairments.heard(message)
            case _:
                # Whatever the process says, the event is one of this camera.
                data = message.data.model_copy(update={"camera": self.camera})
                self._events.told(message.t, data)
                self._callbacks.on_event(message.t, data)
                self._forward_picture_of(message.data.snapshot)

    def _greeted(self, message: Hello) -> None:
        self._spec = self._spec.model_copy(update={"new_scene": False})
        self._works_since_ns = self._heard_ns
        log.info("camera %s: %s on %s", self.camera, message.model, message.runtime)
        self._callbacks.on_model(message.model_refused, message.model_retired)
        self._has_delegate = message.delegate_trouble == ""
        # After failures it counts as working when it has given a result, not when it has loaded.
        if message.delegate_trouble:
            self._callbacks.on_delegate(False, message.delegate_trouble)
        elif self._has_delegate and not self._tries.failures:
            self._callbacks.on_delegate(True, "")

    def _beat(self, message: Heartbeat) -> None:
        if message.state != "ok" or self.heartbeat is None or message.frames != self.heartbeat.frames:
            self._advanced_ns = self._heard_ns
        self.heartbeat = message
        if self._has_delegate and message.inferences_per_second and self._tries.ran(self._heard_ns):
            self._callbacks.on_delegate(True, "")
        self.impairments.beat(message)
        self._callbacks.on_state(message.state == "ok", message.detail)

    def _forward_picture_of(self, event_id: str | None) -> None:
        """Pass on the picture of an event, if it has one."""
        if event_id is not None:
            self._forward_picture(event_id, f"{event_id}.jpg")

    def _forward_picture(self, picture_id: str, name: str, aim: Aim | None = None) -> None:
        """Read a picture, delete its file and pass it on. Only files in the agreed directory are read."""
        directory = self._spec.snapshot_directory
        if picture_id.startswith((VIEW, LIVE)):
            directory = self._spec.memory_directory or directory
        path, most = Path(directory) / Path(name).name, self._spec.snapshot_max_bytes
        try:
            with path.open("rb") as file:
                jpeg = file.read(most + 1)
            path.unlink()
        except (OSError, ValueError) as error:  # ValueError: a name that no file can have
            self._callbacks.on_picture(picture_id, None, f"{path.name!r}: {error}")
            return
        if len(jpeg) > most:
            self._callbacks.on_picture(picture_id, None, f"{path.name}: more than {most} bytes")
        else:
            self._callbacks.on_picture(picture_id, jpeg, "", aim)

    def _last_words(self) -> str:
        # A driver that loses its camera may abort: the last words of the process tell more than the signal.
        return self.heartbeat.detail if self.heartbeat is not None else ""

    def _how_it_ended(self) -> str:
        return f"{self._called} ended: {self._failed.detail}" if self._failed else super()._how_it_ended()

    def _end(self, patience_s: float = 0.0) -> None:
        self.heartbeat, self.in_view = None, _NOBODY  # at once: a kill may take seconds, and an alarm asks meanwhile
        super()._end(patience_s)

    def _ended(self) -> None:
        self.heartbeat = None
        self.in_view = _NOBODY
        if not self._closing:  # a restart of the agent is told by its birth
            self.impairments.ended()
            for event, data in self._events.end_all():
                self._callbacks.on_event(event, data)
