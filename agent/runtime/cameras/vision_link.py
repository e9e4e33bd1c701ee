"""The thread `vision-NAME`: starts one camera process, listens to it, and restarts it when it fails.

Nothing that happens in the camera process can hold up the core: a crash, a hang or a model that does not load means a
degraded part and a new try, nothing more.
"""

import logging
import select
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from agent.contract.messages import Converging
from agent.core.camera.battery import Battery, Watch
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
    ToVision,
    decode_for_core,
)
from agent.core.camera.link_model import LONGEST_LINE, LinkError, encode
from agent.core.camera.open_events import OpenEvents
from agent.core.camera.vision_spec import VisionSpec
from agent.core.delivery.backoff import Backoff
from agent.ports import Clock
from agent.runtime.cameras.callbacks import CameraCallbacks
from agent.runtime.cameras.impairments import Impairments
from agent.runtime.supervision import child
from agent.runtime.supervision.supervisor import Supervisor

_START_PATIENCE_NS = 60 * 10**9
_HEARTBEAT_PATIENCE_NS = 10 * 10**9
_STANDSTILL_NS = 30 * 10**9
"""A process that reports itself well but has processed no frame for this long hangs in an inference."""
_NOBODY = InView(persons=0, tracks=())

log = logging.getLogger(__name__)


class VisionLink:
    """One camera process. `take_snapshot` and `heartbeat` from any thread, the rest from its own."""

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
        self._spec = spec
        self._battery = battery
        self._watch = Watch.FULL
        self._new_spec: VisionSpec | None = None
        self._command = list(command)
        self._clock = clock
        self._callbacks = callbacks
        self.impairments = impairments
        self._backoff = backoff or Backoff(longest_s=60.0)
        self._process: subprocess.Popen[bytes] | None = None
        self._socket: socket.socket | None = None
        self._send_lock = threading.Lock()
        self._closing = False
        self._lines = child.Lines(LONGEST_LINE)
        self._events = OpenEvents()
        self._works_since_ns: int | None = None
        self._reason = ""
        """Why the process is ending, in its own words."""
        self._heard_ns = 0
        self._advanced_ns = 0
        self._retry_ns = 0
        self._patience_ns = _START_PATIENCE_NS
        self.heartbeat: Heartbeat | None = None
        """The last heartbeat of a running process; None without one."""
        self.in_view = _NOBODY
        """Who is in view, as of the last message."""

    @contextmanager
    def running(self, supervisor: Supervisor) -> Iterator[None]:
        """Run on a thread of its own while entered, and then end the process in an orderly way."""
        try:
            with supervisor.thread(f"vision-{self.camera}", self, essential=False):
                try:
                    yield
                finally:
                    self.finish()
        finally:
            self.close()

    @property
    def camera(self) -> str:
        """The camera's name."""
        return self._spec.name

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        return self._process.pid if self._process else None

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

    def respec(self, spec: VisionSpec) -> None:
        """Have the process started anew with this spec. Any thread."""
        self._new_spec = spec

    def take_snapshot(self, picture_id: str, max_bytes: int | None = None) -> bool:
        """Ask for a picture; false when the camera does not work: then no answer comes. Never blocks."""
        return self.works and self._send(TakeSnapshot(id=picture_id, max_bytes=max_bytes))

    def run_once(self, timeout_s: float) -> None:
        """Listen for at most `timeout_s`; start the process when it is time."""
        now_ns = self._clock.boottime_ns()
        if self._closing:
            threading.Event().wait(min(timeout_s, 0.1))
            return
        if self._new_spec is not None:
            self._spec, self._new_spec, self._retry_ns = self._new_spec, None, now_ns
            self._reap()
            self._callbacks.on_respec(self._spec)
        if self._battery is not None and (watch := self._battery.watch(now_ns)) is not self._watch:
            self._change(watch)
        if self._watch is Watch.STOPPED:
            threading.Event().wait(min(timeout_s, 0.1))
            return
        self.impairments.tick()
        if self._socket is None:
            if now_ns >= self._retry_ns:
                self._start()
            else:
                threading.Event().wait(min(timeout_s, 0.1))
            return
        readable, _, _ = select.select([self._socket], [], [], timeout_s)
        if readable and not self._read():
            self._fail(self._how_it_ended())
        elif self._clock.boottime_ns() - self._heard_ns > self._patience_ns:
            self._fail("the camera process does not answer")
        elif self.heartbeat is not None and self._heard_ns - self._advanced_ns > _STANDSTILL_NS:
            self._fail("the camera process no longer processes frames")

    def finish(self) -> None:
        """Ask the process to end, and wait for it. Call it from another thread while the link's own still runs: the
        process has told the kernel to kill it when the thread that started it ends."""
        if self._closing:
            return
        self._closing = True
        process = self._process
        if process is None or not self._send(Stop()):
            return
        try:
            process.wait(timeout=2.0)
        except subprocess.TimeoutExpired:
            log.warning("the camera process of %s did not stop and is killed", self.camera)

    def close(self) -> None:
        """End the process, first by asking, then by force. Call it after the thread has ended."""
        self.finish()
        self._reap()

    def _change(self, watch: Watch) -> None:
        """Begin to work as the battery allows."""
        log.info("camera %s: %s, as mains and battery are", self.camera, watch)
        self._watch, self._retry_ns = watch, 0
        self._reap()
        self.impairments.paused()
        if watch is Watch.STOPPED:
            why = "it is stopped: the kiosk runs on its battery, which the buttons need"
            self._callbacks.on_state(False, why, transient=True)

    def _spec_now(self) -> VisionSpec:
        if self._battery is None or self._watch is not Watch.SLOW:
            return self._spec
        most = self._battery.rules.frames_per_second
        slow = {name: min(most, getattr(self._spec, name)) for name in ("frames_per_second", "inferences_per_second")}
        return self._spec.model_copy(update=slow)

    def _start(self) -> None:
        self._works_since_ns = None
        self._reason = ""
        try:
            self._process, ours = child.start(self._command)
        except OSError as error:
            self._retry_later(f"the camera process can't be started: {error}")
            return
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * LONGEST_LINE)  # the spec is sent in one piece
        self._socket, self._lines = ours, child.Lines(LONGEST_LINE)
        self._heard_ns = self._clock.boottime_ns()
        self._patience_ns = _START_PATIENCE_NS
        self._send(Start(spec=self._spec_now()))

    def _read(self) -> bool:
        assert self._socket is not None
        for line in self._lines.read(self._socket):
            try:
                self._hear(decode_for_core(line))
            except LinkError as error:
                log.error("%s: %s", self.camera, error)  # noqa: TRY400 - one line is enough
        return not self._lines.is_over

    def _hear(self, message: ToCore) -> None:
        self._heard_ns = self._clock.boottime_ns()
        match message:
            case Hello():
                self._greeted(message)
            case Failed():
                self._reason = message.detail
                if message.model_refused:
                    self._callbacks.on_model(message.detail)
            case Heartbeat():
                self._watch_progress(message)
                self.heartbeat = message
                self.impairments.beat(message)
                self._callbacks.on_state(message.state == "ok", message.detail)
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
        self._patience_ns = _HEARTBEAT_PATIENCE_NS
        self._spec = self._spec.model_copy(update={"new_scene": False})
        self._works_since_ns = self._heard_ns
        log.info("camera %s: %s on %s", self.camera, message.model, message.runtime)
        self._callbacks.on_model(message.model_refused, message.model_retired)
        if message.delegate_trouble is not None:
            self._callbacks.on_delegate(not message.delegate_trouble, message.delegate_trouble)

    def _watch_progress(self, message: Heartbeat) -> None:
        if message.state != "ok" or self.heartbeat is None or message.frames != self.heartbeat.frames:
            self._advanced_ns = self._heard_ns

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

    def _send(self, message: ToVision) -> bool:
        with self._send_lock:
            if self._socket is None:
                return False
            line = encode(message)
            try:
                return self._socket.send(line) == len(line)
            except OSError:
                return False

    def _how_it_ended(self) -> str:
        assert self._process is not None
        if self._reason:
            return f"the camera process ended: {self._reason}"
        # A driver that loses its camera may abort: the last words of the process tell more than the signal.
        last = self.heartbeat.detail if self.heartbeat is not None else ""
        return child.how_it_ended(self._process, "the camera process", last)

    def _fail(self, detail: str) -> None:
        if self._closing:
            return  # it was asked to end; `close` clears up
        self._reap()
        self._retry_later(detail)

    def _retry_later(self, detail: str) -> None:
        now_ns = self._clock.boottime_ns()
        works_since_ns, self._works_since_ns = self._works_since_ns, None
        delay_s = self._backoff.failed(0.0 if works_since_ns is None else (now_ns - works_since_ns) / 1e9)
        self._retry_ns = now_ns + int(delay_s * 1e9)
        self._callbacks.on_state(False, f"{detail}; next try in {delay_s:.0f} s")

    def _reap(self) -> None:
        with self._send_lock:
            if self._socket is not None:
                self._socket.close()
            self._socket = None
        self.heartbeat = None
        self.in_view = _NOBODY
        if self._process is not None:
            child.kill(self._process, f"the camera process of {self.camera}")
            self._process = None
        if not self._closing:  # a restart of the agent is told by its birth
            self.impairments.ended()
            for event, data in self._events.end_all():
                self._callbacks.on_event(event, data)
